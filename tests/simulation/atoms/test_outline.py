"""Geometric truth: outlines against circles and rectangles worked out by hand."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.outline import label, project
from nanosieve.simulation.atoms.specimen import CrystalTruth, Specimen

DISC = 0.14


def _truth(xy):
    return CrystalTruth(
        material="Au", lattice="Au", shape="sphere", defects="", place="top", diameter_nm=1.0,
        centre_nm=(0.0, 0.0, 0.0), zone_axis="", tilt_deg=0.0,
        atoms_xy_nm=np.asarray(xy, np.float32), disc_nm=DISC,
    )  # fmt: skip


def _specimen(*clouds, margin=1.0, size=(12.0, 12.0)):
    return Specimen(
        positions=np.zeros((0, 3)), numbers=np.zeros(0, np.int32), owner=np.zeros(0, np.int32),
        cell=(*size, 5.0), margin_nm=margin, particles=tuple(_truth(xy) for xy in clouds),
        support="none", support_nm=0.0,
    )  # fmt: skip


def _ball(centre, radius, rng, count=60_000):
    points = rng.uniform(-1, 1, (count * 2, 2))
    return centre + radius * points[np.hypot(*points.T) <= 1]


@pytest.mark.parametrize("pixel", [0.01, 0.0215, 0.04, 0.06])
def test_a_dense_disc_s_outline_is_its_circle_and_half_a_distance(pixel):
    rng = np.random.default_rng(0)
    specimen = _specimen(_ball([6, 6.5], 2.0, rng))
    shape = (int(10 / pixel), int(10 / pixel))
    (found,) = project(specimen, shape, pixel)
    radius = 2.0 + DISC
    assert found.area_nm2 == pytest.approx(np.pi * radius**2, rel=0.01)
    assert found.outline.sum() * pixel**2 == pytest.approx(np.pi * radius**2, rel=0.015)
    assert found.diameter_nm == pytest.approx(2 * radius, rel=0.01)
    # The first pixel's centre lies at the margin.
    assert found.x_nm == pytest.approx(5.0, abs=0.02)
    assert found.y_nm == pytest.approx(5.5, abs=0.02)
    rows, columns = np.nonzero(found.outline)
    assert columns.mean() * pixel == pytest.approx(5.0, abs=0.02)
    assert rows.mean() * pixel == pytest.approx(5.5, abs=0.02)
    assert found.depth().max() == pytest.approx(radius, abs=0.04)
    assert not found.touches_border


def test_columns_of_atoms_are_joined_and_corners_rounded_by_no_more_than_the_smoothing():
    # Columns 0.4 nm apart: their discs leave gaps, the outline has none.
    places = np.stack(np.meshgrid(np.arange(9) * 0.4, np.arange(6) * 0.4), -1).reshape(-1, 2)
    pixel = 0.02
    (one,) = project(_specimen(places + np.array([4, 3])), (500, 500), pixel)
    found = one.outline
    low_x, high_x = 3 - DISC, 3 + 3.2 + DISC
    low_y, high_y = 2 - DISC, 2 + 2.0 + DISC
    y, x = np.mgrid[:500, :500] * pixel
    box = (x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)
    inner = (x > low_x + 0.1) & (x < high_x - 0.1) & (y > low_y + 0.1) & (y < high_y - 0.1)
    corners = (np.minimum(x - low_x, high_x - x) < 0.3) & (np.minimum(y - low_y, high_y - y) < 0.3)
    assert found[inner & ~corners].all()
    assert not (found & ~box).any()
    # Straight sides are straight: the long side's edge varies by less than two pixels.
    middle = slice(int((low_x + 0.4) / pixel), int((high_x - 0.4) / pixel))
    first = found[:, middle].argmax(axis=0)
    assert np.ptp(first) <= 2


def test_a_cut_particle_keeps_its_whole_size():
    rng = np.random.default_rng(1)
    # Its centre lies on the frame's left side.
    whole = _ball([1.0, 6.0], 2.0, rng)
    (found,) = project(_specimen(whole), (500, 500), 0.02)
    assert found.area_nm2 == pytest.approx(np.pi * 2.14**2, rel=0.01)
    assert found.x_nm == pytest.approx(0, abs=0.02)
    assert found.touches_border
    assert found.outline.sum() * 0.02**2 == pytest.approx(np.pi * 2.14**2 / 2, rel=0.02)
    (beyond,) = project(_specimen(_ball([-4.0, 6.0], 2.0, rng)), (500, 500), 0.02)
    assert not beyond.outline.any()


def test_where_outlines_overlap_the_deeper_one_has_the_pixel():
    rng = np.random.default_rng(2)
    specimen = _specimen(_ball([5.0, 6.0], 1.5, rng), _ball([6.6, 6.0], 1.5, rng))
    found = project(specimen, (500, 500), 0.02)
    masks = [each.outline for each in found]
    assert (masks[0] & masks[1]).any()
    labels = label(found, (500, 500))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, masks[0] | masks[1])
    # Two equal discs part at the middle between their centres.
    assert set(np.unique(labels[:, :238])) == {0, 1}
    assert set(np.unique(labels[:, 243:])) == {0, 2}


def test_an_image_wider_than_the_cell_is_refused():
    with pytest.raises(UsageError, match=r"900 x 500 px of 0.02 nm are wider than the specimen"):
        project(_specimen(), (500, 900), 0.02)
