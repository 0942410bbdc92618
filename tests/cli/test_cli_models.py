"""Models on the command line: shown, checked, run, run again."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from discs import CENTRES, RADIUS, discs, write
from model_files import FROZEN, class_model, particle_model
from nanosieve.models import load
from nanosieve.models.check import make_check


@pytest.fixture
def model(tmp_path):
    return particle_model(tmp_path / "plain.onnx")


def test_models_that_come_along_are_listed(nanosieve, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "PACKAGED", tmp_path)
    ended = nanosieve("models")
    assert (ended.code, ended.err) == (0, "")
    assert "No model comes with this version" in ended.out
    more = {"pixel_size_nm": 0.2, "diameter_range_px": (5, 50), "notes": "Gold on carbon."}
    particle_model(tmp_path / "gold.onnx", **more)
    ended = nanosieve("models")
    words = ("gold", "Gold on carbon.", "0.2 nm", "5 to 50 px")
    assert [word in ended.out for word in words] == [True] * 4


def test_a_card_is_shown(nanosieve):
    ended = nanosieve("models", FROZEN)
    assert ended.code == 0
    for word in ("discs", "CC0-1.0", "particle, core", "0.5 nm", "exact", "false alarms", "hash"):
        assert word in ended.out


def test_a_card_does_not_steer_the_terminal(nanosieve, tmp_path):
    path = particle_model(tmp_path / "a.onnx", notes="plain\x1b[2J")
    assert "plain?[2J" in nanosieve("models", path).out


def test_a_model_is_checked(nanosieve, tmp_path):
    ended = nanosieve("models", FROZEN, "--check")
    assert ended.code == 0
    assert "discs_v1.onnx: as exported: probabilities within" in ended.out
    wrong = make_check(np.zeros((16, 16)), lambda given: given[None] + 0.5)
    path = particle_model(tmp_path / "wrong.onnx", check=wrong)
    ended = nanosieve("models", path, "--check")
    assert ended.code == 1
    assert "wrong.onnx: NOT AS EXPORTED" in ended.out


def test_a_model_without_a_test_image_cannot_be_checked(nanosieve, model):
    ended = nanosieve("models", model, "--check")
    assert ended.code == 2
    assert "carries no test image" in ended.err


def test_what_is_no_model_is_one_line(nanosieve, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"pickle")
    for arguments, message in (
        (("models", tmp_path / "bad.onnx"), "bad.onnx: is no ONNX file"),
        (("models", "silver"), "no model is called 'silver'"),
        (("segment", "a.tif", "--method", tmp_path / "none.onnx"), "none.onnx: no such file"),
        (("segment", "a.tif", "--method", tmp_path / "bad.onnx"), "bad.onnx: is no ONNX file"),
    ):
        ended = nanosieve(*arguments)
        assert ended.code == 2
        assert message in ended.err
        assert ended.err.count("\n") == 1


def test_a_second_run_does_what_another_model_made(nanosieve, tmp_path, model):
    path, out = write(tmp_path / "a.tif"), tmp_path / "out"
    arguments = ("segment", path, "-o", out, "--probability", "--method")
    ended = nanosieve(*arguments, model)
    assert ended.code == 0, ended.err
    assert "1 made" in ended.out
    assert "1 unchanged" in nanosieve(*arguments, model).out
    moved = (tmp_path / "elsewhere").joinpath(model.name)
    moved.parent.mkdir()
    model.rename(moved)
    assert "1 unchanged" in nanosieve(*arguments, moved).out
    particle_model(moved, threshold=0.6)
    assert "1 made" in nanosieve(*arguments, moved).out
    assert "1 made" in nanosieve(*arguments, moved, "--threshold", 0.7).out
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert (settings["method"], settings["threshold"]) == ("plain.onnx", 0.7)
    assert len(settings["model_hash"]) == 32
    assert "where the network&#39;s probability crosses 0.7" in (out / "report.html").read_text()
    assert tifffile.imread(out / "a" / "probability.tif").dtype == np.uint8
    # Corrected labels are measured again without the model.
    labels = tifffile.imread(out / "a" / "labels.tif")
    tifffile.imwrite(out / "a" / "labels.tif", np.where(labels == 1, 0, labels))
    moved.unlink()
    assert nanosieve("report", out).code == 0
    assert pd.read_csv(out / "summary.csv")["n"].tolist() == [3]


def test_several_processes_give_what_one_gives(nanosieve, tmp_path, model):
    for seed in range(4):
        write(tmp_path / "in" / f"d{seed}.tif", discs(seed=seed))
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        ended = nanosieve("segment", tmp_path / "in", "-o", out, "--method", model, "--jobs", jobs)
        assert ended.code == 0, ended.err
    assert (tmp_path / "1" / "particles.csv").read_text() == (
        tmp_path / "2" / "particles.csv"
    ).read_text()


def test_classes_are_written_with_their_names(nanosieve, tmp_path):
    y, x = np.mgrid[:128, :128]
    film = np.hypot(y - 64, x - 64) < RADIUS
    image = discs() + (600 * film).astype(np.uint16)
    stack = write(tmp_path / "movie.tif", np.stack([image, np.zeros_like(image), image]))
    path, out = write(tmp_path / "a.tif", image), tmp_path / "out"
    model = class_model(tmp_path / "classes.onnx")
    ended = nanosieve("segment", path, stack, "-o", out, "--method", model, "--polarity", "dark")
    assert ended.code == 0, ended.err
    with tifffile.TiffFile(out / "a" / "classes.tif") as file:
        classes = file.asarray()
        assert '"1": "film"' in file.imagej_metadata["Info"]
    assert (classes[film] == 1).mean() > 0.95
    assert tifffile.imread(out / "movie" / "classes.tif").shape == (3, 128, 128)
    summary = pd.read_csv(out / "summary.csv")
    assert summary["share_film"].tolist()[:1] == pytest.approx([film.mean()], rel=0.05)
    # A run by a classical method takes the class image away.
    assert nanosieve("segment", path, "-o", out, "--method", "hybrid").code == 0
    assert not (out / "a" / "classes.tif").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--edge", "half"), "--edge is for classical methods; a network's edge is where its"),
        (("--threshold", "1.5"), "--threshold: give a probability between 0 and 1, got 1.5"),
        (("--precision", "int8"), "--precision: Input should be 'auto' or 'float32'"),
        (("--paper-exact",), "--paper-exact goes with --method reconstruction"),
        (("--device", "tpu"), "--device tpu: give auto, cpu or gpu"),
    ],
)
def test_settings_that_are_not_a_networks_are_refused(nanosieve, tmp_path, model, options, message):
    ended = nanosieve("segment", tmp_path / "a.tif", "--method", model, *options)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("otsu", ("--threshold", 0.4), "--threshold is for networks, and no --method here is one"),
        ("otsu", ("--precision", "float32"), "--precision is for networks"),
        (FROZEN, ("--edge", "half"), "--edge is for classical methods, and no --method here is"),
    ],
)
def test_what_no_method_takes_is_refused(nanosieve, tmp_path, method, options, message):
    ended = nanosieve("evaluate", "--data", tmp_path, "--method", method, *options)
    assert ended.code == 2
    assert message in ended.err


def test_methods_and_models_are_evaluated_side_by_side(nanosieve, tmp_path, model):
    y, x = np.mgrid[:128, :128]
    mask = np.any([np.hypot(y - cy, x - cx) < RADIUS for cy, cx in CENTRES], axis=0)
    data = tmp_path / "data"
    (data / "masks").mkdir(parents=True)
    for seed in range(2):
        write(data / "images" / f"d{seed}.tif", discs(seed=seed))
        Image.fromarray(mask.astype(np.uint8)).save(data / "masks" / f"d{seed}.png")
    out = tmp_path / "out"
    ended = nanosieve(
        "evaluate", "--data", data, "--method", "otsu", "--method", model, "--edge", "half",
        "--threshold", 0.5, "--precision", "float32", "-o", out,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    summary = pd.read_csv(out / "summary.csv").set_index("method")
    assert summary.loc[str(model), "dice_mean"] == pytest.approx(1, abs=1e-3)
    costs = pd.read_csv(out / "costs.csv").set_index("method")
    assert costs["n_images"].tolist() == [2, 2]
    assert (costs["milliseconds"] > 0).all()
    assert costs["milliseconds_per_megapixel"].to_numpy() == pytest.approx(
        costs["milliseconds"].to_numpy() / 0.128**2, rel=1e-4
    )
    assert "ms an image" in ended.out
    assert "milliseconds_per_megapixel" in (out / "report.html").read_text()
