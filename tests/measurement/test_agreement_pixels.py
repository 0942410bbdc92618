"""Pixel scores, edges and threshold curves against counts made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.boundary import (
    band_of_sizes,
    border_band,
    boundary,
    boundary_distance,
)
from nanosieve.measurement.agreement.pixels import PIXEL_SCORES, Confusion, confusion
from nanosieve.measurement.agreement.thresholds import (
    pixel_average_precision,
    probability_histogram,
    threshold_curve,
)

MASKS = hnp.arrays(bool, (6, 7))


def disc(radius: float, *, at: tuple[float, float] = (60, 60), size: int = 120) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return (y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2


def test_scores_of_a_hand_counted_image() -> None:
    truth = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    prediction = np.array([[1, 1, 0, 1, 0], [1, 1, 0, 0, 0]])
    found = confusion(truth, prediction)
    assert found == Confusion(tp=4, fp=1, fn=2, tn=3)
    assert found.scores() == pytest.approx(
        {
            "pixel_accuracy": 0.7,
            "balanced_accuracy": (4 / 6 + 3 / 4) / 2,
            "dice": 8 / 11,
            "jaccard": 4 / 7,
            "precision": 0.8,
            "recall": 4 / 6,
        }
    )


@given(MASKS, MASKS)
def test_swapping_truth_and_prediction_swaps_precision_and_recall(
    first: np.ndarray, second: np.ndarray
) -> None:
    one, other = confusion(first, second), confusion(second, first)
    assert one.precision == pytest.approx(other.recall, nan_ok=True)
    for name in ("pixel_accuracy", "dice", "jaccard"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True)


@given(MASKS, MASKS)
def test_dice_is_the_f1_of_precision_and_recall(truth: np.ndarray, guess: np.ndarray) -> None:
    found = confusion(truth, guess)
    if found.tp:
        f1 = 2 / (1 / found.precision + 1 / found.recall)
        assert found.dice == pytest.approx(f1)
        assert found.dice == pytest.approx(2 * found.jaccard / (1 + found.jaccard))


@given(MASKS, MASKS, MASKS)
def test_pixels_that_do_not_count_may_hold_anything(
    truth: np.ndarray, guess: np.ndarray, valid: np.ndarray
) -> None:
    assert confusion(truth, guess, valid=valid) == confusion(truth, guess ^ ~valid, valid=valid)
    assert confusion(truth, guess, valid=valid).n == valid.sum()


def test_a_perfect_prediction_scores_one() -> None:
    scores = confusion(disc(20), disc(20)).scores()
    assert scores == dict.fromkeys(PIXEL_SCORES, 1.0)


def test_what_is_undefined_is_nan_and_not_zero() -> None:
    nothing, some = np.zeros((4, 4)), np.eye(4)
    both_empty = confusion(nothing, nothing)
    assert math.isnan(both_empty.dice)
    assert math.isnan(both_empty.jaccard)
    assert both_empty.pixel_accuracy == 1
    assert math.isnan(confusion(some, nothing).precision)
    assert confusion(some, nothing).recall == 0
    assert math.isnan(confusion(nothing, some).recall)
    assert math.isnan(confusion(nothing, some).balanced_accuracy)
    assert confusion(nothing, some).dice == 0
    assert math.isnan(Confusion().pixel_accuracy)


@pytest.mark.parametrize("shift", [3, 10, 25])
def test_jaccard_of_a_shifted_disc_is_that_of_two_circles(shift: int) -> None:
    radius = 40
    found = confusion(
        disc(radius, at=(80, 80), size=160), disc(radius, at=(80, 80 + shift), size=160)
    )
    lens = 2 * radius**2 * math.acos(shift / (2 * radius)) - shift / 2 * math.sqrt(
        4 * radius**2 - shift**2
    )
    assert found.jaccard == pytest.approx(lens / (2 * math.pi * radius**2 - lens), abs=0.005)


def test_images_of_different_shape_are_refused() -> None:
    for compare in (confusion, boundary_distance, probability_histogram):
        with pytest.raises(UsageError, match=r"one shape, got \(4, 4\), \(4, 5\)"):
            compare(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(UsageError, match=r"\(y, x\) arrays"):
        confusion(np.zeros(4), np.zeros(4))


def test_distance_between_concentric_circles_is_the_difference_of_radii() -> None:
    found = boundary_distance(disc(40), disc(34))
    assert found.mean == pytest.approx(6, abs=0.3)
    assert found.p95 == pytest.approx(6, abs=0.8)


def test_distances_of_two_hand_made_edges() -> None:
    truth, guess = np.zeros((5, 12)), np.zeros((5, 12))
    truth[:, :4] = 1
    guess[:, :4] = 1
    guess[0, :10] = 1
    # Rows 1 to 4 share their edge. The tongue's pixels 4 to 9 of row 0 lie 1 to 6 from it; (0, 3),
    # edge of the truth, lies within the guess.
    true_edge = [(y, 3) for y in range(5)]
    guessed = [(0, x) for x in range(4, 10)] + [(y, 3) for y in range(1, 5)]
    assert {tuple(p) for p in np.argwhere(boundary(truth))} == set(true_edge)
    assert {tuple(p) for p in np.argwhere(boundary(guess))} == set(guessed)
    to_truth = [min(math.dist(p, q) for q in true_edge) for p in guessed]
    to_guess = [min(math.dist(p, q) for q in guessed) for p in true_edge]
    found = boundary_distance(truth, guess)
    assert found.mean == pytest.approx(np.mean([*to_truth, *to_guess]))
    assert found.p95 == pytest.approx(max(np.percentile(to_truth, 95), np.percentile(to_guess, 95)))
    assert boundary_distance(guess, truth) == pytest.approx(found)


def test_an_invented_particle_that_does_not_count_adds_no_distance() -> None:
    truth, guess = disc(10), disc(10) | disc(6, at=(100, 100))
    valid = np.ones(truth.shape, bool)
    valid[85:, 85:] = False
    assert boundary_distance(truth, guess).p95 > 20
    assert boundary_distance(truth, guess, valid=valid) == (0, 0)


def test_without_an_edge_there_is_no_distance() -> None:
    nothing, everything = np.zeros((8, 8)), np.ones((8, 8))
    assert all(map(math.isnan, boundary_distance(nothing, np.eye(8))))
    # What fills the image has no edge in it: the image's border is none.
    assert not boundary(everything).any()
    assert all(map(math.isnan, boundary_distance(everything, everything)))


def test_band_is_as_wide_as_stated_on_either_side() -> None:
    truth = np.zeros((3, 20))
    truth[:, 10:] = 1
    assert np.flatnonzero(border_band(truth, 2)[1]).tolist() == [8, 9, 10, 11]
    assert np.flatnonzero(border_band(truth, 2.5)[1]).tolist() == [7, 8, 9, 10, 11, 12]
    assert not border_band(truth, 0).any()
    assert not border_band(np.zeros((3, 3)), 2).any()
    assert not border_band(np.ones((3, 3)), 2).any()


def test_an_edge_put_one_pixel_further_out_costs_nothing_outside_the_band() -> None:
    truth, guess = disc(30), disc(31)
    assert confusion(truth, guess).dice < 0.98
    assert confusion(truth, guess, valid=~border_band(truth, 2)).dice == 1


def test_a_negative_band_is_refused() -> None:
    with pytest.raises(UsageError, match="half-width must not be negative, got -1"):
        border_band(np.eye(3), -1)


def reference_average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """Sum over distinct scores, from the definition."""
    total, last = 0.0, 0.0
    for level in np.unique(score)[::-1]:
        taken = score >= level
        recall = truth[taken].sum() / truth.sum()
        total += (recall - last) * truth[taken].mean()
        last = recall
    return total


def test_threshold_curve_against_thresholding() -> None:
    rng = np.random.default_rng(1)
    truth = disc(30)
    level = np.clip(np.rint(128 + 60 * truth + rng.normal(0, 50, truth.shape)), 0, 255)
    probability = level / 255
    histogram = probability_histogram(truth, probability)
    curve = threshold_curve(histogram)
    for k in (0, 90, 128, 200):
        found = confusion(truth, level >= k)
        row = curve.iloc[k]
        assert row["threshold"] == pytest.approx(k / 255)
        assert (row["precision"], row["recall"], row["dice"]) == pytest.approx(
            (found.precision, found.recall, found.dice)
        )
    expected = reference_average_precision(truth.ravel().astype(float), level.ravel())
    assert pixel_average_precision(histogram) == pytest.approx(expected)


def test_histograms_of_two_images_add_up_to_that_of_both() -> None:
    rng = np.random.default_rng(2)
    truth, probability = rng.random((8, 6)) > 0.5, rng.random((8, 6))
    halves = [
        probability_histogram(truth[part], probability[part]) for part in (slice(4), slice(4, 8))
    ]
    assert np.array_equal(sum(halves), probability_histogram(truth, probability))


def test_curve_without_a_true_pixel_is_undefined() -> None:
    histogram = probability_histogram(np.zeros((2, 2)), np.full((2, 2), 0.5))
    assert threshold_curve(histogram)["recall"].isna().all()
    assert math.isnan(pixel_average_precision(histogram))


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_probability_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        probability_histogram(np.zeros((2, 2)), np.full((2, 2), value))


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_scores_lie_between_0_and_1(tp: int, fp: int, fn: int, tn: int) -> None:
    for value in Confusion(tp, fp, fn, tn).scores().values():
        assert math.isnan(value) or 0 <= value <= 1


def test_the_band_of_a_large_particle_is_wider() -> None:
    y, x = np.indices((120, 200))
    instances = np.zeros((120, 200), int)
    instances[np.hypot(y - 60, x - 60) < 50] = 1
    instances[np.hypot(y - 60, x - 180) < 5] = 2
    band = band_of_sizes(instances)
    # 12 % of 100 px is 12 px on either side; the small one has the least, 1.5 px.
    assert np.flatnonzero(band[60, :60]).tolist() == list(range(0, 23))
    inside = np.flatnonzero(~band[60] & (instances[60] == 2))
    assert inside.tolist() == list(range(178, 183))


def test_the_band_of_sizes_beside_a_constant_width() -> None:
    instances = np.zeros((30, 30), int)
    instances[8:20, 8:20] = 3
    same = band_of_sizes(instances, least_px=2, share=0)
    assert np.array_equal(same, border_band(instances, 2))
    assert not band_of_sizes(np.zeros((3, 3), int)).any()
    with pytest.raises(UsageError, match=r"half-width must not be negative, got -1 px and 0\.12"):
        band_of_sizes(instances, least_px=-1)
