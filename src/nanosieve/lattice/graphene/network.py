"""Atoms and bonds as the dual of the triangulation of the rings' middles."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.spatial import Delaunay

from nanosieve.lattice.graphene.centres import circumcircles

# Edges of triangles, in lattice constants, between rings that share a bond.
_SHORTEST, _LONGEST = 0.55, 1.5
# Radius of the circle through three middles, in lattice constants: beyond, there is a hole.
_WIDEST = 0.9


@dataclass(frozen=True)
class Network:
    """Atoms and the bonds between them.

    Parameters
    ----------
    positions
        ``(n, 2)`` ``(y, x)`` in px.
    bonds
        ``(m, 2)`` pairs of atoms, the lower number first.
    """

    positions: np.ndarray
    bonds: np.ndarray

    def moved(self, positions: np.ndarray) -> Self:
        """Return the same network at other positions."""
        return replace(self, positions=positions)

    def kept(self, wanted: np.ndarray) -> Self:
        """Return the network of the wanted atoms (``(n,)`` bool) and the bonds among them."""
        number = np.cumsum(wanted) - 1
        bonds = number[self.bonds[wanted[self.bonds].all(axis=1)]]
        return replace(self, positions=self.positions[wanted], bonds=bonds)

    def coordination(self) -> np.ndarray:
        """Return ``(n,)``: how many bonds each atom has."""
        return np.bincount(self.bonds.ravel(), minlength=len(self.positions))

    def lengths(self) -> np.ndarray:
        """Return ``(m,)``: length of each bond in px."""
        return np.hypot(*(self.positions[self.bonds[:, 1]] - self.positions[self.bonds[:, 0]]).T)


def dual_network(centres: np.ndarray, lattice_px: float) -> Network:
    """Put an atom into each triangle of neighbouring rings.

    Parameters
    ----------
    centres
        ``(n, 2)`` middles of rings in px.
    lattice_px
        Lattice constant.

    Returns
    -------
    Network
        Atoms of triangles that share a side are bonded.

    Examples
    --------
    >>> turns = np.deg2rad(np.arange(0, 360, 60))
    >>> around = 10 * np.stack([np.sin(turns), np.cos(turns)], axis=1)
    >>> found = dual_network(np.concatenate([around, [[0.0, 0.0]]]), 10.0)
    >>> len(found.positions), len(found.bonds)
    (6, 6)
    """
    if len(centres) < 4:
        return Network(np.zeros((0, 2)), np.zeros((0, 2), np.int64))
    mesh = Delaunay(centres)
    corners = centres[mesh.simplices]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2) / lattice_px
    _, radius = circumcircles(centres, mesh.simplices)
    sound = (
        (sides > _SHORTEST).all(axis=1)
        & (sides < _LONGEST).all(axis=1)
        & (radius < _WIDEST * lattice_px)
    )
    atoms = np.arange(len(mesh.simplices))
    pairs = np.stack([np.repeat(atoms, 3), mesh.neighbors.ravel()], axis=1)
    bonds = pairs[pairs[:, 0] < pairs[:, 1]].astype(np.int64)
    return Network(corners.mean(axis=1), bonds).kept(sound)
