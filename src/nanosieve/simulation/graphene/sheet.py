"""The noun of this room: a sheet as a network of atoms and bonds, and its rings."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

BOND_NM = 0.142
"""Length of a bond in graphene; the lattice constant is sqrt(3) times as much."""

LATTICE_NM = 3**0.5 * BOND_NM

LARGEST_RING = 12
"""Faces of the network of more atoms than this are holes."""


@dataclass(frozen=True)
class Sheet:
    """Atoms and bonds of a flat sheet.

    Parameters
    ----------
    positions
        ``(n, 2)`` float64, ``(y, x)`` in nm.
    bonds
        ``(m, 2)`` int64, pairs of atoms, the lower number first.
    grain
        ``(n,)`` int64, the grain each atom belongs to, from 0.
    numbers
        ``(n,)`` int64, atomic numbers.
    """

    positions: np.ndarray
    bonds: np.ndarray
    grain: np.ndarray
    numbers: np.ndarray

    def coordination(self) -> np.ndarray:
        """Return ``(n,)``: how many bonds each atom has."""
        return np.bincount(self.bonds.ravel(), minlength=len(self.positions))

    def lengths(self) -> np.ndarray:
        """Return ``(m,)``: length of each bond in nm."""
        first, second = self.positions[self.bonds].swapaxes(0, 1)
        return np.hypot(*(second - first).T)

    def moved(self, positions: np.ndarray) -> Self:
        """Return the same network at other positions."""
        return replace(self, positions=positions)

    def kept(self, wanted: np.ndarray) -> Self:
        """Return the sheet of the wanted atoms (``(n,)`` bool) and the bonds among them."""
        number = np.cumsum(wanted) - 1
        bonds = number[self.bonds[wanted[self.bonds].all(axis=1)]]
        return replace(
            self,
            positions=self.positions[wanted],
            bonds=bonds,
            grain=self.grain[wanted],
            numbers=self.numbers[wanted],
        )

    def without_loose_ends(self) -> Self:
        """Return the sheet without atoms of a single bond or none, as the beam leaves it."""
        sheet = self
        while (loose := sheet.coordination() < 2).any():
            sheet = sheet.kept(~loose)
        return sheet


@dataclass(frozen=True)
class Rings:
    """Faces of a network.

    Parameters
    ----------
    size
        ``(r,)`` int64, atoms of each ring, 3 to `LARGEST_RING`.
    centre
        ``(r, 2)`` float64, mean position of its atoms, ``(y, x)`` in nm.
    atoms
        ``(r, LARGEST_RING)`` int64, its atoms in order, then -1.
    """

    size: np.ndarray
    centre: np.ndarray
    atoms: np.ndarray

    def touched_by(self, wanted: np.ndarray, *, count: int) -> np.ndarray:
        """Return ``(count,)`` bool: atoms that belong to a wanted ring (``(r,)`` bool)."""
        members = self.atoms[wanted]
        marked = np.zeros(count, bool)
        marked[members[members >= 0]] = True
        return marked

    def complete(self, inside: np.ndarray) -> np.ndarray:
        """Return ``(r,)`` bool: rings all of whose atoms are inside (``(n,)`` bool)."""
        return (inside[self.atoms] | (self.atoms < 0)).all(axis=1)


def half_edges(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Order the bonds around each atom.

    Returns
    -------
    directed : (2m, 2) int64
        Each bond in both directions, sorted by its first atom, then by angle.
    following : (2m,) int64
        For each of them, the next one along the face on the same side.
    """
    directed = np.concatenate([sheet.bonds, sheet.bonds[:, ::-1]])
    along = sheet.positions[directed[:, 1]] - sheet.positions[directed[:, 0]]
    order = np.lexsort((np.arctan2(along[:, 0], along[:, 1]), directed[:, 0]))
    directed = directed[order]
    count = len(sheet.positions)
    degree = np.bincount(directed[:, 0], minlength=count)
    start = np.cumsum(degree) - degree
    place = np.arange(len(directed)) - start[directed[:, 0]]
    code = directed[:, 0] * count + directed[:, 1]
    by_code = np.argsort(code)
    back = by_code[np.searchsorted(code[by_code], directed[:, 1] * count + directed[:, 0])]
    atom = directed[:, 1]
    following = start[atom] + (place[back] + 1) % degree[atom]
    return directed, following


def find_rings(sheet: Sheet) -> Rings:
    """Find the faces of a network of up to `LARGEST_RING` atoms.

    Each bond is walked along in both directions, always taking the next bond to the same side;
    a walk that comes back encloses a face. Walks around the outside and around holes are longer.

    Examples
    --------
    >>> angle = np.radians(np.arange(0, 360, 60))
    >>> corners = BOND_NM * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    >>> pairs = np.sort(np.stack([np.arange(6), np.roll(np.arange(6), -1)], axis=1))
    >>> ring = Sheet(corners, pairs, np.zeros(6, int), np.full(6, 6))
    >>> find_rings(ring).size
    array([6])
    """
    directed, following = half_edges(sheet)
    count = len(directed)
    if count == 0:
        return _no_rings()
    walks = np.empty((LARGEST_RING, count), np.int64)
    walks[0] = np.arange(count)
    size = np.zeros(count, np.int64)
    for step in range(1, LARGEST_RING + 1):
        place = following[walks[step - 1]]
        size[(size == 0) & (place == walks[0])] = step
        if step < LARGEST_RING:
            walks[step] = place
    beyond = np.arange(LARGEST_RING)[:, None] >= size[None]
    least = np.where(beyond, count, walks).min(axis=0)
    chosen = (size > 2) & (least == walks[0])
    atoms = np.where(beyond, -1, directed[walks, 0])[:, chosen].T
    corners = np.where(atoms[..., None] >= 0, sheet.positions[atoms], np.nan)
    inner = _area(corners) < 0
    if not inner.any():
        return _no_rings()
    return Rings(size[chosen][inner], np.nanmean(corners[inner], axis=1), atoms[inner])


def _area(corners: np.ndarray) -> np.ndarray:
    """Signed area of polygons ``(r, k, 2)`` whose missing corners come last and are NaN."""
    filled = np.where(np.isnan(corners), corners[:, :1], corners)
    after = np.roll(filled, -1, axis=1)
    return 0.5 * (filled[..., 1] * after[..., 0] - after[..., 1] * filled[..., 0]).sum(axis=1)


def _no_rings() -> Rings:
    return Rings(np.zeros(0, int), np.zeros((0, 2)), np.zeros((0, LARGEST_RING), int))
