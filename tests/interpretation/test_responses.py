"""Logits, activations and the field of view."""

import numpy as np
import pytest
import torch
from one_filter import average, high_pass, one_filter

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.responses import (
    activations,
    layer_names,
    layer_table,
    logits_of,
    particle_logit,
)
from nanosieve.networks import Network, build
from nanosieve.networks.effective_field import effective_field, side_profile, spread_points


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 61)).astype(np.float32)


def positive(name: str, **settings: object) -> Network:
    """A network in which no path cancels another."""
    network = build(name, **settings).eval()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[:] = 0.05 + 0.1 * torch.rand(parameter.shape, generator=rng)
    return network


def test_logits_have_the_images_own_size(image):
    network = build("horwath-unet512").eval()
    logits = logits_of(network, image)
    assert logits.shape == (2, 50, 61)
    with torch.no_grad():
        whole = network(torch.from_numpy(np.pad(image, [(0, 6), (0, 3)], "symmetric"))[None, None])
    np.testing.assert_allclose(logits, whole[0, :, :50, :61], atol=1e-5)


def test_a_large_image_is_done_in_tiles_with_the_same_result():
    network = average()
    image = np.random.default_rng(0).normal(size=(40, 1500)).astype(np.float32)
    with torch.no_grad():
        whole = network(torch.from_numpy(image)[None, None])[0].numpy()
    np.testing.assert_allclose(logits_of(network, image), whole, atol=1e-5)


def test_the_deciding_logit_is_that_of_the_probability(image):
    softmax = build("horwath-wide").eval()
    logits = logits_of(softmax, image)
    shares = np.exp(logits) / np.exp(logits).sum(axis=0)
    deciding = particle_logit(softmax, logits, (1,))
    np.testing.assert_allclose(1 / (1 + np.exp(-deciding)), shares[1], atol=1e-5)
    three = build("horwath-wide", classes=["support", "metal", "oxide"]).eval()
    logits = logits_of(three, image)
    shares = np.exp(logits) / np.exp(logits).sum(axis=0)
    deciding = particle_logit(three, logits, (1, 2))
    np.testing.assert_allclose(1 / (1 + np.exp(-deciding)), 1 - shares[0], atol=1e-5)
    default = build("nanosieve").eval()
    logits = logits_of(default, image)
    np.testing.assert_array_equal(particle_logit(default, logits, (0,)), logits[0])


def test_activations_are_what_layers_give(image):
    network = high_pass()
    maps = activations(network, image, ["filter"])
    assert list(maps) == ["filter"]
    np.testing.assert_allclose(maps["filter"][0], logits_of(network, image)[1], atol=1e-5)
    assert layer_names(network) == ["filter"]


def test_activations_of_a_block_and_of_pooled_layers():
    network = build("sytwu-resunet", pools=[2, 2]).eval()
    maps = activations(network, np.zeros((32, 32), np.float32))
    assert {map_.shape[-1] for map_ in maps.values()} == {32, 16, 8}
    assert set(maps) <= set(layer_names(network))
    block = activations(network, np.zeros((32, 32), np.float32), ["middle"])
    assert block["middle"].shape[-1] == 8


def test_no_hook_is_left_behind(image):
    network = average()
    with pytest.raises(UsageError, match="there is no layer 'conv9' in the network; it has filter"):
        activations(network, image, ["conv9"])
    activations(network, image)
    assert all(not module._forward_hooks for module in network.modules())


def test_dead_channels_and_zeros_are_counted(image):
    network = build("horwath-unet512").eval()
    with torch.no_grad():
        network.down[0].weight[3] = 0
        network.down[0].bias[3] = 1
    table = layer_table(network, image).set_index("layer")
    assert table.loc["down.0", "dead_channels"] == 1
    assert table.loc["down.0", "channels"] == 8
    assert (table["zero_share"] <= 1).all()
    assert table.loc["relu", "zero_share"] > 0


def test_the_field_of_an_average_is_the_whole_kernel(image):
    field = effective_field(average(), image, np.array([[25, 30], [10, 10]]), (1,))
    assert (field.theoretical_px, field.effective_px, field.n_points) == (9, 9, 2)
    np.testing.assert_allclose(field.weight, 1 / 81, rtol=1e-4)


def test_the_field_of_a_narrow_kernel_is_smaller_than_its_side(image):
    y, x = np.mgrid[-4:5, -4:5]
    kernel = np.exp(-(y**2 + x**2) / 2)
    field = effective_field(one_filter(-kernel), image, np.array([[25, 30]]), (1,))
    held = [kernel[4 - r : 5 + r, 4 - r : 5 + r].sum() / kernel.sum() for r in range(5)]
    assert field.effective_px == 2 * int(np.argmax(np.array(held) >= 0.95)) + 1 == 5
    np.testing.assert_allclose(side_profile(field.weight), held, rtol=1e-4)
    # Each kernel element lies where the network applies it.
    np.testing.assert_allclose(field.weight, kernel / kernel.sum(), rtol=1e-4)


def test_an_off_centre_kernel_is_seen_on_its_side(image):
    kernel = np.zeros((9, 9))
    kernel[1, 6] = 1
    field = effective_field(one_filter(kernel), image, np.array([[25, 30]]), (1,))
    assert field.weight[1, 6] == pytest.approx(1)
    assert field.effective_px == 7


@pytest.mark.parametrize(
    ("name", "settings"), [("sytwu-resunet", {"pools": [2, 2]}), ("horwath-unet512", {})]
)
def test_the_gradient_lies_within_the_theoretical_field(name, settings):
    network = positive(name, **settings)
    side = 2 * network.reach + 40
    image = np.random.default_rng(0).uniform(1, 2, (side, side)).astype(np.float32)
    points = np.array([[side // 2 + shift, side // 2] for shift in range(2)])
    field = effective_field(network, image, points, (0,))
    assert field.weight.sum() == pytest.approx(1)
    assert 1 < field.effective_px <= 2 * network.reach + 1
    # What lies further off than any pixel sees would have been cut: compare with the whole image.
    tensor = torch.from_numpy(image)[: side // network.stride * network.stride]
    tensor = tensor[:, : side // network.stride * network.stride][None, None].clone()
    tensor.requires_grad_()
    answer = network(tensor)[0, :, points[0, 0], points[0, 1]]
    (answer[0] - answer[1]).backward()
    rows = np.flatnonzero(np.abs(tensor.grad[0, 0].numpy()).sum(axis=1))
    assert rows.min() >= points[0, 0] - network.reach
    assert rows.max() <= points[0, 0] + network.reach


def test_a_dead_network_looks_at_nothing(image):
    field = effective_field(one_filter(np.zeros((9, 9))), image, np.array([[5, 5]]), (1,))
    assert field.effective_px == 0
    assert field.weight.sum() == 0


def test_points_must_lie_in_the_image(image):
    for points in (np.zeros((0, 2), int), np.array([[50, 3]])):
        with pytest.raises(UsageError, match="needs points inside the image"):
            effective_field(average(), image, points, (1,))


def test_points_are_spread_over_both_classes():
    labels = np.zeros((60, 60), np.int32)
    labels[20:40, 20:40] = 1
    points = spread_points(labels, 20, 10)
    assert (labels[points[:, 0], points[:, 1]] > 0).sum() == 10
    assert points.min() >= 10
    assert points.max() < 50
    assert len(spread_points(np.zeros((8, 8), np.int32), 6, 100)) > 0
