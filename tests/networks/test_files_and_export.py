"""Weights and ONNX files: what they carry, what is refused."""

import json

import numpy as np
import onnx
import openvino
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.models.onnx_file import read_onnx
from nanosieve.networks import build
from nanosieve.networks.export import Probability, export_onnx
from nanosieve.networks.files import load_weights, rounded, save_weights
from nanosieve.networks.registry import ADDED


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def _rewrite(path, *, card=None, tensors=None):
    """Write a file as `save_weights` does, of one filter, with parts exchanged."""
    network = build("horwath-single")
    default = {"version": 1, "name": network.name, "settings": network.settings}
    metadata = {"nanosieve_network": json.dumps(default | (card or {}))}
    save_file(dict(network.state_dict()) | (tensors or {}), path, metadata=metadata)


def test_weights_carry_name_and_settings_as_json(path):
    save_weights(build("horwath-single", kernel=7), path)
    with safe_open(path, framework="numpy") as file:
        card = json.loads(file.metadata()["nanosieve_network"])
        assert file.get_tensor("filter.weight").shape == (1, 1, 7, 7)
    assert card == {
        "version": 1,
        "name": "horwath-single",
        "settings": {"kernel": 7, "classes": ["support", "particle"]},
    }


def test_a_note_stays_with_the_weights(path):
    network = build("horwath-single")
    network.note = "Trained on three images."
    save_weights(network, path)
    assert load_weights(path).note == "Trained on three images."


def test_half_precision_halves_the_file(path):
    network = build("sadre-unet", width=8)
    save_weights(network, path)
    whole = path.stat().st_size
    save_weights(network, path, half=True)
    assert path.stat().st_size < 0.55 * whole


def test_loaded_weights_can_be_trained_on(path):
    save_weights(build("nanosieve", width=4, levels=2, pool="blur"), path)
    network = load_weights(path).train()
    network(torch.randn(1, 1, 8, 8)).sum().backward()
    without = [key for key, p in network.named_parameters() if p.grad is None]
    assert without == ["shrink.0.0.weight"]


def test_files_older_than_a_setting_load(path):
    network = build("nanosieve", width=4, levels=2)
    now = network.settings
    network.settings = {key: now[key] for key in now if key not in ADDED["nanosieve"]}
    save_weights(network, path)
    assert load_weights(path).settings == now


def test_weights_beyond_half_precision_are_refused(path):
    network = build("horwath-single")
    network.filter.weight.data.fill_(1e5)
    with pytest.raises(UsageError, match=r"filter.weight has values beyond float16; save it with"):
        save_weights(network, path, half=True)


def test_a_missing_file_is_refused(path):
    with pytest.raises(FailedInput, match=r"model.safetensors: cannot be read as safetensors"):
        load_weights(path)


def test_a_pickle_is_refused(path):
    torch.save(build("horwath-single").state_dict(), path)
    with pytest.raises(FailedInput, match="cannot be read as safetensors"):
        load_weights(path)


def test_weights_of_others_are_refused(path):
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(RefusedInput, match="no weights of nanosieve; its metadata lack"):
        load_weights(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}'])
def test_metadata_that_name_nothing_are_refused(path, text):
    save_file({"a": torch.zeros(1)}, path, metadata={"nanosieve_network": text})
    with pytest.raises(RefusedInput, match="its metadata name no network and settings"):
        load_weights(path)


SINGLE = {"kernel": 9, "classes": ["support", "particle"]}
CARDS = [
    ({"version": 2}, "weights of version 2, this is for 1; update nanosieve"),
    ({"settings": []}, "weights of version 1"),
    ({"name": "unet"}, "no network is called 'unet'"),
    ({"settings": SINGLE | {"width": 1}}, "has no setting 'width'"),
    ({"settings": {"kernel": 9}}, "horwath-single needs the setting 'classes'"),
    ({"settings": SINGLE | {"kernel": 10**9}}, "kernel = 1000000000: choose one of"),
    ({"settings": SINGLE | {"kernel": 7}}, r"filter.weight is .*\(1, 1, 9, 9\), horwath-single n"),
    (
        {"name": "groom-fpn", "settings": {"width": 64, "pretrained": True, "classes": ["a", "b"]}},
        "pretrained = True: weights from a file are never downloaded",
    ),
    (
        # 20 GB of weights, if they were made before they are compared.
        {
            "name": "sadre-unet",
            "settings": {
                "blocks": 11,
                "width": 512,
                "paper_exact": False,
                "classes": ["a", "b"],
            },
        },
        "sadre-unet needs down.0.0.bias, which is not in the file",
    ),
]


