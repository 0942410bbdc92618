"""Counts against Beer-Lambert's law, additive scattering and Poisson statistics."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.imaging import Imaging, expose
from nanosieve.simulation.projected.drawing import draw, draw_spheres
from nanosieve.simulation.projected.spheres import spheres

QUIET = {"noise": False, "blur_px": 0.0, "counts": 10_000.0}


def _counts(imaging, depth, support=1.0):
    flat = np.full((3, 3), support, np.float32)
    thickness = np.full((3, 3), depth, np.float32)
    return int(expose(thickness, flat, imaging, thickest=1, rng=np.random.default_rng(0))[1, 1])


def test_dark_particles_absorb_exponentially():
    imaging = Imaging("dark", contrast=0.6, **QUIET)
    assert _counts(imaging, 1) == 4000
    assert _counts(imaging, 0.5) == pytest.approx(10_000 * np.sqrt(0.4), abs=1)
    assert _counts(imaging, 1, support=0.5) == 2000


def test_linear_absorption_never_goes_below_zero():
    imaging = Imaging("dark", contrast=0.6, model="linear", **QUIET)
    assert _counts(imaging, 0.5) == 7000
    assert _counts(imaging, 2) == 0


def test_bright_particles_add_to_their_support():
    imaging = Imaging("bright", contrast=3, **QUIET)
    assert _counts(imaging, 0.5, support=0.8) == 23_000


def test_counts_beyond_the_detector_are_clipped():
    assert _counts(Imaging("bright", contrast=9, **QUIET), 1) == 65535


def test_noise_has_poisson_and_readout_variance():
    imaging = Imaging("dark", counts=400, readout=15, blur_px=0.7)
    flat = np.ones((400, 400), np.float32)
    image = expose(0 * flat, flat, imaging, thickest=1, rng=np.random.default_rng(1))
    assert image.mean() == pytest.approx(400, rel=2e-3)
    assert image.var() == pytest.approx(400 + 15**2, rel=0.02)


def test_blur_keeps_the_signal_and_spreads_it():
    sharp = draw_spheres((64, 64), [[32, 32]], [9], Imaging("bright", contrast=2, **QUIET))
    soft = draw_spheres(
        (64, 64), [[32, 32]], [9], Imaging("bright", contrast=2, **{**QUIET, "blur_px": 2})
    )
    assert soft.image.sum(dtype=float) == pytest.approx(sharp.image.sum(dtype=float), rel=1e-4)
    assert soft.image.max() < sharp.image.max()


def test_half_of_the_depth_lies_where_the_chord_says():
    """A linear image of a sphere has half its height at sqrt(3)/2 of the radius."""
    radius = 40.0
    drawing = draw_spheres((121, 121), [[60, 60]], [radius], Imaging("bright", contrast=4, **QUIET))
    row = drawing.image[60].astype(float)
    inside = np.nonzero(row > (row.min() + row.max()) / 2)[0]
    assert len(inside) == pytest.approx(np.sqrt(3) * radius, abs=1)
    assert (drawing.labels[60] > 0).sum() == 2 * radius - 1


def test_one_seed_gives_one_image_and_another_gives_another():
    bodies = spheres((50, 50), [[25, 25]], [9])
    first, again, other = (
        draw(bodies, rng=np.random.default_rng(seed)).image for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"polarity": "dark", "contrast": 1.2}, "contrast of dark particles lies between 0 and 1"),
        ({"polarity": "bright", "contrast": 0}, "contrast and counts must be positive"),
        ({"counts": 0}, "contrast and counts must be positive"),
        ({"readout": -1}, "readout and blur_px not negative"),
        ({"blur_px": -1}, "readout and blur_px not negative"),
    ],
)
def test_impossible_settings_are_an_error(settings, message):
    with pytest.raises(UsageError, match=message):
        Imaging(**settings)
