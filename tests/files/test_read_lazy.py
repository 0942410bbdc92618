"""One frame is read at a time, nothing stays open, and a reader can travel to another process."""

import gc
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import tifffile
from read_samples import picture, write_all, write_berkeley, write_mrc, write_ser

from nanosieve.core.errors import FailedInput
from nanosieve.files.read import read

FRAMES, SIDE = 40, 512
FRAME_BYTES = SIDE * SIDE * 2


def _mrc(folder: Path, data: np.ndarray) -> Path:
    write_mrc(folder / "a.mrc", data)
    return folder / "a.mrc"


def _ser(folder: Path, data: np.ndarray) -> Path:
    write_ser(folder / "a.ser", data)
    return folder / "a.ser"


def _berkeley(folder: Path, data: np.ndarray) -> Path:
    write_berkeley(folder / "a.emd", data, names=("time", "y", "x"))
    return folder / "a.emd"


def _velox(folder: Path, data: np.ndarray) -> Path:
    """Velox keeps (y, x, frame), a chunk a frame."""
    metadata = (
        b'{"Core": {}, "BinaryResult": {"PixelSize": {"width": "2e-10", "height": "2e-10"}, '
        b'"PixelUnitX": "m", "PixelUnitY": "m", "DetectorIndex": "0", "Detector": "Ceta"}, '
        b'"Detectors": {"Detector-0": {"DetectorName": "Ceta", "ExposureTime": "0.5"}}, '
        b'"Scan": {}, "Optics": {"AccelerationVoltage": "200000", "OperatingMode": "1"}, '
        b'"Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1500000000"}}, '
        b'"Instrument": {"InstrumentModel": "Titan"}, "Stage": {}}'
    )
    with h5py.File(folder / "v.emd", "w") as file:
        file["Version"] = np.array([b'{"format": "Velox", "version": "11"}'], object)
        image = file.create_group("Data/Image/abc")
        stack = np.moveaxis(data, 0, -1)
        image.create_dataset("Data", data=stack, chunks=(*data.shape[1:], 1))
        column = np.frombuffer(metadata.ljust(4096, b"\0"), np.uint8)[:, None]
        image["Metadata"] = np.repeat(column, len(data), axis=1)
    return folder / "v.emd"


def _imagej(folder: Path, data: np.ndarray) -> Path:
    tifffile.imwrite(folder / "a.tif", data, imagej=True)
    return folder / "a.tif"


def _compressed(folder: Path, data: np.ndarray) -> Path:
    tifffile.imwrite(folder / "a.tif", data, compression="zlib", photometric="minisblack")
    return folder / "a.tif"


WRITERS = [_mrc, _ser, _berkeley, _velox, _imagej, _compressed]


@pytest.fixture(scope="module")
def movie() -> np.ndarray:
    data = np.zeros((FRAMES, SIDE, SIDE), np.uint16)
    data += np.arange(FRAMES, dtype=np.uint16)[:, None, None]
    data[:, 3, 5] = 999
    return data


@pytest.mark.parametrize("write", WRITERS)
def test_only_the_frame_asked_for_is_in_memory(
    tmp_path: Path, movie: np.ndarray, write: Callable[[Path, np.ndarray], Path]
) -> None:
    path = write(tmp_path, movie)
    read(path)  # imports and caches of the readers are not what is measured
    tracemalloc.start()
    try:
        micrograph = read(path)
        frame = micrograph.frames[FRAMES - 2]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(frame, movie[FRAMES - 2])
    assert micrograph.shape == movie.shape
    assert peak < 4 * FRAME_BYTES


def test_a_large_still_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    side = 4096
    memory = tifffile.memmap(path, shape=(side, side), dtype=np.uint16)
    memory[7, 9] = 11
    memory.flush()
    del memory
    micrograph = read(path)
    tracemalloc.start()
    try:
        frame = micrograph.frames[0]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert frame[7, 9] == 11
    assert peak < 1.1 * side * side * 2


@pytest.mark.parametrize("write", WRITERS)
def test_frames_travel_and_no_file_stays_open(
    tmp_path: Path, write: Callable[[Path, np.ndarray], Path]
) -> None:
    data = picture((3, 24, 31))
    path = write(tmp_path, data)
    micrograph = read(path)
    travelled = pickle.loads(pickle.dumps(micrograph))
    np.testing.assert_array_equal(np.stack(list(travelled)), data)
    gc.collect()
    assert path.name not in {Path(file.path).name for file in psutil.Process().open_files()}
    assert len(pickle.dumps(micrograph.frames)) < 10_000


def test_stills_leave_no_file_open(tmp_path: Path) -> None:
    files = write_all(tmp_path)
    micrographs = [read(file) for file in files.values()]
    assert all(micrograph.frames[0].size for micrograph in micrographs)
    ours = {file.name for file in files.values()}
    assert not ours & {Path(file.path).name for file in psutil.Process().open_files()}


def test_frames_are_a_sequence(tmp_path: Path) -> None:
    data = picture((3, 24, 31))
    frames = read(_mrc(tmp_path, data)).frames
    np.testing.assert_array_equal(frames[-1], data[2])
    np.testing.assert_array_equal(frames[np.int64(1)], data[1])
    with pytest.raises(IndexError):
        frames[3]


def test_a_frame_is_the_readers_own_copy(tmp_path: Path) -> None:
    frames = read(_imagej(tmp_path, picture((2, 24, 31)))).frames
    frames[0][:] = 0
    np.testing.assert_array_equal(frames[0], picture((2, 24, 31))[0])


def test_a_file_that_shrinks_after_it_was_opened(tmp_path: Path) -> None:
    path = _mrc(tmp_path, picture((3, 24, 31)))
    frames = read(path).frames
    path.write_bytes(path.read_bytes()[:-10])
    assert frames[1].shape == (24, 31)
    with pytest.raises(FailedInput, match=r"a\.mrc: truncated, it ends inside frame 2"):
        frames[2]


def test_a_file_that_vanishes_after_it_was_opened(tmp_path: Path) -> None:
    path = _compressed(tmp_path, picture((3, 24, 31)))
    frames = read(path).frames
    path.unlink()
    with pytest.raises(FailedInput, match=r"a\.tif: no such file"):
        frames[0]
