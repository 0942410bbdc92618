"""Two populations or one? Whether there is anything to threshold, and whether it is particles.

Otsu's method divides every image, an empty support too. Two things tell particles from a texture or
noise that a threshold has cut in two. Half the contrast must exceed the noise that smoothing could
not remove. And at the edge of particles the image is steeper than elsewhere, on the support and
inside; the level line of a texture is no steeper than any other place.

That is asked twice: of the whole frame before anything is looked for, and of each that was found,
since a support that ends in vacuum is two populations too (`particles_only`).
"""

import math

import numpy as np

from nanosieve.segmentation import kernels
from nanosieve.segmentation.kernels import dilate, erode, gradient, shave
from nanosieve.segmentation.scale import Scale

# Drawn empty supports reach 1.5 to 2.0 (pure noise or texture) or are less steep than 1.37;
# of 48 real micrographs of particles the lowest figures are 2.8 and 1.9.
_LEAST_REACH = 2.4
_LEAST_STEEPNESS = 1.4
# A find is distinct by its steepness times the square of its solidity: the frayed pieces that a
# threshold cuts from a support must be the steeper. Where there are particles one in five is, and
# they hold a twentieth of the area of all: specks beside a large piece are of the support too.
_DISTINCT = 1.42
_DISTINCT_SHARE = 0.2
_DISTINCT_AREA = 0.05
# One that is no steeper than what is around it and in it is a piece of the support.
_OWN_STEEPNESS = 1.0
# Pixels beside a particle that are looked at, as a share of the typical diameter; and at least.
_BESIDE, _LEAST_BESIDE = 0.25, 4.0
_LEAST_PIXELS = 5


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


def steepness(
    labels: np.ndarray, tight: np.ndarray, smooth: np.ndarray, valid: np.ndarray, gap: float
) -> np.ndarray:
    """How much steeper each label's outline is than the image inside it and beside it.

    As `edge_steepness`, with root mean squares for medians, for each label on its own.

    Parameters
    ----------
    labels
        ``(y, x)`` int32, 1..n.
    tight
        ``(y, x)`` bool: their part above half depth, whose outline is looked at. Nearer to the
        foot of the profile a particle with a halo is not steep.
    smooth, valid
        ``(y, x)``: the image, and its pixels that count.
    gap
        Pixels on either side of the outline that count for no side.

    Returns
    -------
    ndarray
        ``(n + 1,)`` float64, the first unused; infinite for one with too little of both sides.
    """
    n = int(labels.max(initial=0))
    square = gradient(smooth) ** 2
    outline = np.where(tight & ~shave(tight), labels, 0)
    area = kernels.sums(labels, n)
    usual = 2 * math.sqrt(float((area**2).sum() / max(area.sum(), 1) / np.pi))
    reach = gap + max(_LEAST_BESIDE, _BESIDE * usual)
    near = kernels.grow(labels, math.ceil(gap)) > 0
    beside = np.where(valid & ~near, kernels.grow(labels, math.ceil(reach)), 0)
    within = np.where(erode(tight, gap), labels, 0)
    edge = np.log(np.maximum(kernels.means(outline, n, square), 1e-30))
    total, sides = np.zeros(n + 1), np.zeros(n + 1)
    for side in (within, beside):
        known = kernels.sums(side, n) >= _LEAST_PIXELS
        total += known * (edge - np.log(np.maximum(kernels.means(side, n, square), 1e-30)))
        sides += known
    # Squares and two sides: a quarter of the sum of both.
    return np.where(sides > 0, np.exp(total / np.maximum(2 * sides, 1)), np.inf)


def particles_only(steep: np.ndarray, solid: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Which labels to keep, ``(n + 1,)`` bool: none where too few of them are distinct.

    Parameters
    ----------
    steep, solid, area
        ``(n + 1,)``: `steepness`, the share of its convex hull that each label fills, and its
        pixels; the first unused.

    Examples
    --------
    >>> area = np.array([0, 50, 300, 300])
    >>> particles_only(np.array([0, 0.8, 1.5, 3.0]), np.array([0, 0.9, 0.9, 0.9]), area)
    array([False, False,  True,  True])
    >>> particles_only(np.array([0, 0.8, 1.5, 2.5]), np.array([0, 0.9, 0.9, 0.7]), area)
    array([False, False, False, False])
    """
    distinct = steep[1:] * solid[1:] ** 2 >= _DISTINCT
    many = np.count_nonzero(distinct) >= _DISTINCT_SHARE * distinct.size
    large = area[1:][distinct].sum() >= _DISTINCT_AREA * area[1:].sum()
    keep = (steep >= _OWN_STEEPNESS) & many & large
    keep[0] = False
    return keep
