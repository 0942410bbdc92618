"""Grain boundaries without impossible bonds: the dual of a triangulation of ring centres.

The centres of the rings of graphene form a triangular lattice, and each triangle of neighbouring
centres holds one atom. So the centres of two grains are put side by side, those too close are
merged, gaps are filled, and the centres near the boundary push each other to the lattice's
spacing. Whatever their arrangement, the triangles of their Delaunay triangulation give each atom
three bonds, and rings of other than six atoms only where the lattices meet (the way of Ophus et
al., Phys. Rev. B 92, 205402 (2015), and of many before them).
"""

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from nanosieve.simulation.graphene.grains import Grains
from nanosieve.simulation.graphene.sheet import LATTICE_NM, Sheet

# In units of the lattice constant.
# Both chosen so that boundaries are neither stretched nor squeezed on average.
_TOO_CLOSE = 0.5
_REACH = 2.6
"""How far from another grain centres still move."""
# A triangle of the perfect lattice has a circumscribed radius of 0.577.
_GAP = 0.8
_RIM = 2.0
_ROUNDS = 8
_STEPS = 12


def polycrystal(grains: Grains, *, size_nm: tuple[float, float], pad_nm: float = 1.2) -> Sheet:
    """Make the network of a polycrystalline sheet, not relaxed yet.

    Parameters
    ----------
    grains
        Who owns which place, and each grain's lattice.
    size_nm
        Height and width; the sheet reaches beyond all four sides by nearly ``pad_nm``.
    pad_nm
        Rim in which the triangulation has no complete neighbourhood.

    Returns
    -------
    Sheet
        All atoms have three bonds, but for those at the outermost rim.
    """
    box = np.array([[-pad_nm, -pad_nm], [size_nm[0] + pad_nm, size_nm[1] + pad_nm]])
    centres, owner = _lattices(grains, box)
    centres, owner = _joined(centres, owner)
    sheet = _dual(centres, owner)
    rim = LATTICE_NM
    inside = ((sheet.positions > box[0] + rim) & (sheet.positions < box[1] - rim)).all(axis=1)
    return sheet.kept(inside)


