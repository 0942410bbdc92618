"""Pixels of label images and masks as they come from ImageJ, napari, QuPath or by hand."""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import imagecodecs
import numpy as np
import tifffile

from nanosieve.core.errors import FailedInput, InputError, RefusedInput
from nanosieve.files.found import check_declared

LABEL_SUFFIXES = (".tif", ".tiff", ".png")
_PNG_PALETTE = 3


def read_label_pixels(path: str | Path) -> np.ndarray:
    """Read the pixels of a label image or mask.

    Parameters
    ----------
    path
        TIFF (integers, or floats with whole values) or PNG (grey, or a palette whose index is the
        label).

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` or ``(t, y, x)`` int32, the values as they are in the file.

    Raises
    ------
    RefusedInput
        If it is no label image: colour, fractions, negative values, several images, other suffix.
    FailedInput
        If the file is broken.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mask.tif"
    ...     tifffile.imwrite(path, np.eye(3, dtype=np.uint8) * 255)
    ...     int(read_label_pixels(path).max())
    255
    """
    path = Path(path)
    with _readable(path):
        if _is_png(path):
            check_declared(path, math.prod(_png_shape(path)), path.stat().st_size)
            pixels = _png_pixels(path)
        else:
            with tifffile.TiffFile(path) as tif:
                series = _grey_series(path, tif)
                check_declared(path, series.nbytes, path.stat().st_size)
                pixels = series.asarray()
        return _as_labels(path, pixels)


def label_shape(path: str | Path) -> tuple[int, ...]:
    """Read only the shape, from the file's header; errors as `read_label_pixels`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mask.tif"
    ...     tifffile.imwrite(path, np.zeros((3, 4), np.uint8))
    ...     label_shape(path)
    (3, 4)
    """
    path = Path(path)
    with _readable(path):
        if _is_png(path):
            return _png_shape(path)
        with tifffile.TiffFile(path) as tif:
            return tuple(_grey_series(path, tif).shape)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise FailedInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file makes decoders raise almost anything
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        raise FailedInput(f"{path}: cannot be read as a label image: {reason}") from error


def _is_png(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in LABEL_SUFFIXES:
        raise RefusedInput(f"{path}: label images are .tif, .tiff or .png, not {suffix!r}")
    return suffix == ".png"


def _refuse_colour(path: Path) -> NoReturn:
    raise RefusedInput(
        f"{path}: is a colour (RGB) picture, labels are one number a pixel; "
        "save them as 16-bit grey"
    )


def _grey_series(path: Path, tif: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    if len(tif.series) != 1:
        raise RefusedInput(
            f"{path}: holds {len(tif.series)} images of different kinds; "
            "save the labels as a file of their own"
        )
    if "S" in tif.series[0].axes:
        _refuse_colour(path)
    return tif.series[0]


def _png_header(path: Path) -> tuple[int, int, int]:
    """Give height, width and colour type."""
    with path.open("rb") as stream:
        head = stream.read(26)
    if len(head) < 26 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("it is no PNG file, or cut short")
    width, height, _, kind = struct.unpack(">IIBB", head[16:26])
    return height, width, kind


def _png_shape(path: Path) -> tuple[int, int]:
    height, width, kind = _png_header(path)
    if kind not in (0, _PNG_PALETTE):
        _refuse_colour(path)
    return height, width


def _png_pixels(path: Path) -> np.ndarray:
    if _png_header(path)[2] != _PNG_PALETTE:
        return np.asarray(imagecodecs.png_decode(path.read_bytes()))
    from PIL import Image

    # The index is the label; only Pillow gives it instead of its colour.
    with Image.open(path) as image:
        return np.asarray(image)


def _as_labels(path: Path, pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim not in (2, 3):
        raise RefusedInput(f"{path}: labels are (y, x) or (t, y, x), this has {pixels.shape}")
    if pixels.dtype.kind not in "iufb":
        raise RefusedInput(f"{path}: labels are whole numbers, this holds {pixels.dtype}")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.rint(pixels)):
        raise RefusedInput(f"{path}: labels are whole numbers, this holds fractions or NaN")
    lowest, largest = pixels.min(), pixels.max()
    if lowest < 0:
        raise RefusedInput(f"{path}: labels start at 0 (background), this holds {lowest}")
    if largest >= 2**31:
        raise RefusedInput(f"{path}: labels go up to 2147483647, this holds {largest}")
    return pixels.astype(np.int32, copy=False)
