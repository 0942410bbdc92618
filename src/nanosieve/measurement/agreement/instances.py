"""Agreement of two label images, particle by particle."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import check_shapes, ratio

COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


@dataclass(frozen=True)
class Overlaps:
    """Particles of two label images and every pair that shares a pixel.

    Parameters
    ----------
    true_labels, predicted_labels
        Label values, ascending; pairs count along them.
    true_areas, predicted_areas
        Pixels of each particle, ignored ones included.
    pairs
        ``(n, 2)``: index into ``true_labels`` and into ``predicted_labels``, best IoU first.
    iou
        ``(n,)`` intersection over union of each pair, over the pixels that count.
    """

    true_labels: np.ndarray
    predicted_labels: np.ndarray
    true_areas: np.ndarray
    predicted_areas: np.ndarray
    pairs: np.ndarray
    iou: np.ndarray

    def matches(self, threshold: float = 0.5) -> np.ndarray:
        """Pair particles one to one at an IoU of at least ``threshold``.

        Above 0.5 a particle can have one partner only. At exactly 0.5 the rivals of a particle
        are its two halves, which have no other partner, so that taking pairs best first finds as
        many pairs as any assignment does.

        Returns
        -------
        numpy.ndarray
            Row numbers into ``pairs``.

        Raises
        ------
        UsageError
            If the threshold is not within [0.5, 1].

        Examples
        --------
        >>> labels = np.array([[1, 1, 0, 2]])
        >>> found = overlaps(labels, np.array([[5, 5, 0, 0]]))
        >>> found.pairs[found.matches()]
        array([[0, 0]])
        """
        if not 0.5 <= threshold <= 1:
            raise UsageError(
                f"pairs are one to one from an IoU of 0.5 on: give 0.5 to 1, got {threshold!r}"
            )
        kept = np.flatnonzero(self.iou >= threshold)
        _, first_true = np.unique(self.pairs[kept, 0], return_index=True)
        kept = kept[np.sort(first_true)]
        _, first_predicted = np.unique(self.pairs[kept, 1], return_index=True)
        return kept[np.sort(first_predicted)]

    def counts(self, threshold: float = 0.5) -> "Detections":
        """Count particles found, invented and missed at an IoU threshold."""
        tp = len(self.matches(threshold))
        return Detections(tp, len(self.predicted_labels) - tp, len(self.true_labels) - tp)

    def hits(self, threshold: float = 0.5) -> np.ndarray:
        """Tell of each prediction whether it has a partner: ``(n_predicted,)`` bool."""
        hit = np.zeros(len(self.predicted_labels), bool)
        hit[self.pairs[self.matches(threshold), 1]] = True
        return hit


@dataclass(frozen=True)
class Detections:
    """Particles found (``tp``), invented (``fp``) and missed (``fn``); counts add up.

    Examples
    --------
    >>> Detections(3, 1, 2).f1, Detections(3, 1, 2).jaccard
    (0.6666666666666666, 0.5)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Detections") -> "Detections":
        return Detections(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP); NaN where nothing is predicted."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); NaN where there is nothing to find."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN where there is nothing and nothing is predicted."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def jaccard(self) -> float:
        """TP / (TP + FP + FN), which needs no ranking.

        Papers on cells call this figure average precision; here that name is kept for the area
        under the precision-recall curve of ranked predictions (`average_precision`).
        """
        return ratio(self.tp, self.tp + self.fp + self.fn)


