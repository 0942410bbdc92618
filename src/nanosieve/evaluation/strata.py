"""Scores in strata of true diameter and of contrast: where a method fails."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from nanosieve.measurement.agreement.intervals import group_interval

# Octaves: a smoothing scale or a receptive field acts on the ratio of sizes.
DIAMETER_EDGES = (0.0, 8.0, 16.0, 32.0, 64.0, 128.0, np.inf)
CONTRAST_STRATA = 4

# Column -> what it is the mean of, and its range.
_MEANS = {
    "recall": ("found", (0.0, 1.0)),
    "mean_iou": ("iou", (0.0, 1.0)),
    "diameter_bias": ("bias", (-1.0, np.inf)),
}
STRATA_COLUMNS = [
    "method", "stratum", "low", "high", "n_true", "n_groups", *_MEANS, "n_predicted", "precision",
    *(f"{name}_{end}" for name in _MEANS for end in ("low", "high")),
]  # fmt: skip


def strata(
    true_particles: Mapping[str, pd.DataFrame], predicted_particles: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Recall, mean IoU and size bias of the true particles in each stratum, all images pooled.

    Parameters
    ----------
    true_particles, predicted_particles
        By method: the tables of `nanosieve.evaluation.image.ImageScore` of all its images, the true
        ones with the ``group`` of their image.

    Returns
    -------
    pandas.DataFrame
        Columns `STRATA_COLUMNS`; ``low`` included, ``high`` not. ``diameter_px``: octaves of the
        true diameter; precision is over predictions of that diameter. ``contrast``: quarters of the
        true particles by absolute contrast, the same for every method; one without a contrast is
        in none. ``mean_iou`` takes a missed particle as 0.
        ``recall``, ``mean_iou`` and ``diameter_bias`` have intervals over the groups that have such
        particles.

    Examples
    --------
    >>> particles = pd.DataFrame({"diameter_px": [5.0, 20.0], "contrast": [0.1, 0.4],
    ...                           "found": [False, True], "iou": [0, 0.8], "bias": [np.nan, 0.1],
    ...                           "group": ["a", "b"]})
    >>> table = strata({"a": particles}, {"a": pd.DataFrame(columns=["diameter_px", "true"])})
    >>> table[["stratum", "low", "recall"]].head(2).values.tolist()
    [['diameter_px', 0.0, 0.0], ['diameter_px', 16.0, 1.0]]
    """
    rows = []
    contrast_edges = _contrast_edges(true_particles)
    for method, true in true_particles.items():
        predicted = predicted_particles[method]
        for low, high in pairwise(DIAMETER_EDGES):
            inside = true[true["diameter_px"].between(low, high, inclusive="left")]
            claimed = predicted[predicted["diameter_px"].between(low, high, inclusive="left")]
            if len(inside) or len(claimed):
                row = _row(method, "diameter_px", (low, high), inside)
                precision = claimed["true"].astype(float).mean()
                rows.append(row | {"n_predicted": len(claimed), "precision": precision})
        level = true["contrast"].astype(float).abs()
        for low, high in pairwise(contrast_edges):
            # The last quarter has the particle of the highest contrast, too.
            last = high == contrast_edges[-1]
            inside = true[(level >= low) & ((level < high) | (last & (level == high)))]
            rows.append(_row(method, "contrast", (low, high), inside))
    return pd.DataFrame(rows, columns=STRATA_COLUMNS).astype({"n_predicted": "Int64"})


def _contrast_edges(true_particles: Mapping[str, pd.DataFrame]) -> np.ndarray:
    # Every method saw the same truth; one that failed on an image has fewer rows of it.
    longest = max(true_particles.values(), key=len, default=pd.DataFrame({"contrast": []}))
    levels = longest["contrast"].astype(float).abs().dropna()
    if levels.empty:
        return np.array([])
    return np.unique(np.quantile(levels, np.linspace(0, 1, CONTRAST_STRATA + 1)))


def _row(
    method: str, stratum: str, ends: tuple[float, float], inside: pd.DataFrame
) -> dict[str, object]:
    row: dict[str, object] = {
        "method": method,
        "stratum": stratum,
        "low": ends[0],
        "high": ends[1],
        "n_true": len(inside),
        "n_groups": inside["group"].nunique(),
    }
    for name, (column, bounds) in _MEANS.items():
        values = inside[column].astype(float)
        interval = group_interval(values.to_numpy(), inside["group"].to_numpy(), bounds=bounds)
        row |= {name: values.mean(), f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row
