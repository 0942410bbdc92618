"""Bias of the diameter on isolated bodies without noise, by method, modality, shape and edge rule.

``python -m bench.sizes``: images of `nanosieve.simulation.projected.isolated`, nothing set but the
method and the edge rule.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from typing import get_args

import numpy as np

from nanosieve.core.segmentation import Edge
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.isolated import (
    FAMILIES,
    PRESET_OF,
    Isolated,
    isolated_bodies,
)

IMAGES = 16
DIAMETERS_PX = np.geomspace(24, 100, IMAGES)
CAMERAS = {"as drawn": False, "recorded": True}
Key = tuple[str, ...]


def errors(found: np.ndarray, truth: Isolated) -> Iterator[float | None]:
    """Relative error of the diameter of each body; ``None`` where it was not found."""
    labels, areas = truth.scene.labels(), np.bincount(found.ravel())
    for number, diameter in enumerate(truth.scene.diameters_px, start=1):
        under = np.bincount(found[labels == number], minlength=1)
        under[0] = 0
        hit = under.argmax() if under.any() else None
        yield None if hit is None else float(2 * np.sqrt(areas[hit] / np.pi) / diameter - 1)


def measured(place: tuple[str, str, int], methods: list[str]) -> list[tuple[Key, list]]:
    """Errors of all methods and rules on both images of one scene."""
    modality, family, index = place
    rows = []
    for camera, blurred in CAMERAS.items():
        truth = isolated_bodies(
            modality, family, diameter_px=DIAMETERS_PX[index], seed=index, camera=blurred
        )
        for method, edge in product(methods, get_args(Edge)):
            found = segment(truth.image, method=method, edge=edge).labels
            rows.append(((modality, family, camera, edge, method), list(errors(found, truth))))
    return rows


def cell(values: list[float | None]) -> str:
    """Median and the middle 80 %, in percent; how many were not found."""
    known = [100 * value for value in values if value is not None]
    if not known:
        return "none found"
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    lost = len(values) - len(known)
    return f"{middle:+.1f} ({low:+.1f} to {high:+.1f})" + (f", {lost} lost" if lost else "")


def main() -> None:
    """Print one table: a row a modality, shape, image and rule; a column a method."""
    methods = sys.argv[1:] or list(METHODS)
    table: dict[Key, list] = defaultdict(list)
    places = list(product(PRESET_OF, FAMILIES, range(IMAGES)))
    with ProcessPoolExecutor(2) as pool:
        for rows in pool.map(partial(measured, methods=methods), places, chunksize=4):
            for key, values in rows:
                table[key] += values
    print(f"| modality | shapes | image | edge | {' | '.join(methods)} |\n|{'---|' * 4}", end="")
    print(f"{'---|' * len(methods)}")
    for row in product(PRESET_OF, FAMILIES, CAMERAS, get_args(Edge)):
        cells = [cell(table[*row, method]) for method in methods]
        print(f"| {' | '.join([*row, *cells])} |")


if __name__ == "__main__":
    main()
