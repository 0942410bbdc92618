"""Micrographs with thin lines round what is true of them, one by one and in sheets."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from nanosieve.files.dataset import Dataset, Sample
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.report import colours
from nanosieve.report.contact_sheet import COLUMNS, ROWS, ContactItem, write_contact_sheet
from nanosieve.report.overlay import THUMBNAIL_SIDE

# Of classes after the first, by the words that the head of a sheet names them with.
_CLASS_LINES = {"blue": colours.FOUND, "orange": colours.NOT_ISOLATED, "yellow": colours.MISSED}
_LINES = (colours.FOUND, colours.NOT_ISOLATED, colours.EXCLUDED, colours.MISSED)
_HATCH_PX = 8


def labelled_picture(
    image: np.ndarray,
    answers: Sequence[np.ndarray],
    *,
    counts: np.ndarray | None = None,
    lines: Sequence[tuple[int, int, int]] = _LINES,
) -> Image.Image:
    """Draw lines round masks, and hatch what does not count.

    Parameters
    ----------
    image
        ``(y, x)``; stretched between its percentiles 0.5 and 99.5.
    answers
        ``(y, x)`` bool each; each has a colour of its own.
    counts
        ``(y, x)`` bool; all of it if ``None``.
    lines
        Colours, of which each answer takes the next.

    Returns
    -------
    PIL.Image.Image
        As large as the image, or enlarged by a whole factor to fill a place on a sheet.

    Examples
    --------
    >>> image = np.zeros((210, 210))
    >>> labelled_picture(image, [image > 0]).size
    (420, 420)
    """
    low, high = np.percentile(image, (0.5, 99.5))
    grey = np.clip((image - low) / max(float(high - low), 1e-12), 0, 1) * 255
    picture = np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    if counts is not None:
        y, x = np.indices(image.shape)
        picture[~counts & ((y + x) % _HATCH_PX < 2)] = colours.EXCLUDED
    width = max(1, min(image.shape) // 256)
    for answer, colour in zip(answers, tuple(lines) * len(answers), strict=False):
        inner = ndimage.binary_erosion(answer, iterations=width, border_value=1)
        picture[answer & ~inner] = colour
    factor = -(-THUMBNAIL_SIDE // max(picture.shape[:2]))
    return Image.fromarray(picture.repeat(factor, axis=0).repeat(factor, axis=1))


def sample_picture(sample: Sample, classes: Sequence[str] = ()) -> Image.Image:
    """Draw an image of a data set with its particles' outlines, each by itself where they touch.

    Where there are ``classes``, the outlines of all but the first are drawn instead.
    """
    ignored = sample.ignore()
    counts = None if ignored is None else ~ignored
    image = sample.image().astype(np.float32)
    if classes and "masks" in sample.files:
        found = read_label_pixels(sample.files["masks"]).reshape(sample.shape)
        answers = [found == number for number in range(1, len(classes))]
        return labelled_picture(image, answers, counts=counts, lines=tuple(_CLASS_LINES.values()))
    labels = sample.instances()
    return labelled_picture(image, [] if labels is None else [_walled(labels)], counts=counts)


def write_dataset_sheet(
    path: str | Path, dataset: Dataset, *, classes: Sequence[str] = ()
) -> list[Path]:
    """Write images of a data set, 20 at most, evenly chosen, with their particles' outlines.

    Parameters
    ----------
    path
        PNG file.
    dataset
        With instances.
    classes
        Names of the classes 0, 1, ... of its masks where there are more than two: the outlines of
        all but the first are drawn.

    Returns
    -------
    list of Path
        The pages written.
    """
    step = max(1, -(-len(dataset) // (COLUMNS * ROWS)))
    shown = dataset.samples[::step]
    items = [ContactItem(one.name, encoded(sample_picture(one, classes))) for one in shown]
    chosen = f"One in {step} of {len(dataset)}. " if step > 1 else ""
    of = ", ".join(f"{name} {word}" for name, word in zip(classes[1:], _CLASS_LINES, strict=False))
    instead = f"{chosen}Lines: {of or 'outlines of particles'}; hatched: what nobody could label."
    return write_contact_sheet(path, items, instead=instead)


def encoded(picture: Image.Image) -> bytes:
    """Encode as a PNG, quickly."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _walled(labels: np.ndarray) -> np.ndarray:
    """Particles without the pixels where one meets the next."""
    apart = labels > 0
    for axis in (0, 1):
        before = np.roll(labels, 1, axis)
        apart &= (before == labels) | (before == 0)
    return apart
