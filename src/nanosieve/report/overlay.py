"""The micrograph in grey under thin outlines of what was found in it.

Drawn with Pillow as a palette picture (grey levels and five colours, one byte a pixel): a plotting
library would need longer to load than the 0.3 s that a 2048 x 2048 overlay takes.
"""

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.atomic import atomic_path
from nanosieve.report import colours
from nanosieve.report.scale_bar import scale_bar

LONG_SIDE = 2048
THUMBNAIL_SIDE = 420
THUMBNAIL_BYTES = 18_000

_SHORTEST_LONG_SIDE = 800
_STRIP_PIXELS = 1 << 22

# Palette: 0..GREYS-1 grey, then the colours. Class numbers are offsets into the colours.
_GREYS = 248
_ISOLATED, _NOT_ISOLATED, _EXCLUDED = 1, 2, 3
_WHITE, _BLACK = _GREYS - 1, 0
_PALETTE = [
    *(round(i * 255 / (_GREYS - 1)) for i in range(_GREYS) for _ in range(3)),
    *colours.ISOLATED,
    *colours.NOT_ISOLATED,
    *colours.EXCLUDED,
]


@dataclass(frozen=True)
class _Entry:
    """A line of one colour in the strip below, and its text; ``length`` px, or a short one."""

    colour: int
    text: str
    length: int = 0


@dataclass(frozen=True)
class _Layers:
    """What is drawn, on the picture's own grid. ``scale``: micrograph pixels per picture pixel."""

    grey: np.ndarray
    outline: np.ndarray
    excluded: np.ndarray
    scale: float


def write_overlay(
    path: str | Path,
    image: np.ndarray,
    labels: np.ndarray,
    calibration: Calibration,
    *,
    not_isolated: Collection[int] = (),
    excluded: np.ndarray | None = None,
) -> bytes:
    """Write ``overlay.png`` and return its thumbnail for the page.

    Grey values are stretched between robust percentiles. The picture has the micrograph's pixels
    up to 2048 of them; larger frames are reduced by a whole factor before anything is drawn (means
    of the grey values, any outline pixel of a block kept), small ones enlarged by a whole factor.
    Scale bar and legend stand in a strip below: nothing of the micrograph is hidden.

    Parameters
    ----------
    path
        PNG file to write (atomically).
    image
        ``(y, x)``, any real dtype; NaN and infinities are drawn black.
    labels
        ``(y, x)`` integers, 0 background; gaps in the numbering are allowed.
    calibration
        Pixel size for the scale bar; unknown gives a bar in px.
    not_isolated
        Labels drawn in the second colour: cut by the border, overlapping or not convex.
    excluded
        ``(y, x)`` bool, drawn hatched; ``None`` if nothing was left out.

    Returns
    -------
    bytes
        JPEG of 420 px and a strip for its own scale bar, of about 18 kB at most.

    Raises
    ------
    UsageError
        If ``image``, ``labels`` and ``excluded`` are not 2-D of one shape with at least one pixel.

    Examples
    --------
    >>> import tempfile
    >>> labels = np.zeros((40, 60), np.int32)
    >>> labels[10:20, 10:20] = 1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "overlay.png"
    ...     data = write_overlay(path, labels * 100.0, labels, Calibration(0.5, "file"))
    ...     with Image.open(path) as picture:
    ...         picture.size[0], Image.open(io.BytesIO(data)).format
    (840, 'JPEG')
    """
    image, labels = np.asarray(image), np.asarray(labels)
    shapes = {image.shape, labels.shape} | (set() if excluded is None else {excluded.shape})
    if len(shapes) > 1 or image.ndim != 2 or image.size == 0:
        raise UsageError(
            "an overlay needs image, labels and excluded regions as (y, x) arrays of one shape, "
            f"got {' and '.join(str(shape) for shape in sorted(shapes))}"
        )
    layers = _layers(image, labels, not_isolated, excluded)
    picture = _paint(layers)
    bar = _bar_entry(picture, layers, calibration)
    picture = _with_strip(picture, [bar, *_colours_shown(layers)])
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG", compress_level=2)
    return _small(layers, calibration)


