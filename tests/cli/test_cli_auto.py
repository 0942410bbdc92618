"""``--method auto`` on the command line: told in the report, redone when a model changes."""

import json

import numpy as np
import pytest
from PIL import Image

from discs import discs, snapshot, write
from model_files import particle_model
from nanosieve.models import load


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "packaged"
    particle_model(folder / "particles.onnx", name="particles")
    monkeypatch.setattr(load, "PACKAGED", folder)
    return folder


@pytest.mark.usefixtures("models")
def test_the_report_says_what_was_taken_and_why(nanosieve, tmp_path):
    image, out = write(tmp_path / "in" / "a.tif"), tmp_path / "out"
    ended = nanosieve("segment", image, "-o", out)
    assert ended.code == 0, ended.err
    page = (out / "report.html").read_text()
    assert "particles (a network), because no lattice is resolved" in page
    assert "why this method" in page
    assert "particles: where the network" in page
    record = json.loads((out / "a" / "result.json").read_text())
    assert record["rows"][0]["method"] == "particles"
    assert record["origin"]["settings"]["method"] == "auto"
    assert list(record["origin"]["settings"]["model_hashes"]) == ["particles"]
    before = snapshot(out / "a")
    assert nanosieve("segment", image, "-o", out).code == 0
    assert snapshot(out / "a") == before


def test_a_changed_model_is_noticed_and_so_is_one_that_came_or_went(nanosieve, tmp_path, models):
    image, out = write(tmp_path / "in" / "a.tif"), tmp_path / "out"
    dry = ("segment", image, "-o", out, "--dry-run")
    nanosieve("segment", image, "-o", out)
    assert "left: nothing changed" in nanosieve(*dry).out
    particle_model(models / "particles.onnx", name="particles", threshold=0.7)
    assert "segmented again" in nanosieve(*dry).out
    nanosieve("segment", image, "-o", out)
    particle_model(models / "graphene.onnx", name="graphene")
    assert "segmented again" in nanosieve(*dry).out


@pytest.mark.usefixtures("models")
def test_an_edge_is_for_classical_methods_a_threshold_for_networks(nanosieve, tmp_path):
    image = write(tmp_path / "in" / "a.tif")
    ended = nanosieve("segment", image, "-o", tmp_path / "edge", "--edge", "half")
    assert ended.code == 0, ended.err
    page = (tmp_path / "edge" / "report.html").read_text()
    assert "hybrid (classical), because an edge rule was asked for" in page
    ended = nanosieve("segment", image, "-o", tmp_path / "p", "--threshold", "0.7")
    assert ended.code == 0, ended.err
    assert "crosses 0.7" in (tmp_path / "p" / "report.html").read_text()
    ended = nanosieve("segment", image, "--threshold", "0.7", "--edge", "half")
    assert ended.code == 2
    assert "--threshold asks --method auto for a network" in ended.err


def test_without_models_auto_is_as_quiet_as_it_was(nanosieve, tmp_path):
    image, out = write(tmp_path / "in" / "a.tif"), tmp_path / "out"
    assert nanosieve("segment", image, "-o", out).code == 0
    record = json.loads((out / "a" / "result.json").read_text())
    assert record["rows"][0]["method"] == "hybrid"
    assert "chosen_because" not in record["facts"]["choices"]
    ended = nanosieve("segment", image, "-o", out, "--threshold", "0.5")
    assert ended.code == 2
    assert "--threshold is a network's probability and no model is packaged" in ended.err


@pytest.mark.usefixtures("models")
def test_evaluate_takes_auto_beside_the_others(nanosieve, tmp_path):
    write(tmp_path / "data" / "images" / "a.tif")
    (tmp_path / "data" / "masks").mkdir()
    mask = (discs() < 700).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / "data" / "masks" / "a.png")
    methods = ("--method", "auto", "--method", "otsu", "--threshold", "0.6")
    ended = nanosieve("evaluate", "--data", tmp_path / "data", *methods, "-o", tmp_path / "s")
    assert ended.code == 0, ended.err
    page = (tmp_path / "s" / "report.html").read_text()
    assert "method auto, threshold 0.6" in page
    assert "model_hashes" not in page
