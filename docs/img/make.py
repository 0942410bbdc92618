"""Make the picture of the README: ``python docs/img/make.py``."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.pipeline import analyse
from nanosieve.report.overlay import write_overlay
from nanosieve.simulation.samples import sample

# Sample, and the corner of the part of it that is shown.
SHOWN = {"uneven_background": (300, 20), "bright_touching": (150, 345)}
SIDE = 280
WIDTH = 1200
# Noise in the last three bits would make the file four times as large.
BITS = 0b11111000


def _pair(name: str, top: int, left: int) -> list[Image.Image]:
    """Part of the bare micrograph, and of its overlay."""
    micrograph = sample(name).micrograph
    found = analyse(micrograph)
    part = (slice(top, top + SIDE), slice(left, left + SIDE))
    pixels = micrograph.frames[0][part]
    particles = found.particles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overlay.png"
        write_overlay(
            path,
            pixels,
            found.segmentations[0].labels[part],
            micrograph.calibration,
            not_isolated=particles.loc[~particles["isolated"], "label"].tolist(),
        )
        overlay = Image.open(path).convert("RGB")
    low, high = np.percentile(pixels, (0.5, 99.5))
    grey = np.uint8(255 * np.clip((pixels - low) / (high - low), 0, 1))
    bare = Image.fromarray(grey).convert("RGB")
    return [bare.resize((overlay.width, overlay.width), Image.Resampling.NEAREST), overlay]


def _joined(pictures: list[Image.Image], gap: int = 10) -> Image.Image:
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + gap
    return sheet


if __name__ == "__main__":
    sheet = _joined([panel for name, corner in SHOWN.items() for panel in _pair(name, *corner)])
    sheet.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    coarse = Image.fromarray(np.asarray(sheet) & np.uint8(BITS))
    coarse.save(Path(__file__).with_name("overview.png"), optimize=True)
