"""Label images keep every label and the pixel size, for us and for the libraries users have."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from nanosieve.core.errors import FailedInput, OutputError, RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration, Step
from nanosieve.files import tiff_writer
from nanosieve.files.label_pixels import label_shape, read_label_pixels
from nanosieve.files.labels import (
    LabelWriter,
    ProbabilityWriter,
    read_labels,
    write_labels,
    write_probability,
)
from nanosieve.files.read import read
from nanosieve.files.tiff_writer import write_tiff

UNKNOWN = Calibration()
NM = Calibration(0.1276, "file")
STILL = np.array([[0, 0, 7, 7], [1, 0, 7, 7], [1, 0, 0, 300]])
MOVIE = np.stack([STILL, STILL[::-1], STILL * 2])
MANY = STILL * 1000


def calibrations() -> st.SearchStrategy[Calibration]:
    sizes = st.floats(1e-3, 1e5)
    return st.none().map(lambda _: UNKNOWN) | sizes.map(lambda nm: Calibration(nm, "file"))


def label_arrays() -> st.SearchStrategy[np.ndarray]:
    shapes = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)
    values = st.integers(0, 5) | st.integers(65_530, 65_540) | st.just(2**31 - 1)
    return hnp.arrays(np.int64, shapes, elements=values)


@given(labels=label_arrays(), calibration=calibrations())
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray, calibration: Calibration
) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.tif"
    write_labels(path, labels, calibration)
    back, found = read_labels(path)
    # A movie of one frame is a still in ImageJ's and OME's eyes.
    expected = labels[0] if labels.ndim == 3 and len(labels) == 1 else labels
    np.testing.assert_array_equal(back, expected)
    assert back.dtype == np.int32
    if calibration.pixel_size_nm is None:
        assert found == UNKNOWN
    else:
        assert found.source == "file"
        assert found.pixel_size_nm == pytest.approx(calibration.pixel_size_nm, rel=1e-6)


@pytest.mark.parametrize("labels", [STILL, MOVIE, MANY, MOVIE * 1000])
def test_our_reader_finds_the_pixel_size(tmp_path: Path, labels: np.ndarray) -> None:
    write_labels(tmp_path / "labels.tif", labels, NM)
    micrograph = read(tmp_path / "labels.tif")
    assert micrograph.calibration.pixel_size_nm == pytest.approx(0.1276, rel=1e-9)
    assert micrograph.calibration.source == "file"
    assert micrograph.is_movie == (labels.ndim == 3)
    np.testing.assert_array_equal(np.squeeze(np.stack(list(micrograph))), labels)


@pytest.mark.parametrize("labels", [STILL, MOVIE, MANY, MOVIE * 1000])
@pytest.mark.parametrize("calibration", [NM, UNKNOWN])
def test_rosettasciio_finds_the_pixel_size(
    tmp_path: Path, labels: np.ndarray, calibration: Calibration
) -> None:
    from rsciio.tiff import file_reader

    write_labels(tmp_path / "labels.tif", labels, calibration)
    [signal] = file_reader(str(tmp_path / "labels.tif"))
    np.testing.assert_array_equal(signal["data"], labels)
    expected = (1.0, None) if calibration is UNKNOWN else (0.1276, "nm")
    for axis in signal["axes"][-2:]:
        assert (axis["scale"], axis["units"]) == (pytest.approx(expected[0]), expected[1])


def test_imagej_finds_unit_resolution_and_frames(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.tif", MOVIE, NM)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tif:
        metadata = tif.imagej_metadata
        page = tif.pages.first
        assert metadata is not None
        assert metadata["unit"] == "nm"
        assert metadata["frames"] == 3
        # ImageJ reads a movie as one block from the first page on.
        assert page.compression == 1
        assert tif.series[0].dataoffset is not None
        pixels, length = page.tags["XResolution"].value
        assert length / pixels == pytest.approx(0.1276)
        assert tif.series[0].dtype == np.uint16


def test_ome_states_nm(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.tif", MANY, NM)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tif:
        assert tif.ome_metadata is not None
        assert 'PhysicalSizeX="0.1276" PhysicalSizeXUnit="nm"' in tif.ome_metadata
        assert tif.series[0].dtype == np.uint32


@pytest.mark.parametrize("labels", [STILL, MANY])
def test_an_unknown_pixel_size_is_not_made_up(tmp_path: Path, labels: np.ndarray) -> None:
    write_labels(tmp_path / "labels.tif", labels, UNKNOWN)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tif:
        page = tif.pages.first
        assert "unit" not in (tif.imagej_metadata or {})
        assert "PhysicalSize" not in (tif.ome_metadata or "")
        assert page.tags["XResolution"].value == (1, 1)
        assert page.tags["ResolutionUnit"].value == 1


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_sixteen_bits_as_long_as_they_hold(tmp_path: Path, largest: int, dtype: type) -> None:
    labels = np.array([[0, largest]])
    write_labels(tmp_path / "labels.tif", labels, UNKNOWN)
    with LabelWriter(tmp_path / "movie.tif", UNKNOWN) as writer:
        writer.append(np.array([[1, 2]]))
        writer.append(labels)
    for name in ("labels.tif", "movie.tif"):
        back = tifffile.imread(tmp_path / name)
        assert back.dtype == dtype
        assert back.max() == largest


@pytest.mark.parametrize("labels", [MOVIE, MOVIE * 1000])
def test_frame_by_frame_gives_the_same_bytes(tmp_path: Path, labels: np.ndarray) -> None:
    history = [Step("segment", {"method": "hybrid", "smoothing": 1.5}, "0.1.0")]
    whole, frames = tmp_path / "a" / "labels.tif", tmp_path / "b" / "labels.tif"
    whole.parent.mkdir()
    frames.parent.mkdir()
    write_labels(whole, labels, NM, history=history)
    with LabelWriter(frames, NM, history=history) as writer:
        for frame in labels:
            writer.append(frame)
        assert list(frames.parent.iterdir()) == []
    assert whole.read_bytes() == frames.read_bytes()
    assert b"hybrid" in whole.read_bytes().replace(b"\0", b"")


def test_a_large_image_is_not_copied(tmp_path: Path) -> None:
    labels = np.zeros((2048, 2048), np.int32)
    labels[::7, ::5] = 1
    tracemalloc.start()
    write_labels(tmp_path / "labels.tif", labels, NM)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < labels.nbytes / 3
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, int), r"labels must be \(y, x\) or \(t, y, x\), got shape \(3,\)"),
        (np.zeros((0, 3), int), r"got shape \(0, 3\)"),
        (np.zeros((2, 2)), "labels must be integers, got float64"),
        (-np.ones((2, 2), int), "labels start at 0"),
        (np.full((2, 2), 2**32), "labels must fit in 32 bits, got 4294967296"),
    ],
)
def test_what_is_no_label_image_is_not_written(
    tmp_path: Path, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        write_labels(tmp_path / "labels.tif", labels, NM)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_a_movie_have_one_shape(tmp_path: Path) -> None:
    def fail() -> None:
        with LabelWriter(tmp_path / "labels.tif", NM) as writer:
            writer.append(STILL)
            writer.append(STILL.T)

    with pytest.raises(UsageError, match=r"frame 1 must be \(3, 4\), got \(4, 3\)"):
        fail()
    with (
        pytest.raises(UsageError, match=r"frame 0 must be \(y, x\), got \(3, 3, 4\)"),
        LabelWriter(tmp_path / "labels.tif", NM) as writer,
    ):
        writer.append(MOVIE)
    assert list(tmp_path.iterdir()) == []


def test_a_movie_without_frames_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="no frame was given for"),
        LabelWriter(tmp_path / "labels.tif", NM),
    ):
        pass


def test_a_writer_needs_its_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="make the folder"),
        LabelWriter(tmp_path / "nowhere" / "labels.tif", NM),
    ):
        pass


def test_tiff_has_no_64_bit_integers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="int64 cannot be stored as TIFF; convert"):
        write_tiff(tmp_path / "a.tif", [STILL], (1, 3, 4), np.int64, calibration=NM)


# Probability


def test_probability_is_eight_bits_with_its_pixel_size(tmp_path: Path) -> None:
    probability = np.array([[0.0, 0.5, 1.0], [0.25, 0.501, 0.999]], np.float32)
    write_probability(tmp_path / "probability.tif", probability, NM)
    back = tifffile.imread(tmp_path / "probability.tif")
    np.testing.assert_array_equal(back, [[0, 128, 255], [64, 128, 255]])
    assert back.dtype == np.uint8
    found = read(tmp_path / "probability.tif").calibration
    assert found.pixel_size_nm == pytest.approx(0.1276)


def test_probability_of_a_movie_is_appended(tmp_path: Path) -> None:
    movie = np.linspace(0, 1, 24).reshape(2, 3, 4)
    write_probability(tmp_path / "a.tif", movie, NM)
    with ProbabilityWriter(tmp_path / "b.tif", NM) as writer:
        for frame in movie:
            writer.append(frame)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    back = tifffile.imread(tmp_path / "a.tif")
    np.testing.assert_allclose(back / 255, movie, atol=0.5 / 255 + 1e-9)


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_probability_lies_between_0_and_1(tmp_path: Path, value: float) -> None:
    with pytest.raises(UsageError, match=r"a probability lies in 0 to 1, got .* in frame 0"):
        write_probability(tmp_path / "p.tif", np.array([[0.5, value]]), NM)
    with pytest.raises(UsageError, match=r"probability must be \(y, x\) or \(t, y, x\)"):
        write_probability(tmp_path / "p.tif", np.array([0.5]), NM)
    assert list(tmp_path.iterdir()) == []


# Labels made elsewhere


def save_tiff(dtype: Any, **options: Any) -> Callable[[Path, np.ndarray], None]:
    return lambda path, labels: tifffile.imwrite(path, labels.astype(dtype), **options)


def save_png(dtype: Any) -> Callable[[Path, np.ndarray], None]:
    return lambda path, labels: Image.fromarray(labels.astype(dtype)).save(path)


def save_palette(path: Path, labels: np.ndarray) -> None:
    picture = Image.fromarray(labels.astype(np.uint8), "L").convert("P")
    picture.putdata(labels.ravel().tolist())
    picture.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    picture.save(path)


def save_glasbey(path: Path, labels: np.ndarray) -> None:
    colours = np.random.default_rng(0).integers(0, 65_536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, labels.astype(np.uint8), photometric="palette", colormap=colours)


SMALL = np.minimum(STILL, 9)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("imagej.tif", save_tiff(np.uint16, imagej=True)),
        ("imagej-float.tif", save_tiff(np.float32, imagej=True)),
        ("napari.tif", save_tiff(np.int64, compression="zlib")),
        ("napari32.TIF", save_tiff(np.int32)),
        ("qupath.ome.tif", save_tiff(np.uint8, ome=True, tile=(16, 16))),
        ("big-endian.tiff", save_tiff(np.uint16, byteorder=">")),
        ("lut.tif", save_glasbey),
        ("grey8.png", save_png(np.uint8)),
        ("grey16.png", save_png(np.uint16)),
        ("palette.png", save_palette),
    ],
)
def test_labels_of_other_programs(
    tmp_path: Path, name: str, save: Callable[[Path, np.ndarray], None]
) -> None:
    save(tmp_path / name, SMALL)
    back, calibration = read_labels(tmp_path / name)
    np.testing.assert_array_equal(back, SMALL)
    assert back.dtype == np.int32
    assert calibration == UNKNOWN
    assert label_shape(tmp_path / name) == SMALL.shape


def test_a_stack_corrected_in_napari_is_a_movie(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "labels.tif", MOVIE.astype(np.int32), photometric="minisblack")
    back, _ = read_labels(tmp_path / "labels.tif")
    np.testing.assert_array_equal(back, MOVIE)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.array([[0, 0.5]], np.float32), "labels are whole numbers, this holds fractions or NaN"),
        (np.array([[0, np.nan]], np.float32), "this holds fractions or NaN"),
        (np.array([[0, -1]], np.int16), r"labels start at 0 \(background\), this holds -1"),
        (np.array([[0, 2**31]], np.uint32), "labels go up to 2147483647, this holds 2147483648"),
        (np.array([[0, 1j]], np.complex64), "labels are whole numbers, this holds complex64"),
        (np.zeros((2, 2, 5, 5), np.uint8), r"this has \(2, 2, 5, 5\)"),
    ],
)
def test_tiffs_that_are_no_labels(tmp_path: Path, pixels: np.ndarray, message: str) -> None:
    path = tmp_path / "mine.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    with pytest.raises(RefusedInput, match=message) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mine.tif", "mine.png"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colour_is_refused_by_name(tmp_path: Path, name: str, samples: int) -> None:
    pixels = np.zeros((5, 5, samples), np.uint8)
    if name.endswith("png"):
        Image.fromarray(pixels).save(tmp_path / name)
    else:
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb")
    with pytest.raises(RefusedInput, match=rf"{name}: is a colour \(RGB\) picture"):
        read_labels(tmp_path / name)


def test_a_tiff_of_several_images_is_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "mine.tif") as writer:
        writer.write(np.zeros((3, 4), np.uint8))
        writer.write(np.zeros((5, 6), np.uint8))
    with pytest.raises(RefusedInput, match="holds 2 images of different kinds; save the labels"):
        read_labels(tmp_path / "mine.tif")


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match=r"label images are .tif, .tiff or .png, not '.jpg'"):
        read_labels(tmp_path / "mine.jpg")


@pytest.mark.parametrize("name", ["mine.tif", "mine.png"])
def test_a_missing_file_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(FailedInput, match=rf"{name}: cannot be read: No such file or directory$"):
        read_label_pixels(tmp_path / name)


@pytest.mark.parametrize("name", ["mine.tif", "mine.png"])
@pytest.mark.parametrize("keep", [0, 10, 40])
def test_broken_files_fail_in_one_line(tmp_path: Path, name: str, keep: int) -> None:
    path = tmp_path / name
    if name.endswith("png"):
        Image.fromarray(np.zeros((50, 50), np.uint16)).save(path)
    else:
        write_labels(path, np.zeros((50, 50), int), NM)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FailedInput, match="cannot be read as a label image: ") as caught:
        read_label_pixels(path)
    assert "\n" not in str(caught.value)


@given(position=st.integers(0, 2000), value=st.integers(0, 255), png=st.booleans())
def test_flipped_bytes_never_escape(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, png: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"flipped.{'png' if png else 'tif'}"
    labels = np.arange(400).reshape(20, 20)
    if png:
        Image.fromarray(labels.astype(np.uint16)).save(path)
    else:
        write_labels(path, labels, NM)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(data)
    with suppress(FailedInput, RefusedInput):
        assert read_label_pixels(path).dtype == np.int32


@pytest.mark.parametrize("name", ["mine.tif", "mine.png"])
def test_a_header_that_declares_too_much_fails_before_memory_is_taken(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    wide = (60_000).to_bytes(4, "big" if name.endswith("png") else "little")
    if name.endswith("png"):
        Image.fromarray(np.zeros((50, 50), np.uint8)).save(path)
        data = bytearray(path.read_bytes())
        data[16:24] = wide * 2
        path.write_bytes(data)
    else:
        tifffile.imwrite(path, np.zeros((50, 50), np.uint8), compression="zlib", metadata=None)
        with tifffile.TiffFile(path) as tif:
            tags = tif.pages.first.tags
            places = [tags[code].offset + 8 for code in ("ImageWidth", "ImageLength")]
        data = bytearray(path.read_bytes())
        for place in places:
            data[place - 6 : place + 4] = b"\4\0\1\0\0\0" + wide
        path.write_bytes(data)
    with pytest.raises(FailedInput, match="its header declares a frame of"):
        read_label_pixels(path)


@pytest.mark.parametrize("labels", [MOVIE, MOVIE * 1000])
def test_beyond_four_gigabytes(
    tmp_path: Path, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The limit is lowered instead of the movie made so large.
    monkeypatch.setattr(tiff_writer, "_LIMIT", 10)
    write_labels(tmp_path / "labels.tif", labels, NM)
    with tifffile.TiffFile(tmp_path / "labels.tif") as tif:
        # ImageJ: one directory, one block. OME: offsets of 64 bits.
        assert (len(tif.pages), tif.is_bigtiff) == ((1, False) if tif.is_imagej else (3, True))
    back, calibration = read_labels(tmp_path / "labels.tif")
    np.testing.assert_array_equal(back, labels)
    assert calibration.pixel_size_nm == pytest.approx(0.1276)
