"""Maps as pictures: colours, scale bars, marks."""

import io

import numpy as np
import pytest
from PIL import Image

from nanosieve.core.micrograph import Calibration
from nanosieve.interpretation.pictures import (
    Cut,
    Panel,
    Square,
    coloured,
    common_limits,
    robust_limits,
    sheet,
)


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_signed_colours_are_white_at_nothing_and_differ_in_sign():
    low, nothing, high = coloured(np.array([[-2.0, 0.0, 2.0]]), (-2, 2), "signed")[0].tolist()
    assert (low, nothing, high) == ([0, 114, 178], [255] * 3, [213, 94, 0])


def test_grey_goes_from_black_to_white_and_is_cut_at_its_ends():
    assert coloured(np.array([[-1, 0, 0.5, 1, 9]]), (0, 1), "grey")[0, :, 0].tolist() == [
        0, 0, 128, 255, 255,
    ]  # fmt: skip


def test_limits_are_symmetric_where_signed_and_never_empty():
    assert robust_limits(np.full((3, 3), 5.0)) == (4.5, 5.5)
    low, high = robust_limits(np.array([-3.0, 1.0]), "signed")
    assert low == -high
    assert robust_limits(np.zeros((2, 2)), "signed") == (-1, 1)


def test_panels_with_common_limits_share_the_widest():
    panels = common_limits(
        [Panel(np.eye(2), "", limits=(0, 1)), Panel(np.eye(2), "", limits=(-3, 0.5))]
    )
    assert {panel.ends for panel in panels} == {(-3.0, 1.0)}


def test_small_maps_are_enlarged_by_a_whole_factor():
    values = np.arange(81.0).reshape(9, 9)
    picture = opened(sheet([Panel(values, "kernel", limits=(0, 80))], columns=1, cell=100))
    body = picture[9 + 20 : 9 + 20 + 99, 18 : 18 + 99, 0]
    # One kernel element, without the frame around the map.
    assert np.unique(body[12:21, 12:21]).size == 1
    assert body[50, 50] == round(255 * 40 / 80)


@pytest.mark.parametrize("columns", [1, 3])
def test_panels_are_laid_out_in_rows(columns):
    picture = opened(sheet([Panel(np.eye(100), "map")] * 3, columns=columns, cell=100))
    height, width, _ = picture.shape
    assert (width > 300) == (columns == 3)
    assert (height > 300) == (columns == 1)


def test_scale_bar_marks_and_axes_are_drawn():
    calibration = Calibration(0.5, "file")
    plain = sheet([Panel(np.full((200, 200), 0.5), "map", limits=(0, 1))], columns=1, cell=200)
    marks = [
        Square((100, 100), 60, (255, 255, 255), "here"),
        Cut((20, 20), (20, 60), (230, 159, 0), "1"),
    ]
    drawn = sheet(
        [Panel(np.full((200, 200), 0.5), "map", limits=(0, 1), calibration=calibration,
               marks=marks)],
        columns=1, cell=200,
    )  # fmt: skip
    one, two = opened(plain), opened(drawn)
    top, left = 9 + 20, 18
    assert (two[top + 70, left + 71 : left + 130] == 255).all()  # upper side of the square
    assert two[top + 20, left + 40].tolist() == [230, 159, 0]
    # A bar of 20 nm is 40 px long: white on black.
    row = two[top + 200 - 10, left + 4 : left + 60, 0]
    assert (row == 255).sum() in (40, 41)
    assert (one != two).any()
    axed = opened(sheet([Panel(np.eye(64), "f", axis=(-0.5, 0.5, "cycles/px"))], columns=1))
    assert axed.shape != opened(sheet([Panel(np.eye(64), "f")], columns=1)).shape


def test_a_dashed_square_lets_another_of_the_same_place_be_seen():
    white, orange = (255, 255, 255), (230, 159, 0)
    marks = [Square((50, 50), 41, white), Square((50, 50), 41, orange, dashed=True)]
    picture = opened(
        sheet([Panel(np.zeros((100, 100)), "m", limits=(0, 1), marks=marks)], columns=1, cell=100)
    )
    body = picture[9 + 20 : 9 + 120, 18:118]
    side = {tuple(pixel) for pixel in body[30, 31:70].tolist()}
    assert side == {white, orange}


@pytest.mark.parametrize("end", [(50, 80), (50, 99), (95, 50), (1, 1), (0, 99)])
def test_the_number_of_a_line_leaves_its_end_free(end):
    def drawn(label: str) -> np.ndarray:
        cut = Cut((50, 50), end, (230, 159, 0), label)
        return opened(
            sheet([Panel(np.zeros((100, 100)), "m", limits=(0, 1), marks=[cut])], columns=1,
                  cell=100)
        )[9 + 20 : 9 + 120, 18:118]  # fmt: skip

    changed = np.argwhere((drawn("5") != drawn("")).any(axis=-1))
    assert len(changed) > 10
    assert np.hypot(*(changed - end).T).min() > 3
    assert changed.min() >= 1
    assert changed.max() <= 98


def test_not_finite_values_do_not_break_a_picture():
    assert opened(sheet([Panel(np.array([[np.nan, 1.0]]), "gap", limits=(0, 1))], columns=1)).size
