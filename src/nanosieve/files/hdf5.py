"""HDF5 files: EMD of Velox and Berkeley, and HyperSpy's ``.hspy``, through RosettaSciIO."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.files import acquisition, hyperspy
from nanosieve.files.calibration import Side
from nanosieve.files.found import Described, Found, check_declared, check_length, unusual
from nanosieve.files.frames import no_frame, to_native
from nanosieve.files.metadata import item, plain

_RGB = ("R", "G", "B")


def images(path: Path) -> list[Found]:
    """List the images of a file, whichever dialect of HDF5 it is in.

    Raises
    ------
    FailedInput
        If it is none of the three, or compressed by a filter that is not installed.
    """
    import h5py
    from rsciio.emd._api import is_EMD_NCEM, is_EMD_Velox

    with h5py.File(path, "r") as file:
        if path.suffix.lower() == ".hspy":
            return _hyperspy(path, file)
        if is_EMD_Velox(file):
            return _velox(path, file)
        if is_EMD_NCEM(file) or _berkeley_groups(file):
            return _berkeley(path, file)
    raise FailedInput(
        f"{path.name}: an HDF5 file, but neither Velox nor Berkeley EMD; export it as one of them"
    )


def _velox(path: Path, file: Any) -> list[Found]:
    from rsciio.emd._emd_velox import FeiEMDReader

    names = [f"Data/Image/{key}/Data" for key in file.get("Data/Image", ())]
    lazy = _all_chunked(file[name] for name in names)
    reader = FeiEMDReader(lazy=lazy, select_type="images", load_SI_image_stack=True)
    try:
        reader.read_file(file)
    except ModuleNotFoundError:
        # Spectrum images want the package sparse; the images beside them were read before that.
        if not reader.dictionaries:
            raise
    return [
        _velox_image(path, file[name], signal)
        for name, signal in zip(names, reader.dictionaries, strict=True)
    ] or [_no_image()]


def _all_chunked(datasets: Iterable[Any]) -> bool:
    """Whether RosettaSciIO can be lazy: it wants chunks, which the microscopes always write."""
    return all(dataset.chunks is not None for dataset in datasets)


def _velox_image(path: Path, dataset: Any, signal: Mapping[str, Any]) -> Found:
    metadata = signal["original_metadata"]
    stated = acquisition.of_velox(metadata)
    axes = signal["axes"]
    if len(axes) == 3:
        interval = acquisition.seconds(axes[0]["scale"], axes[0]["units"])
        stated = acquisition.with_times(stated, int(axes[0]["size"]), interval)
    described = Described(
        title=str(item(signal, "metadata", "General", "title") or ""),
        sides=_sides(axes[-2:]),
        acquisition=stated,
        metadata=metadata,
    )
    found = _found(path, dataset, (2, 0, 1), described)
    return replace(found, secondary=_is_element_map(metadata))


def _is_element_map(metadata: Mapping[str, Any]) -> bool:
    """Velox keeps maps of elements among the images: of no detector, or of the X-ray one."""
    index = item(metadata, "BinaryResult", "DetectorIndex")
    detector = item(metadata, "Detectors", f"Detector-{index}")
    return index is None or item(detector, "DetectorType") == "AnalyticalDetector"


def _berkeley(path: Path, file: Any) -> list[Found]:
    from rsciio.emd._emd_ncem import EMD_NCEM

    found = []
    for name in _berkeley_groups(file):
        reader = EMD_NCEM()
        reader.read_file(file, lazy=True, dataset_path=name, stack_group=False)
        found.append(_berkeley_image(path, file[name], reader.dictionaries[0]))
    return found or [_no_image()]


def _berkeley_groups(file: Any) -> list[str]:
    from rsciio.emd._emd_ncem import EMD_NCEM

    return list(EMD_NCEM.find_dataset_paths(file))


def _berkeley_image(path: Path, dataset: Any, signal: Mapping[str, Any]) -> Found:
    """RosettaSciIO turns the axes round; here they are put back into the file's own order."""
    axes = signal["axes"]
    if "dim0" not in dataset.parent and not dataset.name.endswith("datacube"):
        axes = axes[::-1]
    order = _by_name([axis["name"] for axis in axes])
    sides = _sides([axes[place] for place in order])
    metadata = signal["original_metadata"]
    stated = acquisition.of_berkeley(metadata)
    if len(order) == 3:
        interval = acquisition.seconds(sides[0].value, sides[0].unit)
        stated = acquisition.with_times(stated, int(dataset.shape[order[0]]), interval)
    title = dataset.parent.name.rpartition("/")[2]
    return _found(path, dataset, order, Described(title, sides, stated, metadata))


