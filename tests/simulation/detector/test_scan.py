"""Drift moves intensity, labels and points alike; rows move by what they are told."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.detector.scan import displace_rows, shear, shear_points


def _disc(y, x, radius, shape=(101, 121)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


def test_image_labels_and_points_move_together():
    drift = (0.05, -0.08)
    at = np.array([[20.0, 40.0], [80.0, 70.0]])
    labels = (_disc(*at[0], 9) + 2 * _disc(*at[1], 9)).astype(np.int32)
    moved = shear(labels, drift)
    image = shear((labels > 0).astype(np.float32), drift)
    assert moved.dtype == np.int32
    assert np.unique(moved).tolist() == [0, 1, 2]
    assert ((image > 0.5) == (moved > 0)).mean() > 0.998
    for label, point in enumerate(shear_points(at, 101, drift), start=1):
        assert np.argwhere(moved == label).mean(axis=0) == pytest.approx(point, abs=0.3)
    # Written out: half the frame's height above the middle the specimen is half a drift behind.
    assert shear_points(at, 101, drift)[0] == pytest.approx([50 - 30 / 0.95, 40 + 0.08 * 30 / 0.95])


def test_the_middle_row_stays_where_it_was():
    rows, columns = np.mgrid[:40, :60].astype(np.float64)
    moved = shear(columns, (0.0, 0.2))
    inner = (slice(None), slice(12, -12))
    np.testing.assert_allclose(moved[inner], (columns - 0.2 * (rows - 19.5))[inner], atol=1e-3)


def test_no_drift_is_no_change():
    image = np.random.default_rng(0).random((8, 9)).astype(np.float32)
    assert shear(image, (0.0, 0.0)) is image


def test_half_a_frame_of_drift_is_refused():
    with pytest.raises(UsageError, match="give less than half a frame"):
        shear(np.zeros((4, 4)), (0.5, 0.0))
    with pytest.raises(UsageError, match="give less than half a frame"):
        shear_points(np.zeros((1, 2)), 4, (0.0, float("nan")))


def test_rows_move_to_the_right_by_their_offsets():
    x = np.arange(64)
    offsets = np.array([0.0, 0.3, -0.7, 1.6, -2.0])
    image = np.tile(np.exp(-(((x - 32) / 5) ** 2)), (5, 1)).astype(np.float32)
    moved = displace_rows(image, offsets)
    reference = np.exp(-(((x[np.newaxis] - 32 - offsets[:, np.newaxis]) / 5) ** 2))
    assert np.allclose(moved, reference, atol=2e-3)
    assert np.array_equal(moved[0], image[0])
