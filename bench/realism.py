"""How unlike real images simulated ones are: ``-m bench.realism --real DIR --simulated DIR``.

Each image becomes a row of plain statistics of its grey values, brought to median 0 and standard
deviation 1. Two sets of rows are compared by their energy distance (Székely and Rizzo, Journal of
Statistical Planning and Inference 143, 1249, 2013), after dividing each statistic by its standard
deviation among the real images. The floor is what two halves of the real images give, split at
random many times; simulated images are compared with such halves too, as many at a time, so that
both figures hold for samples of one size.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import fft, ndimage
from scipy.spatial.distance import cdist

from nanosieve.core.errors import NanosieveError
from nanosieve.files.read import read
from nanosieve.files.suffixes import SUFFIXES
from nanosieve.models.domain import describe

OCTAVES = 5
QUANTILES = (0.01, 0.05, 0.25, 0.75, 0.95, 0.99)
LAGS = (1, 2, 4)
LEAST_PX = 128  # five octaves, the coarsest of 32 to 64 px
LEAST_IMAGES = 4
CROPS_A_SIDE = 2
SPLITS = 1000
COLUMNS, ROWS, THUMB = 6, 2, 224


def main() -> int:
    """Parse, compare, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.realism", description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="folder of real images")
    parser.add_argument("--simulated", type=Path, help="folder; without it, only the floor")
    parser.add_argument("--crop", type=int, default=256, help="side of the parts looked at, px")
    parser.add_argument("--seed", type=int, default=0, help="of the splits and of the sheet")
    parser.add_argument("-o", "--output", type=Path, help="sheet of both kinds, PNG")
    options = parser.parse_args()
    if options.crop < LEAST_PX:
        parser.error(f"--crop {options.crop}: give {LEAST_PX} or more")
    folders = [options.real, options.simulated or options.real]
    real, simulated = (_tiles(folder, options.crop) for folder in folders)
    for folder, tiles in zip(folders, (real, simulated), strict=True):
        if len(tiles) < LEAST_IMAGES:
            parser.error(f"{folder}: {len(tiles)} images can be read, give {LEAST_IMAGES} or more")
    rng = np.random.default_rng(options.seed)
    print(_table(_rows(real), _rows(simulated) if options.simulated else None, rng))
    if options.output:
        sheet(real, simulated, rng).save(options.output)
        print(f"written to {options.output}", file=sys.stderr)
    return 0


def statistics(tile: np.ndarray) -> dict[str, float]:
    """Plain statistics of a square tile, float32."""
    values = (tile - np.median(tile)) / max(float(tile.std()), 1e-6)
    figures = {f"quantile {q:g}": float(np.quantile(values, q)) for q in QUANTILES}
    described = describe(values)
    # The skewness of a dark field with few bright particles knows no bounds.
    figures |= {"skewness": float(np.arcsinh(described["skewness"])), "noise": described["noise"]}
    return figures | _spectrum(values) | _local(values) | _correlation(values)


def _spectrum(values: np.ndarray) -> dict[str, float]:
    """Logarithm of the mean power in octaves below Nyquist's frequency, and its slope."""
    side = values.shape[0]
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(fft.rfft2((values - values.mean()) * window)) ** 2 / np.square(window).sum()
    k = np.hypot(fft.fftfreq(side)[:, np.newaxis], fft.rfftfreq(side))
    ends = 0.5 / 2.0 ** np.arange(OCTAVES + 1)
    levels = [
        float(np.log10(max(power[(k > low) & (k <= high)].mean(), 1e-9)))
        for high, low in pairwise(ends)
    ]
    # A step is one octave, 0.301 decades.
    slope = -float(np.polyfit(np.arange(OCTAVES), levels, 1)[0]) / np.log10(2)
    names = [f"power {1 / high:.0f}-{1 / low:.0f} px" for high, low in pairwise(ends)]
    return dict(zip(names, levels, strict=True)) | {"slope of power": slope}


def _local(values: np.ndarray) -> dict[str, float]:
    """Standard deviation in blocks of 16 px: its median, and how uneven it is."""
    side = values.shape[0] // 16
    blocks = values[: side * 16, : side * 16].reshape(side, 16, side, 16).std(axis=(1, 3))
    low, middle, high = np.maximum(np.quantile(blocks, (0.1, 0.5, 0.9)), 1e-3)
    return {"local contrast": float(np.log10(middle)), "its spread": float(np.log10(high / low))}


def _correlation(values: np.ndarray) -> dict[str, float]:
    """Correlation of the finest detail with itself a few pixels on, along rows and columns."""
    rest = values - ndimage.gaussian_filter(values, 4)
    variance = max(float(np.mean(rest**2)), 1e-12)
    return {
        f"correlation {lag} px, {name}": float(np.mean(first * second)) / variance
        for lag in LAGS
        for name, first, second in (
            ("rows", rest[:, lag:], rest[:, :-lag]),
            ("columns", rest[lag:], rest[:-lag]),
        )
    }


