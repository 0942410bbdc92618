"""What holds for every network: shape, settings, files, receptive field, tiles, export."""

import copy

import openvino
import pytest
import torch
from torch import nn

from nanosieve.core.errors import UsageError
from nanosieve.networks import NAMES, Network, build, describe, receptive_field
from nanosieve.networks.export import export_onnx
from nanosieve.networks.files import load_weights, save_weights


def test_every_name_is_among_the_tested(small):
    tested = {name for name, _ in small.values()}
    assert tested == set(NAMES)


def test_logits_have_one_channel_a_class_and_the_size_of_the_image(network):
    image = torch.randn(2, 1, 2 * network.stride, 3 * network.stride)
    with torch.no_grad():
        logits = network(image)
        probabilities = network.probabilities(image)
    assert logits.shape == (2, len(network.classes), *image.shape[2:])
    assert logits.isfinite().all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if network.activation == "softmax":
        torch.testing.assert_close(probabilities.sum(1), torch.ones(2, *image.shape[2:]))


def test_name_and_settings_rebuild_the_network(network):
    twin = build(network.name, **network.settings)
    assert twin.settings == network.settings
    assert (twin.classes, twin.activation) == (network.classes, network.activation)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in twin.state_dict().items()} == shapes


def test_parameters_are_those_that_training_changes(network):
    assert network.n_parameters == sum(p.numel() for p in _learned(network))
    network.train()
    side = 2 * network.stride
    network(torch.randn(2, 1, side, side)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in _learned(network))


def _learned(network):
    return [p for p in network.parameters() if p.requires_grad]


def test_saved_and_loaded_it_is_the_same_network(network, tmp_path):
    save_weights(network, tmp_path / "model.safetensors")
    loaded = load_weights(tmp_path / "model.safetensors")
    assert (loaded.name, loaded.settings) == (network.name, network.settings)
    assert loaded.n_parameters == network.n_parameters
    assert not loaded.training
    image = torch.randn(1, 1, 2 * network.stride, network.stride)
    with torch.no_grad():
        assert torch.equal(loaded(image), network(image))


def test_half_the_bytes_give_nearly_the_same_probabilities(network, tmp_path):
    save_weights(network, tmp_path / "whole.safetensors")
    save_weights(network, tmp_path / "half.safetensors", half=True)
    loaded = load_weights(tmp_path / "half.safetensors")
    image = torch.randn(1, 1, 2 * network.stride, 2 * network.stride)
    with torch.no_grad():
        difference = (loaded.probabilities(image) - network.probabilities(image)).abs().max()
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert difference < 0.02


def test_openvino_agrees_with_torch_at_any_size(network, tmp_path, capfd):
    path = tmp_path / "model.onnx"
    network.train()
    export_onnx(network, path, metadata={"nanosieve_card": "{}"}, temperature=1.5)
    assert network.training
    assert capfd.readouterr() == ("", "")
    network.eval()
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}
    compiled = openvino.Core().compile_model(str(path), "CPU", exact)
    assert [port.any_name for port in compiled.inputs] == ["image"]
    assert "probability" in compiled.output().names
    for n, rows, columns in ((1, 2, 3), (2, 3, 1)):
        image = torch.randn(n, 1, rows * network.stride, columns * network.stride)
        with torch.no_grad():
            logits = network(image) / 1.5
        expected = logits.softmax(1) if network.activation == "softmax" else logits.sigmoid()
        if network.activation == "softmax" and len(network.classes) == 2:
            expected = expected[:, 1:]
        found = torch.from_numpy(compiled(image.numpy())[0])
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_rows_that_a_pixel_sees_are_those_with_a_gradient(network):
    steps = receptive_field.trace(network)
    windows = {row: receptive_field.window(steps, row) for row in range(network.stride)}
    positive = _positive(network)
    # Rows lie far inside; the columns are few, for only rows are looked at.
    margin = -(-network.reach // network.stride) * network.stride
    image = torch.ones(1, 1, 2 * margin + network.stride, network.stride, dtype=torch.float64)
    image.requires_grad_(True)
    logits = positive(image).sum(1)[0]
    furthest = max(windows, key=lambda row: max(row - windows[row][0], windows[row][1] - row))
    for row in sorted({0, 1, network.stride // 2, network.stride - 1, furthest} & set(windows)):
        (gradient,) = torch.autograd.grad(logits[margin + row].sum(), image, retain_graph=True)
        seen = gradient[0, 0].sum(1).nonzero().flatten()
        first, last = windows[row]
        assert (int(seen.min()) - margin, int(seen.max()) - margin) == (first, last)


def test_the_formula_lies_between_the_least_and_the_most_that_pixels_see(network):
    steps = receptive_field.trace(network)
    windows = [receptive_field.window(steps, row) for row in range(network.stride)]
    sides = [last - first + 1 for first, last in windows]
    assert min(sides) <= network.receptive_field <= max(sides)
    assert describe(network)["receptive_field_px"] == network.receptive_field


def _positive(network: Network) -> Network:
    """The network with positive weights and mean pooling, so that nothing seen is cancelled."""
    positive = copy.deepcopy(network).double().eval()
    for module in list(positive.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding)
                setattr(module, name, mean)
    for module in positive.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.weight.data.fill_(1 / module.weight[0].numel())
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    return positive


def test_a_tile_with_its_halo_gives_what_the_whole_image_gives(network):
    assert network.tile_exact
    halo = -(-network.reach // network.stride) * network.stride
    image = torch.randn(1, 1, 2 * halo + 3 * network.stride, 2 * network.stride)
    with torch.no_grad():
        whole = network(image)
        tile = network(image[:, :, network.stride : 2 * halo + 2 * network.stride])
    found = tile[:, :, halo : halo + network.stride]
    expected = whole[:, :, halo + network.stride : halo + 2 * network.stride]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 64, 64), (1, 2, 64, 64)])
def test_other_shapes_are_refused(network, shape):
    with pytest.raises(UsageError, match=f"{network.name} takes \\(n, 1, h, w\\)"):
        network(torch.zeros(shape))


def test_sizes_that_pooling_would_cut_are_refused(network):
    if network.stride == 1:
        pytest.skip("any size fits a network without pooling")
    with pytest.raises(UsageError, match=f"multiples of {network.stride}, not"):
        network(torch.zeros(1, 1, network.stride, network.stride + 1))
