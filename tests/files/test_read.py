"""Round trips: what users' libraries write comes back with its pixels, calibration and times."""

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from read_samples import (
    dm_image,
    hyperspy_signal,
    picture,
    write_all,
    write_berkeley,
    write_dm3,
    write_emi,
    write_hspy,
    write_imagej,
    write_mrc,
    write_ome,
    write_png,
    write_ser,
)

from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.files.frames import luminance
from nanosieve.files.metadata import plain
from nanosieve.files.read import READERS, read
from nanosieve.files.suffixes import FAMILY_OF_SUFFIX

IMAGE = [("y", 0.2, "nm", False), ("x", 0.2, "nm", False)]


def test_every_suffix_has_a_reader() -> None:
    assert set(FAMILY_OF_SUFFIX.values()) == set(READERS)


def test_every_format_brings_back_pixels_and_calibration(tmp_path: Path) -> None:
    for name, file in write_all(tmp_path).items():
        micrograph = read(file)
        assert micrograph.name == file.stem
        if name != "jpg":
            np.testing.assert_array_equal(micrograph.frames[0], picture(), err_msg=name)
        uncalibrated = name in ("png", "jpg", "lzw.tif")
        assert micrograph.calibration.source == ("unknown" if uncalibrated else "file")
        if not uncalibrated:
            assert micrograph.calibration.pixel_size_nm == pytest.approx(0.2, rel=1e-7)
        assert ("pixel_size_unknown" in micrograph.flags) == uncalibrated
        json.dumps(micrograph.metadata)


def test_suffix_in_capitals_and_a_name_that_is_not_ascii(tmp_path: Path) -> None:
    file = tmp_path / "Größe 5 µm – 粒子.TIF"
    write_imagej(file, picture())
    assert read(str(file)).name == "Größe 5 µm – 粒子"


@pytest.mark.parametrize("suffix", ["mrc", "ser", "emd", "hspy"])
def test_names_that_are_not_ascii(tmp_path: Path, suffix: str) -> None:
    file = write_all(tmp_path)[suffix]
    named = file.rename(tmp_path / f"é 粒子 {suffix}.{suffix}")
    np.testing.assert_array_equal(read(named).frames[0], picture())


# TIFF


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "uint32", "float64"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_tiff_dtypes_and_byte_orders(
    tmp_path: Path, dtype: str, order: str, compression: str | None
) -> None:
    data = picture((3, 24, 31), dtype)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, data, byteorder=order, compression=compression, photometric="minisblack")
    movie = read(file)
    assert movie.is_movie
    assert movie.dtype == data.dtype
    for frame, truth in zip(movie, data, strict=True):
        assert frame.dtype == data.dtype
        np.testing.assert_array_equal(frame, truth)


@pytest.mark.parametrize("unit", ["nm", "\\u00B5m", "micron", "Angstrom"])
def test_imagej_units(tmp_path: Path, unit: str) -> None:
    nm = {"nm": 1, "\\u00B5m": 1000, "micron": 1000, "Angstrom": 0.1}
    write_imagej(tmp_path / "a.tif", picture(), size=0.5, unit=unit)
    assert read(tmp_path / "a.tif").calibration.pixel_size_nm == pytest.approx(0.5 * nm[unit])


@pytest.mark.parametrize("unit", ["inch", "cm", "pixel", ""])
def test_imagej_units_of_printers_and_screens_are_unknown(tmp_path: Path, unit: str) -> None:
    write_imagej(tmp_path / "a.tif", picture(), size=1 / 72, unit=unit)
    assert read(tmp_path / "a.tif").calibration.source == "unknown"


@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
@pytest.mark.parametrize("dots", [72, 300, 254000000])
def test_print_resolution_is_no_calibration(tmp_path: Path, unit: str, dots: int) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(), resolution=(dots, dots), resolutionunit=unit)
    assert read(tmp_path / "a.tif").calibration.source == "unknown"


