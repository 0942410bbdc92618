"""Bad input: one clear line for each, the third party's exception behind it, silence on stderr."""

import os
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from read_samples import (
    picture,
    write_all,
    write_berkeley,
    write_imagej,
    write_mrc,
    write_png,
    write_ser,
)

from nanosieve.core.errors import FailedInput, InputError, RefusedInput
from nanosieve.files import read as read_module
from nanosieve.files.guard import guarded
from nanosieve.files.read import read
from nanosieve.files.suffixes import SUFFIXES


def message(path: Path) -> str:
    """Read a file to its end and return the one line that it fails with."""
    with pytest.raises(FailedInput) as caught:
        list(read(path))
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path.name}: ")
    assert len(line) < 400
    return line


@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".zspy"}))
def test_zero_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    assert message(path) == f"{path.name}: empty (0 bytes); copy it again from its source"


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_text_under_any_suffix(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("Sample 12, grid 3, see page 40.\n" * 40)
    message(path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    "name", ["mrc", "ser", "emd", "hspy", "png", "jpg", "imagej.tif", "ome.tif", "lzw.tif"]
)
def test_truncated(tmp_path: Path, name: str, share: float) -> None:
    path = write_all(tmp_path)[name]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    if (name, share) == ("ome.tif", 0.95):  # the pixels are whole, their description is not
        micrograph = read(path)
        assert micrograph.calibration.source == "unknown"
        assert "invalid value offset" in micrograph.notes[0]
    else:
        message(path)


@pytest.mark.parametrize("name", ["clumpedAgX.dm3", "JEOL HAADF Image.dm4"])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.95])
def test_truncated_digital_micrograph(
    tmp_path: Path, shared_data: Path, name: str, share: float
) -> None:
    content = (shared_data / "formats" / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])
    message(path)


