"""Reading TIFF in its dialects: ImageJ, OME, FEI, SIS, plain; and arrays of any shape."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from read_samples import (
    hyperspy_signal,
    picture,
    write_imagej,
    write_mrc,
    write_ome,
    write_png,
)

from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.files.read import read

IMAGE = [("y", 0.2, "nm", False), ("x", 0.2, "nm", False)]


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
