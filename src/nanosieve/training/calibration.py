"""From margins to probabilities that mean what they say.

A margin is the logarithm of the odds of particle against support before calibration. All that is
chosen after training (temperature, threshold) and all pixel scores follow from one histogram of
margins for each image, which is small, adds up over images, and can be kept.
"""

import numpy as np
from scipy import special
from scipy.optimize import minimize_scalar

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import check_shapes

# Beyond a margin of 20 the probability is within 2e-9 of 0 or 1.
STEP, REACH = 0.02, 20.0
N_BINS = 2 * round(REACH / STEP)
EDGES = (np.arange(N_BINS + 1) - N_BINS // 2) * STEP
CENTRES = (EDGES[:-1] + EDGES[1:]) / 2
TEMPERATURES = (0.1, 20.0)
_ERROR_BINS = 15
# An error above the first is too much for whoever reads probabilities; below the second, a rise
# is of no consequence.
_MOST_ERROR, _LITTLE_ERROR = 0.05, 0.01


def margin_histogram(
    truth: np.ndarray, margin: np.ndarray, *, valid: np.ndarray | None = None
) -> np.ndarray:
    """Count pixels by margin, support and particle apart.

    Parameters
    ----------
    truth
        ``(y, x)``; non-zero is particle.
    margin
        ``(y, x)`` finite; beyond ±20 it is counted in the last bin.
    valid
        ``(y, x)`` bool; pixels where it is false are not counted.

    Returns
    -------
    numpy.ndarray
        ``(2, N_BINS)`` int64: support, particle; bin k holds margins from ``EDGES[k]`` up to, but
        not with, ``EDGES[k + 1]``.

    Raises
    ------
    UsageError
        If the shapes differ.

    Examples
    --------
    >>> histogram = margin_histogram(np.array([[0, 1]]), np.array([[-0.001, 0.0]]))
    >>> [int(CENTRES[np.flatnonzero(row)[0]] * 100) for row in histogram]
    [-1, 1]
    """
    check_shapes(truth, margin, valid)
    level = np.floor(np.asarray(margin, np.float64) / STEP).astype(np.int64) + N_BINS // 2
    code = level.clip(0, N_BINS - 1) + N_BINS * (np.asarray(truth) != 0)
    counted = code.ravel() if valid is None else code[np.asarray(valid, bool)]
    return np.bincount(counted, minlength=2 * N_BINS).reshape(2, N_BINS)


def fit_temperature(histogram: np.ndarray) -> float:
    """Find by what margins must be divided for the truth to be likeliest.

    Temperature scaling (C. Guo et al., ICML 2017, section 4.2), on validation groups only.

    Parameters
    ----------
    histogram
        ``(2, N_BINS)`` of `margin_histogram`, summed over the validation images.

    Returns
    -------
    float
        Between 0.1 and 20; above 1 where the network is too sure of itself.

    Raises
    ------
    UsageError
        If no pixel was counted.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS))
    >>> histogram[:, N_BINS // 2 + 100] = 1, 3  # odds of 3 where it says exp(2.01)
    >>> round(fit_temperature(histogram), 3), round(2.01 / 1.0986, 3)  # ln 3
    (1.83, 1.83)
    """
    if not np.any(histogram):
        raise UsageError("no validation pixel to calibrate on; give the validation groups labels")
    support, particle = np.asarray(histogram, float)

    def surprise(log_temperature: float) -> float:
        margin = CENTRES / np.exp(log_temperature)
        return float(support @ np.logaddexp(0, margin) + particle @ np.logaddexp(0, -margin))

    bounds = tuple(np.log(TEMPERATURES))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def calibrated(histogram: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the margins of a histogram, so that those of several trainings add up.

    Parameters
    ----------
    histogram
        ``(2, N_BINS)`` of `margin_histogram`.
    temperature
        Divides the margins.

    Returns
    -------
    numpy.ndarray
        ``(2, N_BINS)``, with the same counts.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS), int)
    >>> histogram[1, N_BINS // 2 + 100] = 7  # a margin of 2.01
    >>> row = calibrated(histogram, 2.0)[1]
    >>> print(row.sum(), CENTRES[row.argmax()].round(3))
    7.0 1.01
    """
    level = np.floor(CENTRES / temperature / STEP).astype(int) + N_BINS // 2
    places = level.clip(0, N_BINS - 1)
    return np.stack([np.bincount(places, row, N_BINS) for row in histogram])


def expected_calibration_error(histogram: np.ndarray, temperature: float = 1.0) -> float:
    """Mean distance between the probability of particle and how often it is one.

    Over 15 bins of equal width of the probability, by their pixels (Guo et al., equation 3, with
    the probability of particle in the place of the confidence).

    Parameters
    ----------
    histogram
        ``(2, N_BINS)`` of `margin_histogram`.
    temperature
        Divides the margins.

    Returns
    -------
    float
        0 to 1; NaN where no pixel was counted.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS))
    >>> histogram[0, -1], histogram[1, -1] = 1, 3  # sure of particle, wrong once in four times
    >>> round(expected_calibration_error(histogram), 4)
    0.25
    """
    said, found, total = _binned(histogram, temperature)
    return float(np.abs(said - found).sum() / total.sum()) if total.any() else float("nan")


def calibration_doubt(before: float, after: float) -> str:
    """Say where probabilities do not mean what they say; empty where they do.

    Parameters
    ----------
    before, after
        Expected calibration errors, before and after dividing by the temperature.

    Examples
    --------
    >>> calibration_doubt(0.08, 0.02)
    ''
    >>> calibration_doubt(0.02, 0.08)[:62]
    'The probabilities of this model are not to be trusted as such:'
    """
    if after <= _MOST_ERROR and not _LITTLE_ERROR < after > before:
        return ""
    return (
        "The probabilities of this model are not to be trusted as such: after calibration they "
        f"are off by {after:.3f} on average (before: {before:.3f})."
    )


def reliability(histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean probability of particle and share of particles in each bin of the probability.

    Returns
    -------
    tuple of numpy.ndarray
        Two ``(15,)`` arrays; NaN in bins without a pixel.

    Examples
    --------
    >>> histogram = np.zeros((2, N_BINS))
    >>> histogram[:, 0] = 3, 1
    >>> said, found = reliability(histogram)
    >>> print(f"{said[0]:.3f} {found[0]:.3f}")
    0.000 0.250
    """
    said, found, total = _binned(histogram, 1.0)
    with np.errstate(invalid="ignore"):
        return said / total, found / total


def _binned(histogram: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum of probabilities, particles and pixels in each bin of the probability."""
    probability, counts = special.expit(CENTRES / temperature), histogram.sum(axis=0)
    bins = np.minimum((probability * _ERROR_BINS).astype(int), _ERROR_BINS - 1)
    return (
        np.bincount(bins, counts * probability, _ERROR_BINS),
        np.bincount(bins, histogram[1], _ERROR_BINS),
        np.bincount(bins, counts, _ERROR_BINS),
    )
