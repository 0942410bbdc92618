"""Real files of every format give what was checked by hand."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from nanosieve.core.errors import RefusedInput
from nanosieve.files.read import read

READ = {
    "10nm-colloidal-gold-1.tif": ((1, 1335, 1344), "uint8", 0.1276),
    "16_STOimage_1.ser": ((1, 1024, 1024), "uint16", 0.0100127),
    "Acquisition_18.emd": ((1, 1024, 1024), "uint16", 0.0122465),
    "HAADFscan.mrc": ((1, 16, 16), "uint16", 5.67913),
    "JEOL HAADF Image.dm4": ((1, 112, 112), "float32", 1.24901),
    "SiO2 HAADF Image.hspy": ((1, 128, 128), "float32", 8.55245),
    "clumpedAgX.dm3": ((1, 1024, 1024), "uint16", 1.21328),
    "latex.tif": ((1, 1024, 1024), "uint16", 2.02),
    "olympus_SIS.tif": ((1, 101, 112), "uint16", 0.023928),
    "openncem_temp.mrc": ((3, 128, 128), "float32", 0.2),
    "qm-02424-01.tif": ((1, 1024, 1024), "uint16", 1.79),
    "test_dm_image_um_unit.dm3": ((1, 68, 68), "int32", 168.675),
    "test_loading_image_saved_with_imageJ.tif": ((1, 68, 68), "float32", 168.675),
    "velox_tem_stack.emd": ((2, 3, 3), "int16", 0.00817288),
}
NOT_SQUARE = {
    "dmTest_3D_int16_64,65,66.dm4": ((66, 65, 64), "int16", (3.0, 0.002)),
    "dmTest_float32_nonSquare_diffPixelSize.dm3": ((1, 64, 128), "float32", (0.2, 1.0)),
    "test_loading_image_saved_with_DM_stack.tif": ((2, 68, 68), "float32", (1686.74, 168.674)),
}


@pytest.fixture(scope="module")
def formats(shared_data: Path) -> Path:
    return shared_data / "formats"


def test_the_table_is_complete(formats: Path) -> None:
    assert {file.name for file in formats.iterdir()} == {"08_carbon.dm3", *READ, *NOT_SQUARE}


@pytest.mark.parametrize("name", READ)
def test_read(formats: Path, name: str) -> None:
    shape, dtype, size = READ[name]
    micrograph = read(formats / name)
    assert micrograph.shape == shape
    assert micrograph.dtype == np.dtype(dtype)
    # The table gives up to six figures; ImageJ's own are rounded further.
    assert micrograph.calibration.pixel_size_nm == pytest.approx(size, rel=6e-6)
    assert micrograph.calibration.source == "file"
    assert micrograph.name == Path(name).stem
    assert micrograph.is_movie == (shape[0] > 1)
    for frame in micrograph:
        assert frame.shape == shape[1:]
        assert frame.dtype == micrograph.dtype
        assert frame.dtype.isnative
        assert np.ptp(frame) > 0


@pytest.mark.parametrize("name", NOT_SQUARE)
def test_pixels_that_are_not_square(formats: Path, name: str) -> None:
    shape, dtype, sides = NOT_SQUARE[name]
    with pytest.raises(RefusedInput, match=r"not square: y .* x .*--pixel-size or --resample"):
        read(formats / name)

    given = read(formats / name, pixel_size_nm=1.5)
    assert (given.shape, given.dtype.name) == (shape, dtype)
    assert given.calibration.pixel_size_nm == 1.5
    assert given.calibration.source == "user"
    assert "pixel_size_given" in given.flags
    assert any("the file states y " in note for note in given.notes)

    kept = read(formats / name, keep_anisotropic=True)
    assert kept.calibration.pixel_size_nm is None
    assert kept.calibration.anisotropic_nm == pytest.approx(sides, rel=1e-6)
    assert kept.frames[shape[0] - 1].shape == shape[1:]


@pytest.mark.parametrize("options", [{}, {"pixel_size_nm": 1.0}, {"keep_anisotropic": True}])
def test_a_spectrum_is_refused_whatever_the_user_says(formats: Path, options: dict) -> None:
    with pytest.raises(RefusedInput, match=r"08_carbon\.dm3: a spectrum, not an image.*'eV'"):
        read(formats / "08_carbon.dm3", **options)


def test_the_thumbnail_is_not_taken(formats: Path) -> None:
    micrograph = read(formats / "olympus_SIS.tif")
    assert micrograph.flags == ("several_images",)
    assert micrograph.notes == ("The file holds 2 images; image 2 was taken.",)


@pytest.mark.parametrize("name", [name for name in READ if name.endswith(".tif")])
def test_pixels_of_tiff_are_those_of_tifffile(formats: Path, name: str) -> None:
    page = 1 if "SIS" in name else 0
    np.testing.assert_array_equal(
        read(formats / name).frames[0], tifffile.imread(formats / name, key=page)
    )


@pytest.mark.parametrize(
    ("name", "offset", "dtype"),
    [("openncem_temp.mrc", 1024, "<f4"), ("HAADFscan.mrc", 1024 + 909312, "<u2")],
)
def test_pixels_of_mrc_lie_behind_the_header(
    formats: Path, name: str, offset: int, dtype: str
) -> None:
    micrograph = read(formats / name)
    truth = np.fromfile(formats / name, dtype, offset=offset).reshape(micrograph.shape)
    np.testing.assert_array_equal(np.stack(list(micrograph)), truth)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("Acquisition_18.emd", "data/single/data"),
        ("velox_tem_stack.emd", "Data/Image/26f60320a61d4f66a73efd8cde34ffa9/Data"),
        ("SiO2 HAADF Image.hspy", "Experiments/HAADF Image/data"),
    ],
)
def test_pixels_of_hdf5_are_in_the_order_of_the_file(
    formats: Path, name: str, dataset: str
) -> None:
    with h5py.File(formats / name) as file:
        truth = file[dataset][()]
    truth = np.moveaxis(truth, 2, 0) if truth.ndim == 3 else truth[np.newaxis]
    np.testing.assert_array_equal(np.stack(list(read(formats / name))), truth)


@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("16_STOimage_1.ser", "tia"),
        ("JEOL HAADF Image.dm4", "digitalmicrograph"),
        ("dmTest_3D_int16_64,65,66.dm4", "digitalmicrograph"),
        ("test_dm_image_um_unit.dm3", "digitalmicrograph"),
    ],
)
def test_pixels_are_those_that_rosettasciio_reads_whole(
    formats: Path, name: str, plugin: str
) -> None:
    rosetta = pytest.importorskip(f"rsciio.{plugin}")
    (signal,) = rosetta.file_reader(str(formats / name))
    micrograph = read(formats / name, pixel_size_nm=1.0)
    np.testing.assert_array_equal(
        np.stack(list(micrograph)), np.asarray(signal["data"]).reshape(micrograph.shape)
    )


def test_pixels_that_only_ncempy_finds(formats: Path) -> None:
    frame = read(formats / "clumpedAgX.dm3").frames[0]
    # No second reader knows this file: a wrong offset or shape would shear the image and
    # neighbouring rows would no longer resemble each other.
    assert np.corrcoef(frame[1:].ravel(), frame[:-1].ravel())[0, 1] > 0.99
    assert np.corrcoef(frame[0], frame[-1])[0, 1] < 0.9
    assert frame.min() > 0


def test_what_the_files_state_of_their_acquisition(formats: Path) -> None:
    velox = read(formats / "velox_tem_stack.emd").acquisition
    assert velox.high_tension_kv == 300
    assert velox.mode == "TEM BrightField"
    assert velox.exposure_s == pytest.approx(0.8)
    assert velox.magnification == pytest.approx(1271519.155)
    assert velox.frame_times_s == (0.0, 0.8)

    dm = read(formats / "test_dm_image_um_unit.dm3").acquisition
    assert (dm.high_tension_kv, dm.mode, dm.exposure_s, dm.magnification) == (200, "TEM", 0.5, 51)

    ncem = read(formats / "clumpedAgX.dm3").acquisition
    assert (ncem.high_tension_kv, ncem.exposure_s, ncem.magnification) == (200, 2.0, 16500)

    berkeley = read(formats / "Acquisition_18.emd").acquisition
    assert (berkeley.high_tension_kv, berkeley.magnification) == (200, 5.1e6)

    hyperspy = read(formats / "SiO2 HAADF Image.hspy").acquisition
    assert (hyperspy.high_tension_kv, hyperspy.mode, hyperspy.magnification) == (200, "STEM", 80000)

    assert read(formats / "olympus_SIS.tif").acquisition.magnification == 600000
