"""Sheets of overlays with a box to tick: which masks are good enough to train from."""

import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import atomic_path
from nanosieve.report import colours
from nanosieve.report.overlay import THUMBNAIL_SIDE
from nanosieve.report.text import count

COLUMNS, ROWS = 4, 5
_CELL, _CAPTION, _MARGIN, _HEADING = THUMBNAIL_SIDE, 44, 16, 92
_BOX = 22
_INK, _SOFT, _PAPER = (20, 20, 20), (110, 110, 110), (255, 255, 255)


@dataclass(frozen=True)
class ContactItem:
    """One overlay: its name in ``dataset.csv``, its thumbnail, and whether it is kept."""

    name: str
    picture: bytes
    keep: bool = True


def write_contact_sheet(
    path: str | Path, items: Sequence[ContactItem], *, instead: str = "", of: str = "image"
) -> list[Path]:
    """Write overlays in a grid, 20 on a page, each with its name and whether it is kept.

    What is struck out is not decided on the sheet but in the column ``keep`` of ``dataset.csv``
    (``yes`` or ``no``), and the sheet says so. Pages of an earlier, longer sheet are removed.

    Parameters
    ----------
    path
        PNG file; with more than one page a number is put before the suffix
        (``contact-sheet-01.png``).
    items
        In the order of ``dataset.csv``; the number on the sheet is the row there, from 1. Letters
        beyond ASCII are drawn as ``?``: the number tells which is meant.
    instead
        Sentence for the head of a sheet on which nothing is decided, without boxes to tick.
    of
        What an item is, for the count in the head.

    Returns
    -------
    list of Path
        The pages written; one that says so if there are no items.

    Raises
    ------
    UsageError
        If a picture cannot be decoded.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pages = write_contact_sheet(Path(folder) / "contact-sheet.png", [])
    ...     [page.name for page in pages]
    ['contact-sheet.png']
    """
    path = Path(path)
    per_page = COLUMNS * ROWS
    n_pages = max(1, -(-len(items) // per_page))
    digits = max(2, len(str(n_pages)))
    written = []
    for page in range(n_pages):
        name = path if n_pages == 1 else path.with_stem(f"{path.stem}-{page + 1:0{digits}d}")
        first = page * per_page
        heading = count(len(items), of)
        if n_pages > 1:
            heading += f", page {page + 1} of {n_pages}"
        sheet = _page(items[first : first + per_page], first, heading, instead)
        with atomic_path(name) as temporary:
            sheet.save(temporary, format="PNG", compress_level=6)
        written.append(name)
    _remove_stale(path, written)
    return written


def _page(items: Sequence[ContactItem], first: int, heading: str, instead: str) -> Image.Image:
    columns = min(COLUMNS, max(2, len(items)))
    rows = max(1, -(-len(items) // columns))
    width = _MARGIN + columns * (_CELL + _MARGIN)
    height = _HEADING + rows * (_CELL + _CAPTION + _MARGIN)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 14), heading, fill=_INK, font=_font(26))
    draw.text(
        (_MARGIN, 52),
        instead or "Accept or strike out: set keep to yes or no in dataset.csv (row = number).",
        fill=_SOFT,
        font=_font(20),
    )
    for i, item in enumerate(items):
        left = _MARGIN + i % columns * (_CELL + _MARGIN)
        top = _HEADING + i // columns * (_CELL + _CAPTION + _MARGIN)
        _place(sheet, item, first + i + 1, (left, top), boxed=not instead)
    return sheet


def _place(
    sheet: Image.Image, item: ContactItem, row: int, corner: tuple[int, int], *, boxed: bool
) -> None:
    left, top = corner
    picture = _decoded(item)
    picture.thumbnail((_CELL, _CELL), Image.Resampling.LANCZOS)
    sheet.paste(picture, (left + (_CELL - picture.width) // 2, top + _CELL - picture.height))
    draw = ImageDraw.Draw(sheet)
    line = top + _CELL + 10
    if boxed:
        _box(draw, item, corner, line)
    text = f"{row}  {item.name.encode('ascii', 'replace').decode('ascii')}"
    indent = _BOX + 10 if boxed else 0
    draw.text((left + indent, line), _shortened(draw, text, _CELL - indent), _INK, font=_font(18))


def _box(draw: ImageDraw.ImageDraw, item: ContactItem, corner: tuple[int, int], line: int) -> None:
    left, top = corner
    draw.rectangle((left, line, left + _BOX, line + _BOX), outline=_INK, width=2)
    if item.keep:
        tick = [(left + 5, line + 11), (left + 10, line + 17), (left + 18, line + 5)]
        draw.line(tick, fill=_INK, width=3, joint="curve")
    else:
        bottom = top + _CELL
        for ends in ((left, top, left + _CELL, bottom), (left, bottom, left + _CELL, top)):
            draw.line(ends, fill=colours.INVENTED, width=5)


def _decoded(item: ContactItem) -> Image.Image:
    try:
        with Image.open(io.BytesIO(item.picture)) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise UsageError(f"the thumbnail of {item.name!r} is not a picture: {error}") from error


def _shortened(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """Cut out the middle of what is too long: names of a series differ at their ends."""
    font = _font(18)
    if draw.textlength(text, font) <= width:
        return text
    kept = len(text)
    while kept > 8:
        kept -= 1
        candidate = f"{text[: kept // 2]}...{text[-(kept - kept // 2) :]}"
        if draw.textlength(candidate, font) <= width:
            break
    return candidate


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _remove_stale(path: Path, written: Sequence[Path]) -> None:
    """Remove pages of an earlier run, which would show overlays that are no longer so."""
    page = re.compile(rf"{re.escape(path.stem)}(-\d+)?{re.escape(path.suffix)}")
    kept = {item.name for item in written}
    for other in path.parent.iterdir():
        if page.fullmatch(other.name) and other.name not in kept:
            with suppress(OSError):
                other.unlink()
