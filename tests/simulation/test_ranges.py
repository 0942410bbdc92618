"""Ranges and weights of settings files: laws, limits and what is refused."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from nanosieve.simulation.ranges import Range, Weights, as_range


@pytest.mark.parametrize(
    ("written", "low", "high", "median", "quartile"),
    [
        (3, 3, 3, 3, 3),
        ([2, 6], 2, 6, 4, 5),
        ({"log": [1, 10_000]}, 1, 10_000, 100, 1000),
        # The third quartile of a normal law is 0.6745 deviations above its median.
        ({"normal": [5, 2]}, -1, 11, 5, 6.349),
        ({"log_normal": [100, 10]}, 0.1, 100_000, 100, 472.6),
        ({"choice": [1, 2, 2, 2, 7]}, 1, 7, 2, 2),
    ],
)
def test_values_follow_their_law_within_its_limits(written, low, high, median, quartile):
    drawn_from = as_range(written)
    rng = np.random.default_rng(0)
    drawn = np.array([drawn_from.draw(rng) for _ in range(4000)])
    assert (drawn_from.low, drawn_from.high) == pytest.approx((low, high))
    assert drawn.min() >= drawn_from.low
    assert drawn.max() <= drawn_from.high
    assert np.median(drawn) == pytest.approx(median, rel=0.15)
    assert np.quantile(drawn, 0.75) == pytest.approx(quartile, rel=0.15)


@pytest.mark.parametrize(
    "written", [3.0, [2.0, 6.0], {"log": [1.0, 2.0]}, {"log_normal": [1.0, 2.0]}]
)
def test_a_range_is_written_as_it_was_read(written):
    assert TypeAdapter(Range).dump_python(as_range(written)) == written


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([], "made of finite numbers"),
        ([1, float("nan")], "made of finite numbers"),
        ([1, 2, 3], "of the kind uniform is made of two numbers"),
        ({"log_normal": [1]}, "of the kind log_normal is made of two numbers"),
        ([2, 1], "the lower end comes first"),
        ({"log": [0, 1]}, "a logarithmic range lies above 0"),
        ({"normal": [0, -1]}, "a standard deviation is not negative"),
        ({"log_normal": [0, 2]}, "a median lies above 0, a factor is at least 1"),
        ({"log_normal": [5, 0.5]}, "a median lies above 0, a factor is at least 1"),
        (True, "got true or false"),
        ("3", "expected a number"),
        ({"gamma": [1, 2]}, "expected a number"),
    ],
)
def test_what_is_no_range_is_refused(written, message):
    with pytest.raises(ValueError, match=message):
        as_range(written)


def test_names_are_drawn_by_their_weights():
    weights = Weights({"rod": 1, "sphere": 3, "cube": 0})
    rng = np.random.default_rng(0)
    drawn = [weights.draw(rng) for _ in range(2000)]
    assert drawn.count("sphere") / 2000 == pytest.approx(0.75, abs=0.03)
    assert "cube" not in drawn
    assert weights.names == ("rod", "sphere")


@pytest.mark.parametrize("weights", [{}, {"a": -1, "b": 2}, {"a": 0}])
def test_weights_that_draw_nothing_are_refused(weights):
    with pytest.raises(ValidationError, match="one of them is positive"):
        Weights(weights)