def energy_distance(between: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Energy distance of two sets of rows, given as indices into a matrix of distances."""
    across = between[np.ix_(first, second)].mean()
    within = between[np.ix_(first, first)].mean() + between[np.ix_(second, second)].mean()
    return float(2 * across - within)


def compare(
    real: np.ndarray, simulated: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Distance of simulated from real rows; mean and 95 % quantile of real from real ones."""
    scale = np.maximum(real.std(axis=0), 1e-6)
    rows = np.concatenate([real, simulated]) / scale / np.sqrt(real.shape[1])
    between = cdist(rows, rows)
    half = min(len(real) // 2, len(simulated))
    floors, found = [], []
    for _ in range(SPLITS):
        order = rng.permutation(len(real))
        ours, others = order[:half], order[half : 2 * half]
        drawn = len(real) + rng.choice(len(simulated), half, replace=False)
        floors.append(energy_distance(between, ours, others))
        found.append(energy_distance(between, ours, drawn))
    return float(np.mean(found)), float(np.mean(floors)), float(np.quantile(floors, 0.95))


def sheet(
    real: list[list[np.ndarray]], simulated: list[list[np.ndarray]], rng: np.random.Generator
) -> Image.Image:
    """Rows of real tiles and of simulated ones in turn."""
    page = Image.new("RGB", (COLUMNS * (THUMB + 4), 2 * ROWS * (THUMB + 18)), "white")
    draw = ImageDraw.Draw(page)
    orders = [rng.permutation(len(tiles)) for tiles in (real, simulated)]
    for row in range(2 * ROWS):
        kind, first = row % 2, (row // 2) * COLUMNS
        tiles = (real, simulated)[kind]
        y = row * (THUMB + 18)
        draw.text((2, y + 2), ("real", "simulated")[kind], fill="black")
        for column, index in enumerate(orders[kind][first : first + COLUMNS]):
            page.paste(_grey(tiles[index][0]), (column * (THUMB + 4), y + 16))
    return page


def _grey(tile: np.ndarray) -> Image.Image:
    low, high = np.quantile(tile, (0.005, 0.995))
    grey = np.clip((tile - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    # Cut, not shrunk: noise is what is to be compared.
    return Image.fromarray(grey[:THUMB, :THUMB])


def _rows(images: list[list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Each statistic of all images, the mean over the tiles of one image."""
    rows = [[statistics(tile) for tile in tiles] for tiles in images]
    return {
        name: np.array([np.mean([one[name] for one in tiles]) for tiles in rows])
        for name in rows[0][0]
    }


def _table(
    real: dict[str, np.ndarray], simulated: dict[str, np.ndarray] | None, rng: np.random.Generator
) -> str:
    others = simulated or real
    lines = [
        "| statistic | real, 10-50-90 % | simulated, 10-50-90 % | distance | floor, mean | 95 % |",
        "|---|---|---|---|---|---|",
    ]
    for name in [*real, "all together"]:
        chosen = list(real) if name == "all together" else [name]
        ours, theirs = (np.stack([of[one] for one in chosen], axis=1) for of in (real, others))
        distance, mean, most = compare(ours, theirs, rng)
        shown = [_range(of, name) for of in (real, others)]
        if simulated is None:
            shown[1], told = "", ""
        else:
            told = f"{distance:.3f}"
        lines.append(f"| {name} | {shown[0]} | {shown[1]} | {told} | {mean:.3f} | {most:.3f} |")
    n = [len(next(iter(of.values()))) for of in (real, others)]
    note = f"{n[0]} real images" + ("" if simulated is None else f", {n[1]} simulated ones")
    return "\n".join(lines) + f"\n\n{note}; statistics of {len(real)} kinds."


def _range(of: dict[str, np.ndarray], name: str) -> str:
    if name not in of:
        return ""
    return " ".join(f"{value:.2f}" for value in np.quantile(of[name], (0.1, 0.5, 0.9)))


def _tiles(folder: Path, side: int) -> list[list[np.ndarray]]:
    """Square parts of the first frame of every image; what cannot be read is said."""
    held = folder / "images"
    return [_cut(image, side) for image in _images(held if held.is_dir() else folder, side)]


def _images(folder: Path, side: int) -> Iterator[np.ndarray]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            image = np.asarray(read(path).frames[0], np.float32)
        except NanosieveError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if min(image.shape) < side:
            print(f"left out: {path.name}: below {side} px; see --crop", file=sys.stderr)
            continue
        if not np.isfinite(image).all() or np.ptp(image) == 0:
            print(f"left out: {path.name}: constant, or not finite", file=sys.stderr)
            continue
        yield image


def _cut(image: np.ndarray, side: int) -> list[np.ndarray]:
    """Up to four parts, evenly spread."""
    starts = [
        np.unique(np.linspace(0, n - side, min(CROPS_A_SIDE, n // side)).astype(int))
        for n in image.shape
    ]
    return [image[y : y + side, x : x + side] for y in starts[0] for x in starts[1]]


if __name__ == "__main__":
    sys.exit(main())
