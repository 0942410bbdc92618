"""Diameter bias of each edge rule on drawn spheres and on flat discs: ``-m bench.edges``.

Nine bodies a cell, nothing set but the rule and the polarity. A sphere's projected thickness has no
walls; the discs are of one thickness and have.
"""

from functools import partial
from itertools import product
from statistics import mean
from typing import get_args

import numpy as np
from scipy import ndimage

from nanosieve.core.segmentation import Edge
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.plain import Drawing, Imaging, draw
from nanosieve.simulation.projected.spheres import spheres

RADII_PX = (4.0, 8.0, 16.0, 32.0, 64.0)
IMAGINGS = {
    "dark, noise-free": Imaging("dark", contrast=0.5, noise=False, counts=20_000),
    "dark, 1500 counts": Imaging("dark", contrast=0.5, counts=1500),
    "dark, 100 counts": Imaging("dark", contrast=0.5, counts=100),
    "dark, 1500 counts, sharp": Imaging("dark", contrast=0.5, counts=1500, blur_px=0),
    "dark, 1500 counts, blurred by 2 px": Imaging("dark", contrast=0.5, counts=1500, blur_px=2),
    "dark, 1500 counts, linear": Imaging("dark", contrast=0.5, counts=1500, model="linear"),
    "bright, noise-free": Imaging("bright", contrast=2, noise=False, counts=20_000),
    "bright, 300 counts": Imaging("bright", contrast=2, counts=300),
    "bright, 40 counts": Imaging("bright", contrast=2, counts=40),
}


def drawing(radius: float, imaging: Imaging, *, seed: int = 0) -> Drawing:
    """Nine spheres of one radius, apart from each other, at random places within a pixel."""
    rng = np.random.default_rng(seed)
    step = int(np.ceil(4.5 * radius)) + 10
    grid = np.array([(y, x) for y in range(3) for x in range(3)])
    centres = (grid + 0.5) * step + rng.uniform(-0.5, 0.5, (9, 2))
    return draw(spheres((3 * step, 3 * step), centres, [radius] * 9), imaging, rng=rng)


def flat_discs(radius: float, *, seed: int = 0) -> Drawing:
    """Discs of one thickness where `drawing` has spheres: half of 1500 counts, blur 0.7 px."""
    spheres = drawing(radius, Imaging("dark", noise=False), seed=seed)
    inside = (spheres.labels > 0).astype(np.float32)
    counts = 1500 * (1 - 0.5 * ndimage.gaussian_filter(inside, 0.7))
    image = np.random.default_rng(seed).poisson(counts).astype(np.uint16)
    return Drawing(image, spheres.labels, spheres.diameters_px)


def bias(found: np.ndarray, truth: Drawing) -> float | None:
    """Mean relative error of the diameters of spheres found; ``None`` where none was."""
    errors = []
    for number, diameter in enumerate(truth.diameters_px, start=1):
        under = np.bincount(found[truth.labels == number])
        under[0] = 0
        if under.any():
            area = np.count_nonzero(found == under.argmax())
            errors.append(2 * np.sqrt(area / np.pi) / diameter - 1)
    return mean(errors) if errors else None


def main() -> None:
    """Print one table: a row an imaging and rule, a column a diameter."""
    head = ["image", "edge", *(f"{2 * radius:g} px" for radius in RADII_PX), "mean of absolutes"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    sources = {name: partial(drawing, imaging=imaging) for name, imaging in IMAGINGS.items()}
    sources["dark, 1500 counts, flat discs"] = flat_discs
    for (name, source), edge in product(sources.items(), get_args(Edge)):
        polarity = name.partition(",")[0]
        values = []
        for radius in RADII_PX:
            truth = source(radius)
            found = segment(truth.image, method="hybrid", polarity=polarity, edge=edge)
            values.append(bias(found.labels, truth))
        cells = ["none found" if value is None else f"{value:+.1%}" for value in values]
        known = [abs(value) for value in values if value is not None]
        average = f"{mean(known):.1%}" if known else ""
        print(f"| {' | '.join([name, edge, *cells, average])} |")


if __name__ == "__main__":
    main()
