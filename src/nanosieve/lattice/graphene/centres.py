"""Middles of rings: the maxima of the order parameter, completed and tidied as a triangulation."""

import numpy as np
from scipy.ndimage import map_coordinates, maximum_filter
from scipy.spatial import Delaunay, cKDTree

# Maxima within this many lattice constants of a higher one are none.
_WINDOW = 0.35
# Of the median height of maxima.
_FLOOR = 0.25
_COMPLETED_FLOOR = 0.05
_LOCAL_FLOOR = 0.5
# In lattice constants. A perfect triangle's circumcircle has 0.577, one beside a missing centre 1.
_GAP = 0.78
_APART = 0.62
_SAME = 0.3
_ROOM = 0.72
_ROUNDS = 4
# Rings of fewer atoms, within the sheet, are no rings of carbon.
_LEAST_RING = 5


def find_centres(
    order: np.ndarray,
    lattice_px: float,
    *,
    local: np.ndarray | None = None,
    clear: np.ndarray | None = None,
) -> np.ndarray:
    """Find the middles of rings.

    Maxima come first. Where the triangulation leaves a hole, its circumcentre is where the six
    around it put the missing one, and the highest place nearby is taken; so are maxima of the
    ``local`` order that lie in holes. Of two too close ones the lower goes, and so does one that
    only three or four others surround.

    Parameters
    ----------
    order
        ``(y, x)`` order parameter, high in the middle of rings.
    lattice_px
        Lattice constant.
    local
        ``(y, x)`` order parameter of an image that was filtered over a smaller neighbourhood: where
        grains meet and their waves do not fit, it shows the rings between them.
    clear
        ``(y, x)`` bool, where there is no contamination: there the usual height is taken from.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)`` places ``(y, x)`` in px, between pixels; empty where there are none.
    """
    height, width = order.shape
    centres, typical = _maxima(order, lattice_px, clear, _FLOOR)
    spare = (
        np.zeros((0, 2)) if local is None else _maxima(local, lattice_px, clear, _LOCAL_FLOOR)[0]
    )
    for _ in range(_ROUNDS):
        before = len(centres)
        centres = _thinned(order, centres, _APART * lattice_px)
        if len(centres) < 4:
            return centres
        new = _missing(order, centres, lattice_px, _COMPLETED_FLOOR * typical)
        centres = np.concatenate([centres, new])
        new = _in_holes(spare, centres, lattice_px)
        centres = np.concatenate([centres, new])
        centres = centres[~_surplus(centres, lattice_px, (height, width))]
        if len(centres) == before:
            break
    return _thinned(order, centres, _APART * lattice_px)


def _maxima(
    order: np.ndarray, lattice_px: float, clear: np.ndarray | None, floor: float
) -> tuple[np.ndarray, float]:
    """Maxima above a share of their median height, and that height."""
    size = 2 * max(1, int(_WINDOW * lattice_px)) + 1
    rows, columns = np.nonzero((order == maximum_filter(order, size=size)) & (order > 0))
    value = order[rows, columns]
    if value.size == 0:
        return np.zeros((0, 2)), 0.0
    usual = value if clear is None else value[clear[rows, columns]]
    typical = float(np.median(usual if usual.size else value))
    kept = value > floor * typical
    return _subpixel(order, rows[kept], columns[kept]), typical


def _in_holes(spare: np.ndarray, centres: np.ndarray, lattice_px: float) -> np.ndarray:
    """Those of other maxima that have room, and two neighbours at least."""
    if len(spare) == 0:
        return spare
    (near, second) = cKDTree(centres).query(spare, k=2)[0].T
    return spare[(near > _ROOM * lattice_px) & (second < 1.3 * lattice_px)]


