"""Bodies on pixels against their volumes and areas."""

import numpy as np
import pytest

from nanosieve.simulation.coarsening.clusters import Cluster, fitted, measure
from nanosieve.simulation.coarsening.drawing import Merged, view
from nanosieve.simulation.coarsening.film import Snapshot

PAIR = fitted(Cluster(np.array([[0.0, -1.4], [0.9, 1.2]]), np.array([2.0, 1.5])), 90.0)


def _snapshot(places, shapes, ids=None):
    return Snapshot(
        frame=0,
        time_s=0.0,
        drift_nm=np.zeros(2),
        ids=np.arange(1, len(places) + 1) if ids is None else np.array(ids),
        places=np.array(places, float),
        cubes=np.array([measure(shape).cube for shape in shapes]),
        shapes=tuple(shapes),
        critical_nm=3.0,
    )


@pytest.mark.parametrize("height", [1.0, 0.5])
@pytest.mark.parametrize("shape", [Cluster.lone(64.0), PAIR])
def test_thickness_adds_up_to_the_volume_and_pixels_to_the_area(shape, height):
    pixel = 0.1
    seen = view(_snapshot([[6.04, 5.98]], [shape]), (120, 120), pixel_size_nm=pixel, height=height)
    volume = seen.scene.thickness().sum() * pixel**3
    measured = measure(shape)
    assert volume == pytest.approx(np.pi / 6 * height * measured.cube, rel=2e-3)
    mask = seen.instances() == 1
    assert mask.sum() * pixel**2 == pytest.approx(measured.area, rel=5e-3)
    [body] = seen.scene.bodies
    assert (body.diameter_px * pixel / 2) ** 2 * np.pi == pytest.approx(measured.area, rel=1e-9)
    np.testing.assert_allclose(np.argwhere(mask).mean(axis=0), body.centre_px, atol=0.15)
    np.testing.assert_allclose(
        np.array(body.centre_px) * pixel, np.array([6.04, 5.98]) + measured.centroid, atol=1e-9
    )


def test_a_sphere_is_as_thick_as_its_chord():
    seen = view(_snapshot([[6.0, 6.0]], [Cluster.lone(64.0)]), (60, 60), pixel_size_nm=0.2)
    thickness = seen.scene.thickness() * 0.2
    assert thickness[30, 30] == pytest.approx(4.0, abs=0.02)
    assert thickness[30, 36] == pytest.approx(2 * np.sqrt(4 - 1.44), abs=0.01)


def test_numbers_persist_and_who_is_out_of_view_is_left_out():
    places = [[5.0, 5.0], [-1.0, 8.0], [30.0, 5.0], [-5.0, -5.0]]
    shapes = [Cluster.lone(8.0), Cluster.lone(27.0), Cluster.lone(64.0), Cluster.lone(8.0)]
    seen = view(_snapshot(places, shapes, [3, 17, 40, 99]), (50, 50), pixel_size_nm=0.25)
    assert list(seen.ids) == [3, 17]
    assert set(np.unique(seen.instances())) == {0, 3, 17}
    # Whole body's, though the frame cuts it.
    assert seen.scene.bodies[1].diameter_px == pytest.approx(12.0)


def test_a_corner_moves_all():
    snapshot = _snapshot([[5.0, 5.0]], [PAIR])
    here = view(snapshot, (80, 80), pixel_size_nm=0.2)
    there = view(snapshot, (90, 90), pixel_size_nm=0.2, corner_px=np.array([4.0, 7.0]))
    np.testing.assert_array_equal(here.instances()[:70, :70], there.instances()[4:74, 7:77])
    np.testing.assert_allclose(
        here.scene.thickness()[:70, :70], there.scene.thickness()[4:74, 7:77], atol=1e-5
    )


def test_names_and_directions():
    assert Merged(Cluster.lone(8.0)).name == "sphere"
    assert Merged(Cluster.lone(8.0), 0.7).name == "cap"
    assert np.isnan(Merged(Cluster.lone(8.0)).angle_deg)
    rising = Merged(Cluster(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([2.0, 2.0])))
    assert rising.name == "merging"
    # Up and to the right in the image.
    assert rising.angle_deg == pytest.approx(45)
    assert rising.extent == (3.0, 3.0)
    assert rising.scaled(2.0).area == pytest.approx(4 * rising.area)
    assert rising.volume == pytest.approx(np.pi / 6 * measure(rising.spheres).cube)
