"""Thresholds against a search over the pixels themselves."""

import numpy as np
import pytest
from scipy import special
from skimage.filters import threshold_otsu

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.pixels import confusion
from nanosieve.training.calibration import EDGES, N_BINS, margin_histogram
from nanosieve.training.threshold import choose_threshold, confusion_at

TEMPERATURE = 1.7


@pytest.fixture
def pixels() -> tuple[np.ndarray, np.ndarray]:
    """Truth and margins that overlap, with three times as much support."""
    rng = np.random.default_rng(0)
    truth = rng.random((90, 110)) < 0.25
    return truth, rng.normal(np.where(truth, 1.5, -1.0), 1.5)


@pytest.mark.parametrize(("rule", "score"), [("dice", "dice"), ("accuracy", "pixel_accuracy")])
def test_no_other_threshold_is_better(pixels, rule, score):
    truth, margin = pixels
    chosen = choose_threshold(margin_histogram(truth, margin), rule, temperature=TEMPERATURE)
    probability = special.expit(margin / TEMPERATURE)
    best = max(
        getattr(confusion(truth, probability >= special.expit(edge / TEMPERATURE)), score)
        for edge in EDGES[::5]
    )
    assert getattr(confusion(truth, probability >= chosen), score) >= best - 1e-12


def test_counts_at_a_threshold_are_those_of_the_pixels(pixels):
    truth, margin = pixels
    histogram = margin_histogram(truth, margin)
    for edge in (EDGES[950], 0.0, EDGES[1033]):
        threshold = float(special.expit(edge / TEMPERATURE))
        expected = confusion(truth, margin >= edge)
        assert confusion_at(histogram, threshold, TEMPERATURE) == expected


def test_otsu_is_that_of_the_probabilities(pixels):
    truth, margin = pixels
    chosen = choose_threshold(margin_histogram(truth, margin), "otsu", temperature=TEMPERATURE)
    reference = threshold_otsu(special.expit(margin / TEMPERATURE), nbins=4000)
    assert chosen == pytest.approx(reference, abs=0.01)


def test_fixed_is_what_was_given():
    assert choose_threshold(np.zeros((2, N_BINS)), "fixed", fixed=0.4) == 0.4


def test_of_equally_good_thresholds_the_middle_is_taken():
    truth, margin = np.array([[0, 1]]), np.array([[-3.0, 3.0]])
    histogram = margin_histogram(truth, margin)
    assert choose_threshold(histogram, "dice") == pytest.approx(0.5, abs=0.01)


def test_dice_without_particles_is_refused():
    with pytest.raises(UsageError, match="the validation groups hold no particle"):
        choose_threshold(margin_histogram(np.zeros((2, 2)), np.zeros((2, 2))), "dice")
