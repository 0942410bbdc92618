"""Precision, recall and F1 of pixels against the threshold, with their spread over images.

As Horwath et al. (2020, Figs. 6 and 7a): means over images, bands of one standard deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.thresholds import threshold_curve

SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Curves:
    """Scores against the threshold.

    Parameters
    ----------
    table
        Columns ``threshold`` and, for each of `SCORES`, ``NAME_mean``, ``NAME_std`` (between
        images; NaN with one) and ``NAME_n`` (images on which it is defined).
    n_images
        Images that have a mask.
    best_threshold, best_f1
        Where the mean F1 is largest: chosen on these images, and so flattering on them.
    stable
        ``(low, high)`` thresholds between which the mean F1 stays within 0.01 of its best.
    """

    table: pd.DataFrame
    n_images: int
    best_threshold: float
    best_f1: float
    stable: tuple[float, float]


def curves(histograms: Sequence[np.ndarray]) -> Curves:
    """Score each image at each threshold, and average over images.

    Parameters
    ----------
    histograms
        One an image, of `nanosieve.measurement.agreement.thresholds.probability_histogram`.

    Raises
    ------
    UsageError
        If there is no image with a particle.

    Examples
    --------
    >>> from nanosieve.measurement.agreement.thresholds import probability_histogram
    >>> truth = np.array([[0, 1]])
    >>> one = probability_histogram(truth, np.array([[0.2, 0.8]]))
    >>> two = probability_histogram(truth, np.array([[0.6, 0.9]]))
    >>> result = curves([one, two])
    >>> result.best_f1, [round(end, 2) for end in result.stable]
    (1.0, [0.6, 0.8])
    """
    tables = [threshold_curve(histogram).rename(columns={"dice": "f1"}) for histogram in histograms]
    if not any(np.asarray(histogram)[1].any() for histogram in histograms):
        raise UsageError("no image of the data set has a particle in its mask: no curve to draw")
    result = {"threshold": tables[0]["threshold"].to_numpy()}
    for name in SCORES:
        values = np.stack([table[name].to_numpy(float) for table in tables])
        known = np.isfinite(values)
        n = known.sum(axis=0)
        total = np.where(known, values, 0).sum(axis=0)
        mean = np.divide(total, n, out=np.full(n.shape, np.nan), where=n > 0)
        square = np.where(known, (values - mean) ** 2, 0).sum(axis=0)
        result[f"{name}_mean"] = mean
        result[f"{name}_std"] = np.sqrt(
            np.divide(square, n - 1, out=np.full(n.shape, np.nan), where=n > 1)
        )
        result[f"{name}_n"] = n
    table = pd.DataFrame(result)
    f1 = table["f1_mean"].to_numpy()
    best = int(np.nanargmax(f1))
    low, high = best, best
    while low > 0 and f1[low - 1] >= f1[best] - 0.01:
        low -= 1
    while high < len(f1) - 1 and f1[high + 1] >= f1[best] - 0.01:
        high += 1
    threshold = table["threshold"].to_numpy()
    return Curves(
        table, len(tables), float(threshold[best]), float(f1[best]),
        (float(threshold[low]), float(threshold[high])),
    )  # fmt: skip