def _subpixel(order: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Vertices of parabolas through the neighbours."""
    places = []
    for axis, index in enumerate((rows, columns)):
        last = order.shape[axis] - 1
        low, high = np.maximum(index - 1, 0), np.minimum(index + 1, last)
        before = order[low, columns] if axis == 0 else order[rows, low]
        after = order[high, columns] if axis == 0 else order[rows, high]
        curve = before - 2 * order[rows, columns] + after
        # At the image's rim and on plateaus the pixel's middle must do.
        usable = (curve < 0) & (index > 0) & (index < last)
        shift = np.divide(before - after, 2 * curve, out=np.zeros(len(index)), where=usable)
        places.append(index + np.clip(shift, -0.5, 0.5))
    return np.stack(places, axis=1)


def _height(order: np.ndarray, places: np.ndarray) -> np.ndarray:
    return map_coordinates(order, places.T, order=1, mode="nearest")


def _thinned(order: np.ndarray, centres: np.ndarray, apart_px: float) -> np.ndarray:
    """Without the lower one of two that are too close."""
    pairs = cKDTree(centres).query_pairs(apart_px, output_type="ndarray")
    if len(pairs) == 0:
        return centres
    height = _height(order, centres)
    gone = np.zeros(len(centres), bool)
    # Highest pair first: what goes spares its other neighbours.
    for first, second in pairs[np.argsort(-height[pairs].max(axis=1), kind="stable")]:
        if not (gone[first] or gone[second]):
            gone[first if height[first] < height[second] else second] = True
    return centres[~gone]


def circumcircles(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return middles ``(t, 2)`` and radii ``(t,)`` of the circles through triangles' corners.

    Examples
    --------
    >>> middle, radius = circumcircles(np.array([[0.0, 0], [0, 2], [2, 0]]), np.array([[0, 1, 2]]))
    >>> middle.tolist(), radius.round(3).tolist()
    ([[1.0, 1.0]], [1.414])
    """
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    b, c = b - a, c - a
    twice = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    twice = np.where(np.abs(twice) < 1e-9, 1e-9, twice)
    bb, cc = (b**2).sum(axis=1), (c**2).sum(axis=1)
    offset = (
        np.stack([c[:, 1] * bb - b[:, 1] * cc, b[:, 0] * cc - c[:, 0] * bb], axis=1)
        / twice[:, None]
    )
    return a + offset, np.hypot(*offset.T)


def _missing(order: np.ndarray, centres: np.ndarray, lattice_px: float, floor: float) -> np.ndarray:
    """Places in the middle of holes that the order parameter does not speak against."""
    middle, radius = circumcircles(centres, Delaunay(centres).simplices)
    inside = ((middle >= 0) & (middle <= np.array(order.shape) - 1)).all(axis=1)
    # A wider circle is a hole of several, which is no gap in the lattice, or its edge.
    hole = inside & (radius > _GAP * lattice_px) & (radius < 1.6 * lattice_px)
    if not hole.any():
        return np.zeros((0, 2))
    found = np.array([_best_near(order, place, _SAME * lattice_px) for place in middle[hole]])
    found = found[_height(order, found) > floor]
    if len(found) == 0:
        return np.zeros((0, 2))
    found = _thinned(order, found, _APART * lattice_px)
    near, _ = cKDTree(centres).query(found)
    return found[near > _APART * lattice_px]


def _best_near(order: np.ndarray, place: np.ndarray, reach: float) -> np.ndarray:
    """The highest pixel within a square about a place."""
    low = np.maximum(np.rint(place - reach), 0).astype(int)
    high = np.minimum(np.rint(place + reach), np.array(order.shape) - 1).astype(int) + 1
    part = order[low[0] : high[0], low[1] : high[1]]
    return np.array(np.unravel_index(int(part.argmax()), part.shape)) + low


def _surplus(centres: np.ndarray, lattice_px: float, shape: tuple[int, int]) -> np.ndarray:
    """``(n,)`` bool: within the sheet, but surrounded by too few."""
    mesh = Delaunay(centres)
    triangles = mesh.simplices
    _, radius = circumcircles(centres, triangles)
    count = np.bincount(triangles.ravel(), minlength=len(centres))
    open_side = np.zeros(len(centres), bool)
    open_side[mesh.convex_hull.ravel()] = True
    open_side[triangles[radius > _GAP * lattice_px].ravel()] = True
    rim = 1.2 * lattice_px
    inner = ((centres > rim) & (centres < np.array(shape) - 1 - rim)).all(axis=1)
    return inner & ~open_side & (count < _LEAST_RING)
