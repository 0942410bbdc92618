"""ncempy's DigitalMicrograph module, imported alone."""

from importlib import util
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """The first image of a file that is not its thumbnail: where and what its pixels are.

    ``shape``, ``scales`` and ``units`` run from the slowest axis to ``x``.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    scales: tuple[float, ...]
    units: tuple[str, ...]


def locate(path: Path) -> Stored:
    """Find the pixels of a ``.dm3`` or ``.dm4`` file without reading them."""
    with _module().fileDM(str(path), on_memory=False) as file:
        index = 0 if file.numObjects == 1 else 1
        before = sum(file.dataShape[:index])
        axes = slice(before, before + file.dataShape[index])
        sizes = (file.zSize2, file.zSize, file.ySize, file.xSize)
        shape = tuple(int(size[index]) for size in sizes)
        n = file.dataShape[index]
        return Stored(
            offset=int(file.dataOffset[index]),
            shape=shape[-n:],
            dtype=np.dtype(file._DM2NPDataType(file.dataType[index])),
            scales=tuple(float(value) for value in file.scale[axes][::-1]),
            units=tuple(str(unit) for unit in file.scaleUnit[axes][::-1]),
        )


def _module() -> ModuleType:
    """Load ``ncempy/io/dm.py`` without its package, which wants hdf5plugin (186 MB)."""
    package = util.find_spec("ncempy")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("ncempy is not installed; pip install ncempy")
    spec = util.spec_from_file_location(
        "nanosieve_ncempy_dm", Path(package.origin).parent / "io" / "dm.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
