"""Training images and settings made by hand, for the tests of this folder."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage
from nanosieve.training.moments import Moment


def config(**sections: Any) -> TrainConfig:
    """Settings with some sections given."""
    data = {"path": "set", **sections.pop("data", {})}
    return TrainConfig.from_dict({"data": data, **sections})


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """``(y, x)`` bool."""
    y, x = np.indices(shape)
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def image(name: str, group: str = "g", *, seed: int = 0, **more: Any) -> TrainingImage:
    """A 40 x 40 image with one disc, noise, and fields as given."""
    classes = disc((40, 40), (18, 20), 8)
    noise = np.random.default_rng(seed).normal(0, 1, classes.shape)
    fields: dict[str, Any] = {
        "image": (noise - 3 * classes).astype(np.float32),
        "classes": classes.astype(np.uint8),
        "instances": classes.astype(np.int32),
        "content": f"{name}-{seed}",
        "moment": Moment(movie=group),
        **more,
    }
    return TrainingImage(name, group, **fields)


def write_folder(folder: Path, names: str, *, particle: int = 255, seed: int = 0) -> Path:
    """A data set of 48 x 64 images, dark discs on noise, with masks of 0 and ``particle``."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number, name in enumerate(names):
        mask = disc((48, 64), (20 + number, 30), 9)
        pixels = rng.normal(1000, 30, mask.shape) - 300 * mask
        tifffile.imwrite(folder / "images" / f"{name}.tif", pixels.astype(np.uint16))
        Image.fromarray((mask * particle).astype(np.uint8)).save(folder / "masks" / f"{name}.png")
    return folder
