"""Grains of one direction, the lines where they meet, and directions everywhere."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from nanosieve.lattice.graphene.rings import Rings

# Of grains that are told apart; and the width of their peaks among the directions of hexagons.
_LEAST_TURN_DEG = 3.0
_PEAK_DEG = 1.0
_LEAST_RINGS = 5
# Fewer hexagons than this, cut off by contamination or the rim, belong to the largest grain of
# their direction.
_FRAGMENT = 20
# In lattice constants: neighbouring rings, the smoothing of lines, the neighbourhood whose mean
# direction a pixel has (0.4 nm), and how far from a hexagon there is lattice still.
_NEIGHBOUR = 1.3
_SMOOTH = 0.8
_MEAN = 1.63
_FAR = 1.5


@dataclass(frozen=True)
class Grains:
    """Regions of one direction of bonds.

    Parameters
    ----------
    angle_deg
        ``(g,)`` mean direction of the bonds modulo 60 degrees, largest grain first.
    rings
        ``(g,)`` number of hexagons.
    ring_grain
        ``(r,)`` grain of each ring; -1 of odd rings, and of hexagons of no grain.
    """

    angle_deg: np.ndarray
    rings: np.ndarray
    ring_grain: np.ndarray


@dataclass(frozen=True)
class Boundaries:
    """Points along the lines where grains meet.

    Parameters
    ----------
    points
        ``(k, 2)`` ``(y, x)`` in px.
    pair
        ``(k, 2)`` the two grains, the lower number first.
    """

    points: np.ndarray
    pair: np.ndarray


def turn_between(first_deg: np.ndarray | float, second_deg: np.ndarray | float) -> np.ndarray:
    """Return the angle between directions modulo 60 degrees, 0 to 30.

    Examples
    --------
    >>> float(turn_between(58, 3))
    5.0
    """
    return np.abs((np.asarray(first_deg, float) - second_deg + 30) % 60 - 30)


def find_grains(rings: Rings, lattice_px: float) -> Grains:
    """Sort hexagons into grains by direction and place.

    Parameters
    ----------
    rings
        Of the sheet.
    lattice_px
        Lattice constant.
    """
    hexagons = np.flatnonzero(rings.size == 6)
    grain = np.full(len(rings.size), -1)
    if len(hexagons) == 0:
        return Grains(np.zeros(0), np.zeros(0, int), grain)
    places, phases = rings.centre[hexagons], np.exp(np.deg2rad(6 * rings.angle_deg[hexagons]) * 1j)
    near = _adjacency(places, _NEIGHBOUR * lattice_px)
    smoothed = near @ phases + phases
    angle = np.degrees(np.angle(smoothed)) / 6 % 60
    peaks = _peaks(angle)
    nearest = turn_between(angle[:, None], peaks[None]).argmin(axis=1)
    for _ in range(2):
        votes = np.stack(
            [near @ (nearest == k) + (nearest == k) for k in range(len(peaks))], axis=1
        )
        nearest = votes.argmax(axis=1)
    number = _joined(_connected(near, nearest), nearest)
    count = np.bincount(number)
    order = np.argsort(-count, kind="stable")
    order = order[count[order] >= min(_LEAST_RINGS, count.max())]
    renumbered = np.full(len(count), -1)
    renumbered[order] = np.arange(len(order))
    grain[hexagons] = renumbered[number]
    sums = np.array([phases[number == one].sum() for one in order])
    return Grains(np.degrees(np.angle(sums)) / 6 % 60, count[order], grain)


def _adjacency(places: np.ndarray, reach: float) -> coo_matrix:
    first, second = cKDTree(places).query_pairs(reach, output_type="ndarray").reshape(-1, 2).T
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    return coo_matrix((np.ones(len(ends[0])), ends), (len(places), len(places))).tocsr()


def _peaks(angle: np.ndarray) -> np.ndarray:
    """Directions that many hexagons share: maxima of their smoothed histogram, far enough apart."""
    bins = 240
    count = np.bincount((angle / 60 * bins).astype(int) % bins, minlength=bins).astype(float)
    smooth = gaussian_filter(count, _PEAK_DEG * bins / 60, mode="wrap")
    chosen: list[float] = []
    least = _LEAST_RINGS / (np.sqrt(2 * np.pi) * _PEAK_DEG * bins / 60)
    for place in np.argsort(-smooth, kind="stable"):
        here = (place + 0.5) * 60 / bins
        local = smooth[place] >= max(smooth[place - 1], smooth[(place + 1) % bins])
        apart = not chosen or turn_between(here, np.array(chosen)).min() >= _LEAST_TURN_DEG
        if local and apart and (smooth[place] >= least or not chosen):
            chosen.append(here)
    return np.array(chosen)


def _connected(near: coo_matrix, kind: np.ndarray) -> np.ndarray:
    """Number the connected regions of one kind."""
    pairs = near.tocoo()
    same = kind[pairs.row] == kind[pairs.col]
    graph = coo_matrix((np.ones(same.sum()), (pairs.row[same], pairs.col[same])), near.shape)
    return np.asarray(connected_components(graph, directed=False)[1])


def _joined(number: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Give fragments the number of the largest region of their kind."""
    count = np.bincount(number)
    joined = np.arange(len(count))
    for one in range(int(kind.max()) + 1):
        regions = np.unique(number[kind == one])
        if len(regions):
            joined[regions[count[regions] < _FRAGMENT]] = regions[count[regions].argmax()]
    return joined[number]