def overlaps(
    truth: np.ndarray, prediction: np.ndarray, *, valid: np.ndarray | None = None
) -> Overlaps:
    """Tabulate which particles of two label images share pixels.

    Parameters
    ----------
    truth, prediction
        ``(y, x)`` integer; 0 background, else the particle. Values need not be consecutive.
    valid
        ``(y, x)`` bool. A particle with more than half of its pixels where it is false counts
        neither for nor against, on either side; of the others only the valid pixels are compared.

    Raises
    ------
    UsageError
        If the shapes differ or a label is negative or not an integer.

    Examples
    --------
    >>> found = overlaps(np.array([[1, 1, 1, 0]]), np.array([[0, 7, 7, 7]]))
    >>> found.iou
    array([0.5])
    """
    check_shapes(truth, prediction, valid)
    sides = [_side(labels, valid) for labels in (truth, prediction)]
    (true_labels, true_index, true_areas), (labels, index, areas) = sides
    n_true, n_predicted = len(true_labels), len(labels)
    counted = (true_index > 0) | (index > 0)
    table = sparse.coo_array(
        (
            np.ones(np.count_nonzero(counted), np.int64),
            (true_index[counted], index[counted]),
        ),
        shape=(n_true + 1, n_predicted + 1),
    ).tocsr()
    true_sizes = np.asarray(table.sum(axis=1)).ravel()
    sizes = np.asarray(table.sum(axis=0)).ravel()
    shared = table[1:, 1:].tocoo()
    i, j = shared.coords
    union = true_sizes[1:][i] + sizes[1:][j] - shared.data
    iou = shared.data / union
    # Best first; equal ones in the order of their labels, so that results never depend on chance.
    order = np.lexsort((j, i, -iou))
    pairs = np.stack([i, j], axis=1)[order].astype(np.int64)
    return Overlaps(true_labels, labels, true_areas, areas, pairs, iou[order])


def _side(
    labels: np.ndarray, valid: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number the particles that count 1..n: their labels, an index image, their whole areas."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub" or (labels.dtype.kind == "i" and labels.min(initial=0) < 0):
        raise UsageError(
            f"a label image holds integers from 0 up, got {labels.dtype}"
            + (" with negative values" if labels.dtype.kind == "i" else "")
        )
    values, index, areas = np.unique(labels, return_inverse=True, return_counts=True)
    index = index.reshape(labels.shape)
    counts = values != 0
    if valid is not None:
        inside = np.asarray(valid, bool)
        seen = np.bincount(index[inside], minlength=len(values))
        counts &= 2 * seen >= areas
    number = np.where(counts, np.cumsum(counts), 0)[index]
    if valid is not None:
        number = np.where(inside, number, 0)
    return values[counts], number, areas[counts]


def average_precision(confidence: np.ndarray, hits: np.ndarray, n_true: int) -> float:
    """Area under the precision-recall curve of predictions ranked by confidence.

    Precision is made non-increasing with recall first, and the area is exact (all points); ties
    in confidence enter together.

    Parameters
    ----------
    confidence
        ``(n,)`` of each prediction, of one or of many images.
    hits
        ``(n,)`` bool: the prediction has a partner at the IoU wanted.
    n_true
        Number of true particles.

    Returns
    -------
    float
        NaN where there is nothing to find; 0 where nothing is predicted.

    Raises
    ------
    UsageError
        If the lengths differ, or there are more hits than true particles.

    References
    ----------
    Everingham et al., Int. J. Comput. Vis. 88, 303 (2010), in its all-points form.

    Examples
    --------
    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.8333333333333333
    """
    confidence, hits = np.asarray(confidence, float), np.asarray(hits, bool)
    if confidence.shape != hits.shape or confidence.ndim != 1:
        raise UsageError(
            f"give one confidence a prediction: got {confidence.shape} for {hits.shape} predictions"
        )
    if hits.sum() > n_true:
        raise UsageError(f"{hits.sum()} hits cannot be among {n_true} true particles")
    if n_true == 0:
        return float("nan")
    if len(hits) == 0:
        return 0.0
    order = np.argsort(-confidence, kind="stable")
    found = np.cumsum(hits[order])
    last_of_tie = np.append(np.diff(confidence[order]) != 0, True)
    tp = found[last_of_tie]
    precision = tp / (np.flatnonzero(last_of_tie) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(tp, prepend=0) * envelope) / n_true)
