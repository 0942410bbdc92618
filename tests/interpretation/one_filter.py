"""Networks whose weights are written by hand, and files of them."""

from pathlib import Path

import numpy as np
import torch

from nanosieve.models.card import CARD_KEY, ModelCard
from nanosieve.networks import Network, build
from nanosieve.networks.export import export_onnx
from nanosieve.networks.files import save_weights
from nanosieve.prepare.network_input import InputSpec


def one_filter(kernel: np.ndarray, bias: float = 0.0) -> Network:
    """The network of one 9 x 9 filter with this kernel."""
    network = build("horwath-single").eval()
    with torch.no_grad():
        network.filter.weight[0, 0] = torch.from_numpy(kernel).float()
        network.filter.bias[:] = bias
    return network


def average(weight: float = -4.0) -> Network:
    """Averages 9 x 9 px; dark is particle."""
    return one_filter(np.full((9, 9), weight / 81), bias=-2.0)


def high_pass() -> Network:
    """Takes the average of the neighbours from each pixel: only noise is left."""
    kernel = np.zeros((9, 9))
    kernel[3:6, 3:6] = -1 / 9
    kernel[4, 4] += 1
    return one_filter(4 * kernel)


def card_of(network: Network, **changes: object) -> ModelCard:
    """A card of the network for dark particles."""
    values = {
        "name": "by hand", "version": "0.1.0", "network": network.name,
        "settings": network.settings, "classes": network.classes,
        "activation": network.activation, "foreground": ("particle",), "polarity": "dark",
        "input": InputSpec(), "receptive_field_px": network.receptive_field,
        "stride": network.stride, "tile_exact": network.tile_exact, "threshold": 0.4,
        "licence": "CC0-1.0",
    }  # fmt: skip
    return ModelCard(**(values | changes))


def save_model(folder: Path, network: Network, card: ModelCard) -> Path:
    """Write ``model.onnx`` and ``model.safetensors``; the former is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(network, folder / "model.safetensors")
    path = folder / "model.onnx"
    export_onnx(network, path, metadata={CARD_KEY: card.to_json()})
    return path
