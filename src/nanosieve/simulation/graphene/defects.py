"""Point defects and holes of a sheet."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nanosieve.simulation.graphene.sheet import LATTICE_NM, Sheet, find_rings

SILICON = 14

# Point defects keep this distance from each other and from odd rings, in lattice constants:
# closer ones would share atoms.
_APART = 3.0


def sound_atoms(sheet: Sheet) -> np.ndarray:
    """Return ``(n,)`` bool: atoms of which all three rings are hexagons."""
    rings = find_rings(sheet)
    count = len(sheet.positions)
    whole = np.bincount(rings.atoms[rings.size == 6][:, :6].ravel(), minlength=count)
    return (whole == 3) & (sheet.coordination() == 3)


def places_for(sheet: Sheet, count: int, rng: np.random.Generator) -> np.ndarray:
    """Choose atoms within the perfect lattice, apart from each other.

    Returns
    -------
    numpy.ndarray
        ``(k,)`` atoms, fewer than asked where the lattice has no room for more.
    """
    sound = sound_atoms(sheet)
    taken = sheet.positions[~sound]
    chosen: list[int] = []
    for atom in rng.permutation(np.flatnonzero(sound)):
        if len(chosen) == count:
            break
        place = sheet.positions[atom]
        if len(taken) == 0 or np.hypot(*(taken - place).T).min() > _APART * LATTICE_NM:
            chosen.append(int(atom))
            taken = np.concatenate([taken, place[None]])
    return np.array(chosen, int)


def vacancies(sheet: Sheet, atoms: np.ndarray, missing: int, rng: np.random.Generator) -> Sheet:
    """Remove one, two or three neighbouring atoms each and let their neighbours bond.

    Neighbours of one missing atom close up in pairs, as they do under the beam: one missing atom
    leaves rings of 5 and 9, two leave 5-8-5, three leave 5-10-5 with a dangling atom.

    Parameters
    ----------
    sheet
        The network.
    atoms
        ``(k,)``, far enough from each other.
    missing
        Atoms that go at each place, 1 to 3.
    rng
        Random numbers: which neighbours go too.
    """
    neighbours = neighbours_of(sheet)
    gone = np.zeros(len(sheet.positions), bool)
    new: list[tuple[int, int]] = []
    for atom in atoms:
        first, second, _ = rng.permutation(neighbours(int(atom)))
        lost = [int(atom), int(first), int(second)][:missing]
        gone[lost] = True
        for one in lost:
            left = [other for other in neighbours(one) if other not in lost]
            if len(left) > 1:
                new.append((min(left[:2]), max(left[:2])))
    bonds = np.concatenate([sheet.bonds, np.array(new, np.int64).reshape(-1, 2)])
    return replace(sheet, bonds=bonds).kept(~gone)


def rotated_bonds(sheet: Sheet, atoms: np.ndarray, rng: np.random.Generator) -> Sheet:
    """Turn one bond of each atom by 90 degrees: Stone and Wales' 55-77 defect.

    Parameters
    ----------
    sheet
        The network.
    atoms
        ``(k,)``, far enough from each other.
    rng
        Random numbers: which bond turns.
    """
    neighbours = neighbours_of(sheet)
    positions = sheet.positions.copy()
    bonds = {(int(a), int(b)) for a, b in sheet.bonds}
    for atom in map(int, atoms):
        partner = int(rng.choice(neighbours(atom)))
        middle = (positions[atom] + positions[partner]) / 2
        along = positions[partner] - positions[atom]
        across = np.array([-along[1], along[0]])
        # After the turn, the atom lies on one side of the old bond: it holds both neighbours
        # of that side.
        ends = [
            end for end in (*neighbours(atom), *neighbours(partner)) if end not in (atom, partner)
        ]
        for end in ends:
            holder, released = atom, partner
            if (positions[end] - middle) @ across < 0:
                holder, released = partner, atom
            bonds.discard((min(end, released), max(end, released)))
            bonds.add((min(end, holder), max(end, holder)))
        positions[atom], positions[partner] = middle + across / 2, middle - across / 2
    return replace(sheet, positions=positions, bonds=np.array(sorted(bonds), np.int64))


def replaced(sheet: Sheet, atoms: np.ndarray, number: int = SILICON) -> Sheet:
    """Put atoms of another element into the lattice."""
    numbers = sheet.numbers.copy()
    numbers[atoms] = number
    return replace(sheet, numbers=numbers)


def without_holes(sheet: Sheet, inside: Callable[[np.ndarray], np.ndarray]) -> Sheet:
    """Cut holes, leaving no atom with a single bond.

    Parameters
    ----------
    sheet
        The network.
    inside
        Tells of points ``(n, 2)`` in nm whether they lie in a hole.
    """
    return sheet.kept(~inside(sheet.positions)).without_loose_ends()


def neighbours_of(sheet: Sheet) -> Callable[[int], list[int]]:
    """Return a function that lists the atoms an atom is bonded to."""
    directed = np.concatenate([sheet.bonds, sheet.bonds[:, ::-1]])
    directed = directed[np.lexsort((directed[:, 1], directed[:, 0]))]
    start = np.searchsorted(directed[:, 0], np.arange(len(sheet.positions) + 1))
    ends = directed[:, 1].tolist()
    return lambda atom: ends[start[atom] : start[atom + 1]]