@pytest.mark.parametrize(
    ("suffix", "name", "kind"),
    [
        (".tif", "png", "PNG"),
        (".png", "imagej.tif", "TIFF"),
        (".dm3", "emd", "HDF5"),
        (".mrc", "imagej.tif", "TIFF"),
        (".ser", "jpg", "JPEG"),
        (".hspy", "mrc", "MRC"),
        (".jpg", "ser", "TIA series"),
        (".emi", "png", "PNG"),
    ],
)
def test_wrong_suffix(tmp_path: Path, suffix: str, name: str, kind: str) -> None:
    path = write_all(tmp_path)[name].rename(tmp_path / f"wrong{suffix}")
    assert f"looks like {kind}, not " in message(path)


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"%PDF-1.7", "PDF document"), (b"PK\3\4", "ZIP archive"), (b"\x1f\x8b\b", "gzip archive"),
     (b"SIMPLE  = T", "FITS"), (b"\0" * 128 + b"DICM", "DICOM")],
)  # fmt: skip
def test_things_that_are_never_read(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(head.ljust(2000, b"\0"))
    assert f"looks like {kind}" in message(path)


def test_hyperspy_content_under_the_suffix_of_emd(tmp_path: Path) -> None:
    path = write_all(tmp_path)["hspy"].rename(tmp_path / "a.emd")
    assert "neither Velox nor Berkeley" in message(path)
    path = write_all(tmp_path)["emd"].rename(tmp_path / "b.hspy")
    assert "OSError" in message(path)


def test_missing(tmp_path: Path) -> None:
    assert "no such file; check the path" in message(tmp_path / "a.tif")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    assert "a folder, not a file" in message(tmp_path / "a.tif")


def test_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_bytes(b"BM")
    assert "suffix '.bmp' is not read; give one of .dm3" in message(tmp_path / "a.bmp")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no Unix permissions here")
def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write_imagej(path, picture())
    path.chmod(0)
    if os.geteuid() == 0:  # root may read all: let the opening fail as it would for others

        def closed(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(read_module, "looks_like", closed)
    assert "no permission to read it" in message(path)


# Headers that declare more than there is


def test_mrc_that_declares_an_absurd_size(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    write_mrc(path, picture())
    content = bytearray(path.read_bytes())
    struct.pack_into("<3i", content, 0, 2**30, 2**30, 2**30)
    path.write_bytes(content)
    assert "truncated" in message(path)


@pytest.mark.parametrize("mode", [3, 16, 101])
def test_mrc_modes_that_are_not_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.mrc"
    write_mrc(path, picture())
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, 12, mode)
    path.write_bytes(content)
    assert f"MRC pixels of mode {mode} are not read" in message(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_that_declares_an_absurd_size(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), compression=compression, metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["ImageWidth"].overwrite(200_000)
        tif.pages[0].tags["ImageLength"].overwrite(200_000)
        tif.pages[0].tags["RowsPerStrip"].overwrite(200_000)
    assert "declare" in message(path)


def test_png_that_declares_an_absurd_size(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_png(path, picture())
    content = bytearray(path.read_bytes())
    struct.pack_into(">II", content, 16, 200_000, 200_000)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    path.write_bytes(content)
    assert "its header declares a frame of 74.5 GiB" in message(path)


def test_hdf5_that_declares_an_absurd_size(tmp_path: Path) -> None:
    path = tmp_path / "a.emd"
    write_berkeley(path, picture(), chunks=(8, 8), maxshape=(None, None), compression="gzip")
    with h5py.File(path, "r+") as file:
        file["data/micrograph/data"].resize((200_000, 200_000))
    assert "its header declares a frame of 74.5 GiB" in message(path)


def test_hdf5_that_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a.emd"
    write_berkeley(path, picture())
    with h5py.File(path, "r+") as file:
        group = file["data/micrograph"]
        del group["data"]
        group.create_dataset("data", shape=(24, 31), dtype="u2", chunks=(8, 8))
    assert "its image was never written" in message(path)


def test_hdf5_filter_that_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "a.emd"
    write_berkeley(path, picture())
    with h5py.File(path, "r+") as file:
        group = file["data/micrograph"]
        del group["data"]
        group.create_dataset(
            "data", shape=(24, 31), dtype="u2", chunks=(8, 8), compression=32008,
            allow_unknown_filter=True,
        )  # fmt: skip
    assert "compressed by filter 32008, which HDF5 lacks here; pip install hdf5plugin" in message(
        path
    )


def test_emd_without_an_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.emd"
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([b'{"format": "Velox", "version": "11"}'], object)
        file.create_group("Data/Spectrum")
    with pytest.raises(RefusedInput, match="spectra or tables without an image"):
        read(path)


@pytest.mark.parametrize("count", [0, 2**31])
def test_series_that_declares_an_absurd_length(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.ser"
    write_ser(path, picture((2, 24, 31)))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 18, count)
    path.write_bytes(content)
    assert ("truncated" if count else "holds no frame") in message(path)


@pytest.mark.parametrize(("place", "value"), [(8, 1), (30, 2**31)])
def test_damaged_series_header(tmp_path: Path, place: int, value: int) -> None:
    path = tmp_path / "a.ser"
    write_ser(path, picture((2, 24, 31)))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, place, value)
    path.write_bytes(content)
    assert "damaged series header" in message(path)


def test_damaged_frame_header(tmp_path: Path) -> None:
    path = tmp_path / "a.ser"
    write_ser(path, picture((1, 24, 31)))
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<Hii", 2, 31, 24))
    struct.pack_into("<H", content, place, 77)
    path.write_bytes(content)
    assert "damaged frame header" in message(path)


def test_missing_tiff_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["StripByteCounts"].overwrite(0)
    assert "its image was never written" in message(path)


# DigitalMicrograph tags


@pytest.mark.parametrize(
    "body",
    [
        # an array of structures without fields, 2^40 of them
        b"\x15\0\1a" + b"%%%%" + struct.pack(">iiiiii", 5, 20, 15, 0, 0, 2**31 - 1),
        # an array of bytes longer than the file
        b"\x15\0\1a" + b"%%%%" + struct.pack(">iiii", 3, 20, 9, 2**31 - 1),
        # a string longer than any
        b"\x15\0\1a" + b"%%%%" + struct.pack(">iii", 2, 18, 2**31 - 1),
    ],
)
def test_damaged_counts_in_tags(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "a.dm3"
    path.write_bytes(struct.pack(">iii", 3, 1000, 1) + b"\1\0" + struct.pack(">i", 1) + body)
    assert "damaged near byte" in message(path)


def test_tags_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.dm3"
    head = struct.pack(">iii", 3, 1000, 1) + b"\1\0" + struct.pack(">i", 1)
    path.write_bytes(head + (b"\x14\0\1a\1\0" + struct.pack(">i", 1)) * 20_000)
    assert "RecursionError" in message(path)


# The border to third parties


@pytest.mark.parametrize("error", [KeyError("Alpha"), RecursionError("x"), struct.error("y\nz")])
def test_any_exception_becomes_one_line_with_its_cause(error: Exception) -> None:
    with pytest.raises(FailedInput, match=type(error).__name__) as caught, guarded(Path("a.tif")):
        raise error
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


def test_lack_of_memory_is_said() -> None:
    with pytest.raises(FailedInput, match="more memory is needed"), guarded(Path("a.tif")):
        raise MemoryError


def test_interrupts_pass() -> None:
    with pytest.raises(KeyboardInterrupt), guarded(Path("a.tif")):
        raise KeyboardInterrupt


def test_readers_print_nothing_and_their_warnings_become_notes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), software="x", metadata=None)
    content = path.read_bytes()
    with tifffile.TiffFile(path) as tif:
        place = tif.pages[0].tags["Software"].offset
    # a tag whose type does not exist: tifffile logs it and goes on
    path.write_bytes(content[: place + 2] + b"\x63\0" + content[place + 4 :])
    micrograph = read(path)
    np.testing.assert_array_equal(micrograph.frames[0], picture())
    assert any("invalid data type" in note for note in micrograph.notes)
    assert capfd.readouterr() == ("", "")


def test_errors_carry_the_status_of_their_row() -> None:
    assert issubclass(FailedInput, InputError)
    assert (FailedInput.status, RefusedInput.status) == ("failed", "refused")
