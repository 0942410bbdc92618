"""The rings of a spectrum: what is usual at each distance from zero frequency."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from nanosieve.lattice.spectrum import radii

# Of the median absolute deviation, for a normal distribution.
_MAD = 1.4826
# Frequencies sampled on the half circle of each ring.
_ANGLES = 180
# Rings over whose medians the median is taken, by their radii: smoothed spots of two grains can
# fill more than half of a ring near the middle, but not of all this much nearer or farther.
_NEAR = 1.4
_STEPS = 128


@lru_cache(maxsize=4)
def ring_numbers(shape: tuple[int, int]) -> np.ndarray:
    """Of each frequency of a spectrum the ring it lies on; not to be written to.

    Parameters
    ----------
    shape
        Of the spectrum: ``(rows, columns / 2 + 1)``.

    Returns
    -------
    np.ndarray
        ``(rows, columns / 2 + 1)`` uint16. A ring is as wide as the finer of the two steps of
        frequency; the last holds all that lies beyond 0.5 cycles per px.

    Examples
    --------
    >>> ring_numbers((8, 5))[:3].tolist()
    [[0, 1, 2, 3, 4], [1, 1, 2, 3, 4], [2, 2, 3, 4, 4]]
    """
    finest = max(shape[0], 2 * (shape[1] - 1))
    rings = np.minimum(np.rint(radii(shape) * finest), finest // 2 + 1).astype(np.uint16)
    rings.flags.writeable = False
    return rings


def ring_medians(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median of each ring, and a robust standard deviation.

    Parameters
    ----------
    spectrum
        ``(rows, columns / 2 + 1)`` real.

    Returns
    -------
    median, deviation
        ``(rings,)``, by the numbers of `ring_numbers`. The deviation is 1.4826 times the median
        absolute deviation from the median, never 0.

    Examples
    --------
    >>> median, deviation = ring_medians(np.full((16, 9), 3.0))
    >>> len(median), float(median.min()), float(median.max())
    (10, 3.0, 3.0)
    """
    rings = spectrum.ravel()[_places((spectrum.shape[0], spectrum.shape[1]))]
    median = _usual(np.median(rings, axis=1))
    deviation = _MAD * _usual(np.median(np.abs(rings - median[:, np.newaxis]), axis=1))
    # A ring of equal values has no noise to stand out of: whatever lies above it is a peak.
    return median, np.maximum(deviation, np.finfo(np.float32).tiny)


def _usual(by_ring: np.ndarray) -> np.ndarray:
    """Median over rings whose radii differ by a factor of `_NEAR` at most."""
    number = np.arange(1, len(by_ring), dtype=float)
    steps = np.geomspace(1, number[-1], _STEPS)
    width = 2 * round(np.log(_NEAR) / np.log(steps[1] / steps[0])) + 1
    evenly = np.interp(steps, number, by_ring[1:])
    found = np.interp(number, steps, ndimage.median_filter(evenly, width, mode="nearest"))
    return np.concatenate([found[:1], found])


@lru_cache(maxsize=4)
def _places(shape: tuple[int, int]) -> np.ndarray:
    """``(rings, angles)`` places in the flattened spectrum."""
    rows, columns = shape[0], 2 * (shape[1] - 1)
    radius = np.arange(max(rows, columns) // 2 + 2)[:, np.newaxis] / max(rows, columns)
    radius = np.minimum(radius, 0.5)
    angle = np.pi * ((np.arange(_ANGLES) + 0.5) / _ANGLES - 0.5)
    y = np.rint(radius * np.sin(angle) * rows).astype(np.intp) % rows
    x = np.rint(radius * np.cos(angle) * columns).astype(np.intp)
    return y * shape[1] + x
