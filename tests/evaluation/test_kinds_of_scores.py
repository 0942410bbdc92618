"""Scores by centre, size, property of an image, and outside the border band."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nanosieve.evaluation import Protocol, evaluate
from nanosieve.evaluation.by_image import means_by
from nanosieve.measurement.agreement.intervals import group_interval

Make = Callable[..., Path]


def squares(*corners: tuple[int, int], side: int) -> np.ndarray:
    """Labels 1, 2, ... of squares at their upper left corners."""
    labels = np.zeros((40, 40), np.uint8)
    for label, (y, x) in enumerate(corners, start=1):
        labels[y : y + side, x : x + side] = label
    return labels


def test_particles_are_matched_by_centres_too(make_data: Make, make_predictions: Make) -> None:
    # Half as wide: IoU 0.25, the centre right. The other one is missed by 12 px.
    truth = squares((4, 4), (20, 20), side=8)
    guess = np.zeros_like(truth)
    guess[6:10, 6:10], guess[20:28, 32:40] = 1, 2
    data = make_data(instances={"a": truth})
    found = evaluate(data, predictions={"p": make_predictions({"a": guess})}).scores.iloc[0]
    assert found["instance_f1_50"] == 0
    names = [f"instance_{stem}_centre" for stem in ("precision", "recall", "f1")]
    assert found[names].tolist() == [0.5, 0.5, 0.5]


def test_strata_have_intervals_over_groups(make_data: Make, make_predictions: Make) -> None:
    names = "abcd"
    truth = {name: squares((4, 4), (20, 20), side=9) for name in names}
    guess = {name: squares((4, 4), side=9) for name in "abc"} | {"d": truth["d"]}
    data = make_data(instances=truth, rows=[f"{name},{name},,0.5" for name in names])
    found = evaluate(data, predictions={"p": make_predictions(guess)})
    [size] = found.strata[found.strata["stratum"] == "diameter_px"].to_dict("records")
    assert (size["n_true"], size["n_groups"], size["recall"]) == (8, 4, 5 / 8)
    low, high = group_interval(np.array([0.5, 0.5, 0.5, 1]), np.arange(4), bounds=(0, 1))
    assert (size["recall_low"], size["recall_high"]) == pytest.approx((low, high))
    assert size["diameter_bias_low"] == size["diameter_bias_high"] == 0


def test_scores_by_a_property_of_images() -> None:
    scores = pd.DataFrame(
        {"method": ["a"] * 3 + ["b"] * 3, "image": list("ijk") * 2, "group": list("ggh") * 2,
         "dice": [0.4, 0.6, 1.0, math.nan, 0.5, 0.7]}
    )  # fmt: skip
    table = means_by(scores, {"k": "Pd", "i": "Au", "j": "Au"}, ["dice"])
    assert table[["method", "value", "n", "n_groups"]].to_numpy().tolist() == [
        ["a", "Pd", 1, 1], ["a", "Au", 2, 1], ["b", "Pd", 1, 1], ["b", "Au", 2, 1],
    ]  # fmt: skip
    assert table["dice"].tolist() == pytest.approx([1.0, 0.5, 0.7, 0.5])


def test_the_band_is_as_wide_as_the_protocol_says(make_data: Make, make_predictions: Make) -> None:
    truth = squares((5, 5), side=30)
    guess = np.zeros_like(truth)
    guess[8:32, 8:32] = 1  # 3 px too small all round; 12 % of 33.9 px are 4.06 px
    data = make_data(instances={"a": truth})
    folder = make_predictions({"a": guess})
    scores = [
        evaluate(data, predictions={"p": folder}, protocol=protocol).scores["dice_outside_band"][0]
        for protocol in (Protocol(), Protocol(band=4), Protocol(band=2))
    ]
    assert scores[0] == scores[1] == 1 > scores[2]
