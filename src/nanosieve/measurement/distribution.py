"""Size distribution: number-weighted statistics, log-normal fit, intervals over images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from nanosieve.core.errors import UsageError

RESAMPLES = 1000
# Below this many images a percentile bootstrap over images covers clearly less than it states.
FEW_IMAGES = 10
QUANTILES = (0.1, 0.5, 0.9)
_STATISTICS = ("mean", "d10", "d50", "d90", "d32", "geometric_mean", "geometric_std")
_NO_INTERVAL = (np.nan, np.nan)


@dataclass(frozen=True)
class Distribution:
    """Number-weighted distribution of diameters (ISO 21363), in the unit they came in.

    What cannot be computed from so few particles is NaN.

    Parameters
    ----------
    n, n_groups
        Number of particles, and of images they come from.
    mean, std
        Mean and sample standard deviation.
    d10, d50, d90
        Percentiles of the number distribution; ``d50`` is the median.
    d32
        Sauter mean, sum d^3 / sum d^2.
    geometric_mean, geometric_std
        Log-normal fit by maximum likelihood.
    ks_lognormal
        Kolmogorov-Smirnov distance between the distribution and its log-normal fit.
    mean_se
        Standard error of the mean, from the resamples.
    intervals
        Bootstrap 95 % interval ``(low, high)`` of each of mean, d10, d50, d90, d32,
        geometric_mean and geometric_std.
    interval_basis
        What was drawn again for the intervals, in words for the report.
    """

    n: int
    n_groups: int
    mean: float
    std: float
    d10: float
    d50: float
    d90: float
    d32: float
    geometric_mean: float
    geometric_std: float
    ks_lognormal: float
    mean_se: float
    intervals: Mapping[str, tuple[float, float]]
    interval_basis: str

    @property
    def median(self) -> float:
        """The 50th percentile."""
        return self.d50


def describe(
    diameters: np.ndarray,
    groups: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> Distribution:
    """Describe a sample of diameters.

    Intervals are percentile intervals of 1000 resamples. With particles of two or more images,
    whole images are drawn, since particles of one image resemble each other; with one image,
    particles are drawn, and the interval then says nothing of other images.
    (Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.)

    Parameters
    ----------
    diameters
        ``(n,)`` positive.
    groups
        ``(n,)`` image of each particle; without it all are of one image.
    weights
        ``(n,)`` positive, e.g. of `nanosieve.measurement.border`; equal ones by default.
    seed
        Of the resampling: the same seed gives the same intervals.

    Raises
    ------
    UsageError
        If lengths differ, or a diameter or weight is not a positive number.

    Examples
    --------
    >>> drawn = np.exp(np.random.default_rng(0).normal(np.log(5), np.log(1.3), 4000))
    >>> found = describe(drawn)
    >>> round(found.geometric_mean, 1), round(found.geometric_std, 1), found.interval_basis
    (5.0, 1.3, 'bootstrap over the particles of one image')
    >>> describe(np.array([])).n
    0
    """
    diameters, group, weights = _validated(diameters, groups, weights)
    n = diameters.size
    n_groups = int(group.max(initial=-1)) + 1
    if n == 0:
        nan = np.nan
        return Distribution(
            0, 0, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan,
            dict.fromkeys(_STATISTICS, _NO_INTERVAL), _basis(0, 0),
        )  # fmt: skip
    order = np.argsort(diameters, kind="stable")
    diameters, group, weights = diameters[order], group[order], weights[order]
    values = _statistics(diameters, weights, _sums(diameters, weights).sum(axis=1))
    intervals, mean_se = dict.fromkeys(_STATISTICS, _NO_INTERVAL), np.nan
    if n == 1:
        values["geometric_mean"] = values["geometric_std"] = np.nan
    else:
        intervals, mean_se = _resample(diameters, group, weights, seed)
    return Distribution(
        n=n,
        n_groups=n_groups,
        std=_std(diameters, weights),
        ks_lognormal=_ks_lognormal(
            diameters, weights, values["geometric_mean"], values["geometric_std"]
        ),
        mean_se=mean_se,
        intervals=intervals,
        interval_basis=_basis(n, n_groups),
        **values,
    )


def mean_interval(diameters: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean over the particles of one image.

    The interval of the mean that `describe` gives, where nothing else of it is needed (NaN for
    fewer than two particles).

    Examples
    --------
    >>> sample = np.array([4.0, 5.0, 6.0])
    >>> mean_interval(sample) == describe(sample).intervals["mean"]
    True
    """
    diameters, _, _ = _validated(diameters, None, None)
    if diameters.size < 2:
        return _NO_INTERVAL
    ordered = np.sort(diameters)
    sums = np.array([_product(ordered[np.newaxis], drawn) for drawn in _draws(ordered.size, seed)])
    low, high = np.percentile(sums / ordered.size, (2.5, 97.5))
    return float(low), float(high)


