"""The micrograph in grey under what was found, invented and missed.

Drawn with Pillow, as the overlays are: the processes that score images need no plotting library.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.report import colours
from nanosieve.report.overlay import THUMBNAIL_SIDE, thumbnail
from nanosieve.report.scale_bar import scale_bar

# Errors are painted stronger than what is right: they are what one looks for.
_OPACITY = {colours.FOUND: 0.45, colours.INVENTED: 0.75, colours.MISSED: 0.75}
_NOT_COUNTED_GREY = 0.4


def error_picture(
    image: np.ndarray,
    prediction: np.ndarray,
    *,
    truth: np.ndarray | None = None,
    boxes: np.ndarray | None = None,
    valid: np.ndarray | None = None,
    pixel_size_nm: float | None = None,
) -> bytes:
    """Paint a map of true positives, false positives and false negatives.

    Parameters
    ----------
    image
        ``(y, x)`` grey values.
    prediction
        ``(y, x)``; non-zero is particle.
    truth
        ``(y, x)``; non-zero is particle. ``None`` where only boxes are known: what was predicted is
        then painted as found.
    boxes
        ``(n, 4)`` true boxes ``y0, x0, y1, x1``, px, drawn as frames.
    valid
        ``(y, x)`` bool; pixels that do not count are darkened and not painted.
    pixel_size_nm
        For the scale bar; ``None`` gives a bar in px.

    Returns
    -------
    bytes
        JPEG of 420 px, about 18 kB at most.

    Raises
    ------
    UsageError
        If the arrays do not have one 2-D shape.

    Examples
    --------
    >>> disc = np.hypot(*np.mgrid[-20:20, -20:20]) < 9
    >>> error_picture(-1.0 * disc, np.roll(disc, 4, axis=1), truth=disc)[:3] == b"\\xff\\xd8\\xff"
    True
    """
    shapes = {np.shape(a) for a in (image, prediction, truth, valid) if a is not None}
    if len(shapes) > 1 or image.ndim != 2:
        raise UsageError(f"an error map needs (y, x) arrays of one shape, got {sorted(shapes)}")
    found = np.asarray(prediction) != 0
    true = found if truth is None else np.asarray(truth) != 0
    grey = _grey(image)
    if valid is not None:
        grey = np.where(valid, grey, grey * _NOT_COUNTED_GREY)
        found, true = found & valid, true & valid
    picture = np.repeat(grey[..., None], 3, axis=2)
    classes = {
        colours.FOUND: found & true,
        colours.INVENTED: found & ~true,
        colours.MISSED: true & ~found,
    }
    for colour, where in classes.items():
        opacity = np.float32(_OPACITY[colour])
        picture[where] = picture[where] * (1 - opacity) + np.array(colour, np.float32) * opacity
    small = _fit(Image.fromarray(picture.astype(np.uint8)))
    scale = max(image.shape) / max(small.size)
    if boxes is not None:
        _draw_boxes(small, boxes / scale)
    calibration = Calibration() if pixel_size_nm is None else Calibration(pixel_size_nm, "user")
    _draw_bar(small, calibration, scale)
    return thumbnail(small)


def _grey(image: np.ndarray) -> np.ndarray:
    """Stretch between robust percentiles, 0 to 255 float32; NaN is black."""
    values = np.asarray(image, np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.float32)
    low, high = np.percentile(finite[:: max(1, finite.size // 400_000)], [0.5, 99.5])
    if high <= low:
        return np.full(values.shape, 128, np.float32)
    return np.nan_to_num(np.clip((values - low) * np.float32(255 / (high - low)), 0, 255))


def _fit(picture: Image.Image) -> Image.Image:
    factor = THUMBNAIL_SIDE / max(picture.size)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    resampling = Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST
    return picture.resize(size, resampling)


def _draw_boxes(picture: Image.Image, boxes: np.ndarray) -> None:
    draw = ImageDraw.Draw(picture)
    for y0, x0, y1, x1 in boxes:
        draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colours.MISSED)


def _draw_bar(picture: Image.Image, calibration: Calibration, scale: float) -> None:
    """White bar and label on black in the lower left corner."""
    bar = scale_bar(calibration, canvas_px=picture.width, pixels_per_canvas_px=scale)
    font = ImageFont.load_default(13)
    draw = ImageDraw.Draw(picture)
    width = max(bar.pixels, round(draw.textlength(bar.label, font))) + 12
    top = picture.height - 32
    draw.rectangle((4, top, 4 + width, picture.height - 4), fill=(0, 0, 0))
    middle = 4 + width / 2
    draw.text((middle, top + 2), bar.label, font=font, anchor="ma", fill=(255, 255, 255))
    left = middle - bar.pixels / 2
    bottom = picture.height - 8
    draw.rectangle((left, bottom - 3, left + bar.pixels, bottom), fill=(255, 255, 255))
