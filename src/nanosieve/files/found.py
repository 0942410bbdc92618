"""What a reader found in a file, before anything is decided about it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, InputError, RefusedInput
from nanosieve.core.micrograph import Acquisition
from nanosieve.files.calibration import UNSTATED, Side, not_a_length
from nanosieve.files.frames import Colour

_MOST_COMPRESSION = 1100  # deflate cannot pass 1032:1; a larger claim is a damaged header
_SMALL = 64 * 2**20  # bytes; below this a wrong claim does no harm


@dataclass(frozen=True)
class Described:
    """What a file says of an image besides its pixels; fields as in `Found`."""

    title: str
    sides: tuple[Side, ...]
    acquisition: Acquisition
    metadata: Mapping[str, Any]
    refusal: InputError | None = None


@dataclass(frozen=True)
class Found:
    """One image or movie of a file.

    Parameters
    ----------
    title
        What the file calls it, for the note that says which one was taken.
    shape, dtype
        ``(t, y, x)``; other shapes come with ``refusal``.
    load
        Reads frame ``t``; see `nanosieve.files.frames.LazyFrames`.
    sides
        Steps along the axes in the file's own words, from the slowest axis to ``y`` and ``x``.
    is_movie
        Whether the first axis is time, slices or another series.
    colour
        Order of the samples of a colour image.
    one_of_several
        Channels beside it were left out; ``notes`` say which one was taken.
    secondary
        The file says that it is a thumbnail, or a map computed from spectra.
    refusal
        Why it is no micrograph, e.g. ``RefusedInput("a spectrum")``.
    acquisition, metadata, notes
        As in `nanosieve.core.micrograph.Micrograph`.
    """

    title: str
    shape: tuple[int, ...]
    dtype: np.dtype
    load: Callable[[int], np.ndarray]
    sides: tuple[Side, ...] = (UNSTATED, UNSTATED)
    is_movie: bool = False
    colour: Colour = ""
    one_of_several: bool = False
    secondary: bool = False
    refusal: InputError | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose(path: Path, images: Sequence[Found]) -> tuple[Found, str]:
    """Take the micrograph among the images of a file.

    Images go before thumbnails and maps of elements, grey before colour, large before small;
    then the file's order decides.

    Returns
    -------
    tuple of Found and str
        The image, and a note on which one it is (empty where there was only one).

    Raises
    ------
    RefusedInput, FailedInput
        If none of them is a micrograph; the reason is that of the first.
    """
    refusals = [_refusal(image) for image in images]
    sound = [image for image, refusal in zip(images, refusals, strict=True) if refusal is None]
    if not sound:
        reason = next(iter(refusals), None) or FailedInput("no image in the file")
        raise type(reason)(f"{path.name}: {reason}; give a 2-D image or a movie of images")
    best = min(sound, key=_rank)
    if len(images) == 1:
        return best, ""
    position = next(place for place, image in enumerate(images, 1) if image is best)
    title = f" ({best.title})" if best.title else ""
    return best, f"The file holds {len(images)} images; image {position}{title} was taken."


def check_declared(path: Path, frame_bytes: int, stored_bytes: int) -> None:
    """Refuse to allocate what a damaged header declares.

    Parameters
    ----------
    frame_bytes
        Memory that one frame would take.
    stored_bytes
        Bytes in the file that hold it, compressed.

    Raises
    ------
    FailedInput
        If no compression could bring the one into the other.
    """
    if frame_bytes > _SMALL + _MOST_COMPRESSION * stored_bytes:
        raise FailedInput(
            f"{path.name}: its header declares a frame of {frame_bytes / 2**30:.3g} GiB, stored in "
            f"{stored_bytes} bytes; the file is damaged, copy it again from its source"
        )


def check_length(path: Path, end: int) -> None:
    """Make sure that uncompressed pixels up to byte ``end`` are in the file.

    Raises
    ------
    FailedInput
        If the file is shorter.
    """
    size = path.stat().st_size
    if end > size:
        raise FailedInput(
            f"{path.name}: truncated, {size} bytes where its header declares {end}; "
            "copy it again from its source"
        )


def unusual(sizes: Sequence[int]) -> InputError | None:
    """Refuse data with fewer axes than an image has, or more than a movie; by name.

    Examples
    --------
    >>> unusual((66, 65, 64)), unusual((2, 3, 4, 5, 6))
    (None, FailedInput('5-D data (2 × 3 × 4 × 5 × 6)'))
    """
    if len(sizes) < 2:
        return RefusedInput("a spectrum or line profile (1-D), not an image")
    if len(sizes) <= 3:
        return None
    written = " × ".join(str(int(size)) for size in sizes)
    if len(sizes) == 4:
        return RefusedInput(f"4-D data ({written}), such as a scan of diffraction patterns")
    return FailedInput(f"{len(sizes)}-D data ({written})")


def _rank(image: Found) -> tuple[bool, bool, int]:
    return image.secondary, bool(image.colour), -math.prod(image.shape[1:])


def _refusal(image: Found) -> InputError | None:
    if image.refusal is not None:
        return image.refusal
    for side in image.sides:
        kind = not_a_length(side.unit)
        if kind is not None:
            return RefusedInput(f"{kind}, not an image: its unit is {side.unit!r}")
    if image.dtype.kind == "c":
        return RefusedInput("complex numbers (a wave or a Fourier transform), not an image")
    if image.dtype.kind not in "uif" or min(image.shape) < 1:
        return FailedInput(f"no pixels to analyse (shape {image.shape}, {image.dtype})")
    return None