def test_imagej_interval_and_movie(tmp_path: Path) -> None:
    data = picture((4, 24, 31))
    tifffile.imwrite(
        tmp_path / "a.tif", data, imagej=True, resolution=(2, 2),
        metadata={"unit": "nm", "axes": "TYX", "finterval": 0.25},
    )  # fmt: skip
    movie = read(tmp_path / "a.tif")
    assert movie.acquisition.frame_times_s == (0, 0.25, 0.5, 0.75)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


def test_imagej_pixels_that_are_not_square(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", picture(), imagej=True, resolution=(2, 4), metadata={"unit": "nm"}
    )
    with pytest.raises(RefusedInput, match=r"y 0\.25 nm, x 0\.5 nm"):
        read(tmp_path / "a.tif")
    kept = read(tmp_path / "a.tif", keep_anisotropic=True).calibration
    assert kept.anisotropic_nm == (0.25, 0.5)


def test_imagej_hyperstack_takes_the_first_channel(tmp_path: Path) -> None:
    data = picture((3, 2, 24, 31))
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "TCYX"})
    movie = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.stack(list(movie)), data[:, 0])
    assert "Channel 1 of 2 was taken." in movie.notes
    assert "several_images" in movie.flags


@pytest.mark.parametrize("dialect", ["imagej", "ome"])
def test_a_stack_whose_axes_tifffile_was_not_told_is_a_movie(tmp_path: Path, dialect: str) -> None:
    data = picture((5, 24, 31))
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack", **{dialect: True})
    movie = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.stack(list(movie)), data)
    assert movie.notes == ("The file calls its 5 images channels; they are analysed as frames.",)


def test_named_channels_are_not_frames(tmp_path: Path) -> None:
    data = picture((2, 24, 31))
    write_ome(tmp_path / "o.tif", data, axes="CYX", Channel={"Name": ["HAADF", "BF"]})
    tifffile.imwrite(tmp_path / "i.tif", data, imagej=True, metadata={"mode": "composite"})
    for name in ("o.tif", "i.tif"):
        micrograph = read(tmp_path / name)
        assert micrograph.shape == (1, 24, 31)
        np.testing.assert_array_equal(micrograph.frames[0], data[0])
        assert "several_images" in micrograph.flags
        assert "Channel 1 of 2 was taken." in micrograph.notes


def test_imagej_palette_is_for_the_screen(tmp_path: Path) -> None:
    data = picture(dtype="uint8")
    fire = np.random.default_rng(1).integers(0, 255, (3, 256)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, colormap=fire)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").frames[0], data)


def test_ome_sizes_times_and_exposure(tmp_path: Path) -> None:
    write_ome(
        tmp_path / "a.ome.tif", picture((3, 24, 31)), axes="TYX",
        PhysicalSizeX=2.0, PhysicalSizeXUnit="Å", PhysicalSizeY=0.2, PhysicalSizeYUnit="nm",
        Plane={"DeltaT": [0.0, 1.5, 4.0], "DeltaTUnit": ["s"] * 3,
               "ExposureTime": [20.0] * 3, "ExposureTimeUnit": ["ms"] * 3},
    )  # fmt: skip
    movie = read(tmp_path / "a.ome.tif")
    assert movie.calibration.pixel_size_nm == pytest.approx(0.2)
    assert movie.acquisition.frame_times_s == (0, 1.5, 4)
    assert movie.acquisition.exposure_s == pytest.approx(0.02)
    assert movie.name == "a.ome"


def test_ome_default_unit_is_the_micrometre(tmp_path: Path) -> None:
    write_ome(tmp_path / "a.tif", picture(), PhysicalSizeX=0.5, PhysicalSizeY=0.5)
    assert read(tmp_path / "a.tif").calibration.pixel_size_nm == pytest.approx(500)


def test_ome_without_a_size_is_unknown(tmp_path: Path) -> None:
    write_ome(tmp_path / "a.tif", picture())
    assert read(tmp_path / "a.tif").calibration.source == "unknown"


