"""Cut particles: size, composition, fringes, twins, faults, multiply twinned ones."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.crystals import cut
from nanosieve.simulation.atoms.defects import planes, regions
from nanosieve.simulation.atoms.lattices import LATTICES, get_lattice
from nanosieve.simulation.atoms.multiply_twinned import decahedron, icosahedron
from nanosieve.simulation.atoms.orientation import any_orientation, near_zone_axis, nearest_zone
from nanosieve.simulation.atoms.reflections import reflections, spacings
from nanosieve.simulation.atoms.shapes import ellipsoid, faceted, scaled, sphere, wulff


def _rng(seed=0):
    return np.random.default_rng(seed)


def _shapes(lattice, rng):
    return {
        "sphere": sphere(),
        "ellipsoid": ellipsoid(aspect=1.6, rng=rng),
        "faceted": faceted(aspect=1.4, rng=rng),
        "wulff": wulff(lattice, jitter=0.1, rng=rng),
    }


@pytest.mark.parametrize("name", LATTICES)
def test_any_shape_holds_the_atoms_of_its_volume_in_the_right_ratio(name):
    lattice = LATTICES[name]
    for shape, gauge in _shapes(lattice, _rng(1)).items():
        made = cut(lattice, gauge, 5.0, rng=_rng(2))
        expected = lattice.atoms_per_nm3 * np.pi / 6 * 125
        assert len(made.positions) == pytest.approx(expected, rel=0.1), shape
        for number in set(lattice.numbers.tolist()):
            share = np.mean(made.numbers == number)
            assert share == pytest.approx(np.mean(lattice.numbers == number), abs=0.05), shape


@pytest.mark.parametrize("name", LATTICES)
def test_the_transform_of_a_projection_peaks_at_the_known_spacings(name):
    lattice = LATTICES[name]
    made = cut(lattice, sphere(), 6.0, rng=_rng(3))
    turn = near_zone_axis(lattice, made.cells, tilt_deg=0, rng=_rng(4))
    xy = (made.positions @ turn.T)[:, :2]
    pixel, size = 0.02, 2048
    image, _, _ = np.histogram2d(
        xy[:, 1], xy[:, 0], bins=size, range=[[-size * pixel / 2, size * pixel / 2]] * 2,
        weights=made.numbers,
    )  # fmt: skip
    power = np.abs(np.fft.rfft2(image))
    frequency = np.hypot(np.fft.fftfreq(size, pixel)[:, None], np.fft.rfftfreq(size, pixel))
    power[(frequency < 2) | (frequency > 9)] = 0
    strongest = 1 / frequency.ravel()[power.argmax()]
    assert np.abs(spacings(name) / strongest - 1).min() < 0.01
    # Every fringe of planes that hold the beam is there, in its direction, as strong as it should.
    indices, strengths = reflections(name)
    (cell,) = made.cells
    ways = indices @ np.linalg.inv(cell @ turn.T).T
    upright = np.abs(ways[:, 2]) < 0.01 * np.linalg.norm(ways, axis=1)
    assert upright.sum() >= 2
    for way, strength in zip(ways[upright], strengths[upright], strict=True):
        found = np.abs(made.numbers @ np.exp(2j * np.pi * xy @ way[:2])) / made.numbers.sum()
        assert found == pytest.approx(strength, abs=0.12)


@pytest.mark.parametrize("name", ["Au", "CdSe-zincblende"])
def test_a_twin_is_a_mirror_image(name):
    lattice = get_lattice(name)
    made = cut(lattice, sphere(), 5.0, rng=_rng(5), defect="twin", count=1)
    metal = made.positions[made.numbers == lattice.numbers[0]]
    normal = planes(lattice).normal
    heights = np.unique((metal @ normal).round(6))
    heights = heights[np.abs(heights) < 1.6]
    # One plane of metal atoms is the mirror: reflected in it, atoms fall on atoms.
    matches = []
    for height in heights:
        mirrored = metal - 2 * np.outer(metal @ normal - height, normal)
        core = np.linalg.norm(mirrored, axis=1) < 2.0
        matches.append(np.mean(cKDTree(metal).query(mirrored[core])[0] < 1e-6))
    assert max(matches) == 1
    assert sorted(matches)[-2] < 0.9
    assert made.defects == "1 twin"
    assert len(made.cells) == 2


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("Au", "twin"),
        ("Au", "stacking_fault"),
        ("CdSe-zincblende", "twin"),
        ("CdSe-zincblende", "stacking_fault"),
        ("CdSe-wurtzite", "stacking_fault"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_defects_keep_bonds_and_density(name, defect, count):
    lattice = get_lattice(name)
    for seed in range(3):
        made = cut(lattice, sphere(), 4.0, rng=_rng(seed), defect=defect, count=count)
        ideal = cut(lattice, sphere(), 4.0, rng=_rng(seed))
        assert len(made.positions) == pytest.approx(len(ideal.positions), rel=0.03)
        coordination = 12 if lattice.structure == "fcc" else 4
        inner = np.linalg.norm(made.positions, axis=1) < 1.4
        distances, _ = cKDTree(made.positions).query(made.positions[inner], k=coordination + 1)
        np.testing.assert_allclose(distances[:, 1:], lattice.nearest_nm, rtol=0.01)
        # The stacking did change: second neighbours differ.
        assert made.positions.shape != ideal.positions.shape or not np.allclose(
            made.positions, ideal.positions
        )


def test_a_stacking_fault_in_gold_is_two_planes_of_hexagonal_stacking():
    lattice = get_lattice("Au")
    stack = planes(lattice)
    grains = regions(lattice, "stacking_fault", [0])
    sites = []
    for number in range(-2, 4):
        grain = grains[int(number > 0)]
        atom = grain.rotation @ (number * stack.layer_nm) + grain.shift_nm
        in_plane = atom - stack.normal * (atom @ stack.normal)
        # Which of the three sites: the fault vector steps from one to the next.
        a = lattice.lengths_nm[0]
        edges = a / 2 * np.array([[1, -1, 0], [0, 1, -1]])
        coordinates = np.linalg.lstsq(edges.T, in_plane, rcond=None)[0]
        sites.append(int(np.rint(3 * (coordinates[0] % 1))) % 3)
    steps = np.diff(sites) % 3
    # abcabc has one step all along; the fault alone goes the other way.
    assert len(set(steps[[0, 1, 3, 4]].tolist())) == 1
    assert steps[2] == (-steps[0]) % 3


def test_icosahedra_have_magic_numbers_and_their_symmetry():
    cluster = pytest.importorskip("ase.cluster")
    lattice = get_lattice("Au")
    made = icosahedron(lattice, 2.7)
    reference = cluster.Icosahedron("Au", 6, latticeconstant=4.0782)
    assert len(made.positions) == len(reference) == 561
    ours = np.sort(np.linalg.norm(made.positions, axis=1))
    theirs = np.sort(np.linalg.norm(reference.positions - reference.positions.mean(0), axis=1))
    np.testing.assert_allclose(ours[1:] / ours[-1], theirs[1:] / theirs[-1], atol=1e-6)
    assert len(made.cells) == 20
    for cell in made.cells:
        assert abs(np.linalg.det(cell)) == pytest.approx(0.40782**3)


def test_decahedra_are_fivefold_about_z_and_hold_the_volume():
    lattice = get_lattice("Pd")
    for seed in range(5):
        made = decahedron(lattice, 5.0, rng=_rng(seed))
        volume = np.pi / 6 * 125 * lattice.atoms_per_nm3
        assert len(made.positions) == pytest.approx(volume, rel=0.15)
        angle = np.deg2rad(72)
        turned = made.positions @ np.array(
            [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )
        distance, _ = cKDTree(made.positions).query(turned)
        assert distance.max() < 1e-9
        distances, _ = cKDTree(made.positions).query(made.positions, k=2)
        np.testing.assert_allclose(distances[:, 1], lattice.nearest_nm, rtol=0.03)
    # Each of its grains lies along [110], and is nearly the cubic crystal.
    assert nearest_zone(lattice, made.cells) == ("110", pytest.approx(0, abs=1e-6))
    for cell in made.cells:
        np.testing.assert_allclose(np.linalg.norm(cell, axis=1), 0.38907, rtol=0.03)


def test_orientations_near_a_zone_axis_are_tilted_as_asked():
    lattice = get_lattice("TiO2")
    rng = _rng(6)
    names = set()
    for tilt in (0, 1, 3):
        for _ in range(20):
            turn = near_zone_axis(lattice, (lattice.cell,), tilt_deg=tilt, rng=rng)
            np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
            assert np.linalg.det(turn) == pytest.approx(1)
            name, found = nearest_zone(lattice, (lattice.cell @ turn.T,))
            assert found == pytest.approx(tilt, abs=1e-4)
            names.add(name)
    assert names == {"001", "100", "110", "101", "111"}


def test_any_orientation_is_even_over_the_sphere():
    rng = _rng(7)
    z = np.array([any_orientation(rng)[2] for _ in range(4000)])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.04)
    np.testing.assert_allclose((z**2).mean(axis=0), 1 / 3, atol=0.02)


def test_scaled_bodies_have_the_sphere_s_volume():
    rng = _rng(8)
    for gauge in _shapes(get_lattice("CdSe-wurtzite"), rng).values():
        body, reach = scaled(gauge, 4.0)
        points = rng.uniform(-reach, reach, (200_000, 3))
        inside = body(points) <= 1
        assert np.linalg.norm(points[inside], axis=1).max() <= reach
        assert inside.mean() * (2 * reach) ** 3 == pytest.approx(np.pi / 6 * 64, rel=0.02)


def test_defects_that_are_not_modelled_are_refused():
    with pytest.raises(UsageError, match="a twin of wurtzite is not modelled; ask for none"):
        regions(get_lattice("CdSe-wurtzite"), "twin", [0])
    with pytest.raises(UsageError, match="planar defects of rutile are not modelled"):
        planes(get_lattice("TiO2"))
