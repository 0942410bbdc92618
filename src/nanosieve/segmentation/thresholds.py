"""`otsu` and `local`: one threshold for the frame, or one for every neighbourhood."""

import numpy as np

from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import Field


def otsu(field: Field) -> np.ndarray:
    """Pixels above Otsu's threshold of the smoothed, flattened frame (Otsu 1979)."""
    return (field.smooth > field.level) & field.valid


def local(field: Field) -> np.ndarray:
    """Pixels above the mean of their neighbourhood by half the frame's contrast.

    The window is three times the typical particle, so that a neighbourhood holds support too.
    """
    seeds = otsu(field)
    labels, n = kernels.label(seeds)
    if n == 0:
        return seeds
    area = kernels.sums(labels, n)[1:]
    diameter = 2 * float(np.sqrt(np.average(area, weights=area) / np.pi))
    window = int(np.clip(3 * diameter, 15, min(field.smooth.shape))) | 1
    return above_local_mean(field, window, floor=3 * field.scale.noise)


def above_local_mean(field: Field, window: int, *, floor: float, k: float = 0.2) -> np.ndarray:
    """Pixels above the local mean by ``k`` local standard deviations, at least by ``floor``.

    The variance-hybridised mean threshold ``S >= m + max(k s, floor)``, with the mean
    ``m`` and standard deviation ``s`` of the valid pixels in a square of ``window`` px. Both are
    worked out on blocks of ``window / 32`` px.
    """
    factor = max(1, window // 32)
    offset = float(np.median(field.smooth[::8, ::8]))
    width = max(3, window // factor) | 1
    values, share = field.smooth - offset, np.float32(1)
    if not field.valid.all():
        values = np.where(field.valid, values, 0)
        weight = kernels.shrink(field.valid, factor)
        share = np.maximum(kernels.box_mean(weight, width), 1e-3)
    mean = kernels.box_mean(kernels.shrink(values, factor), width) / share
    square = kernels.box_mean(kernels.shrink(values * values, factor), width) / share
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    level = mean + np.maximum(k * spread, floor)
    return (values > kernels.enlarge(level, values.shape, factor)) & field.valid
