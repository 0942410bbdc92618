"""Round trips: what users' libraries write comes back with its pixels, calibration and times."""

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
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
