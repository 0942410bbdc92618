"""A whole run: what it refuses, what it writes, and what its model is."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from drawn_sets import draw_set, short
from safetensors.torch import load_file
from stand_ins import TinyNet

from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.files.dataset import Dataset
from nanosieve.measurement.agreement.pixels import confusion
from nanosieve.models.load import load_model
from nanosieve.networks import build
from nanosieve.networks.files import load_weights
from nanosieve.training.calibration import margin_histogram
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import load_images
from nanosieve.training.finetune import make_network
from nanosieve.training.judge import load_judged
from nanosieve.training.predict import image_margin, margin
from nanosieve.training.run import Run, train
from nanosieve.training.scores import Judged, score_row, summarise
from nanosieve.training.splits import splits


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw_set(tmp_path_factory.mktemp("data") / "discs", each=2)


@pytest.fixture(scope="module")
def once(data, tmp_path_factory) -> Run:
    """One split, two seeds, a model of sigmoids with cores."""
    small = {"width": 4, "levels": 2, "widest": 8}
    config = short(data, network__name="nanosieve", network__settings=small, seeds=[0, 1],
                   stop__epochs=5, name="discs", licence="CC0", augment__scale=[0.5, 2.0],
                   validation__test_share=0.25)  # fmt: skip
    return train(config, tmp_path_factory.mktemp("once"), device="cpu")


@pytest.fixture(scope="module")
def folds(data, tmp_path_factory) -> Run:
    config = short(data, validation__folds=4, stop__epochs=4, loss__class_weights="balanced")
    return train(config, tmp_path_factory.mktemp("folds"), device="cpu")


def test_all_files_are_there(once):
    names = {path.name for path in once.folder.iterdir()}
    assert names == {
        "history.csv", "model.onnx", "model.safetensors", "report.html", "run.json", "scores.csv",
        "settings.toml", "sheet.png", "splits.csv", "summary.csv", "trainings",
    }  # fmt: skip
    history = pd.read_csv(once.folder / "history.csv")
    assert history.groupby("seed").size().to_dict() == {0: 5, 1: 5}


def test_the_card_says_what_the_model_is(once):
    card = load_model(once.folder / "model.onnx").card
    assert (card.name, card.licence, card.network) == ("discs", "CC0", "nanosieve")
    assert (card.foreground, card.core) == (("particle",), "core")
    assert card.pixel_size_range_nm == (0.2, 0.2)
    assert card.data.n_images == 4
    # Discs of 18 px, from half to twice as large.
    assert card.diameter_range_px[0] < 9.5
    assert card.diameter_range_px[1] > 35
    assert {"test_dice", "test_dice_low", "calibration_error"} <= card.scores.keys()
    assert card.threshold == once.result["threshold"]


def test_the_model_is_what_was_scored(once, data):
    model = load_model(once.folder / "model.onnx", precision="float32")
    network = load_weights(once.folder / "model.safetensors")
    image = load_images(short(data))[0].image
    with torch.no_grad():
        logits = network(torch.from_numpy(image)[None, None])[0] / model.card.temperature
    np.testing.assert_allclose(model.predict(image), logits.sigmoid().numpy(), atol=2e-3)


def test_weights_are_those_of_the_seed_with_the_least_validation_loss(once):
    history = pd.read_csv(once.folder / "history.csv")
    best = history.loc[history["validation_loss"].idxmin()]
    assert once.result["final"].startswith(
        f"Weights of epoch {best['epoch']} of seed {best['seed']},"
    )


def test_scores_are_of_images_that_chose_nothing(once):
    scores = pd.read_csv(once.folder / "scores.csv")
    table = pd.read_csv(once.folder / "splits.csv")
    tested = set(table.loc[table["role"] == "test", "image"])
    assert set(scores["image"]) == tested
    assert set(scores["role"]) == {"test"}
    assert not set(scores["group"]) & set(table.loc[table["role"] != "test", "group"])
    assert once.summary.set_index("score").loc["dice", "mean"] > 0.8


def test_the_score_of_an_image_is_that_of_its_pixels(folds, data):
    config = short(data, validation__folds=4)
    images = load_images(config)
    truth = {sample.name: sample.mask() for sample in Dataset.open(data)}
    row = pd.read_csv(folds.folder / "scores.csv").iloc[0]
    number = [image.name for image in images].index(row["image"])
    network = make_network(config)
    name = f"{row['split']}-seed-0"
    kept = load_file(folds.folder / "trainings" / name / "checkpoint.safetensors")
    network.load_state_dict(
        {key.removeprefix("best."): v for key, v in kept.items() if key.startswith("best.")}
    )
    found = image_margin(network.eval(), images[number].image)
    probability = 1 / (1 + np.exp(-found / row["temperature"]))
    counts = confusion(truth[row["image"]], probability >= row["threshold"])
    assert counts.dice == pytest.approx(row["dice"], abs=1e-4)


def test_folds_score_every_image_once_and_train_on_all(folds):
    scores = pd.read_csv(folds.folder / "scores.csv")
    assert scores["image"].tolist() == [f"im{n}" for n in range(8)]
    assert scores["threshold"].nunique() > 1
    epochs = int(np.median(folds.result["best_epochs"]) + 0.5)
    history = pd.read_csv(folds.folder / "history.csv")
    assert (history["split"] == "final").sum() in (epochs, epochs - 1)
    assert load_model(folds.folder / "model.onnx").card.data.groups == ("g0", "g1", "g2", "g3")
    summary = folds.summary.set_index("score")
    assert summary.loc["dice", "interval"] == "95 % t-interval on 4 group means"
    assert summary.loc["dice", "n_groups"] == 4


def test_the_final_threshold_is_that_of_the_out_of_fold_predictions(folds, data):
    config = short(data, validation__folds=4)
    images = load_images(config)
    total = 0
    for split in splits(images, config):
        kept = folds.folder / "trainings" / f"{split.name}-seed-0" / "judged.npz"
        parts = [one for one in load_judged(kept, images, split, 0) if one.role == "test"]
        assert [one.image for one in parts] == [images[place].name for place in split.test]
        total = total + sum(one.histogram for one in parts)
    assert total.sum() == 8 * 64 * 64
    assert folds.result["calibration_error"] <= folds.result["calibration_error_before"] + 0.01


def test_the_page_prints_groups_and_is_whole(folds, once):
    page = (folds.folder / "report.html").read_text(encoding="utf-8")
    for words in ("Dice", "fold-4", "g3", "Expected calibration error", "all settings"):
        assert words.lower() in page.lower()
    assert "leak" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    page = (once.folder / "report.html").read_text(encoding="utf-8")
    assert "kept for the test" in page
    assert page.count("data:image/webp") == 1


def test_an_ungrouped_split_is_named_where_the_scores_are(tmp_path):
    data = draw_set(tmp_path / "set", groups=1, each=4)
    with pytest.raises(UsageError, match="or write ungrouped = true"):
        train(short(data), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
    run = train(short(data, data__ungrouped=True, stop__epochs=1), tmp_path / "run", device="cpu")
    assert "may leak" in run.result["warnings"][0]
    assert "scores may leak" in (run.folder / "report.html").read_text(encoding="utf-8")
    assert "may leak" in load_model(run.folder / "model.onnx").card.notes


def test_a_complete_run_is_left_as_it_is(folds, data):
    config = short(data, validation__folds=4, stop__epochs=4, loss__class_weights="balanced")
    before = {p: p.stat().st_mtime_ns for p in folds.folder.rglob("*")}
    again = train(config.varied({"workers": 1}), folds.folder, device="cpu")
    assert again.was_complete
    assert {p: p.stat().st_mtime_ns for p in folds.folder.rglob("*")} == before


def test_other_settings_are_refused_by_name(folds, data):
    config = short(data, validation__folds=4, stop__epochs=3)
    with pytest.raises(UsageError, match=r"differ in loss\.class_weights, stop\.epochs; choose"):
        train(config, folds.folder, device="cpu", resume=True)


def test_an_unfinished_run_wants_to_be_told_what_to_do(tmp_path, data):
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    config = short(data, stop__epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, device="cpu", watch=interrupt)
    with pytest.raises(UsageError, match="was not finished; --resume goes on"):
        train(config, tmp_path, device="cpu")
    (tmp_path / "notes.txt").write_text("mine")
    assert not train(config, tmp_path, device="cpu", overwrite=True).was_complete
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_data_that_changed_cannot_be_resumed_on(tmp_path):
    data = draw_set(tmp_path / "set")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(short(data), tmp_path / "run", device="cpu", watch=interrupt)
    shutil.copy(data / "masks" / "im0.png", data / "masks" / "im1.png")
    with pytest.raises(UsageError, match="the data have changed since this run began"):
        train(short(data), tmp_path / "run", device="cpu", resume=True)


def test_another_version_cannot_go_on(tmp_path, data, once):
    record = json.loads((once.folder / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(record | {"version": "0.0.1"}))
    with pytest.raises(UsageError, match=r"differ in the version of nanosieve \(0\.0\.1\)"):
        train(short(data), tmp_path, device="cpu", resume=True)


def test_a_broken_record_is_refused(tmp_path, data):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(NanosieveError, match=r"run\.json: cannot be read"):
        train(short(data), tmp_path, device="cpu")
    assert train(short(data, stop__epochs=1), tmp_path, device="cpu", overwrite=True).result


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tiles__size": 36}, r"tiles\.size = 36: horwath-unet512 takes multiples of 8"),
        ({"loss__class_weights": [1, 2, 3]}, "has 3 numbers, but horwath-unet512 has the classes"),
        ({"network__name": "none"}, "no network is called 'none'"),
        ({"start__weights": "/nowhere"}, "/nowhere: cannot be read"),
        ({"network__name": "horwath-single", "start__weights": "x", "start__freeze": "encoder"},
         "x: cannot be read"),
    ],
)  # fmt: skip
def test_what_would_fail_is_refused_before_anything_is_written(tmp_path, data, changes, message):
    with pytest.raises(NanosieveError, match=message):
        train(short(data, **changes), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_tensorboard_that_is_missing_is_named(tmp_path, data, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "nanosieve.training.run.find_spec", lambda n: None if n == "tensorboard" else find(n)
    )
    with pytest.raises(UsageError, match=r"nanosieve\[tensorboard\]"):
        train(short(data, tensorboard=True), tmp_path / "run", device="cpu")


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_fine_tuning_keeps_the_frozen_half(tmp_path, data, folds, half):
    weights = str(folds.folder / "model.safetensors")
    config = short(data, start__weights=weights, start__freeze=half, stop__epochs=1)
    run = train(config, tmp_path, device="cpu")
    before, after = load_file(weights), load_file(run.folder / "model.safetensors")
    kept = {name for name, value in before.items() if torch.equal(value, after[name])}
    encoder = {name for name in before if name.startswith("down.")}
    assert kept == (encoder if half == "encoder" else before.keys() - encoder)


def test_weights_of_another_network_are_refused(tmp_path, data, folds):
    weights = str(folds.folder / "model.safetensors")
    config = short(data, network__name="horwath-single", start__weights=weights)
    with pytest.raises(UsageError, match=r"holds horwath-unet512 \(.*\), but \[network\] asks for"):
        train(config, tmp_path / "run", device="cpu")


def test_three_classes_keep_their_probabilities(tmp_path, data):
    config = short(data, data__classes=["support", "particle", "rod"], stop__epochs=1,
                   network__settings={"classes": ["support", "particle", "rod"]})  # fmt: skip
    copy = tmp_path / "set"
    shutil.copytree(data, copy)
    from PIL import Image

    for path in (copy / "masks").iterdir():
        mask = np.array(Image.open(path)) // 255
        mask[:, 32:] *= 2
        Image.fromarray(mask).save(path)
    run = train(config.varied({"data.path": [str(copy)]}), tmp_path / "run", device="cpu")
    card = load_model(run.folder / "model.onnx").card
    assert card.temperature == 1
    assert card.foreground == ("particle", "rod")


def test_large_images_are_predicted_as_whole_ones(monkeypatch):
    network = TinyNet().eval()
    image = np.random.default_rng(0).normal(size=(90, 70)).astype(np.float32)
    with torch.no_grad():
        whole = margin(network(torch.from_numpy(image)[None, None]), network)[0]
    monkeypatch.setattr("nanosieve.training.predict.side_of", lambda *_: 32)
    np.testing.assert_allclose(image_margin(network, image), whole.numpy(), atol=1e-6)


def test_margin_is_the_logarithm_of_the_odds():
    logits = torch.randn(2, 3, 4, 5)
    probability = logits.softmax(1)[:, 1:].sum(1)
    exclusive = build("nanosieve", classes=("support", "rod", "disc"), activation="softmax")
    torch.testing.assert_close(margin(logits, exclusive), torch.logit(probability))
    exclusive.foreground = ("disc",)
    probability = logits.softmax(1)[:, 2]
    torch.testing.assert_close(margin(logits, exclusive), torch.logit(probability))
    found = margin(logits, build("nanosieve", classes=("rod", "disc", "core")))
    torch.testing.assert_close(found.sigmoid(), logits[:, :2].sigmoid().amax(1))


def test_what_counts_as_particle_can_be_chosen_but_only_among_the_classes():
    classes = ["lattice", "boundary", "contamination"]
    values = {
        "data": {"path": "set", "classes": classes, "foreground": ["contamination"]},
        "network": {"settings": {"classes": classes, "activation": "softmax"}},
    }
    assert make_network(TrainConfig.from_dict(values)).foreground == ("contamination",)
    values["data"]["foreground"] = ["dirt"]
    with pytest.raises(UsageError, match="dirt must be classes of the network, which are lattice"):
        make_network(TrainConfig.from_dict(values))


def test_summary_counts_an_image_once_however_often_it_was_judged():
    rows = []
    for seed, wrong in ((0, 0.0), (1, 1.0)):
        for image, group in (("a", "g"), ("b", "h")):
            truth = np.array([[1, 1, 0, 0]])
            found = np.where(truth, 1.0, -1.0 + 2.5 * wrong * (image == "b"))
            one = Judged(image, group, "fold", seed, "test", margin_histogram(truth, found))
            rows.append(score_row(one, 0.5, 1.0))
    summary = summarise(pd.DataFrame(rows)).set_index("score").loc["dice"]
    # b is right with one seed and all particle (Dice 2/3) with the other.
    assert summary["mean"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    assert summary["n_images"] == 2
    assert summary["seed_std"] == pytest.approx(np.std([1, 5 / 6], ddof=1))
    assert summary["pooled"] == pytest.approx(2 * 8 / (2 * 8 + 2))
    empty = Judged(
        "c", "g", "fold", 0, "test", margin_histogram(np.zeros((2, 2)), -np.ones((2, 2)))
    )
    assert np.isnan(score_row(empty, 0.5, 1.0)["dice"])
