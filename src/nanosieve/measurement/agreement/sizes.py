"""Agreement of sizes: of pairs of particles, and of whole distributions."""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.instances import Overlaps
from nanosieve.measurement.distribution import ks_distance


@dataclass(frozen=True)
class SizeAgreement:
    """How far the sizes of two sets of particles agree.

    Parameters
    ----------
    relative_bias
        Mean of (predicted - true) / true diameter over the pairs; NaN without a pair.
    mean_difference
        Mean predicted less mean true diameter, over all particles, paired or not; NaN where either
        side has none.
    ks_distance
        Largest distance between the two cumulative distributions (Kolmogorov-Smirnov), 0 to 1; NaN
        where either side has none.
    """

    relative_bias: float
    mean_difference: float
    ks_distance: float


def diameters(areas: np.ndarray) -> np.ndarray:
    """Diameter of the circle of each area, in the root of its unit.

    >>> diameters(np.array([np.pi]))
    array([2.])
    """
    return np.sqrt(4 * np.asarray(areas, float) / np.pi)


def pair_diameters(found: Overlaps, threshold: float = 0.5) -> np.ndarray:
    """Diameters of the pairs at an IoU threshold: ``(n, 2)``, true and predicted, px."""
    pairs = found.pairs[found.matches(threshold)]
    return diameters(
        np.stack([found.true_areas[pairs[:, 0]], found.predicted_areas[pairs[:, 1]]], axis=1)
    )


def size_agreement(true: np.ndarray, predicted: np.ndarray, pairs: np.ndarray) -> SizeAgreement:
    """Compare diameters.

    Parameters
    ----------
    true, predicted
        ``(n,)`` diameters of all particles on either side, in one unit.
    pairs
        ``(n, 2)`` diameters of the pairs, true and predicted.

    Raises
    ------
    UsageError
        If ``pairs`` is not ``(n, 2)``, or a true diameter in it is not positive.

    Examples
    --------
    >>> true, predicted = np.array([10, 20]), np.array([5, 10])
    >>> size_agreement(true, predicted, np.stack([true, predicted], axis=1))
    SizeAgreement(relative_bias=-0.5, mean_difference=-7.5, ks_distance=0.5)
    """
    true, predicted, pairs = (np.asarray(values, float) for values in (true, predicted, pairs))
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise UsageError(f"pairs are an (n, 2) array of true and predicted, got {pairs.shape}")
    if (pairs[:, 0] <= 0).any():
        raise UsageError("a true diameter of a pair is not positive")
    nan = float("nan")
    bias = float(np.mean(pairs[:, 1] / pairs[:, 0] - 1)) if len(pairs) else nan
    if len(true) == 0 or len(predicted) == 0:
        return SizeAgreement(bias, nan, nan)
    difference = float(predicted.mean() - true.mean())
    return SizeAgreement(bias, difference, ks_distance(true, predicted))
