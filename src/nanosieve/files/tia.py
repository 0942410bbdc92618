"""TIA series, ``.ser``, with the ``.emi`` header that belongs to them.

RosettaSciIO interprets the header's XML. It holds all frames of a series in memory even when
asked to be lazy, so the 50 bytes before each frame and the frame itself are read here.
"""

import re
import struct
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.core.micrograph import Acquisition
from nanosieve.files import acquisition
from nanosieve.files.calibration import Side
from nanosieve.files.found import Found, check_length, unusual
from nanosieve.files.frames import no_frame, raw_frame
from nanosieve.files.metadata import item, plain

_SPECTRA, _IMAGES = 0x4120, 0x4122
_WIDE = 0x210  # series version above which addresses take 8 bytes
_MOST_AXES = 8
_ELEMENT = struct.Struct("<ddiddiHii")
_DTYPES = {
    1: "<u1", 2: "<u2", 3: "<u4", 4: "<i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8", 9: "<c8",
    10: "<c16",
}  # fmt: skip


class _Series(NamedTuple):
    kind: int
    axes: tuple[int, ...]  # sizes of the axes that the series runs along
    addresses: tuple[int, ...]  # of the frames
    tags: tuple[int, ...]  # of the frames' time tags


def images(path: Path) -> list[Found]:
    """List the image or movie of a ``.ser`` file, or those of all series of an ``.emi`` file.

    Raises
    ------
    FailedInput
        If a header is damaged, frames are missing, or an ``.emi`` file has no series beside it.
    """
    if path.suffix.lower() == ".ser":
        return [_image(path, _experiment_of(path))]
    series = sorted(
        (int(match[1]), file)
        for file in path.parent.iterdir()
        if file.suffix.lower() == ".ser"
        and (match := re.fullmatch(re.escape(path.stem) + r"_(\d+)", file.stem))
    )
    if not series:
        raise FailedInput(
            f"{path.name}: its pixels are in {path.stem}_1.ser, which is not beside it; "
            "put both in one folder"
        )
    experiments = _experiments(path)
    return [_image(file, experiments.get(number, {})) for number, file in series]


def _image(path: Path, experiment: Mapping[str, Any]) -> Found:
    with path.open("rb") as file:
        series = _series(path, file.read(2**16))
        if series.kind == _SPECTRA:
            return _spectrum(path, series)
        file.seek(series.addresses[0])
        head = file.read(_ELEMENT.size)
        check_length(path, series.addresses[0] + _ELEMENT.size)
        _, step_x, _, _, step_y, _, kind, nx, ny = _ELEMENT.unpack(head)
        if kind not in _DTYPES or min(nx, ny) < 1:
            raise FailedInput(f"{path.name}: damaged frame header; copy it again from its source")
        times = _times(file, series)
    dtype = np.dtype(_DTYPES[kind])
    for address in series.addresses:
        check_length(path, address + _ELEMENT.size + nx * ny * dtype.itemsize)
    count = len(series.addresses)
    unit = "1/m" if _is_diffraction(experiment) else "m"
    stated = acquisition.of_tia(experiment)
    return Found(
        title=path.name,
        shape=(count, ny, nx),
        dtype=dtype.newbyteorder("="),
        load=partial(_frame, path=path, addresses=series.addresses, shape=(ny, nx), dtype=dtype),
        sides=(_side(step_y, unit), _side(step_x, unit)),
        is_movie=count > 1,
        refusal=unusual((*series.axes, ny, nx)) if len(series.axes) > 1 else None,
        acquisition=Acquisition(**{**vars(stated), "frame_times_s": times}),
        metadata=plain({"series": series._asdict() | {"step_x": step_x, "step_y": step_y}})
        | plain(experiment),
    )


def _side(step: float, unit: str) -> Side:
    """TIA writes metres and 1/m into the same field; no image has pixels of a metre."""
    if unit == "m" and step >= 1:
        return Side(step * 1e-9, "1/nm")
    return Side(step * 1e9, "nm") if unit == "m" else Side(step * 1e-9, "1/nm")


def _frame(
    index: int, *, path: Path, addresses: tuple[int, ...], shape: tuple[int, int], dtype: np.dtype
) -> np.ndarray:
    frame = raw_frame(
        0, path=path, offset=addresses[index] + _ELEMENT.size, shape=shape, dtype=dtype
    )
    return np.ascontiguousarray(frame[::-1])  # TIA's first row is the lowest


def _series(path: Path, head: bytes) -> _Series:
    damaged = FailedInput(f"{path.name}: damaged series header; copy it again from its source")
    if len(head) < 34:
        raise damaged
    _, _, version, kind, _, _, valid = struct.unpack("<HHHIIII", head[:22])
    wide = version > _WIDE
    table, n_axes = struct.unpack("<QI" if wide else "<II", head[22 : 34 if wide else 30])
    if kind not in (_SPECTRA, _IMAGES) or n_axes > _MOST_AXES:
        raise damaged
    if valid == 0:
        raise FailedInput(f"{path.name}: the series holds no frame; nothing was acquired")
    axes = []
    place = 34 if wide else 30
    for _ in range(n_axes):
        (size,) = struct.unpack("<I", head[place : place + 4])
        (described,) = struct.unpack("<I", head[place + 24 : place + 28])
        place += 28 + described
        (named,) = struct.unpack("<I", head[place : place + 4])
        place += 4 + named
        if size > 1:
            axes.append(size)
    dtype = np.dtype("<u8" if wide else "<u4")
    check_length(path, table + 2 * valid * dtype.itemsize)
    addresses = np.fromfile(path, dtype, count=2 * valid, offset=table)
    return _Series(
        kind,
        tuple(axes),
        tuple(addresses[:valid].tolist()),
        tuple(addresses[valid:].tolist()),
    )


def _times(file: Any, series: _Series) -> tuple[float, ...] | None:
    """Times of a movie's frames from their tags, which count whole seconds."""
    if len(series.tags) < 2:
        return None
    stamps = []
    for address in series.tags:
        file.seek(address + 4)
        stamp = file.read(4)
        if len(stamp) < 4:
            return None
        stamps.append(struct.unpack("<I", stamp)[0])
    if stamps[-1] == stamps[0] or any(later < earlier for earlier, later in pairwise(stamps)):
        return None
    return tuple(float(stamp - stamps[0]) for stamp in stamps)


def _spectrum(path: Path, series: _Series) -> Found:
    shape = (len(series.addresses), 1, 1)
    return Found(
        path.name, shape, np.dtype("f4"), no_frame, refusal=RefusedInput("a spectrum, not an image")
    )


def _experiment_of(series: Path) -> Mapping[str, Any]:
    match = re.fullmatch(r"(.+)_(\d+)", series.stem)
    header = series.with_name(f"{match[1]}.emi") if match else None
    if match is None or header is None or not header.is_file():
        return {}
    return _experiments(header).get(int(match[2]), {})


def _experiments(header: Path) -> dict[int, dict[str, Any]]:
    from rsciio.tia._api import convert_xml_to_dict, get_xml_info_from_emi

    described = get_xml_info_from_emi(str(header))
    return {
        number: {"ObjectInfo": convert_xml_to_dict(xml).to_dict().get("ObjectInfo", {})}
        for number, xml in enumerate(described, 1)
    }


def _is_diffraction(experiment: Mapping[str, Any]) -> bool:
    mode = item(experiment, "ObjectInfo", "ExperimentalDescription", "Mode")
    if not isinstance(mode, str):
        return False
    camera = item(experiment, "ObjectInfo", "AcquireInfo", "CameraNamePath") is not None
    return camera if "STEM" in mode else "Diffraction" in mode