def test_fei_tag(tmp_path: Path) -> None:
    tag = (
        "[Beam]\r\nHV=30000\r\nImageMode=Normal\r\n[Scan]\r\nPixelWidth=2.5e-009\r\n"
        "PixelHeight=2.5e-009\r\nFrameTime=1.25\r\n"
    )
    tifffile.imwrite(
        tmp_path / "a.tif", picture(), metadata=None, extratags=[(34682, "s", 0, tag, True)]
    )
    micrograph = read(tmp_path / "a.tif")
    assert micrograph.calibration.pixel_size_nm == pytest.approx(2.5)
    assert micrograph.acquisition.high_tension_kv == 30
    assert micrograph.acquisition.exposure_s == 1.25


def test_zeiss_tag(tmp_path: Path) -> None:
    tag = "0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 1.117 nm\r\n"
    tifffile.imwrite(
        tmp_path / "a.tif", picture(), metadata=None, extratags=[(34118, "s", 0, tag, True)]
    )
    assert read(tmp_path / "a.tif").calibration.pixel_size_nm == pytest.approx(1.117)


def test_tiff_that_rosettasciio_writes_for_digital_micrograph(tmp_path: Path) -> None:
    from rsciio.tiff import file_writer

    axes = [("y", 0.25, "nm", False), ("x", 0.25, "nm", False)]
    file_writer(str(tmp_path / "a.tif"), hyperspy_signal(picture(), axes))
    micrograph = read(tmp_path / "a.tif")
    assert micrograph.calibration.pixel_size_nm == pytest.approx(0.25)
    np.testing.assert_array_equal(micrograph.frames[0], picture())


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_bilevel_tiff(tmp_path: Path, photometric: str) -> None:
    data = picture() % 2 == 0
    tifffile.imwrite(tmp_path / "a.tif", data, photometric=photometric)
    frame = read(tmp_path / "a.tif").frames[0]
    assert frame.dtype == np.uint8
    np.testing.assert_array_equal(frame, data if photometric == "minisblack" else ~data)


def test_white_as_zero_is_inverted_and_said(tmp_path: Path) -> None:
    data = picture(dtype="uint8")
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="miniswhite")
    micrograph = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.frames[0], 255 - data)
    assert micrograph.notes == ("White is stored as zero; the grey values were inverted.",)


def test_grey_palette_gives_its_greys(tmp_path: Path) -> None:
    data = picture(dtype="uint8")
    ramp = np.arange(255, -1, -1, dtype=np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="palette", colormap=np.stack([ramp] * 3))
    micrograph = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.frames[0], 255 - data)
    assert "rgb_to_luminance" not in micrograph.flags


def test_colour_palette_gives_luminance(tmp_path: Path) -> None:
    data = picture(dtype="uint8")
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256) * 257  # greens
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="palette", colormap=table)
    micrograph = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.frames[0], np.rint(0.7152 * data))
    assert "rgb_to_luminance" in micrograph.flags


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colour_tiff(tmp_path: Path, planar: str, samples: int, compression: str | None) -> None:
    colours = picture((24, 31, samples))
    stored = colours if planar == "contig" else np.moveaxis(colours, -1, 0)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression=compression
    )
    micrograph = read(tmp_path / "a.tif")
    truth = np.rint(colours[..., :3] @ [0.2126, 0.7152, 0.0722])
    np.testing.assert_array_equal(micrograph.frames[0], truth)
    assert micrograph.dtype == np.uint16
    assert "rgb_to_luminance" in micrograph.flags


def test_colour_movie(tmp_path: Path) -> None:
    colours = picture((2, 24, 31, 3), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    movie = read(tmp_path / "a.tif")
    assert movie.shape == (2, 24, 31)
    np.testing.assert_array_equal(movie.frames[1], np.rint(colours[1] @ [0.2126, 0.7152, 0.0722]))


def test_large_grey_page_goes_before_small_and_coloured_ones(tmp_path: Path) -> None:
    grey = picture((40, 50))
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture((90, 90, 3), "uint8"), photometric="rgb", metadata=None)
        file.write(picture((20, 25)), metadata=None)
        file.write(grey, metadata=None)
        file.write(picture((60, 70)), metadata=None, subfiletype=1)
    micrograph = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(micrograph.frames[0], grey)
    assert "several_images" in micrograph.flags
    assert micrograph.notes[0].startswith("The file holds 4 images; image 3")


