"""Stacks of images and labels in one array each, as the papers publish them: HDF5 and NumPy."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.training.config_sections import StackConfig

STACK_SUFFIXES = (".h5", ".hdf5", ".npz", ".npy")
_LABEL_KEYS = ("maps", "labels", "masks")


class Stack:
    """Images and labels of one stack, read one at a time inside `opened`.

    Parameters
    ----------
    path
        File of the images.
    images, labels
        Arrays, or datasets of an open file.
    n_classes
        Number of channels that one-hot labels have.
    """

    def __init__(self, path: Path, images: Any, labels: Any, n_classes: int) -> None:
        self.path = path
        self._images, self._labels = images, labels
        self._image_axes = _single(path, "images", images.shape)
        n, *size = (images.shape[axis] for axis in self._image_axes)
        self.n, self.shape = n, (size[0], size[1])
        self._label_axes, self._one_hot = _label_axes(path, labels.shape, (n, *size), n_classes)

    def image(self, index: int) -> np.ndarray:
        """Read one image, ``(y, x)`` in its own dtype.

        Raises
        ------
        RefusedInput
            If it holds no real numbers.
        """
        pixels = _plane(self._images, index, self._image_axes[1:])
        if pixels.dtype.kind not in "uifb":
            raise RefusedInput(
                f"{self.where(index)}: images are numbers, this holds {pixels.dtype}"
            )
        return pixels

    def labels(self, index: int) -> np.ndarray:
        """Read one label image, ``(y, x)`` int32 class numbers.

        Raises
        ------
        RefusedInput
            If labels are interpolated, or one-hot labels do not choose one class.
        """
        pixels = _plane(self._labels, index, self._label_axes[1:])
        whole = pixels.dtype.kind in "uib" or (
            pixels.dtype.kind == "f" and np.array_equal(pixels, np.rint(pixels))
        )
        if not whole:
            raise RefusedInput(
                f"{self.where(index)}: labels are whole numbers, this holds fractions or NaN, as "
                "interpolated masks do; give the masks as they were drawn"
            )
        if not self._one_hot:
            if pixels.min(initial=0) < 0 or pixels.max(initial=0) >= 2**31:
                raise RefusedInput(
                    f"{self.where(index)}: labels are 0 to 2147483647, this holds "
                    f"{pixels.min()} to {pixels.max()}"
                )
            return pixels.astype(np.int32)
        if not (np.isin(pixels, (0, 1)).all() and (pixels.sum(-1) == 1).all()):
            raise RefusedInput(
                f"{self.where(index)}: each pixel must be 1 in one of the "
                f"{pixels.shape[-1]} channels and 0 in the others"
            )
        return pixels.argmax(-1).astype(np.int32)

    def name(self, index: int) -> str:
        """Name of an image: that of the file, and its number from 0."""
        return f"{self.path.stem}_{index:04d}"

    def where(self, index: int) -> str:
        """Name of an image in an error."""
        return f"{self.path}: image {index}"


@contextmanager
def opened(config: StackConfig, n_classes: int) -> Iterator[Stack]:
    """Open a stack.

    Parameters
    ----------
    config
        Its files.
    n_classes
        Number of classes that are trained.

    Raises
    ------
    UsageError
        If a file is missing or of another kind, or holds no images or labels.
    RefusedInput
        If images and labels do not fit together.
    FailedInput
        If a file is broken.
    """
    path = Path(config.images)
    with _arrays(path) as arrays:
        images = _pick(path, arrays, ("images",))
        if config.labels is None:
            if path.suffix.lower() == ".npy":
                raise UsageError(
                    f"{path}: holds images only; give its labels beside them: [[data.stacks]] "
                    "with images and labels"
                )
            yield Stack(path, images, _pick(path, arrays, _LABEL_KEYS), n_classes)
            return
        beside = Path(config.labels)
        with _arrays(beside) as more:
            yield Stack(path, images, _pick(beside, more, _LABEL_KEYS), n_classes)


@contextmanager
def _arrays(path: Path) -> Iterator[Any]:
    """Open a file as a mapping of arrays; a ``.npy`` file is an array without a name."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    suffix = path.suffix.lower()
    if suffix not in STACK_SUFFIXES:
        raise UsageError(f"{path}: a stack is {', '.join(STACK_SUFFIXES)}, not {suffix!r}")
    try:
        if suffix in (".h5", ".hdf5"):
            import h5py

            file = h5py.File(path, "r")
        else:
            # No pickle: a file of arrays must not be able to run anything.
            file = np.load(path, mmap_mode="r" if suffix == ".npy" else None, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).split("\n", 1)[0]
        raise FailedInput(f"{path}: cannot be read as a stack: {reason}") from error
    if isinstance(file, np.ndarray):
        yield file
        return
    with file:
        yield file


def _pick(path: Path, arrays: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(arrays, np.ndarray):
        return arrays
    found = [key for key in keys if key in arrays]
    if len(found) != 1:
        raise UsageError(
            f"{path}: expected one array named {' or '.join(keys)}, found "
            f"{', '.join(sorted(arrays)) or 'none'}"
        )
    return arrays[found[0]]


def _single(path: Path, what: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes ``(n, y, x)``; a fourth one of length 1, last or second, is left out."""
    if len(shape) == 3 and min(shape) > 0:
        return 0, 1, 2
    if len(shape) == 4 and shape[3] == 1:
        return 0, 1, 2
    if len(shape) == 4 and shape[1] == 1:
        return 0, 2, 3
    raise RefusedInput(f"{path}: {what} are (n, y, x) or (n, y, x, 1), these have shape {shape}")


def _label_axes(
    path: Path, shape: tuple[int, ...], wanted: tuple[int, ...], n_classes: int
) -> tuple[tuple[int, ...], bool]:
    """Axes ``(n, y, x)`` or ``(n, y, x, k)``, and whether labels are one-hot."""
    if shape == wanted:
        return (0, 1, 2), False
    for axes in ((0, 1, 2, 3), (0, 2, 3, 1)):
        if len(shape) == 4 and tuple(shape[axis] for axis in axes[:3]) == wanted:
            channels = shape[axes[3]]
            if channels == 1:
                return axes[:3], False
            if channels == n_classes:
                return axes, True
            raise RefusedInput(
                f"{path}: labels have {channels} channels where data.classes names {n_classes}"
            )
    raise RefusedInput(f"{path}: labels of shape {shape} do not match images of shape {wanted}")


def _plane(array: Any, index: int, axes: tuple[int, ...]) -> np.ndarray:
    """One entry with its axes in order ``(y, x)`` or ``(y, x, k)``."""
    entry = np.asarray(array[index])
    order = tuple(axis - 1 for axis in axes)
    left_out = tuple(axis for axis in range(entry.ndim) if axis not in order)
    return np.ascontiguousarray(
        entry.transpose(order + left_out).reshape(tuple(entry.shape[axis] for axis in order))
    )
