"""``nanosieve segment`` from files to tables, page and exit code."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from discs import RADIUS, discs, snapshot, write
from nanosieve.core.schema import particle_columns, summary_columns
from nanosieve.measurement import distribution


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(3):
        write(tmp_path / "in" / f"disc{number}.tif", discs(seed=number))
    (tmp_path / "in" / "notes.txt").touch()
    return tmp_path / "in"


def test_a_folder_gives_every_output_of_the_design(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    ended = nanosieve("segment", folder, "-o", out)
    assert ended.code == 0, ended.err
    assert ended.err == ""
    assert {path.name for path in out.iterdir()} == {
        "disc0", "disc1", "disc2", "particles.csv", "summary.csv", "report.html", "run.json"
    }  # fmt: skip
    for name in ("labels.tif", "particles.csv", "overlay.png"):
        assert (out / "disc0" / name).is_file()
    summary = rows(out / "summary.csv")
    assert [row["image"] for row in summary] == ["disc0", "disc1", "disc2"]
    assert {row["status"] for row in summary} == {"ok"}
    assert list(summary[0]) == summary_columns("nm")
    particles = pd.read_csv(out / "particles.csv", keep_default_na=False)
    assert list(particles.columns) == particle_columns("nm")
    assert particles["image"].value_counts().to_dict() == {"disc0": 4, "disc1": 4, "disc2": 4}
    # The radius of the discs, to the half pixel that edge rules differ by.
    assert particles["diameter_nm"].to_numpy(float) == pytest.approx(RADIUS, abs=1)
    labels = tifffile.imread(out / "disc0" / "labels.tif")
    assert labels.dtype == np.uint16
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4]
    assert "Skipped for the suffix: 1 (notes.txt)" in ended.out
    assert str(out / "report.html") in ended.out


def test_run_json_says_what_was_made_from_what(nanosieve, folder, tmp_path):
    nanosieve("segment", folder, "-o", tmp_path / "out", "--edge", "half")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["settings"]["edge"] == "half"
    assert run["skipped"] == 1
    assert [one["path"] for one in run["inputs"]] == [f"../in/disc{n}.tif" for n in range(3)]
    assert {one["status"] for one in run["inputs"]} == {"ok"}
    assert len({one["hash"] for one in run["inputs"]}) == 3


def test_two_runs_give_equal_bytes_and_so_do_two_processes(
    nanosieve, folder, tmp_path, monkeypatch
):
    # Other processes make as many as they always do.
    monkeypatch.setattr(distribution, "RESAMPLES", 1000)
    for out, jobs in (("one", 1), ("two", 1), ("three", 2)):
        assert nanosieve("segment", folder, "-o", tmp_path / out, "--jobs", jobs).code == 0
    contents = [
        {name: content for name, (content, _) in snapshot(tmp_path / out).items()}
        for out in ("one", "two", "three")
    ]
    assert contents[0] == contents[1] == contents[2]


def test_shards_write_nothing_in_common_and_report_joins_them(nanosieve, folder, tmp_path):
    nanosieve("segment", folder, "-o", tmp_path / "whole")
    sharded = tmp_path / "sharded"
    seen: set[str] = set()
    for index in (1, 2):
        before = snapshot(sharded) if sharded.exists() else {}
        ended = nanosieve("segment", folder, "-o", sharded, "--shard", f"{index}/2")
        assert ended.code == 0
        assert f"nanosieve report {sharded}" in ended.out
        after = snapshot(sharded)
        assert {name: after[name] for name in before} == before
        new = set(after) - set(before)
        assert not new & seen
        seen |= new
    assert not (sharded / "summary.csv").exists()
    assert nanosieve("report", sharded).code == 0
    whole = snapshot(tmp_path / "whole")
    joined = snapshot(sharded)
    assert set(whole) == set(joined)
    # Shards do not know how many files were skipped.
    same = set(whole) - {"run.json", "report.html"}
    assert all(whole[name][0] == joined[name][0] for name in same)


def test_units_that_mix_stand_in_columns_of_their_own(nanosieve, tmp_path):
    write(tmp_path / "in" / "known.tif", nm=0.5)
    write(tmp_path / "in" / "unknown.tif", nm=None)
    assert nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out").code == 0
    own = rows(tmp_path / "out" / "unknown" / "particles.csv")
    assert list(own[0]) == particle_columns("px")
    pooled = rows(tmp_path / "out" / "particles.csv")
    assert set(pooled[0]) == {*particle_columns("nm"), *particle_columns("px")}
    for row in pooled:
        known = row["image"] == "known"
        assert (row["diameter_nm"] != "", row["diameter_px"] != "") == (known, not known)
        assert (row["area_nm2"] != "", row["area_px2"] != "") == (known, not known)
    summary = {row["image"]: row for row in rows(tmp_path / "out" / "summary.csv")}
    assert summary["unknown"]["pixel_size_nm"] == ""
    assert summary["unknown"]["diameter_mean_nm"] == ""
    assert float(summary["unknown"]["diameter_mean_px"]) == pytest.approx(2 * RADIUS, abs=2)


def test_names_are_distinct_where_stems_are_not(nanosieve, tmp_path):
    for folder in ("day1", "day2"):
        write(tmp_path / folder / "x.tif")
    inputs = [tmp_path / "day1", tmp_path / "day2"]
    nanosieve("segment", *inputs, "-o", tmp_path / "out", "--group-by", "folder")
    assert (tmp_path / "out" / "day1-x" / "labels.tif").exists()
    assert (tmp_path / "out" / "day2-x" / "labels.tif").exists()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "day1" in page.split('id="groups"')[1]


def test_exports_and_probability_come_beside_the_labels(nanosieve, folder, tmp_path):
    out = tmp_path / "out"
    arguments = ("segment", folder, "-o", out)
    nanosieve(*arguments)
    before = snapshot(out)
    assert nanosieve(*arguments, "--export", "roi,coco,geojson").code == 0
    after = snapshot(out)
    assert {name: after[name] for name in before if name != "report.html"} == {
        name: value for name, value in before.items() if name != "report.html"
    }
    assert set(after) - set(before) == {
        "coco.json", *(f"disc{n}/{name}" for n in range(3) for name in
                       ("rois.zip", "particles.geojson"))
    }  # fmt: skip
    coco = json.loads((out / "coco.json").read_text())
    assert (len(coco["images"]), len(coco["annotations"])) == (3, 12)
    assert nanosieve(*arguments, "--probability").code == 0
    probability = tifffile.imread(out / "disc0" / "probability.tif")
    assert probability.dtype == np.uint8
    # Exports that were there are made again with the result.
    assert (out / "disc0" / "rois.zip").exists()


def test_as_dataset_writes_a_folder_to_train_from(nanosieve, folder, tmp_path):
    assert nanosieve("segment", folder, "-o", tmp_path / "out", "--as-dataset").code == 0
    dataset = tmp_path / "out" / "dataset"
    assert [row["name"] for row in rows(dataset / "dataset.csv")] == ["disc0", "disc1", "disc2"]
    assert (dataset / "contact-sheet.png").is_file()
    for number in range(3):
        image = tifffile.imread(dataset / "images" / f"disc{number}.tif")
        assert np.array_equal(image, discs(seed=number))


def test_isolated_only_leaves_the_others_out_and_says_so(nanosieve, tmp_path):
    centres = ((0, 30), (30, 96), (96, 30), (96, 96))
    write(tmp_path / "a.tif", discs(centres))
    out = tmp_path / "out"
    assert nanosieve("segment", tmp_path / "a.tif", "-o", out, "--isolated-only").code == 0
    assert len(rows(out / "particles.csv")) == 3
    assert np.unique(tifffile.imread(out / "a" / "labels.tif")).tolist() == [0, 1, 2, 3]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "3 isolated particles; 1 others were left out" in page
    assert "N = 4" in page
    # Beside N of those in the tables stands their mean, not that of all.
    [row] = rows(out / "summary.csv")
    line = next(line for line in page.splitlines() if 'href="#image-1"' in line)
    shown = [float(value) for value in re.findall(r'data-value="([\d.]+)"', line)]
    assert pytest.approx(float(row["diameter_mean_nm"]), rel=1e-4) in shown


def test_a_movie_has_a_row_a_frame_and_labels_of_three_axes(nanosieve, tmp_path):
    movie = np.stack([discs(((32, 32),), shape=(64, 64), seed=seed) for seed in range(7)])
    write(tmp_path / "m.tif", movie)
    out = tmp_path / "out"
    assert nanosieve("segment", tmp_path / "m.tif", "-o", out, "--probability").code == 0
    assert [row["frame"] for row in rows(out / "summary.csv")] == [str(n) for n in range(7)]
    assert tifffile.imread(out / "m" / "labels.tif").shape == movie.shape
    assert tifffile.imread(out / "m" / "probability.tif").shape == movie.shape
    assert len(rows(out / "m" / "particles.csv")) == 7
    assert "number of particles over time" in (out / "report.html").read_text(encoding="utf-8")
    assert nanosieve("segment", tmp_path / "m.tif", "-o", tmp_path / "o2", "--average", 3).code == 0
    assert tifffile.imread(tmp_path / "o2" / "m" / "labels.tif").shape == (3, 64, 64)


def test_a_mask_for_all_and_masks_by_name(nanosieve, folder, tmp_path):
    mask = np.zeros((128, 128), np.uint8)
    mask[:64] = 1
    write(tmp_path / "mask.tif", mask, nm=None)
    masks = tmp_path / "masks"
    masks.mkdir()
    (tmp_path / "mask.tif").replace(masks / "disc1.tif")
    out = tmp_path / "out"
    ended = nanosieve("segment", folder, "-o", out, "--exclude", masks)
    assert "so nothing is excluded, for: disc0, disc2" in ended.err
    assert [row["n"] for row in rows(out / "summary.csv")] == ["4", "2", "4"]
    nanosieve("segment", folder, "-o", out, "--exclude", masks / "disc1.tif")
    assert [row["n"] for row in rows(out / "summary.csv")] == ["2", "2", "2"]


def test_masks_of_other_names_are_wrong_usage(nanosieve, folder, tmp_path):
    write(tmp_path / "masks" / "other.tif", nm=None)
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", "--exclude", tmp_path / "masks")
    assert ended.code == 2
    assert "holds no mask of an input; name them as the inputs are named, disc0.png" in ended.err


def test_a_gpu_is_accepted_and_said_to_be_idle(nanosieve, tmp_path):
    arguments = ("segment", write(tmp_path / "a.tif"), "-o", tmp_path / "out", "--device", "gpu")
    ended = nanosieve(*arguments)
    assert ended.code == 0
    assert "--device gpu: method auto uses none; the processor does the work" in ended.err


def test_a_dry_run_writes_nothing(nanosieve, folder, tmp_path):
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", "--dry-run")
    assert ended.code == 0
    assert not (tmp_path / "out").exists()
    assert ended.out.count("segmented") == 3
    nanosieve("segment", folder, "-o", tmp_path / "out")
    before = snapshot(tmp_path / "out")
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", "--dry-run")
    assert ended.out.count("left: nothing changed") == 3
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "magic"], "--method magic: no such method; give one of auto, otsu"),
        (["--threshold", "0.5"], "--threshold is a network's probability"),
        (["--edge", "middle"], "--edge: Input should be 'base', 'half' or 'otsu'"),
        (["--polarity", "grey"], "--polarity: Input should be 'auto', 'dark' or 'bright'"),
        (["--pixel-size", "-1"], "--pixel-size: Input should be greater than 0"),
        (["--pixel-size", "small"], "Invalid value for '--pixel-size'"),
        (["--min-diameter", "3um"], "--min-diameter: expected nm as '2.5' or pixels as '12px'"),
        (["--average", "0"], "--average-frames: Input should be greater than or equal to 1"),
        (["--export", "roi,svg"], "--export svg: give one or more of roi, coco, geojson"),
        (["--shard", "half"], "--shard half: give I/N"),
        (["--shard", "3/2"], "--shard 3/2: shards count from 1/2 to 2/2"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--device", "tpu"], "--device tpu: give auto, cpu or gpu"),
        (["--group-by", "day"], "Invalid value for '--group-by'"),
        (["--exclude", "nowhere.png"], "--exclude nowhere.png: no such file or folder"),
        (["--wrong"], "No such option: --wrong"),
    ],
)
def test_wrong_usage_is_one_line_and_two(nanosieve, folder, tmp_path, arguments, message):
    ended = nanosieve("segment", folder, "-o", tmp_path / "out", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "out" / "disc0").exists()


def test_nothing_to_do_is_wrong_usage(nanosieve, tmp_path):
    ended = nanosieve("segment", tmp_path, "-o", tmp_path / "out")
    assert ended.code == 2
    assert "nothing to analyse in" in ended.err
    assert nanosieve("segment").code == 2


def test_the_overview_is_short_for_many_inputs_and_names_failures(nanosieve, tmp_path):
    for number in range(32):
        write(tmp_path / "in" / f"flat{number:02d}.tif", np.full((16, 16), 7, np.uint16))
    (tmp_path / "in" / "zz.tif").touch()
    ended = nanosieve("segment", tmp_path / "in", "-o", tmp_path / "out")
    assert ended.code == 1
    assert "... and 3 more in summary.csv" in ended.out
    assert " zz " in ended.out


def test_doubts_are_named_in_the_terminal(nanosieve, tmp_path):
    """Large discs among specks: whoever reads only the terminal learns of it."""
    y, x = np.indices((240, 240))
    centres = [(60, 60), (60, 180), (180, 60), (180, 180)]
    specks = [(20, 120), (120, 20), (120, 120), (220, 120)]
    inside = np.zeros(y.shape, bool)
    for radius, places in ((28, centres), (4, specks)):
        for row, column in places:
            inside |= np.hypot(y - row, x - column) < radius
    noise = np.random.default_rng(0).normal(1000, 20, y.shape)
    tifffile.imwrite(tmp_path / "a.tif", (noise - 400 * inside).astype(np.uint16))
    ended = nanosieve("segment", tmp_path / "a.tif", "-o", tmp_path / "out")
    assert "Look at 1 of 1 (a): specks." in ended.out
    again = nanosieve("segment", tmp_path / "a.tif", "-o", tmp_path / "out")
    assert "Look at 1 of 1 (a): specks." in again.out
