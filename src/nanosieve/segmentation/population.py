"""Two populations or one? Whether there is anything to threshold at all.

Otsu's method divides every image, an empty support too. Two things tell particles from a texture or
noise that a threshold has cut in two. Half the contrast must exceed the noise that smoothing could
not remove. And at the edge of particles the image is steeper than elsewhere, on the support and
inside; the level line of a texture is no steeper than any other place.
"""

import numpy as np

from nanosieve.segmentation.kernels import dilate, erode, gradient, shave
from nanosieve.segmentation.scale import Scale

# Drawn empty supports reach 1.5 to 2.0 (pure noise or texture) or are less steep than 1.37;
# of 48 real micrographs of particles the lowest figures are 2.8 and 1.9.
_LEAST_REACH = 2.4
_LEAST_STEEPNESS = 1.4


def edge_steepness(smooth: np.ndarray, mask: np.ndarray, valid: np.ndarray, gap: float) -> float:
    """Gradient along the edge of ``mask`` over that on bare support and that inside.

    The medians of the gradient are compared; the two ratios are joined by their geometric mean.
    About 1 to 1.7 where ``mask`` is a level set of noise, 2 to 30 for particles. ``gap`` px beside
    the edge count for neither side; a side too thin to be seen does not count. 0 without an edge.
    """
    slope = gradient(smooth)
    edge = mask & ~shave(mask) & valid
    if not edge.any():
        return 0.0
    steep = float(np.median(slope[edge]))
    sides = (valid & ~dilate(mask, gap), valid & erode(mask, gap))
    ratios = [
        steep / max(float(np.median(slope[side])), 1e-30)
        for side in sides
        if np.count_nonzero(side) >= 50
    ]
    return float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-30))))) if ratios else 0.0


def two_populations(smooth: np.ndarray, mask: np.ndarray, valid: np.ndarray, scale: Scale) -> bool:
    """Whether ``mask`` separates two populations of ``smooth`` rather than cuts one."""
    if scale.reach < _LEAST_REACH:
        return False
    return edge_steepness(smooth, mask, valid, 2 + 2 * scale.sigma) >= _LEAST_STEEPNESS
