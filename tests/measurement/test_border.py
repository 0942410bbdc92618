import numpy as np
import pandas as pd
import pytest
from drawn import disc, ellipse

from nanosieve.core.errors import UsageError
from nanosieve.measurement.border import border_weights, is_cut
from nanosieve.measurement.distribution import describe
from nanosieve.measurement.particles import measure

SHAPE = (120, 160)
TRUE_MEAN = 30 * np.exp(np.log(1.4) ** 2 / 2)


def window(rng: np.random.Generator) -> pd.DataFrame:
    """Discs of log-normal diameters thrown on a plane, seen through a window in it.

    Pixel centres lie from 0 to SHAPE - 1: a disc that holds one of the outermost is cut.
    """
    margin = 100
    height, width = SHAPE
    n = rng.poisson((height + 2 * margin) * (width + 2 * margin) * 2e-4)
    y, x = rng.uniform(-margin, height + margin, n), rng.uniform(-margin, width + margin, n)
    diameter = np.exp(rng.normal(np.log(30), np.log(1.4), n))
    inside = np.minimum.reduce([y, height - 1 - y, x, width - 1 - x])
    seen = inside > -diameter / 2
    return pd.DataFrame(
        {
            "diameter_px": diameter[seen],
            "eccentricity": 0.0,
            "orientation_deg": 0.0,
            "flags": np.where(inside <= diameter / 2, "border", "")[seen],
        }
    )


def test_the_correction_removes_the_bias_of_cut_discs():
    rng = np.random.default_rng(0)
    tables = [window(rng) for _ in range(600)]
    diameters = pd.concat(tables)["diameter_px"].to_numpy()
    weights = np.concatenate([border_weights(table, SHAPE) for table in tables])
    image = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    whole = weights > 0
    uncorrected = describe(diameters[whole], image[whole])
    assert uncorrected.n > 1000
    assert uncorrected.intervals["mean"][1] < TRUE_MEAN
    # Large ones are met more often.
    assert describe(diameters, image).intervals["mean"][0] > TRUE_MEAN
    corrected = describe(diameters[whole], image[whole], weights[whole])
    low, high = corrected.intervals["mean"]
    assert low < TRUE_MEAN < high
    assert corrected.d90 == pytest.approx(30 * 1.4**1.2816, rel=0.03)
    assert corrected.geometric_std == pytest.approx(1.4, rel=0.03)


def test_the_weighted_number_is_the_number_on_that_area():
    rng = np.random.default_rng(1)
    weights = [border_weights(window(rng), SHAPE).sum() for _ in range(400)]
    error = np.std(weights) / 20
    assert abs(np.mean(weights) - SHAPE[0] * SHAPE[1] * 2e-4) < 3 * error


def test_drawn_and_measured():
    labels = np.zeros((60, 80), np.int32)
    labels[disc(8, (20, 20), labels.shape)] = 1
    labels[disc(8, (58, 50), labels.shape)] = 2
    labels[disc(3, (40, 60), labels.shape)] = 3
    excluded = np.zeros(labels.shape, bool)
    excluded[44:, 60:] = True
    for pixel_size_nm in (None, 0.37):
        table = measure(labels, labels, excluded=excluded, pixel_size_nm=pixel_size_nm)
        weights = border_weights(table, labels.shape, pixel_size_nm=pixel_size_nm)
        assert weights.tolist() == pytest.approx([60 * 80 / (43 * 63), 0, 0], rel=0.01)


@pytest.mark.parametrize("degrees", [0, 25, 45, 90, -60])
def test_boxes_of_ellipses(degrees):
    mask = ellipse(30, 12, degrees)
    rows, columns = np.nonzero(mask)
    box = np.ptp(rows) + 1, np.ptp(columns) + 1
    expected = 400 * 300 / ((399 - box[0]) * (299 - box[1]))
    weight = border_weights(measure(mask.astype(int), mask), (400, 300))
    assert weight == pytest.approx([expected], rel=0.01)


def test_an_excluded_band_makes_the_frame_smaller():
    table = measure(disc(8, (20, 20), (40, 40)).astype(int), np.zeros((40, 40)))
    np.testing.assert_allclose(
        border_weights(table, (80, 100), analysed_share=0.75), border_weights(table, (60, 100))
    )


def test_a_particle_as_large_as_the_frame_keeps_a_finite_weight():
    table = measure(disc(19, (20, 20), (41, 41)).astype(int), np.zeros((41, 41)))
    assert np.isfinite(border_weights(table, (38, 38))).all()


def test_flags_that_cut():
    flags = pd.DataFrame({"flags": ["", "border", "overlap", "mask_edge;overlap"]})
    assert is_cut(flags).tolist() == [False, True, False, True]


def test_no_particle():
    table = measure(np.zeros((5, 5), int), np.zeros((5, 5)))
    assert border_weights(table, (5, 5)).size == 0


def test_bad_arguments_are_refused():
    table = measure(np.zeros((5, 5), int), np.zeros((5, 5)))
    with pytest.raises(UsageError, match="analysed_share must be above 0"):
        border_weights(table, (5, 5), analysed_share=0)
    with pytest.raises(UsageError, match="particles are in px"):
        border_weights(table, (5, 5), pixel_size_nm=1.0)
    with pytest.raises(UsageError, match="found nm and px"):
        border_weights(table.assign(diameter_nm=1.0), (5, 5))
    with pytest.raises(UsageError, match="found no diameters"):
        border_weights(table[["flags"]], (5, 5))
