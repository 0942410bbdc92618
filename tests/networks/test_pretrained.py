"""ImageNet weights: fetched where they can be had, else one clear warning."""

import sys
import types
import warnings

import pytest
import torch

from nanosieve.networks import build
from nanosieve.networks.files import load_weights, save_weights
from nanosieve.networks.resnet import Encoder

NAMES = ("groom-unet", "groom-fpn", "groom-linknet", "groom-unet7")


def _library(monkeypatch, get_encoder):
    """Put a library of this name in place, with one function of it."""
    encoders = types.ModuleType("segmentation_models_pytorch.encoders")
    encoders.get_encoder = get_encoder
    package = types.ModuleType("segmentation_models_pytorch")
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", package)
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch.encoders", encoders)


@pytest.mark.parametrize("name", NAMES)
def test_weights_reach_the_encoder(monkeypatch, tmp_path, name):
    source = Encoder()
    asked = []

    def get_encoder(*args, **kwargs):
        asked.append((args, kwargs))
        return source

    _library(monkeypatch, get_encoder)
    network = build(name)
    assert asked == [(("resnet18",), {"in_channels": 1, "weights": "imagenet"})]
    for key, value in source.state_dict().items():
        assert torch.equal(network.encoder.state_dict()[key], value)
    assert network.note == "The encoder started from ImageNet weights."
    save_weights(network, tmp_path / "a.safetensors")
    loaded = load_weights(tmp_path / "a.safetensors")
    assert loaded.note == network.note
    assert len(asked) == 1


def test_unet7_keeps_pretrained_kernels_and_widens_the_others(monkeypatch):
    _library(monkeypatch, lambda *_args, **_kwargs: Encoder())
    network = build("groom-unet7")
    assert network.settings["encoder_kernel"] == 3
    assert network.settings["pretrained"] is False
    assert network.encoder.layer4[0].conv1.kernel_size == (3, 3)
    assert network.decoder[0][0][0].kernel_size == (7, 7)


def test_untrained_unet7_has_wide_kernels_throughout():
    network = build("groom-unet7", pretrained=False, width=4)
    assert network.settings["encoder_kernel"] == 7
    assert network.encoder.layer4[0].conv1.kernel_size == (7, 7)
    assert network.note == ""


def test_without_the_library_one_warning_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.warns(UserWarning, match="starts untrained: segmentation-models-pytorch does not"):
        network = build("groom-linknet")
    assert network.note == "The encoder started untrained: ImageNet weights could not be had."
    assert network.settings["pretrained"] is False


@pytest.mark.parametrize(
    "error", [ConnectionError("no route"), RuntimeError("hash"), KeyError("a")]
)
def test_weights_out_of_reach_are_one_warning(monkeypatch, error):
    def get_encoder(*_args, **_kwargs):
        raise error

    _library(monkeypatch, get_encoder)
    with pytest.warns(UserWarning, match=f"cannot be had .{type(error).__name__}"):
        build("groom-fpn")


def test_weights_of_another_make_are_one_warning(monkeypatch):
    _library(monkeypatch, lambda *_args, **_kwargs: Encoder(32))
    with pytest.warns(UserWarning, match="do not fit this encoder"):
        build("groom-fpn")


def test_real_weights_where_they_can_be_had():
    # Beside a torch built otherwise torchvision raises RuntimeError.
    pytest.importorskip("torchvision", reason="needs torchvision", exc_type=Exception)
    pytest.importorskip("segmentation_models_pytorch", reason="needs the extra pretrained")
    with warnings.catch_warnings(record=True) as warned:
        network = build("groom-unet")
    if any("cannot be had" in str(warning.message) for warning in warned):
        pytest.skip("ImageNet weights cannot be reached from here")
    assert network.note == "The encoder started from ImageNet weights."
