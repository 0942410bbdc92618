"""A contact sheet of what the network will see, written before it sees anything."""

from pathlib import Path

import numpy as np

from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet
from nanosieve.report.labelled import encoded, labelled_picture
from nanosieve.training.tiles import TileSet

COUNT = 20


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
        picture = labelled_picture(image[0], _answers(target), counts=weight > 0)
        items.append(ContactItem(tiles.where(number), encoded(picture)))
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
