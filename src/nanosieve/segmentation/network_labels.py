"""Particles in what a network says: components of its mask, split by its cores or their outline."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from nanosieve.segmentation import kernels
from nanosieve.segmentation.split import split_touching

# A marker with less than this share of the largest in its particle is a fluctuation.
_SMALL_MARKER = 0.05
_LEAST_MARKER = 4
# A slice of a particle that the frame has cut off shows nothing of how many there are: one that is
# no deeper is left whole.
_SLICE_PX = 8
# Mean probability that is enough: this share of the typical particle's, and never less than that.
_OF_TYPICAL, _FAINTEST = 0.75, 0.55
# Of a frame whose typical particle has the first or less, it is not; from the second on it is.
_DOUBTED = (0.55, 0.65)
# Rows counted at a time: what is allocated does not grow with the frame.
_STRIP = 512


def label_particles(
    mask: np.ndarray,
    probability: np.ndarray,
    core: np.ndarray | None,
    *,
    min_diameter_px: float,
    split: bool,
) -> tuple[np.ndarray, frozenset[int]]:
    """Label the particles of a network's mask, touching ones apart.

    Parameters
    ----------
    mask
        ``(y, x)`` bool.
    probability
        ``(y, x)`` floats, from which `nanosieve.segmentation.split` tells gaps.
    core
        ``(y, x)`` floats: inside of a particle; ``None`` where the model has no such class.
    min_diameter_px
        Components of a smaller area than a disc of this diameter are left out.
    split
        Whether touching particles are taken apart.

    Returns
    -------
    labels
        ``(y, x)`` int32, 0 background, 1..n.
    parted
        Labels that were split from a neighbour.
    """
    labels, n = kernels.label(mask)
    keep = kernels.sums(labels, n) >= math.pi / 4 * min_diameter_px**2
    number = _new_numbers(keep)
    labels = number[labels]
    n = int(number.max(initial=0))
    parted: set[int] = set()
    for own, box, found in _parts(labels, probability, core) if split else ():
        parts = _without_gaps(found)
        extra = int(parts.max(initial=0)) - 1
        if extra < 1:
            continue
        further = parts > 1
        labels[box][further] = parts[further] + np.int32(n - 1)
        parted |= {own, *range(n + 1, n + 1 + extra)}
        n += extra
    return labels, frozenset(parted)


def without_faint(
    labels: np.ndarray, parted: frozenset[int], probability: np.ndarray, least_mean: float
) -> tuple[np.ndarray, frozenset[int], int]:
    """Leave out particles of too small a mean probability, and number the others anew.

    Parameters
    ----------
    labels, parted
        As `label_particles` gives them.
    probability
        ``(y, x)`` floats.
    least_mean
        See `least_of`; with 0 all are kept.

    Returns
    -------
    labels, parted, left_out
        The last: how many were left out.
    """
    n = int(labels.max(initial=0))
    if least_mean == 0 or n == 0:
        return labels, parted, 0
    means = kernels.means(labels, n, probability)
    least = least_of(means[1:], kernels.sums(labels, n)[1:], least_mean)
    number = _new_numbers(means >= least)
    kept = frozenset(number[sorted(parted)].tolist()) - {0}
    return number[labels], kept, n - int(number.max())


def least_of(means: np.ndarray, areas: np.ndarray, least_mean: float) -> float:
    """Mean probability that a particle of a frame needs to be kept.

    A network is less sure of faint images than of clear ones. What it is hardly sure of is dirt or
    print beside particles that it is sure of, but a particle where it is no surer of any other. So
    the least is a share of what the typical particle has, the one that half of their area belongs
    to or to larger or surer ones, within bounds. A frame of which it is sure of nothing is likely
    support alone: there only what it is sure of counts.

    Parameters
    ----------
    means, areas
        ``(n,)`` of each particle, one at least: mean probability, pixels.
    least_mean
        Upper bound.

    Examples
    --------
    >>> areas = np.array([90, 100, 10])
    >>> [round(least_of(np.array(means), areas, 0.75), 3)
    ...  for means in ([0.96, 0.96, 0.6], [0.8, 0.8, 0.6], [0.6, 0.6, 0.5], [0.5, 0.5, 0.4])]
    [0.72, 0.6, 0.65, 0.75]
    """
    order = np.argsort(means)
    covered = np.cumsum(areas[order])
    typical = float(means[order][np.searchsorted(covered, covered[-1] / 2)])
    relative = min(least_mean, max(_FAINTEST, _OF_TYPICAL * typical))
    doubt = float(np.interp(typical, _DOUBTED, (1, 0)))
    return doubt * least_mean + (1 - doubt) * relative


def _new_numbers(keep: np.ndarray) -> np.ndarray:
    """Numbers 1.. of the labels to keep, by label; 0 for the others, and for label 0."""
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)


def _is_slice(box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a component lies along an edge of the frame, no deeper than a slice."""
    return any(
        part.stop - part.start <= _SLICE_PX and (part.start == 0 or part.stop == side)
        for part, side in zip(box, shape, strict=True)
    )