def test_five_dimensions_fail_by_name(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture((2, 3, 2, 8, 9)), metadata={"axes": "TZCYX"})
    with pytest.raises(FailedInput, match=r"a\.tif: 5-D data \(2 × 3 × 2 × 8 × 9\)"):
        read(tmp_path / "a.tif")


def test_four_dimensions_are_refused_by_name(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture((4, 5, 8, 9)), metadata={"axes": "TZYX"})
    with pytest.raises(RefusedInput, match=r"4-D data \(4 × 5 × 8 × 9\)"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (3, 3), (1, 1)])
@pytest.mark.parametrize("suffix", [".tif", ".png", ".mrc"])
def test_small_and_narrow_images_are_handed_on(
    tmp_path: Path, shape: tuple[int, int], suffix: str
) -> None:
    data = picture(shape)
    file = tmp_path / f"a{suffix}"
    {".tif": tifffile.imwrite, ".png": write_png, ".mrc": write_mrc}[suffix](file, data)
    np.testing.assert_array_equal(read(file).frames[0], data)


def test_nan_and_infinity_are_kept(tmp_path: Path) -> None:
    data = picture(dtype="float32")
    data[3, 4], data[5, 6] = np.nan, -np.inf
    tifffile.imwrite(tmp_path / "a.tif", data)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").frames[0], data)


# PNG and JPEG


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_depth_is_kept(tmp_path: Path, dtype: str) -> None:
    data = picture(dtype=dtype)
    write_png(tmp_path / "a.png", data)
    micrograph = read(tmp_path / "a.png")
    assert micrograph.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(micrograph.frames[0], data)


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_deep_colour_png_is_not_cut_to_8_bits(tmp_path: Path, samples: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    data = picture((24, 31, samples)) * 20
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(data))
    micrograph = read(tmp_path / "a.png")
    truth = data[..., 0] if samples == 2 else np.rint(data[..., :3] @ [0.2126, 0.7152, 0.0722])
    assert micrograph.dtype == np.uint16
    np.testing.assert_array_equal(micrograph.frames[0], truth)
    assert ("rgb_to_luminance" in micrograph.flags) == (samples > 2)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_equal_channels_are_exactly_grey(tmp_path: Path, mode: str) -> None:
    data = picture(dtype="uint8")
    Image.fromarray(data).convert(mode).save(tmp_path / "a.png")
    micrograph = read(tmp_path / "a.png")
    np.testing.assert_array_equal(micrograph.frames[0], data)
    # The flag says how the file is stored; it is known before any pixel is read.
    assert micrograph.flags == ("rgb_to_luminance", "pixel_size_unknown")


@pytest.mark.parametrize(("mode", "flagged"), [("1", False), ("P", True), ("LA", False)])
def test_other_png_modes(tmp_path: Path, mode: str, flagged: bool) -> None:
    grey = np.where(picture() % 2 == 0, 0, 255).astype(np.uint8)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    micrograph = read(tmp_path / "a.png")
    np.testing.assert_array_equal(micrograph.frames[0], grey // 255 if mode == "1" else grey)
    assert ("rgb_to_luminance" in micrograph.flags) == flagged


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(tmp_path: Path, mode: str) -> None:
    grey = np.repeat(np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[None], 8, 0), 8, 1)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.jpeg", quality=100)
    frame = read(tmp_path / "a.jpeg").frames[0]
    assert frame.dtype == np.uint8
    np.testing.assert_allclose(frame.astype(int), grey, atol=4)


# MRC


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "uint16", "float16"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_mrc(tmp_path: Path, dtype: str, order: str) -> None:
    data = (picture((3, 24, 31)) % 250).astype(dtype)
    write_mrc(tmp_path / "a.mrcs", data, angstrom=(1.25, 1.25), order=order)
    movie = read(tmp_path / "a.mrcs")
    assert movie.calibration.pixel_size_nm == pytest.approx(0.125)
    assert movie.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


