"""Point defects against the rings that are known of them."""

from collections import Counter

import numpy as np
import pytest

from nanosieve.simulation.graphene.defects import (
    SILICON,
    places_for,
    replaced,
    rotated_bonds,
    sound_atoms,
    vacancies,
    without_holes,
)
from nanosieve.simulation.graphene.network import near_places
from nanosieve.simulation.graphene.relax import relax
from nanosieve.simulation.graphene.sheet import Sheet, find_rings


@pytest.fixture
def middle(crystal: Sheet) -> np.ndarray:
    return np.array([np.argmin(np.hypot(*(crystal.positions - 3).T))])


def odd_rings(sheet: Sheet) -> list[int]:
    return sorted(size for size in find_rings(sheet).size.tolist() if size != 6)


@pytest.mark.parametrize(("missing", "rings"), [(1, [5, 9]), (2, [5, 5, 8]), (3, [5, 5, 10])])
def test_vacancies_leave_the_known_rings(
    crystal: Sheet, middle: np.ndarray, missing: int, rings: list[int]
) -> None:
    sheet = vacancies(crystal, middle, missing, np.random.default_rng(0))
    assert len(sheet.positions) == len(crystal.positions) - missing
    relaxed = relax(sheet, near_places(sheet, np.array([[3.0, 3.0]]), 2.0))
    assert odd_rings(relaxed) == rings
    near = near_places(relaxed, np.array([[3.0, 3.0]]), 1.0)
    dangling = relaxed.coordination()[near] == 2
    assert dangling.sum() == missing % 2
    lengths = relaxed.kept(near).lengths()
    assert lengths.min() > 0.12
    assert lengths.max() < 0.17


def test_a_turned_bond_gives_two_pentagons_and_two_heptagons(
    crystal: Sheet, middle: np.ndarray
) -> None:
    sheet = rotated_bonds(crystal, middle, np.random.default_rng(0))
    relaxed = relax(sheet, near_places(sheet, np.array([[3.0, 3.0]]), 2.0))
    assert odd_rings(relaxed) == [5, 5, 7, 7]
    assert len(relaxed.bonds) == len(crystal.bonds)
    assert np.array_equal(relaxed.coordination(), crystal.coordination())
    assert relaxed.lengths().min() > 0.125
    assert relaxed.lengths().max() < 0.16


def test_places_lie_in_the_perfect_lattice_apart_from_each_other(bicrystal: Sheet) -> None:
    places = places_for(bicrystal, 8, np.random.default_rng(0))
    assert len(places) == 8
    assert sound_atoms(bicrystal)[places].all()
    positions = bicrystal.positions[places]
    distance = np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1))
    assert distance[distance > 0].min() > 0.7
    odd = find_rings(bicrystal)
    centres = odd.centre[odd.size != 6]
    assert np.hypot(*(positions[:, None] - centres[None]).transpose(2, 0, 1)).min() > 0.5


def test_no_more_places_than_there_is_room_for(crystal: Sheet) -> None:
    places = places_for(crystal, 10_000, np.random.default_rng(0))
    assert 20 < len(places) < 300


def test_silicon_takes_the_place_of_carbon(crystal: Sheet, middle: np.ndarray) -> None:
    sheet = replaced(crystal, middle)
    assert Counter(sheet.numbers.tolist())[SILICON] == 1
    assert sheet.numbers[middle[0]] == SILICON
    assert (crystal.numbers == 6).all()


def test_a_hole_leaves_no_atom_inside_and_no_loose_end(crystal: Sheet) -> None:
    sheet = without_holes(crystal, lambda points: np.hypot(*(points - 3).T) < 1.2)
    distance = np.hypot(*(sheet.positions - 3).T)
    assert distance.min() >= 1.2
    assert sheet.coordination().min() >= 2
    rings = find_rings(sheet)
    assert set(rings.size.tolist()) == {6}
    # Nothing else is lost.
    assert (distance < 1.6).sum() > 100
