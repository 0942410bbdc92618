"""Settings that follow from the model that is trained further."""

from pathlib import Path

import pytest
import torch

import nanosieve
from nanosieve.core.errors import UsageError
from nanosieve.models.load import packaged, read_card
from nanosieve.networks.files import load_weights
from nanosieve.training.config import TrainConfig
from nanosieve.training.finetune import make_network
from nanosieve.training.search import grid
from nanosieve.training.start import weights_of


@pytest.fixture(autouse=True)
def as_shipped(monkeypatch):
    folder = Path(nanosieve.__file__).parent / "models" / "packaged"
    monkeypatch.setattr("nanosieve.models.load.PACKAGED", folder)


def config(model, **sections):
    return TrainConfig.from_dict({"data": {"path": "set"}, "start": {"model": model}, **sections})


@pytest.mark.parametrize("name", ["particles", "hrtem", "graphene"])
def test_the_card_says_what_the_network_is_and_sees(name):
    card = read_card(packaged()[name])[0]
    made = config(name)
    assert (made.network.name, made.network.settings) == (card.network, card.settings)
    assert made.input.spec == card.input
    assert (made.input.pixel_size_nm, made.input.scales) == (card.pixel_size_nm, card.scales)
    assert (made.threshold.rule, made.threshold.value) == ("fixed", card.threshold)
    assert made.input.lattice_nm == card.lattice_nm
    assert weights_of(made.start.model) == packaged()[name].with_suffix(".safetensors")
    if len(card.kinds) > 2:
        assert made.data.classes == card.kinds


def test_what_is_set_holds():
    made = config("hrtem", tiles={"size": 128}, threshold={"rule": "dice"}, name="mine")
    assert (made.tiles.size, made.tiles.per_epoch) == (128, 800)
    assert (made.threshold.rule, made.name) == ("dice", "mine")


def test_written_settings_read_the_same():
    made = config("particles")
    assert TrainConfig.from_dict(made.to_dict()) == made


def copied(folder, *suffixes):
    for suffix in suffixes:
        file = packaged()["hrtem"].with_suffix(suffix)
        (folder / f"model{suffix}").write_bytes(file.read_bytes())
    settings = folder / "tuned.toml"
    settings.write_text('data = { path = "set" }\nstart = { model = "model.onnx" }\n')
    return settings


def test_a_model_of_ones_own_lies_beside_the_settings(tmp_path):
    made = TrainConfig.read(copied(tmp_path, ".onnx", ".safetensors"))
    assert weights_of(made.start.model) == tmp_path / "model.safetensors"
    assert TrainConfig.from_dict(made.to_dict()) == made


def test_training_starts_from_the_models_weights():
    made = make_network(config("hrtem"))
    learned = load_weights(packaged()["hrtem"].with_suffix(".safetensors")).state_dict()
    for key, value in made.state_dict().items():
        assert torch.equal(value, learned[key])


def test_a_model_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"settings: start\.model: no model is called 'partikel'"):
        config("partikel")
    with pytest.raises(UsageError, match=r"its weights, model\.safetensors, are not beside it"):
        TrainConfig.read(copied(tmp_path, ".onnx"))


def test_model_and_weights_exclude_each_other():
    with pytest.raises(UsageError, match="model and weights both say what to start from"):
        config("hrtem", start={"model": "hrtem", "weights": "model.safetensors"})


def test_where_training_starts_is_not_searched():
    with pytest.raises(UsageError, match="what training starts from cannot vary"):
        grid(config("hrtem", search={"start.model": ["hrtem", "particles"]}))
