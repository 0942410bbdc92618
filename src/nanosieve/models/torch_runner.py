"""Networks on a GPU, through torch: rebuilt from the card and the weights beside the model.

The one file outside networks, training and interpretation that imports torch.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.models.card import ModelCard

if TYPE_CHECKING:
    import torch

# Tiles on their way to the GPU and back while one is computed.
_AHEAD = 2


def _plain(settings: Mapping[str, Any]) -> Any:
    """Settings as a file holds them: tuples are lists."""
    return json.loads(json.dumps(settings))


def find_gpu() -> str | None:
    """Name of torch's GPU device; ``None`` where torch or a GPU is missing."""
    if find_spec("torch") is None:
        return None
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


class TorchRunner:
    """Run a rebuilt network on tiles; the interface of `nanosieve.models.openvino_runner`.

    Parameters
    ----------
    path
        The ONNX file; ``model.safetensors`` lies beside ``model.onnx``.
    card
        Its card.
    device
        A torch device.
    precision
        ``auto`` computes in half precision (float16) on CUDA; ``float32`` never.

    Raises
    ------
    UsageError
        If the weights are missing or are not those of the network that the card names.
    """

    def __init__(
        self,
        path: Path,
        card: ModelCard,
        *,
        device: str,
        precision: Literal["auto", "float32"] = "auto",
    ) -> None:
        import torch

        from nanosieve.networks.files import load_weights

        weights = path.with_suffix(".safetensors")
        if not weights.is_file():
            raise UsageError(
                f"{weights}: no such file; a GPU needs the weights that nanosieve train writes "
                "beside the model: copy them there, or use --device cpu"
            )
        network = load_weights(weights)
        if (network.name, _plain(network.settings)) != (card.network, _plain(card.settings)):
            raise UsageError(
                f"{weights}: holds the weights of another network ({network.name}) than "
                f"{path.name} ({card.network}); copy the two files of one training"
            )
        if (network.classes, network.activation) != (card.classes, card.activation):
            raise UsageError(
                f"{path}: its card names classes {', '.join(card.classes)} ({card.activation}), "
                f"its network gives {', '.join(network.classes)} ({network.activation}); "
                "export the model again"
            )
        self._torch = torch
        self._device = torch.device(device)
        half = precision == "auto" and self._device.type == "cuda"
        self._dtype = torch.float16 if half else torch.float32
        self._network = network.to(self._device, self._dtype).eval()
        if half:
            self._network = self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._card = card
        self.precision = "float16" if half else "float32"

    @property
    def words(self) -> str:
        """What it runs on."""
        return f"torch on {self._device}, {self.precision}"

    def run(self, tiles: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Run tiles; see `nanosieve.models.openvino_runner.OpenVinoRunner.run`.

        CUDA works on what it was given while the next tiles are handed over.
        """
        waiting: list[torch.Tensor] = []
        for tile in tiles:
            waiting.append(self._started(tile))
            if len(waiting) > _AHEAD:
                yield waiting.pop(0).float().cpu().numpy()
        for result in waiting:
            yield result.float().cpu().numpy()

    def _started(self, tile: np.ndarray) -> "torch.Tensor":
        torch = self._torch
        with torch.inference_mode():
            given = torch.from_numpy(tile)[None, None]
            if self._device.type == "cuda":
                given = given.pin_memory().to(self._device, non_blocking=True)
            logits = self._network(given.to(self._device, self._dtype)).float()
            logits /= self._card.temperature
            if self._card.activation == "sigmoid":
                found = torch.sigmoid(logits)
            elif len(self._card.channels) == 1:
                found = torch.sigmoid(logits[:, 1:] - logits[:, :1])
            else:
                found = torch.softmax(logits, 1)
            return found[0]
