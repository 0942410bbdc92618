"""Intervals of a mean score, over groups.

Images of one micrograph, movie or session resemble each other: what is sampled is the group. From
ten groups on, groups are resampled (cluster bootstrap, percentiles); below, a t-interval on the
group means; one group gives no interval.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

ENOUGH_FOR_BOOTSTRAP = 10
RESAMPLES = 2000


class Interval(NamedTuple):
    """Ends of a 95 % interval; NaN where there is none."""

    low: float
    high: float


def interval_kind(n_groups: int) -> str:
    """Say how the interval over so many groups is made.

    >>> interval_kind(1)
    'not an interval: one group; 2.5 to 97.5 % of its images'
    >>> interval_kind(4)
    '95 % t-interval on 4 group means'
    """
    if n_groups == 0:
        return "none: no image scored"
    if n_groups == 1:
        return "not an interval: one group; 2.5 to 97.5 % of its images"
    if n_groups < ENOUGH_FOR_BOOTSTRAP:
        return f"95 % t-interval on {n_groups} group means"
    return f"95 % cluster bootstrap over {n_groups} groups"


def same_kind(n_groups: int, other: int) -> bool:
    """Tell whether intervals over so many groups are made in one way.

    >>> same_kind(10, 48), same_kind(10, 9)
    (True, False)
    """
    return _kind(n_groups) == _kind(other)


def _kind(n_groups: int) -> int:
    return int(np.searchsorted([1, 2, ENOUGH_FOR_BOOTSTRAP], n_groups, side="right"))


def group_interval(
    values: np.ndarray,
    groups: np.ndarray,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    seed: int = 0,
) -> Interval:
    """Interval of the mean of image scores.

    Parameters
    ----------
    values
        ``(n,)`` score of each image; NaN is left out.
    groups
        ``(n,)`` group of each image.
    bounds
        Range that the score can take: a t-interval is cut there.
    seed
        Of the bootstrap.

    Returns
    -------
    Interval
        Of the mean over images (from ten groups on) or of the mean of the group means (two to
        nine). With one group the 2.5th and 97.5th percentile of its images, which is not an
        interval of the mean: `interval_kind` says so. NaN with fewer than two values.

    Examples
    --------
    >>> low, high = group_interval(np.array([0.8, 0.9, 1.0]), np.array(["a", "b", "c"]))
    >>> round(low, 3), round(high, 3)
    (0.652, 1.148)
    """
    values, groups = np.asarray(values, float), np.asarray(groups)
    kept = np.isfinite(values)
    values, groups = values[kept], groups[kept]
    names, index = np.unique(groups, return_inverse=True)
    if len(values) < 2:
        return Interval(float("nan"), float("nan"))
    if len(names) == 1:
        low, high = np.percentile(values, [2.5, 97.5])
        return Interval(float(low), float(high))
    sums, counts = np.bincount(index, values), np.bincount(index)
    if len(names) < ENOUGH_FOR_BOOTSTRAP:
        means = sums / counts
        margin = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
        low, high = np.clip([means.mean() - margin, means.mean() + margin], *bounds)
        return Interval(float(low), float(high))
    drawn = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(low), float(high))