def thumbnail(picture: Image.Image) -> bytes:
    """Encode any picture for the page: JPEG of at most 420 px and about 18 kB.

    Examples
    --------
    >>> data = thumbnail(Image.new("RGB", (1600, 800), "white"))
    >>> Image.open(io.BytesIO(data)).size
    (420, 210)
    """
    small = picture.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return _encoded(small, (85, 70, 55, 40, 25))


def outline_classes(labels: np.ndarray, not_isolated: Collection[int] = ()) -> np.ndarray:
    """Return the innermost pixels of each particle's edge: 1 isolated, 2 not isolated, 0 elsewhere.

    A pixel is on the edge where one of its four neighbours inside the image has another label.

    Examples
    --------
    >>> outline_classes(np.pad(np.ones((3, 3), int), 1))[1:4, 1:4].tolist()
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    edge = np.zeros(labels.shape, bool)
    down = labels[1:] != labels[:-1]
    edge[1:] |= down
    edge[:-1] |= down
    across = labels[:, 1:] != labels[:, :-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge &= labels > 0
    classes = edge.astype(np.uint8)
    if len(not_isolated):
        second = np.isin(labels[edge], np.fromiter(not_isolated, np.int64))
        classes[edge] = np.where(second, _NOT_ISOLATED, _ISOLATED)
    return classes


def _layers(
    image: np.ndarray,
    labels: np.ndarray,
    not_isolated: Collection[int],
    excluded: np.ndarray | None,
) -> _Layers:
    long_side = max(image.shape)
    if long_side < _SHORTEST_LONG_SIDE:
        factor = min(-(-_SHORTEST_LONG_SIDE // long_side), 100)
        image, labels = _enlarged(image, factor), _enlarged(labels, factor)
        excluded = None if excluded is None else _enlarged(excluded, factor)
        scale, step = 1 / factor, 1
    else:
        step = -(-long_side // LONG_SIDE)
        scale = float(step)
    grey, outline, out = [], [], []
    for rows, around in _strips(image.shape, step):
        grey.append(_block_mean(image[rows], step))
        classes = outline_classes(labels[around], not_isolated)
        start = rows.start - around.start
        outline.append(_block_max(classes[start : start + rows.stop - rows.start], step))
        hidden = np.zeros(image[rows].shape, bool) if excluded is None else excluded[rows] != 0
        out.append(_block_max(hidden, step))
    return _Layers(np.vstack(grey), np.vstack(outline), np.vstack(out), scale)


def _strips(shape: tuple[int, ...], step: int) -> Iterator[tuple[slice, slice]]:
    """Cut the rows into whole blocks of about 4 million pixels, each also with a row around it."""
    height, width = shape
    size = max(1, _STRIP_PIXELS // (width * step)) * step
    for start in range(0, height, size):
        stop = min(height, start + size)
        yield slice(start, stop), slice(max(0, start - 1), min(height, stop + 1))


def _enlarged(array: np.ndarray, factor: int) -> np.ndarray:
    return array.repeat(factor, axis=0).repeat(factor, axis=1)


def _blocks(array: np.ndarray, step: int, fill: float) -> np.ndarray:
    """View as ``(y, step, x, step)``; an incomplete last block is filled up."""
    pad = [(0, -size % step) for size in array.shape]
    if any(after for _, after in pad):
        array = np.pad(array, pad, constant_values=fill)
    return array.reshape(array.shape[0] // step, step, array.shape[1] // step, step)


def _block_max(array: np.ndarray, step: int) -> np.ndarray:
    # Down the columns first: twice as fast as both axes at once.
    return array if step == 1 else _blocks(array, step, 0).max(axis=1).max(axis=2)


def _block_mean(array: np.ndarray, step: int) -> np.ndarray:
    """Mean of the finite pixels of each block; NaN where there is none."""
    array = array.astype(np.float32)
    if step == 1:
        return array
    blocks = _blocks(array, step, np.nan)
    finite = np.isfinite(blocks)
    count = finite.sum(axis=1, dtype=np.float32).sum(axis=2)
    total = (blocks if finite.all() else np.where(finite, blocks, 0)).sum(axis=1).sum(axis=2)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _small(layers: _Layers, calibration: Calibration) -> bytes:
    """Thumbnail with its own outlines and bar; strong grain is smoothed rather than kept blocky."""
    reduced = _reduced(layers, THUMBNAIL_SIDE)
    for sigma, quality in (
        (0.0, 80),
        (0.0, 60),
        (0.7, 60),
        (1.2, 50),
        (1.2, 35),
        (2.0, 30),
        (4.0, 30),
    ):
        grey = ndimage.gaussian_filter(reduced.grey, sigma) if sigma else reduced.grey
        picture = _paint(replace(reduced, grey=grey))
        picture = _with_strip(picture, [_bar_entry(picture, reduced, calibration)])
        data = _encoded(picture.convert("RGB"), (quality,))
        if len(data) <= THUMBNAIL_BYTES:
            break
    return data


def _encoded(picture: Image.Image, qualities: tuple[int, ...]) -> bytes:
    """JPEG of the first quality that fits, else of the last; colours at full resolution."""
    for quality in qualities:
        stream = io.BytesIO()
        # Not optimize=True: Pillow's buffer for it is too small for pictures dense with outlines.
        picture.save(stream, format="JPEG", quality=quality, subsampling=0)
        if stream.tell() <= THUMBNAIL_BYTES:
            break
    return stream.getvalue()


def _reduced(layers: _Layers, long_side: int) -> _Layers:
    """Bring to at most ``long_side``: means of grey values, and every outline pixel kept."""
    height, width = layers.grey.shape
    scale = max(1.0, max(height, width) / long_side)
    shape = max(1, round(height / scale)), max(1, round(width / scale))
    grey = Image.fromarray(np.nan_to_num(layers.grey, nan=0.0, posinf=0.0, neginf=0.0))
    outline = np.zeros(shape, np.uint8)
    rows, columns = np.nonzero(layers.outline)
    small_rows = np.minimum((rows / scale).astype(np.intp), shape[0] - 1)
    small_columns = np.minimum((columns / scale).astype(np.intp), shape[1] - 1)
    np.maximum.at(outline, (small_rows, small_columns), layers.outline[rows, columns])
    excluded = Image.fromarray(layers.excluded).resize(shape[::-1], Image.Resampling.NEAREST)
    return _Layers(
        np.asarray(grey.resize(shape[::-1], Image.Resampling.BOX)),
        outline,
        np.asarray(excluded),
        layers.scale * scale,
    )


def _stretched(grey: np.ndarray) -> np.ndarray:
    """Grey levels of the palette between the 0.5 and 99.5 percentiles of the finite pixels."""
    finite = np.isfinite(grey)
    if not finite.any():
        return np.zeros(grey.shape, np.uint8)
    # Percentiles of every ninth pixel or so are as good, and 20 times faster, on 4 million.
    whole = bool(finite.all())
    sample = grey.ravel() if whole else grey[finite]
    low, high = np.percentile(sample[:: max(1, sample.size // 400_000)], [0.5, 99.5])
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    if high <= low:
        return np.where(finite, np.uint8(_GREYS // 2), np.uint8(0))
    levels = np.clip((grey - low) * np.float32((_GREYS - 1) / (high - low)), 0, _GREYS - 1)
    return (levels if whole else np.where(finite, levels, 0)).astype(np.uint8)


def _paint(layers: _Layers) -> Image.Image:
    pixels = _stretched(layers.grey)
    if layers.excluded.any():
        pixels = np.where(_hatching(layers.excluded), _GREYS - 1 + _EXCLUDED, pixels)
    thick = _thickened(layers.outline, max(layers.grey.shape))
    pixels = np.where(thick > 0, _GREYS - 1 + thick, pixels).astype(np.uint8)
    # A frame of a few rows or columns is hard to see, and leaves no room for a legend below.
    missing = (max(0, 64 - pixels.shape[0]), max(0, 160 - pixels.shape[1]))
    picture = Image.fromarray(np.pad(pixels, [(0, missing[0]), (0, missing[1])]), mode="P")
    picture.putpalette(_PALETTE)
    return picture


def _bar_entry(picture: Image.Image, layers: _Layers, calibration: Calibration) -> _Entry:
    bar = scale_bar(calibration, canvas_px=picture.width, pixels_per_canvas_px=layers.scale)
    return _Entry(_WHITE, bar.label, bar.pixels)


def _thickened(outline: np.ndarray, long_side: int) -> np.ndarray:
    """Two pixels instead of one where the picture is so large that it is looked at reduced."""
    if long_side < _SHORTEST_LONG_SIDE:
        return outline
    thick = outline.copy()
    np.maximum(thick[1:], outline[:-1], out=thick[1:])
    np.maximum(thick[:, 1:], outline[:, :-1], out=thick[:, 1:])
    return thick


def _hatching(excluded: np.ndarray) -> np.ndarray:
    """Diagonal lines over the excluded pixels, and their outline."""
    period = max(8, max(excluded.shape) // 80)
    rows, columns = np.ogrid[: excluded.shape[0], : excluded.shape[1]]
    lines = (rows + columns) % period < max(1, period // 6)
    return (excluded & lines) | (outline_classes(excluded.astype(np.uint8)) > 0)


def _text(text: str, size: float) -> np.ndarray:
    """Antialiased text as ``(y, x)`` grey levels of the palette, white on black."""
    font = ImageFont.load_default(max(12.0, size))
    # The box of all letters, not of these: texts side by side then share one line.
    _, top, _, bottom = font.getbbox("Apn0")
    left, _, right, _ = font.getbbox(text)
    canvas = Image.new("L", (int(right - left), int(bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=_WHITE, font=font)
    return np.asarray(canvas)


def _colours_shown(layers: _Layers) -> list[_Entry]:
    """What the colours mean, for those that occur."""
    entries = [
        (_ISOLATED, "isolated", (layers.outline == _ISOLATED).any()),
        (_NOT_ISOLATED, "cut, overlapping or not convex", (layers.outline == _NOT_ISOLATED).any()),
        (_EXCLUDED, "left out", layers.excluded.any()),
    ]
    shown = [_Entry(_GREYS - 1 + colour, text) for colour, text, present in entries if present]
    return shown or [_Entry(_WHITE, "no particle found")]


def _with_strip(picture: Image.Image, entries: list[_Entry]) -> Image.Image:
    """Append a strip with the scale bar and the legend: nothing of the micrograph is hidden."""
    size = min(max(picture.width / 45, 13), 40)
    line = round(size * 1.9)
    places, x, y = [], round(size / 2), 0
    for entry in entries:
        glyphs = _text(entry.text, size)
        swatch = entry.length or round(size * 1.6)
        needed = swatch + round(size * 0.6) + glyphs.shape[1] + round(size * 1.5)
        if x > size and x + needed > picture.width:
            x, y = round(size / 2), y + line
        places.append((x, y, swatch, entry.colour, glyphs))
        x += needed
    strip = np.zeros((y + line, picture.width), np.uint8)
    thickness = max(3, round(size / 4))
    for x, y, swatch, colour, glyphs in places:
        centre = y + line // 2
        top = centre - thickness // 2
        strip[top : top + thickness, x : x + swatch] = colour
        place = strip[centre - glyphs.shape[0] // 2 :, x + swatch + round(size * 0.6) :]
        place = place[: glyphs.shape[0], : glyphs.shape[1]]
        place[:] = glyphs[: place.shape[0], : place.shape[1]]
    joined = Image.fromarray(np.vstack([np.asarray(picture), strip]), mode="P")
    joined.putpalette(_PALETTE)
    return joined
