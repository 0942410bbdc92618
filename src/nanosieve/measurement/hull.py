"""Convex hulls of many particles at once, exact in integers."""

import math
from dataclasses import dataclass

import numpy as np

# Pairs of vertices held at a time while calipers are taken: some 100 MB.
_PAIRS = 1_000_000


@dataclass(frozen=True)
class Extents:
    """First and last column of particles in each of their rows, ``(m,)`` each.

    Sorted by particle (counted from 0), then by row; one entry a particle and row.
    """

    particle: np.ndarray
    row: np.ndarray
    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Hulls:
    """Convex hulls of the pixel centres of ``n`` particles.

    Parameters
    ----------
    row, column
        ``(m,)`` vertices, particle after particle, each in order around its hull. The first may
        be repeated where a hull begins or ends in a single pixel.
    start, count
        ``(n,)`` first vertex of each particle, and number of its vertices.
    """

    row: np.ndarray
    column: np.ndarray
    start: np.ndarray
    count: np.ndarray

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Index of the next vertex around the hull, and particle of each vertex."""
        following = np.arange(1, self.row.size + 1)
        following[self.start + self.count - 1] = self.start
        return following, np.repeat(np.arange(self.start.size), self.count)

    def pixels(self) -> np.ndarray:
        """``(n,)`` number of pixel centres inside or on each hull, by Pick's theorem."""
        n = self.start.size
        following, owner = self._edges()
        # From the particle's own first vertex: the products stay exact far from the origin.
        row = self.row - self.row[self.start][owner]
        column = self.column - self.column[self.start][owner]
        cross = column * row[following] - column[following] * row
        twice_area = np.abs(np.bincount(owner, weights=cross, minlength=n))
        on_edges = np.gcd(row[following] - row, column[following] - column)
        return (twice_area + np.bincount(owner, weights=on_edges, minlength=n)) / 2 + 1

    def crofton_perimeter(self) -> np.ndarray:
        """``(n,)`` perimeter of each hull by Crofton's formula with four directions.

        A line crosses a convex body twice, so that the crossings are twice the number of lines
        that meet it: the very sum that gives the perimeter of a particle that is convex.
        """
        lines = np.zeros(self.start.size)
        for along, spacing in (
            (self.row, 1.0),
            (self.column, 1.0),
            (self.row + self.column, math.sqrt(0.5)),
            (self.row - self.column, math.sqrt(0.5)),
        ):
            if self.start.size:
                low = np.minimum.reduceat(along, self.start)
                lines += spacing * (np.maximum.reduceat(along, self.start) - low + 1)
        return np.pi / 4 * lines


def row_extents(
    particle: np.ndarray, row: np.ndarray, first: np.ndarray, last: np.ndarray
) -> Extents:
    """Extents of particles given as horizontal runs, rows ascending.

    >>> runs = np.zeros(2, int), np.array([4, 4]), np.array([1, 6]), np.array([3, 7])
    >>> found = row_extents(*runs)
    >>> found.row.tolist(), found.left.tolist(), found.right.tolist()
    ([4], [1], [7])
    """
    order = np.argsort(particle, kind="stable")
    particle, row = particle[order].astype(np.int64), row[order].astype(np.int64)
    first, last = first[order].astype(np.int64), last[order].astype(np.int64)
    new = np.ones(particle.size, bool)
    new[1:] = (particle[1:] != particle[:-1]) | (row[1:] != row[:-1])
    at = np.flatnonzero(new)
    if at.size == 0:
        return Extents(particle, row, first, last)
    left, right = np.minimum.reduceat(first, at), np.maximum.reduceat(last, at)
    return Extents(particle[at], row[at], left, right)


