"""Images that several cases are measured on."""

from pathlib import Path

import numpy as np
import tifffile

from nanosieve.simulation.projected.plain import Imaging, draw, support
from nanosieve.simulation.projected.spheres import scatter


def drawn(shape: tuple[int, int], *, seed: int, radius: float = 16.0) -> np.ndarray:
    """Dark particles over a tenth of a textured support, uint16."""
    rng = np.random.default_rng(seed)
    number = int(0.1 * shape[0] * shape[1] / (np.pi * radius**2))
    bodies = scatter(shape, rng.lognormal(np.log(radius), 0.2, number), rng=rng)
    return draw(bodies, Imaging(), support=support(shape, "textured", rng=rng), rng=rng).image


def save(path: Path, image: np.ndarray) -> Path:
    """Write an ImageJ TIFF of 0.2 nm a pixel."""
    tifffile.imwrite(
        path, image, imagej=True, resolution=(5.0, 5.0), metadata={"unit": "nm", "axes": "YX"}
    )
    return path
