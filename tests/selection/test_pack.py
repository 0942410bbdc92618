"""Packing files and unpacking them: what is kept, what is told, what is never overwritten."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from discs import discs, write
from model_files import class_model
from nanosieve.batch.discover import Input
from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Settings
from nanosieve.files.read import read
from nanosieve.selection.packing.coarse import Packing
from nanosieve.selection.packing.container import SUFFIX, open_packed
from nanosieve.selection.packing.pack import PackJob, PackOutcome, check_job, pack
from nanosieve.selection.packing.run import pack_all
from nanosieve.selection.packing.unpack import packed_files, unpack

HYBRID = Settings(method="hybrid")


def job(out: Path, settings: Settings = HYBRID, packing: Packing | None = None, **more) -> PackJob:
    return PackJob(out, packing or Packing(), settings, **more)


def packed(path: Path, work: PackJob) -> PackOutcome:
    return pack(Input(path, path.stem), work)


def square(path: Path, shape=(128, 128)) -> Path:
    """Write a mask of a square around the first disc."""
    mask = np.zeros(shape, np.uint8)
    mask[..., 15:45, 15:45] = 1
    tifffile.imwrite(path, mask)
    return path


def test_particles_come_back_exactly_with_pixel_size_and_masks(tmp_path):
    image = discs()
    done = packed(write(tmp_path / "gold.tif", image), job(tmp_path / "out"))
    assert (done.status, done.state, done.message) == ("ok", "made", "")
    assert done.pixel_bytes == image.nbytes
    assert done.packed_bytes < image.nbytes / 2
    back = unpack(done.path, tmp_path / "back")
    assert (back.status, back.state) == ("ok", "made")
    again = read(back.path)
    assert again.dtype == np.uint16
    assert again.calibration.pixel_size_nm == 0.5
    exact = tifffile.imread(tmp_path / "back" / "exact" / "gold.tif") > 0
    wanted = tifffile.imread(tmp_path / "back" / "masks" / "gold.tif") > 0
    assert wanted.mean() == pytest.approx(done.about["wanted_share"])
    assert exact.mean() == pytest.approx(back.exact_share)
    assert exact[image < 700].all()
    assert exact[wanted].all()
    assert np.array_equal(again.frames[0][exact], image[exact])
    assert not np.array_equal(again.frames[0], image)
    said = json.loads((tmp_path / "back" / "metadata" / "gold.json").read_text())
    assert said["source"] == "gold.tif"
    assert said["wanted_by"] == "method hybrid"
    with tifffile.TiffFile(back.path) as tif:
        assert '"rest_is": "approximate"' in tif.imagej_metadata["Info"]


def test_a_movie_with_a_frame_of_nothing(tmp_path):
    movie = np.stack([np.full((128, 128), 500, np.uint16), discs(), discs(seed=1)])
    done = packed(write(tmp_path / "m.tif", movie), job(tmp_path / "out"))
    assert done.about["shape"] == [3, 128, 128]
    assert done.about["is_movie"]
    assert done.about["wanted"] == ["particles"]
    back = read(unpack(done.path, tmp_path / "back").path)
    assert back.shape == movie.shape
    exact = tifffile.imread(tmp_path / "back" / "exact" / "m.tif") > 0
    assert exact.mean(axis=(1, 2)).tolist() == pytest.approx([0, 0.307, 0.307], abs=0.01)
    assert np.array_equal(np.stack([*back])[exact], movie[exact])
    assert np.array_equal(back.frames[0], movie[0])


def test_pixels_that_are_no_numbers_come_back(tmp_path):
    image = discs().astype(np.float32)
    image[60, 60:64] = np.nan, np.inf, -np.inf, np.nan
    path = tmp_path / "nan.tif"
    tifffile.imwrite(path, image)
    done = packed(path, job(tmp_path / "out"))
    again = read(unpack(done.path, tmp_path / "back").path).frames[0]
    assert again[60, 60:64].tobytes() == image[60, 60:64].tobytes()
    assert np.isfinite(np.delete(again[60], np.s_[60:64])).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float64"])
def test_every_dtype_of_a_tiff_comes_back(tmp_path, dtype):
    image = (discs() // 5).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image)
    work = job(tmp_path / "out", mask=square(tmp_path / "mask.tif"))
    done = packed(tmp_path / "a.tif", work)
    again = read(unpack(done.path, tmp_path / "back").path)
    assert again.dtype == dtype
    assert np.array_equal(again.frames[0][15:45, 15:45], image[15:45, 15:45])
    assert again.calibration.pixel_size_nm is None


def test_half_floats_become_whole_ones(tmp_path):
    image = discs().astype(np.float16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    done = packed(tmp_path / "a.tif", job(tmp_path / "out", mask=square(tmp_path / "mask.tif")))
    assert done.about["dtype"] == "float16"
    again = read(unpack(done.path, tmp_path / "back").path)
    assert again.dtype == np.float32
    assert np.array_equal(again.frames[0][15:45, 15:45], image[15:45, 15:45])


def test_what_tiff_cannot_hold_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", discs().astype(np.int64))
    done = packed(tmp_path / "a.tif", job(tmp_path / "out"))
    assert done.status == "refused"
    assert done.message == (
        "int64 pixels could not be unpacked to a TIFF; convert them to float32 or int32"
    )


def test_masks_are_given_as_a_file_or_in_a_folder(tmp_path):
    image = write(tmp_path / "gold.tif")
    folder = tmp_path / "masks"
    for place in (folder / "gold.tif", tmp_path / "out-of-segment" / "gold" / "labels.tif"):
        place.parent.mkdir(parents=True)
        mask = square(place)
        for given in (mask, mask.parent if mask.stem == "gold" else mask.parents[1]):
            done = packed(image, job(tmp_path / "out", mask=given, overwrite=True))
            assert done.message == ""
            assert done.about["wanted_share"] == 900 / 128**2
            assert done.about["wanted_by"] == f"mask {place.name}"
    inverse = job(tmp_path / "other", packing=Packing(("support",), 0, None), mask=folder)
    with open_packed(packed(image, inverse).path) as file:
        frame = next(iter(file))
    assert not frame.exact[15:45, 15:45].any()
    assert frame.exact.sum() == 128**2 - 900
    assert len(np.unique(frame.image[15:45, 15:45])) == 1


def test_a_movie_takes_one_mask_or_one_a_frame(tmp_path):
    movie = write(tmp_path / "m.tif", np.stack([discs(), discs()]))
    one = packed(movie, job(tmp_path / "1", mask=square(tmp_path / "one.tif")))
    assert one.about["wanted_share"] == 900 / 128**2
    each = square(tmp_path / "each.tif", (2, 128, 128))
    masks = tifffile.imread(each)
    masks[1] = 0
    tifffile.imwrite(each, masks)
    two = packed(movie, job(tmp_path / "2", mask=each))
    assert two.about["wanted_share"] == 450 / 128**2


def test_masks_that_do_not_fit_are_told(tmp_path):
    image = write(tmp_path / "gold.tif")
    mask = square(tmp_path / "mask.tif", (64, 64))
    done = packed(image, job(tmp_path / "out", mask=mask))
    assert done.message == (
        f"its mask {mask} is 64 x 64, the image 1 x 128 x 128; give a mask of its size"
    )
    done = packed(image, job(tmp_path / "out", mask=tmp_path))  # the image itself is found there
    assert "labels" in done.message or done.status == "ok"
    (tmp_path / "none").mkdir()
    done = packed(image, job(tmp_path / "out", mask=tmp_path / "none"))
    assert done.message == (
        f"no mask in {tmp_path / 'none'}; name it gold.png, gold.tif or gold/labels.tif"
    )
    done = packed(image, job(tmp_path / "out", exclude=mask))
    assert done.message == (
        "the mask of --exclude is 64 x 64, the image 1 x 128 x 128; give a mask of its size"
    )
    with pytest.raises(UsageError, match=r"--mask .*gone: no such file or folder"):
        check_job(job(tmp_path / "out", mask=tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"--wanted film: of a --mask give particles \(not zero"):
        check_job(job(tmp_path / "out", packing=Packing(("film",)), mask=mask))


def test_what_is_left_out_is_not_wanted(tmp_path):
    image = write(tmp_path / "gold.tif")
    left = np.zeros((128, 128), np.uint8)
    left[:, :64] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    for given in (None, square(tmp_path / "mask.tif")):
        work = job(
            tmp_path / "out", packing=Packing((), 0), mask=given, exclude=tmp_path / "left.png"
        )
        done = packed(image, work)
        if given is None:
            with open_packed(done.path) as file:
                frame = next(iter(file))
            assert not frame.exact[:, :64].any()
            assert frame.exact[:, 64:].mean() == pytest.approx(0.11, abs=0.03)
        else:
            assert "no pixel of it is wanted (mask mask.tif)" in done.message


def test_captions_stay_readable(tmp_path):
    image = discs(((60, 30), (30, 96)), shape=(256, 256))
    image[230:236, 40:140] = 65535
    path = write(tmp_path / "bar.tif", image)
    done = packed(path, job(tmp_path / "out"))
    assert "annotation_masked" in done.flags
    with open_packed(done.path) as file:
        frame = next(iter(file))
    assert frame.exact[229:237, 39:141].all()
    assert not frame.wanted[229:237, 39:141].any()


def test_classes_of_a_model(tmp_path):
    y, x = np.mgrid[:128, :128]
    film = np.hypot(y - 64, x - 64) < 12
    path = write(tmp_path / "gold.tif", discs() + (600 * film).astype(np.uint16))
    settings = Settings(method=str(class_model(tmp_path / "c.onnx")), polarity="dark")
    done = packed(path, job(tmp_path / "out", settings, Packing(("film",), 0)))
    assert done.message == ""
    with open_packed(done.path) as file:
        wanted = next(iter(file)).wanted
    assert (wanted != film).mean() < 0.005


def test_an_image_whose_method_does_not_know_the_class_is_refused(tmp_path):
    done = packed(
        write(tmp_path / "gold.tif"), job(tmp_path / "out", Settings(), Packing(("lattice",)))
    )
    assert done.status == "refused"
    assert done.message == (
        "segmented by hybrid: --wanted lattice: the method knows no such class; "
        "give particles, support"
    )
    assert not done.path.exists()


def test_an_image_without_anything_wanted_is_not_packed(tmp_path):
    blank = np.random.default_rng(0).normal(1000, 20, (128, 128)).astype(np.uint16)
    done = packed(write(tmp_path / "blank.tif", blank), job(tmp_path / "out"))
    assert done.status == "refused"
    assert done.message == (
        "no pixel of it is wanted (method hybrid), so none would be kept; give another --method, "
        "or a --mask"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_pixels_that_are_not_square_want_a_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", discs(), imagej=True, resolution=(2, 4), metadata={"unit": "nm"}
    )
    done = packed(tmp_path / "a.tif", job(tmp_path / "out"))
    assert done.status == "refused"
    assert done.message.startswith("pixels are not square (")
    assert done.message.endswith("); give --pixel-size")
    given = Settings(method="hybrid", pixel_size_nm=0.3)
    done = packed(tmp_path / "a.tif", job(tmp_path / "out", given))
    assert done.about["pixel_size_nm"] == 0.3


def test_a_second_run_packs_only_what_changed(tmp_path):
    image = write(tmp_path / "gold.tif")
    first = packed(image, job(tmp_path / "out"))
    before = first.path.read_bytes()
    again = packed(image, job(tmp_path / "out"))
    assert again.state == "unchanged"
    assert (again.about, again.packed_bytes) == (first.about, first.packed_bytes)
    assert packed(image, job(tmp_path / "out", overwrite=True)).state == "made"
    assert first.path.read_bytes() == before
    finer = packed(image, job(tmp_path / "out", packing=Packing((), 8, 4)))
    assert (finer.state, finer.about["rest"]) == ("made", 4)
    first.path.write_bytes(before[:2000])
    assert packed(image, job(tmp_path / "out")).state == "made"
    assert first.path.read_bytes() == before


def test_a_packed_file_of_another_image_is_not_overwritten(tmp_path):
    first = packed(write(tmp_path / "a" / "gold.tif"), job(tmp_path / "out"))
    other = write(tmp_path / "b" / "gold.tif", discs(seed=1))
    done = packed(other, job(tmp_path / "out"))
    assert done.status == "failed"
    assert done.message == (
        f"{first.path} was packed from another file (gold.tif), which it may be all that is left "
        "of; choose another -o, or --overwrite"
    )
    assert packed(other, job(tmp_path / "out", overwrite=True)).status == "ok"


def test_what_is_no_packed_file_is_not_replaced(tmp_path):
    image = write(tmp_path / "gold.tif")
    there = tmp_path / "out" / f"gold{SUFFIX}"
    there.parent.mkdir()
    there.write_text("my notes")
    refused = packed(image, job(tmp_path / "out"))
    assert refused.status == "failed"
    assert "is there and is not replaced" in refused.message
    assert refused.message.endswith("move it away, choose another -o, or --overwrite")
    assert there.read_text() == "my notes"
    assert packed(image, job(tmp_path / "out", overwrite=True)).state == "made"
    # Of a newer format, as far as this one can tell.
    there.write_bytes(there.read_bytes().replace(b"format 1", b"format 9", 1))
    assert "packed in format 9" in packed(image, job(tmp_path / "out")).message
    with h5py.File(there, "w") as file:
        file["image"] = file["mask"] = file["exact"] = np.zeros((1, 2, 2), np.uint8)
    assert "is not replaced" in packed(image, job(tmp_path / "out")).message


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    done = packed(tmp_path / "gone.tif", job(tmp_path / "out"))
    assert (done.status, done.pixel_bytes) == ("failed", 0)
    assert done.message == "cannot be read: No such file or directory"


def test_unpacking_never_overwrites_the_original(tmp_path):
    image = write(tmp_path / "gold.tif")
    before = image.read_bytes()
    done = packed(image, job(tmp_path / "out"))
    back = unpack(done.path, tmp_path)
    assert back.status == "failed"
    assert back.message == (
        f"{image} is there with other content, which may be the original; choose another -o, or "
        "--overwrite"
    )
    assert image.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gold.tif", "out"]
    assert unpack(done.path, tmp_path, overwrite=True).state == "made"
    assert unpack(done.path, tmp_path).state == "unchanged"


def test_a_truncated_file_is_one_line(tmp_path):
    done = packed(write(tmp_path / "gold.tif"), job(tmp_path / "out"))
    done.path.write_bytes(done.path.read_bytes()[:-1])
    back = unpack(done.path, tmp_path / "out")
    assert back.status == "failed"
    assert back.message.startswith("truncated, ")


def test_packed_files_are_found(tmp_path):
    names = [f"{name}{SUFFIX}" for name in ("b10", "b9", "a")]
    for name in [*names, "other.h5"]:
        (tmp_path / name).touch()
    expected = [tmp_path / f"{name}{SUFFIX}" for name in ("a", "b9", "b10")]
    assert packed_files([str(tmp_path)]) == expected
    assert packed_files([str(tmp_path / f"*{SUFFIX}"), str(expected[0])]) == expected
    gone = tmp_path / "gone"
    assert packed_files([str(gone), str(expected[0])]) == [expected[0], gone]
    with pytest.raises(UsageError, match=r"no packed file in .*gone; give \*\.packed\.h5 files"):
        packed_files([str(gone)])
    # Told to be none when it is its turn, and no reason to leave the others.
    assert packed_files([str(expected[0]), str(tmp_path / "a.tif")])[0] == expected[0]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / f"A{SUFFIX}").touch()
    with pytest.raises(
        UsageError, match=r"would both be unpacked to A\.tif; unpack one of them to"
    ):
        packed_files([str(tmp_path), str(tmp_path / "more")])


def test_processes_give_the_same_files(tmp_path):
    inputs = [Input(write(tmp_path / f"{n}.tif", discs(seed=n)), str(n)) for n in (1, 2)]
    mask = square(tmp_path / "mask.tif")
    alone = [*pack_all(inputs, job(tmp_path / "1", mask=mask))]
    side = [*pack_all(inputs, job(tmp_path / "2", mask=mask), jobs=2)]
    assert {one.path.read_bytes() for one in alone} == {one.path.read_bytes() for one in side}
    with pytest.raises(UsageError, match="--jobs must be at least 1, got 0"):
        pack_all(inputs, job(tmp_path / "1"), jobs=0)
