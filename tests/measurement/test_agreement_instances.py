"""Matching of particles, boxes and sizes against brute force and figures worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment
from scipy.stats import ecdf

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.boxes import box_iou, boxes_of, match_boxes, match_centres
from nanosieve.measurement.agreement.instances import (
    COCO_THRESHOLDS,
    Detections,
    average_precision,
    overlaps,
)
from nanosieve.measurement.agreement.sizes import diameters, pair_diameters, size_agreement

LABELS = hnp.arrays(np.int32, (5, 6), elements=st.sampled_from([0, 0, 1, 2, 3, 9]))


def brute_force_iou(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    true, predicted = np.unique(truth[truth > 0]), np.unique(prediction[prediction > 0])
    table = np.zeros((len(true), len(predicted)))
    for i, a in enumerate(true):
        for j, b in enumerate(predicted):
            one, other = truth == a, prediction == b
            table[i, j] = (one & other).sum() / (one | other).sum()
    return table


@given(LABELS, LABELS)
def test_counts_are_those_of_the_best_assignment(truth: np.ndarray, guess: np.ndarray) -> None:
    table = brute_force_iou(truth, guess)
    found = overlaps(truth, guess)
    for threshold in COCO_THRESHOLDS:
        rows, columns = linear_sum_assignment(table >= threshold, maximize=True)
        tp = int((table[rows, columns] >= threshold).sum())
        expected = Detections(tp, table.shape[1] - tp, table.shape[0] - tp)
        assert found.counts(threshold) == expected
        assert found.hits(threshold).sum() == tp


@given(LABELS, LABELS)
def test_overlaps_are_those_of_brute_force(truth: np.ndarray, guess: np.ndarray) -> None:
    table = brute_force_iou(truth, guess)
    found = overlaps(truth, guess)
    rebuilt = np.zeros_like(table)
    rebuilt[tuple(found.pairs.T)] = found.iou
    assert rebuilt == pytest.approx(table)
    assert (np.diff(found.iou) <= 0).all()


@given(LABELS, LABELS)
def test_swapping_sides_swaps_precision_and_recall(truth: np.ndarray, guess: np.ndarray) -> None:
    one, other = overlaps(truth, guess).counts(), overlaps(guess, truth).counts()
    assert (one.tp, one.fp, one.fn) == (other.tp, other.fn, other.fp)
    assert one.precision == pytest.approx(other.recall, nan_ok=True)


@given(LABELS)
def test_label_values_do_not_matter(labels: np.ndarray) -> None:
    renamed = np.where(labels > 0, 40_000 - labels, 0)
    found = overlaps(labels, renamed)
    n = len(np.unique(labels[labels > 0]))
    assert found.counts(1.0) == Detections(n, 0, 0)


def test_scores_worked_out_by_hand() -> None:
    found = Detections(tp=3, fp=1, fn=2)
    assert (found.precision, found.recall) == (0.75, 0.6)
    assert found.f1 == pytest.approx(6 / 9)
    assert found.jaccard == 0.5
    assert math.isnan(Detections().f1)
    assert math.isnan(Detections(fn=1).precision)
    assert math.isnan(Detections(fp=1).recall)
    assert Detections(fp=1).f1 == 0


def test_a_particle_cut_in_two_halves_is_found_once() -> None:
    truth = np.array([[1, 1, 1, 1]])
    halves = np.array([[1, 1, 2, 2]])
    assert overlaps(truth, halves).counts() == Detections(1, 1, 0)
    assert overlaps(halves, truth).counts() == Detections(1, 0, 1)


def test_empty_images() -> None:
    nothing, two = np.zeros((3, 3), int), np.array([[1, 0, 2]])
    assert overlaps(nothing, nothing).counts() == Detections()
    assert overlaps(two, two * 0).counts() == Detections(0, 0, 2)
    assert overlaps(two * 0, two).counts() == Detections(0, 2, 0)


def test_ignored_particles_count_neither_for_nor_against() -> None:
    truth = np.array([[1, 1, 1, 0, 2, 2, 2, 2]])
    guess = np.array([[0, 0, 0, 0, 3, 3, 3, 4]])
    valid = np.array([[0, 0, 1, 1, 1, 1, 1, 0]], bool)
    found = overlaps(truth, guess, valid=valid)
    # Particle 1 and prediction 4 lie in the ignored part; 2 and 3 agree where pixels count.
    assert found.true_labels.tolist() == [2]
    assert found.predicted_labels.tolist() == [3]
    assert found.iou.tolist() == [1.0]
    # Sizes are those of the whole particles.
    assert found.true_areas.tolist() == [4]


def test_a_particle_half_ignored_counts() -> None:
    labels = np.array([[1, 1, 0, 0]])
    valid = np.array([[1, 0, 1, 1]], bool)
    assert overlaps(labels, labels, valid=valid).counts() == Detections(1, 0, 0)


@pytest.mark.parametrize("threshold", [0.49, 1.01])
def test_thresholds_where_pairs_are_not_unique_are_refused(threshold: float) -> None:
    labels = np.array([[1, 0]])
    with pytest.raises(UsageError, match=r"from an IoU of 0\.5 on: give 0\.5 to 1"):
        overlaps(labels, labels).matches(threshold)


def test_what_is_no_label_image_is_refused() -> None:
    good = np.array([[1, 0]])
    with pytest.raises(UsageError, match="integers from 0 up, got float64"):
        overlaps(good, good * 1.0)
    with pytest.raises(UsageError, match="negative values"):
        overlaps(good, -good)
    with pytest.raises(UsageError, match="one shape"):
        overlaps(good, good.T)


def test_thousands_of_particles() -> None:
    truth = np.kron(np.arange(1, 4097).reshape(64, 64), np.ones((8, 8), int))
    truth[::8] = truth[:, ::8] = 0
    found = overlaps(truth, np.roll(truth, 1, axis=1))
    # Particles are 7 px wide: a shift by one leaves 6 columns of 8 in common.
    assert found.counts(0.7) == Detections(4096, 0, 0)
    assert found.counts(0.8).tp == 0


def test_average_precision_worked_out_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    hits = np.array([1, 0, 1, 0, 1], bool)
    # Recall steps of 1/4 at precision 1, 2/3, 3/5; one particle is never found.
    assert average_precision(confidence, hits, 4) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    # The order of the list does not matter, only that of the confidence.
    order = [3, 0, 4, 2, 1]
    assert average_precision(confidence[order], hits[order], 4) == pytest.approx(
        (1 + 2 / 3 + 3 / 5) / 4
    )


def test_precision_is_made_non_increasing() -> None:
    confidence, hits = np.array([0.9, 0.8, 0.7]), np.array([False, True, True])
    assert average_precision(confidence, hits, 2) == pytest.approx(2 / 3)


def test_predictions_of_equal_confidence_enter_together() -> None:
    for hits in ([True, False], [False, True]):
        assert average_precision(np.array([0.5, 0.5]), np.array(hits), 1) == 0.5


def test_average_precision_of_nothing() -> None:
    none = np.array([])
    assert math.isnan(average_precision(none, none, 0))
    assert average_precision(none, none, 3) == 0


def test_average_precision_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="one confidence a prediction"):
        average_precision(np.array([0.5]), np.array([True, False]), 2)
    with pytest.raises(UsageError, match="2 hits cannot be among 1 true"):
        average_precision(np.array([0.5, 0.4]), np.array([True, True]), 1)


def test_box_iou_worked_out_by_hand() -> None:
    one = np.array([[0, 0, 4, 4]])
    others = np.array([[0, 0, 4, 4], [0, 2, 4, 6], [2, 2, 6, 6], [4, 4, 8, 8], [1, 1, 1, 1]])
    assert box_iou(one, others)[0] == pytest.approx([1, 8 / 24, 4 / 28, 0, 0])
    assert box_iou(others[4:], others[4:])[0, 0] == 0


def test_boxes_are_matched_one_to_one() -> None:
    true = np.array([[0, 0, 10, 10], [0, 20, 10, 30]])
    guess = np.array([[1, 1, 9, 9], [2, 2, 8, 8], [0, 40, 5, 45]])
    # Both first guesses have their centre in the first box, the second is too small by IoU.
    assert match_centres(true, guess) == Detections(1, 2, 1)
    assert match_boxes(true, guess) == Detections(1, 2, 1)
    assert match_boxes(true, guess[1:]) == Detections(0, 2, 2)
    assert match_centres(true, guess[1:]) == Detections(1, 1, 1)


def test_overlapping_boxes_share_centres_out() -> None:
    true = np.array([[0, 0, 10, 10], [0, 4, 10, 14]])
    # The first centre lies in both boxes, the second only in the first box.
    guess = np.array([[4, 6, 6, 8], [4, 1, 6, 3]])
    assert match_centres(true, guess) == Detections(2, 0, 0)
    assert match_centres(true, guess[::-1]) == Detections(2, 0, 0)


@given(
    hnp.arrays(np.int64, (3, 4), elements=st.integers(0, 8)),
    hnp.arrays(np.int64, (4, 4), elements=st.integers(0, 8)),
)
def test_box_matches_are_as_many_as_an_assignment_finds(a: np.ndarray, b: np.ndarray) -> None:
    true, guess = (np.hstack([box[:, :2], box[:, :2] + box[:, 2:]]) for box in (a, b))
    rows, columns = linear_sum_assignment(box_iou(true, guess) >= 0.3, maximize=True)
    tp = int((box_iou(true, guess)[rows, columns] >= 0.3).sum())
    assert match_boxes(true, guess, threshold=0.3) == Detections(tp, 4 - tp, 3 - tp)


def test_no_boxes() -> None:
    none, one = np.zeros((0, 4)), np.array([[0, 0, 2, 2]])
    assert match_boxes(none, none) == Detections()
    assert match_boxes(one, none) == Detections(fn=1)
    assert match_centres(none, one) == Detections(fp=1)
    assert boxes_of(np.zeros((3, 3), int)).shape == (0, 4)


def test_boxes_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\(n, 4\) array of y0, x0, y1, x1, got shape \(4,\)"):
        match_boxes(np.zeros(4), np.zeros((0, 4)))
    with pytest.raises(UsageError, match="ends before it starts"):
        match_centres(np.array([[5, 0, 2, 2]]), np.zeros((0, 4)))


def test_size_scores_worked_out_by_hand() -> None:
    true, predicted = np.array([10.0, 20.0, 40.0]), np.array([9.0, 22.0])
    found = size_agreement(true, predicted, np.array([[10.0, 9.0], [20.0, 22.0]]))
    assert found.relative_bias == pytest.approx(0, abs=1e-12)
    assert found.mean_difference == pytest.approx(15.5 - 70 / 3)
    # Just below 10: 0 of 3 against 1 of 2; from 22 to 40: 2 of 3 against all.
    assert found.ks_distance == pytest.approx(0.5)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
)
def test_ks_distance_is_that_of_the_cumulative_distributions(
    true: list[int], predicted: list[int]
) -> None:
    found = size_agreement(np.array(true), np.array(predicted), np.zeros((0, 2)))
    grid = np.arange(10)
    gap = ecdf(true).cdf.evaluate(grid) - ecdf(predicted).cdf.evaluate(grid)
    assert found.ks_distance == pytest.approx(np.abs(gap).max())
    assert math.isnan(found.relative_bias)


def test_ks_distance_of_hundreds_of_nearly_equal_sizes() -> None:
    true = np.arange(1.0, 317)
    found = size_agreement(true, np.arange(1.0, 316), np.zeros((0, 2)))
    assert found.ks_distance == pytest.approx(1 / 316)


def test_sizes_of_nothing_are_undefined() -> None:
    found = size_agreement(np.array([1.0]), np.array([]), np.zeros((0, 2)))
    assert all(map(math.isnan, vars(found).values()))


def test_sizes_refuse_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"\(n, 2\) array of true and predicted, got \(2,\)"):
        size_agreement(np.ones(1), np.ones(1), np.ones(2))
    with pytest.raises(UsageError, match="not positive"):
        size_agreement(np.ones(1), np.ones(1), np.array([[0.0, 1.0]]))


def test_bias_of_discs_drawn_too_large() -> None:
    y, x = np.mgrid[:200, :200]
    truth, guess = np.zeros((200, 200), int), np.zeros((200, 200), int)
    for label, (cy, cx) in enumerate([(50, 50), (50, 150), (150, 50), (150, 150)], start=1):
        distance = np.hypot(y - cy, x - cx)
        truth[distance <= 30] = label
        guess[distance <= 33] = label
    found = overlaps(truth, guess)
    pairs = pair_diameters(found)
    assert pairs[:, 0] == pytest.approx(60, abs=0.5)
    sizes = size_agreement(diameters(found.true_areas), diameters(found.predicted_areas), pairs)
    assert sizes.relative_bias == pytest.approx(0.1, abs=0.005)
    assert sizes.mean_difference == pytest.approx(6, abs=0.3)
    assert sizes.ks_distance == 1
