"""Are the particles dark or bright? Told by their outline, not by how much of the frame they fill.

The sign of skewness fails where particles cover more than half of the frame. Particles are convex:
along strong edges the level lines bend around the particle, whatever the coverage.
"""

import numpy as np

from nanosieve.segmentation.kernels import gaussian, shrink

_SCALES = (2.0, 4.0, 8.0)
_SKEW_WEIGHT = 0.2
_CERTAIN = 0.05


def find_polarity(image: np.ndarray, valid: np.ndarray) -> float:
    """Score of the polarity of the particles in ``(y, x)`` float32 ``image``: below 0 for dark.

    The mean over three scales of the gradient-weighted share of edge pixels that bend around
    bright minus around dark, plus 0.2 tanh of the skewness: within -1.2 to 1.2. Below 0.05 in size
    it is no more than a guess (`is_certain`).

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> disc = ((y - 32) ** 2 + (x - 32) ** 2 < 100).astype(np.float32)
    >>> find_polarity(disc, np.ones(disc.shape, bool)) > 0.5
    True
    """
    votes = []
    for sigma in _SCALES:
        if min(image.shape) < 8 * sigma:
            continue
        # Coarse scales on half the grid, where they are as well resolved.
        factor = max(1, int(sigma / 2))
        smooth = gaussian(shrink(image, factor), sigma / factor)
        votes.append(_bend(smooth, shrink(valid, factor) > 0.99, int(3 * sigma / factor)))
    inside = image[valid]
    deviation = inside - np.median(inside)
    variance = float((deviation**2).mean())
    skewness = float((deviation**3).mean()) / variance**1.5 if variance > 0 else 0.0
    return float(np.mean(votes or [0.0])) + _SKEW_WEIGHT * float(np.tanh(skewness))


def is_certain(score: float) -> bool:
    """Whether the score is more than a guess."""
    return abs(score) >= _CERTAIN


def _bend(smooth: np.ndarray, valid: np.ndarray, margin: int) -> float:
    """Share of strong edge that bends around bright minus that around dark."""
    along_y, along_x = np.gradient(smooth)
    strength = np.hypot(along_y, along_x)
    scale = np.maximum(strength, 1e-6 * float(np.ptp(smooth)) + 1e-30)
    curvature = -(np.gradient(along_x / scale, axis=1) + np.gradient(along_y / scale, axis=0))
    inner = (slice(margin, -margin), slice(margin, -margin))
    strength, curvature, known = strength[inner], curvature[inner], valid[inner]
    if not known.any():
        return 0.0
    edge = known & (strength > np.quantile(strength[known], 0.9))
    weight = strength[edge]
    return float((weight * np.sign(curvature[edge])).sum() / max(float(weight.sum()), 1e-30))
