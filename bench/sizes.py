"""Bias of the diameter on isolated bodies without noise, by method, modality, shape and edge rule.

``python -m bench.sizes``: images of `nanosieve.simulation.projected.isolated`, nothing set but the
method and the edge rule.
"""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import get_args

import numpy as np

from bench.page import put, table
from nanosieve.core.segmentation import Edge
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.isolated import (
    FAMILIES,
    PRESET_OF,
    Isolated,
    isolated_bodies,
)

IMAGES = 6
DIAMETERS_PX = np.geomspace(22, 80, IMAGES)
CAMERAS = {"in focus, no detector": False, "defocus and detector": True}
Key = tuple[str, ...]


def errors(found: np.ndarray, truth: Isolated) -> Iterator[float | None]:
    """Relative error of the diameter of each body; ``None`` where it was not found."""
    labels, areas = truth.scene.labels(), np.bincount(found.ravel())
    for number, diameter in enumerate(truth.scene.diameters_px, start=1):
        under = np.bincount(found[labels == number], minlength=1)
        under[0] = 0
        hit = under.argmax() if under.any() else None
        yield None if hit is None else float(2 * np.sqrt(areas[hit] / np.pi) / diameter - 1)


def measured(place: tuple[str, str, int]) -> list[tuple[Key, list[float | None]]]:
    """Errors of all methods and rules on both images of one scene."""
    modality, family, index = place
    rows = []
    for camera, blurred in CAMERAS.items():
        truth = isolated_bodies(
            modality, family, diameter_px=DIAMETERS_PX[index], seed=index, camera=blurred
        )
        for method, edge in product(METHODS, get_args(Edge)):
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
    """Put two tables into the page: edge rules with `hybrid`, and methods with the default rule."""
    found: dict[Key, list[float | None]] = defaultdict(list)
    places = list(product(PRESET_OF, FAMILIES, range(IMAGES)))
    with ProcessPoolExecutor(2) as pool:
        for rows in pool.map(measured, places):
            for key, values in rows:
                found[key] += values
    bodies = list(product(PRESET_OF, FAMILIES))
    rules = (
        [*body, edge, *(cell(found[*body, camera, edge, "hybrid"]) for camera in CAMERAS)]
        for body, edge in product(bodies, get_args(Edge))
    )
    put("sizes-edges", table(["modality", "shapes", "edge", *CAMERAS], rules))
    methods = (
        [*body, *(cell(found[*body, camera, "base", name]) for name in METHODS)]
        for camera in list(CAMERAS)[-1:]
        for body in bodies
    )
    put("sizes-methods", table(["modality", "shapes", *METHODS], methods))


if __name__ == "__main__":
    main()