def _parts(
    labels: np.ndarray, probability: np.ndarray, core: np.ndarray | None
) -> Iterator[tuple[int, tuple[slice, slice], np.ndarray]]:
    """Label, box and parts (1..m within the component) of each that may be several."""
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if _is_slice(box, labels.shape):
            continue
        # DIPlib takes what is one pixel wide for a line.
        inside = np.pad(labels[box] == number, 1)
        if core is None:
            depth = np.pad(probability[box].astype(np.float32), 1)
            parts = split_touching(inside, inside, depth)
        else:
            parts = split_by_cores(inside, np.pad(core[box].astype(np.float32), 1))
        yield number, box, parts[1:-1, 1:-1]


def _without_gaps(parts: np.ndarray) -> np.ndarray:
    """Number parts 1..m: flooding drops a marker on a slope that its neighbour's flood comes up."""
    there = np.bincount(parts.ravel()) > 0
    return parts if there[1:].all() else _new_numbers(there)[parts]


def split_by_cores(inside: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Divide one component among the cores in it, at the necks between them.

    Parameters
    ----------
    inside
        ``(y, x)`` bool: the component.
    core
        ``(y, x)`` float32: probability of being inside a particle, away from its neighbours.

    Returns
    -------
    ndarray
        ``(y, x)`` int32, 0 outside, 1..m; one part where there are fewer than two cores.

    Examples
    --------
    >>> y, x = np.mgrid[:25, :45]
    >>> way = np.minimum(*(np.hypot(y - 12, x - middle) for middle in (12, 32)))
    >>> int(split_by_cores(way < 11, np.float32(way < 6)).max())
    2
    """
    markers, n = kernels.label(inside & (core >= 0.5))
    areas = kernels.sums(markers, n)
    keep = areas >= max(_LEAST_MARKER, _SMALL_MARKER * float(areas.max(initial=0)))
    number = _new_numbers(keep)
    if number.max(initial=0) < 2:
        return inside.astype(np.int32)
    markers = number[markers]
    depth = kernels.gaussian(kernels.depth_inside(inside), 1)
    return kernels.watershed(-depth, markers, inside)


def edge_shift(labels: np.ndarray, n: int, probability: np.ndarray, level: float) -> float | None:
    """Half the mean change of diameter when the threshold moves by a quarter either way.

    Parameters
    ----------
    labels, n
        ``(y, x)`` int32 labels 1..n.
    probability
        ``(y, x)`` floats.
    level
        The threshold.

    Returns
    -------
    float or None
        In px; ``None`` without a particle.
    """
    if n == 0:
        return None
    owner = kernels.grow(labels, 3)
    areas = np.zeros((2, n + 1))
    lower, upper = 0.75 * level, min(1.25 * level, (1 + level) / 2)
    for top in range(0, labels.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        for row, limit in enumerate((lower, upper)):
            areas[row] += np.bincount(owner[rows][probability[rows] >= limit], minlength=n + 1)
    diameters = 2 * np.sqrt(areas[:, 1:] / np.pi)
    return float(np.maximum(diameters[0] - diameters[1], 0).mean() / 2)
