"""Data sets and predictions of a few arrays, written as users have them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Arrays = Mapping[str, np.ndarray]


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set: ``make_data(masks={"a": array}, boxes={"a": lines}, rows=[...])``."""

    def make(
        *,
        name: str = "data",
        rows: list[str] | None = None,
        images: Arrays | None = None,
        boxes: Mapping[str, str] | None = None,
        **folders: Arrays,
    ) -> Path:
        folder = tmp_path / name
        images = dict(images or {})
        for kind, arrays in folders.items():
            for stem, array in arrays.items():
                write_png(folder / kind / f"{stem}.png", array.astype(np.uint8))
                images.setdefault(stem, 200 - 100 * (array > 0).astype(np.uint8))
        for stem, array in images.items():
            write_png(folder / "images" / f"{stem}.png", array.astype(np.uint8))
        for stem, lines in (boxes or {}).items():
            (folder / "boxes").mkdir(parents=True, exist_ok=True)
            (folder / "boxes" / f"{stem}.txt").write_text(lines)
        if rows is not None:
            lines = ["name,group,split,pixel_size_nm", *rows]
            (folder / "dataset.csv").write_text("\n".join(lines) + "\n")
        return folder

    return make


@pytest.fixture
def make_predictions(tmp_path: Path) -> Callable[..., Path]:
    """Write label images ``NAME/<stem>.png``."""

    def make(arrays: Arrays, *, name: str = "predictions") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for stem, array in arrays.items():
            write_png(folder / f"{stem}.png", array.astype(np.uint8))
        return folder

    return make
