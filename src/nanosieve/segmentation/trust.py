"""What speaks for each particle that a network found: the figures its certainty follows from.

All come from the network's own maps and from the labels. They are read off pixels inside, and off
cracks: the sides that a pixel of a particle shares with a pixel that is none of it.
"""

from collections.abc import Collection, Iterator

import numpy as np

# Half precision ends there: a mean nearer to 0 or 1 says no more.
_LEAST = 1e-3
# Rows looked at together: what is allocated does not grow with the frame.
_STRIP = 512


def evidence_of(
    labels: np.ndarray,
    n: int,
    probability: np.ndarray,
    core: np.ndarray | None,
    *,
    parted: Collection[int] = (),
    scale: float = 1.0,
) -> np.ndarray:
    """Figures of each particle, from what the network said of its pixels and those beside it.

    Parameters
    ----------
    labels, n
        ``(y, x)`` int32, 0 background, 1..n without gaps.
    probability
        ``(y, x)`` floats in [0, 1]: particle.
    core
        ``(y, x)`` floats: inside of a particle; ``None`` where the model has no such class.
    parted
        Labels that were split from a neighbour.
    scale
        Pixels of the network's grid in one of the frame's.

    Returns
    -------
    numpy.ndarray
        ``(n, k)`` float64, columns in the order of `nanosieve.models.trust.EVIDENCE`:

        ``inside``: log odds of the mean probability; ``rim``: fall of the probability across the
        outline, the mean of two pixels inside less that of two outside; ``core``: highest core,
        NaN without one; ``size``: log2 of the equivalent diameter in px of the network;
        ``roundness``: ln of 4 pi area / perimeter^2; ``parted``: 1 where split from a neighbour,
        else 0; ``typical``: median of ``rim`` over the frame.

    Examples
    --------
    >>> labels = np.zeros((12, 12), np.int32)
    >>> labels[2:10, 2:10] = 1
    >>> evidence_of(labels, 1, np.where(labels, 0.75, 0.25), None).round(3)[0, :4].tolist()
    [1.099, 0.5, nan, 3.174]
    """
    area, total, peak = _insides(labels, n, probability, core)
    cracks, fall = _outlines(labels, n, probability)
    mean = np.clip(total / area, _LEAST, 1 - _LEAST)
    rim = fall / np.maximum(cracks, 1)
    # Of all directions, an outline of unit length crosses 4 / pi sides of pixels.
    perimeter = np.maximum(cracks, 1) * np.pi / 4
    return np.column_stack(
        [
            np.log(mean / (1 - mean)),
            rim,
            peak,
            np.log2(2 * np.sqrt(area / np.pi) * scale),
            np.log(4 * np.pi * area / perimeter**2),
            np.isin(np.arange(1, n + 1), list(parted)),
            np.full(n, np.median(rim) if n else 0.0),
        ]
    )


def _insides(
    labels: np.ndarray, n: int, probability: np.ndarray, core: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, sum of the probability and highest core of each particle."""
    area, total, peak = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1, np.float32)
    for top in range(0, labels.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        at = np.flatnonzero(labels[rows] > 0)
        own = labels[rows].ravel()[at]
        area += np.bincount(own, minlength=n + 1)
        total += np.bincount(own, probability[rows].ravel()[at], minlength=n + 1)
        if core is not None:
            np.maximum.at(peak, own, core[rows].ravel()[at].astype(np.float32))
    if core is None:
        peak[:] = np.nan
    return area[1:], total[1:], peak[1:]


def _outlines(labels: np.ndarray, n: int, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of cracks around each particle, and sum of the fall of the probability over them."""
    cracks, fall = np.zeros(n + 1), np.zeros(n + 1)
    for here, there, drop in _cracks(labels, probability):
        cracks += np.bincount(here, minlength=n + 1) + np.bincount(there, minlength=n + 1)
        fall += np.bincount(here, drop, minlength=n + 1)
        fall -= np.bincount(there, drop, minlength=n + 1)
    return cracks[1:], fall[1:]


def _cracks(
    labels: np.ndarray, probability: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels on either side of each crack, and how much the probability falls from the first.

    Means of two pixels on either side; at the frame's border its last pixel counts twice.
    """
    flat, sides = probability.ravel(), labels.ravel()
    height, width = labels.shape
    for axis, step, last in ((0, width, height - 1), (1, 1, width - 1)):
        for top in range(0, height - (axis == 0), _STRIP):
            rows = labels[top : top + _STRIP + (axis == 0)]
            if axis == 0:
                at = np.flatnonzero(rows[1:] != rows[:-1]) + top * width
                along = at // width
            else:
                differ = np.zeros(rows.shape, bool)
                np.not_equal(rows[:, 1:], rows[:, :-1], out=differ[:, :-1])
                at = np.flatnonzero(differ) + top * width
                along = at % width
            before = flat[at - step * (along > 0)].astype(np.float32) + flat[at]
            after = flat[at + step] + flat[at + step + step * (along < last - 1)].astype(np.float32)
            yield sides[at], sides[at + step], (before - after) / 2
