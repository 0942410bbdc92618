"""ONNX files of networks: one image in, probabilities out, the card in their metadata."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import Network

_OPSET = 17
_AXES = {0: "n", 2: "h", 3: "w"}


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
        _write(Probability(network, temperature).eval(), example, Path(path))
    finally:
        network.train(was_training)
    model = onnx.load(path)
    model.producer_name, model.producer_version = "nanosieve", ""
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _write(module: nn.Module, example: Tensor, path: Path) -> None:
    # The tracer, though deprecated: the exporter after it takes a hundred times as long, prints,
    # and cannot leave sizes free that pooling and upsampling round.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            module,
            (example,),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_axes={"image": _AXES, "probability": _AXES},
        )
