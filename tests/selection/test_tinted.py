"""The tint: where it lies, in which colour, and on what size of picture."""

from pathlib import Path

import numpy as np
import pytest

from nanosieve.batch.discover import Found, Input
from nanosieve.report.colours import EXCLUDED, INVENTED
from nanosieve.selection.tinted import tinted_picture, without_sheet


def test_only_what_is_not_wanted_is_tinted():
    image = np.full((420, 420), 7.0)
    image[:, 210:] = 9
    wanted = image == 9
    picture = np.asarray(tinted_picture(image, wanted))
    assert picture.shape == (420, 420, 3)
    assert (picture[wanted] == 255).all()
    assert (picture[~wanted] == (0.45 * np.array(INVENTED)).astype(int)).all()


def test_what_was_left_out_is_hatched_and_not_tinted():
    image = np.arange(420 * 420.0).reshape(420, 420)
    excluded = np.zeros(image.shape, bool)
    excluded[:100] = True
    picture = np.asarray(tinted_picture(image, np.zeros(image.shape, bool), excluded))[:100]
    hatched = (picture == EXCLUDED).all(axis=2)
    assert hatched.mean() == pytest.approx(0.25, abs=0.01)
    grey = picture[~hatched]
    assert (grey == grey[:, :1]).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1000, 500), (210, 420)),
        ((100, 50), (250, 500)),
        ((3, 2000), (420, 1)),
        ((1, 1), (420, 420)),
    ],
)
def test_pictures_fill_a_place_on_the_sheet(shape, size):
    assert tinted_picture(np.zeros(shape, np.uint16), np.ones(shape, bool)).size == size


def test_pixels_that_are_no_numbers_are_black_and_say_nothing_of_the_greys():
    image = np.linspace(0, 1, 420 * 420).reshape(420, 420)
    image[:10], image[10:20] = np.nan, -np.inf
    picture = np.asarray(tinted_picture(image, np.ones(image.shape, bool)))
    assert not picture[:20].any()
    assert picture[300].mean() == pytest.approx(255 * image[300].mean(), abs=12)
    empty = tinted_picture(np.full((9, 9), np.nan), np.ones((9, 9), bool))
    assert empty.getextrema() == ((0, 0),) * 3


def test_our_own_sheets_are_no_inputs(tmp_path: Path):
    names = ["rank.png", "rank-01.png", "ranked.png", "a.tif"]
    found = Found(tuple(Input(tmp_path / name, name) for name in names))
    kept = without_sheet(found, tmp_path / "rank.png")
    assert [one.path.name for one in kept.inputs] == ["ranked.png", "a.tif"]
    assert without_sheet(found, tmp_path / "elsewhere" / "rank.png") == found