def _lattices(grains: Grains, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ring centres of each grain's own lattice, and the grain of each."""
    centres, owner = [], []
    for number in range(len(grains.angles_deg)):
        points = _triangular(box, grains.angles_deg[number], grains.offsets_nm[number])
        mine = points[grains.owner(points) == number]
        centres.append(mine)
        owner.append(np.full(len(mine), number))
    return np.concatenate(centres), np.concatenate(owner)


def _triangular(box: np.ndarray, angle_deg: float, offset_nm: np.ndarray) -> np.ndarray:
    """Ring centres ``(k, 2)`` in a box; bonds point along ``angle_deg``, counter-clockwise."""
    # Neighbouring rings lie across a bond, at right angles to it.
    turn = np.radians(angle_deg + np.array([30.0, 90.0]))
    basis = LATTICE_NM * np.stack([-np.sin(turn), np.cos(turn)], axis=1)
    middle = box.mean(axis=0)
    reach = int(np.ceil(np.hypot(*(box[1] - box[0])) / LATTICE_NM)) + 2
    first, second = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    points = np.stack([first.ravel(), second.ravel()], axis=1) @ basis + middle + offset_nm
    return points[((points >= box[0]) & (points <= box[1])).all(axis=1)]


def _joined(centres: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge, fill and push apart the centres where grains meet."""
    near = _near_other_grain(centres, owner, (_REACH + 2) * LATTICE_NM)
    if not near.any():
        return centres, owner
    far, far_owner = centres[~near], owner[~near]
    centres, owner = centres[near], owner[near]
    seams = _near_other_grain(centres, owner, _REACH * LATTICE_NM)
    for _ in range(_ROUNDS):
        centres, owner, seams = _merged(centres, owner, seams)
        centres, owner, seams = _filled(centres, owner, seams)
        centres = _pushed(centres, seams)
    for _ in range(_ROUNDS):
        odd = _too_many(centres, seams)
        if not odd.any():
            break
        centres, owner, seams = centres[~odd], owner[~odd], seams[~odd]
        centres = _pushed(centres, seams)
    return np.concatenate([far, centres]), np.concatenate([far_owner, owner])


def _near_other_grain(centres: np.ndarray, owner: np.ndarray, reach_nm: float) -> np.ndarray:
    near = np.zeros(len(centres), bool)
    for number in np.unique(owner):
        mine = owner == number
        if mine.all():
            return near
        distance, _ = cKDTree(centres[~mine]).query(centres[mine], distance_upper_bound=reach_nm)
        near[np.flatnonzero(mine)] = np.isfinite(distance)
    return near


def _merged(
    centres: np.ndarray, owner: np.ndarray, seams: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replace two centres that are too close by one halfway, closest pairs first."""
    place = np.flatnonzero(seams)
    pairs = cKDTree(centres[place]).query_pairs(_TOO_CLOSE * LATTICE_NM, output_type="ndarray")
    pairs = place[pairs]
    apart = np.hypot(*(centres[pairs[:, 0]] - centres[pairs[:, 1]]).T)
    centres = centres.copy()
    gone = np.zeros(len(centres), bool)
    for first, second in pairs[np.argsort(apart, kind="stable")]:
        if not (gone[first] or gone[second]):
            centres[first] = (centres[first] + centres[second]) / 2
            gone[second] = True
    return centres[~gone], owner[~gone], seams[~gone]


def _filled(
    centres: np.ndarray, owner: np.ndarray, seams: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add a centre in the middle of triangles that are too large, widest first."""
    triangles = _triangles(centres, seams)
    middle, radius = _circles(centres[triangles])
    added: list[np.ndarray] = []
    grain: list[int] = []
    # At the rim, flat triangles have circles of any size.
    wide = np.flatnonzero((radius > _GAP * LATTICE_NM) & (radius < _RIM * LATTICE_NM))
    for index in wide[np.argsort(-radius[wide], kind="stable")]:
        if all(np.hypot(*(middle[index] - other)) > LATTICE_NM for other in added):
            added.append(middle[index])
            grain.append(int(owner[triangles[index, 0]]))
    if not added:
        return centres, owner, seams
    return (
        np.concatenate([centres, added]),
        np.concatenate([owner, grain]),
        np.concatenate([seams, np.ones(len(added), bool)]),
    )


def _triangles(centres: np.ndarray, seams: np.ndarray) -> np.ndarray:
    """Delaunay triangles of which all corners lie near a boundary."""
    triangles = Delaunay(centres).simplices
    return triangles[seams[triangles].all(axis=1)]


def _circles(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of the circles through triangles ``(k, 3, 2)``."""
    origin = corners[:, 0]
    one, two = corners[:, 1] - origin, corners[:, 2] - origin
    twice = 2 * (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    squares = (one**2).sum(axis=1), (two**2).sum(axis=1)
    offset = np.stack(
        [
            two[:, 1] * squares[0] - one[:, 1] * squares[1],
            one[:, 0] * squares[1] - two[:, 0] * squares[0],
        ],
        axis=1,
    )
    # Three rim points in a line have no circle; it counts as no gap.
    flat = np.abs(twice) < 1e-9
    offset = np.where(flat[:, None], 0.0, offset / np.where(flat, 1, twice)[:, None])
    return origin + offset, np.hypot(*offset.T)


def _pushed(centres: np.ndarray, seams: np.ndarray) -> np.ndarray:
    """Let centres near a boundary move towards the lattice's spacing from their neighbours."""
    edges = _edges(Delaunay(centres).simplices)
    edges = edges[seams[edges].any(axis=1)]
    first, second = edges.T
    moved = centres.copy()
    for _ in range(_STEPS):
        along = moved[second] - moved[first]
        length = np.hypot(*along.T)
        # Long edges belong to triangles that only the rim or a gap makes: they do not pull.
        excess = np.where(length < 1.6 * LATTICE_NM, length - LATTICE_NM, 0.0)
        step = 0.12 * (excess / length)[:, None] * along
        for axis in (0, 1):
            total = np.bincount(first, step[:, axis], minlength=len(moved))
            total -= np.bincount(second, step[:, axis], minlength=len(moved))
            moved[:, axis] += np.where(seams, total, 0.0)
    return moved


def _edges(triangles: np.ndarray) -> np.ndarray:
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(sides, axis=1), axis=0)


def _too_many(centres: np.ndarray, seams: np.ndarray) -> np.ndarray:
    """Centres of rings of fewer than five atoms, and one of two pentagons side by side.

    Such a pair is two atoms too many: bonds between them would be far too short.
    """
    edges = _edges(Delaunay(centres).simplices)
    degree = np.bincount(edges.ravel(), minlength=len(centres))
    rim = 2 * LATTICE_NM
    inner = ((centres > centres.min(axis=0) + rim) & (centres < centres.max(axis=0) - rim)).all(
        axis=1
    )
    inner &= seams
    gone = inner & (degree < 5)
    for first, second in edges[(degree[edges] == 5).all(axis=1) & inner[edges].all(axis=1)]:
        gone[first] |= not gone[second]
    return gone


def _dual(centres: np.ndarray, owner: np.ndarray) -> Sheet:
    """One atom per triangle, bonded to those of the three neighbouring triangles."""
    mesh = Delaunay(centres)
    atoms = np.arange(len(mesh.simplices))
    pairs = np.stack([np.repeat(atoms, 3), mesh.neighbors.ravel()], axis=1)
    bonds = pairs[pairs[:, 0] < pairs[:, 1]]
    owners = np.sort(owner[mesh.simplices], axis=1)
    return Sheet(
        positions=centres[mesh.simplices].mean(axis=1),
        bonds=bonds.astype(np.int64),
        # The grain of most corners; the middle one of three is one of a majority.
        grain=owners[:, 1].astype(np.int64),
        numbers=np.full(len(atoms), 6),
    )


def near_places(sheet: Sheet, places: np.ndarray, reach_nm: float) -> np.ndarray:
    """Return ``(n,)`` bool: atoms within a distance of any of the places ``(k, 2)``."""
    if len(places) == 0:
        return np.zeros(len(sheet.positions), bool)
    distance, _ = cKDTree(places).query(sheet.positions, distance_upper_bound=reach_nm)
    return np.isfinite(distance)
