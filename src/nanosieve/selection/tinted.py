"""Micrographs with a tint over what is not wanted, for sheets on which masks are judged."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.batch.discover import Found
from nanosieve.report import colours
from nanosieve.report.overlay import THUMBNAIL_SIDE

_TINT = 0.45
_HATCH_PX = 8


def tinted_picture(
    image: np.ndarray, wanted: np.ndarray, excluded: np.ndarray | None = None
) -> Image.Image:
    """Draw an image in grey, what is not wanted under a tint, what was left out hatched.

    Parameters
    ----------
    image
        ``(y, x)``, any real dtype; stretched between its percentiles 0.5 and 99.5.
    wanted
        ``(y, x)`` bool.
    excluded
        ``(y, x)`` bool.

    Returns
    -------
    PIL.Image.Image
        At most 420 px; small images are enlarged by a whole factor.

    Examples
    --------
    >>> wanted = np.arange(200) < 100
    >>> picture = tinted_picture(np.zeros((50, 200)), np.tile(wanted, (50, 1)))
    >>> picture.size, picture.getpixel((10, 10)), picture.getpixel((390, 10))
    ((600, 150), (0, 0, 0), (95, 42, 0))
    """
    small = _resized(_stretched(image))
    left_out = np.zeros(wanted.shape, bool) if excluded is None else excluded
    share = _TINT * _resized((~wanted & ~left_out).astype(np.float32))[..., np.newaxis]
    picture = small[..., np.newaxis] * (1 - share) + np.array(colours.INVENTED) * share
    y, x = np.indices(small.shape)
    hatched = (_resized(left_out.astype(np.float32)) > 0.5) & ((y + x) % _HATCH_PX < 2)
    picture[hatched] = colours.EXCLUDED
    return Image.fromarray(picture.astype(np.uint8))


def without_sheet(found: Found, sheet: Path) -> Found:
    """Leave out the pages of our own contact sheet where OUT is the folder of the inputs."""
    page = re.compile(rf"{re.escape(sheet.stem)}(-\d+)?{re.escape(sheet.suffix)}")
    folder = sheet.parent.resolve()
    kept = (
        one
        for one in found.inputs
        if not (page.fullmatch(one.path.name) and one.path.parent.resolve() == folder)
    )
    return replace(found, inputs=tuple(kept))


def _stretched(image: np.ndarray) -> np.ndarray:
    """Grey values 0 to 255 and beyond, ``(y, x)`` float32; what is not finite is black."""
    finite = np.isfinite(image)
    values = np.where(finite, image, 0).astype(np.float32)
    low, high = np.percentile(values[finite], (0.5, 99.5)) if finite.any() else (0.0, 0.0)
    levels = (values - low) * (255 / max(float(high - low), 1e-12))
    return np.where(finite, np.clip(levels, 0, 255), 0).astype(np.float32)


def _resized(values: np.ndarray) -> np.ndarray:
    """Bring to the size of a thumbnail: means over what a pixel covers, or whole pixels larger."""
    long_side = max(values.shape)
    if long_side <= THUMBNAIL_SIDE:
        factor = -(-THUMBNAIL_SIDE // long_side)
        return values.repeat(factor, axis=0).repeat(factor, axis=1)
    size = tuple(max(1, round(n * THUMBNAIL_SIDE / long_side)) for n in values.shape[::-1])
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
