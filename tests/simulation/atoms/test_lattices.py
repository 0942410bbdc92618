"""Crystal structures against ASE's and against published figures."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.lattices import DEBYE_WALLER_A2, LATTICES, get_lattice
from nanosieve.simulation.atoms.reflections import reflections, spacings

# Densities in g/cm3 of handbooks, and the coarsest strong lattice planes of powder files, nm.
LITERATURE = {
    "Au": (19.3, [0.2355, 0.2039, 0.1442]),
    "Pd": (12.0, [0.2246, 0.1945, 0.1376]),
    "Pt": (21.45, [0.2265, 0.1962, 0.1387]),
    "Ag": (10.5, [0.2359, 0.2044, 0.1445]),
    "Cu": (8.94, [0.2088, 0.1808, 0.1278]),
    "Fe": (7.87, [0.2027, 0.1433, 0.1170]),
    "CdSe-zincblende": (5.66, [0.351, 0.2149, 0.1833]),
    "CdSe-wurtzite": (5.66, [0.372, 0.351, 0.329, 0.2554, 0.215, 0.198]),
    "PbS": (7.6, [0.3429, 0.2969, 0.2099]),
    "CeO2": (7.2, [0.3123, 0.2706, 0.1913]),
    "TiO2": (4.25, [0.3247, 0.2487, 0.2297, 0.2188, 0.2054]),
    "SnO2": (6.99, [0.3347, 0.2643, 0.2369]),
}


def _ase(name):
    build = pytest.importorskip("ase.build")
    spacegroup = pytest.importorskip("ase.spacegroup")
    lattice = LATTICES[name]
    a, _, c = (10 * length for length in lattice.lengths_nm)
    structure = "bcc" if name == "Fe" else lattice.structure
    if structure == "rutile":
        metal = "Ti" if name == "TiO2" else "Sn"
        u = 0.3048 if name == "TiO2" else 0.3056
        return spacegroup.crystal(
            [metal, "O"], [(0, 0, 0), (u, u, 0)], spacegroup=136, cellpar=[a, a, c, 90, 90, 90]
        )
    if structure == "wurtzite":
        return build.bulk("CdSe", "wurtzite", a=a, c=c, u=0.376)
    return build.bulk(lattice.material, structure, a=a, cubic=True)


def _neighbours(positions, numbers, cell):
    """For each element the number of neighbours within 0.5 nm, and all their distances."""
    steps = np.arange(-3, 4)
    shifts = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 1, 3) @ cell
    distances = np.linalg.norm((shifts + positions)[:, :, None] - positions, axis=-1)
    found = {}
    for number in sorted(set(numbers.tolist())):
        near = distances[:, :, numbers == number]
        near = np.sort(near[(near > 0) & (near < 0.5)])
        found[number] = (len(near) / np.sum(numbers == number), near)
    return found


@pytest.mark.parametrize("name", LATTICES)
def test_atoms_have_the_neighbours_that_ase_gives_them(name):
    lattice, reference = LATTICES[name], _ase(name)
    ours = _neighbours(lattice.fractional @ lattice.cell, lattice.numbers, lattice.cell)
    theirs = _neighbours(reference.positions / 10, reference.numbers, reference.cell.array / 10)
    assert ours.keys() == theirs.keys()
    for number, (count, distances) in ours.items():
        assert count == pytest.approx(theirs[number][0])
        expected = np.unique(theirs[number][1].round(5))
        np.testing.assert_allclose(np.unique(distances.round(5)), expected)
    assert lattice.nearest_nm == pytest.approx(min(d.min() for _, d in ours.values()))


@pytest.mark.parametrize("name", LATTICES)
def test_density_and_spacings_are_those_of_the_literature(name):
    data = pytest.importorskip("ase.data")
    lattice = LATTICES[name]
    density, expected = LITERATURE[name]
    mass = data.atomic_masses[lattice.numbers].sum() * 1.66054e-24
    volume = abs(np.linalg.det(lattice.cell)) * 1e-21
    assert mass / volume == pytest.approx(density, rel=0.01)
    np.testing.assert_allclose(spacings(name)[: len(expected)], expected, rtol=3e-3)


def test_forbidden_reflections_are_left_out():
    indices, strength = reflections("Au")
    assert (np.ptp(indices % 2, axis=1) == 0).all()  # fcc: all even or all odd
    np.testing.assert_allclose(strength, 1)
    assert 0.6077 / 2 not in spacings("CdSe-zincblende").round(4)  # (200), nearly extinct


def test_every_element_has_a_debye_waller_factor():
    for lattice in LATTICES.values():
        assert set(lattice.numbers.tolist()) <= set(DEBYE_WALLER_A2)
        assert lattice.void_nm < 1.4 * lattice.nearest_nm


def test_an_unknown_material_names_the_known_ones():
    with pytest.raises(UsageError, match=r"unknown material Unobtainium; there are Au, Pd, Pt"):
        get_lattice("Unobtainium")