def weighted_quantiles(
    ordered: np.ndarray, weights: np.ndarray, shares: tuple[float, ...]
) -> np.ndarray:
    """Quantiles of an ascending sample with weights, values without weight passed over.

    Each value stands at the middle of its weight; between values the quantile is linear. With
    equal weights this is `numpy.quantile`.

    Examples
    --------
    >>> weighted_quantiles(np.array([1.0, 2.0, 4.0]), np.ones(3), (0.25, 0.5)).tolist()
    [1.5, 2.0]
    >>> weighted_quantiles(np.array([1.0, 2.0, 4.0]), np.array([1, 0, 1]), (0.5,)).tolist()
    [2.5]
    """
    # Only the two neighbours of each quantile are looked up: a bootstrap calls this a thousand
    # times, and weights of zero add nothing to the sum, so that it is their predecessor's.
    sums = np.cumsum(weights)
    first = np.searchsorted(sums, 0, "right")
    last = np.searchsorted(sums, sums[-1])
    begin, end = weights[first] / 2, sums[-1] - weights[last] / 2
    target = begin + np.asarray(shares) * (end - begin)
    own = np.clip(np.searchsorted(sums, target), first, last)
    own_middle = sums[own] - weights[own] / 2
    before = np.searchsorted(sums, sums[np.maximum(own - 1, first)])
    after = np.minimum(np.searchsorted(sums, sums[own], "right"), last)
    other = np.where(target < own_middle, before, after)
    distance = sums[other] - weights[other] / 2 - own_middle
    part = np.divide(target - own_middle, distance, out=np.zeros(target.shape), where=distance != 0)
    return ordered[own] + part * (ordered[other] - ordered[own])


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of two samples; NaN where one is empty.

    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    # scipy's ks_2samp also finds a p-value, which takes long, and warns where it cannot.
    one, other = np.sort(one), np.sort(other)
    if one.size == 0 or other.size == 0:
        return np.nan
    at = np.concatenate([one, other])
    below_one = np.searchsorted(one, at, "right") / one.size
    below_other = np.searchsorted(other, at, "right") / other.size
    return float(np.abs(below_one - below_other).max())


def _validated(
    diameters: np.ndarray, groups: np.ndarray | None, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Diameters, number of each one's group from 0, and weights."""
    diameters = np.asarray(diameters, np.float64)
    weights = np.ones(diameters.shape) if weights is None else np.asarray(weights, np.float64)
    groups = np.zeros(diameters.shape, np.int64) if groups is None else np.asarray(groups)
    if diameters.ndim != 1 or not diameters.shape == weights.shape == groups.shape:
        raise UsageError(
            "diameters, groups and weights must be 1-D and of one length, got shapes "
            f"{diameters.shape}, {groups.shape}, {weights.shape}"
        )
    for name, numbers in (("diameters", diameters), ("weights", weights)):
        if not (np.isfinite(numbers) & (numbers > 0)).all():
            raise UsageError(f"{name} must be positive numbers; drop the others first")
    return diameters, np.unique(groups, return_inverse=True)[1], weights


def _draws(n: int, seed: int) -> Iterator[np.ndarray]:
    """For each resample of ``n``, how often each one is drawn."""
    rng = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.bincount(rng.integers(0, n, n), minlength=n)


def _resample(
    ordered: np.ndarray, group: np.ndarray, weights: np.ndarray, seed: int
) -> tuple[dict[str, tuple[float, float]], float]:
    """Intervals, and the standard error of the mean: over groups, or particles if of one."""
    unit = group if group.any() else np.arange(ordered.size)
    n_units = int(unit.max()) + 1
    # What is drawn is drawn whole: its sums are taken once, not in each resample.
    sums = np.stack(
        [np.bincount(unit, weights=row, minlength=n_units) for row in _sums(ordered, weights)]
    )
    resamples = np.array(
        [
            list(_statistics(ordered, weights * drawn[unit], _product(sums, drawn)).values())
            for drawn in _draws(n_units, seed)
        ]
    )
    low, high = np.percentile(resamples, (2.5, 97.5), axis=0)
    intervals = {name: (float(low[i]), float(high[i])) for i, name in enumerate(_STATISTICS)}
    return intervals, float(resamples[:, 0].std(ddof=1))


def _product(sums: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    # Not `@`: many processes at once, each with BLAS threads, make it 20 times slower.
    return np.einsum("ij,j->i", sums, drawn.astype(np.float64))


def _sums(diameters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``(6, n)`` whose sums make the statistics: w times d, d^2, d^3, ln d, (ln d)^2, and 1."""
    logarithm = np.log(diameters)
    one = np.ones_like(diameters)
    return weights * np.stack([diameters, diameters**2, diameters**3, logarithm, logarithm**2, one])


def _statistics(ordered: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> dict[str, float]:
    """In the order of ``_STATISTICS``."""
    first, second, third, log, log_square, total = (float(value) for value in sums)
    variance = max(log_square / total - (log / total) ** 2, 0.0)
    d10, d50, d90 = (float(d) for d in weighted_quantiles(ordered, weights, QUANTILES))
    return {
        "mean": first / total,
        "d10": d10,
        "d50": d50,
        "d90": d90,
        "d32": third / second,
        "geometric_mean": float(np.exp(log / total)),
        "geometric_std": float(np.exp(np.sqrt(variance))),
    }


def _std(diameters: np.ndarray, weights: np.ndarray) -> float:
    """Sample standard deviation; with weights, by their effective number (Kish 1965)."""
    if diameters.size < 2:
        return np.nan
    share = weights / weights.sum()
    effective = 1 / (share**2).sum()
    variance = share @ (diameters - share @ diameters) ** 2
    return float(np.sqrt(variance * effective / (effective - 1)))


def _ks_lognormal(
    ordered: np.ndarray, weights: np.ndarray, geometric_mean: float, geometric_std: float
) -> float:
    # Equal diameters leave a standard deviation of rounding errors, and no shape to compare.
    if not geometric_std > 1 + 1e-7:
        return np.nan
    fit = ndtr(np.log(ordered / geometric_mean) / np.log(geometric_std))
    after = np.cumsum(weights) / weights.sum()
    before = after - weights / weights.sum()
    return float(max((after - fit).max(), (fit - before).max()))


def _basis(n: int, n_groups: int) -> str:
    if n < 2:
        return "no interval: fewer than two particles"
    if n_groups == 1:
        return "bootstrap over the particles of one image"
    if n_groups < FEW_IMAGES:
        return f"bootstrap over {n_groups} images (few: the interval is likely too narrow)"
    return f"bootstrap over {n_groups} images"
