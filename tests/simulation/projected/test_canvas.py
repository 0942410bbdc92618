"""Places for bodies on a canvas."""

import numpy as np

from nanosieve.simulation.projected.bodies import Stamp
from nanosieve.simulation.projected.canvas import Canvas, Probe
from nanosieve.simulation.projected.solids import sphere


def test_a_body_that_holds_no_pixel_centre_finds_no_place():
    probe = Probe.of(Stamp(sphere(0.3), (0.5, 0.5)))
    allowed = np.ones((20, 20), bool)
    allowed[:5] = False
    canvas = Canvas((20, 20), allowed, margin=4, overhang=0.3)
    assert canvas.first(probe, np.array([[10, 10]]), canvas.filled) is None
