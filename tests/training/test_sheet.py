"""The contact sheet shows what is trained on, with its truth."""

from pathlib import Path

import numpy as np
import pytest
from made import config, image
from PIL import Image, ImageDraw

from nanosieve.report import colours
from nanosieve.training.batches import Batches
from nanosieve.training.sheet import write_sheet
from nanosieve.training.targets import Target
from nanosieve.training.tiles import TileSet


def test_a_sheet_of_tiles(tmp_path: Path) -> None:
    ignore = np.zeros((40, 40), bool)
    ignore[:8] = True
    target = Target(("particle", "core"), "sigmoid")
    tiles = TileSet([image("a", ignore=ignore)], config(tiles={"size": 40}), target, training=True)
    (page,) = write_sheet(tmp_path / "sheet.png", tiles, seed=0)
    with Image.open(page) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    for colour in (colours.FOUND, colours.NOT_ISOLATED, colours.EXCLUDED):
        assert (np.abs(pixels - colour).max(1) < 12).sum() > 50


def test_the_sheet_counts_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda _self, _place, text, *_, **__: written.append(text)
    )
    target = Target(("support", "particle"), "softmax")
    tiles = TileSet([image("a")], config(tiles={"size": 16}), target, training=True)
    write_sheet(tmp_path / "sheet.png", tiles, seed=0, count=3)
    assert written[0] == "3 tiles"


def test_the_sheet_shows_the_first_tiles_of_the_training(tmp_path: Path) -> None:
    tiles = TileSet(
        [image(name) for name in "abc"],
        config(tiles={"size": 16}),
        Target(("support", "particle"), "softmax"),
        training=True,
    )
    seen: list[tuple[int, np.ndarray]] = []
    item = tiles.item

    def noted(number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        made = item(number, rng)
        seen.append((number, made[0]))
        return made

    tiles.item = noted  # type: ignore[method-assign]
    pages = write_sheet(tmp_path / "sheet.png", tiles, seed=3, count=8)
    assert len(pages) == 1
    assert len(seen) == 8
    first = next(iter(Batches(tiles, size=8, seed=3).training(1)))
    shown = np.stack([picture for _, picture in seen[:8]])
    np.testing.assert_array_equal(first.image.numpy(), shown)
    assert first.where == tuple(tiles.where(number) for number, _ in seen[:8])
