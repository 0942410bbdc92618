"""Whether the confidence of particles is the share of them that is true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanosieve.evaluation.tally import Tally
from nanosieve.measurement.agreement.intervals import Interval
from nanosieve.measurement.agreement.reliability import (
    Reliability,
    brier_score,
    error_interval,
    reliability,
)

# Column in summary.csv -> what makes a particle a true one.
CALIBRATION = {
    "instance_ece_50": "partner at IoU 0.5",
    "box_centre_ece": "centre inside a true box",
}


@dataclass(frozen=True)
class ConfidenceCheck:
    """Confidence of all particles that one method found, against the truth.

    Parameters
    ----------
    bins
        Particles by confidence.
    interval
        Of the calibration error, over groups.
    brier
        Mean square of confidence less truth.
    said, found
        Mean confidence, and share of true particles.
    """

    bins: Reliability
    interval: Interval
    brier: float
    said: float
    found: float

    @property
    def n(self) -> int:
        """Number of particles."""
        return int(self.bins.count.sum())


def confidence_checks(
    tallies: Sequence[Tally], groups: Sequence[str], *, seed: int
) -> dict[str, ConfidenceCheck]:
    """Compare confidence and truth over all images of one method.

    Parameters
    ----------
    tallies, groups
        One an image.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        By the names in `CALIBRATION`, where there is such a truth, a particle was found, and every
        image has a confidence.
    """
    particles = [
        (tally.instances.confidence, tally.instances.hits[:, 0], group)
        for tally, group in zip(tallies, groups, strict=True)
        if tally.instances is not None
    ]
    boxes = [
        (tally.boxes.confidence, tally.boxes.hits, group)
        for tally, group in zip(tallies, groups, strict=True)
        if tally.boxes is not None
    ]
    found = _check(particles, seed), _check(boxes, seed)
    return {name: one for name, one in zip(CALIBRATION, found, strict=True) if one is not None}


def confidence_columns(found: Mapping[str, ConfidenceCheck]) -> dict[str, float]:
    """Columns of ``summary.csv``: ``NAME_pooled``, its interval, and ``NAME_n`` particles."""
    row: dict[str, float] = {}
    for name in CALIBRATION:
        one = found.get(name)
        row[f"{name}_pooled"] = np.nan if one is None else one.bins.error
        row[f"{name}_low"] = np.nan if one is None else one.interval.low
        row[f"{name}_high"] = np.nan if one is None else one.interval.high
        row[f"{name}_n"] = 0 if one is None else one.n
    return row


def _check(
    parts: Sequence[tuple[np.ndarray | None, np.ndarray, str]], seed: int
) -> ConfidenceCheck | None:
    confidences = [confidence for confidence, _, _ in parts if confidence is not None]
    if len(confidences) < len(parts) or not sum(map(len, confidences)):
        return None
    confidence = np.concatenate(confidences)
    hits = np.concatenate([hit for _, hit, _ in parts])
    groups = np.repeat([group for _, _, group in parts], [len(hit) for _, hit, _ in parts])
    return ConfidenceCheck(
        reliability(confidence, hits),
        error_interval(confidence, hits, groups, seed=seed),
        brier_score(confidence, hits),
        float(confidence.mean()),
        float(hits.mean()),
    )
