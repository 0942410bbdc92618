"""Unions of spheres against printed formulas and a fine grid."""

import numpy as np
import pytest

from nanosieve.simulation.coarsening.clusters import Cluster, fitted, measure, relaxed


def _pair(first, second, distance):
    offsets = np.array([[0.0, 0.0], [0.0, distance]])
    return Cluster(offsets, np.array([first, second]))


def _lens(r, q, d):
    """Volume shared by two spheres (Weisstein, Sphere-Sphere Intersection)."""
    return (
        np.pi * (r + q - d) ** 2 * (d**2 + 2 * d * q - 3 * q**2 + 2 * d * r + 6 * q * r - 3 * r**2)
        / (12 * d)
    )  # fmt: skip


@pytest.mark.parametrize(("r", "q", "d"), [(1, 1, 1.2), (2, 1, 2.5), (2, 1, 1.2), (3, 2.8, 0.4)])
def test_volume_of_a_pair(r, q, d):
    expected = 4 / 3 * np.pi * (r**3 + q**3) - _lens(r, q, d)
    assert np.pi / 6 * measure(_pair(r, q, d)).cube == pytest.approx(expected, rel=2e-4)


def test_three_spheres_against_a_fine_grid():
    cluster = Cluster(np.array([[0.0, 0.0], [0.4, 1.9], [1.6, 0.9]]), np.array([1.3, 1.0, 0.8]))
    step = 0.004
    y, x = np.mgrid[-2:4:step, -2:4:step]
    half = np.zeros(y.shape)
    for (cy, cx), radius in zip(cluster.offsets, cluster.radii, strict=True):
        inside = np.clip(radius**2 - (y - cy) ** 2 - (x - cx) ** 2, 0, None)
        half = np.maximum(half, np.sqrt(inside))
    measured = measure(cluster)
    assert measured.area == pytest.approx((half > 0).sum() * step**2, rel=1e-3)
    assert np.pi / 6 * measured.cube == pytest.approx(2 * half.sum() * step**2, rel=1e-3)
    centre = [y[half > 0].mean(), x[half > 0].mean()]
    np.testing.assert_allclose(measured.centroid, centre, atol=2e-3)


def test_fitted_spheres_have_the_volume():
    cluster = fitted(_pair(1.0, 0.7, 1.1), 30.0)
    assert measure(cluster).cube == pytest.approx(30, rel=1e-5)
    assert cluster.radii[1] / cluster.radii[0] == pytest.approx(0.7)


@pytest.mark.parametrize("second", [2.0, 1.2])
def test_a_pair_relaxes_to_one_sphere_at_constant_volume(second):
    cube = (2 * 2.0) ** 3 + (2 * second) ** 3
    cluster, lengths = _pair(2.0, second, 2.0 + second), []
    while cluster is not None:
        lengths.append(cluster.reach)
        assert measure(cluster).cube == pytest.approx(cube, rel=3e-4)
        last, cluster = cluster, relaxed(cluster, 0.9, cube)
    assert 3 < len(lengths) < 60
    # Nothing jumps where the pair becomes one.
    assert measure(last).area == pytest.approx(np.pi / 4 * np.cbrt(cube) ** 2, rel=0.02)
    assert last.radii.max() == pytest.approx(np.cbrt(cube) / 2, rel=0.02)


def test_a_swallowed_sphere_is_dropped_and_the_others_stay():
    cluster = Cluster(np.array([[0.0, 0.0], [0.0, 0.6], [0.0, 3.9]]), np.array([2.0, 1.0, 2.0]))
    left = relaxed(cluster, 0.99, 130.0)
    assert left is not None
    assert len(left.radii) == 2
    assert measure(left).cube == pytest.approx(130, rel=1e-5)
