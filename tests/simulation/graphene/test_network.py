"""Single crystals against the honeycomb's formula, polycrystals against Euler's."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nanosieve.simulation.graphene.bending import draw_bending
from nanosieve.simulation.graphene.grains import draw_grains, turn_between
from nanosieve.simulation.graphene.network import near_places, polycrystal
from nanosieve.simulation.graphene.sheet import BOND_NM, LATTICE_NM, Sheet, find_rings
from nanosieve.simulation.ranges import as_range


def inside(sheet: Sheet, size_nm: float, rim_nm: float = 0.0) -> np.ndarray:
    low, high = rim_nm, size_nm - rim_nm
    return ((sheet.positions >= low) & (sheet.positions <= high)).all(axis=1)


def test_a_single_crystal_is_the_honeycomb(crystal: Sheet) -> None:
    # From any atom: neighbours along 10 degrees modulo 120, or opposite.
    atom = crystal.positions[np.argmin(np.hypot(*(crystal.positions - 3).T))]
    turn = np.radians(10 + np.array([30, 90]))
    basis = LATTICE_NM * np.stack([-np.sin(turn), np.cos(turn)], axis=1)
    steps = np.stack(np.meshgrid(np.arange(-9, 10), np.arange(-9, 10)), axis=-1).reshape(-1, 2)
    bond = BOND_NM * np.array([-np.sin(np.radians(10)), np.cos(np.radians(10))])
    tree = cKDTree(crystal.positions)
    whole = steps @ basis + atom
    matched = []
    for towards in (bond, -bond):
        expected = np.concatenate([whole, whole + towards])
        expected = expected[((expected > 0.1) & (expected < 5.9)).all(axis=1)]
        matched.append(float(tree.query(expected)[0].max()))
    assert min(matched) < 1e-6
    # Two atoms in each cell of the lattice.
    count = int(inside(crystal, 6).sum())
    assert count == pytest.approx(36 / (LATTICE_NM**2 * 3**0.5 / 2) * 2, rel=0.01)


def test_a_single_crystal_has_hexagons_alone(crystal: Sheet) -> None:
    assert set(find_rings(crystal).size.tolist()) == {6}
    assert (crystal.coordination()[inside(crystal, 6)] == 3).all()
    assert crystal.lengths() == pytest.approx(np.full(len(crystal.bonds), BOND_NM), abs=1e-9)


def test_atoms_at_a_boundary_have_three_bonds(bicrystal: Sheet) -> None:
    assert (bicrystal.coordination()[inside(bicrystal, 10)] == 3).all()


def test_odd_rings_lie_at_the_boundary_and_balance(bicrystal: Sheet) -> None:
    rings = find_rings(bicrystal)
    within = ((rings.centre > 0.3) & (rings.centre < 9.7)).all(axis=1)
    odd = within & (rings.size != 6)
    assert odd.sum() > 10
    assert set(rings.size[within].tolist()) <= {5, 6, 7, 8}
    assert np.abs(rings.centre[odd][:, 1] - 5).max() < 1.0
    assert np.abs(np.median(rings.centre[odd][:, 1]) - 5) < 0.2
    # Euler: in a network of three bonds an atom, rings have six atoms on average.
    assert rings.size[within].mean() == pytest.approx(6, abs=0.01)


def test_faces_edges_and_corners_obey_euler(bicrystal: Sheet) -> None:
    sheet = bicrystal.kept(inside(bicrystal, 10, 0.4)).without_loose_ends()
    faces = len(find_rings(sheet).size)
    # Without the face outside.
    assert len(sheet.positions) - len(sheet.bonds) + faces == 1


def test_bonds_at_a_boundary_are_possible(bicrystal: Sheet) -> None:
    lengths = bicrystal.kept(inside(bicrystal, 10)).lengths()
    assert lengths.min() > 0.125
    assert lengths.max() < 0.16
    assert np.abs(lengths.mean() - BOND_NM) < 2e-4
    assert np.std(lengths) > 1e-4


def test_many_boundaries_in_one_sheet() -> None:
    rng = np.random.default_rng(7)
    bend = draw_bending(0.3, wavelength_nm=5, rng=rng)
    grains = draw_grains(
        (9, 9), grains=4, islands=1, island_radius_nm=as_range(0.8), bend=bend,
        least_turn_deg=5, rng=rng,
    )  # fmt: skip
    sheet = polycrystal(grains, size_nm=(9, 9))
    again = polycrystal(grains, size_nm=(9, 9))
    assert np.array_equal(sheet.positions, again.positions)
    within = inside(sheet, 9)
    assert (sheet.coordination()[within] == 3).all()
    rings = find_rings(sheet)
    seen = ((rings.centre > 0) & (rings.centre < 9)).all(axis=1)
    assert rings.size[seen].min() >= 5
    assert rings.size[seen].max() <= 8
    # All of the odd ones near a place where the owner changes.
    for y, x in rings.centre[seen & (rings.size != 6)]:
        turn = np.radians(np.arange(0, 360, 15))
        circle = np.stack([y + 0.9 * np.sin(turn), x + 0.9 * np.cos(turn)], axis=1)
        assert len(np.unique(grains.owner(circle))) > 1


def test_grains_are_turned_apart() -> None:
    rng = np.random.default_rng(3)
    bend = draw_bending(0.0, wavelength_nm=5, rng=rng)
    grains = draw_grains(
        (9, 9), grains=3, islands=0, island_radius_nm=as_range(1), bend=bend,
        least_turn_deg=9, rng=rng,
    )  # fmt: skip
    angles = grains.angles_deg
    assert min(turn_between(angles[i], angles[j]) for i, j in [(0, 1), (0, 2), (1, 2)]) >= 9


def test_places_are_near_only_within_reach(crystal: Sheet) -> None:
    near = near_places(crystal, np.array([[3.0, 3.0]]), 0.5)
    assert np.array_equal(near, np.hypot(*(crystal.positions - 3).T) < 0.5)
    assert not near_places(crystal, np.zeros((0, 2)), 0.5).any()
