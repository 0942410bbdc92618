"""Images with particles of every class, drawn so that each is what its class says."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from drawn_fringes import at_angles, disc, waves
from nanosieve.batch.process import Job, measure_input
from nanosieve.core.settings import Settings

KINDS = ("no fault", "fault", "no fringe", "empty")
SHAPE, RADIUS = (150, 560), 45


def particle(kind: str, centre: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """What one particle adds to the image."""
    inside = disc(SHAPE, centre, RADIUS)
    angle = rng.uniform(0, 180)
    vectors = at_angles([rng.uniform(8, 9), rng.uniform(8, 9)], [angle, angle + 70])
    if kind == "empty":
        return np.zeros(SHAPE)
    if kind == "no fringe":
        return 1.5 * inside
    if kind == "no fault":
        return 1.5 * inside * (1 + waves(SHAPE, vectors))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    normal = np.deg2rad(angle)
    side = (x - centre[1]) * np.cos(normal) - (y - centre[0]) * np.sin(normal) > 0
    # A twin: the second set of fringes mirrored beyond the plane.
    mirrored = at_angles([8.5, 8.5], [angle, angle - 70])
    return 1.5 * inside * (1 + np.where(side, waves(SHAPE, vectors), waves(SHAPE, mirrored)))


def write_folder(folder: Path, *, images: int, seed: int, pixel_size_nm: float | None) -> Path:
    """A folder as ``nanosieve measure`` writes it, and ``classes.csv`` in it."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    rows = []
    settings = Settings(pixel_size_nm=pixel_size_nm)
    for number in range(images):
        labels, image = np.zeros(SHAPE, np.uint16), rng.normal(0, 1, SHAPE)
        for place, kind in enumerate(rng.permutation(KINDS)):
            centre = (75.0, 70 + 140.0 * place)
            labels[disc(SHAPE, centre, RADIUS)] = place + 1
            image += particle(str(kind), centre, rng)
            rows.append({"image": f"i{number}", "label": place + 1, "class": kind})
        tifffile.imwrite(folder / f"i{number}.tif", (1000 + 100 * image).astype(np.uint16))
        tifffile.imwrite(folder / f"given{number}.tif", labels)
        made = measure_input(
            folder / f"given{number}.tif", folder / f"i{number}.tif", Job(folder, settings)
        )
        assert made.status == "ok", made.message
    pd.DataFrame(rows).to_csv(folder / "classes.csv", index=False)
    return folder
