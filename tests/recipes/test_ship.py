"""Packaging: smaller files that compute the same, cards that say what was measured."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Settings
from nanosieve.evaluation import evaluate, write_evaluation
from nanosieve.models.card import ModelCard
from nanosieve.models.load import load_model, read_card
from nanosieve.networks import build
from nanosieve.prepare.network_input import InputSpec
from nanosieve.simulation import presets
from nanosieve.simulation.run import simulate
from nanosieve.training.package import write_files
from recipes import ship as shipping
from recipes.results import properties, results_of
from recipes.test_sets import HERE, known


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four small simulated images."""
    values = presets.load("bf-supported").values | {
        "shape": [64, 64], "median_px": 14, "empty_share": 0, "annotations": {},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("data") / "set"
    simulate(presets.check(values, name="small"), 4, folder, seed=3)
    return folder


@pytest.fixture
def run(tmp_path, data):
    """A run folder as ``nanosieve train`` leaves it, of a network that learned nothing."""
    torch.manual_seed(0)
    network = build("nanosieve", width=4, levels=3, widest=16).eval()
    card = ModelCard(
        name="particles", version="0", network=network.name, settings=network.settings,
        classes=network.classes, activation=network.activation, foreground=("particle",),
        core="core", polarity="dark", input=InputSpec(polarity="dark"),
        receptive_field_px=network.receptive_field, reach_px=network.reach, stride=network.stride,
        tile_exact=True, threshold=0.5, temperature=1.3, licence="GPL-3.0-or-later",
    )  # fmt: skip
    folder = tmp_path / "run"
    folder.mkdir()
    write_files(folder / "model.onnx", network, card)
    (folder / "settings.toml").write_text(f'[data]\npath = ["{data}"]\n', encoding="utf-8")
    names = sorted(path.stem for path in (data / "images").iterdir())
    roles = ["train", "train", "validation", "validation"]
    pd.DataFrame({"split": "all", "image": names, "group": names, "role": roles}).to_csv(
        folder / "splits.csv", index=False
    )
    return folder


@pytest.fixture
def scored(tmp_path, run, data):
    """An evaluation of the run's model."""
    name = str(run / "model.onnx")
    methods = {name: Settings(method=name), "otsu": Settings(method="otsu")}
    write_evaluation(evaluate(data, methods=methods), tmp_path / "scores")
    return tmp_path / "scores"


def test_a_run_is_packaged(run, data, scored, tmp_path):
    path = shipping.ship(run, [(data, scored)], tmp_path / "packaged", trust=True)
    card, check, _ = read_card(path)
    assert path.name == "particles.onnx"
    assert card.data.description == "4 images simulated by small, seed 3"
    assert card.data.groups == ()
    assert {one.kind for one in card.results} >= {"all", "size", "contrast"}
    assert card.results[0].data == "small, simulated"
    assert card.licence == "GPL-3.0-or-later"
    sizes = [one.with_suffix(".safetensors").stat().st_size for one in (path, run / "model.onnx")]
    assert sizes[0] < 0.7 * sizes[1]
    found = load_model(path, precision="float32").predict(check.image)
    assert np.abs(found - check.output).max() < 5e-4  # the check is stored as float16


def test_what_is_too_large_is_not_shipped(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "LARGEST_MB", 0.001)
    with pytest.raises(UsageError, match=r"particles.onnx: 0.\d\d MB, at most 0.001 MB are"):
        shipping.ship(run, [], tmp_path / "packaged")


def test_an_evaluation_of_another_model_is_refused(run, data, scored, tmp_path):
    with pytest.raises(UsageError, match=r"has no method .*other\.onnx"):
        results_of(data, scored, tmp_path / "other.onnx")
    with pytest.raises(UsageError, match="no such file; run nanosieve evaluate first"):
        results_of(data, tmp_path, run / "model.onnx")


def test_results_are_those_of_the_evaluation(run, data, scored):
    results = results_of(data, scored, run / "model.onnx")
    scores = pd.read_csv(scored / "scores.csv")
    own = scores[scores["method"] == str(run / "model.onnx")]
    assert results[0].n == 4
    assert results[0].scores["dice"].mean == pytest.approx(own["dice"].mean(), abs=1e-4)
    particles = [one for one in results if one.kind == "size"]
    assert sum(one.n for one in particles) == own["n_true"].sum()


def test_numbers_of_images_are_named_in_order():
    table = pd.DataFrame(
        {"image": list("abc"), "dose_e_per_A2": [5000, 90, 300], "defocus_nm": [0, -60, 45]}
    )
    assert list(properties(table)["dose"].items()) == [
        ("b", "below 100 e/Å²"), ("c", "300 to 1000 e/Å²"), ("a", "from 3000 e/Å²"),
    ]  # fmt: skip
    assert properties(table)["defocus"]["b"] == "below -40 nm"


def test_bench_folders_name_their_data(tmp_path):
    (tmp_path / "record.json").write_text(json.dumps({"data": "a/b"}), encoding="utf-8")
    assert tuple(map(str, shipping._pair(str(tmp_path)))) == ("a/b", str(tmp_path))
    shutil.rmtree(tmp_path)
    with pytest.raises(Exception, match="takes DATA=EVALUATION"):
        shipping._pair(str(tmp_path))


@pytest.mark.parametrize("file", ["hrtem-training", "hrtem-defocus", "hrtem-supports"])
def test_what_is_tested_on_is_left_out_of_training(file):
    training = presets.load(HERE / f"{file}.toml").values["specimen"]
    for name, one in known().items():
        assert one.load().values["kind"]
        if name.startswith("hrtem/left-out"):
            specimen = one.load().values["specimen"]
            assert not set(specimen["particles"]["materials"]) & set(
                training["particles"]["materials"]
            )
    left_out = known()["hrtem/left-out"].load().values["specimen"]["support"]["kinds"]
    assert set(left_out) - set(training["support"]["kinds"]) == {"nitride"}


def test_every_test_set_has_a_seed_of_its_own():
    seeds = [one.seed for one in known().values()]
    assert len(set(seeds)) == len(seeds)
    made = (HERE / "make.sh").read_text(encoding="utf-8")
    assert not [seed for seed in seeds if f" {seed} " in made]
