"""Maps beside each other with titles, colour bars, scale bars and squares, drawn with Pillow."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nanosieve.core.micrograph import Calibration
from nanosieve.report.scale_bar import scale_bar

Scale = Literal["grey", "signed"]
Colour = tuple[int, int, int]

INK, SOFT, PAPER = (20, 20, 20), (105, 105, 105), (255, 255, 255)
# Blue through white to vermilion of the Okabe-Ito set: negative, nothing, positive.
_NEGATIVE, _POSITIVE = np.array((0, 114, 178)), np.array((213, 94, 0))
_TITLE, _BAR, _GAP, _AXIS = 20, 30, 18, 34
_FONT, _SMALL_FONT = 14, 12
_FEW_PIXELS = 64
_LABEL_OFF, _LABEL_ROOM = 11, 7  # of a line's number from its end and from the picture's rim, px
_DASH = 6


@dataclass(frozen=True)
class Square:
    """A square about a point, named above or below it; px of the map.

    A dashed one lets another of the same place be seen.
    """

    centre: tuple[float, float]
    side: float
    colour: Colour
    label: str = ""
    below: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Cut:
    """A line from inside a particle outwards, with its number; px of the map."""

    start: tuple[float, float]
    end: tuple[float, float]
    colour: Colour
    label: str


@dataclass(frozen=True)
class Panel:
    """One map.

    Parameters
    ----------
    values
        ``(y, x)`` finite.
    title
        One line above it, ASCII.
    scale
        ``grey``: black to white; ``signed``: blue negative, white 0, vermilion positive.
    limits
        Values at the two ends; by default percentiles 0.5 and 99.5, symmetric where signed.
    calibration
        For a scale bar; ``None`` draws none.
    axis
        ``(low, high, label)`` of both axes, for a map that is not in pixels of an image.
    marks
        Drawn upon it.
    bar_label
        Unit under the colour bar.
    """

    values: np.ndarray
    title: str
    scale: Scale = "grey"
    limits: tuple[float, float] | None = None
    calibration: Calibration | None = None
    axis: tuple[float, float, str] | None = None
    marks: Sequence[Square | Cut] = ()
    bar_label: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """Values at the two ends of the colours."""
        return self.limits or robust_limits(self.values, self.scale)


def robust_limits(values: np.ndarray, scale: Scale = "grey") -> tuple[float, float]:
    """Ends of a scale for some values: percentiles 0.5 and 99.5, symmetric where signed.

    Examples
    --------
    >>> robust_limits(np.array([-2.0, 1.0]), "signed")
    (-1.995, 1.995)
    """
    if scale == "signed":
        end = float(np.percentile(np.abs(values), 99.5)) or 1.0
        return -end, end
    low, high = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def is_constant(values: np.ndarray) -> bool:
    """Tell whether a map has one value everywhere, but for rounding of float32.

    >>> is_constant(np.full((2, 2), 3.0)), is_constant(np.eye(2))
    (True, False)
    """
    return float(np.ptp(values)) <= 1e-6 * float(np.abs(values).max())


def common_limits(panels: Sequence[Panel]) -> list[Panel]:
    """Give panels of one scale the widest limits of them all, so that colours can be compared."""
    ends = np.array([panel.ends for panel in panels])
    limits = float(ends[:, 0].min()), float(ends[:, 1].max())
    return [replace(panel, limits=limits) for panel in panels]


def sheet(panels: Sequence[Panel], *, columns: int, cell: int = 230) -> bytes:
    """Draw panels in a grid.

    Parameters
    ----------
    panels
        In reading order.
    columns
        Panels in a row.
    cell
        Width of a map in px of the picture; small maps are enlarged by whole factors.

    Returns
    -------
    bytes
        PNG.

    Examples
    --------
    >>> data = sheet([Panel(np.eye(9), "unit", "signed")], columns=1)
    >>> Image.open(io.BytesIO(data)).size[0] > 200
    True
    """
    drawn = [_drawn(panel, cell) for panel in panels]
    columns = min(columns, len(drawn))
    rows = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    width = max(picture.width for picture in drawn)
    heights = [max(picture.height for picture in row) for row in rows]
    whole = Image.new(
        "RGB", (_GAP + columns * (width + _GAP), _GAP // 2 + sum(h + _GAP // 2 for h in heights)),
        PAPER,
    )  # fmt: skip
    top = _GAP // 2
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            whole.paste(picture, (_GAP + column * (width + _GAP), top))
        top += height + _GAP // 2
    stream = io.BytesIO()
    whole.save(stream, format="PNG", compress_level=6)
    return stream.getvalue()


def coloured(values: np.ndarray, limits: tuple[float, float], scale: Scale) -> np.ndarray:
    """Colours of values: ``(y, x, 3)`` uint8.

    Examples
    --------
    >>> coloured(np.array([[0.0, 1.0]]), (-1, 1), "signed").tolist()
    [[[255, 255, 255], [213, 94, 0]]]
    """
    low, high = limits
    share = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)[..., None]
    if scale == "grey":
        return np.repeat(np.rint(255 * share).astype(np.uint8), 3, axis=-1)
    side = 2 * share - 1
    end = np.where(side < 0, _NEGATIVE, _POSITIVE)
    return np.rint(255 + np.abs(side) * (end - 255)).astype(np.uint8)


def _drawn(panel: Panel, cell: int) -> Image.Image:
    body = _body(panel, cell)
    left = _AXIS + 12 if panel.axis else 0
    below, right = (_AXIS, 12) if panel.axis else (0, 0)
    whole = Image.new(
        "RGB", (left + max(body.width, cell) + right, _TITLE + body.height + below + _BAR), PAPER
    )
    draw = ImageDraw.Draw(whole)
    draw.text((left, 0), _fitted(draw, panel.title, cell), INK, _font(_FONT))
    whole.paste(body, (left, _TITLE))
    if panel.axis:
        _draw_axes(draw, panel.axis, (left, _TITLE, body.width, body.height))
    _draw_colours(whole, panel, (left, _TITLE + body.height + below + 4), body.width)
    return whole


def _body(panel: Panel, cell: int) -> Image.Image:
    values = np.nan_to_num(panel.values)
    picture = Image.fromarray(coloured(values, panel.ends, panel.scale))
    factor = cell / max(picture.size)
    if max(picture.size) < _FEW_PIXELS:
        # Pixels that can be told apart must all be of one size.
        factor = max(1.0, float(int(factor)))
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    resampling = Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST
    picture = picture.resize(size, resampling)
    draw = ImageDraw.Draw(picture)
    for mark in panel.marks:
        _draw_mark(draw, mark, factor, picture.size)
    if panel.calibration is not None:
        _draw_scale_bar(draw, picture.size, panel.calibration, 1 / factor)
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline=SOFT)
    return picture


def _draw_mark(
    draw: ImageDraw.ImageDraw, mark: Square | Cut, factor: float, size: tuple[int, int]
) -> None:
    font = _font(_SMALL_FONT)
    if isinstance(mark, Cut):
        (y0, x0), (y1, x1) = (
            ((y + 0.5) * factor, (x + 0.5) * factor) for y, x in (mark.start, mark.end)
        )
        draw.line((x0, y0, x1, y1), fill=mark.colour, width=3)
        place = _beyond((x0, y0), (x1, y1), size)
        draw.text(place, mark.label, mark.colour, font, anchor="mm", stroke_width=2,
                  stroke_fill=(0, 0, 0))  # fmt: skip
        return
    y, x = ((place + 0.5) * factor for place in mark.centre)
    half = mark.side * factor / 2
    # The last pixel belongs to it: a square as large as the picture is seen whole.
    box = (x - half, y - half, x + half - 1, y + half - 1)
    if mark.dashed:
        _draw_dashes(draw, box, mark.colour)
    else:
        draw.rectangle(box, outline=mark.colour, width=2)
    # A square beyond the picture has its name at the picture's rim.
    top = max(y - half - 17, 2) if not mark.below else y + half + 3
    place = max(x - half, 4), top
    draw.text(place, mark.label, mark.colour, font, stroke_width=2, stroke_fill=(0, 0, 0))


def _beyond(
    start: tuple[float, float], end: tuple[float, float], size: tuple[int, int]
) -> tuple[float, float]:
    """Place for the number of a line: beyond its end, beside it where the picture ends there."""
    length = math.dist(start, end) or 1.0
    x, y = (end[0] - start[0]) / length, (end[1] - start[1]) / length

    def inner(dx: float, dy: float) -> tuple[float, float]:
        place = end[0] + _LABEL_OFF * dx, end[1] + _LABEL_OFF * dy
        right, bottom = (n - 1 - _LABEL_ROOM for n in size)
        return min(max(place[0], _LABEL_ROOM), right), min(max(place[1], _LABEL_ROOM), bottom)

    beyond = inner(x, y)
    if math.dist(beyond, end) > 0.9 * _LABEL_OFF:
        return beyond
    # Twice as far, for a corner of the picture pushes it back to the line.
    return max(inner(2 * y, -2 * x), inner(-2 * y, 2 * x), key=lambda place: math.dist(place, end))


def _draw_dashes(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: Colour
) -> None:
    """Outline of a square in dashes as long as their gaps, each side from corner to corner."""
    left, top, right, bottom = (round(value) for value in box)
    side = right - left
    # An odd number of pieces: a dash at each corner.
    pieces = 2 * max(1, round(side / (2 * _DASH))) + 1
    for index in range(0, pieces, 2):
        a, b = (round(side * place / pieces) for place in (index, index + 1))
        for fixed in (top, bottom - 1):
            draw.rectangle((left + a, fixed, left + b, fixed + 1), fill=colour)
        for fixed in (left, right - 1):
            draw.rectangle((fixed, top + a, fixed + 1, top + b), fill=colour)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], calibration: Calibration, px: float
) -> None:
    bar = scale_bar(calibration, canvas_px=size[0], pixels_per_canvas_px=px)
    font = _font(_SMALL_FONT)
    width = max(bar.pixels, round(draw.textlength(bar.label, font))) + 10
    top, bottom = size[1] - 29, size[1] - 4
    draw.rectangle((4, top, 4 + width, bottom), fill=(0, 0, 0))
    middle = 4 + width / 2
    draw.text((middle, top + 2), bar.label, (255, 255, 255), font, anchor="ma")
    left = middle - bar.pixels / 2
    draw.rectangle((left, bottom - 7, left + bar.pixels, bottom - 4), fill=(255, 255, 255))


def _draw_axes(
    draw: ImageDraw.ImageDraw, axis: tuple[float, float, str], box: tuple[int, int, int, int]
) -> None:
    low, high, label = axis
    left, top, width, height = box
    font = _font(_SMALL_FONT)
    for share in (0.0, 0.5, 1.0):
        text = f"{low + share * (high - low):g}"
        x, y = left + share * (width - 1), top + (1 - share) * (height - 1)
        draw.line((x, top + height, x, top + height + 4), fill=INK)
        draw.text((x, top + height + 5), text, INK, font, anchor="ma")
        draw.line((left - 4, y, left, y), fill=INK)
        draw.text((left - 6, y), text, INK, font, anchor="rm")
    draw.text((left + width / 4, top + height + 19), label, SOFT, font, anchor="ma")


def _draw_colours(whole: Image.Image, panel: Panel, corner: tuple[int, int], width: int) -> None:
    low, high = panel.ends
    ramp = np.linspace(low, high, width)[None].repeat(8, axis=0)
    whole.paste(Image.fromarray(coloured(ramp, panel.ends, panel.scale)), corner)
    draw = ImageDraw.Draw(whole)
    left, top = corner
    draw.rectangle((left, top, left + width - 1, top + 7), outline=SOFT)
    font = _font(_SMALL_FONT)
    draw.text((left, top + 10), f"{low:.3g}", SOFT, font)
    draw.text((left + width, top + 10), f"{high:.3g}", SOFT, font, anchor="ra")
    draw.text((left + width / 2, top + 10), panel.bar_label, SOFT, font, anchor="ma")


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    text = text.encode("ascii", "replace").decode("ascii")
    while len(text) > 4 and draw.textlength(text, _font(_FONT)) > width:
        text = text[:-4] + "..."
    return text


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