def draw_grains(
    rings: Rings, grains: Grains, lattice_px: float, shape: tuple[int, int]
) -> tuple[Boundaries, np.ndarray]:
    """Draw the lines where grains meet, and the direction of the bonds.

    Lines are smoothed over about the spacing of rings; a pixel's direction is the mean over the
    hexagons of its grain nearby.

    Parameters
    ----------
    rings, grains
        Of the sheet.
    lattice_px
        Lattice constant.
    shape
        Of the image.

    Returns
    -------
    boundaries : Boundaries
        Lines; none of a single grain.
    orientation_deg : (y, x) float32
        Degrees modulo 60, counter-clockwise from +x; NaN where no lattice is.
    """
    if len(grains.angle_deg) == 0:
        return Boundaries(np.zeros((0, 2)), np.zeros((0, 2), int)), np.full(
            shape, np.nan, np.float32
        )
    step = max(1.0, lattice_px / 6)
    owner, far = _owners(rings, grains, shape, step)
    grid_px = lattice_px / step
    lattice = far < _FAR * lattice_px
    angle = np.where(lattice, _directions(rings, grains, owner, step, grid_px), np.nan)
    rows, columns = (
        np.minimum(np.rint(np.arange(n) / step).astype(int), m - 1)
        for n, m in zip(shape, owner.shape, strict=True)
    )
    points, pair = _lines(owner, lattice, len(grains.angle_deg), _SMOOTH * grid_px)
    return Boundaries(points * step, pair), angle.astype(np.float32)[rows][:, columns]


def _owners(
    rings: Rings, grains: Grains, shape: tuple[int, int], step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Grain of the nearest hexagon on a grid, and how far that is in px."""
    member = grains.ring_grain >= 0
    y, x = (np.arange(0, n, step) for n in shape)
    points = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1)
    far, nearest = cKDTree(rings.centre[member]).query(points)
    return grains.ring_grain[member][nearest], far


def _lines(
    owner: np.ndarray, lattice: np.ndarray, count: int, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points ``(k, 2)`` on the grid where two grains' smoothed shares are alike, and the two."""
    lines, pairs = [np.zeros((0, 2))], [np.zeros((0, 2), int)]
    if count > 1:
        shares = [gaussian_filter((owner == g).astype(np.float32), sigma) for g in range(count)]
        weights = np.stack(shares)
        first = weights.argmax(axis=0)
        highest = weights.max(axis=0)
        np.put_along_axis(weights, first[None], -1, axis=0)
        second, lower = weights.argmax(axis=0), weights.max(axis=0)
        for one, share in enumerate(shares):
            rival = np.where(first == one, second, first)
            for contour in find_contours(share - np.where(first == one, lower, highest), 0.0):
                place = tuple(np.rint(contour).astype(int).T)
                # Each line is found from both of its sides; where no lattice is, there is none.
                kept = (rival[place] > one) & lattice[place]
                lines.append(contour[kept])
                pairs.append(np.stack([np.full(kept.sum(), one), rival[place][kept]], axis=1))
    return np.concatenate(lines), np.concatenate(pairs)


def _directions(
    rings: Rings, grains: Grains, owner: np.ndarray, step: float, grid_px: float
) -> np.ndarray:
    """Mean direction of each grain's hexagons about each point of its own, modulo 60 degrees."""
    phase = np.zeros(owner.shape, complex)
    for grain in range(len(grains.angle_deg)):
        member = grains.ring_grain == grain
        place = np.rint(rings.centre[member] / step).astype(int)
        place = tuple(np.clip(place, 0, np.array(owner.shape) - 1).T)
        drawn = np.zeros(owner.shape, complex)
        np.add.at(drawn, place, np.exp(np.deg2rad(6 * rings.angle_deg[member]) * 1j))
        phase = np.where(owner == grain, gaussian_filter(drawn, _MEAN * grid_px), phase)
    return np.degrees(np.angle(phase)) / 6 % 60
