"""MRC, ``.mrc``, ``.mrcs`` and ``.st``, through RosettaSciIO's MRC reader (not MRCZ)."""

import math
import struct
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from nanosieve.core.errors import FailedInput
from nanosieve.files import acquisition
from nanosieve.files.calibration import UNSTATED, Side
from nanosieve.files.found import Found, check_length
from nanosieve.files.frames import raw_frame
from nanosieve.files.metadata import plain

_DTYPES = {0: "u1", 1: "i2", 2: "f4", 4: "c8", 6: "u2", 12: "f2"}
_HEADER = 1024
_ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")
_STAMPS: dict[int, Literal["<", ">"]] = {0x44: "<", 0x11: ">"}
_VOLUME = 1  # lowest space group of a volume; 0 is a stack of images


class _Header(NamedTuple):
    """Byte order, sizes along (z, y, x), mode and bytes of the extended header."""

    order: Literal["<", ">"]
    sizes: tuple[int, int, int]
    mode: int
    extended: int


def images(path: Path) -> list[Found]:
    """List the one image or stack of a file.

    Raises
    ------
    FailedInput
        If the header is none of MRC or declares more pixels than there are.
    """
    order, (nz, ny, nx), mode, extended = _header(path)
    if mode not in _DTYPES:
        raise FailedInput(f"{path.name}: MRC pixels of mode {mode} are not read; save as mode 2")
    dtype = np.dtype(_DTYPES[mode]).newbyteorder(order)
    offset = _HEADER + extended
    check_length(path, offset + nx * ny * nz * dtype.itemsize)

    from rsciio.mrc import file_reader

    signal = file_reader(str(path), lazy=True, endianness=order, metadata_file=None)[0]
    metadata = signal["original_metadata"]
    volume = nz > 1 and int(metadata["std_header"]["ISPG"]) >= _VOLUME
    note = "The header calls the stack a volume; its slices are analysed as frames."
    return [
        Found(
            title="",
            shape=(nz, ny, nx),
            dtype=dtype.newbyteorder("="),
            load=partial(raw_frame, path=path, offset=offset, shape=(ny, nx), dtype=dtype),
            sides=_sides(signal),
            is_movie=nz > 1,
            acquisition=acquisition.of_mrc(metadata),
            metadata=plain(metadata),
            notes=(note,) if volume else (),
        )
    ]


def _header(path: Path) -> _Header:
    """Read byte order and sizes, which RosettaSciIO must be told or takes for granted.

    The order is that of the machine stamp, or else the one in which the sizes fit the file.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if len(head) < _HEADER:
        raise FailedInput(f"{path.name}: truncated inside its header; copy it again")
    stamp = _STAMPS.get(head[212]) if head[208:212] == b"MAP " else None
    orders = (stamp,) if stamp is not None else _ORDERS
    likely = [
        header for header in (_unpack(order, head) for order in orders) if _makes_sense(header)
    ]
    if not likely:
        raise FailedInput(f"{path.name}: not MRC, its header makes no sense; check its suffix")
    return min(likely, key=lambda header: math.prod(header.sizes))


def _unpack(order: Literal["<", ">"], head: bytes) -> _Header:
    nx, ny, nz, mode = struct.unpack(f"{order}4i", head[:16])
    (extended,) = struct.unpack(f"{order}i", head[92:96])
    return _Header(order, (nz, ny, nx), mode, extended)


def _makes_sense(header: _Header) -> bool:
    return min(header.sizes) > 0 and 0 <= header.mode < 128 and header.extended >= 0


def _sides(signal: dict[str, Any]) -> tuple[Side, Side]:
    """Sides of a pixel; where a header states no sampling, RosettaSciIO puts 1 for it."""
    header = signal["original_metadata"]
    by_name = {axis["name"]: axis for axis in signal["axes"]}

    def side(name: str, sampling: str) -> Side:
        stated = "fei_header" in header or int(header["std_header"][sampling]) > 0
        if name not in by_name or not stated:
            return UNSTATED
        return Side(float(by_name[name]["scale"]), by_name[name]["units"] or "")

    return side("y", "MY"), side("x", "MX")
