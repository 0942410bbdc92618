"""``nanosieve rank``: order, sheet, list; what fails is listed, what is there is used."""

import os
import signal
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from discs import CENTRES, discs, snapshot, write
from model_files import class_model
from nanosieve.batch import process as batch_process
from nanosieve.report.colours import INVENTED
from nanosieve.selection import rank_sheet

METHOD = ("--method", "hybrid")


@pytest.fixture
def folder(tmp_path):
    for name, n in (("one", 1), ("four", 4), ("two", 2)):
        write(tmp_path / "in" / f"{name}.tif", discs(CENTRES[:n]))
    return tmp_path / "in"


def table(out) -> pd.DataFrame:
    return pd.read_csv(out / "rank.csv")


def test_images_are_sorted_and_the_best_are_listed(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    ended = nanosieve("rank", folder, "-o", out, *METHOD, "--keep", 0.05)
    assert ended.code == 0, ended.err
    found = table(out)
    assert found["image"].tolist() == ["four", "two", "one"]
    area = np.pi * 12**2 / 128**2
    assert found["share"].tolist() == pytest.approx([4 * area, 2 * area, area], rel=0.1)
    assert (out / "keep.txt").read_text().splitlines() == [
        str(folder / "four.tif"), str(folder / "two.tif")
    ]  # fmt: skip
    assert "2 of 3 show 0.05 or more" in ended.out
    assert f"Look at {out / 'rank.png'}" in ended.out
    # What is not wanted is tinted: grey is no more.
    sheet = np.asarray(Image.open(out / "rank.png")).astype(int)
    tinted = (sheet[..., 0] - sheet[..., 2]) > 0.3 * (INVENTED[0] - INVENTED[2])
    assert 0.3 < tinted.mean() < 0.8


def test_what_is_wanted_may_be_the_support(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    assert nanosieve("rank", folder, "-o", out, *METHOD, "--wanted", "support").code == 0
    assert table(out)["image"].tolist() == ["one", "two", "four"]
    assert not (out / "keep.txt").exists()


def test_classes_of_a_model_are_wanted_by_name(nanosieve, tmp_path):
    y, x = np.mgrid[:128, :128]
    for name, radius in (("small", 6), ("large", 12)):
        film = np.hypot(y - 64, x - 64) < radius
        write(tmp_path / "in" / f"{name}.tif", discs() + (600 * film).astype(np.uint16))
    model, out = class_model(tmp_path / "classes.onnx"), tmp_path / "out"
    arguments = ("rank", tmp_path / "in", "-o", out, "--method", model, "--polarity", "dark")
    ended = nanosieve(*arguments, "--wanted", "film")
    assert ended.code == 0, ended.err
    found = table(out)
    assert found["image"].tolist() == ["large", "small"]
    assert found["share"][0] == pytest.approx(np.pi * 12**2 / 128**2, rel=0.1)
    assert found["wanted"].tolist() == ["film", "film"]
    ended = nanosieve(*arguments, "--wanted", "film,particle")
    assert table(out)["share"][0] == pytest.approx(5 * np.pi * 12**2 / 128**2, rel=0.1)
    ended = nanosieve(*arguments, "--wanted", "lattice")
    assert ended.code == 2
    assert "--wanted lattice: the method knows no such class; give support, film," in ended.err


def test_the_lattice_without_contamination_is_wanted(nanosieve, tmp_path):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    waves = [np.cos(0.69 * (np.sin(a) * y + np.cos(a) * x)) for a in np.deg2rad([10, 70, 130])]
    sheet = 1 + 0.03 * np.sum(waves, axis=0)
    patch = np.hypot(y - 100, x - 128) < 50
    covered = sheet + 0.1 * patch * rng.normal(size=x.shape)
    for name, relative in (("clean", sheet), ("covered", covered)):
        image = rng.poisson(400 * np.maximum(relative, 0))
        write(tmp_path / "in" / f"{name}.tif", image.astype(np.uint16))
    ended = nanosieve(
        "rank", tmp_path / "in", "-o", tmp_path / "out", "--method", "bragg", "--foreground",
        "amorphous", "--wanted", "support",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    found = table(tmp_path / "out").set_index("image")["share"]
    assert found["clean"] == 1
    assert found["covered"] == pytest.approx(1 - patch.mean(), abs=0.06)


def test_failures_are_listed_last_and_make_exit_code_1(nanosieve, folder, tmp_path):
    (folder / "zero.tif").touch()
    out = tmp_path / "out"
    ended = nanosieve("rank", folder, "no*where", "-o", out, *METHOD, "--keep", 0.01)
    assert ended.code == 1
    assert "zero.tif: empty (0 bytes)" in ended.err
    assert "failed: no*where: nothing matches" in ended.err
    found = table(out)
    assert found["image"].tolist()[-1] == "zero"
    assert found["status"].tolist() == ["ok", "ok", "ok", "failed"]
    assert len((out / "keep.txt").read_text().splitlines()) == 3


def test_an_image_without_the_class_is_refused_where_the_method_chose_itself(
    nanosieve, folder, tmp_path
):
    out = tmp_path / "out"
    ended = nanosieve("rank", folder / "one.tif", "-o", out, "--wanted", "lattice")
    assert ended.code == 1
    assert "one.tif: segmented by hybrid: --wanted lattice: the method knows no such" in ended.err
    assert table(out)["status"].tolist() == ["refused"]


def test_a_movie_is_one_file(nanosieve, tmp_path):
    movie = np.stack([discs(), discs(CENTRES[:2]), np.full((128, 128), 7, np.uint16)])
    path, out = write(tmp_path / "movie.tif", movie), tmp_path / "out"
    assert nanosieve("rank", path, "-o", out, *METHOD).code == 0
    row = table(out).iloc[0]
    area = np.pi * 12**2 / 128**2
    assert row["frames"] == 3
    assert row[["share", "share_lowest", "share_highest"]].tolist() == pytest.approx(
        [2 * area, 0, 4 * area], rel=0.1
    )


def test_results_that_are_there_are_used(nanosieve, folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert nanosieve("segment", folder, "-o", out, *METHOD).code == 0
    monkeypatch.setattr(batch_process, "analyse_frames", None)  # would fail if it were called
    ended = nanosieve("rank", folder, "-o", out, *METHOD, "--keep", 0.05)
    assert ended.code == 0, ended.err
    assert "3 unchanged" in ended.out
    before = snapshot(out)
    nanosieve("rank", folder, "-o", out, *METHOD, "--keep", 0.05)
    after = snapshot(out)
    assert {name: content for name, (content, _) in after.items()} == {
        name: content for name, (content, _) in before.items()
    }
    # A ranking without --keep has no list.
    nanosieve("rank", folder, "-o", out, *METHOD)
    assert not (out / "keep.txt").exists()


def test_out_may_be_the_folder_of_the_inputs(nanosieve, folder):
    for _ in range(2):
        assert nanosieve("rank", folder, "-o", folder, *METHOD).code == 0
        assert table(folder)["image"].tolist() == ["four", "two", "one"]


def test_left_out_pixels_are_hatched_and_do_not_count(nanosieve, folder, tmp_path):
    mask = np.zeros((128, 128), np.uint8)
    mask[64:] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    out = tmp_path / "out"
    ended = nanosieve(
        "rank", folder / "two.tif", "-o", out, *METHOD, "--exclude", tmp_path / "mask.png"
    )
    assert ended.code == 0, ended.err
    assert table(out)["share"][0] == pytest.approx(2 * np.pi * 12**2 / (64 * 128), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--keep", "30"), "Invalid value for '--keep': "),
        (("--wanted", "film"), "--wanted film: the method knows no such class"),
        (("--jobs", "0"), "--jobs must be at least 1"),
    ],
)
def test_wrong_usage(nanosieve, folder, tmp_path, options, message):
    ended = nanosieve("rank", folder, "-o", tmp_path / "out", *METHOD, *options)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_ctrl_c_keeps_what_was_segmented(process, tmp_path):
    for number in range(40):
        write(tmp_path / "in" / f"{number}.tif", discs(seed=number))
    out = tmp_path / "out"
    child = process("rank", tmp_path / "in", "-o", out, *METHOD)
    while not list(out.glob("*/result.json")):
        assert child.poll() is None
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.splitlines() == [
        "nanosieve: stopping; this may take a moment",
        "nanosieve: interrupted: what was finished stays; the same command again does the rest",
    ]
    done = len(list(out.glob("*/result.json")))
    assert 0 < done < 40


def test_processes_draw_the_same_sheet(nanosieve, folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    nanosieve("rank", folder, "-o", out, *METHOD)
    before = (out / "rank.png").read_bytes()
    (out / "rank.png").unlink()
    monkeypatch.setattr(rank_sheet, "_WORTH_A_PROCESS", 1)
    assert nanosieve("rank", folder, "-o", out, *METHOD, "--jobs", 2).code == 0
    assert (out / "rank.png").read_bytes() == before
