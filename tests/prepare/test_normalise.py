"""Grey values on a common scale."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.prepare.normalise import scale_to_maximum, standardise


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_standardise_gives_mean_0_and_deviation_1(dtype: type) -> None:
    image = np.random.default_rng(0).normal(100, 20, (50, 60)).clip(0).astype(dtype)
    result = standardise(image)
    assert result.dtype == np.float32
    assert result.mean(dtype=float) == pytest.approx(0, abs=1e-5)
    assert result.std(dtype=float) == pytest.approx(1, abs=1e-5)


def test_standardise_loses_no_digits_to_an_offset() -> None:
    image = np.array([[1e6, 1e6 + 2]])
    np.testing.assert_allclose(standardise(image), [[-1, 1]], atol=0.1)


@pytest.mark.parametrize("level", [0, 7, 1e5 / 3])
def test_standardise_of_a_constant_is_zero(level: float) -> None:
    assert not standardise(np.full((5, 5), level)).any()


def test_scale_to_maximum_keeps_images_comparable() -> None:
    images = [np.array([[10, 20]], np.uint16), np.array([[40, 0]], np.uint16)]
    maximum = max(int(image.max()) for image in images)
    scaled = [scale_to_maximum(image, maximum) for image in images]
    np.testing.assert_array_equal(scaled, np.array([[[0.25, 0.5]], [[1, 0]]], np.float32))


@pytest.mark.parametrize("maximum", [0, -1, np.nan, np.inf])
def test_maximum_must_be_positive(maximum: float) -> None:
    with pytest.raises(UsageError, match="positive number"):
        scale_to_maximum(np.ones((2, 2)), maximum)
