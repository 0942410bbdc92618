"""``nanosieve measure``: label images made elsewhere come back as results."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from discs import discs, write
from nanosieve.core.micrograph import Calibration
from nanosieve.files.labels import write_labels


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((128, 128), np.uint16)
    labels[20:40, 20:40], labels[80:90, 80:100] = 7, 300
    return labels


def table(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "particles.csv")


def test_labels_made_elsewhere_give_the_same_outputs(nanosieve, tmp_path, labels):
    image = write(tmp_path / "gold.tif")
    tifffile.imwrite(tmp_path / "by_hand.tif", labels)
    out = tmp_path / "out"
    ended = nanosieve("measure", tmp_path / "by_hand.tif", "--image", image, "-o", out)
    assert ended.code == 0, ended.err
    assert table(out)[["image", "label", "area_nm2", "flags"]].to_numpy().tolist() == [
        ["gold", 7, 100.0, "edited"],
        ["gold", 300, 50.0, "edited"],
    ]
    assert np.array_equal(tifffile.imread(out / "gold" / "labels.tif"), labels)
    for name in ("summary.csv", "report.html", "run.json", "gold/overlay.png"):
        assert (out / name).is_file()
    run = json.loads((out / "run.json").read_text())
    assert run["inputs"][0]["labels"] == "given or changed by the user"
    # They are the user's: segment leaves them.
    ended = nanosieve("segment", image, "-o", out)
    assert "kept: " in ended.err
    assert table(out)["label"].tolist() == [7, 300]


def test_labels_corrected_in_place_stay_as_they_are(nanosieve, tmp_path, labels):
    image = write(tmp_path / "gold.tif")
    out = tmp_path / "out"
    nanosieve("segment", image, "-o", out)
    Image.fromarray(labels).save(out / "gold" / "labels.tif")
    before = (out / "gold" / "labels.tif").read_bytes()
    assert nanosieve("measure", out / "gold" / "labels.tif", "--image", image, "-o", out).code == 0
    assert (out / "gold" / "labels.tif").read_bytes() == before
    assert table(out)["label"].tolist() == [7, 300]


def test_two_pixel_sizes_are_told(nanosieve, tmp_path, labels):
    image = write(tmp_path / "gold.tif")
    write_labels(tmp_path / "labels.tif", labels.astype(np.int32), Calibration(2.0, "file"))
    given = ("measure", tmp_path / "labels.tif", "--image", image, "-o")
    told = nanosieve(*given, tmp_path / "one")
    assert "pixel_size_conflict" in told.out
    assert table(tmp_path / "one")["area_nm2"].tolist() == [100.0, 50.0]
    # Who says it has decided.
    said = nanosieve(*given, tmp_path / "two", "--pixel-size", "2")
    assert "pixel_size_conflict" not in said.out


def test_the_pixel_size_comes_from_the_image_the_labels_or_the_user(nanosieve, tmp_path, labels):
    image = write(tmp_path / "bare.tif", nm=None)
    plain = tmp_path / "labels.png"
    Image.fromarray(labels).save(plain)
    arguments = ("measure", plain, "--image", image, "-o", tmp_path / "px")
    assert nanosieve(*arguments).code == 0
    assert table(tmp_path / "px")["area_px2"].tolist() == [400, 200]
    sized = write(tmp_path / "sized.tif", labels, nm=2)
    assert nanosieve("measure", sized, "--image", image, "-o", tmp_path / "labels").code == 0
    assert table(tmp_path / "labels")["area_nm2"].tolist() == [1600, 800]
    page = (tmp_path / "labels" / "report.html").read_text(encoding="utf-8")
    assert "The pixel size is that of the label image." in page
    given = ("--pixel-size", 3, "-o", tmp_path / "given")
    assert nanosieve("measure", sized, "--image", image, *given).code == 0
    assert table(tmp_path / "given")["area_nm2"].tolist() == [3600, 1800]


def test_a_movie_of_labels(nanosieve, tmp_path, labels):
    image = write(tmp_path / "m.tif", np.stack([discs(), discs()]))
    write(tmp_path / "labels.tif", np.stack([labels, labels * 0]))
    out = tmp_path / "out"
    assert nanosieve("measure", tmp_path / "labels.tif", "--image", image, "-o", out).code == 0
    assert pd.read_csv(out / "summary.csv")["status"].tolist() == ["ok", "empty"]


def test_exports_of_given_labels(nanosieve, tmp_path, labels):
    image, given = write(tmp_path / "a.tif"), write(tmp_path / "l.tif", labels)
    kinds = ("--export", "roi,geojson,coco")
    ended = nanosieve("measure", given, "--image", image, "-o", tmp_path / "out", *kinds)
    assert ended.code == 0
    for name in ("a/rois.zip", "a/particles.geojson", "coco.json"):
        assert (tmp_path / "out" / name).is_file()


def test_labels_that_do_not_fit_are_one_line(nanosieve, tmp_path, labels):
    image = write(tmp_path / "a.tif", discs(shape=(128, 160)))
    given = write(tmp_path / "l.tif", labels)
    ended = nanosieve("measure", given, "--image", image, "-o", tmp_path / "out")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "the label image is 128 x 128 (y x x), the image 128 x 160" in ended.err
    assert not (tmp_path / "out" / "a" / "labels.tif").exists()


def test_labels_that_are_none_are_refused(nanosieve, tmp_path):
    image = write(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "l.tif", np.full((128, 128), 0.5, np.float32))
    ended = nanosieve("measure", tmp_path / "l.tif", "--image", image, "-o", tmp_path / "out")
    assert ended.code == 1
    assert "whole numbers" in ended.err


def test_missing_files_are_wrong_usage(nanosieve, tmp_path):
    ended = nanosieve("measure", tmp_path / "l.tif", "--image", write(tmp_path / "a.tif"))
    assert ended.code == 2
    assert "l.tif: no such file" in ended.err
    ended = nanosieve("measure", tmp_path / "a.tif")
    assert ended.code == 2
    assert "Missing option '--image'" in ended.err
