"""Models found, loaded once, run on images of any size on either runner, or refused in one line."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from model_files import FROZEN, MIDDLE, SHARP, card, core_model, particle_model, write_graph
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.models import load, openvino_runner, torch_runner
from nanosieve.models.card import CARD_KEY
from nanosieve.models.check import CHECK_KEY, make_check
from nanosieve.models.load import find_model, load_model, packaged, read_card, shared_model
from nanosieve.models.tiler import cut, halo_of, tiles
from nanosieve.models.torch_runner import TorchRunner
from nanosieve.networks import build
from nanosieve.networks.export import export_onnx
from nanosieve.networks.files import save_weights


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_a_plain_model_gives_its_formula(tmp_path):
    model = load_model(particle_model(tmp_path / "a.onnx"), precision="float32")
    given = image(33, 50)
    assert model.predict(given)[0] == pytest.approx(
        1 / (1 + np.exp(SHARP * (given + MIDDLE))), abs=1e-6
    )
    assert model.runner.words == "OpenVINO, float32"


def test_half_precision_comes_close(tmp_path):
    path = particle_model(tmp_path / "a.onnx")
    exact, usual = (
        load_model(path, precision=p).predict(image(64, 64)) for p in ("float32", "auto")
    )
    assert usual == pytest.approx(exact, abs=0.02)


def test_a_frozen_model_still_loads_and_gives_what_it_gave():
    """Never write this file anew: models that users have must load in every later version."""
    assert FROZEN.stat().st_size < 60_000
    card, check, _ = read_card(FROZEN)
    assert (card.card_version, card.core, card.pixel_size_nm) == (1, "core", 0.5)
    assert card.domain is not None
    found = load_model(FROZEN, precision="float32").predict(check.image)
    assert found == pytest.approx(check.output, abs=check.tolerance)
    assert float(np.ptp(check.output)) > 0.5


@settings(max_examples=8)
@given(st.integers(1, 150), st.integers(1, 150))
def test_tiles_through_openvino_are_the_whole(cutting_model, rows, columns):
    model = cutting_model
    given = image(rows, columns)
    [whole] = tiles(given.shape, halo=0, stride=model.card.stride, side=None)
    expected = next(model.runner.run(iter([cut(given, whole)])))[(slice(None), *whole.inner)].copy()
    assert model.predict(given) == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def cutting_model(monkeypatch):
    """The frozen model, made to cut what is larger than its smallest tile."""
    model = load_model(FROZEN, precision="float32")
    halo = halo_of(model.card.receptive_field_px, model.card.stride, model.card.reach_px)
    monkeypatch.setattr(load, "WHOLE_PIXELS", 0)
    monkeypatch.setattr(load, "side_of", lambda *_: 2 * halo + 2 * model.card.stride)
    return model


def test_a_model_is_loaded_once_and_again_when_it_changes(tmp_path):
    path = particle_model(tmp_path / "a.onnx")
    first = shared_model(str(path))
    assert shared_model(str(path)) is first
    assert shared_model(os.path.relpath(path)) is first
    particle_model(path, threshold=0.7)
    again = shared_model(str(path))
    assert again.digest != first.digest
    assert again.card.threshold == 0.7


def test_models_are_found_by_name_or_file(tmp_path, monkeypatch):
    particle_model(tmp_path / "gold.onnx")
    monkeypatch.setattr(load, "PACKAGED", tmp_path)
    assert packaged() == {"gold": tmp_path / "gold.onnx"}
    assert find_model("gold") == tmp_path / "gold.onnx"
    assert find_model(str(FROZEN)) == FROZEN
    with pytest.raises(UsageError, match="no model is called 'silver': packaged are gold; or give"):
        find_model("silver")
    with pytest.raises(UsageError, match=r"silver\.onnx: no such file"):
        find_model("silver.onnx")
    monkeypatch.setattr(load, "PACKAGED", tmp_path / "none")
    with pytest.raises(UsageError, match="no model is called 'gold': no model is packaged"):
        find_model("gold")


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(torch_runner, "find_gpu", lambda: None)
    with pytest.raises(UsageError, match="--device gpu: torch finds no GPU"):
        load_model(FROZEN, device="gpu")
    assert load_model(FROZEN, device="auto").runner.words.startswith("OpenVINO")


def test_an_image_too_large_to_be_seen_whole_fails(tmp_path, monkeypatch):
    model = load_model(particle_model(tmp_path / "a.onnx", tile_exact=False))
    assert model.predict(image(20, 30)).shape == (1, 20, 30)
    monkeypatch.setattr(load, "LARGEST_WHOLE", 500)
    with pytest.raises(FailedInput, match=r"a\.onnx must see an image whole, and 20 x 30 px"):
        model.predict(image(20, 30))


def test_an_output_that_is_not_the_cards_is_refused(tmp_path):
    path = tmp_path / "a.onnx"
    node = helper.make_node(
        "AveragePool", ["image"], ["probability"], kernel_shape=[2, 2], strides=[2, 2]
    )
    write_graph(path, [node], {}, metadata={CARD_KEY: card().to_json()})
    with pytest.raises(UsageError, match=r"a\.onnx: gives an output of shape .* its card promises"):
        load_model(path).predict(image(32, 32))


def test_a_run_that_was_given_up_does_not_disturb_the_next(tmp_path):
    runner = load_model(particle_model(tmp_path / "a.onnx"), precision="float32").runner
    tile = image(32, 32)
    first, second = runner.run(iter([tile] * 5)), runner.run(iter([tile] * 5))
    one = next(first).copy()
    assert [np.array_equal(part, one) for part in second] == [True] * 5
    assert [np.array_equal(part, one) for part in first] == [True] * 4


def test_an_array_that_fills_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(openvino_runner, "_LARGEST_ARRAY", 4 * 999)
    model = load_model(core_model(tmp_path / "a.onnx"))
    with pytest.raises(UsageError, match=r"a\.onnx: needs an array of \d+ numbers"):
        model.predict(image(32, 32))


def test_a_graph_that_openvino_cannot_read_is_one_line(tmp_path):
    path = tmp_path / "a.onnx"
    write_graph(
        path, [helper.make_node("Conv", ["image", "nowhere"], ["probability"])], {},
        metadata={CARD_KEY: card().to_json()},
    )  # fmt: skip
    with pytest.raises(UsageError, match=r"a\.onnx: OpenVINO cannot") as told:
        load_model(path).predict(image(8, 8))
    assert "\n" not in str(told.value)


def test_two_inputs_are_refused(tmp_path):
    path = particle_model(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("more", 1, [1]))
    model.graph.node.append(helper.make_node("Identity", ["more"], ["unused"]))
    model.graph.output.append(helper.make_tensor_value_info("unused", 1, [1]))
    onnx.save(model, path)
    with pytest.raises(UsageError, match=r"a\.onnx: takes 2 inputs and gives 2 outputs"):
        load_model(path)


def test_threads_are_those_of_the_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert openvino_runner._options("float32")["INFERENCE_NUM_THREADS"] == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert "INFERENCE_NUM_THREADS" not in openvino_runner._options("bf16")


def test_openvino_is_loaded_without_its_telemetry():
    """In a process of its own: here it is loaded already."""
    code = (
        "from nanosieve.models.openvino_runner import has_bf16; has_bf16(); import sys;"
        "print('openvino_telemetry' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("horwath-single", {}),
        ("horwath-wide", {"classes": ["support", "film", "particle"]}),
        ("nanosieve", {"width": 4, "levels": 2, "widest": 4}),
    ],
)
def test_torch_and_openvino_agree(tmp_path, name, settings):
    torch.manual_seed(0)
    network = build(name, **settings).eval()
    fields = {
        "network": network.name, "settings": json.loads(json.dumps(network.settings)),
        "classes": network.classes, "activation": network.activation, "temperature": 1.7,
        "receptive_field_px": network.receptive_field, "reach_px": network.reach,
        "stride": network.stride, "core": "core" if "core" in network.classes else None,
    }  # fmt: skip
    path = tmp_path / "model.onnx"
    export_onnx(network, path, metadata={CARD_KEY: card(**fields).to_json()}, temperature=1.7)
    save_weights(network, path.with_suffix(".safetensors"))
    model = load_model(path, precision="float32")
    runner = TorchRunner(path, model.card, device="cpu", precision="float32")
    tile = image(64, 48)
    [expected] = [part.copy() for part in model.runner.run(iter([tile]))]
    found = list(runner.run(iter([tile] * 4)))
    assert len(found) == 4
    assert found[3] == pytest.approx(expected, abs=1e-5)
    assert runner.words == "torch on cpu, float32"


def test_weights_that_are_missing_or_of_another_network_are_refused(tmp_path):
    path = particle_model(tmp_path / "model.onnx")
    model = load_model(path)
    with pytest.raises(UsageError, match=r"model\.safetensors: no such file; a GPU needs"):
        TorchRunner(path, model.card, device="cpu")
    save_weights(build("horwath-wide"), path.with_suffix(".safetensors"))
    with pytest.raises(UsageError, match=r"holds the weights of another network \(horwath-wide\)"):
        TorchRunner(path, model.card, device="cpu")


def test_a_card_of_other_classes_than_the_network_gives_is_refused(tmp_path):
    network = build("horwath-single").eval()
    save_weights(network, tmp_path / "model.safetensors")
    other = card(settings=network.settings, classes=("film", "particle"))
    with pytest.raises(UsageError, match=r"its card names classes film, particle \(softmax\), its"):
        TorchRunner(tmp_path / "model.onnx", other, device="cpu")


def test_weights_of_another_training_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_runner, "find_gpu", lambda: "cpu")
    path = tmp_path / "model.onnx"
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = build("horwath-wide").eval()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter)
        save_weights(network, path.with_suffix(".safetensors"))
        if seed:
            break
        fields = {"network": network.name, "settings": json.loads(json.dumps(network.settings))}
        export_onnx(network, path, metadata={CARD_KEY: card(**fields).to_json()})
        check = make_check(image(16, 16), load_model(path, precision="float32").predict)
        metadata = {CARD_KEY: card(**fields).to_json(), CHECK_KEY: check.to_json()}
        export_onnx(network, path, metadata=metadata)
        assert load_model(path, device="gpu").runner.words == "torch on cpu, float32"
    with pytest.raises(
        UsageError, match=r"model\.safetensors: on the test image its probabilities"
    ):
        load_model(path, device="gpu")
