"""Micrographs of dark discs on a noisy support, as files."""

from pathlib import Path

import numpy as np
import tifffile

CENTRES = ((30, 30), (30, 96), (96, 30), (96, 96))
RADIUS = 12


def discs(centres=CENTRES, *, shape=(128, 128), radius=RADIUS, seed=0) -> np.ndarray:
    """``(y, x)`` uint16: support at 1000, discs at 400, noise of 20."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for row, column in centres:
        inside |= np.hypot(y - row, x - column) < radius
    noise = np.random.default_rng(seed).normal(0, 20, shape)
    return np.clip(np.where(inside, 400, 1000) + noise, 0, 65535).astype(np.uint16)


def write(path: Path, image: np.ndarray | None = None, *, nm: float | None = 0.5) -> Path:
    """Write an ImageJ TIFF with its pixel size; four discs where no image is given."""
    image = discs() if image is None else image
    options = {} if nm is None else {"resolution": (1 / nm, 1 / nm)}
    unit = {} if nm is None else {"unit": "nm"}
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {2: "YX", 3: "TYX"}[image.ndim]
    tifffile.imwrite(path, image, imagej=True, metadata={"axes": axes, **unit}, **options)
    return path


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every file."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
