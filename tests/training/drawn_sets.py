"""Data sets of drawn discs, and settings that train on them within a second."""

from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.training.config import TrainConfig

SIDE = 64


def draw_set(folder: Path, *, groups: int = 4, each: int = 1) -> Path:
    """Dark discs on noise, ``each`` images a group, 0.2 nm a pixel."""
    rng = np.random.default_rng(0)
    rows = ["name,group,pixel_size_nm"]
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(groups * each):
        places = rng.uniform(12, SIDE - 12, (2, 2))
        mask = np.any([np.hypot(y - a, x - b) < 9 for a, b in places], axis=0)
        image = 150 + rng.normal(0, 10, mask.shape) - 60 * mask
        for kind, pixels in (("images", image.clip(0, 255)), ("masks", 255 * mask)):
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"im{number}.png")
        rows.append(f"im{number},g{number // each},0.2")
    (folder / "dataset.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def short(data: Path, **changes: object) -> TrainConfig:
    """Settings of a short training (dotted names with __ for the dot)."""
    base = TrainConfig.from_dict(
        {
            "data": {"path": str(data), "annotations": False},
            "network": {"name": "horwath-unet512"},
            "tiles": {"size": 32, "per_epoch": 24},
            "optimiser": {"lr": 0.01},
            "stop": {"epochs": 2},
            "validation": {"share": 0.25},
            "batch": 4,
        }
    )
    return base.varied({name.replace("__", "."): value for name, value in changes.items()})
