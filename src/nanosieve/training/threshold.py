"""Where a calibrated probability becomes a particle: chosen on validation groups only."""

from typing import Literal

import numpy as np
from scipy import special

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import Confusion
from nanosieve.training.calibration import CENTRES, EDGES, N_BINS, STEP

Rule = Literal["fixed", "accuracy", "dice", "otsu"]
_RANGE = (0.01, 0.99)


def choose_threshold(
    histogram: np.ndarray, rule: Rule, *, temperature: float = 1.0, fixed: float = 0.5
) -> float:
    """Choose the threshold of the calibrated probability.

    Parameters
    ----------
    histogram
        ``(2, N_BINS)`` of `margin_histogram`, summed over the validation images.
    rule
        ``fixed``: the value given. ``accuracy``, ``dice``: the largest over all pixels. ``otsu``:
        the largest variance between the two classes of probabilities, which needs no truth.
    temperature
        Divides the margins.
    fixed
        For the rule of that name.

    Returns
    -------
    float
        From 0.01 to 0.99; in the middle of those that are equally good.

    Raises
    ------
    UsageError
        If a rule needs particles and there are none.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS))
    >>> histogram[0, :900] = histogram[1, 1150:] = 1
    >>> round(choose_threshold(histogram, "dice"), 2)  # between margins -2 and 3
    0.62
    """
    if rule == "fixed":
        return fixed
    if rule == "dice" and not np.any(histogram[1]):
        raise UsageError(
            "the validation groups hold no particle: Dice has no maximum; set [threshold] rule = "
            "'fixed' or give validation groups with particles"
        )
    probability = special.expit(EDGES / temperature)
    score = (
        _between_variance(histogram, temperature) if rule == "otsu" else _agreement(histogram, rule)
    )
    score = np.where((probability >= _RANGE[0]) & (probability <= _RANGE[1]), score, -np.inf)
    best = np.flatnonzero(score >= score.max() * (1 - 1e-12))
    return float(probability[best[len(best) // 2]])


def confusion_at(histogram: np.ndarray, threshold: float, temperature: float = 1.0) -> Confusion:
    """Count pixels taken as particle from a threshold of the calibrated probability on.

    Parameters
    ----------
    histogram
        ``(2, N_BINS)`` of `margin_histogram`.
    threshold
        In (0, 1); moved to the nearest edge of a bin, less than 0.003 away at temperature 1.
    temperature
        Divides the margins.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS), int)
    >>> histogram[0, 0], histogram[1, -1] = 5, 7
    >>> confusion_at(histogram, 0.5)
    Confusion(tp=7, fp=0, fn=0, tn=5)
    """
    edge = round(float(special.logit(threshold)) * temperature / STEP) + N_BINS // 2
    edge = min(max(edge, 0), N_BINS)
    (tn, fp), (fn, tp) = ((int(row[:edge].sum()), int(row[edge:].sum())) for row in histogram)
    return Confusion(tp, fp, fn, tn)


def _agreement(histogram: np.ndarray, rule: Rule) -> np.ndarray:
    """Pixel accuracy or Dice at each of the ``EDGES``."""
    below = np.concatenate([np.zeros((2, 1)), np.cumsum(histogram, axis=1)], axis=1)
    n_support, n_particle = below[:, -1]
    tn, fn = below
    if rule == "accuracy":
        return (tn + n_particle - fn) / (n_support + n_particle)
    tp, fp = n_particle - fn, n_support - tn
    return 2 * tp / (2 * tp + fp + fn)


def _between_variance(histogram: np.ndarray, temperature: float) -> np.ndarray:
    """Variance between the classes at each of the ``EDGES`` (N. Otsu, 1979, equation 14)."""
    counts, probability = histogram.sum(axis=0), special.expit(CENTRES / temperature)
    weight = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    moment = np.concatenate([[0], np.cumsum(counts * probability)]) / counts.sum()
    spread = weight * (1 - weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, (moment[-1] * weight - moment) ** 2 / spread, 0.0)
