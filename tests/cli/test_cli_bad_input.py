"""What bad input gets: one line each, the others complete, no half-written file."""

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from discs import discs, write
from nanosieve.batch import process as batch_process
from nanosieve.batch import store
from nanosieve.files import atomic


def summary(out: Path) -> pd.DataFrame:
    table = pd.read_csv(out / "summary.csv", keep_default_na=False)
    return table.drop_duplicates("image").set_index("image")


def leftovers(out: Path) -> list[str]:
    return [path.name for path in out.rglob(".*")]


def bad_files(folder: Path) -> dict[str, str]:
    """Write one file of each kind of bad input; return the status that each must get."""
    good = write(folder / "good.tif").read_bytes()
    write(folder / "Ångström µ 粒子 (1).tif")
    (folder / "zero.tif").touch()
    (folder / "truncated.tif").write_bytes(good[: len(good) // 2])
    (folder / "suffix.mrc").write_bytes(good)
    (folder / "text.tif").write_text("not an image")
    holes = discs().astype(np.float32)
    holes[40:50, 60:70], holes[0, 0] = np.nan, np.inf
    write(folder / "holes.tif", holes)
    write(folder / "all_nan.tif", np.full((64, 64), np.nan, np.float32))
    write(folder / "constant.tif", np.full((64, 64), 7, np.uint16))
    write(folder / "saturated.tif", np.full((64, 64), 65535, np.uint16))
    write(folder / "line.tif", np.arange(300, dtype=np.uint16)[np.newaxis])
    write(folder / "three.tif", np.arange(9, dtype=np.uint16).reshape(3, 3))
    grey = (discs() / 4).astype(np.uint8)
    Image.fromarray(np.dstack([grey] * 3)).save(folder / "rgb.png")
    Image.fromarray(np.dstack([grey] * 3 + [np.full_like(grey, 255)])).save(folder / "rgba.png")
    with h5py.File(folder / "five.hspy", "w") as file:
        file["Experiments/a/data"] = np.zeros((2, 2, 2, 4, 4))
    (folder / "readme.md").touch()
    return {
        "good": "ok", "Ångström µ 粒子 (1)": "ok", "zero": "failed", "truncated": "failed",
        "suffix": "failed", "text": "failed", "holes": "ok", "all_nan": "failed",
        "constant": "empty", "saturated": "empty", "line": "empty", "three": "empty",
        "rgb": "ok", "rgba": "ok", "five": "failed",
    }  # fmt: skip


def test_each_bad_file_gets_its_status_and_the_others_are_complete(nanosieve, tmp_path):
    expected = bad_files(tmp_path / "in")
    out = tmp_path / "out"
    ended = nanosieve("segment", tmp_path / "in", "-o", out)
    assert ended.code == 1
    table = summary(out)
    status = table["status"].to_dict()
    # Data of five axes may also be refused by name.
    assert status.pop("five") in ("failed", "refused")
    assert status == {name: one for name, one in expected.items() if name != "five"}
    bad = table["status"].isin(["failed", "refused"])
    assert (table["message"][bad] != "").all()
    assert (table["message"][~bad] == "").all()
    # One line for each, which names the file.
    lines = ended.err.splitlines()
    assert len(lines) == bad.sum()
    for name in table.index[bad]:
        assert sum(f"{name}." in line for line in lines) == 1
    for name in table.index[~bad]:
        assert (out / name / "labels.tif").is_file()
        assert (out / name / "overlay.png").is_file()
    assert {"constant", "saturated"} <= set(table.loc["saturated", "flags"].split(";"))
    assert table.loc["line", "flags"] == table.loc["three", "flags"] == "tiny"
    assert "rgb_to_luminance" in table.loc["rgba", "flags"]
    assert "invalid_pixels" in table.loc["holes", "flags"]
    assert leftovers(out) == []
    assert "Traceback" not in ended.err


def test_all_bad_is_one_and_a_page_all_the_same(nanosieve, tmp_path):
    (tmp_path / "zero.tif").touch()
    out = tmp_path / "out"
    assert nanosieve("segment", tmp_path / "zero.tif", "-o", out).code == 1
    assert summary(out)["status"].to_dict() == {"zero": "failed"}
    assert pd.read_csv(out / "particles.csv").empty
    assert "zero.tif" in (out / "report.html").read_text(encoding="utf-8")


def test_a_missing_file_beside_others_fails_alone(nanosieve, tmp_path):
    good = write(tmp_path / "good.tif")
    ended = nanosieve("segment", good, tmp_path / "gone.tif", "-o", tmp_path / "out")
    assert ended.code == 1
    assert summary(tmp_path / "out")["status"].to_dict() == {"gone": "failed", "good": "ok"}
    assert "gone.tif" in ended.err


def test_an_unreadable_file_fails_alone(nanosieve, tmp_path, monkeypatch):
    write(tmp_path / "in" / "good.tif")
    write(tmp_path / "in" / "locked.tif")
    honest = Path.open

    def refusing(self, *arguments, **options):
        if self.name == "locked.tif":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return honest(self, *arguments, **options)

    # Permissions do not bind the superuser, as whom tests may run.
    monkeypatch.setattr(Path, "open", refusing)
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out")
    assert ended.code == 1
    assert "locked.tif: cannot be read: Permission denied" in ended.err
    assert summary(tmp_path / "out")["status"].to_dict() == {"good": "ok", "locked": "failed"}


def test_a_mask_of_another_shape_fails_its_input(nanosieve, tmp_path):
    write(tmp_path / "in" / "a.tif")
    write(tmp_path / "in" / "b.tif", discs(shape=(128, 160)))
    mask = write(tmp_path / "mask.tif", np.zeros((128, 128), np.uint8), nm=None)
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out", "--exclude", mask)
    assert ended.code == 1
    assert "--exclude is 128 x 128" in ended.err
    assert summary(tmp_path / "out")["status"].to_dict() == {"a": "ok", "b": "failed"}


def test_an_output_folder_that_cannot_be_is_wrong_usage(nanosieve, tmp_path):
    (tmp_path / "file").touch()
    ended = nanosieve("segment", write(tmp_path / "a.tif"), "-o", tmp_path / "file")
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "cannot be written to" in ended.err


def test_no_permission_to_write_is_wrong_usage(nanosieve, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("nanosieve.batch.rebuild.tempfile.TemporaryFile", refuse)
    ended = nanosieve("segment", write(tmp_path / "a.tif"), "-o", tmp_path / "out")
    assert ended.code == 2
    assert "cannot be written to: Permission denied; choose another folder" in ended.err


def test_a_full_disk_fails_what_does_not_fit_and_leaves_nothing_half(
    nanosieve, tmp_path, monkeypatch
):
    for name in ("a", "b", "c"):
        write(tmp_path / "in" / f"{name}.tif")
    out = tmp_path / "out"
    honest = os.replace

    def full(source, target):
        if "b" in Path(target).parts[-2:]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return honest(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "replace", full)
        patch.setattr(atomic.os, "replace", full)
        ended = nanosieve("segment", tmp_path / "in", "-o", out)
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "b.tif" in ended.err
    assert "No space left on device" in ended.err
    assert leftovers(out) == []
    assert (out / "a" / "labels.tif").exists()
    assert (out / "c" / "labels.tif").exists()
    assert not (out / "b" / "labels.tif").exists()
    assert nanosieve("segment", tmp_path / "in", "-o", out).code == 0
    assert set(summary(out)["status"]) == {"ok"}


def test_a_fault_of_our_own_fails_one_input_and_shows_where_with_debug(
    nanosieve, tmp_path, monkeypatch
):
    write(tmp_path / "in" / "a.tif")
    write(tmp_path / "in" / "b.tif")
    honest = batch_process.read

    def faulty(path, **options):
        if path.name == "a.tif":
            raise ZeroDivisionError("of our own")
        return honest(path, **options)

    monkeypatch.setattr(batch_process, "read", faulty)
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out")
    assert ended.code == 1
    assert "a.tif: unexpected ZeroDivisionError: of our own; --debug shows where" in ended.err
    assert "Traceback" not in ended.err
    assert summary(tmp_path / "out")["status"].to_dict() == {"a": "failed", "b": "ok"}
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out", "--debug")
    assert "Traceback" in ended.err


def test_want_of_memory_is_said_in_words(nanosieve, tmp_path, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr(batch_process, "analyse_frames", greedy)
    ended = nanosieve("segment", write(tmp_path / "a.tif"), "-o", tmp_path / "out")
    assert "a.tif: not enough memory for this image" in ended.err


@pytest.mark.slow
def test_three_hundred_mixed_files(nanosieve, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(300):
        path = tmp_path / "in" / f"{number}.tif"
        if number % 3:
            write(path, discs(((20, 20), (44, 44)), shape=(64, 64), radius=8, seed=number))
        else:
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(rng.bytes(number))
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out")
    assert ended.code == 1
    table = summary(tmp_path / "out")
    assert table["status"].value_counts().to_dict() == {"ok": 200, "failed": 100}
    assert ended.err.count("\n") == 100


def test_labels_of_a_broken_image_go_with_its_result(nanosieve, tmp_path):
    path = write(tmp_path / "a.tif")
    out = tmp_path / "out"
    assert nanosieve("segment", path, "-o", out).code == 0
    path.write_bytes(path.read_bytes()[:100])
    assert nanosieve("segment", path, "-o", out).code == 1
    assert not (out / "a" / "labels.tif").exists()
    assert summary(out)["status"].to_dict() == {"a": "failed"}
    assert tifffile.imread(write(path)).shape == (128, 128)
    assert nanosieve("segment", path, "-o", out).code == 0
