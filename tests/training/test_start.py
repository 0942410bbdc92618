"""Settings that follow from the model that is trained further."""

from pathlib import Path

import pytest

import nanosieve
from nanosieve.core.errors import UsageError
from nanosieve.models.load import packaged, read_card
from nanosieve.training.config import TrainConfig


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
    assert made.start.weights == str(packaged()[name].with_suffix(".safetensors"))
    if len(card.kinds) > 2:
        assert made.data.classes == card.kinds


def test_what_is_set_holds():
    made = config("hrtem", tiles={"size": 128}, threshold={"rule": "dice"}, name="mine")
    assert (made.tiles.size, made.tiles.per_epoch) == (128, 800)
    assert (made.threshold.rule, made.name) == ("dice", "mine")


def test_written_settings_read_the_same():
    made = config("particles")
    assert TrainConfig.from_dict(made.to_dict()) == made


def test_a_model_of_ones_own_is_found_beside_the_settings(tmp_path):
    for suffix in (".onnx", ".safetensors"):
        file = packaged()["hrtem"].with_suffix(suffix)
        (tmp_path / f"model{suffix}").write_bytes(file.read_bytes())
    settings = tmp_path / "tuned.toml"
    settings.write_text('data = { path = "set" }\nstart = { model = "model.onnx" }\n')
    assert TrainConfig.read(settings).start.weights == str(tmp_path / "model.safetensors")


def test_a_model_that_is_none_is_refused():
    with pytest.raises(UsageError, match="no model is called 'partikel'"):
        config("partikel")
