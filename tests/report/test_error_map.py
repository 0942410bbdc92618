"""Error maps: the right colour in the right place, after encoding."""

import io

import numpy as np
import pytest
from PIL import Image

from nanosieve.core.errors import UsageError
from nanosieve.report import colours
from nanosieve.report.error_map import error_picture

# A flat image is drawn in the middle grey.
GREY = np.full(3, 128)


def quarter(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((420, 420), bool)
    mask[rows, columns] = True
    return mask


UPPER, LOWER, LEFT, RIGHT = slice(0, 210), slice(210, 420), slice(0, 210), slice(210, 420)
# Upper half true, left half predicted: each quarter is of one kind.
TRUTH, GUESS = quarter(UPPER, slice(None)), quarter(slice(None), LEFT)
FLAT = np.full((420, 420), 7.0)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)


def tinted(colour: tuple[int, int, int], opacity: float) -> np.ndarray:
    return GREY * (1 - opacity) + np.array(colour) * opacity


def test_each_kind_of_pixel_has_its_colour() -> None:
    picture = decoded(error_picture(FLAT, GUESS, truth=TRUTH))
    assert picture[105, 105] == pytest.approx(tinted(colours.FOUND, 0.45), abs=6)
    assert picture[105, 315] == pytest.approx(tinted(colours.MISSED, 0.75), abs=6)
    assert picture[300, 105] == pytest.approx(tinted(colours.INVENTED, 0.75), abs=6)
    assert picture[300, 315] == pytest.approx(GREY, abs=6)


def test_what_does_not_count_is_dark_and_without_colour() -> None:
    valid = quarter(slice(None), RIGHT)
    picture = decoded(error_picture(FLAT, GUESS, truth=TRUTH, valid=valid))
    assert picture[105, 105] == pytest.approx(0.4 * GREY, abs=6)
    assert picture[105, 315] == pytest.approx(tinted(colours.MISSED, 0.75), abs=6)


def test_without_a_mask_predictions_are_painted_and_boxes_framed() -> None:
    boxes = np.array([[100.0, 250, 160, 340]])
    picture = decoded(error_picture(FLAT, GUESS, boxes=boxes))
    assert picture[105, 105] == pytest.approx(tinted(colours.FOUND, 0.45), abs=6)
    yellow = np.abs(picture - np.array(colours.MISSED)).max(axis=2) < 60
    assert yellow[100, 260:330].mean() > 0.9
    assert yellow[110:150, 250].mean() > 0.9
    assert not yellow[120:140, 270:320].any()


@pytest.mark.parametrize("shape", [(40, 60), (1000, 500), (3, 900)])
def test_any_size_becomes_a_thumbnail(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    data = error_picture(
        rng.normal(size=shape), rng.random(shape) > 0.5, truth=rng.random(shape) > 0.5
    )
    assert max(Image.open(io.BytesIO(data)).size) == 420


def test_pixels_that_are_no_numbers_are_drawn_black() -> None:
    image = np.arange(160_000.0).reshape(400, 400)
    image[100:300, 100:300] = np.nan
    nothing = np.zeros((400, 400))
    assert decoded(error_picture(image, nothing, truth=nothing))[200, 200].max() < 8
    assert decoded(error_picture(image * np.nan, nothing, truth=nothing))[10, 10].max() < 8


def test_arrays_of_different_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="error map needs \\(y, x\\) arrays of one shape"):
        error_picture(FLAT, GUESS, truth=TRUTH[:100])
