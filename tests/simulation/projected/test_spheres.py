"""Spheres and lying ellipsoids against geometry written out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.spheres import clusters, ellipsoids, scatter, spheres


@given(
    radius=st.floats(2.5, 30),
    dy=st.floats(-0.5, 0.5),
    dx=st.floats(-0.5, 0.5),
)
def test_a_spheres_thickness_sums_to_its_volume(radius, dy, dx):
    thickness = spheres((80, 80), [[40 + dy, 40 + dx]], [radius]).thickness()
    volume = 4 / 3 * np.pi * radius**3
    assert thickness.sum(dtype=float) == pytest.approx(volume, rel=5e-3)


def test_thickness_follows_the_chord_and_ends_at_the_rim():
    thickness = spheres((81, 81), [[40, 40]], [30]).thickness()
    assert thickness[40, 40] == pytest.approx(60, rel=1e-3)
    assert thickness[40, 58] == pytest.approx(2 * np.sqrt(30**2 - 18**2), rel=1e-3)
    assert thickness[40, 70] > 0  # the rim crosses this pixel
    assert thickness[40, 71] == 0


def test_labels_are_the_pixels_whose_centre_is_inside():
    labels = spheres((7, 7), [[3, 3]], [2]).labels()
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 1, 0, 0],
            [0, 0, 1, 1, 1, 0, 0],
            [0, 0, 1, 1, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ]
    )
    # A centre exactly on the outline lies outside.
    np.testing.assert_array_equal(labels, expected)


def test_overlapping_spheres_add_thickness_and_share_pixels_at_the_middle():
    pair = spheres((40, 60), [[20, 20], [20, 36]], [10, 10])
    alone = spheres((40, 60), [[20, 20]], [10]).thickness()
    np.testing.assert_allclose(
        pair.thickness(), alone + np.roll(alone, 16, axis=1), rtol=1e-5, atol=1e-5
    )
    labels = pair.labels()
    assert labels[20, 27] == 1
    assert labels[20, 29] == 2


def test_a_rod_lies_along_its_angle_counter_clockwise_from_x():
    rod = ellipsoids((61, 61), np.array([[30.0, 30]]), np.array([[20.0, 5]]), np.array([45.0]))
    labels = rod.labels()
    assert labels[20, 40] == 1  # up and to the right
    assert labels[40, 40] == 0
    assert labels.sum() == pytest.approx(np.pi * 100, rel=0.02)
    assert rod.diameters_px[0] == pytest.approx(20)
    assert rod.thickness().sum(dtype=float) == pytest.approx(4 / 3 * np.pi * 20 * 5 * 5, rel=2e-3)


def test_a_body_at_the_border_is_cut_and_one_outside_leaves_nothing():
    bodies = spheres((30, 30), [[0, 15], [-50, 15]], [10, 10])
    labels = bodies.labels()
    assert (labels == 1).sum() == pytest.approx(np.pi * 100 / 2 + 10, rel=0.05)
    assert not (labels == 2).any()
    assert bodies.thickness()[0, 15] == pytest.approx(20, rel=0.01)


def test_scattered_spheres_keep_their_gap_and_stay_inside():
    bodies = scatter((300, 300), [12] * 25, rng=np.random.default_rng(3), gap_px=5)
    distance = np.hypot(*(bodies.centres[:, None] - bodies.centres[None]).transpose(2, 0, 1))
    assert distance[~np.eye(25, dtype=bool)].min() >= 24 + 5
    assert bodies.centres.min() >= 17
    assert bodies.centres.max() <= 299 - 17


@pytest.mark.parametrize("closeness", [0.85, 1.0])
def test_cluster_members_touch_as_asked_and_groups_stay_apart(closeness):
    rng = np.random.default_rng(5)
    bodies = clusters((400, 400), [[12, 15], [10, 10, 14], [20]], rng=rng, closeness=closeness)
    radii = bodies.diameters_px / 2
    distance = np.hypot(*(bodies.centres[:, None] - bodies.centres[None]).transpose(2, 0, 1))
    relative = distance / (radii[:, None] + radii[None])
    np.fill_diagonal(relative, np.inf)
    assert relative.min() == pytest.approx(closeness, abs=1e-6)
    touching = relative <= closeness + 1e-6
    assert sorted(touching.sum(axis=1).tolist()) == [0, 1, 1, 1, 1, 2]


def test_no_room_is_an_error():
    with pytest.raises(UsageError, match="no room for 50 spheres in 60 x 60 px"):
        scatter((60, 60), [10] * 50, rng=np.random.default_rng(0))
    with pytest.raises(UsageError, match="no room for 1 spheres"):
        scatter((10, 10), [10], rng=np.random.default_rng(0))


def test_ill_fitting_arrays_are_an_error():
    with pytest.raises(UsageError, match=r"expected centres \(n, 2\)"):
        ellipsoids((9, 9), np.zeros((2, 2)), np.ones((1, 2)), np.zeros(2))
    with pytest.raises(UsageError, match="semi-axes must be positive, got 0"):
        spheres((9, 9), [[4, 4]], [0])