def hulls(extents: Extents, n: int) -> Hulls:
    """Convex hulls of the pixel centres of ``n`` particles, each of at least one pixel.

    Examples
    --------
    A right triangle of six pixels:

    >>> triangle = Extents(np.zeros(3, int), np.arange(3), np.zeros(3, int), np.arange(3))
    >>> hulls(triangle, n=1).pixels().tolist()
    [6.0]
    """
    particle, row = extents.particle, extents.row
    keep_left = _outermost(particle, row, extents.left)
    keep_right = _outermost(particle, row, -extents.right)
    owner = np.concatenate([particle[keep_left], particle[keep_right]])
    rows = np.concatenate([row[keep_left], row[keep_right]])
    columns = np.concatenate([extents.left[keep_left], extents.right[keep_right]])
    # Down the left side, then up the right one.
    highest = 2 * row.max(initial=0) + 1
    around = np.concatenate([row[keep_left], highest - row[keep_right]])
    order = np.lexsort((around, owner))
    count = np.bincount(owner, minlength=n)
    return Hulls(rows[order], columns[order], np.cumsum(count) - count, count)


def _outermost(particle: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Indices of the vertices of the hull's left side; one point a row, rows ascending.

    A point that lies on or right of the line between its two neighbours is no vertex, whatever
    the neighbours are; so all such points go at once, until none is left.
    """
    keep = np.arange(particle.size)
    while True:
        p, y, x = particle[keep], row[keep], column[keep]
        inner = np.zeros(keep.size, bool)
        inner[1:-1] = (p[:-2] == p[1:-1]) & (p[2:] == p[1:-1])
        turn = (x[2:] - x[:-2]) * (y[1:-1] - y[:-2]) - (x[1:-1] - x[:-2]) * (y[2:] - y[:-2])
        inner[1:-1] &= turn <= 0
        if not inner.any():
            return keep
        keep = keep[~inner]


def calipers(found: Hulls) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest distance between parallel tangents of each particle, in pixels.

    Tangents of the pixels' corners: the hull of the corners is the hull of the centres, widened
    by the unit square. The largest caliper is then max (|dx| + 1)^2 + (|dy| + 1)^2 over pairs of
    vertices; the smallest lies along an edge of the hull (Toussaint, Proc. IEEE MELECON 1983,
    "Solving geometric problems with the rotating calipers").

    Examples
    --------
    A rectangle of 4 rows of 10 pixels:

    >>> rectangle = Extents(np.zeros(4, int), np.arange(4), np.zeros(4, int), np.full(4, 9))
    >>> largest, smallest = calipers(hulls(rectangle, n=1))
    >>> round(float(largest[0]) ** 2), float(smallest[0])
    (116, 4.0)
    """
    n = found.start.size
    largest, smallest = np.zeros(n), np.zeros(n)
    order = np.argsort(found.count, kind="stable")
    begin = 0
    while begin < n:
        # As many particles at a time as fit, padded to the most vertices among them.
        most = found.count[order[begin:]]
        fits = int(np.searchsorted(np.arange(1, n - begin + 1) * most**2, _PAIRS, "right"))
        batch = order[begin : begin + max(fits, 1)]
        largest[batch], smallest[batch] = _calipers(found, batch)
        begin += batch.size
    return largest, smallest


def _calipers(found: Hulls, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = found.count[batch]
    vertex = np.minimum(np.arange(count.max()), count[:, np.newaxis] - 1)
    vertex += found.start[batch][:, np.newaxis]
    y, x = found.row[vertex].astype(np.float64), found.column[vertex].astype(np.float64)
    dy = np.abs(y[:, :, np.newaxis] - y[:, np.newaxis, :])
    dx = np.abs(x[:, :, np.newaxis] - x[:, np.newaxis, :])
    largest = np.sqrt(((dy + 1) ** 2 + (dx + 1) ** 2).max(axis=(1, 2)))

    edge_y, edge_x = np.roll(y, -1, axis=1) - y, np.roll(x, -1, axis=1) - x
    length = np.hypot(edge_y, edge_x)
    # An edge of no length stands for the rows' direction, which the square adds anyway.
    normal_y = np.divide(edge_x, length, out=np.ones_like(y), where=length > 0)
    normal_x = np.divide(-edge_y, length, out=np.zeros_like(y), where=length > 0)
    across = (
        normal_y[:, :, np.newaxis] * y[:, np.newaxis, :]
        + normal_x[:, :, np.newaxis] * x[:, np.newaxis, :]
    )
    widths = np.ptp(across, axis=2) + np.abs(normal_y) + np.abs(normal_x)
    smallest = np.minimum(widths.min(axis=1), np.minimum(np.ptp(y, axis=1), np.ptp(x, axis=1)) + 1)
    return largest, smallest
