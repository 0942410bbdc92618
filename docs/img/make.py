"""Make the picture of the README: ``python docs/img/make.py``."""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.pipeline import analyse
from nanosieve.report.overlay import write_overlay
from nanosieve.simulation.samples import sample

SHOWN = ("uneven_background", "bright_touching")


def _pair(name: str) -> Image.Image:
    """The bare micrograph and its overlay, side by side."""
    micrograph = sample(name).micrograph
    found = analyse(micrograph)
    segmentation, particles = found.segmentations[0], found.particles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overlay.png"
        write_overlay(
            path,
            micrograph.frames[0],
            segmentation.labels,
            micrograph.calibration,
            not_isolated=particles.loc[~particles["isolated"], "label"].tolist(),
        )
        overlay = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    pixels = micrograph.frames[0].astype(float)
    low, high = np.percentile(pixels, (0.5, 99.5))
    grey = np.uint8(255 * np.clip((pixels - low) / (high - low), 0, 1))
    return _joined([Image.fromarray(grey).convert("RGB"), overlay])


def _joined(pictures: list[Image.Image], gap: int = 8) -> Image.Image:
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + gap
    return sheet


if __name__ == "__main__":
    picture = _joined([_pair(name) for name in SHOWN], gap=24)
    picture.thumbnail((1600, 1600), Image.Resampling.LANCZOS)
    picture.quantize(128).save(Path(__file__).with_name("overview.png"), optimize=True)
