"""Scores against the threshold, with bands over images."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.thresholds import curves
from nanosieve.measurement.agreement.thresholds import probability_histogram


def test_means_and_bands_are_those_of_the_images():
    truth = np.array([[1, 1, 0, 0]])
    images = [np.array([[0.9, 0.9, 0.1, 0.1]]), np.array([[0.9, 0.3, 0.7, 0.1]])]
    result = curves([probability_histogram(truth, image) for image in images])
    row = result.table.iloc[128]  # threshold 0.502
    # First image: all right. Second: one found, one missed, one invented.
    for name, second in (("precision", 0.5), ("recall", 0.5), ("f1", 0.5)):
        assert row[f"{name}_mean"] == pytest.approx((1 + second) / 2)
        assert row[f"{name}_std"] == pytest.approx(np.std([1, second], ddof=1))
        assert row[f"{name}_n"] == 2
    assert result.n_images == 2


def test_where_nothing_is_predicted_precision_is_of_the_other_images():
    truth = np.array([[1, 0]])
    result = curves([probability_histogram(truth, np.array([[top, 0.0]])) for top in (0.4, 0.8)])
    row = result.table.iloc[150]
    assert row["precision_n"] == 1
    assert row["precision_mean"] == 1
    assert np.isnan(row["precision_std"])
    assert row["recall_mean"] == 0.5


def test_the_best_threshold_and_where_it_hardly_matters():
    truth = np.repeat([[1, 0]], 50, axis=1)
    probability = np.where(truth, 0.8, 0.2)
    result = curves([probability_histogram(truth, probability)])
    assert result.best_f1 == 1
    low, high = result.stable
    assert low == pytest.approx(0.2, abs=0.01)
    assert high == pytest.approx(0.8, abs=0.01)
    assert np.isnan(result.table["f1_std"]).all()


def test_without_a_particle_there_is_no_curve():
    empty = probability_histogram(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(UsageError, match="no image of the data set has a particle"):
        curves([empty])
    with pytest.raises(UsageError, match="no image of the data set has a particle"):
        curves([])
