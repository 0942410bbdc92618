"""Pixels without a value are filled from what surrounds them."""

import numpy as np
import pytest

from nanosieve.core.errors import FailedInput
from nanosieve.prepare.invalid import fill_invalid


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_hole_in_a_plane_takes_the_plane(bad: float) -> None:
    plane = np.add.outer(np.arange(20.0), 2 * np.arange(30.0)) + 1e6
    holed = plane.copy()
    holed[9, 14] = bad
    filled, invalid = fill_invalid(holed)
    assert invalid is not None
    assert np.argwhere(invalid).tolist() == [[9, 14]]
    np.testing.assert_allclose(filled, plane, atol=0.1)


def test_wide_border_without_values_is_filled() -> None:
    image = np.full((60, 60), np.nan, np.float32)
    image[25:35, 25:35] = 7
    filled, invalid = fill_invalid(image)
    assert invalid is not None
    assert invalid.sum() == 3500
    np.testing.assert_allclose(filled, 7, rtol=1e-6)


@pytest.mark.parametrize("image", [np.ones((3, 3)), np.arange(9, dtype=np.uint16).reshape(3, 3)])
def test_valid_image_is_returned_itself(image: np.ndarray) -> None:
    same, invalid = fill_invalid(image)
    assert same is image
    assert invalid is None


def test_no_valid_pixel() -> None:
    with pytest.raises(FailedInput, match="every pixel is NaN or infinite"):
        fill_invalid(np.full((4, 4), np.nan))
