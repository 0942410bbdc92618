"""Model files for tests: plain graphs whose output can be computed by hand, written with onnx."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nanosieve.models.card import CARD_KEY, ModelCard
from nanosieve.models.check import CHECK_KEY, Check
from nanosieve.prepare.network_input import InputSpec

FROZEN = Path(__file__).parent / "models" / "data" / "discs_v1.onnx"
SHARP, MIDDLE = 8.0, 1.2


def card(**changes: Any) -> ModelCard:
    """Card of `particle_model`."""
    fields: dict[str, Any] = {
        "name": "plain", "version": "0.1.0", "network": "horwath-single", "settings": {},
        "classes": ("support", "particle"), "activation": "softmax", "foreground": ("particle",),
        "polarity": "dark", "input": InputSpec(polarity="dark"), "receptive_field_px": 1,
        "effective_field_px": 500.0,
        "reach_px": 0, "stride": 1, "tile_exact": True, "threshold": 0.5, "licence": "CC0-1.0",
    }  # fmt: skip
    return ModelCard(**(fields | changes))


def write_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, np.ndarray],
    *,
    channels: int = 1,
    metadata: Mapping[str, str],
) -> Path:
    """Write a graph from ``image`` to ``probability``."""
    sides = ["n", None, "h", "w"]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [*sides[:1], 1, *sides[2:]])],
        [helper.make_tensor_value_info(
            "probability", TensorProto.FLOAT, [*sides[:1], channels, *sides[2:]])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata))
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def particle_model(path: Path, *, check: Check | None = None, **changes: Any) -> Path:
    """Write a model of one pixel's reach: the sigmoid of -8 (z + 1.2) of the network input z."""
    metadata = {CARD_KEY: card(**changes).to_json()}
    if check is not None:
        metadata[CHECK_KEY] = check.to_json()
    nodes = [
        helper.make_node("Add", ["image", "middle"], ["over"]),
        helper.make_node("Mul", ["over", "slope"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    return write_graph(path, nodes, _line(), metadata=metadata)


def _line() -> dict[str, np.ndarray]:
    return {"slope": np.float32([-SHARP]), "middle": np.float32([MIDDLE])}


def core_model(path: Path, *, radius: int = 6, **changes: Any) -> Path:
    """Write a model of particle and core: core where the square around a pixel is all particle."""
    side = 2 * radius + 1
    fields = {
        "classes": ("particle", "core"), "activation": "sigmoid", "core": "core",
        "receptive_field_px": side, "reach_px": radius,
    }  # fmt: skip
    weights = _line() | {
        "square": np.full((1, 1, side, side), 1 / side**2, np.float32),
        "most": np.float32([0.98]),
        "steep": np.float32([200]),
    }
    nodes = [
        helper.make_node("Add", ["image", "middle"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "slope"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["particle"]),
        helper.make_node("Conv", ["particle", "square"], ["share"], pads=[radius] * 4),
        helper.make_node("Sub", ["share", "most"], ["over"]),
        helper.make_node("Mul", ["over", "steep"], ["inside"]),
        helper.make_node("Sigmoid", ["inside"], ["core"]),
        helper.make_node("Concat", ["particle", "core"], ["probability"], axis=1),
    ]
    metadata = {CARD_KEY: card(**(fields | changes)).to_json()}
    return write_graph(path, nodes, weights, channels=2, metadata=metadata)


def class_model(path: Path, **changes: Any) -> Path:
    """Write a model of support, film and particle: softmax of 0, 4 (z - 1) and -8 (z + 1.2)."""
    fields = {"classes": ("support", "film", "particle"), "foreground": ("particle",)}
    weights = {
        "slopes": np.float32([0, 4, -SHARP]).reshape(3, 1, 1, 1),
        "shifts": np.float32([0, -4, -SHARP * MIDDLE]),
    }
    nodes = [
        helper.make_node("Conv", ["image", "slopes", "shifts"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probability"], axis=1),
    ]
    metadata = {CARD_KEY: card(**(fields | changes)).to_json()}
    return write_graph(path, nodes, weights, channels=3, metadata=metadata)
