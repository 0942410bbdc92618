"""HyperSpy's signals: what their axes and metadata say; ``.zspy`` where zarr is installed."""

from collections.abc import Mapping
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, InputError, RefusedInput, install
from nanosieve.files import acquisition
from nanosieve.files.calibration import Side
from nanosieve.files.found import Described, Found, unusual
from nanosieve.files.metadata import item, plain


def describe(signal: Mapping[str, Any]) -> Described:
    """Read what one of RosettaSciIO's dictionaries of a HyperSpy signal says of it."""
    axes = signal["axes"]
    sides = tuple(Side(_number(axis.get("scale")), str(axis.get("units") or "")) for axis in axes)
    stated = acquisition.of_hyperspy(signal["metadata"])
    if len(axes) == 3:
        interval = acquisition.seconds(sides[0].value, sides[0].unit)
        stated = acquisition.with_times(stated, int(axes[0]["size"]), interval)
    return Described(
        title=str(item(signal, "metadata", "General", "title") or ""),
        sides=sides,
        acquisition=stated,
        metadata={key: signal[key] for key in ("metadata", "original_metadata")},
        refusal=_refusal(signal),
    )


def images(path: Path) -> list[Found]:
    """List the images of a ``.zspy`` folder or archive.

    Raises
    ------
    FailedInput
        If zarr is not installed.
    """
    if util.find_spec("zarr") is None:
        raise FailedInput(f"{path.name}: .zspy files need zarr: {install('zspy')}")
    from rsciio.zspy import file_reader

    return [_zspy(signal) for signal in file_reader(str(path), lazy=True, mode="r")]


def _zspy(signal: Mapping[str, Any]) -> Found:
    described = describe(signal)
    data = signal["data"]
    shape = tuple(int(size) for size in data.shape)
    stack = shape if len(shape) == 3 else (1, *shape)
    return Found(
        title=described.title,
        shape=stack,
        dtype=data.dtype,
        load=partial(_frame, data=data),
        sides=described.sides,
        is_movie=stack[0] > 1,
        refusal=described.refusal or unusual(shape),
        acquisition=described.acquisition,
        metadata=plain(described.metadata),
    )


def _frame(index: int, *, data: Any) -> np.ndarray:
    """Read from zarr through dask, which opens a chunk's file only while it reads it."""
    return (data[index] if data.ndim == 3 else data).compute(scheduler="synchronous")


def _refusal(signal: Mapping[str, Any]) -> InputError | None:
    axes = signal["axes"]
    navigating = sum(bool(axis.get("navigate")) for axis in axes)
    kind = str(item(signal["metadata"], "Signal", "signal_type") or "")
    if len(axes) > 1 and navigating == len(axes) - 1:
        return RefusedInput(f"spectra at each pixel ({kind or 'one signal axis'}), not an image")
    if "diffraction" in kind.casefold():
        return RefusedInput(f"diffraction patterns (signal type {kind}), not an image")
    return None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
