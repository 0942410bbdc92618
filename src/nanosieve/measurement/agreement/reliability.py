"""Whether particles said to be true with some probability are true that often."""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.intervals import RESAMPLES, Interval

_MOST_BINS = 10
# A share of fewer particles is off by more than a tenth by chance alone.
_LEAST_IN_BIN = 20


@dataclass(frozen=True)
class Reliability:
    """Particles in bins of their confidence.

    Parameters
    ----------
    count
        ``(b,)`` particles in each bin, lowest confidence first.
    said, found
        ``(b,)`` mean confidence, and share of true particles.
    """

    count: np.ndarray
    said: np.ndarray
    found: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of said and found, by particles.

        NaN without a particle. (C. Guo et al., ICML 2017, equation 3, over bins of equal count.)
        """
        if not len(self.count):
            return float("nan")
        return float(np.abs(self.said - self.found) @ self.count / self.count.sum())


def reliability(confidence: np.ndarray, hits: np.ndarray) -> Reliability:
    """Sort particles into ten bins of equal count, fewer where there are under 200.

    Equal confidences share a bin, so that the order of the particles changes nothing.

    Parameters
    ----------
    confidence
        ``(n,)`` of each particle, 0 to 1.
    hits
        ``(n,)`` bool: whether it is a true one.

    Raises
    ------
    UsageError
        If the lengths differ, or a confidence is not within [0, 1].

    Examples
    --------
    >>> found = reliability(np.repeat([0.2, 0.9], 100), np.arange(200) % 10 < 5)
    >>> found.said.round(2), found.found, round(found.error, 3)
    (array([0.2, 0.9]), array([0.5, 0.5]), 0.35)
    """
    confidence, hits = _checked(confidence, hits)
    bins = _bins(confidence)
    count = np.bincount(bins)
    return Reliability(
        count, np.bincount(bins, confidence) / count, np.bincount(bins, hits) / count
    )


def brier_score(confidence: np.ndarray, hits: np.ndarray) -> float:
    """Mean square of confidence less truth; 0 is best, 0.25 is always saying one half.

    NaN without a particle. (G. W. Brier, Mon. Weather Rev. 78, 1, 1950, of one of two classes.)

    Raises
    ------
    UsageError
        If the lengths differ, or a confidence is not within [0, 1].

    Examples
    --------
    >>> round(brier_score(np.array([0.9, 0.2]), np.array([True, False])), 3)
    0.025
    """
    confidence, hits = _checked(confidence, hits)
    return float(np.mean((confidence - hits) ** 2)) if len(hits) else float("nan")


def error_interval(
    confidence: np.ndarray, hits: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> Interval:
    """Interval of the calibration error, from resampled groups.

    Parameters
    ----------
    confidence, hits
        As of `reliability`.
    groups
        ``(n,)`` group of each particle.
    seed
        Of the bootstrap.

    Returns
    -------
    Interval
        Aims at 95 %; NaN with one group or none. The bins stay those of all particles. Chance alone
        makes an error, and more of it in a resample, so that percentiles of resamples would leave
        out the truth where it is small. The upper end is their 97.5th percentile; the lower end is
        as far below the error found as that is above it, and not below 0. With fewer than ten
        groups it holds the truth less often than 95 times in 100.

    Raises
    ------
    UsageError
        If the lengths differ, or a confidence is not within [0, 1].
    """
    confidence, hits = _checked(confidence, hits)
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        return Interval(float("nan"), float("nan"))
    bins = _bins(confidence)
    n_bins = int(bins.max()) + 1
    excess = np.bincount(
        index * n_bins + bins, confidence - hits, minlength=len(names) * n_bins
    ).reshape(-1, n_bins)
    sizes = np.bincount(index)
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), RESAMPLES
    )
    errors = np.abs(drawn @ excess).sum(axis=1) / (drawn @ sizes)
    error = float(np.abs(excess.sum(axis=0)).sum() / sizes.sum())
    high = max(float(np.percentile(errors, 97.5)), error)
    return Interval(max(2 * error - high, 0.0), high)


def _checked(confidence: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    confidence, hits = np.asarray(confidence, float), np.asarray(hits, bool)
    if confidence.shape != hits.shape or confidence.ndim != 1:
        raise UsageError(
            f"give one confidence a particle: got {confidence.shape} for {hits.shape} particles"
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise UsageError("a confidence lies between 0 and 1")
    return confidence, hits


def _bins(confidence: np.ndarray) -> np.ndarray:
    """Bin of each particle, from 0 without gaps."""
    n_bins = int(np.clip(len(confidence) // _LEAST_IN_BIN, 1, _MOST_BINS))
    if not len(confidence):
        return np.zeros(0, int)
    edges = np.quantile(confidence, np.arange(1, n_bins) / n_bins, method="higher")
    return np.unique(np.searchsorted(edges, confidence, side="right"), return_inverse=True)[1]
