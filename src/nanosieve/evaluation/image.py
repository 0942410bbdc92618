"""Scores of one prediction of one image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nanosieve.core.errors import FailedInput
from nanosieve.evaluation.predictions import Prediction
from nanosieve.evaluation.scores import NEEDS_TRUE_BOX, NEEDS_TRUTH
from nanosieve.evaluation.tally import BoxTally, InstanceTally, PixelTally, Sizes, Tally
from nanosieve.evaluation.truth import Truth, centre_counts, counted_boxes
from nanosieve.files.dataset import instances_from_mask
from nanosieve.measurement.agreement.boundary import boundary_distance
from nanosieve.measurement.agreement.boxes import (
    boxes_of,
    centre_hits,
    match_boxes,
    match_centres,
)
from nanosieve.measurement.agreement.instances import COCO_THRESHOLDS, Overlaps, overlaps
from nanosieve.measurement.agreement.pixels import confusion
from nanosieve.measurement.agreement.sizes import diameters, pair_diameters
from nanosieve.measurement.agreement.thresholds import probability_histogram

NAN = float("nan")
TRUE_COLUMNS = ["diameter_px", "contrast", "found", "iou", "bias"]
PREDICTED_COLUMNS = ["diameter_px", "true"]


@dataclass(frozen=True)
class ImageScore:
    """What one prediction of one image adds up to.

    Parameters
    ----------
    tally
        What can be pooled.
    scores
        Scores by column name; those that are undefined are absent or NaN.
    true_particles
        One row a true particle: ``diameter_px, contrast, found, iou, bias`` (IoU 0.5; ``iou`` 0 and
        ``bias`` NaN where missed).
    predicted_particles
        One row a predicted particle: ``diameter_px, true``.
    """

    tally: Tally
    scores: dict[str, float]
    true_particles: pd.DataFrame
    predicted_particles: pd.DataFrame


def score_image(truth: Truth, prediction: Prediction) -> ImageScore:
    """Compare one prediction with the truth.

    Raises
    ------
    FailedInput
        If the prediction does not have the image's shape.
    """
    _check(truth, prediction)
    if truth.mask is None or truth.instances is None:
        tally = Tally(boxes=_boxes(truth, prediction))
        return ImageScore(tally, _blank_empty(tally), _true_table(), _predicted_table())
    labels = prediction.labels
    if truth.from_mask:
        labels = instances_from_mask(prediction.mask)
    found = overlaps(truth.instances, labels, valid=truth.valid)
    tally = Tally(
        _pixels(truth, prediction),
        _instances(truth, found, labels, prediction),
        None if truth.boxes is None else _boxes(truth, prediction),
    )
    scores = _blank_empty(tally) | _edges(truth, prediction, found, labels)
    return ImageScore(tally, scores, _true_particles(truth, found), _predicted_particles(found))


def _check(truth: Truth, prediction: Prediction) -> None:
    for name, array in (("labels", prediction.labels), ("probability", prediction.probability)):
        if array is not None and array.shape != truth.image.shape:
            raise FailedInput(
                f"the {name} predicted are {array.shape} (y, x) but the image is "
                f"{truth.image.shape}; predictions lie on the image's own grid"
            )


def _pixels(truth: Truth, prediction: Prediction) -> PixelTally:
    mask, probability = prediction.mask, prediction.probability
    assert truth.mask is not None
    assert truth.near_edge is not None
    return PixelTally(
        confusion(truth.mask, mask, valid=truth.valid),
        confusion(truth.mask, mask, valid=truth.valid & ~truth.near_edge),
        None
        if probability is None
        else probability_histogram(truth.mask, probability, valid=truth.valid),
    )


def _instances(
    truth: Truth, found: Overlaps, labels: np.ndarray, prediction: Prediction
) -> InstanceTally:
    confidence = _confidence(prediction, labels)
    sizes = Sizes(
        diameters(found.true_areas), diameters(found.predicted_areas), pair_diameters(found)
    )
    size = truth.pixel_size_nm
    assert truth.instances is not None
    return InstanceTally(
        detections=tuple(found.counts(threshold) for threshold in COCO_THRESHOLDS),
        hits=np.stack([found.hits(threshold) for threshold in COCO_THRESHOLDS], axis=1),
        confidence=None if confidence is None else confidence[found.predicted_labels],
        sizes_px=sizes,
        sizes_nm=None if size is None else sizes.times(size),
        area_um2=NAN if size is None else np.count_nonzero(truth.valid) * size**2 * 1e-6,
        centres=match_centres(
            *(counted_boxes(boxes_of(one), truth.valid) for one in (truth.instances, labels))
        ),
    )


def _boxes(truth: Truth, prediction: Prediction) -> BoxTally:
    assert truth.boxes is not None
    labels = prediction.labels
    every = boxes_of(labels)
    counts = centre_counts(every, truth.valid)
    predicted = every[counts]
    confidence = _confidence(prediction, labels)
    if confidence is not None:
        confidence = confidence[np.unique(labels[labels > 0])[counts]]
    return BoxTally(
        match_centres(truth.boxes, predicted),
        match_boxes(truth.boxes, predicted),
        confidence,
        centre_hits(truth.boxes, predicted),
    )


def _confidence(prediction: Prediction, labels: np.ndarray) -> np.ndarray | None:
    """Confidence by label: of particles that were taken apart otherwise, the mean by pixels."""
    if prediction.certainty is not None:
        by_pixel = prediction.certainty[prediction.labels]
    elif prediction.probability is not None:
        by_pixel = prediction.probability
    else:
        return None
    total, area = np.bincount(labels.ravel(), by_pixel.ravel()), np.bincount(labels.ravel())
    # A mean of ones may be the last digit more.
    return np.clip(total / np.maximum(area, 1), 0, 1)


def _edges(
    truth: Truth, prediction: Prediction, found: Overlaps, labels: np.ndarray
) -> dict[str, float]:
    assert truth.mask is not None
    assert truth.instances is not None
    whole = boundary_distance(truth.mask, prediction.mask, valid=truth.valid)
    pairs = found.pairs[found.matches()]
    matched = boundary_distance(
        np.isin(truth.instances, found.true_labels[pairs[:, 0]]),
        np.isin(labels, found.predicted_labels[pairs[:, 1]]),
        valid=truth.valid,
    )
    in_px = {
        "boundary_mean": whole.mean,
        "boundary_p95": whole.p95,
        "matched_boundary": matched.mean,
    }
    size = NAN if truth.pixel_size_nm is None else truth.pixel_size_nm
    return {f"{name}_px": value for name, value in in_px.items()} | {
        f"{name}_nm": value * size for name, value in in_px.items()
    }


def _blank_empty(tally: Tally) -> dict[str, float]:
    """Scores of one image, without those that mean nothing where there is nothing to find."""
    scores = tally.scores()
    blank: tuple[str, ...] = ()
    if tally.pixels is not None and scores["tp_px"] + scores["fn_px"] == 0:
        blank += tuple(name for name in NEEDS_TRUTH if not name.startswith("instance_"))
    if tally.instances is not None and scores["n_true"] == 0:
        blank += tuple(name for name in NEEDS_TRUTH if name.startswith("instance_"))
    if tally.boxes is not None and scores["n_true_boxes"] == 0:
        blank += NEEDS_TRUE_BOX
    return scores | dict.fromkeys(blank, NAN)


def _true_table(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=TRUE_COLUMNS)


def _predicted_table(**columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=PREDICTED_COLUMNS)


def _true_particles(truth: Truth, found: Overlaps) -> pd.DataFrame:
    assert truth.contrast is not None
    matched = found.matches()
    rows, partners = found.pairs[matched].T
    size, partner_size = diameters(found.true_areas), diameters(found.predicted_areas)
    is_found, iou = np.zeros(len(size), bool), np.zeros(len(size))
    bias = np.full(len(size), np.nan)
    is_found[rows], iou[rows] = True, found.iou[matched]
    bias[rows] = partner_size[partners] / size[rows] - 1
    return _true_table(
        diameter_px=size,
        contrast=truth.contrast[found.true_labels],
        found=is_found,
        iou=iou,
        bias=bias,
    )


def _predicted_particles(found: Overlaps) -> pd.DataFrame:
    return _predicted_table(diameter_px=diameters(found.predicted_areas), true=found.hits())
