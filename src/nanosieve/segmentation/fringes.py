"""Are lattice fringes resolved? Then a threshold takes fringes for particles.

A lattice is a set of sharp peaks in the power spectrum, far above what noise or the random shapes
of particles put there.
"""

from itertools import pairwise

import numpy as np
from scipy import fft

from nanosieve.segmentation.kernels import gaussian

_WINDOW = 512
# A peak over the median power at its radius; of 260,000 exponentially distributed powers the
# highest stays below 20 times the median.
_PEAK = 60.0
_ATOMIC_NM = (0.05, 0.6)
_FINE_PX = 12.0
_REGULAR_PX, _REGULAR_PEAKS = 24.0, 5
# Nearer to the sampling limit an image that was enlarged or compressed has no noise to compare.
_LEAST_PX = 2.6


def lattice_spacings(image: np.ndarray) -> np.ndarray:
    """Spacings, in px, of significant Bragg peaks in the middle 512 px of ``image``; none: empty.

    Peaks below four periods a window, and those on the axes of the spectrum, where the edges of
    frames, JPEG blocks and scan lines show, do not count.

    Examples
    --------
    >>> y, x = np.mgrid[:256, :256]
    >>> fringes = np.cos(2 * np.pi * (0.8 * x + 0.6 * y) / 8)
    >>> noise = np.random.default_rng(0).normal(size=fringes.shape)
    >>> np.unique(lattice_spacings(fringes + noise).round()).tolist()
    [8.0]
    """
    side = min(_WINDOW, *image.shape)
    if side < 32:
        return np.zeros(0)
    top, left = ((n - side) // 2 for n in image.shape)
    part = np.asarray(image[top : top + side, left : left + side], np.float32)
    # Particles are left out by taking the slow part away: only what repeats remains.
    window = np.hanning(side).astype(np.float32)
    rest = (part - gaussian(part, side / 16)) * np.outer(window, window)
    power = np.abs(fft.rfft2(rest)) ** 2
    along_y = fft.fftfreq(side)[:, np.newaxis] * side
    along_x = fft.rfftfreq(side)[np.newaxis, :] * side
    radius = np.hypot(along_y, along_x)
    ring = radius.astype(np.intp)
    usual = _ring_median(power, ring)
    inside = (radius > 4) & (radius < side / _LEAST_PX) & (np.abs(along_y) > 2) & (along_x > 2)
    candidates = np.argwhere(inside & (power > _PEAK * usual[ring]))
    peaks = [at for at in candidates if _stands_alone(power, *at)]
    return np.unique([round(side / radius[y, x], 2) for y, x in peaks])


def is_lattice(spacings_px: np.ndarray, pixel_size_nm: float | None) -> bool:
    """Whether the spacings are those of atoms rather than of an array of particles.

    With a pixel size: between 0.05 and 0.6 nm. Without: finer than 12 px, as no array of particles
    that can be sized is, or finer than 24 px with the many peaks of a crystal.
    """
    if pixel_size_nm is None:
        many = np.count_nonzero(spacings_px < _REGULAR_PX) >= _REGULAR_PEAKS
        return bool(many or (spacings_px < _FINE_PX).any())
    size = spacings_px * pixel_size_nm
    return bool(((size > _ATOMIC_NM[0]) & (size < _ATOMIC_NM[1])).any())


def _stands_alone(power: np.ndarray, y: int, x: int) -> bool:
    """Whether a peak is far above the powers 5 to 9 frequencies away: a streak or slope is not."""
    around = power.take(range(y - 9, y + 10), axis=0, mode="wrap")[:, max(0, x - 9) : x + 10]
    far = np.hypot(*np.ogrid[-9:10, max(0, x - 9) - x : around.shape[1] + max(0, x - 9) - x]) > 5
    return bool(power[y, x] > _PEAK / 2 * np.median(around[far]))


def _ring_median(power: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Median power at each whole radius."""
    order = np.argsort(ring, axis=None)
    values = power.ravel()[order]
    edges = np.searchsorted(ring.ravel()[order], np.arange(ring.max() + 2))
    return np.array([np.median(values[a:b]) if b > a else np.inf for a, b in pairwise(edges)])
