"""A contact sheet of what the network will see, written before it sees anything."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from nanosieve.report import colours
from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet
from nanosieve.report.overlay import THUMBNAIL_SIDE
from nanosieve.training.tiles import TileSet

COUNT = 20
_LINES = (colours.FOUND, colours.NOT_ISOLATED, colours.EXCLUDED, colours.MISSED)
_HATCH_PX = 8


def write_sheet(path: str | Path, tiles: TileSet, *, seed: int, count: int = COUNT) -> list[Path]:
    """Write the first tiles of the first epoch as the network gets them, with their truth.

    Grey values are stretched between percentiles of the tile, so noise and blur show as they are,
    brightness does not. Lines go round each class (or channel: ``particle``, ``core``); what does
    not count is hatched.

    Parameters
    ----------
    path
        PNG file.
    tiles
        For training.
    seed
        Of the training.
    count
        How many; 20 fill a page.

    Returns
    -------
    list of Path
        The pages written.
    """
    # The generators of the training itself: what is shown is what comes first.
    order = tiles.order(np.random.default_rng([seed, 1]))[:count]
    items = []
    for place, number in enumerate(order):
        image, target, weight = tiles.item(number, np.random.default_rng([seed, 1, place]))
        picture = _encoded(_picture(image[0], _answers(target), weight > 0))
        items.append(ContactItem(tiles.where(number), picture))
    names = (
        tiles.target.classes[1:] if tiles.target.activation == "softmax" else tiles.target.classes
    )
    return write_contact_sheet(
        path,
        items,
        instead=f"What the network sees, changes included; lines: {', '.join(names)}; "
        "hatched: does not count.",
        of="tile",
    )


def _answers(target: np.ndarray) -> list[np.ndarray]:
    """One mask a line: the channels, or the classes but the support."""
    if target.ndim == 3:
        return [channel > 0 for channel in target]
    return [target == number for number in range(1, int(target.max(initial=0)) + 1)]


def _picture(image: np.ndarray, answers: list[np.ndarray], counts: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.5, 99.5))
    grey = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1) * 255
    picture = np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    y, x = np.indices(image.shape)
    picture[~counts & ((y + x) % _HATCH_PX < 2)] = colours.EXCLUDED
    width = max(1, min(image.shape) // 256)
    for answer, colour in zip(answers, _LINES * len(answers), strict=False):
        inner = ndimage.binary_erosion(answer, iterations=width, border_value=1)
        picture[answer & ~inner] = colour
    return picture


def _encoded(picture: np.ndarray) -> bytes:
    # Small tiles are enlarged by a whole factor, so that they fill the sheet and stay sharp.
    factor = -(-THUMBNAIL_SIDE // max(picture.shape[:2]))
    picture = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
