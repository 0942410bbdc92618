"""Truth of a frame against whole-image masks made by other means."""

import numpy as np
import pytest

from nanosieve.simulation.detector.scan import shear
from nanosieve.simulation.projected.spheres import spheres
from nanosieve.simulation.projected.truth import Outlines, in_frame, overlapped

SHAPE = (120, 150)
STILL = (0.0, 0.0)
APART = spheres(SHAPE, [[30, 30], [80, 100], [118, 60]], [12, 20, 9])


def _whole(placed, shape):
    return Outlines(shape, [one.at for one in placed])


def test_outlines_are_whole_images_that_are_made_when_asked_for():
    whole = _whole(in_frame(APART.bodies, (0, 0), SHAPE, STILL), SHAPE)
    labels = APART.labels()
    assert len(whole) == 3
    for number, outline in enumerate(whole, start=1):
        np.testing.assert_array_equal(outline, labels == number)
    assert len(whole[1:]) == 2


def test_a_frame_within_the_field_moves_centres_and_drops_what_lies_outside():
    placed = in_frame(APART.bodies, (60, 70), (50, 60), STILL)
    assert [one.centre_px for one in placed] == [(20, 30)]
    [outline] = _whole(placed, (50, 60))
    np.testing.assert_array_equal(outline, APART.labels()[60:110, 70:130] == 2)
    assert placed[0].diameter_px == 40  # of the whole body


@pytest.mark.parametrize("corner", [(0, 0), (85, 3), (60, 110), (110, 140)])
def test_bodies_are_cut_by_every_side_of_a_frame(corner):
    """Some lie wholly beyond one side, some across it."""
    labels = np.pad(APART.labels(), ((0, 60), (0, 60)))[corner[0] :, corner[1] :][:40, :45]
    placed = in_frame(APART.bodies, corner, (40, 45), STILL)
    numbers = [APART.bodies.index(one.body) + 1 for one in placed]
    assert numbers == [number for number in (1, 2, 3) if (labels == number).any()]
    for number, outline in zip(numbers, _whole(placed, (40, 45)), strict=True):
        np.testing.assert_array_equal(outline, labels == number)


@pytest.mark.parametrize("drift", [(0.0, 0.05), (0.04, 0.0), (-0.03, 0.06)])
def test_outlines_are_sheared_as_label_images_are(drift):
    placed = in_frame(APART.bodies, (0, 0), SHAPE, drift)
    labels = shear(APART.labels(), drift)
    for number, outline in enumerate(_whole(placed, SHAPE), start=1):
        # Rows beyond the frame are mirrored in label images, and nothing is in outlines.
        inside = np.s_[6:-6, 6:-6]
        np.testing.assert_array_equal(outline[inside], (labels == number)[inside])
    y, x = placed[0].centre_px
    rows, columns = np.nonzero(labels == 1)
    assert (y, x) == (pytest.approx(rows.mean(), abs=0.3), pytest.approx(columns.mean(), abs=0.3))


def test_only_bodies_that_share_pixels_overlap():
    scene = spheres(SHAPE, [[40, 40], [40, 55], [90, 100]], [10, 10, 15])
    placed = in_frame(scene.bodies, (0, 0), SHAPE, STILL)
    assert overlapped(placed, SHAPE) == [True, True, False]
