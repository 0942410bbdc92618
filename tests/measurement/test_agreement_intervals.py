"""Intervals over groups against scipy, and by what they must not depend on."""

import math

import numpy as np
import pytest
from scipy import stats

from nanosieve.measurement.agreement.intervals import group_interval, interval_kind


def test_below_ten_groups_it_is_students_interval_of_the_group_means() -> None:
    values = np.array([0.80, 0.90, 0.70, 0.95, 0.85, 0.60])
    groups = np.array(["a", "a", "b", "b", "c", "c"])
    means = [0.85, 0.825, 0.725]
    expected = stats.t.interval(0.95, 2, loc=np.mean(means), scale=stats.sem(means))
    assert group_interval(values, groups) == pytest.approx(expected)


def test_an_interval_does_not_leave_the_range_of_the_score() -> None:
    values, groups = np.array([0.99, 0.5]), np.array(["a", "b"])
    low, high = group_interval(values, groups, bounds=(0, 1))
    assert (low, high) == (0, 1)


def test_from_ten_groups_on_it_is_a_bootstrap_over_groups() -> None:
    rng = np.random.default_rng(5)
    values, groups = rng.normal(0.8, 0.1, 40), np.arange(40)
    low, high = group_interval(values, groups)
    reference = stats.bootstrap((values,), np.mean, method="percentile", rng=rng)
    assert low == pytest.approx(reference.confidence_interval.low, abs=0.005)
    assert high == pytest.approx(reference.confidence_interval.high, abs=0.005)
    assert group_interval(values, groups) == (low, high)


def test_copies_of_an_image_in_its_group_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(6)
    values, groups = rng.normal(0.8, 0.1, 12), np.arange(12)
    once = group_interval(values, groups)
    assert group_interval(np.repeat(values, 8), np.repeat(groups, 8)) == pytest.approx(once)
    as_if_independent = group_interval(np.repeat(values, 8), np.arange(96))
    assert np.ptp(as_if_independent) < 0.5 * np.ptp(once)


def test_one_group_gives_the_spread_over_images_and_says_so() -> None:
    values = np.linspace(0, 1, 41)
    assert group_interval(values, np.full(41, "all")) == pytest.approx((0.025, 0.975))
    assert interval_kind(1).startswith("not an interval: one group")


def test_undefined_scores_are_left_out() -> None:
    values = np.array([0.8, math.nan, 0.9, 0.7])
    groups = np.array(["a", "d", "b", "c"])
    assert group_interval(values, groups) == group_interval(values[[0, 2, 3]], groups[[0, 2, 3]])


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan]])
def test_fewer_than_two_values_give_none(values: list[float]) -> None:
    low, high = group_interval(np.array(values), np.arange(len(values)))
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "none"), (2, "t-interval on 2"), (9, "t-interval on 9"), (10, "bootstrap over 10")],
)
def test_the_kind_of_interval_is_named(n: int, words: str) -> None:
    assert words in interval_kind(n)