def _sides(axes: list[Mapping[str, Any]]) -> tuple[Side, ...]:
    return tuple(Side(float(axis["scale"]), axis["units"] or "") for axis in axes)


def _by_name(names: list[Any]) -> tuple[int, ...]:
    """Order of the axes as (…, y, x): by their names where those tell, else as in the file."""
    lower = [str(name or "").strip().casefold() for name in names]
    if lower.count("y") != 1 or lower.count("x") != 1:
        return tuple(range(len(names)))
    rest = [place for place, name in enumerate(lower) if name not in ("x", "y")]
    return (*rest, lower.index("y"), lower.index("x"))


def _hyperspy(path: Path, file: Any) -> list[Found]:
    import h5py
    from rsciio.hspy._api import HyperspyReader

    groups = [
        group
        for group in file.get("Experiments", {}).values()
        if isinstance(group, h5py.Group) and "data" in group
    ]
    lazy = _all_chunked(group["data"] for group in groups)
    signals = HyperspyReader(file).read(lazy=lazy)
    return [
        _found(path, group["data"], tuple(range(group["data"].ndim)), hyperspy.describe(signal))
        for group, signal in zip(groups, signals, strict=False)
    ]


def _found(path: Path, dataset: Any, order: tuple[int, ...], described: Described) -> Found:
    """Put pixels, whose axes in the file are ``order`` of ``(t, y, x)``, to their description."""
    shape = tuple(int(dataset.shape[axis]) for axis in order)
    refusal = described.refusal or unusual(shape)
    dtype = dataset.dtype
    if refusal is None and dtype.kind in "uifb":
        _check_stored(path, dataset, shape)
    stack = shape if len(shape) == 3 else (1, *shape)
    colour = dtype.names is not None and dtype.names[:3] == _RGB
    return Found(
        title=described.title,
        shape=stack,
        dtype=_number_type(dtype),
        load=partial(_frame, path=path, name=dataset.name, order=order),
        sides=described.sides,
        is_movie=stack[0] > 1,
        colour="rgb" if colour else "",
        refusal=refusal,
        acquisition=described.acquisition,
        metadata=plain(described.metadata),
    )


def _check_stored(path: Path, dataset: Any, shape: tuple[int, ...]) -> None:
    """Compare what the dataset declares with what is stored, before anything is allocated."""
    import h5py

    filters = dataset.id.get_create_plist()
    for index in range(filters.get_nfilters()):
        code, _, _, name = filters.get_filter(index)
        if not h5py.h5z.filter_avail(code):
            what = name.decode("ascii", "replace") or f"filter {code}"
            raise FailedInput(
                f"{path.name}: compressed by {what}, which HDF5 lacks here; "
                "pip install hdf5plugin, or save it again with gzip"
            )
    stored = dataset.id.get_storage_size()
    if stored == 0:
        raise FailedInput(f"{path.name}: its image was never written; nothing was acquired")
    check_declared(path, math.prod(shape[-2:]) * dataset.dtype.itemsize, stored)
    offset = dataset.id.get_offset()
    if offset is not None:
        check_length(path, offset + stored)


def _frame(index: int, *, path: Path, name: str, order: tuple[int, ...]) -> np.ndarray:
    import h5py

    with h5py.File(path, "r") as file:
        dataset = file[name]
        where: list[Any] = [slice(None)] * dataset.ndim
        if len(order) == 3:
            where[order[0]] = index
        frame = dataset[tuple(where)]
    if frame.dtype.names:
        frame = np.stack([frame[name] for name in frame.dtype.names[:3]], axis=-1)
    if order[-2] > order[-1]:
        frame = frame.swapaxes(0, 1)
    return to_native(np.ascontiguousarray(frame))


def _number_type(dtype: np.dtype) -> np.dtype:
    """Dtype of the numbers: HyperSpy keeps colours, and Velox complex numbers, as records."""
    if dtype.names is not None:
        return dtype[0] if dtype.names[:3] == _RGB else np.dtype(np.complex64)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _no_image() -> Found:
    refusal = RefusedInput("spectra or tables without an image")
    return Found("", (1, 1, 1), np.dtype("f4"), no_frame, refusal=refusal)
