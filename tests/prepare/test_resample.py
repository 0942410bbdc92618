"""Geometry, mean and alias of resampled drawings, and labels on their way back."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nanosieve.core.errors import RefusedInput, UsageError
from nanosieve.prepare.resample import resample, resample_back, resample_labels_back

SIZES = st.floats(0.3, 3.0)


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """Disc with the share of each edge pixel that it covers, on 8 x 8 points a pixel."""
    points = (np.arange(8) + 0.5) / 8
    y = (np.arange(shape[0])[:, None] + points).ravel() - 0.5 - centre[0]
    x = (np.arange(shape[1])[:, None] + points).ravel() - 0.5 - centre[1]
    inside = y[:, None] ** 2 + x**2 < radius**2
    return inside.reshape(shape[0], 8, shape[1], 8).mean((1, 3)).astype(np.float32)


@pytest.mark.parametrize("to_nm", [0.05, 0.13, 0.2, 0.31, 0.5])
@pytest.mark.parametrize("from_nm", [0.2, (0.2, 0.1), (0.15, 0.35)])
def test_disc_keeps_diameter_and_place(from_nm: float | tuple, to_nm: float) -> None:
    sides = np.array(from_nm if isinstance(from_nm, tuple) else (from_nm, from_nm))
    shape = tuple(int(n) for n in 60 / sides)
    y, x = ((np.arange(n) + 0.5) * side for n, side in zip(shape, sides, strict=True))
    image = ((y[:, None] - 31.3) ** 2 + (x - 27.9) ** 2 < 10.0**2).astype(float)
    drawn = 2 * np.sqrt(image.sum() * sides.prod() / np.pi)
    result = resample(image, from_nm, to_nm)
    diameter = 2 * np.sqrt((result > 0.5).sum() * to_nm**2 / np.pi)
    assert diameter == pytest.approx(drawn, rel=0.005)
    rows, columns = np.indices(result.shape)
    centre = [np.average((axis + 0.5) * to_nm, weights=result) for axis in (rows, columns)]
    assert centre == pytest.approx([31.3, 27.9], abs=0.02)


@given(SIZES, SIZES, SIZES, st.integers(4, 40), st.integers(4, 40))
def test_constant_stays_and_pixel_size_is_exact(
    old_y: float, old_x: float, new: float, ny: int, nx: int
) -> None:
    result = resample(np.full((ny, nx), 7, np.uint8), (old_y, old_x), new)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 7, rtol=1e-5)
    for n, old, full in zip(result.shape, (old_y, old_x), (ny, nx), strict=True):
        assert -1e-4 * new <= full * old - n * new < new


def test_mean_is_preserved() -> None:
    image = np.random.default_rng(0).poisson(50, (400, 300))
    for to_nm in (0.5, 0.99, 1.7, 3.0):
        assert resample(image, 1.0, to_nm).mean() == pytest.approx(image.mean(), rel=0.003)


def test_detail_finer_than_the_new_pixels_does_not_fold_back() -> None:
    stripes = np.tile([0.0, 0, 100, 100], 75) * np.ones((300, 1))
    assert np.ptp(stripes[::3, ::3][:, 1:-1]) == 100
    assert np.ptp(resample(stripes, 1.0, 4.3)[:, 2:-2]) < 12


def test_same_size_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 65535, (31, 17)).astype(np.uint16)
    np.testing.assert_array_equal(resample(image, 0.3, 0.3), image)


@given(SIZES, SIZES, SIZES, st.integers(4, 40), st.integers(4, 40))
def test_labels_come_back_to_the_nearest_pixel(
    old_y: float, old_x: float, new: float, ny: int, nx: int
) -> None:
    assume(min(ny * old_y, nx * old_x) >= new)  # less than one new pixel is refused
    shape = resample(np.zeros((ny, nx)), (old_y, old_x), new).shape
    labels = np.arange(1, np.prod(shape) + 1).reshape(shape)
    back = resample_labels_back(labels, (ny, nx), (old_y, old_x), new)
    assert back.shape == (ny, nx)
    for index in ((0, 0), (ny - 1, nx - 1), (ny // 2, nx // 3)):
        nearest = [
            min(
                range(n),
                key=lambda k, s=side, i=i: (round(abs((k + 0.5) * new - (i + 0.5) * s), 9), -k),
            )
            for n, i, side in zip(shape, index, (old_y, old_x), strict=True)
        ]
        assert back[index] == labels[tuple(nearest)]


def test_labelled_disc_returns_where_it_was() -> None:
    image = disc((200, 240), (90.2, 130.7), 40)
    labels = (resample(image, 0.1, 0.25) > 0.5).astype(np.int32) * 5
    back = resample_labels_back(labels, image.shape, 0.1, 0.25)
    assert back.dtype == np.int32
    truth = image > 0.5
    overlap = 2 * np.sum((back == 5) & truth) / (np.sum(back == 5) + truth.sum())
    assert overlap > 0.98


def test_image_smaller_than_one_pixel_is_refused() -> None:
    with pytest.raises(RefusedInput, match=r"195 x 0.128 nm \(y, x\), less than one pixel of 3 nm"):
        resample(np.zeros((65, 64)), (3.0, 0.002), 3.0)


@pytest.mark.parametrize(("old", "new"), [(0.0, 1.0), (1.0, -1.0), ((1.0, np.nan), 1.0)])
def test_pixel_sizes_must_be_positive(old: float | tuple, new: float) -> None:
    with pytest.raises(UsageError, match="positive numbers of nm"):
        resample(np.zeros((8, 8)), old, new)


@pytest.mark.parametrize(("own", "target"), [(1.0, 2.0), (1.0, 0.4), (0.5, 0.3), (0.2, 0.21)])
def test_smooth_values_come_back_to_their_own_grid(own, target):
    """A plane of slope 3.6 comes back within a tenth of a pixel, away from the frame's edge."""
    y, x = np.mgrid[:61, :47]
    plane = (3.0 * y - 2.0 * x).astype(np.float32)
    back = resample_back(resample(plane, own, target), plane.shape, own, target)
    assert back.shape == plane.shape
    assert back.dtype == np.float32
    inner = np.s_[5:-5, 5:-5]
    assert back[inner] == pytest.approx(plane[inner], abs=0.36)


def test_values_come_back_from_sides_of_their_own():
    values = resample(np.ones((20, 30), np.float32), (1.0, 2.0), 3.0)
    assert resample_back(values, (20, 30), (1.0, 2.0), 3.0) == pytest.approx(1)
    with pytest.raises(UsageError, match="pixel sizes must be positive numbers"):
        resample_back(values, (20, 30), 0.0, 3.0)
