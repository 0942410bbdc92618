"""Overlays: the outline lies on the edge, at every reduction, and the bar has its length."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.report import colours
from nanosieve.report.overlay import (
    THUMBNAIL_BYTES,
    THUMBNAIL_SIDE,
    outline_classes,
    thumbnail,
    write_overlay,
)

NM = Calibration(0.5, "file")


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def has(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (pixels == np.array(colour, np.uint8)).all(axis=2)


def squares(side: int, *corners: tuple[int, int], size: int = 30) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    for i, (y, x) in enumerate(corners, 1):
        labels[y : y + size, x : x + size] = i
    return labels


def test_outline_is_the_innermost_ring_of_each_particle() -> None:
    labels = np.zeros((7, 8), np.uint16)
    labels[1:6, 1:5] = 3
    labels[1:6, 5:7] = 9
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 2, 2, 0],
            [0, 1, 0, 0, 1, 2, 2, 0],
            [0, 1, 0, 0, 1, 2, 2, 0],
            [0, 1, 0, 0, 1, 2, 2, 0],
            [0, 1, 1, 1, 1, 2, 2, 0],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ]
    )
    np.testing.assert_array_equal(outline_classes(labels, {9}), expected)


def test_outline_does_not_run_along_the_border_of_the_image() -> None:
    labels = np.ones((4, 4), int)
    assert not outline_classes(labels).any()


def test_picture_has_the_outline_at_the_edge_in_the_colour_of_its_class(tmp_path: Path) -> None:
    labels = squares(1000, (100, 100), (100, 400))
    image = np.where(labels > 0, 50, 200).astype(np.uint8)
    write_overlay(tmp_path / "o.png", image, labels, NM, not_isolated=[2])
    pixels = read(tmp_path / "o.png")[:1000]
    for left, colour in ((100, colours.ISOLATED), (400, colours.NOT_ISOLATED)):
        found = has(pixels, colour)
        rows, columns = np.nonzero(found)
        # Two pixels thick: the innermost ring and its neighbour below and to the right.
        assert (rows.min(), rows.max()) == (100, 130)
        assert (columns.min(), columns.max()) == (left, left + 30)
        assert found[100:130, left].all()
        assert found[100, left : left + 30].all()
        assert not found[103:128, left + 3 : left + 28].any()


def test_six_pixel_particles_stay_visible_in_a_reduced_picture(tmp_path: Path) -> None:
    corners = [(100, 1000), (301, 4003), (410, 7099)]
    labels = squares(8192, *corners, size=6)[:600]
    write_overlay(tmp_path / "o.png", np.zeros((600, 8192), np.uint8), labels, NM)
    pixels = read(tmp_path / "o.png")
    assert max(pixels.shape) <= 2200
    found = has(pixels, colours.ISOLATED)
    for y, x in corners:
        assert found[y // 4 : y // 4 + 2, x // 4 : x // 4 + 2].all()
    assert found[:150].sum() <= 3 * 16


def test_thumbnail_keeps_every_particle(tmp_path: Path) -> None:
    labels = squares(2048, (300, 300), (1500, 900), size=6)
    data = write_overlay(tmp_path / "o.png", np.full((2048, 2048), 9.0), labels, NM)
    pixels = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    blue_over_red = pixels[..., 2] - pixels[..., 0]
    for y, x in ((300, 300), (1500, 900)):
        row, column = y * THUMBNAIL_SIDE // 2048, x * THUMBNAIL_SIDE // 2048
        assert blue_over_red[row : row + 2, column : column + 2].max() > 60


@pytest.mark.parametrize(("side", "scale"), [(1000, 1.0), (300, 1 / 3), (4096, 2.0)])
def test_drawn_scale_bar_has_the_length_it_states(tmp_path: Path, side: int, scale: float) -> None:
    image = np.zeros((side, side), np.uint8)
    write_overlay(tmp_path / "o.png", image, image.astype(int), NM)
    canvas = round(side / scale)
    white = has(read(tmp_path / "o.png")[canvas:], (255, 255, 255))
    longest = max(len(run) for row in white for run in bytes(row).split(b"\0"))
    length_nm = longest * scale * NM.scale
    digit = length_nm / 10 ** np.floor(np.log10(length_nm))
    assert min(abs(digit - d) for d in (1, 2, 5)) < 0.03
    assert canvas / 10 <= longest <= canvas / 4


def test_excluded_region_is_hatched(tmp_path: Path) -> None:
    excluded = np.zeros((1000, 1000), bool)
    excluded[200:400, 300:700] = True
    blank = np.zeros((1000, 1000), np.float32)
    write_overlay(tmp_path / "o.png", blank, blank.astype(int), NM, excluded=excluded)
    found = has(read(tmp_path / "o.png")[:1000], colours.EXCLUDED)
    assert not found[~excluded].any()
    assert 0.05 < found[excluded].mean() < 0.5
    assert found[200, 300:700].all()


@pytest.mark.parametrize(
    "image",
    [
        np.full((50, 60), np.nan),
        np.full((50, 60), 7, np.int16),
        np.where(np.eye(60) > 0, np.inf, 1.0),
        np.arange(2048.0)[np.newaxis],
        np.arange(2048.0)[:, np.newaxis],
        np.arange(9.0).reshape(3, 3),
        np.zeros((1, 1)),
    ],
    ids=["all NaN", "constant", "infinite", "one row", "one column", "3x3", "one pixel"],
)
def test_images_of_no_use_are_drawn_all_the_same(tmp_path: Path, image: np.ndarray) -> None:
    labels = np.zeros(image.shape, int)
    data = write_overlay(tmp_path / "o.png", image, labels, Calibration())
    assert min(read(tmp_path / "o.png").shape[:2]) >= 64
    assert Image.open(io.BytesIO(data)).format == "JPEG"


def test_nan_does_not_spread_when_the_picture_is_reduced(tmp_path: Path) -> None:
    image = np.tile(np.linspace(0, 1, 4096, dtype=np.float32), (1000, 1))
    image[::2] = np.nan
    write_overlay(tmp_path / "o.png", image, np.zeros((1000, 4096), np.uint8), NM)
    row = read(tmp_path / "o.png")[100, :, 0].astype(int)
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()


def test_strong_grain_still_fits_the_thumbnail(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (1024, 1024)).astype(np.float32)
    data = write_overlay(tmp_path / "o.png", image, np.zeros((1024, 1024), int), NM)
    assert len(data) <= THUMBNAIL_BYTES
    width, height = Image.open(io.BytesIO(data)).size
    assert (width, height) == (THUMBNAIL_SIDE, THUMBNAIL_SIDE + 25)


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    labels = squares(512, (20, 20), (100, 300))
    image = np.random.default_rng(1).poisson(50, (512, 512)).astype(np.uint16)
    first = write_overlay(tmp_path / "a.png", image, labels, NM, not_isolated={1})
    second = write_overlay(tmp_path / "b.png", image, labels, NM, not_isolated={1})
    assert first == second
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_real_micrograph_with_its_mask(tmp_path: Path, shared_data: Path) -> None:
    with Image.open(shared_data / "sinter800/images/sinter800_00.png") as file:
        image = np.asarray(file.convert("L"))
    with Image.open(shared_data / "sinter800/masks/sinter800_00.png") as file:
        mask = np.asarray(file.convert("L")) > 0
    write_overlay(tmp_path / "o.png", image, mask.astype(np.int32), NM)
    pixels = read(tmp_path / "o.png")[:1024]
    found = has(pixels, colours.ISOLATED).reshape(512, 2, 512, 2).any(axis=(1, 3))
    edge = outline_classes(mask.astype(int)) > 0
    assert found[edge].all()


@pytest.mark.parametrize(
    ("labels", "excluded"),
    [
        (np.zeros((4, 5), int), None),
        (np.zeros((4, 4), int), np.zeros((3, 4), bool)),
    ],
)
def test_shapes_must_agree(tmp_path: Path, labels: np.ndarray, excluded: np.ndarray | None) -> None:
    with pytest.raises(UsageError, match="arrays of one shape"):
        write_overlay(tmp_path / "o.png", np.zeros((4, 4)), labels, NM, excluded=excluded)
    with pytest.raises(UsageError, match="arrays of one shape"):
        write_overlay(tmp_path / "o.png", np.zeros((2, 4, 4)), np.zeros((2, 4, 4), int), NM)
    assert not list(tmp_path.iterdir())


def test_thumbnail_of_any_picture_is_small() -> None:
    grain = np.random.default_rng(0).integers(0, 255, (700, 900, 3), dtype=np.uint8)
    smooth = Image.linear_gradient("L")
    assert Image.open(io.BytesIO(thumbnail(Image.fromarray(grain)))).size == (420, 327)
    assert len(thumbnail(smooth)) <= THUMBNAIL_BYTES
