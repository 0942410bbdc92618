"""The test image that a model carries."""

import json

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.models.check import make_check, parse_check


@pytest.fixture
def check():
    image = np.random.default_rng(0).normal(size=(6, 8))
    return make_check(image, lambda given: np.stack([given, -given]))


def test_a_check_comes_back_within_half_precision(check):
    back = parse_check(check.to_json(), "m.onnx", n_channels=2)
    assert np.array_equal(back.image, check.image)
    assert np.array_equal(back.output, np.stack([check.image, -check.image]))
    assert back.tolerance == check.tolerance


def _without_output(values):
    del values["output"]


def _shape(values):
    values["image"]["shape"] = [6, 9]


def _huge(values):
    values["image"]["shape"] = [1 << 40, 1]


def _letters(values):
    values["image"]["data"] = "*" * 96


def _tolerance(values):
    values["tolerance"] = 7


def _endless(values):
    values["tolerance"] = 10**400


def _infinite(values):
    values["image"]["shape"] = [float("inf"), 8]


def _many_sides(values):
    values["image"]["shape"] = [65536] * 10**6


@pytest.mark.parametrize(
    "damage",
    [
        _without_output, _shape, _huge, _letters, _tolerance, _endless, _infinite, _many_sides,
    ],
)  # fmt: skip
def test_damage_is_one_line(check, damage):
    values = json.loads(check.to_json())
    damage(values)
    with pytest.raises(UsageError, match=r"m\.onnx: its test image is damaged"):
        parse_check(json.dumps(values), "m.onnx", n_channels=2)


def test_channels_must_be_those_of_the_card(check):
    with pytest.raises(UsageError, match="its test image is damaged"):
        parse_check(check.to_json(), "m.onnx", n_channels=1)


def test_nan_is_damage(check):
    broken = make_check(check.image * np.nan, lambda given: given[None])
    with pytest.raises(UsageError, match="its test image is damaged"):
        parse_check(broken.to_json(), "m.onnx", n_channels=1)
