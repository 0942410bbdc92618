"""`hybrid`: variance-hybridised mean local thresholds, gated and chosen globally.

A RECONSTRUCTION: Groom et al. (Ultramicroscopy 194, 25, 2018) name their method and its idea;
neither code nor constants were published. What is here follows the published name,
"variance hybridized mean local thresholding": local mean thresholds with a floor, over octaves of
window size; a global threshold that says where anything is; of what overlaps, the candidate with
the steepest outline; and a threshold of its own for each particle, by the edge rule
(`nanosieve.segmentation.edge`).
"""

import numpy as np

from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import Field
from nanosieve.segmentation.thresholds import above_local_mean, otsu

_WINDOWS = (31, 63, 127)
# A candidate of a local threshold replaces the global one whose place it shares only where its
# outline is this much steeper: on 48 real micrographs the ratio is 0.2 to 1.2 where the global
# component is a particle, and more where it is a piece of dark support that holds particles.
_STEEPER = 1.6
# A grain of noise inside a large particle is steep too: what replaces a component covers at least
# this share of it.
_LEAST_PART = 0.01
# Outside all global components it must be as steep as their median, and a bit.
_STEEP_ALONE = 1.2
_LARGE = 1 << 20


def hybrid(field: Field) -> np.ndarray:
    """Seeds of particles, from the global threshold and, where steeper, from local ones."""
    whole = kernels.opening(otsu(field))
    factor = _coarseness(whole)
    coarse = Field(
        kernels.shrink(field.smooth, factor),
        kernels.shrink(field.valid, factor) > 0.5,
        field.scale,
        field.level,
    )
    start = kernels.fill_holes(kernels.shrink(whole, factor) > 0.5) & coarse.valid
    seeds = _over_windows(coarse, start)
    if factor == 1:
        return seeds
    # Only what the local thresholds changed comes from the coarse grid.
    changed = kernels.repeat(seeds != start, whole.shape, factor)
    return np.where(changed, kernels.repeat(seeds, whole.shape, factor), whole) & field.valid


def _over_windows(field: Field, seeds: np.ndarray) -> np.ndarray:
    slope = kernels.gradient(field.smooth)
    for window in _WINDOWS:
        if 2 * window > min(seeds.shape):
            break
        local = kernels.opening(above_local_mean(field, window, floor=3 * field.scale.noise))
        seeds = _steepest(seeds, kernels.fill_holes(local) & field.valid, slope)
    return seeds


def _coarseness(seeds: np.ndarray) -> int:
    """Blocks in which a large frame's local thresholds are worked out: the finest quarter of its
    particles keeps at least eight blocks across."""
    if seeds.size <= _LARGE:
        return 1
    labels, n = kernels.label(np.ascontiguousarray(seeds[::2, ::2]))
    if n == 0:
        return 1
    diameter = 4 * float(np.sqrt(np.quantile(kernels.sums(labels, n)[1:], 0.25) / np.pi))
    return int(np.clip(diameter / 8, 1, 3))


def _steepest(whole: np.ndarray, parts: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Replace components of ``whole`` by those of ``parts`` that have steeper outlines."""
    labels, n = kernels.label(whole)
    pieces, m = kernels.label(parts)
    if n == 0 or m == 0:
        return whole
    steepness = _outline_slope(labels, n, slope)
    piece_steepness = _outline_slope(pieces, m, slope)
    owner = _majority(pieces, m, labels, n)
    typical = float(np.median(steepness[1:]))
    asked = np.where(owner > 0, _STEEPER * steepness[owner], _STEEP_ALONE * typical)
    better = piece_steepness >= asked
    better[0] = False
    covered = np.bincount(owner, np.where(better, kernels.sums(pieces, m), 0), minlength=n + 1)
    replaced = covered > _LEAST_PART * kernels.sums(labels, n)
    replaced[0] = False
    better &= replaced[owner] | (owner == 0)
    return (whole & ~replaced[labels]) | better[pieces]


def _outline_slope(labels: np.ndarray, n: int, slope: np.ndarray) -> np.ndarray:
    """Mean gradient along the outline of each label 0..n."""
    inside = labels > 0
    outline = np.where(inside & ~kernels.shave(inside), labels, 0)
    return kernels.means(outline, n, slope)


def _majority(pieces: np.ndarray, m: int, labels: np.ndarray, n: int) -> np.ndarray:
    """For each piece 0..m the label that holds most of its pixels, 0 for none."""
    inside = pieces > 0
    pairs, counts = np.unique(
        pieces[inside].astype(np.int64) * (n + 1) + labels[inside], return_counts=True
    )
    order = np.argsort(counts, kind="stable")
    owner = np.zeros(m + 1, np.intp)
    owner[pairs[order] // (n + 1)] = pairs[order] % (n + 1)
    return owner
