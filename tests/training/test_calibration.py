"""Calibration against probabilities that are known."""

import numpy as np
import pytest
from scipy import special

from nanosieve.core.errors import UsageError
from nanosieve.training.calibration import (
    CENTRES,
    EDGES,
    N_BINS,
    calibrated,
    expected_calibration_error,
    fit_temperature,
    margin_histogram,
    reliability,
)


def _drawn(temperature: float, n: int = 400_000) -> np.ndarray:
    """A network whose margins are ``temperature`` times too large."""
    rng = np.random.default_rng(0)
    true_margin = rng.normal(scale=2, size=(1, n))
    truth = rng.random((1, n)) < special.expit(true_margin)
    return margin_histogram(truth, true_margin * temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_is_found_again(temperature):
    histogram = _drawn(temperature)
    assert fit_temperature(histogram) == pytest.approx(temperature, rel=0.01)
    assert expected_calibration_error(histogram, temperature) < 0.003
    if temperature != 1:
        assert expected_calibration_error(histogram) > 0.05


def test_histograms_of_several_temperatures_add_up():
    parts = [calibrated(_drawn(temperature), temperature) for temperature in (0.5, 2.5)]
    assert [part.sum() for part in parts] == [400_000, 400_000]
    assert expected_calibration_error(sum(parts)) < 0.003
    assert np.array_equal(calibrated(parts[0], 1.0), parts[0])


def test_error_is_that_of_a_plain_reference():
    rng = np.random.default_rng(1)
    margin = CENTRES[rng.integers(600, 1400, size=(50, 60))]
    truth = rng.random(margin.shape) < 0.4
    probability = special.expit(margin)
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (probability >= low) & (probability < low + 1 / 15)
        if inside.any():
            gap = probability[inside].mean() - truth[inside].mean()
            expected += inside.mean() * abs(gap)
    found = expected_calibration_error(margin_histogram(truth, margin))
    assert found == pytest.approx(expected)


def test_histogram_counts_what_is_valid_on_the_right_side_of_an_edge():
    margin = np.array([[EDGES[1100], np.nextafter(EDGES[1100], 0), -1e9, 1e9, 3.0]])
    truth = np.array([[1, 1, 0, 1, 1]])
    valid = np.array([[True, True, True, True, False]])
    histogram = margin_histogram(truth, margin, valid=valid)
    assert histogram.sum() == 4
    assert [histogram[1, 1100], histogram[1, 1099], histogram[0, 0]] == [1, 1, 1]
    assert histogram[1, N_BINS - 1] == 1


def test_reliability_is_a_dash_where_nothing_was_said():
    said, found = reliability(margin_histogram(np.ones((2, 2)), np.full((2, 2), 9.0)))
    assert said[-1] == pytest.approx(special.expit(9.01), abs=1e-5)
    assert found[-1] == 1
    assert np.isnan(said[:-1]).all()
    assert np.isnan(expected_calibration_error(np.zeros((2, N_BINS))))


def test_nothing_to_calibrate_on_is_refused():
    with pytest.raises(UsageError, match="no validation pixel to calibrate on"):
        fit_temperature(np.zeros((2, N_BINS)))
