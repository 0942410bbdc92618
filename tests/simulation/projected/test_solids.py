"""Volumes, areas and outlines of bodies against geometry written out by hand."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.bodies import lay
from nanosieve.simulation.projected.particle_settings import SHAPES, ParticleSettings
from nanosieve.simulation.projected.polyhedra import POLYHEDRA, form, prism, turned
from nanosieve.simulation.projected.population import Population, random_rotation, rotation_about
from nanosieve.simulation.projected.solids import Ellipsoid, Rod, diameter, sphere, turned_ellipsoid

FIELD = (420, 420)
# Shortest edge 1: volume, from textbooks; of the decahedron by hand: its axis is as long as the
# edges of its ring.
VOLUMES = {
    "tetrahedron": np.sqrt(2) / 12,
    "cube": 1,
    "octahedron": np.sqrt(2) / 3,
    "cuboctahedron": 5 * np.sqrt(2) / 3,
    "truncated_octahedron": 8 * np.sqrt(2),
    "truncated_cube": (21 + 14 * np.sqrt(2)) / 3,
    "decahedron": 5
    / 3
    * np.sin(0.4 * np.pi)
    * np.sin(0.2 * np.pi)
    / (1 + np.sin(0.2 * np.pi) ** 2) ** 1.5,
    "icosahedron": 5 * (3 + np.sqrt(5)) / 12,
}


def population(shape: str, median: float, **given: object) -> Population:
    settings = ParticleSettings(
        diameter_px=median, shapes={shape: 1}, mixed=0, spread=0.1, aspect=[3, 8], **given
    )
    return Population.drawn(settings, median, np.random.default_rng(3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("median", [7, 25, 80])
def test_thickness_sums_to_the_volume_and_the_outline_to_the_area(shape, median):
    rng = np.random.default_rng(median)
    made = population(shape, median, standing=0.5, tilt_deg=[0, 40])
    found, counted = [], []
    for _ in range(8 if median < 50 else 3):
        solid = made.solid(rng)
        body = lay(solid, tuple(rng.uniform(205, 215, 2)), FIELD)
        volume = body.thickness.sum(dtype=float)
        assert volume == pytest.approx(solid.volume, rel=0.03 if median < 10 else 0.01)
        found.append(volume / solid.volume)
        counted.append(np.count_nonzero(body.outline) / solid.area)
        assert body.diameter_px == pytest.approx(np.sqrt(4 / np.pi * solid.area))
        assert body.thickness.max() <= solid.depth * (1 + 1e-5)
    assert np.mean(found) == pytest.approx(1, abs=0.004)
    assert np.mean(counted) == pytest.approx(1, abs=0.7 / median)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_outline_lies_in_its_box_around_the_stated_centre(shape):
    made = population(shape, 40)
    rng = np.random.default_rng(5)
    for _ in range(4):
        body = lay(made.solid(rng), (200.3, 219.8), FIELD)
        outline = body.outline
        for edge in (outline[0], outline[-1], outline[:, 0], outline[:, -1]):
            assert not edge.any()
        rows, columns = np.nonzero(outline)
        middle = (rows.mean() + body.box[0].start, columns.mean() + body.box[1].start)
        assert middle == pytest.approx((200.3, 219.8), abs=0.35)


@pytest.mark.parametrize("name", POLYHEDRA)
def test_polyhedra_have_the_volumes_of_their_edges(name):
    body = form(name)
    between = np.linalg.norm(body.vertices[:, None] - body.vertices[None], axis=2)
    edge = between[between > 1e-9].min()
    assert body.volume / edge**3 == pytest.approx(VOLUMES[name], rel=1e-6)


def test_no_polyhedron_of_another_name():
    with pytest.raises(UsageError, match="no polyhedron 'ball'; there are tetrahedron, cube"):
        form("ball")


@pytest.mark.parametrize("seed", range(4))
def test_thickness_of_a_polyhedron_is_what_points_along_the_ray_say(seed):
    """Independent of half-spaces in z: points along the beam, inside or not."""
    rng = np.random.default_rng(seed)
    rotation = random_rotation(rng)
    body = form("cuboctahedron")
    solid = turned("cuboctahedron", body, rotation)
    y, x = rng.uniform(-0.7, 0.7, (2, 50))
    z = np.linspace(-2, 2, 4001)
    points = np.stack(np.broadcast_arrays(y[:, None], x[:, None], z), axis=-1) @ rotation
    inside = (points @ body.normals.T < body.distances).all(axis=-1)
    np.testing.assert_allclose(solid.thickness(y, x), inside.sum(axis=1) * 1e-3, atol=2e-3)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 20.0, 70.0])
def test_thickness_of_a_rod_is_what_points_along_the_ray_say(flat, tilt):
    rod = Rod(radius=2.0, half_length=5.0, angle_deg=0.0, tilt_deg=tilt, flat=flat)
    rng = np.random.default_rng(1)
    y, x = rng.uniform(-3, 3, 60), rng.uniform(-8, 8, 60)
    z = np.linspace(-9, 9, 9001)
    # The axis points along x and out of the plane.
    axis = np.array([np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))])
    along = x[:, None] * axis[0] + z * axis[1]
    reach = along if flat else np.clip(along, -5, 5)
    away = y[:, None] ** 2 + (x[:, None] - reach * axis[0]) ** 2 + (z - reach * axis[1]) ** 2
    inside = (away < 4) & ((np.abs(along) < 5) if flat else True)
    np.testing.assert_allclose(rod.thickness(y, x), inside.sum(axis=1) * 2e-3, atol=6e-3)
    assert ((rod.level(y, x) < 1) == inside.any(axis=1)).mean() > 0.98


def test_thickness_of_a_turned_ellipsoid_is_what_points_along_the_ray_say():
    rng = np.random.default_rng(2)
    rotation, axes = random_rotation(rng), np.array([1.0, 1.5, 2.5])
    solid = turned_ellipsoid(axes, rotation)
    y, x = rng.uniform(-2, 2, (2, 60))
    z = np.linspace(-3, 3, 6001)
    points = np.stack(np.broadcast_arrays(y[:, None], x[:, None], z), axis=-1) @ rotation
    inside = ((points / axes) ** 2).sum(axis=-1) < 1
    np.testing.assert_allclose(solid.thickness(y, x), inside.sum(axis=1) * 1e-3, atol=3e-3)
    assert solid.volume == pytest.approx(4 / 3 * np.pi * axes.prod())


def test_a_prism_is_its_base_times_its_thickness_and_a_wall_from_the_side():
    square = np.array([[-2, -3], [-2, 3], [2, 3], [2, -3]], float)
    flat = turned("plate", prism(square, 1.0), np.eye(3))
    assert (flat.area, flat.volume, flat.depth) == (24.0, 24.0, 1.0)
    assert flat.angle_deg == pytest.approx(0)
    standing = turned("plate", prism(square, 1.0), rotation_about(1, np.pi / 2))
    assert standing.area == pytest.approx(6)
    assert standing.depth == pytest.approx(4)


def test_a_triangles_middle_is_its_centroid():
    corners = np.array([[0, 0], [0, 9], [6, 0]], float)
    body = lay(turned("triangle", prism(corners - [1, 2], 1.0), np.eye(3)), (50, 50), (100, 100))
    # The legs lie a third of each other's length from the centroid, at 48 and 47.
    rows, columns = np.nonzero(body.outline)
    assert rows.min() + body.box[0].start == 49
    assert columns.min() + body.box[1].start == 48


def test_waves_leave_area_and_volume_but_move_the_outline():
    waves = ((0.1, 0.3, 2), (0.06, 1.0, 3), (0.04, 2.0, 5))
    grain = Ellipsoid((30.0, 24.0), 20.0, 20.0, 20.0, "rough", waves)
    plain = Ellipsoid((30.0, 24.0), 20.0, 20.0, 20.0)
    bodies = [lay(one, (50.0, 50.0), (101, 101)) for one in (grain, plain)]
    sums = [body.thickness.sum(dtype=float) for body in bodies]
    assert sums[0] == pytest.approx(sums[1], rel=2e-3)
    assert np.count_nonzero(bodies[0].outline) == pytest.approx(grain.area, rel=0.01)
    whole = np.zeros((2, 101, 101), bool)
    for one, body in zip(whole, bodies, strict=True):
        one[body.box] = body.outline
    assert np.count_nonzero(whole[0] ^ whole[1]) > 0.05 * plain.area


@pytest.mark.parametrize(
    "solid",
    [
        sphere(3.0),
        Ellipsoid((4.0, 3.0), 10.0, 2.0, 3.0, "rough", ((0.05, 0.0, 2),)),
        Rod(2.0, 6.0, 30.0, 20.0),
        Rod(2.0, 6.0, 30.0, 20.0, flat=True),
        turned("cube", form("cube"), random_rotation(np.random.default_rng(0))),
    ],
)
def test_scaling_scales_everything(solid):
    large = solid.scaled(2.0)
    assert large.name == solid.name
    assert large.area == pytest.approx(4 * solid.area)
    assert large.volume == pytest.approx(8 * solid.volume)
    assert large.depth == pytest.approx(2 * solid.depth)
    assert large.inradius == pytest.approx(2 * solid.inradius)
    assert large.extent == pytest.approx(tuple(2 * side for side in solid.extent))
    assert diameter(large) == pytest.approx(2 * diameter(solid))
    y, x = np.random.default_rng(1).uniform(-2, 2, (2, 30))
    np.testing.assert_allclose(large.thickness(2 * y, 2 * x), 2 * solid.thickness(y, x), atol=1e-9)
    np.testing.assert_allclose(large.level(2 * y, 2 * x), solid.level(y, x), atol=1e-9)


def test_impossible_bodies_are_an_error():
    with pytest.raises(UsageError, match="semi-axes must be positive, got 0"):
        sphere(0.0)
    with pytest.raises(UsageError, match="a tilt of 0 to 80 degrees, got 2 px and 88 degrees"):
        Rod(2.0, 5.0, 0.0, 88.0)
