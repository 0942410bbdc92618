"""Scale bars, captions and panel letters, as journals and cameras print them on images.

Letters are those of the one typeface that ships with PIL: upright, slanted or thick, in many sizes.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydantic import Field

from nanosieve.simulation.ranges import Range, as_range
from nanosieve.simulation.section import Section

_LENGTHS_NM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_WORDS = (
    "Au NPs", "Pt/C", "as-made", "STEM-HAADF", "300 kV", "TEM", "500 °C", "x 100k", "sample 3",
    "BF", "1 h", "fresh", "HV=200kV", "Direct Mag: 50000x", "14:32 03/05/14",
)  # fmt: skip


# Rims of letters fainter than this leave to see what lies below.
FAINT = 0.1


class AnnotationSettings(Section):
    """What is printed on images.

    Parameters
    ----------
    bar_share
        Share of images with a scale bar.
    letter_share
        Share of images with a panel letter.
    words_share
        Share of images with some words.
    banner_share
        Share of scale bars that stand in a strip across the lower edge.
    box_share
        Share of the rest that stand in a box.
    height
        Height of letters as a share of the image's.
    """

    bar_share: float = Field(default=0.0, ge=0, le=1)
    letter_share: float = Field(default=0.0, ge=0, le=1)
    words_share: float = Field(default=0.0, ge=0, le=1)
    banner_share: float = Field(default=0.1, ge=0, le=1)
    box_share: float = Field(default=0.3, ge=0, le=1)
    height: Range = as_range([0.03, 0.08])


class Annotated(NamedTuple):
    """An image with print on it.

    Parameters
    ----------
    values
        ``(y, x)`` float32 grey levels.
    covered
        ``(y, x)`` bool, what is printed over.
    """

    values: np.ndarray
    covered: np.ndarray


class _Style(NamedTuple):
    ink: int
    paper: int | None
    size: int
    stroke: int
    slant: float


def annotate(
    values: np.ndarray,
    settings: AnnotationSettings,
    *,
    limits: tuple[float, float],
    pixel_size_nm: float,
    rng: np.random.Generator,
) -> Annotated:
    """Print on an image.

    Parameters
    ----------
    values
        ``(y, x)`` grey levels.
    limits
        Grey levels of black and white ink.

    Examples
    --------
    >>> settings = AnnotationSettings(bar_share=1)
    >>> made = annotate(np.full((200, 200), 99.0), settings, limits=(0, 255), pixel_size_nm=0.5,
    ...     rng=np.random.default_rng(0))
    >>> bool(0.001 < made.covered.mean() < 0.2)
    True
    """
    shape = values.shape
    sheet = _Sheet(Image.new("L", shape[::-1], 0), Image.new("L", shape[::-1], 0))
    dark = float(np.median(values)) < 0.45 * (limits[0] + limits[1])
    if rng.random() < settings.bar_share:
        _bar(sheet, settings, dark, pixel_size_nm, rng)
    if rng.random() < settings.letter_share:
        text = str(rng.choice(list("abcdefgABCDEF")))
        text = str(rng.choice([text, f"({text})", f"{text})", f"{text}'"]))
        style = _style(settings, shape[0], dark, rng, grow=1.6)
        inset = int(rng.uniform(0, 0.03) * shape[0])
        corner = (inset, inset) if rng.random() < 0.85 else (shape[1] - 3 * style.size, inset)
        sheet.write(corner, text, style)
    if rng.random() < settings.words_share:
        style = _style(settings, shape[0], dark, rng, grow=0.7)
        place = rng.uniform((0.02, 0.02), (0.6, 0.9)) * shape[::-1]
        if rng.random() < 0.7:  # along the upper edge
            place[1] = 0.02 * shape[0]
        sheet.write((int(place[0]), int(place[1])), str(rng.choice(_WORDS)), style)
    ink = np.asarray(sheet.ink, np.float32) / 255
    cover = np.asarray(sheet.cover, np.float32) / 255
    black, white = limits
    printed = values * (1 - cover) + cover * (black + (white - black) * ink)
    return Annotated(printed.astype(np.float32), cover > FAINT)


class _Sheet(NamedTuple):
    """What is printed: its grey, and where it covers the image."""

    ink: Image.Image
    cover: Image.Image

    def fill(self, box: tuple[int, int, int, int], grey: int) -> None:
        for picture, value in ((self.ink, grey), (self.cover, 255)):
            ImageDraw.Draw(picture).rectangle(box, fill=value)

    def write(self, corner: tuple[int, int], text: str, style: _Style) -> None:
        """Write text with its upper left corner at ``(x, y)``."""
        font = ImageFont.load_default(style.size)
        left, top, right, bottom = font.getbbox(text, stroke_width=style.stroke)
        pad = style.size // 4
        size = int(right - left) + 2 * pad, int(bottom - top) + 2 * pad
        letters = Image.new("L", size, 0)
        ImageDraw.Draw(letters).text(
            (pad - left, pad - top), text, 255, font, stroke_width=style.stroke
        )
        if style.slant:
            shear = (1, style.slant, -style.slant * size[1] / 2, 0, 1, 0)
            letters = letters.transform(
                size, Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR
            )
        if style.paper is not None:
            x, y = corner
            self.fill((x, y, x + size[0], y + size[1]), style.paper)
        self.ink.paste(style.ink, corner, letters)
        self.cover.paste(255, corner, letters)


def _style(
    settings: AnnotationSettings,
    height: int,
    dark: bool,
    rng: np.random.Generator,
    *,
    grow: float = 1.0,
) -> _Style:
    size = max(8, int(settings.height.draw(rng) * height * grow))
    white = dark if rng.random() < 0.85 else not dark
    boxed = rng.random() < settings.box_share
    ink = 255 if white else 0
    stroke = int(rng.choice([0, 0, 0.025, 0.045]) * size + 0.3)
    slant = 0.25 if rng.random() < 0.15 else 0.0
    return _Style(ink, 255 - ink if boxed else None, size, stroke, slant)


def _bar(
    sheet: _Sheet,
    settings: AnnotationSettings,
    dark: bool,
    pixel_size_nm: float,
    rng: np.random.Generator,
) -> None:
    width, height = sheet.ink.size
    share = rng.uniform(0.1, 0.35) * width * pixel_size_nm
    length_nm = min(_LENGTHS_NM, key=lambda one: abs(np.log(one / share)))
    length = int(length_nm / pixel_size_nm)
    if not 4 <= length < 0.8 * width:
        return
    style = _style(settings, height, dark, rng)
    thick = max(2, int(style.size * rng.uniform(0.1, 0.6)))
    text = (
        f"{length_nm:g} nm" if length_nm < 1000 or rng.random() < 0.3 else _micrometres(length_nm)
    )
    margin = int(rng.uniform(0.01, 0.05) * height)
    total = int(1.4 * style.size) + thick + 2 * margin
    top = height - total
    if rng.random() < settings.banner_share:
        style = _Style(255, None, style.size, style.stroke, style.slant)
        sheet.fill((0, top, width, height), 0)
    left = margin if rng.random() < 0.5 else width - length - margin - style.size
    if style.paper is not None:
        reach = max(length, int(0.55 * len(text) * style.size))
        sheet.fill((left - margin, top, left + reach + margin, height - margin), style.paper)
        style = style._replace(paper=None)
    above = rng.random() < 0.6
    bar_y = top + int(1.45 * style.size) if above else top + margin // 2
    text_y = top if above else bar_y + thick
    sheet.fill((left, bar_y, left + length, bar_y + thick - 1), style.ink)
    if rng.random() < 0.9:
        middle = left + (length - 0.5 * len(text) * style.size) / 2
        x = middle if rng.random() < 0.7 else left
        sheet.write((int(np.clip(x, 0, width - 1)), text_y), text, style)


def _micrometres(length_nm: float) -> str:
    return f"{length_nm / 1000:g} µm"
