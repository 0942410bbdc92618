"""A second run does what is missing or changed, and nothing else; interruptions leave no halves."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from discs import discs, snapshot, write
from nanosieve.batch import process as batch_process
from nanosieve.files.atomic import remove_leftovers

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals differ")


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in "abc":
        write(tmp_path / "in" / f"{name}.tif", discs(seed=ord(name)))
    return tmp_path / "in"


@pytest.fixture
def segmented(monkeypatch) -> list[str]:
    """Names of the inputs that are segmented, as it happens."""
    names = []
    honest = batch_process.analyse_frames

    def counted(micrograph, *arguments, **options):
        names.append(micrograph.name)
        return honest(micrograph, *arguments, **options)

    monkeypatch.setattr(batch_process, "analyse_frames", counted)
    return names


def images(out: Path) -> dict[str, int]:
    table = pd.read_csv(out / "particles.csv")
    return table["image"].value_counts().to_dict()


def test_another_image_of_the_same_name_does_not_take_a_result(nanosieve, folder, tmp_path):
    other, out = tmp_path / "other" / "a.tif", tmp_path / "out"
    write(other, discs(((40, 40),), seed=1))
    assert nanosieve("segment", folder / "a.tif", "-o", out).code == 0
    labels = tifffile.imread(out / "a" / "labels.tif")
    labels[labels == 1] = 0
    write(out / "a" / "labels.tif", labels)
    assert nanosieve("segment", folder / "a.tif", "-o", out).code == 0
    before = snapshot(out / "a")
    for arguments in (
        ("segment", other, "-o", out),
        ("segment", other, "-o", out, "--dry-run"),
        ("measure", out / "a" / "labels.tif", "--image", other, "-o", out),
    ):
        ended = nanosieve(*arguments)
        assert "holds the result of another image" in " ".join((ended.out + ended.err).split())
        assert snapshot(out / "a") == before
    assert nanosieve("segment", other, "-o", out, "--overwrite").code == 0
    assert images(out) == {"a": 1}
    # The same image elsewhere is no other one.
    (folder / "a.tif").write_bytes(other.read_bytes())
    assert nanosieve("segment", folder / "a.tif", "-o", out).code == 0


def test_a_second_run_changes_nothing(nanosieve, folder, tmp_path, segmented):
    out = tmp_path / "out"
    (folder / "zero.tif").touch()
    arguments = ("segment", folder, "-o", out, "--export", "roi,coco,geojson", "--as-dataset")
    assert nanosieve(*arguments).code == 1
    before = snapshot(out)
    segmented.clear()
    ended = nanosieve(*arguments)
    assert ended.code == 1
    assert "3 unchanged" in ended.out
    assert segmented == []
    after = snapshot(out)
    assert {name: value[0] for name, value in after.items()} == {
        name: value[0] for name, value in before.items()
    }
    touched = {name for name in after if after[name] != before[name]}
    # The data set's index and sheet are written by their own rules.
    assert not {name for name in touched if not name.startswith("dataset/")}


def test_what_changed_is_redone_and_the_rest_is_left(nanosieve, folder, tmp_path, segmented):
    out = tmp_path / "out"
    arguments = ("segment", folder, "-o", out)
    nanosieve(*arguments)
    before = snapshot(out)
    segmented.clear()
    write(folder / "b.tif", discs(((64, 64),)))
    (out / "c" / "overlay.png").unlink()
    write(folder / "d.tif")
    assert nanosieve(*arguments).code == 0
    assert segmented == ["b", "c", "d"]
    assert images(out) == {"a": 4, "b": 1, "c": 4, "d": 4}
    after = snapshot(out)
    assert all(after[name] == before[name] for name in before if name.startswith("a/"))


def test_another_setting_or_version_redoes_all(nanosieve, folder, tmp_path, segmented, monkeypatch):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    segmented.clear()
    nanosieve("segment", folder, "-o", out, "--edge", "half")
    assert segmented == ["a", "b", "c"]
    segmented.clear()
    monkeypatch.setattr(batch_process, "__version__", "99.0")
    nanosieve("segment", folder, "-o", out, "--edge", "half")
    assert segmented == ["a", "b", "c"]


@pytest.mark.parametrize("corrected", [False, True])
def test_another_uncertainty_of_the_pixel_size_only_pools_again(
    nanosieve, folder, tmp_path, segmented, corrected
):
    out = tmp_path / "out"
    assert nanosieve("segment", folder, "-o", out).code == 0
    if corrected:
        labels = out / "a" / "labels.tif"
        tifffile.imwrite(labels, np.where(tifffile.imread(labels) == 1, 0, 5).astype(np.uint16))
        assert nanosieve("segment", folder, "-o", out).code == 0
    before = {name: value for name, value in snapshot(out).items() if "/" in name}
    assert "give --pixel-size-uncertainty" in (out / "report.html").read_text(encoding="utf-8")
    segmented.clear()
    arguments = ("segment", folder, "-o", out, "--pixel-size-uncertainty", "2")
    assert nanosieve(*arguments).code == 0
    assert segmented == []
    assert "give --pixel-size-uncertainty" not in (out / "report.html").read_text(encoding="utf-8")
    changed = {name for name, value in snapshot(out).items() if before.get(name, value) != value}
    assert changed == {f"{name}/result.json" for name in "abc"}
    assert '"pixel_size_uncertainty_percent": 2.0' in (out / "run.json").read_text()


def test_another_mask_redoes(nanosieve, folder, tmp_path, segmented):
    mask = np.zeros((128, 128), np.uint8)
    write(tmp_path / "mask.tif", mask, nm=None)
    arguments = ("segment", folder, "-o", tmp_path / "out", "--exclude", tmp_path / "mask.tif")
    nanosieve(*arguments)
    segmented.clear()
    nanosieve(*arguments)
    assert segmented == []
    mask[:64] = 1
    write(tmp_path / "mask.tif", mask, nm=None)
    nanosieve(*arguments)
    assert segmented == ["a", "b", "c"]
    assert images(tmp_path / "out") == {"a": 2, "b": 2, "c": 2}


def corrected(out: Path, name: str) -> bytes:
    """Change a result's labels as a user does: one large particle in place of all."""
    labels = np.zeros((128, 128), np.uint16)
    labels[40:90, 40:90] = 5
    path = write(out / name / "labels.tif", labels)
    return path.read_bytes()


