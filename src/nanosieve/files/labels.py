"""Label images: written so that ImageJ, napari and QuPath open them, read back as they come.

`docs/decisions/0002-label-files.md` says why they are stored as they are.
"""

import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration, Step
from nanosieve.files.atomic import output_errors
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.files.tiff_writer import write_tiff

LARGEST_UINT16 = 65_535


def write_labels(
    path: str | Path,
    labels: np.ndarray,
    calibration: Calibration,
    *,
    history: Sequence[Step] = (),
) -> None:
    """Write a label image, or a movie of them, with its pixel size.

    Up to 65 535 the file is an ImageJ TIFF of 16 bits, above an OME-TIFF of 32 bits. Equal input
    gives equal bytes.

    Parameters
    ----------
    path
        Where to write; ends in ``.tif``.
    labels
        ``(y, x)`` or ``(t, y, x)`` integers from 0 (background). Cast strip by strip: no second
        copy of it is made.
    calibration
        Pixel size. An unknown one leaves unit and resolution out.
    history
        Steps that made the labels, kept in the file's description.

    Raises
    ------
    UsageError
        If the labels are not 2-D or 3-D integers from 0 to 2**32 - 1.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.tif"
    ...     write_labels(path, np.eye(3, dtype=np.int32), Calibration(0.5, "file"))
    ...     read_labels(path)[0].tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or labels.size == 0:
        raise UsageError(f"labels must be (y, x) or (t, y, x), got shape {labels.shape}")
    largest = _largest(labels)
    stack = labels if labels.ndim == 3 else labels[np.newaxis]
    shape = (stack.shape[0], stack.shape[1], stack.shape[2])
    dtype = _label_dtype(largest)
    write_tiff(path, stack, shape, dtype, calibration=calibration, history=history)


def write_probability(
    path: str | Path,
    probability: np.ndarray,
    calibration: Calibration,
    *,
    history: Sequence[Step] = (),
) -> None:
    """Write a probability in [0, 1] as an 8-bit ImageJ TIFF, 255 for 1, with its pixel size.

    Parameters
    ----------
    path
        Where to write; ends in ``.tif``.
    probability
        ``(y, x)`` or ``(t, y, x)`` floats from 0 to 1.
    calibration, history
        As in `write_labels`.

    Raises
    ------
    UsageError
        If a value is NaN or lies outside [0, 1], or the shape is neither.
    OutputError
        If the file cannot be written.
    """
    probability = np.asarray(probability)
    if probability.ndim not in (2, 3) or probability.size == 0:
        raise UsageError(f"probability must be (y, x) or (t, y, x), got {probability.shape}")
    stack = probability if probability.ndim == 3 else probability[np.newaxis]
    with ProbabilityWriter(path, calibration, history=history) as writer:
        for frame in stack:
            writer.append(frame)


class _StackWriter:
    """Take frames one at a time and write them as one file at the end.

    Until then they lie compressed in a nameless temporary file beside the output, which the
    system removes even if the process is killed: how many frames there are, and whether 16 bits
    hold the largest label, is known only at the end.
    """

    def __init__(
        self, path: str | Path, calibration: Calibration, *, history: Sequence[Step] = ()
    ) -> None:
        self._path = Path(path)
        self._calibration = calibration
        self._history = history
        self._shape: tuple[int, int] | None = None
        self._sizes: list[int] = []
        self._spool: IO[bytes]

    def __enter__(self) -> Self:
        with output_errors(self._path):
            self._spool = tempfile.TemporaryFile(prefix=".nanosieve-", dir=self._path.parent)
        return self

    def append(self, frame: np.ndarray) -> None:
        """Add the next ``(y, x)`` frame.

        Raises
        ------
        UsageError
            If its shape is not that of the first frame, or its values are out of range.
        OutputError
            If it cannot be stored.
        """
        frame = np.asarray(frame)
        if frame.ndim != 2 or self._shape not in (None, frame.shape):
            expected = "(y, x)" if self._shape is None else str(self._shape)
            raise UsageError(f"frame {len(self._sizes)} must be {expected}, got {frame.shape}")
        self._shape = (frame.shape[0], frame.shape[1])
        packed = zlib.compress(self._store(frame).tobytes(), 1)
        with output_errors(self._path):
            self._spool.write(packed)
        self._sizes.append(len(packed))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._spool.close()

    def _finish(self) -> None:
        if self._shape is None:
            raise UsageError(f"no frame was given for {self._path}")
        write_tiff(
            self._path,
            self._frames(),
            (len(self._sizes), *self._shape),
            self._dtype(),
            calibration=self._calibration,
            history=self._history,
        )

    def _frames(self) -> Iterator[np.ndarray]:
        assert self._shape is not None
        self._spool.seek(0)
        for size in self._sizes:
            unpacked = zlib.decompress(self._spool.read(size))
            yield np.frombuffer(unpacked, self._spool_dtype).reshape(self._shape)

    _spool_dtype: np.dtype

    def _store(self, frame: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _dtype(self) -> np.dtype:
        raise NotImplementedError


class LabelWriter(_StackWriter):
    """Write the labels of a movie frame by frame; the same file as `write_labels` makes.

    Nothing is at ``path`` before the end of the ``with`` block, nor after it if it failed.

    Parameters
    ----------
    path, calibration, history
        As in `write_labels`.

    Raises
    ------
    UsageError
        If no frame was given.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.tif"
    ...     with LabelWriter(path, Calibration()) as writer:
    ...         for frame in np.ones((3, 4, 5), np.int32):
    ...             writer.append(frame)
    ...     read_labels(path)[0].shape
    (3, 4, 5)
    """

    _spool_dtype = np.dtype("<u4")
    _largest = 0

    def _store(self, frame: np.ndarray) -> np.ndarray:
        self._largest = max(self._largest, _largest(frame))
        return frame.astype(self._spool_dtype, copy=False)

    def _dtype(self) -> np.dtype:
        return _label_dtype(self._largest)


class ProbabilityWriter(_StackWriter):
    """Write the probability of a movie frame by frame; the same file as `write_probability`."""

    _spool_dtype = np.dtype("u1")

    def _store(self, frame: np.ndarray) -> np.ndarray:
        if not (frame.min() >= 0 and frame.max() <= 1):
            raise UsageError(
                f"a probability lies in 0 to 1, got {frame.min()} to {frame.max()} "
                f"in frame {len(self._sizes)}"
            )
        return np.rint(np.asarray(frame, np.float32) * 255).astype(np.uint8)

    def _dtype(self) -> np.dtype:
        return self._spool_dtype


class ClassWriter(_StackWriter):
    """Write the classes of pixels of a still or a movie, 8 bits, their names in the description.

    Parameters
    ----------
    names
        Of the values, from 0.
    path, calibration, history
        As in `write_labels`.

    Raises
    ------
    UsageError
        If there are more names than 8 bits hold, or a value has none.
    OutputError
        If the file cannot be written.
    """

    _spool_dtype = np.dtype("u1")

    def __init__(
        self,
        path: str | Path,
        names: Sequence[str],
        calibration: Calibration,
        *,
        history: Sequence[Step] = (),
    ) -> None:
        if len(names) > 256:
            raise UsageError(f"a class image holds up to 256 classes, got {len(names)}")
        step = Step("classes", {str(value): name for value, name in enumerate(names)}, __version__)
        super().__init__(path, calibration, history=[*history, step])
        self._n = len(names)

    def _store(self, frame: np.ndarray) -> np.ndarray:
        if frame.dtype != self._spool_dtype or int(frame.max()) >= self._n:
            raise UsageError(
                f"classes are 8-bit values below {self._n}, got {frame.dtype} up to {frame.max()}"
            )
        return frame

    def _dtype(self) -> np.dtype:
        return self._spool_dtype


def _largest(labels: np.ndarray) -> int:
    if labels.dtype.kind not in "iub":
        raise UsageError(f"labels must be integers, got {labels.dtype}")
    if labels.dtype.kind == "i" and labels.min() < 0:
        raise UsageError(f"labels start at 0 (background), got {labels.min()}")
    largest = int(labels.max())
    if largest >= 2**32:
        raise UsageError(f"labels must fit in 32 bits, got {largest}")
    return largest


def _label_dtype(largest: int) -> np.dtype:
    return np.dtype(np.uint16 if largest <= LARGEST_UINT16 else np.uint32)


def read_labels(path: str | Path) -> tuple[np.ndarray, Calibration]:
    """Read a label image made or corrected elsewhere, and its pixel size.

    Parameters
    ----------
    path
        TIFF (ImageJ, OME, plain; integers, or floats with whole values) or PNG (8 or 16 bits).

    Returns
    -------
    labels
        ``(y, x)`` or ``(t, y, x)`` int32; 0 is background, the other values as they are in the
        file, with gaps where it has gaps.
    calibration
        As `nanosieve.files.read.read` finds it; unknown where the file states none.

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
    ...     path = Path(folder) / "labels.tif"
    ...     write_labels(path, np.eye(3, dtype=np.int32), Calibration(0.5, "file"))
    ...     labels, calibration = read_labels(path)
    >>> labels.sum(), calibration.pixel_size_nm
    (np.int64(3), 0.5)
    """
    from nanosieve.files.read import read

    labels = read_label_pixels(path)
    return labels, read(path, keep_anisotropic=True).calibration
