"""PNG and JPEG through Pillow; neither states a microscope's calibration."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.files.found import Found, check_declared
from nanosieve.files.metadata import plain

_GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L"})
_GREY_AND_ALPHA, _COLOURS = 4, (2, 6)  # PNG colour types
_HEADER = 26  # bytes of a PNG up to its depth and colour type


def images(path: Path) -> list[Found]:
    """List the one image of a file. Resolution tags (dpi) say how to print, not what was imaged.

    Raises
    ------
    FailedInput
        If the header declares more pixels than its bytes can hold.
    """
    deep, kind = _png_depth(path)
    with _opened(path) as picture:
        width, height = picture.size
        mode = picture.mode
        metadata = {"format": picture.format, "mode": mode, **picture.info}
    dtype = np.dtype(np.uint16 if deep else np.uint8)
    check_declared(path, width * height * dtype.itemsize, path.stat().st_size)
    colour = kind in _COLOURS if deep else mode not in _GREY
    return [
        Found(
            title="",
            shape=(1, height, width),
            dtype=dtype,
            load=partial(_frame, path=path),
            colour="rgb" if colour else "",
            metadata=plain(metadata),
        )
    ]


def _frame(_index: int, *, path: Path) -> np.ndarray:
    deep, kind = _png_depth(path)
    if deep and kind in (_GREY_AND_ALPHA, *_COLOURS):  # Pillow cuts these to 8 bits
        import imagecodecs

        samples = imagecodecs.png_decode(path.read_bytes())
        return samples[..., 0] if kind == _GREY_AND_ALPHA else samples
    with _opened(path) as picture:
        if picture.mode in ("LA", "La"):
            return np.array(picture.getchannel("L"))
        if picture.mode == "1":
            return np.array(picture, dtype=np.uint8)
        return np.array(picture if picture.mode in _GREY else picture.convert("RGB"))


def _png_depth(path: Path) -> tuple[bool, int]:
    """Whether a file is a PNG of 16 bits a sample, and its colour type."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if len(head) < _HEADER or not head.startswith(b"\x89PNG"):
        return False, 0
    return head[24] == 16, head[25]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open without Pillow's limit on pixels, which 16384² passes; our own check follows."""
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            yield picture
    finally:
        Image.MAX_IMAGE_PIXELS = limit
