"""Corners of a run: labels of the user, lost files, full disks, odd inputs, what the page says."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from discs import discs, write
from nanosieve.batch import process as batch_process
from nanosieve.batch import rebuild, store
from nanosieve.batch.page import _edge_shift
from nanosieve.core.errors import OutputError
from nanosieve.simulation import samples


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in "ab":
        write(tmp_path / "in" / f"{name}.tif", discs(seed=ord(name)))
    return tmp_path / "in"


def corrected(out: Path, name: str) -> None:
    labels = np.zeros((128, 128), np.uint16)
    labels[40:90, 40:90] = 5
    write(out / name / "labels.tif", labels)


def areas(out: Path, name: str) -> list[float]:
    table = pd.read_csv(out / "particles.csv")
    return table.loc[table["image"] == name, "area_nm2"].tolist()


def summary(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "summary.csv").set_index("image")


def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def test_labels_of_the_user_are_measured_again_where_a_setting_changed(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    corrected(out, "b")
    nanosieve("segment", folder, "-o", out)
    assert areas(out, "b") == [625.0]
    nanosieve("segment", folder, "-o", out, "--pixel-size", 1)
    assert areas(out, "b") == [2500.0]


def test_no_arguments_show_the_help_as_it_is(nanosieve):
    ended = nanosieve()
    assert ended.code == 2
    assert "error:" not in ended.err
    assert len(ended.err.splitlines()) > 10


def test_the_page_states_the_edge_of_what_was_segmented_alone(nanosieve, tmp_path):
    image, out = write(tmp_path / "a.tif"), tmp_path / "out"
    labels = write(tmp_path / "l.tif", (discs() < 700).astype(np.uint16))
    nanosieve("measure", labels, "--image", image, "-o", out)
    assert "near the foot of the profile" not in page(out)
    assert "labels were given" in page(out)
    exact = ("--method", "reconstruction", "--paper-exact")
    nanosieve("segment", image, "-o", tmp_path / "exact", *exact)
    assert "near the foot of the profile" not in page(tmp_path / "exact")
    assert "the published recipe&#39;s own edge (Otsu)" in page(tmp_path / "exact").replace(
        "'", "&#39;"
    )


def test_the_edge_term_is_of_those_that_have_it(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    empty = discs(())
    write(folder / "movie.tif", np.stack([np.full_like(empty, 7), discs()]))
    nanosieve("segment", folder, "-o", out)
    labels = write(tmp_path / "l.tif", (discs() < 700).astype(np.uint16))
    nanosieve("measure", labels, "--image", folder / "b.tif", "-o", out)
    records = {one.name: one for one in store.load_all(out)}
    alone = {name: _edge_shift([record]) for name, record in records.items()}
    assert alone["b"] is None
    assert alone["a"] is not None
    assert alone["movie"] is not None
    joined = _edge_shift(list(records.values()))
    assert joined == pytest.approx((alone["a"] + alone["movie"]) / 2)


def test_a_data_set_stays_up_to_date_in_runs_without_it(nanosieve, tmp_path):
    image, out = tmp_path / "m.tif", tmp_path / "out"
    write(image, np.stack([discs(((32, 32),), shape=(64, 64), seed=s) for s in range(7)]))
    assert nanosieve("segment", image, "-o", out, "--as-dataset").code == 0
    masks = [path.read_bytes() for path in sorted((out / "dataset").rglob("*-00003.*"))]
    mask = np.zeros((64, 64), np.uint16)
    mask[:, :40] = 1
    write(tmp_path / "x.tif", mask, nm=None)
    ended = nanosieve("segment", image, "-o", out, "--exclude", tmp_path / "x.tif")
    assert ended.code == 0, ended.err
    assert masks != [path.read_bytes() for path in sorted((out / "dataset").rglob("*-00003.*"))]


def test_a_data_set_loses_the_frames_that_averaging_takes_away(nanosieve, tmp_path):
    image, out = tmp_path / "m.tif", tmp_path / "out"
    write(image, np.stack([discs(((32, 32),), shape=(64, 64), seed=s) for s in range(4)]))
    own = out / "dataset" / "images" / "mine.tif"

    def names() -> tuple[list[str], list[str]]:
        files = {path.stem for path in (out / "dataset").glob("*/*")}
        index = pd.read_csv(out / "dataset" / "dataset.csv")
        return sorted(files - {"mine"}), sorted(index["name"])

    nanosieve("segment", image, "-o", out, "--as-dataset")
    assert names() == ([f"m-0000{i}" for i in range(4)],) * 2
    write(own, discs())
    nanosieve("segment", image, "-o", out, "--as-dataset", "--average", "2")
    assert names() == (["m-00000", "m-00001"],) * 2
    nanosieve("segment", image, "-o", out, "--as-dataset", "--average", "4")
    assert names() == (["m"],) * 2
    assert own.exists()


@pytest.mark.parametrize("lost", ["thumbnail-00000.jpg", "overlay.png"])
def test_a_lost_file_fails_its_result_alone_until_it_is_made_again(
    nanosieve, folder, tmp_path, lost
):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    (out / "a" / lost).unlink()
    ended = nanosieve("report", out)
    assert ended.code == 1
    assert ended.err == f"nanosieve: failed: a: {lost} is missing; run segment again\n"
    assert nanosieve("segment", folder, "-o", out).code == 0
    assert (out / "a" / lost).is_file()


def test_a_lost_picture_of_given_labels_is_made_again_by_report(nanosieve, tmp_path):
    image, out = write(tmp_path / "a.tif"), tmp_path / "out"
    labels = write(tmp_path / "l.tif", (discs() < 700).astype(np.uint16))
    nanosieve("measure", labels, "--image", image, "-o", out)
    (out / "a" / "thumbnail-00000.jpg").unlink()
    assert nanosieve("report", out).code == 0
    assert (out / "a" / "thumbnail-00000.jpg").is_file()


def test_demo_leaves_other_pictures_in_its_folder_alone(nanosieve, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "samples", lambda: [samples.sample("empty_support")])
    write(tmp_path / "images" / "mine.tif")
    assert nanosieve("demo", "-o", tmp_path).code == 0
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_cannot_be_read_fails_alone(nanosieve, folder, tmp_path, monkeypatch):
    locked = tmp_path / "locked"
    locked.mkdir()
    honest = Path.iterdir

    def refusing(path):
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return honest(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    ended = nanosieve("segment", locked, folder, "-o", tmp_path / "out")
    assert ended.code == 1
    assert ended.err == f"nanosieve: failed: {locked}: cannot be read: Permission denied\n"
    assert summary(tmp_path / "out")["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_a_glob_without_match_beside_others_is_one_line(nanosieve, folder, tmp_path, extra):
    glob = str(folder / "no*match.tif")
    ended = nanosieve("segment", folder / "a.tif", glob, "-o", tmp_path / "out", *extra)
    assert ended.code == 1
    assert ended.err == f"nanosieve: failed: {glob}: nothing matches\n"


def test_old_stages_go_at_the_start_and_new_ones_stay(tmp_path):
    for name in ("old", "new"):
        with store.staged(tmp_path, name) as stage:
            pass
        stage.mkdir()
        (stage / "labels.tif").touch()
        if name == "old":
            os.utime(stage / "labels.tif", (0, 0))
            os.utime(stage, (0, 0))
    rebuild.prepare_out(tmp_path)
    assert list(tmp_path.iterdir()) == [stage]


def test_where_nothing_could_be_recorded_the_failures_are_told(
    nanosieve, folder, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise OutputError("cannot write: No space left on device")

    monkeypatch.setattr(batch_process.store, "publish", full)
    ended = nanosieve("segment", folder, "-o", tmp_path / "out")
    assert ended.code == 1
    assert "2 failed or refused" in ended.out
    assert "holds no result" not in ended.err


@pytest.mark.parametrize("option", ["--pixel-size", "--resample", "--min-diameter"])
@pytest.mark.parametrize("number", ["inf", "nan"])
def test_no_number_is_wrong_usage(nanosieve, folder, tmp_path, option, number):
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", option, number)
    assert ended.code == 2
    assert ended.err.count("\n") == 1


def test_a_dry_run_says_with_its_exit_code_what_would_fail(
    nanosieve, folder, tmp_path, monkeypatch
):
    ended = nanosieve("segment", folder, folder / "gone.tif", "-o", tmp_path / "out", "--dry-run")
    assert ended.code == 1
    shutil.rmtree(tmp_path / "out", ignore_errors=True)

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(batch_process.store, "is_users", refuse)
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", "--dry-run")
    assert ended.code == 1
    assert "failed" in ended.out


def test_labels_of_the_user_are_not_measured_again_where_nothing_changed(
    nanosieve, folder, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    nanosieve("segment", folder, "-o", out)
    corrected(out, "b")
    nanosieve("segment", folder, "-o", out)
    measured = []
    monkeypatch.setattr(batch_process, "measure_given", lambda *_, **__: measured.append(1))
    assert "1 kept" in nanosieve("segment", folder, "-o", out).out
    assert measured == []