@pytest.mark.parametrize("angstrom", [None, (0.0, 0.0), (-1.0, -1.0), (np.nan, np.nan)])
def test_mrc_that_states_no_size(tmp_path: Path, angstrom: tuple[float, float] | None) -> None:
    write_mrc(tmp_path / "a.mrc", picture(), angstrom=angstrom)
    assert read(tmp_path / "a.mrc").calibration.source == "unknown"


def test_mrc_volume_is_said(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.st", picture((3, 8, 9)), volume=True)
    assert "volume" in read(tmp_path / "a.st").notes[0]


def test_complex_mrc_is_refused(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", picture().astype(np.complex64))
    with pytest.raises(RefusedInput, match="complex numbers"):
        read(tmp_path / "a.mrc")


# TIA


@pytest.mark.parametrize("wide", [True, False])
def test_ser_movie_with_times(tmp_path: Path, wide: bool) -> None:
    data = picture((3, 24, 31))
    write_ser(
        tmp_path / "a.ser", data, times=(1_500_000_000, 1_500_000_002, 1_500_000_003), wide=wide
    )
    movie = read(tmp_path / "a.ser")
    assert movie.calibration.pixel_size_nm == pytest.approx(0.2)
    assert movie.acquisition.frame_times_s == (0, 2, 3)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


def test_ser_is_read_as_rosettasciio_reads_it(tmp_path: Path) -> None:
    from rsciio.tia import file_reader

    write_ser(tmp_path / "a.ser", picture((3, 24, 31)))
    (signal,) = file_reader(str(tmp_path / "a.ser"))
    np.testing.assert_array_equal(np.stack(list(read(tmp_path / "a.ser"))), signal["data"])
    assert signal["axes"][-1]["scale"] == pytest.approx(0.2)


def test_emi_reads_its_series_and_their_acquisition(tmp_path: Path) -> None:
    data = picture((1, 24, 31))
    write_ser(tmp_path / "a_1.ser", data)
    write_ser(tmp_path / "a_2.ser", data + 1)
    write_ser(tmp_path / "ab_1.ser", data + 2)
    write_emi(tmp_path / "a.emi", number=2)
    micrograph = read(tmp_path / "a.emi")
    np.testing.assert_array_equal(micrograph.frames[0], data[0])
    assert micrograph.notes[0] == "The file holds 2 images; image 1 (a_1.ser) was taken."
    assert micrograph.acquisition.high_tension_kv == 200
    assert micrograph.acquisition.exposure_s == 0.5
    assert micrograph.acquisition.magnification == 29000
    assert read(tmp_path / "a_2.ser").acquisition.mode == "TEM uP SA Zoom"


@pytest.mark.parametrize("mode", ["TEM uP Diffraction", "STEM nP SA Zoom Diffraction"])
def test_diffraction_series_is_refused(tmp_path: Path, mode: str) -> None:
    write_ser(tmp_path / "a_1.ser", picture((1, 24, 31)), metres=(2e7, 2e7))
    write_emi(tmp_path / "a.emi", mode=mode)
    with pytest.raises(RefusedInput, match="diffraction pattern"):
        read(tmp_path / "a.emi")


def test_series_with_pixels_of_metres_is_diffraction(tmp_path: Path) -> None:
    write_ser(tmp_path / "a.ser", picture((1, 24, 31)), metres=(2e7, 2e7))
    with pytest.raises(RefusedInput, match="diffraction pattern"):
        read(tmp_path / "a.ser")


def test_series_of_spectra_is_refused(tmp_path: Path) -> None:
    write_ser(tmp_path / "a.ser", picture((1, 24, 31)), spectrum=True)
    with pytest.raises(RefusedInput, match="a spectrum"):
        read(tmp_path / "a.ser")


def test_emi_without_its_series(tmp_path: Path) -> None:
    write_emi(tmp_path / "a.emi")
    with pytest.raises(FailedInput, match=r"its pixels are in a_1\.ser"):
        read(tmp_path / "a.emi")


# DigitalMicrograph


def test_dm_movie_with_times(tmp_path: Path) -> None:
    data = picture((3, 24, 31))
    steps = ((20.0, "ms"), (2.0, "\u00b5m"), (2.0, "\u00b5m"))
    write_dm3(tmp_path / "a.dm3", dm_image(data, steps=steps))
    movie = read(tmp_path / "a.dm3")
    assert movie.calibration.pixel_size_nm == pytest.approx(2000)
    assert movie.acquisition.frame_times_s == (0, 0.02, 0.04)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


def test_dm_thumbnail_is_passed_over_and_the_large_image_is_taken(tmp_path: Path) -> None:
    small, large = picture((10, 12)), picture((24, 31))
    thumbnail = dm_image(picture((90, 90, 4), "uint8"), kind=23)
    write_dm3(tmp_path / "a.dm3", thumbnail, dm_image(small), dm_image(large), thumbnail=0)
    micrograph = read(tmp_path / "a.dm3")
    np.testing.assert_array_equal(micrograph.frames[0], large)
    assert micrograph.notes == ("The file holds 2 images; image 2 (gold) was taken.",)


def test_dm_colours_are_stored_blue_first(tmp_path: Path) -> None:
    data = picture((24, 31, 4), "uint8")
    write_dm3(tmp_path / "a.dm3", dm_image(data, kind=23))
    micrograph = read(tmp_path / "a.dm3")
    assert micrograph.flags == ("rgb_to_luminance",)
    np.testing.assert_array_equal(
        micrograph.frames[0], np.rint(data[..., 2::-1] @ [0.2126, 0.7152, 0.0722])
    )


@pytest.mark.parametrize(
    ("steps", "tags", "reason"),
    [
        (((0.1, "1/nm"), (0.1, "1/nm")), None, "diffraction pattern"),
        (((1.0, "eV"), (1.0, "nm"), (1.0, "nm")), None, "a spectrum"),
        (
            ((1.0, ""), (1.0, "")),
            {"Microscope Info": {"Illumination Mode": "TEM", "Imaging Mode": "DIFFRACTION"}},
            "its imaging mode is DIFFRACTION",
        ),
    ],
)
def test_dm_data_that_is_no_image(
    tmp_path: Path, steps: tuple, tags: dict | None, reason: str
) -> None:
    data = picture((3, 24, 31)[-len(steps) :])
    write_dm3(tmp_path / "a.dm3", dm_image(data, steps=steps, tags=tags))
    with pytest.raises(RefusedInput, match=reason):
        read(tmp_path / "a.dm3")


def test_dm_stem_image_in_diffraction_mode_is_an_image(tmp_path: Path) -> None:
    """In STEM the column is in diffraction, whatever is scanned."""
    info = {"Illumination Mode": "STEM NANOPROBE", "Imaging Mode": "DIFFRACTION"}
    image = dm_image(picture(), steps=((1.0, ""), (1.0, "")), tags={"Microscope Info": info})
    write_dm3(tmp_path / "a.dm3", image)
    micrograph = read(tmp_path / "a.dm3")
    assert micrograph.acquisition.mode == "STEM NANOPROBE"
    assert micrograph.calibration.source == "unknown"


def test_dm_type_that_is_not_known(tmp_path: Path) -> None:
    image = dm_image(picture())
    image["ImageData"]["DataType"] = 4
    write_dm3(tmp_path / "a.dm3", image)
    with pytest.raises(FailedInput, match=r"a\.dm3: "):
        read(tmp_path / "a.dm3")


# EMD and HyperSpy


@pytest.mark.parametrize("unit", ["[n_m]", "nm", "n_m", "[u_m]", "Å"])
def test_berkeley_units(tmp_path: Path, unit: str) -> None:
    nm = {"[u_m]": 1000, "Å": 0.1}.get(unit, 1)
    write_berkeley(tmp_path / "a.emd", picture(), size=(0.5, 0.5), unit=unit)
    micrograph = read(tmp_path / "a.emd")
    assert micrograph.calibration.pixel_size_nm == pytest.approx(0.5 * nm)
    assert micrograph.acquisition.high_tension_kv == 80
    np.testing.assert_array_equal(micrograph.frames[0], picture())


def test_berkeley_movie_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    data = picture((3, 24, 31))
    write_berkeley(tmp_path / "a.emd", data, names=("time", "y", "x"))
    movie = read(tmp_path / "a.emd")
    assert movie.shape == (3, 24, 31)
    assert movie.acquisition.frame_times_s == (0, 0.5, 1)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


def test_emd_that_rosettasciio_writes(tmp_path: Path) -> None:
    from rsciio.emd import file_writer

    data = picture((3, 24, 31))
    axes = [("t", 2.0, "s", True), ("y", 0.2, "nm", False), ("x", 0.2, "nm", False)]
    file_writer(str(tmp_path / "a.emd"), hyperspy_signal(data, axes))
    movie = read(tmp_path / "a.emd")
    assert movie.acquisition.frame_times_s == (0, 2, 4)
    assert movie.calibration.pixel_size_nm == pytest.approx(0.2)
    np.testing.assert_array_equal(np.stack(list(movie)), data)


@pytest.mark.parametrize("unit", ["[n_m^-1]", "1/nm", "mrad"])
def test_reciprocal_berkeley_is_refused(tmp_path: Path, unit: str) -> None:
    write_berkeley(tmp_path / "a.emd", picture(), unit=unit)
    with pytest.raises(RefusedInput, match="diffraction pattern"):
        read(tmp_path / "a.emd", pixel_size_nm=1.0)


def test_hdf5_that_is_no_emd(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["x"] = picture()
    with pytest.raises(FailedInput, match="neither Velox nor Berkeley"):
        read(tmp_path / "a.emd")


def test_velox_takes_the_detector_and_not_the_map_of_an_element(tmp_path: Path) -> None:
    """A spectrum image wants the package sparse, but its micrographs do not."""
    size = {"width": "2e-10", "height": "2e-10"}
    result = {"PixelSize": size, "PixelUnitX": "m", "PixelUnitY": "m"}
    common = {
        "Core": {}, "Instrument": {"InstrumentModel": "Titan"}, "Stage": {}, "Scan": {},
        "Optics": {"AccelerationVoltage": "200000", "OperatingMode": "2"},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1500000000"}},
        "Detectors": {
            "Detector-0": {"DetectorName": "SuperXG1", "DetectorType": "AnalyticalDetector"},
            "Detector-1": {"DetectorName": "HAADF", "DetectorType": "ScanningDetector"},
        },
    }  # fmt: skip
    truth = picture()
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["Version"] = np.array([b'{"format": "Velox", "version": "11"}'], object)
        file.create_group("Displays/ImageDisplay")
        file.create_group("Data/SpectrumImage")
        for name, index, data in (("0a", "0", truth + 1), ("1b", "1", truth)):
            image = file.create_group(f"Data/Image/{name}")
            image["Data"] = data[..., None]
            metadata = {**common, "BinaryResult": {**result, "DetectorIndex": index}}
            content = json.dumps(metadata).encode().ljust(4096, b"\0")
            image["Metadata"] = np.frombuffer(content, np.uint8)[:, None]
    micrograph = read(tmp_path / "a.emd")
    np.testing.assert_array_equal(micrograph.frames[0], truth)
    assert micrograph.notes[0] == "The file holds 2 images; image 2 (HAADF) was taken."
    assert micrograph.calibration.pixel_size_nm == pytest.approx(0.2)
    assert micrograph.acquisition.mode == "STEM"


def test_hyperspy_colours(tmp_path: Path) -> None:
    colours = picture((24, 31, 3), "uint8")
    record = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    write_hspy(tmp_path / "a.hspy", colours.view(record)[..., 0], IMAGE)
    micrograph = read(tmp_path / "a.hspy")
    assert micrograph.flags == ("rgb_to_luminance",)
    np.testing.assert_array_equal(micrograph.frames[0], np.rint(colours @ [0.2126, 0.7152, 0.0722]))


def test_hyperspy_movie(tmp_path: Path) -> None:
    data = picture((3, 24, 31))
    tem = {"TEM": {"beam_energy": 300.0, "acquisition_mode": "TEM", "magnification": 1e5}}
    write_hspy(
        tmp_path / "a.hspy", data, [("time", 100.0, "ms", True), *IMAGE], Acquisition_instrument=tem
    )
    movie = read(tmp_path / "a.hspy")
    assert movie.acquisition.frame_times_s == (0, 0.1, 0.2)
    assert movie.acquisition.high_tension_kv == 300
    assert movie.metadata["original_metadata"] == {"kept": {"verbatim": "yes"}}
    np.testing.assert_array_equal(np.stack(list(movie)), data)


def test_hyperspy_file_without_chunks(tmp_path: Path) -> None:
    data = picture((3, 24, 31))
    write_hspy(tmp_path / "a.hspy", data, [("time", 1.0, "s", True), *IMAGE])
    with h5py.File(tmp_path / "a.hspy", "r+") as file:
        del file["Experiments/gold/data"]
        file["Experiments/gold/data"] = data
    np.testing.assert_array_equal(np.stack(list(read(tmp_path / "a.hspy"))), data)


@pytest.mark.parametrize(
    ("shape", "axes", "reason"),
    [
        ((40,), [("E", 1.0, "eV", False)], "1-D"),
        (
            (8, 9, 40),
            [("y", 1, "nm", True), ("x", 1, "nm", True), ("E", 1.0, "eV", False)],
            "spectr",
        ),
        (
            (4, 5, 8, 9),
            [("y", 1, "nm", True), ("x", 1, "nm", True), ("ky", 1, "1/nm", False),
             ("kx", 1, "1/nm", False)],
            "4-D data",
        ),
        ((8, 9), [("ky", 1, "1/nm", False), ("kx", 1, "1/nm", False)], "diffraction pattern"),
    ],
)  # fmt: skip
def test_hyperspy_signals_that_are_no_images(
    tmp_path: Path, shape: tuple[int, ...], axes: list, reason: str
) -> None:
    write_hspy(tmp_path / "a.hspy", picture(shape), axes)
    with pytest.raises(RefusedInput, match=reason):
        read(tmp_path / "a.hspy")


def test_zspy_says_which_extra_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nanosieve.files import hyperspy

    (tmp_path / "a.zspy").mkdir()
    monkeypatch.setattr(hyperspy.util, "find_spec", lambda _: None)
    with pytest.raises(FailedInput, match=r'pip install "nanosieve\[zspy\]"'):
        read(tmp_path / "a.zspy")


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of zarr's own writer
def test_zspy_where_zarr_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    from rsciio.zspy import file_writer

    data = picture((3, 24, 31))
    signal = hyperspy_signal(data, [("time", 1.0, "s", True), *IMAGE])
    file_writer(str(tmp_path / "a.zspy"), signal, show_progressbar=False)
    movie = read(tmp_path / "a.zspy")
    assert movie.calibration.pixel_size_nm == pytest.approx(0.2)
    travelled = pickle.loads(pickle.dumps(movie.frames))
    np.testing.assert_array_equal(np.stack(list(travelled)), data)


# Luminance and metadata


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements={"min_value": 0, "max_value": 255},
    )
)
def test_luminance_of_grey_is_grey(grey: np.ndarray) -> None:
    result = luminance(np.stack([grey] * 3, axis=-1))
    assert result.dtype == grey.dtype
    np.testing.assert_array_equal(result, grey)


def test_luminance_of_primaries_adds_up_to_white() -> None:
    primaries = np.eye(3, dtype=np.uint16)[None] * 60000
    assert int(luminance(primaries).sum()) == 60000
    assert luminance(primaries).tolist() == [[12756, 42912, 4332]]
    assert luminance(primaries, "bgr").tolist() == [[4332, 42912, 12756]]


def test_metadata_becomes_plain() -> None:
    deep: dict = {}
    inner = deep
    for _ in range(60):
        inner["in"] = inner = {}
    mixed = {1: np.int16(2), "a": (b"x\0", None, True), "b": np.zeros(1000), "c": np.arange(2)}
    assert plain(mixed) == {
        "1": 2, "a": ["x", None, True], "b": "<float64 array of shape (1000,)>", "c": [0, 1],
    }  # fmt: skip
    assert "<too deep>" in json.dumps(plain(deep))
