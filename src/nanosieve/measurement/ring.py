"""The bare support around each particle: what contrast and contrast-to-noise are measured from."""

from dataclasses import dataclass

import numpy as np

from nanosieve.measurement.hull import Extents
from nanosieve.measurement.strips import strips

# A particle's blurred edge reaches a pixel or two into the support.
_GUARD_PX = 2
# A quarter of the diameter averages over the support's noise and stays near the particle.
_WIDTH_OF_DIAMETER = 0.25
_WIDTH_PX = (3, 12)


@dataclass(frozen=True)
class RingStatistics:
    """``(n,)`` number, mean and standard deviation of each ring's pixels; NaN where none is."""

    count: np.ndarray
    mean: np.ndarray
    std: np.ndarray


def ring_statistics(
    labels: np.ndarray,
    image: np.ndarray,
    extents: Extents,
    diameter_px: np.ndarray,
    *,
    excluded: np.ndarray | None = None,
) -> RingStatistics:
    """Mean and standard deviation of the bare support around each particle.

    The ring of a particle reaches to 2 px plus a quarter of its diameter (3 to 12 px) from it. Of
    the pixels there, those count that are more than 2 px from every particle, not excluded, and
    finite. Bays of a particle, between the first and the last of its pixels in a row, do not.

    Parameters
    ----------
    labels, image
        ``(y, x)`` labels and grey values.
    extents
        First and last column of each particle in each row (`nanosieve.measurement.shape.shapes`).
    diameter_px
        ``(n,)`` diameters.
    excluded
        ``(y, x)`` bool.

    Examples
    --------
    >>> labels = np.zeros((21, 21), np.int32)
    >>> labels[8:13, 8:13] = 1
    >>> rows = np.arange(8, 13)
    >>> square = Extents(np.zeros(5, int), rows, np.full(5, 8), np.full(5, 12))
    >>> ring = ring_statistics(labels, np.where(labels, 2.0, 7.0), square, np.array([5.6]))
    >>> float(ring.mean[0]), float(ring.std[0])
    (7.0, 0.0)
    """
    n = diameter_px.size
    width = np.clip(np.rint(_WIDTH_OF_DIAMETER * diameter_px), *_WIDTH_PX).astype(np.int64)
    sides = _sides(extents, width + _GUARD_PX, labels.shape)
    count, total, squares = np.zeros(n), np.zeros(n), np.zeros(n)
    # Deviations are taken from one pixel of the ring, so that a constant ring has a standard
    # deviation of exactly 0 (shifted data; Chan, Golub & LeVeque, Am. Stat. 37, 242, 1983).
    pivot = np.full(n, np.nan)
    for rows, wide, inner in strips(labels.shape, _GUARD_PX):
        begin, end = np.searchsorted(sides.row, (rows.start, rows.stop))
        owner, index = _pixels(sides, slice(begin, end), rows.start, labels.shape[1])
        bare = ~_grown(labels[wide] > 0)[inner]
        if excluded is not None:
            bare &= ~excluded[rows]
        taken = bare.ravel()[index]
        owner = owner[taken]
        grey = image[rows].ravel()[index[taken]].astype(np.float64)
        finite = np.isfinite(grey)
        owner, grey = owner[finite], grey[finite]
        unset = np.isnan(pivot[owner])
        # Of repeated indices NumPy keeps the last value: reversed, the first pixel of the ring.
        pivot[owner[unset][::-1]] = grey[unset][::-1]
        grey -= pivot[owner]
        count += np.bincount(owner, minlength=n)
        total += np.bincount(owner, weights=grey, minlength=n)
        squares += np.bincount(owner, weights=grey**2, minlength=n)
    filled = count > 0
    shift = np.divide(total, count, out=np.full(n, np.nan), where=filled)
    square = np.divide(squares, count, out=np.full(n, np.nan), where=filled)
    return RingStatistics(count, pivot + shift, np.sqrt(np.maximum(square - shift**2, 0)))


def _sides(extents: Extents, reach: np.ndarray, shape: tuple[int, ...]) -> Extents:
    """Pixels within ``reach`` of each particle, left and right of it, as runs by row.

    Each row of a particle, widened by the chord of a disc, is laid on the rows above and below.
    """
    n = reach.size
    rows_of = np.bincount(extents.particle, minlength=n)
    start = np.cumsum(rows_of) - rows_of
    # A particle's rows may have gaps where its pixels are not connected: hence from its last row.
    top = extents.row[start] - reach
    height = extents.row[start + rows_of - 1] + reach - top + 1
    offset = np.cumsum(height) - height
    size = int(height.sum())
    left = np.full(size, np.iinfo(np.int64).max)
    right = np.full(size, -1)
    own = offset[extents.particle] + extents.row - top[extents.particle]
    for step in range(-int(reach.max(initial=0)), int(reach.max(initial=0)) + 1):
        far = np.abs(step) <= reach[extents.particle]
        at = own[far] + step
        chord = np.sqrt(reach[extents.particle[far]] ** 2 - step**2).astype(np.int64)
        left[at] = np.minimum(left[at], extents.left[far] - chord)
        right[at] = np.maximum(right[at], extents.right[far] + chord)
    # The particle itself is cut out: rows beside it fall into two parts.
    inner_left, inner_right = right + 1, right.copy()
    inner_left[own], inner_right[own] = extents.left, extents.right
    particle = np.repeat(np.arange(n), height)
    row = np.arange(size) - np.repeat(offset - top, height)
    left, right = np.maximum(left, 0), np.minimum(right, shape[1] - 1)
    both = Extents(
        np.concatenate([particle, particle]),
        np.concatenate([row, row]),
        np.concatenate([left, np.maximum(inner_right + 1, 0)]),
        np.concatenate([np.minimum(inner_left - 1, shape[1] - 1), right]),
    )
    kept = (both.row >= 0) & (both.row < shape[0]) & (both.left <= both.right)
    order = np.flatnonzero(kept)[np.argsort(both.row[kept], kind="stable")]
    return Extents(both.particle[order], both.row[order], both.left[order], both.right[order])


def _pixels(
    sides: Extents, part: slice, first_row: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Particle and flat index, counted from ``first_row``, of each pixel of some runs."""
    left = sides.left[part]
    length = sides.right[part] - left + 1
    begin = (sides.row[part] - first_row) * width + left
    ends = np.cumsum(length)
    index = np.arange(ends[-1] if ends.size else 0) + np.repeat(begin - ends + length, length)
    return np.repeat(sides.particle[part], length), index


def _grown(mask: np.ndarray) -> np.ndarray:
    """Pixels at most 2 px from a set one: a disc of 13 pixels, as three nested rows."""
    beside = mask.copy()
    beside[:, 1:] |= mask[:, :-1]
    beside[:, :-1] |= mask[:, 1:]
    grown = beside.copy()
    grown[:, 2:] |= mask[:, :-2]
    grown[:, :-2] |= mask[:, 2:]
    grown[1:] |= beside[:-1]
    grown[:-1] |= beside[1:]
    grown[2:] |= mask[:-2]
    grown[:-2] |= mask[2:]
    return grown
