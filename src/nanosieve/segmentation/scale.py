"""How much to smooth: as little as keeps noise from crossing the threshold.

One fixed scale does not serve both a movie of 6 px particles (best at 0.5 to 1 px) and one of 60 px
particles in strong correlated noise (best at 5 px).
"""

from dataclasses import dataclass

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.segmentation.kernels import enlarge, gaussian, shave, shrink

_SIGMAS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
# Half the contrast in units of noise: 4.5 leaves about three false crossings in a million pixels.
_TARGET = 4.5
# Smoothing lowers the contrast; where it rises by this much, Otsu found the noise of the support
# before and the particles after, and nothing in between is known.
_JUMP = 1.2
# Of float32, at which 256 bins cannot be told apart.
_ROUNDING = 3e-5
# In pure noise a million pixels reach 5 standard deviations.
_SPARSE = 6.5


@dataclass(frozen=True)
class Scale:
    """Chosen smoothing: ``sigma`` in px, the ``noise`` left after it, the ``reach`` (half the
    contrast in units of that noise)."""

    sigma: float
    noise: float
    reach: float


Window = tuple[np.ndarray, np.ndarray]


def choose_scale(windows: list[Window]) -> Scale:
    """Smallest Gaussian at which half the contrast is 4.5 times the support's noise.

    Parameters
    ----------
    windows
        Pairs of a ``(y, x)`` float32 image with bright particles, and its valid pixels.

    Returns
    -------
    Scale
        Interpolated between octave-spaced scales; where none suffices, the one that comes nearest.
    """
    tried: list[Scale] = []
    for sigma in _SIGMAS:
        scale = _at(windows, sigma)
        tried.append(scale)
        if scale.reach >= _TARGET:
            return _between(tried)
    return max(tried, key=lambda scale: scale.reach)


def otsu_level(pixels: np.ndarray) -> float:
    """Otsu's threshold; the middle where only rounding tells pixels apart, as on a flat ramp."""
    low, high = float(pixels.min()), float(pixels.max())
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return (low + high) / 2
    return float(threshold_otsu(pixels))


def _at(windows: list[Window], sigma: float) -> Scale:
    noises, contrasts = [], []
    smooth = [gaussian(image, sigma) for image, _ in windows]
    level = otsu_level(np.concatenate([s[v] for s, (_, v) in zip(smooth, windows, strict=True)]))
    for image, (_, valid) in zip(smooth, windows, strict=True):
        high = valid & (image > level)
        support = shave(shave(valid & ~high))
        if high.any() and np.count_nonzero(support) > 100:
            noises.append(local_noise(image, support, 6 * sigma + 8))
            contrasts.append(float(image[high].mean() - image[support].mean()))
    if not noises:
        return Scale(sigma, 0.0, 0.0)
    noise = max(float(np.median(noises)), 1e-30)
    return Scale(sigma, noise, float(np.median(contrasts)) / 2 / noise)


def _between(tried: list[Scale]) -> Scale:
    """Interpolate in log scale where the last step passed the target."""
    if len(tried) == 1:
        return tried[0]
    before, after = tried[-2:]
    if after.reach * after.noise > _JUMP * before.reach * before.noise:
        return after
    rise = after.reach - before.reach
    part = (_TARGET - before.reach) / rise if rise > 0 else 1.0
    part = float(np.clip(part, 0, 1))
    sigma = before.sigma * (after.sigma / before.sigma) ** part
    noise = before.noise * (after.noise / before.noise) ** part
    return Scale(sigma, noise, _TARGET)


def choose_sparse(windows: list[Window]) -> tuple[Scale, float] | None:
    """Scale and threshold for particles too few for Otsu's method to see.

    Below about one pixel in a thousand Otsu divides the noise of the support. There almost every
    pixel is support, so its median and its median absolute deviation are known, and particles stand
    out of it as what noise cannot reach: 6.5 standard deviations. The scale is the smallest at
    which half of what stands out is 4.5 of them, else the one that lifts it most. The threshold is
    at half of what stands out, at least 4.5 standard deviations.

    Returns
    -------
    tuple or None
        ``None`` where nothing stands out that far, or only single pixels do.
    """
    best: tuple[float, Scale, float] | None = None
    for sigma in _SIGMAS:
        pixels = np.concatenate([gaussian(image, sigma)[valid] for image, valid in windows])
        middle = float(np.median(pixels))
        noise = max(1.4826 * float(np.median(np.abs(pixels - middle))), 1e-30)
        # The highest values over the footprint of one grain of noise, not the single highest.
        rank = max(4, int(2 * np.pi * sigma**2))
        if rank > pixels.size // 2:
            break
        top = float(np.partition(pixels, -rank)[-rank]) - middle
        if top / noise >= _SPARSE and (best is None or top / noise > best[0]):
            level = middle + max(top / 2, _TARGET * noise)
            best = (top / noise, Scale(sigma, noise, top / noise / 2), level)
            if best[1].reach >= _TARGET:
                break
    return None if best is None else best[1:]


def local_noise(smooth: np.ndarray, support: np.ndarray, reach: float) -> float:
    """Robust standard deviation of the support about its own mean within ``reach`` px.

    Slow variation of the support is not noise: it is taken away before the spread is taken.
    """
    factor = max(1, min(int(reach / 4), *smooth.shape))
    weight = gaussian(shrink(support, factor), reach / factor) + 1e-3
    total = gaussian(shrink(np.where(support, smooth, 0), factor), reach / factor)
    mean = enlarge(total / weight, smooth.shape, factor)
    rest = (smooth - mean)[support]
    return 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
