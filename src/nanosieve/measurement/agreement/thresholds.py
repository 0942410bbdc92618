"""Scores against the threshold of a probability, from two histograms that add up over images."""

import numpy as np
import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import check_shapes

LEVELS = 256


def probability_histogram(
    truth: np.ndarray, probability: np.ndarray, *, valid: np.ndarray | None = None
) -> np.ndarray:
    """Count pixels by probability, background and particle apart.

    Parameters
    ----------
    truth
        ``(y, x)``; non-zero is particle.
    probability
        ``(y, x)`` in [0, 1].
    valid
        ``(y, x)`` bool; pixels where it is false are not counted.

    Returns
    -------
    numpy.ndarray
        ``(2, 256)`` int64: background, particle; bin ``k`` holds what rounds to ``k / 255``.

    Raises
    ------
    UsageError
        If the shapes differ or a probability is outside [0, 1].

    Examples
    --------
    >>> histogram = probability_histogram(np.array([[0, 1]]), np.array([[0.0, 1.0]]))
    >>> int(histogram[0, 0]), int(histogram[1, 255])
    (1, 1)
    """
    check_shapes(truth, probability, valid)
    probability = np.asarray(probability)
    if not (probability.min(initial=0) >= 0 and probability.max(initial=0) <= 1):
        raise UsageError("a probability lies between 0 and 1")
    level = np.rint(probability * (LEVELS - 1)).astype(np.int64)
    code = level + LEVELS * (np.asarray(truth) != 0)
    counted = code.ravel() if valid is None else code[np.asarray(valid, bool)]
    return np.bincount(counted, minlength=2 * LEVELS).reshape(2, LEVELS)


def threshold_curve(histogram: np.ndarray) -> pd.DataFrame:
    """Pixel scores at each threshold, taking as particle what is at or above it.

    Returns
    -------
    pandas.DataFrame
        ``threshold`` 0 to 1 in 1/255, ``precision``, ``recall``, ``dice``; NaN where undefined.

    Examples
    --------
    >>> histogram = probability_histogram(np.array([[0, 1]]), np.array([[0.0, 1.0]]))
    >>> threshold_curve(histogram).dice.round(2).tolist()[:2]
    [0.67, 1.0]
    """
    fp, tp = np.cumsum(np.asarray(histogram)[:, ::-1], axis=1)[:, ::-1]
    fn = tp[0] - tp
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "threshold": np.arange(LEVELS) / (LEVELS - 1),
                "precision": tp / (tp + fp),
                "recall": tp / (tp + fn),
                "dice": 2 * tp / (2 * tp + fp + fn),
            }
        )


def pixel_average_precision(histogram: np.ndarray) -> float:
    """Sum of precision times gain in recall over the thresholds, without interpolation.

    NaN where the truth has no particle.

    Examples
    --------
    >>> histogram = probability_histogram(np.array([[0, 1]]), np.array([[0.2, 0.9]]))
    >>> pixel_average_precision(histogram)
    1.0
    """
    curve = threshold_curve(histogram)[::-1]
    gain = np.diff(curve["recall"], prepend=0)
    if np.isnan(gain).any():
        return float("nan")
    return float(np.sum(gain * curve["precision"].fillna(0)))
