"""TIFF through tifffile: which series is the micrograph, and its frames one at a time."""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.files import tiff_tags
from nanosieve.files.found import Found, check_declared, check_length, unusual
from nanosieve.files.frames import no_frame, raw_frame, to_native

_WHITE_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 2, 3, 6
_REDUCED = 1  # bit of NewSubfileType


@dataclass(frozen=True)
class _Layout:
    """How the frames of a series lie in its pages.

    ``page`` is the shape of one page; ``flat`` the number of the page of each frame.
    """

    page: tuple[int, ...]
    flat: tuple[int, ...]
    samples_first: bool
    channels: int
    note: str


@dataclass(frozen=True)
class _Display:
    """How stored numbers become grey values: samples, a palette, white as zero."""

    samples_first: bool = False
    one_sample: bool = False
    palette: np.ndarray | None = None
    inverted: bool = False


def images(path: Path) -> list[Found]:
    """List the images and movies of a file, one for each series that tifffile makes out.

    Raises
    ------
    FailedInput
        If pixels are missing or the header declares more than there can be.
    """
    with tifffile.TiffFile(path) as tif:
        stated = tiff_tags.describe(tif)
        return [
            _found(path, tif, series, stated[number]) for number, series in enumerate(tif.series)
        ]


def _found(path: Path, tif: Any, series: Any, stated: tiff_tags.Stated) -> Found:
    page = series.keyframe
    layout = _layout(series, stated.channels_named)
    if layout is None:
        return _refused(series, stated)
    display, colour, note = _display(tif, page, layout)
    return Found(
        title=str(series.name or ""),
        shape=(len(layout.flat), int(page.imagelength), int(page.imagewidth)),
        dtype=_grey_dtype(page),
        load=partial(_frame, source=_source(path, series, layout), display=display),
        sides=stated.sides,
        is_movie=len(layout.flat) > 1,
        colour="rgb" if colour else "",
        one_of_several=layout.channels > 1,
        secondary=bool(int(page.subfiletype) & _REDUCED),
        acquisition=stated.of_frames(len(layout.flat)),
        metadata=stated.metadata,
        notes=tuple(text for text in (note, layout.note) if text),
    )


def _layout(series: Any, channels_named: bool) -> _Layout | None:
    """Sort the axes of a series; ``None`` where they are not those of an image or movie.

    Of channels the first is taken. Where channels are the only axis and have no names or colours,
    they are frames: that is how tifffile writes a stack whose axes it was not told.
    """
    axes, shape = series.axes, series.shape
    for tail in ("YXS", "SYX", "YX"):
        if axes.endswith(tail):
            break
    else:
        return None
    lead = axes[: -len(tail)]
    sizes = shape[: len(lead)]
    running = {axis: size for axis, size in zip(lead, sizes, strict=True) if size > 1}
    note, channels = "", running.get("C", 1)
    if list(running) == ["C"] and not channels_named:
        note = f"The file calls its {channels} images channels; they are analysed as frames."
        lead, channels = lead.replace("C", "Q"), 1
    elif "C" in running:
        note = f"Channel 1 of {channels} was taken."
        del running["C"]
    if len(running) > 1:
        return None
    numbers = np.arange(math.prod(sizes)).reshape(sizes)
    flat = numbers[tuple(slice(1) if axis == "C" else slice(None) for axis in lead)].ravel()
    page = tuple(int(size) for size in shape[len(lead) :])
    return _Layout(page, tuple(flat.tolist()), tail == "SYX", channels, note)


def _source(path: Path, series: Any, layout: _Layout) -> Any:
    """Make the function that reads page ``i`` of the frames, and check that pixels are there."""
    page = series.keyframe
    if series.dataoffset is not None and page.is_memmappable:
        dtype = np.dtype(series.dtype).newbyteorder(page.parent.byteorder)
        size = math.prod(layout.page) * dtype.itemsize
        check_length(path, series.dataoffset + (layout.flat[-1] + 1) * size)
        return partial(_raw_page, path=path, offset=series.dataoffset, layout=layout, dtype=dtype)
    _check_page(path, page)
    where = []
    for number in layout.flat:
        one = series.pages[number] if number < len(series.pages) else None
        where.append(None if one is None else (Path(one.parent.filehandle.path), one.index))
    return partial(_decoded_page, path=path, where=tuple(where))