@pytest.mark.parametrize(("card", "message"), CARDS)
def test_cards_that_do_not_fit_are_refused(path, card, message):
    _rewrite(path, card=card)
    with pytest.raises(RefusedInput, match=f"model.safetensors: .*{message}"):
        load_weights(path)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"other": torch.zeros(1)}, "other has no place in horwath-single"),
        ({"filter.bias": torch.zeros(2)}, r"filter.bias is torch.float32 \(2,\)"),
        ({"filter.bias": torch.zeros(1, dtype=torch.int64)}, "filter.bias is torch.int64"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(path, tensors, message):
    _rewrite(path, tensors=tensors)
    with pytest.raises(RefusedInput, match=message):
        load_weights(path)


def test_openvino_shows_the_metadata(tmp_path):
    card = '{"name": "a", "words": "µ\\n<b>"}'
    export_onnx(build("horwath-single"), tmp_path / "a.onnx", metadata={"nanosieve_card": card})
    model = openvino.Core().read_model(tmp_path / "a.onnx")
    found = model.get_rt_info("framework")["nanosieve_card"]
    assert getattr(found, "value", found) == card


def test_sizes_stay_free(tmp_path):
    export_onnx(build("sytwu-resunet"), tmp_path / "a.onnx", metadata={})
    model = openvino.Core().read_model(tmp_path / "a.onnx")
    assert str(model.input("image").partial_shape) == "[?,1,?,?]"
    assert model.output("probability").partial_shape.rank.get_length() == 4


def test_the_same_network_gives_the_same_file(tmp_path):
    network = build("groschner-unet")
    for name in ("a.onnx", "b.onnx"):
        export_onnx(network, tmp_path / name, metadata={"key": "value"})
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_exported_weights_lie_inside_the_file(tmp_path):
    export_onnx(build("horwath-unet1024"), tmp_path / "a.onnx", metadata={})
    assert [p.name for p in tmp_path.iterdir()] == ["a.onnx"]
    graph = onnx.load(tmp_path / "a.onnx").graph
    # Batch norm after an activation stays; random, dropout and shape-dependent ones are gone.
    assert not {node.op_type for node in graph.node} & {"Dropout", "RandomNormal", "Loop", "If"}


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_must_be_positive(tmp_path, temperature):
    with pytest.raises(UsageError, match=r"temperature = .*: give a positive number"):
        export_onnx(
            build("horwath-single"), tmp_path / "a.onnx", metadata={}, temperature=temperature
        )


def _with_statistics(network):
    """Batch norms that have seen something, so that merging them changes weights."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 3)
            module.weight.data.uniform_(0.5, 1)
    return network.eval()


def test_half_precision_onnx_computes_what_the_rounded_network_does(tmp_path):
    network = rounded(_with_statistics(build("nanosieve", width=8, levels=3)))
    export_onnx(network, tmp_path / "half.onnx", metadata={}, half=True)
    export_onnx(network, tmp_path / "whole.onnx", metadata={})
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.65 * sizes[1]
    assert read_onnx(tmp_path / "half.onnx").n_weights >= network.n_parameters
    image = torch.randn(1, 1, 48, 32)
    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    found = core.compile_model(tmp_path / "half.onnx", "CPU", exact)(image.numpy())[0]
    with torch.no_grad():
        wanted = Probability(network, 1.0)(image).numpy()
    assert np.abs(found - wanted).max() < 2e-5


def test_half_precision_files_hold_the_same_weights(path):
    network = _with_statistics(build("nanosieve", width=4, levels=2))
    save_weights(network, path, half=True)
    kept, expected = load_weights(path).state_dict(), rounded(network).state_dict()
    assert all(torch.equal(kept[key], expected[key]) for key in expected)
    whole = network.state_dict()
    assert not all(torch.equal(kept[key], whole[key]) for key in whole)


def test_weights_that_float16_does_not_hold_stay_whole(tmp_path):
    network = build("nanosieve", width=8, levels=2).eval()
    export_onnx(network, tmp_path / "a.onnx", metadata={}, half=True)
    kinds = {tensor.data_type for tensor in onnx.load(tmp_path / "a.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT in kinds
    image = torch.randn(1, 1, 16, 16)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.Core().compile_model(tmp_path / "a.onnx", "CPU", exact)(image.numpy())[0]
    with torch.no_grad():
        assert np.abs(found - Probability(network, 1.0)(image).numpy()).max() < 1e-5
