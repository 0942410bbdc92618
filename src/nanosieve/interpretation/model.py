"""A trained network with what its card says of its input and output."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import special

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity
from nanosieve.interpretation.responses import logits_of, particle_logit
from nanosieve.models.card import ModelCard
from nanosieve.models.load import read_card
from nanosieve.networks.base import Network
from nanosieve.networks.files import load_weights
from nanosieve.prepare.network_input import InputSpec, network_input

_WEIGHTS, _ONNX = ".safetensors", ".onnx"
_NOT_PARTICLE = ("support", "background", "core")


@dataclass(frozen=True)
class TrainedNetwork:
    """A network to explain.

    Parameters
    ----------
    name
        For tables and figures, different for each model of a run.
    path
        The file named by the user.
    network
        In evaluation mode.
    foreground
        Channels that count as particle.
    spec
        How images are brought to it.
    pixel_size_nm
        Pixel size to which images are resampled; ``None`` where it takes any.
    threshold, temperature
        Probability from which a pixel is particle, and what logits are divided by before.
    has_card
        Whether these stand in a model card; they are defaults otherwise.
    """

    name: str
    path: Path
    network: Network
    foreground: tuple[int, ...]
    spec: InputSpec
    pixel_size_nm: float | None = None
    threshold: float = 0.5
    temperature: float = 1.0
    has_card: bool = False

    @property
    def polarity(self) -> Literal["dark", "bright", "any"]:
        """What particles look like to the network."""
        return self.spec.polarity

    def prepared(
        self, image: np.ndarray, polarity: Polarity, valid: np.ndarray | None = None
    ) -> np.ndarray:
        """Bring a ``(y, x)`` image at the network's pixel size to its input."""
        return network_input(image, self.spec, polarity=polarity, valid=valid)

    def probability(self, prepared: np.ndarray) -> np.ndarray:
        """Compute the calibrated probability of a particle, ``(y, x)`` float32."""
        logits = logits_of(self.network, prepared)
        deciding = particle_logit(self.network, logits / self.temperature, self.foreground)
        return special.expit(deciding).astype(np.float32)


def load_networks(paths: Sequence[str | Path]) -> list[TrainedNetwork]:
    """Load models, and give each a name of its own.

    Parameters
    ----------
    paths
        ``model.safetensors``, or ``model.onnx`` with the ``.safetensors`` of the same stem beside
        it. Either way the card of the ``.onnx`` is used where there is one.

    Raises
    ------
    UsageError
        If a file is missing, of another kind, or not to be trusted.
    """
    models = [_load(Path(path)) for path in paths]
    names = _distinct([model.name for model in models])
    return [replace(model, name=name) for model, name in zip(models, names, strict=True)]


def with_defaults(name: str, path: Path, network: Network) -> TrainedNetwork:
    """Wrap a network of which no card tells: standardised input of either polarity.

    Parameters
    ----------
    name, path
        As of `TrainedNetwork`.
    network
        All classes count as particle but those called support, background or core.
    """
    foreground = tuple(
        index for index, kind in enumerate(network.classes) if kind not in _NOT_PARTICLE
    )
    if not foreground:
        raise UsageError(
            f"{path}: none of the classes {', '.join(network.classes)} is a particle; "
            "explain needs one"
        )
    return TrainedNetwork(name, path, network.eval(), foreground, InputSpec(polarity="any"))


def _load(path: Path) -> TrainedNetwork:
    if path.suffix.lower() not in (_WEIGHTS, _ONNX):
        raise UsageError(f"{path}: explain takes model.safetensors or model.onnx")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; nanosieve train writes model.onnx")
    weights = path.with_suffix(_WEIGHTS)
    if not weights.is_file():
        raise UsageError(
            f"{path}: explain needs the weights as {weights.name} beside it, "
            "as nanosieve train writes them"
        )
    network = load_weights(weights).eval()
    onnx = path.with_suffix(_ONNX)
    name = path.parent.resolve().name if path.stem == "model" else path.stem
    if not onnx.is_file():
        return with_defaults(name, path, network)
    return _with_card(path, network, read_card(onnx)[0])


def _with_card(path: Path, network: Network, card: ModelCard) -> TrainedNetwork:
    if card.network != network.name or tuple(card.classes) != tuple(network.classes):
        raise UsageError(
            f"{path}: its card is of {card.network} with classes {', '.join(card.classes)}, its "
            f"weights of {network.name} with {', '.join(network.classes)}; put together the two "
            "files of one training run"
        )
    return TrainedNetwork(
        name=_as_folder(card.name),
        path=path,
        network=network,
        foreground=tuple(card.classes.index(kind) for kind in card.foreground),
        spec=card.input,
        pixel_size_nm=card.pixel_size_nm,
        threshold=card.threshold,
        temperature=card.temperature,
        has_card=True,
    )


def _as_folder(name: str) -> str:
    """Name a folder within the output: a card's name may be any text.

    >>> _as_folder("../gold 2"), _as_folder("/")
    ('_gold 2', '_')
    """
    return re.sub(r"[^\w +.-]", "_", name).strip(" .") or "model"


def _distinct(names: Sequence[str]) -> list[str]:
    """Number names that occur more than once.

    >>> _distinct(["a", "b", "a"])
    ['a', 'b', 'a-2']
    """
    given: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in given:
            number += 1
            candidate = f"{name}-{number}"
        given.append(candidate)
    return given
