"""The file of a packed micrograph: HDF5 behind 512 bytes that tell whether it is whole.

`docs/reference/packed-files.md` describes it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nanosieve.batch.store import to_json
from nanosieve.core.errors import FailedInput, OutputError
from nanosieve.files.atomic import atomic_path
from nanosieve.files.found import check_declared

SUFFIX = ".packed.h5"
FORMAT = 1
_MAGIC = b"nanosieve packed micrograph\n"
_PREAMBLE = 512
_CHUNK_BYTES = 1 << 20
_LEVEL = 6


class DamagedInput(FailedInput):
    """A packed micrograph of which a part is missing or changed: nothing can be had back."""


class PackedFrame(NamedTuple):
    """``(y, x)`` pixels, and bool: which were wanted, and which are exactly the original's."""

    image: np.ndarray
    wanted: np.ndarray
    exact: np.ndarray


@dataclass(frozen=True)
class Packed:
    """A packed micrograph, open for reading.

    Parameters
    ----------
    about
        What stands in the file besides pixels.
    shape, dtype
        ``(t, y, x)`` and the original dtype.
    """

    path: Path
    about: Mapping[str, Any]
    shape: tuple[int, int, int]
    dtype: np.dtype
    _file: Any

    def __iter__(self) -> Iterator[PackedFrame]:
        for index in range(self.shape[0]):
            with _readable(self.path):
                image, wanted, exact = (
                    self._file[name][index] for name in ("image", "mask", "exact")
                )
            yield PackedFrame(image, wanted != 0, exact != 0)


def write_packed(
    path: Path,
    frames: Iterable[PackedFrame],
    shape: tuple[int, int, int],
    dtype: np.dtype,
    about: Callable[[], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """Write a packed micrograph, whole or not at all; equal input gives equal bytes.

    Parameters
    ----------
    path
        File to write.
    frames
        ``t`` frames, taken one at a time.
    shape, dtype
        ``(t, y, x)`` and the dtype of the pixels.
    about
        Gives plain values, asked for once the frames are written; ``pixel_size_nm`` among them.

    Returns
    -------
    mapping
        These values, ``wanted_share`` and ``exact_share`` added.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(path) as temporary:
        try:
            whole = _write_hdf5(temporary, frames, shape, dtype, about)
        except RuntimeError as error:  # HDF5's word for a disk that is full as it closes a file
            raise OutputError(
                f"cannot write {path}: {error}; free some space or choose another -o"
            ) from error
        with temporary.open("r+b") as file:
            size, digest = _measured(file)
            file.seek(0)
            file.write(_preamble(size, digest))
    return whole


@contextmanager
def open_packed(path: Path) -> Iterator[Packed]:
    """Open a packed micrograph once it has proved to be whole.

    Raises
    ------
    FailedInput
        If it is missing, no packed micrograph, or of another format; `DamagedInput` if it is
        truncated or changed.
    """
    import h5py

    check_whole(path)
    with _readable(path):
        file = h5py.File(path, "r")
    with file:
        with _readable(path):
            image, about = file["image"], json.loads(bytes(file["about"][()]))
            shape = image.shape
            if not (len(shape) == 3 and file["mask"].shape == file["exact"].shape == shape):
                raise ValueError("image, mask and exact differ in shape")
            check_declared(
                path, int(np.prod(shape[1:])) * image.dtype.itemsize, path.stat().st_size
            )
        yield Packed(path, about, shape, image.dtype, file)


def check_whole(path: Path) -> None:
    """Compare a packed micrograph with the length and checksum that it was written with.

    Raises
    ------
    FailedInput
        As `open_packed`.
    """
    name = path.name
    again = "copy it again from its source"
    try:
        with path.open("rb") as file:
            head = file.read(_PREAMBLE)
            size, digest = _measured(file) if len(head) == _PREAMBLE else (len(head), "")
    except FileNotFoundError as error:
        raise FailedInput(f"{name}: no such file; check the path") from error
    except OSError as error:
        raise FailedInput(f"{name}: cannot be read: {error.strerror or error}") from error
    if not head.startswith(_MAGIC) and not (len(head) < len(_MAGIC) and _MAGIC.startswith(head)):
        raise FailedInput(f"{name}: not a packed micrograph; give what nanosieve pack wrote")
    fields = _fields(head)
    if len(head) < _PREAMBLE:
        raise DamagedInput(f"{name}: truncated to {len(head)} bytes; {again}")
    if fields.get("format", "").isdecimal() and int(fields["format"]) > FORMAT:
        raise FailedInput(
            f"{name}: packed in format {fields['format']}, this nanosieve reads up to {FORMAT}; "
            "install a newer one"
        )
    declared = fields.get("bytes", "")
    if declared.isdecimal() and size < int(declared):
        raise DamagedInput(
            f"{name}: truncated, {size} bytes where {int(declared)} were written; {again}"
        )
    if fields != _fields(_preamble(size, digest)):
        raise DamagedInput(f"{name}: damaged, its checksum is not that of its content; {again}")


def _write_hdf5(
    path: Path,
    frames: Iterable[PackedFrame],
    shape: tuple[int, int, int],
    dtype: np.dtype,
    about: Callable[[], Mapping[str, Any]],
) -> Mapping[str, Any]:
    import h5py

    counts = np.zeros(2, np.int64)
    # The layout of HDF5 1.10 (2016) on: older ones spend 14 kB before the first pixel.
    with h5py.File(path, "w", userblock_size=_PREAMBLE, libver=("v110", "v110")) as file:
        image = _dataset(file, "image", shape, dtype)
        mask, kept = (_dataset(file, name, shape, np.dtype("u1")) for name in ("mask", "exact"))
        for index, frame in enumerate(frames):
            image[index], mask[index], kept[index] = frame
            counts += np.count_nonzero(frame.wanted), np.count_nonzero(frame.exact)
        shares = counts / np.prod(shape)
        whole = {**about(), "wanted_share": float(shares[0]), "exact_share": float(shares[1])}
        if whole["pixel_size_nm"] is not None:
            image.attrs["pixel_size_nm"] = float(whole["pixel_size_nm"])
        text = to_json(whole).encode("utf-8", "backslashreplace")
        file.create_dataset(
            "about", data=np.frombuffer(text, np.uint8), chunks=(len(text),),
            compression="gzip", compression_opts=_LEVEL,
        )  # fmt: skip
    return whole


def _dataset(file: Any, name: str, shape: tuple[int, int, int], dtype: np.dtype) -> Any:
    rows = max(1, min(shape[1], _CHUNK_BYTES // (shape[2] * dtype.itemsize)))
    return file.create_dataset(
        name, shape, dtype, chunks=(1, rows, shape[2]), shuffle=dtype.itemsize > 1,
        compression="gzip", compression_opts=_LEVEL,
    )  # fmt: skip


def _measured(file: Any) -> tuple[int, str]:
    """Bytes of a file, and the checksum of those after the preamble."""
    file.seek(_PREAMBLE)
    digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    return file.seek(0, 2), digest


def _preamble(size: int, digest: str) -> bytes:
    text = _MAGIC + f"format {FORMAT}\nbytes {size}\nblake2b {digest}\n".encode("ascii")
    return text.ljust(_PREAMBLE, b"\0")


def _fields(head: bytes) -> dict[str, str]:
    """Words and values of a preamble, and what is not as it must be under no word."""
    lines = head.removeprefix(_MAGIC).decode("ascii", "replace").split("\n")
    return dict(line.partition(" ")[::2] for line in lines)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FailedInput:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise FailedInput(
            f"{path.name}: not as nanosieve pack writes it ({reason}); pack its source again"
        ) from error
