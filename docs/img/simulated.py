"""Contact sheets of simulated sets: ``python docs/img/simulated.py FOLDER...``.

Each folder is a data set that `nanosieve simulate` made; ``simulate-<preset>.jpg`` shows images of
it, bare above and with their outlines below.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.files.dataset import Dataset
from nanosieve.report.labelled import labelled_picture, sample_picture

COLUMNS, SIDE, GAP = 6, 220, 4


def _sheet(dataset: Dataset) -> Image.Image:
    shown = [dataset.samples[i] for i in _evenly(len(dataset))]
    page = Image.new("RGB", (len(shown) * (SIDE + GAP) - GAP, 2 * SIDE + GAP), "white")
    for column, sample in enumerate(shown):
        image = sample.image().astype(np.float32)
        for row, picture in enumerate((labelled_picture(image, []), sample_picture(sample))):
            picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
            page.paste(picture, (column * (SIDE + GAP), row * (SIDE + GAP)))
    return page


def _evenly(n: int) -> list[int]:
    return np.unique(np.linspace(0, n - 1, COLUMNS).astype(int)).tolist()


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        preset = json.loads((folder / "simulation.json").read_text())["preset"]
        target = Path(__file__).with_name(f"simulate-{preset}.jpg")
        _sheet(Dataset.open(folder)).save(target, quality=70, optimize=True)
        print(target)
