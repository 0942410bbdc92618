"""Networks and their rings, against ones counted by hand."""

import numpy as np
import pytest

from nanosieve.simulation.graphene.sheet import BOND_NM, LARGEST_RING, Sheet, find_rings


def polygons(sizes: list[int]) -> Sheet:
    """Separate regular rings beside each other."""
    positions, bonds, start = [], [], 0
    for index, size in enumerate(sizes):
        turn = 2 * np.pi * np.arange(size) / size
        radius = BOND_NM / (2 * np.sin(np.pi / size))
        positions.append(np.stack([radius * np.sin(turn), radius * np.cos(turn) + index], axis=1))
        ring = start + np.arange(size)
        bonds.append(np.sort(np.stack([ring, np.roll(ring, -1)], axis=1), axis=1))
        start += size
    count = sum(sizes)
    return Sheet(
        np.concatenate(positions), np.concatenate(bonds), np.zeros(count, int), np.full(count, 6)
    )


def test_rings_of_every_size_are_found_with_their_atoms() -> None:
    sizes = [5, 6, 7, 8, LARGEST_RING]
    rings = find_rings(polygons(sizes))
    order = np.argsort(rings.size)
    assert rings.size[order].tolist() == sizes
    assert np.allclose(rings.centre[order], [[0, i] for i in range(len(sizes))])
    assert sorted(rings.atoms[order][0][:5].tolist()) == [0, 1, 2, 3, 4]
    assert (rings.atoms[order][0][5:] == -1).all()


def test_a_larger_face_is_a_hole() -> None:
    assert len(find_rings(polygons([LARGEST_RING + 1])).size) == 0


def test_a_shared_bond_gives_two_rings_not_their_outline() -> None:
    # Naphthalene: atoms 0 to 9 around, bond 0-5 across.
    right = np.radians(np.arange(0, 360, 60) + 30)
    corners = BOND_NM * np.stack([np.sin(right), np.cos(right)], axis=1)
    left = corners - [0, 3**0.5 * BOND_NM]
    both = np.concatenate([corners, left])
    kept: list[np.ndarray] = []
    for corner in both:
        if all(np.hypot(*(corner - other)) > 0.01 for other in kept):
            kept.append(corner)
    positions = np.array(kept)
    distance = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    pairs = np.argwhere(np.triu(np.abs(distance - BOND_NM) < 0.01))
    sheet = Sheet(positions, pairs, np.zeros(10, int), np.full(10, 6))
    assert len(positions) == 10
    assert len(pairs) == 11
    rings = find_rings(sheet)
    assert rings.size.tolist() == [6, 6]
    assert sheet.coordination().tolist().count(3) == 2
    assert rings.touched_by(np.array([True, True]), count=10).all()
    assert rings.touched_by(np.array([True, False]), count=10).sum() == 6


def test_no_bonds_no_rings() -> None:
    lone = Sheet(np.zeros((1, 2)), np.zeros((0, 2), int), np.zeros(1, int), np.full(1, 6))
    assert len(find_rings(lone).size) == 0


def test_leaving_atoms_out_leaves_their_bonds_out_and_renumbers() -> None:
    sheet = polygons([5, 6])
    kept = sheet.kept(np.arange(11) >= 4)
    assert len(kept.positions) == 7
    assert find_rings(kept).size.tolist() == [6]
    assert kept.bonds.min() == 1
    assert np.allclose(kept.lengths(), BOND_NM)


@pytest.mark.parametrize("chain", [1, 2, 5])
def test_loose_ends_are_taken_off_atom_by_atom(chain: int) -> None:
    ring = polygons([6])
    tail = np.array([[0.0, BOND_NM * (2 + i)] for i in range(chain)])
    places = np.concatenate([[0], 6 + np.arange(chain)])
    bonds = np.concatenate([ring.bonds, np.stack([places[:-1], places[1:]], axis=1)])
    count = 6 + chain
    sheet = Sheet(
        np.concatenate([ring.positions, tail]), bonds, np.zeros(count, int), np.full(count, 6)
    )
    assert len(sheet.without_loose_ends().positions) == 6
