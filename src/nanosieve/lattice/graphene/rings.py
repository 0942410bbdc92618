"""Bonds within a distance, and the rings they close."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.lattice.graphene.network import Network

# Next-nearest atoms are 1.73 bonds apart, those of a pentagon 1.62.
LONGEST_BOND = 1.3
LARGEST_RING = 12
"""Faces of more atoms than this are holes."""


@dataclass(frozen=True)
class Rings:
    """Faces of a network.

    Parameters
    ----------
    size
        ``(r,)`` atoms of each ring, 3 to `LARGEST_RING`.
    centre
        ``(r, 2)`` mean place of its atoms, ``(y, x)`` in px.
    atoms
        ``(r, LARGEST_RING)`` its atoms in order, then -1.
    angle_deg
        ``(r,)`` mean direction of its bonds modulo 60 degrees, counter-clockwise from +x.
    """

    size: np.ndarray
    centre: np.ndarray
    atoms: np.ndarray
    angle_deg: np.ndarray

    def counts(self) -> dict[int, int]:
        """Return how many rings there are of each size."""
        sizes, counts = np.unique(self.size, return_counts=True)
        return dict(zip(sizes.tolist(), counts.tolist(), strict=True))


def bonds_within(
    positions: np.ndarray, bond_px: float, *, longest: float = LONGEST_BOND
) -> Network:
    """Bond atoms that are close enough, each to its three nearest at most.

    Parameters
    ----------
    positions
        ``(n, 2)`` in px.
    bond_px
        Length of a bond at rest.
    longest
        In bonds.

    Examples
    --------
    >>> bonds_within(np.array([[0.0, 0], [0, 10], [0, 25]]), 10.0).bonds.tolist()
    [[0, 1]]
    """
    if len(positions) == 0:
        return Network(positions, np.zeros((0, 2), np.int64))
    pairs = cKDTree(positions).query_pairs(longest * bond_px, output_type="ndarray")
    pairs = np.sort(pairs.astype(np.int64), axis=1).reshape(-1, 2)
    length = np.hypot(*(positions[pairs[:, 1]] - positions[pairs[:, 0]]).T)
    wanted = np.ones(len(pairs), bool)
    ends = np.concatenate([pairs[:, 0], pairs[:, 1]])
    order = np.lexsort((np.tile(length, 2), ends))
    start = np.searchsorted(ends[order], np.arange(len(positions)))
    rank = np.arange(len(ends)) - start[ends[order]]
    wanted[order[rank > 2] % len(pairs)] = False
    kept = pairs[wanted]
    return Network(positions, kept[np.lexsort((kept[:, 1], kept[:, 0]))])


def bond_angles(network: Network) -> np.ndarray:
    """Return ``(m,)``: direction of each bond modulo 60 degrees, counter-clockwise from +x.

    Examples
    --------
    >>> bond_angles(Network(np.array([[0.0, 0], [-1, 1]]), np.array([[0, 1]]))).round(6).tolist()
    [45.0]
    """
    down, right = (
        network.positions[network.bonds[:, 1]] - network.positions[network.bonds[:, 0]]
    ).T
    return np.degrees(np.arctan2(-down, right)) % 60


def find_rings(network: Network) -> Rings:
    """Find the faces of a network that up to `LARGEST_RING` atoms enclose.

    From each bond, in both directions, the next bond to the same side is taken again and again; a
    walk that comes back has gone around a face.

    Examples
    --------
    >>> turns = np.deg2rad(np.arange(0, 360, 60))
    >>> corners = 10 * np.stack([np.sin(turns), np.cos(turns)], axis=1)
    >>> found = find_rings(bonds_within(corners, 10.0))
    >>> found.counts(), round(float(found.angle_deg[0]) % 60, 6) in (0.0, 60.0)
    ({6: 1}, True)
    """
    if len(network.bonds) == 0:
        return _collected(network, np.zeros((0, LARGEST_RING), np.int64))
    start, following = _half_bonds(network)
    count = len(start)
    walk = np.arange(count)
    atoms = np.full((count, LARGEST_RING), -1, np.int64)
    lowest, closed = walk.copy(), np.zeros(count, bool)
    for step in range(LARGEST_RING):
        atoms[~closed, step] = start[walk[~closed]]
        walk = following[walk]
        closed |= walk == np.arange(count)
        # Of the bonds around a face the walk from the lowest one stands for it.
        lowest = np.where(closed, lowest, np.minimum(lowest, walk))
    kept = closed & (lowest == np.arange(count))
    found = atoms[kept]
    return _collected(network, found[(found >= 0).sum(axis=1) > 2])


def _half_bonds(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """First atom of each bond in both directions, and the bond that follows it along its face."""
    directed = np.concatenate([network.bonds, network.bonds[:, ::-1]])
    reverse = np.concatenate([np.arange(len(directed) // 2) + len(directed) // 2] * 2)
    reverse[len(directed) // 2 :] -= len(directed) // 2
    along = network.positions[directed[:, 1]] - network.positions[directed[:, 0]]
    order = np.lexsort((np.arctan2(along[:, 0], along[:, 1]), directed[:, 0]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    degree = network.coordination()
    first = np.cumsum(degree) - degree
    atom = directed[:, 1]
    # The bond back, and from it the next one around the atom.
    place = rank[reverse] - first[atom]
    following = order[first[atom] + (place + 1) % degree[atom]]
    return directed[:, 0], following


def _collected(network: Network, atoms: np.ndarray) -> Rings:
    """Rings without the walk around the outside, which goes the other way round."""
    present = atoms >= 0
    size = present.sum(axis=1)
    corners = network.positions[np.maximum(atoms, 0)]
    filled = np.where(present[..., None], corners, corners[:, :1])
    after = np.roll(filled, -1, axis=1)
    area = (filled[..., 1] * after[..., 0] - after[..., 1] * filled[..., 0]).sum(axis=1)
    inner = area < 0
    side = np.where(present[..., None], _next_corner(filled, size) - filled, 0.0)[inner]
    phase = np.where(present[inner], np.exp(6j * np.arctan2(-side[..., 0], side[..., 1])), 0).sum(
        axis=1
    )
    total = np.where(present[..., None], corners, 0).sum(axis=1)[inner]
    return Rings(
        size[inner],
        total / np.maximum(size[inner], 1)[:, None],
        atoms[inner],
        np.degrees(np.angle(phase)) / 6 % 60,
    )


def _next_corner(filled: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The corner after each; after the last comes the first."""
    after = np.roll(filled, -1, axis=1)
    rows = np.arange(len(filled))
    after[rows, size - 1] = filled[:, 0]
    return after