def test_changed_labels_are_kept_and_measured(nanosieve, folder, tmp_path, segmented):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out, "--export", "geojson")
    changed = corrected(out, "b")
    segmented.clear()
    ended = nanosieve("segment", folder, "-o", out, "--edge", "half")
    assert segmented == ["a", "c"]
    assert "b.tif: its labels are the user's" in ended.err
    assert (out / "b" / "labels.tif").read_bytes() == changed
    table = pd.read_csv(out / "particles.csv").query("image == 'b'")
    assert table[["label", "area_nm2", "flags"]].values.tolist() == [[5, 625.0, "edited"]]
    # Kept they stay, until the user says otherwise.
    nanosieve("segment", folder, "-o", out, "--edge", "half")
    assert (out / "b" / "labels.tif").read_bytes() == changed
    nanosieve("segment", folder, "-o", out, "--edge", "half", "--overwrite")
    assert images(out) == {"a": 4, "b": 4, "c": 4}


def test_report_measures_changed_labels_again(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out, "--export", "geojson")
    changed = corrected(out, "b")
    assert nanosieve("report", out).code == 0
    assert (out / "b" / "labels.tif").read_bytes() == changed
    assert images(out) == {"a": 4, "b": 1, "c": 4}
    assert '"name":"5"' in (out / "b" / "particles.geojson").read_text()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "edited" in page
    before = snapshot(out)
    assert nanosieve("report", out).code == 0
    assert snapshot(out) == before


def test_report_says_which_changed_labels_cannot_be_measured(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    corrected(out, "b")
    (folder / "b.tif").unlink()
    (out / "c" / "labels.tif").unlink()
    ended = nanosieve("report", out)
    assert ended.code == 1
    assert ended.err.count("\n") == 2
    assert "failed: b: the labels were changed but cannot be measured" in ended.err
    assert "failed: c: labels.tif is missing; run segment again" in ended.err
    assert images(out) == {"a": 4}


@pytest.mark.parametrize("argument", ["nowhere", "."])
def test_report_of_nothing_is_wrong_usage(nanosieve, tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    ended = nanosieve("report", argument)
    assert ended.code == 2
    assert ended.err.count("\n") == 1


def test_one_file_under_two_names_is_told(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    write(folder / "a.tiff", discs(seed=9))
    ended = nanosieve("segment", folder, "-o", out)
    assert "a and a-tif are both of a.tif and count twice" in ended.err


def test_settings_that_do_not_suit_a_file_do_not_cost_it_its_result(nanosieve, tmp_path):
    image = write(tmp_path / "bare.tif", nm=None)
    out = tmp_path / "out"
    nanosieve("segment", image, "-o", out)
    before = (out / "bare" / "labels.tif").read_bytes()
    ended = nanosieve("segment", image, "-o", out, "--min-diameter", "2")
    assert ended.code == 1
    assert "give --pixel-size, or the diameter in pixels" in ended.err
    assert "the result that was there stays" in ended.err
    assert (out / "bare" / "labels.tif").read_bytes() == before
    # Another file under the name is another matter.
    image.write_bytes(b"")
    assert nanosieve("segment", image, "-o", out).code == 1
    assert not (out / "bare" / "labels.tif").exists()


def _first_result(out: Path, child) -> None:
    """Wait until one result is in its place."""
    for _ in range(1200):
        if child.poll() is not None or list(out.glob("[!.]*/labels.tif")):
            return
        time.sleep(0.05)
    pytest.fail("no result in a minute")


@posix_only
@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_ctrl_c_leaves_what_was_finished(process, tmp_path, jobs):
    for number in range(60):
        write(tmp_path / "in" / f"{number}.tif", discs(seed=number))
    out = tmp_path / "out"
    child = process("segment", tmp_path / "in", "-o", out, "--jobs", jobs)
    _first_result(out, child)
    # As a terminal does: to the whole group.
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.splitlines() == [
        "nanosieve: stopping; this may take a moment",
        "nanosieve: interrupted: what was finished stays; the same command again does the rest",
    ]
    _is_whole(out)
    _group_is_gone(child.pid)


@posix_only
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_after_kill_9_a_second_run_finishes(nanosieve, process, tmp_path, jobs):
    for number in range(8):
        small = discs(((32, 32),), shape=(64, 64), seed=number)
        write(tmp_path / "in" / f"{number}.tif", small)
    out = tmp_path / "out"
    arguments = ("segment", tmp_path / "in", "-o", out, "--jobs", jobs)
    child = process(*arguments)
    _first_result(out, child)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    _group_is_gone(child.pid)
    _is_whole(out)
    assert nanosieve(*arguments).code == 0
    assert sum(images(out).values()) == 8
    assert [path for path in out.rglob(".*") if path.is_file()] == []
    assert remove_leftovers(out) == 0


def _is_whole(out: Path) -> None:
    """Every file that is not hidden can be read."""
    for path in out.glob("[!.]*/labels.tif"):
        tifffile.imread(path)
        assert (path.parent / "result.json").is_file()
        pd.read_csv(path.parent / "particles.csv")


def _group_is_gone(group: int) -> None:
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process went on alone")
