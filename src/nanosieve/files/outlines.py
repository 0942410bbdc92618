"""Outlines of labels along pixel edges, and their boxes: what every export is made from."""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

Ring = np.ndarray
Polygon = list[Ring]


def label_boxes(labels: np.ndarray) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Yield each label in ascending order with the box that holds it.

    Parameters
    ----------
    labels
        ``(y, x)`` integers; 0 is background, gaps are allowed.

    Yields
    ------
    tuple
        The label, and ``(slice, slice)`` over y and x.

    Examples
    --------
    >>> [label for label, _ in label_boxes(np.array([[0, 7], [2, 7]]))]
    [2, 7]
    """
    largest = int(labels.max(initial=0))
    if largest <= labels.size:
        values = None
        dense = labels
    else:
        # find_objects keeps a list as long as the largest label: 2**31 - 1 in some hands.
        values, dense = np.unique(labels, return_inverse=True)
        dense = dense.reshape(labels.shape) + (0 if values[0] == 0 else 1)
        values = values[values > 0]
    for index, box in enumerate(ndimage.find_objects(dense.astype(np.int32, copy=False))):
        if box is not None:
            yield (index + 1 if values is None else int(values[index])), box


def outline(mask: np.ndarray, *, offset: tuple[int, int] = (0, 0)) -> list[Polygon]:
    """Trace a mask along the edges of its pixels, so that polygon area is pixel count exactly.

    Coordinates are corners: the first pixel covers 0 to 1 in y and x (ImageJ's and QuPath's
    convention; pixel centres lie 0.5 further). Every ring is simple: where pixels touch only by
    a corner, rings touch there, and never cross.

    Parameters
    ----------
    mask
        ``(y, x)`` bool.
    offset
        Added to the coordinates, ``(y, x)``.

    Returns
    -------
    list of list of numpy.ndarray
        One polygon for each 4-connected part of the mask: its exterior, then its holes; each a
        ``(n, 2)`` int array of ``(y, x)`` corners, not closed. Exteriors have positive area in
        the shoelace formula on (x, y), holes negative.

    Examples
    --------
    >>> [[exterior]] = outline(np.ones((1, 2), bool))
    >>> exterior.tolist()
    [[0, 0], [0, 2], [1, 2], [1, 0]]
    """
    padded = np.pad(np.asarray(mask, bool), 1)
    exteriors: list[list[_Corner]] = []
    holes: list[list[_Corner]] = []
    for walk in _walks(padded):
        for ring in _simple(walk):
            (exteriors if _area(ring) > 0 else holes).append(ring)
    if len(exteriors) == 1:
        grouped = [[*exteriors, *holes]]
    else:
        parts, _ = ndimage.label(padded)
        polygons = {_part(parts, ring): [ring] for ring in exteriors}
        for hole in holes:
            polygons[_part(parts, hole)].append(hole)
        grouped = list(polygons.values())
    shift = np.array(offset)
    return [[np.array(ring) + shift for ring in polygon] for polygon in grouped]


_Corner = tuple[int, int]


def _walks(padded: np.ndarray) -> Iterator[list[_Corner]]:
    """Follow corners around the padded mask, the mask to the right hand; corner (0, 0) as inner.

    Along each row corners sorted by x pair up to horizontal edges, along each column corners
    sorted by y to vertical ones. A corner between two diagonal pixels counts twice, and the ways
    through it are joined so that they go around one pixel of the mask each: parts that touch by
    a corner stay apart.
    """
    a, b = padded[:-1, :-1], padded[:-1, 1:]
    c, d = padded[1:, :-1], padded[1:, 1:]
    corner = (a ^ b ^ c ^ d).astype(np.intp) + 2 * ((a == d) & (b == c) & (a != b))
    y, x = np.nonzero(corner)
    count = corner[y, x]
    y, x = np.repeat(y, count), np.repeat(x, count)
    across = np.arange(len(y)) ^ 1
    # Of a double corner's two entries the first takes the edge to its left, and the edge upwards
    # or, where the mask is to the lower left and upper right, downwards.
    second = np.zeros(len(y), bool)
    second[1:] = (y[1:] == y[:-1]) & (x[1:] == x[:-1])
    order = np.lexsort((second ^ (b & c)[y, x], y, x))
    along = np.empty_like(order)
    along[order] = order[across]
    inside = padded[y + 1, x + 1].tolist()
    corners = list(zip(y.tolist(), x.tolist(), strict=True))
    horizontal, vertical = across.tolist(), along.tolist()
    seen = [False] * len(corners)
    for start in range(len(corners)):
        if seen[start]:
            continue
        walk = []
        at = start
        while not seen[at]:
            for following in (horizontal, vertical):
                walk.append(corners[at])
                seen[at] = True
                at = following[at]
        # The first corner in reading order is the ring's upper left one, left along its top edge.
        yield walk if inside[start] else walk[::-1]


def _simple(walk: list[_Corner]) -> Iterator[list[_Corner]]:
    """Cut a closed walk wherever it comes back to a corner, into rings that do not."""
    if len(set(walk)) == len(walk):
        yield walk
        return
    place: dict[_Corner, int] = {}
    path: list[_Corner] = []
    for corner in walk:
        if corner in place:
            first = place[corner]
            yield path[first:]
            for left in path[first:]:
                del place[left]
            del path[first:]
        place[corner] = len(path)
        path.append(corner)
    yield path


def _area(ring: list[_Corner]) -> int:
    # Every second edge is vertical; the integral of x dy over those is the area.
    first = 0 if ring[0][1] == ring[1][1] else 1
    closed = [*ring, ring[0]]
    return sum(closed[i][1] * (closed[i + 1][0] - closed[i][0]) for i in range(first, len(ring), 2))


def _part(parts: np.ndarray, ring: list[_Corner]) -> int:
    """Return the part whose pixel lies to the right of the ring's first edge."""
    (y0, x0), (y1, x1) = ring[:2]
    if y0 == y1:
        row, column = (y0 + 1, x0 + 1) if x1 > x0 else (y0, x0)
    else:
        row, column = (y0 + 1, x0) if y1 > y0 else (y0, x0 + 1)
    return int(parts[row, column])
