"""ONNX files of networks: one image in, probabilities out, the card in their metadata."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import Network

_OPSET = 17
_AXES = {0: "n", 2: "h", 3: "w"}
# A cast has a name and a node of its own: for fewer numbers they take more than is saved.
_LEAST_HALVED = 128


class Probability(nn.Module):
    """A network followed by what makes calibrated probabilities of its logits.

    Parameters
    ----------
    network
        Any network.
    temperature
        Logits are divided by it first (Guo et al. 2017).
    """

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, image: Tensor) -> Tensor:
        """Compute the probabilities of ``(n, 1, h, w)`` images.

        Returns
        -------
        torch.Tensor
            ``(n, k, h, w)``: of two exclusive classes the second only, else all.
        """
        logits = self.network.logits(image) / self.temperature
        if self.network.activation == "sigmoid":
            return logits.sigmoid()
        if len(self.network.classes) == 2:
            # The softmax of two classes, without its exponentials of each.
            return (logits[:, 1:] - logits[:, :1]).sigmoid()
        return logits.softmax(1)


def export_onnx(
    network: Network,
    path: str | Path,
    *,
    metadata: Mapping[str, str],
    temperature: float = 1.0,
    half: bool = False,
) -> None:
    """Write a network, in evaluation mode, as an ONNX file.

    The graph takes ``image`` ``(n, 1, h, w)`` float32 and gives ``probability`` ``(n, k, h, w)``
    float32, all of n, h and w free; h and w must be multiples of the network's stride.

    Parameters
    ----------
    network
        Any network; its mode is left as it was.
    path
        The file; one already there is replaced.
    metadata
        Words under keys, kept in the file (OpenVINO shows them as ``rt_info``).
    temperature
        Logits are divided by it before they become probabilities.
    half
        Store weights as float16, to be cast where they are used, as far as float16 holds them
        exactly: for a network of `nanosieve.networks.files.rounded` the file has half the size and
        computes the same.

    Raises
    ------
    UsageError
        If the temperature is not positive.
    """
    if not 0 < temperature < float("inf"):
        raise UsageError(f"temperature = {temperature}: give a positive number")
    device = next(network.parameters()).device
    side = 2 * network.stride
    example = torch.zeros(1, 1, side, side, device=device)
    was_training = network.training
    try:
        _write(Probability(network, temperature).eval(), example, Path(path), fuse=not half)
    finally:
        network.train(was_training)
    model = onnx.load(path)
    if half:
        _halve(model.graph)
    model.producer_name, model.producer_version = "nanosieve", ""
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _write(module: nn.Module, example: Tensor, path: Path, *, fuse: bool) -> None:
    """Trace and write; ``fuse`` merges batch norms with convolutions, which changes the weights."""
    mode = torch.onnx.TrainingMode.EVAL if fuse else torch.onnx.TrainingMode.PRESERVE
    # The tracer, though deprecated: the exporter after it takes a hundred times as long, prints,
    # and cannot leave sizes free that pooling and upsampling round.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            module,
            (example,),
            path,
            dynamo=False,
            training=mode,
            do_constant_folding=fuse,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_axes={"image": _AXES, "probability": _AXES},
        )


def _halve(graph: onnx.GraphProto) -> None:
    """Store what float16 holds exactly as float16, and cast it to float32 first of all."""
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST_HALVED:
            continue
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if not np.array_equal(halves.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
