"""Agreement of two masks at their edges."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import check_shapes
from nanosieve.measurement.agreement.sizes import diameters


class BoundaryDistance(NamedTuple):
    """Distances between two boundaries, in pixels.

    Parameters
    ----------
    mean
        Mean over the pixels of both boundaries of the distance to the other one (average
        symmetric surface distance).
    p95
        The larger of the two directed 95th percentiles (95 % Hausdorff distance).
    """

    mean: float
    p95: float


def boundary(mask: np.ndarray) -> np.ndarray:
    """Find the particle pixels that have a background pixel beside them.

    The edge of the image bounds no particle: what is cut there has no boundary there.

    Examples
    --------
    >>> boundary(np.array([[1, 1, 1, 0]])).astype(int)
    array([[0, 0, 1, 0]])
    """
    inside = np.asarray(mask) != 0
    return inside & ~ndimage.binary_erosion(inside, border_value=1)


def boundary_distance(
    truth: np.ndarray, prediction: np.ndarray, *, valid: np.ndarray | None = None
) -> BoundaryDistance:
    """Measure how far the edges of two masks lie apart.

    Parameters
    ----------
    truth, prediction
        ``(y, x)``; non-zero is particle.
    valid
        ``(y, x)`` bool; distances are not taken from boundary pixels where it is false, but may
        lead to them: an edge that runs into an ignored region is no error.

    Returns
    -------
    BoundaryDistance
        In pixels; NaN where either mask has no boundary.

    Raises
    ------
    UsageError
        If the shapes differ.

    Notes
    -----
    One missed or invented particle adds its distance to the nearest true edge, so that both
    numbers also tell of detection; give matched particles only where the edge alone is meant.

    Examples
    --------
    >>> row = np.zeros((1, 9)); row[0, :4] = 1
    >>> boundary_distance(row, np.roll(row, 2, axis=1) + row)
    BoundaryDistance(mean=2.0, p95=2.0)
    """
    check_shapes(truth, prediction, valid)
    edges = [boundary(truth), boundary(prediction)]
    directed = []
    for source, target in (edges, edges[::-1]):
        counted = source if valid is None else source & np.asarray(valid, bool)
        if not counted.any() or not target.any():
            return BoundaryDistance(float("nan"), float("nan"))
        directed.append(ndimage.distance_transform_edt(~target)[counted])
    return BoundaryDistance(
        float(np.concatenate(directed).mean()),
        float(max(np.percentile(distances, 95) for distances in directed)),
    )


def border_band(truth: np.ndarray, half_width: float) -> np.ndarray:
    """Find the pixels within ``half_width`` px of the true edge.

    The edge runs between pixels: a pixel beside it is 0.5 px away. Labellers put edges in different
    places, so that a score outside this band tells of errors that are not a matter of taste.

    Raises
    ------
    UsageError
        If ``half_width`` is negative.

    Examples
    --------
    >>> border_band(np.array([[1, 1, 1, 0, 0, 0]]), 1.5).astype(int)
    array([[0, 1, 1, 1, 1, 0]])
    """
    if half_width < 0:
        raise UsageError(f"the border band's half-width must not be negative, got {half_width!r}")
    inside = np.asarray(truth) != 0
    if inside.all() or not inside.any():
        return np.zeros(inside.shape, bool)
    return _edge_distance(inside) <= half_width


def band_of_sizes(
    instances: np.ndarray, *, least_px: float = 1.5, share: float = 0.12
) -> np.ndarray:
    """Find the pixels near the true edge, as near as the particle's size allows to call it so.

    Where labellers differ they differ by a pixel or two on small particles, and by more on large
    ones, whose edges are no sharper on the specimen.

    Parameters
    ----------
    instances
        ``(y, x)`` integers, 0 the support.
    least_px, share
        Half-width of the band: the larger of ``least_px`` and ``share`` of the area-equivalent
        diameter of the particle whose edge it is.

    Raises
    ------
    UsageError
        If either is negative.

    Examples
    --------
    >>> band_of_sizes(np.array([[1] * 9 + [0] * 3]), least_px=0.5, share=0.5).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0]])
    """
    if least_px < 0 or share < 0:
        raise UsageError(
            f"the border band's half-width must not be negative, got {least_px!r} px and {share!r} "
            "of the diameter"
        )
    instances = np.asarray(instances)
    inside = instances != 0
    if inside.all() or not inside.any():
        return np.zeros(inside.shape, bool)
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    widths = np.maximum(least_px, share * diameters(np.bincount(instances.ravel())))
    return _edge_distance(inside) <= widths[instances[tuple(nearest)]]


def _edge_distance(inside: np.ndarray) -> np.ndarray:
    # The distance to the nearest pixel of the other class, less half a pixel, is that to the edge.
    depth = np.where(
        inside, ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside)
    )
    return np.asarray(depth - 0.5)