def _raw_page(
    index: int, *, path: Path, offset: int, layout: _Layout, dtype: np.dtype
) -> np.ndarray:
    return raw_frame(layout.flat[index], path=path, offset=offset, shape=layout.page, dtype=dtype)


def _decoded_page(
    index: int, *, path: Path, where: tuple[tuple[Path, Any] | None, ...]
) -> np.ndarray:
    place = where[index]
    if place is None:
        raise FailedInput(f"{path.name}: frame {index} is missing; copy it again from its source")
    file, number = place
    with tifffile.TiffFile(file) as tif:
        page: Any = tif.pages[number] if isinstance(number, int) else _nested(tif, number)
        _check_page(path, page)
        return to_native(np.require(page.asarray(), requirements="W"))


def _nested(tif: Any, number: tuple[int, ...]) -> Any:
    """Follow an index into sub-images."""
    page = tif.pages[number[0]]
    for part in number[1:]:
        page = page.pages[part]
    return page


def _check_page(path: Path, page: Any) -> None:
    ends = [
        offset + count
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
        if count
    ]
    if not ends:
        raise FailedInput(f"{path.name}: its image was never written; copy it again")
    check_length(path, max(ends))
    check_declared(path, int(page.nbytes), int(sum(page.databytecounts)))


def _frame(index: int, *, source: Any, display: _Display) -> np.ndarray:
    image = source(index)
    if display.samples_first:
        image = np.moveaxis(image, 0, -1)
    if display.one_sample:
        image = image[..., 0]
    if display.palette is not None:
        return display.palette[image]
    if image.dtype.kind == "b":
        image = image.astype(np.uint8)
        return 1 - image if display.inverted else image
    return np.iinfo(image.dtype).max - image if display.inverted else image


def _display(tif: Any, page: Any, layout: _Layout) -> tuple[_Display, bool, str]:
    """Decide how the stored numbers are to be read.

    ImageJ's palettes and inverting tables are for the screen only: its numbers are the data.
    """
    photometric = int(page.photometric)
    has_samples = len(layout.page) == 3
    colour = has_samples and photometric in (_RGB, _YCBCR) and page.samplesperpixel >= 3
    one = has_samples and not colour
    note = f"Sample 1 of {page.samplesperpixel} was taken." if one else ""
    palette = None
    inverted = False
    if not tif.is_imagej:
        if photometric == _PALETTE and page.colormap is not None and page.dtype.kind == "u":
            table = (page.colormap >> 8).astype(np.uint8)
            grey = bool((table == table[0]).all())
            palette = table[0] if grey else np.ascontiguousarray(table.T)
            colour = not grey
        inverted = photometric == _WHITE_IS_ZERO and page.dtype.kind in "ub"
        if inverted:
            note = "White is stored as zero; the grey values were inverted."
    return _Display(layout.samples_first, one, palette, inverted), colour, note


def _grey_dtype(page: Any) -> np.dtype:
    dtype = np.dtype(page.dtype).newbyteorder("=") if page.dtype is not None else np.dtype("V")
    palette = int(page.photometric) == _PALETTE and not page.parent.is_imagej
    return np.dtype(np.uint8) if palette or dtype.kind == "b" else dtype


def _refused(series: Any, stated: tiff_tags.Stated) -> Found:
    sizes = [size for size, axis in zip(series.shape, series.axes, strict=True) if size > 1]
    refusal = unusual(sizes) or RefusedInput(f"axes {series.axes}, not those of an image or movie")
    return Found(
        title=str(series.name or ""),
        shape=tuple(series.shape),
        dtype=np.dtype("u1"),
        load=no_frame,
        refusal=refusal,
        metadata=stated.metadata,
    )
