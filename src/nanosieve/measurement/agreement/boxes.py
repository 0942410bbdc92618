"""Agreement of two sets of boxes, one to one."""

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.instances import Detections


def boxes_of(labels: np.ndarray) -> np.ndarray:
    """Give the box of each particle: ``(n, 4)`` as ``y0, x0, y1, x1``, px, ends exclusive.

    Examples
    --------
    >>> boxes_of(np.array([[0, 3, 3], [0, 0, 3]]))
    array([[0., 1., 2., 3.]])
    """
    slices = [found for found in ndimage.find_objects(np.asarray(labels)) if found is not None]
    corners = [(y.start, x.start, y.stop, x.stop) for y, x in slices]
    return np.array(corners, float).reshape(-1, 4)


def match_centres(true_boxes: np.ndarray, predicted_boxes: np.ndarray) -> Detections:
    """Count predictions whose centre lies inside a true box, one to one.

    As many pairs as possible are made, so that boxes that overlap do not take each other's centre.

    Parameters
    ----------
    true_boxes, predicted_boxes
        ``(n, 4)`` boxes ``y0, x0, y1, x1``, px.

    Raises
    ------
    UsageError
        If the arrays are not ``(n, 4)`` or a box ends before it starts.

    Examples
    --------
    >>> match_centres(np.array([[0, 0, 4, 4]]), np.array([[1, 1, 3, 3], [5, 5, 7, 7]]))
    Detections(tp=1, fp=1, fn=0)
    """
    return _count(_centre_inside(_check(true_boxes), _check(predicted_boxes)))


def centre_hits(true_boxes: np.ndarray, predicted_boxes: np.ndarray) -> np.ndarray:
    """Tell of each prediction whether `match_centres` gives it a partner: ``(n_predicted,)`` bool.

    Parameters and errors are those of `match_centres`.

    Examples
    --------
    >>> centre_hits(np.array([[0, 0, 4, 4]]), np.array([[5, 5, 7, 7], [1, 1, 3, 3]]))
    array([False,  True])
    """
    return _hits(_centre_inside(_check(true_boxes), _check(predicted_boxes)))


def match_boxes(
    true_boxes: np.ndarray, predicted_boxes: np.ndarray, *, threshold: float = 0.5
) -> Detections:
    """Count predictions whose box has an IoU of at least ``threshold`` with a true one.

    One to one, with as many pairs as possible (boxes of neighbours overlap, so that even above 0.5
    a partner need not be the only one).

    Parameters
    ----------
    true_boxes, predicted_boxes
        ``(n, 4)`` boxes ``y0, x0, y1, x1``, px.

    Raises
    ------
    UsageError
        If the arrays are not ``(n, 4)`` or a box ends before it starts.

    Examples
    --------
    >>> match_boxes(np.array([[0, 0, 4, 4]]), np.array([[0, 0, 4, 3]]))
    Detections(tp=1, fp=0, fn=0)
    """
    return _count(box_iou(true_boxes, predicted_boxes) >= threshold)


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair of boxes: ``(n_first, n_second)``.

    Raises
    ------
    UsageError
        If the arrays are not ``(n, 4)`` or a box ends before it starts.

    Examples
    --------
    >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[0, 1, 2, 3]])).round(3)
    array([[0.333]])
    """
    first, second = _check(first), _check(second)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _check(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, float)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UsageError(f"boxes are an (n, 4) array of y0, x0, y1, x1, got shape {boxes.shape}")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise UsageError("a box ends before it starts; give y0, x0, y1, x1")
    return boxes


def _centre_inside(true_boxes: np.ndarray, predicted_boxes: np.ndarray) -> np.ndarray:
    centres = (predicted_boxes[:, :2] + predicted_boxes[:, 2:]) / 2
    inside = (centres[None] >= true_boxes[:, None, :2]) & (centres[None] <= true_boxes[:, None, 2:])
    return inside.all(axis=2)


def _count(compatible: np.ndarray) -> Detections:
    n_true, n_predicted = compatible.shape
    tp = int(np.count_nonzero(_hits(compatible)))
    return Detections(tp, n_predicted - tp, n_true - tp)


def _hits(compatible: np.ndarray) -> np.ndarray:
    """Which predictions (columns) have a partner, with as many pairs as possible."""
    hit = np.zeros(compatible.shape[1], bool)
    if compatible.size:
        partner = maximum_bipartite_matching(sparse.csr_array(compatible), perm_type="column")
        hit[partner[partner >= 0]] = True
    return hit
