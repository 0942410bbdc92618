"""TIFF with a pixel size that ImageJ, HyperSpy, DigitalMicrograph and QuPath all find.

`docs/decisions/0002-label-files.md` says why the files are as they are.
"""

import json
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from nanosieve._version import __version__
from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration, Step
from nanosieve.files.atomic import atomic_path

_IMAGEJ = frozenset({"uint8", "uint16", "float32"})
_OME = frozenset({"int8", "int16", "int32", "uint32", "float64"})
DTYPES = _IMAGEJ | _OME
_STRIP_BYTES = 1 << 20
# Offsets have 32 bits: above, ImageJ reads one directory and one block, OME needs BigTIFF.
_LIMIT = 2**32 - 2**25
_NAMESPACE = uuid.UUID("6f2c1a52-33a5-5d0c-9f57-2a1c6a1f2b7e")


def write_tiff(
    path: str | Path,
    frames: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    dtype: np.dtype | type,
    *,
    calibration: Calibration,
    history: Sequence[Step] = (),
    compress: bool = True,
) -> None:
    """Write frames one after the other: ImageJ TIFF where ImageJ has the dtype, else OME-TIFF.

    Equal input gives equal bytes. Frames are cast strip by strip, or one at a time.

    Parameters
    ----------
    path
        Where to write; ends in ``.tif``.
    frames
        ``t`` arrays of ``(y, x)``.
    shape
        ``(t, y, x)``; with ``t = 1`` the file holds a still.
    dtype
        What to store: integers up to 32 bits, float32 or float64.
    calibration
        Pixel size. An unknown one leaves unit and resolution out.
    history
        Steps kept in the file's description.
    compress
        Deflate, which ImageJ reads in stills only: its movies are never compressed.

    Raises
    ------
    UsageError
        If TIFF readers do not know the dtype.
    OutputError
        If the file cannot be written.
    """
    dtype = np.dtype(dtype).newbyteorder("<")
    if dtype.name not in DTYPES:
        raise UsageError(f"{dtype.name} cannot be stored as TIFF; convert to float32 or int32")
    ome = dtype.name in _OME
    still = shape[0] == 1
    large = math.prod(shape) * dtype.itemsize > _LIMIT
    options: dict[str, Any] = {
        "shape": shape if ome else (shape[0], 1, 1, *shape[1:], 1),
        "dtype": dtype,
        "photometric": "minisblack",
        "software": f"nanosieve {__version__}",
        "metadata": _metadata(Path(path), calibration, history, ome=ome)
        | {"axes": "TYX" if ome else "TZCYXS"},
    }
    # ImageJ reads a stack as one contiguous block.
    if compress and (ome or still):
        rows = max(1, min(shape[1], _STRIP_BYTES // (shape[2] * dtype.itemsize)))
        data: Iterator[Any] = _packed_strips(frames, rows, dtype)
        options |= {"compression": "zlib", "rowsperstrip": rows}
    else:
        data = (np.asarray(frame, dtype) for frame in frames)
        options["truncate"] = not ome and large
    if calibration.pixel_size_nm is not None:
        options |= _pixel_size_tags(calibration.pixel_size_nm, ome=ome)
    flavour: dict[str, Any] = {"ome": ome, "imagej": not ome, "bigtiff": ome and large}
    with (
        atomic_path(path) as temporary,
        tifffile.TiffWriter(temporary, byteorder="<", **flavour) as writer,
    ):
        writer.write(data, **options)


def _packed_strips(frames: Iterable[np.ndarray], rows: int, dtype: np.dtype) -> Iterator[bytes]:
    for frame in frames:
        for start in range(0, frame.shape[0], rows):
            strip = np.asarray(frame[start : start + rows], dtype).tobytes()
            # libdeflate: zlib's format in half zlib's time for label images.
            yield bytes(imagecodecs.deflate_encode(strip, 6))


def _pixel_size_tags(size_nm: float, *, ome: bool) -> dict[str, Any]:
    # DigitalMicrograph's own tags: RosettaSciIO and HyperSpy take the unit nm from nowhere else.
    units = [(tag, "s", 3, "nm", False) for tag in (65003, 65004)]
    scales = [(tag, "d", 1, size_nm, False) for tag in (65009, 65010)]
    if ome:
        return {"extratags": units + scales}
    resolution = (1 / size_nm, 1 / size_nm)
    return {"extratags": units + scales, "resolution": resolution, "resolutionunit": "NONE"}


def _metadata(
    path: Path, calibration: Calibration, history: Sequence[Step], *, ome: bool
) -> dict[str, Any]:
    lines = [f"nanosieve {__version__}"]
    for step in history:
        parameters = json.dumps(dict(step.parameters), sort_keys=True, default=str)
        lines.append(f"{step.name} {parameters} (version {step.version})")
    size = calibration.pixel_size_nm
    if not ome:
        unit = {} if size is None else {"unit": "nm"}
        return {**unit, "Info": "\n".join(lines)}
    metadata: dict[str, Any] = {
        "Description": "\n".join(lines),
        "Creator": f"nanosieve {__version__}",
        # Otherwise a new one from the clock in each run.
        "UUID": str(uuid.uuid5(_NAMESPACE, path.name)),
    }
    if size is not None:
        metadata |= {"PhysicalSizeX": size, "PhysicalSizeXUnit": "nm"}
        metadata |= {"PhysicalSizeY": size, "PhysicalSizeYUnit": "nm"}
    return metadata
