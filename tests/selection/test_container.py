"""The file of a packed micrograph: what goes in comes out, and damage is told in one line."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nanosieve.core.errors import FailedInput, OutputError
from nanosieve.selection.packing import container
from nanosieve.selection.packing.coarse import coarsened, exact_pixels
from nanosieve.selection.packing.container import PackedFrame, open_packed, write_packed

ABOUT = {"name": "a", "pixel_size_nm": 0.25, "metadata": {"µ": [1, "Å", None]}}


def write(path: Path, stack: np.ndarray | None = None, **about) -> Path:
    """Pack a movie whose left half is wanted."""
    if stack is None:
        stack = np.random.default_rng(0).integers(0, 4000, (2, 9, 12)).astype(np.uint16)
    wanted = np.broadcast_to(np.arange(stack.shape[2]) < 6, stack.shape[1:])
    frames = (PackedFrame(coarsened(one, wanted, 4), wanted, wanted) for one in stack)
    write_packed(path, frames, stack.shape, stack.dtype, lambda: ABOUT | about)
    return path


def frames(path: Path) -> list[PackedFrame]:
    with open_packed(path) as packed:
        return list(packed)


@settings(max_examples=30)
@given(
    st.data(), st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    st.integers(0, 3), st.sampled_from([None, 2, 8]),
)  # fmt: skip
def test_wanted_pixels_come_back_bit_by_bit(tmp_path, data, dtype, margin, block):
    shape = data.draw(arrays.array_shapes(min_dims=3, max_dims=3, max_side=9))
    stack = data.draw(arrays.arrays(dtype, shape))
    masks = data.draw(arrays.arrays(bool, shape))
    exacts = [exact_pixels(*pair, margin) for pair in zip(stack, masks, strict=True)]
    packed = (
        PackedFrame(coarsened(image, exact, block), mask, exact)
        for image, mask, exact in zip(stack, masks, exacts, strict=True)
    )
    path = tmp_path / "a.packed.h5"
    about = write_packed(path, packed, shape, stack.dtype, lambda: ABOUT)
    found = frames(path)
    for frame, image, mask, exact in zip(found, stack, masks, exacts, strict=True):
        assert frame.image.dtype == stack.dtype
        assert frame.image[mask].tobytes() == image[mask].tobytes()
        assert frame.image[exact].tobytes() == image[exact].tobytes()
        assert np.array_equal(frame.wanted, mask)
        assert np.array_equal(frame.exact, exact)
    assert about["wanted_share"] == masks.mean()
    assert about["exact_share"] == np.mean(exacts)


def test_what_is_said_of_it_comes_back(tmp_path):
    path = write(tmp_path / "a.packed.h5")
    with open_packed(path) as packed:
        assert packed.about == ABOUT | {"wanted_share": 0.5, "exact_share": 0.5}
        assert packed.shape == (2, 9, 12)
        assert packed.dtype == np.uint16


def test_any_hdf5_reader_opens_it(tmp_path):
    path = write(tmp_path / "a.packed.h5")
    with h5py.File(path) as file:
        assert sorted(file) == ["about", "exact", "image", "mask"]
        assert file["image"].attrs["pixel_size_nm"] == 0.25
        assert np.array_equal(file["image"][1], frames(path)[1].image)
        assert json.loads(bytes(file["about"][()]))["name"] == "a"
    assert path.read_bytes().startswith(b"nanosieve packed micrograph\nformat 1\nbytes ")
    with h5py.File(write(tmp_path / "b.packed.h5", pixel_size_nm=None)) as file:
        assert not file["image"].attrs


def test_equal_input_gives_equal_bytes(tmp_path):
    one, other = write(tmp_path / "a.packed.h5"), write(tmp_path / "b.packed.h5")
    assert one.read_bytes() == other.read_bytes()


def test_constant_rest_costs_next_to_nothing(tmp_path):
    stack = np.random.default_rng(0).integers(0, 4000, (1, 256, 256)).astype(np.uint16)
    nothing = np.zeros(stack.shape[1:], bool)
    frame = PackedFrame(coarsened(stack[0], nothing, None), nothing, nothing)
    path = tmp_path / "a.packed.h5"
    write_packed(path, [frame], stack.shape, stack.dtype, lambda: ABOUT)
    assert path.stat().st_size < stack.nbytes / 40


@given(st.data())
def test_truncated_files_are_refused(tmp_path, data):
    path = tmp_path / "a.packed.h5"
    whole = write(path).read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(FailedInput, match=r"a\.packed\.h5: truncated.*; copy it again"):
        frames(path)


def test_a_truncated_file_says_how_much_is_missing(tmp_path):
    path = write(tmp_path / "a.packed.h5")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    message = f"truncated, {len(whole) - 100} bytes where {len(whole)} were written; copy it again"
    with pytest.raises(FailedInput, match=message):
        frames(path)


@settings(max_examples=150)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(tmp_path, data):
    path = tmp_path / "a.packed.h5"
    whole = bytearray(write(path).read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 120))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(
        FailedInput, match=r"a\.packed\.h5: (damaged|not a|truncated|packed in)"
    ) as e:
        frames(path)
    assert "\n" not in str(e.value)


def test_bytes_after_the_end_are_noticed(tmp_path):
    path = write(tmp_path / "a.packed.h5")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(FailedInput, match="damaged, its checksum is not that of its content"):
        frames(path)


@pytest.mark.parametrize("content", [b"II*\0 and so on", b"x" * 2000])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(FailedInput, match=r"a\.tif: not a packed micrograph; give what nanosieve"):
        frames(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FailedInput, match=r"none\.packed\.h5: no such file; check the path"):
        frames(tmp_path / "none.packed.h5")
    with pytest.raises(FailedInput, match="cannot be read: Is a directory"):
        frames(tmp_path)


def test_a_newer_format_asks_for_a_newer_nanosieve(tmp_path, monkeypatch):
    path = tmp_path / "a.packed.h5"
    monkeypatch.setattr(container, "FORMAT", 2)
    write(path)
    monkeypatch.undo()
    with pytest.raises(FailedInput, match="packed in format 2, this nanosieve reads up to 1;"):
        frames(path)


@pytest.mark.parametrize("change", ["exact", "about", "shape", "json"])
def test_a_file_of_another_make_is_one_line(tmp_path, change):
    path = write(tmp_path / "a.packed.h5")
    with h5py.File(path, "r+") as file:
        if change == "shape":
            del file["mask"]
            file["mask"] = np.zeros((3, 3), np.uint8)
        else:
            del file["about" if change == "json" else change]
        if change == "json":
            file["about"] = np.frombuffer(b"{", np.uint8)
    with path.open("r+b") as file:
        size, digest = container._measured(file)
        file.seek(0)
        file.write(container._preamble(size, digest))
    with pytest.raises(FailedInput, match=r"a\.packed\.h5: not as nanosieve pack writes it \("):
        frames(path)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("file write failed: No space left on device")

    monkeypatch.setattr(container, "_write_hdf5", full)
    with pytest.raises(OutputError, match=r"cannot write .*No space left on device; free some"):
        write(tmp_path / "a.packed.h5")
    assert list(tmp_path.iterdir()) == []
