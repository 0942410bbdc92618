"""Calibration error against draws from known probabilities, and cases worked out by hand."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.reliability import brier_score, error_interval, reliability


def test_scores_that_are_the_probabilities_drawn_from_have_next_to_no_error():
    rng = np.random.default_rng(0)
    said = rng.random(100_000)
    hits = rng.random(said.size) < said
    # By chance alone each of ten bins is off by about 0.8 sqrt(p (1 - p) / 10,000): 0.003 on
    # average.
    assert reliability(said, hits).error < 0.006
    # The mean of p (1 - p) over 0 to 1.
    assert brier_score(said, hits) == pytest.approx(1 / 6, abs=0.002)


def test_scores_that_are_off_by_a_constant_have_that_error():
    rng = np.random.default_rng(1)
    said = rng.uniform(0, 0.7, 100_000)
    hits = rng.random(said.size) < said + 0.3
    assert reliability(said, hits).error == pytest.approx(0.3, abs=0.006)


def test_bins_worked_out_by_hand():
    # 40 particles: two bins of 20.
    said = np.repeat([0.1, 0.3, 0.6, 0.8], 10)
    hits = np.repeat([False, True, True, False], 10)
    found = reliability(said, hits)
    assert found.count.tolist() == [20, 20]
    assert found.said == pytest.approx([0.2, 0.7])
    assert found.found == pytest.approx([0.5, 0.5])
    assert found.error == pytest.approx((0.3 + 0.2) / 2)
    assert brier_score(said, hits) == pytest.approx((0.01 + 0.49 + 0.16 + 0.64) / 4)


def test_equal_confidences_share_a_bin_whatever_their_order():
    rng = np.random.default_rng(2)
    said = np.full(1000, 0.75)
    hits = np.arange(1000) < 500
    order = rng.permutation(1000)
    assert reliability(said, hits).count.tolist() == [1000]
    assert reliability(said[order], hits[order]).error == reliability(said, hits).error == 0.25
    mixed = np.where(rng.random(1000) < 0.5, 0.75, rng.random(1000).round(1))
    one, other = reliability(mixed, hits), reliability(mixed[order], hits[order])
    np.testing.assert_array_equal(one.count, other.count)
    np.testing.assert_allclose(one.found, other.found)


def test_nothing_found_is_no_error_and_no_interval():
    nothing = np.zeros(0)
    assert np.isnan(reliability(nothing, nothing).error)
    assert np.isnan(brier_score(nothing, nothing))
    assert np.isnan(error_interval(nothing, nothing, nothing)).all()
    assert np.isnan(error_interval(np.array([0.5]), np.array([True]), np.array(["a"]))).all()


def test_the_interval_holds_the_true_error_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    # Groups differ: in each the share of true particles is off by its own amount, 0.2 on average.
    held = 0
    for trial in range(100):
        groups = np.repeat(np.arange(20), 60)
        off = rng.normal(0.2, 0.05, 20)[groups]
        said = rng.uniform(0.1, 0.6, groups.size)
        hits = rng.random(groups.size) < said + off
        low, high = error_interval(said, hits, groups, seed=trial)
        held += low <= 0.2 <= high
    assert held >= 85


def test_the_interval_of_calibrated_scores_reaches_down_to_nothing():
    rng = np.random.default_rng(4)
    said = rng.random(600)
    hits = rng.random(600) < said
    low, high = error_interval(said, hits, np.arange(600) // 30)
    assert low == 0
    assert reliability(said, hits).error <= high < 0.1


@pytest.mark.parametrize("function", [reliability, brier_score])
def test_what_does_not_pair_is_refused(function):
    with pytest.raises(UsageError, match="give one confidence a particle"):
        function(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(UsageError, match="a confidence lies between 0 and 1"):
        function(np.array([1.2]), np.array([True]))
    with pytest.raises(UsageError, match="a confidence lies between 0 and 1"):
        function(np.array([np.nan]), np.array([True]))
