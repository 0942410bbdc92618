"""Going on from learned weights, all of them or one half of the network."""

from collections.abc import Iterator

from torch import nn

from nanosieve.core.errors import UsageError
from nanosieve.networks import Network, build
from nanosieve.networks.files import load_weights
from nanosieve.training.config import TrainConfig
from nanosieve.training.start import weights_of

# Names of the parts that lead down to the lowest resolution, the lowest one included; all else
# leads up again.
ENCODER_PARTS = frozenset({"encoder", "stem", "down", "shrink", "middle", "centre"})


def make_network(config: TrainConfig) -> Network:
    """Build the network of a run, with fresh weights or those that it starts from.

    Fresh weights come from torch's generator: seed it before.

    Raises
    ------
    UsageError
        If there is no such network or setting, the weights are those of another network, or it
        has no part of the name that is to be frozen.
    InputError
        If the weights cannot be read.
    """
    network = build(config.network.name, **config.network.settings)
    network.foreground = config.data.foreground or network.foreground
    if not set(network.foreground) <= set(network.classes):
        raise UsageError(
            f"data.foreground: {', '.join(network.foreground)} must be classes of the network, "
            f"which are {', '.join(network.classes)}"
        )
    start = config.start
    weights = weights_of(start.model) if start.model is not None else start.weights
    if weights is not None:
        learned = load_weights(weights)
        if (learned.name, learned.settings) != (network.name, network.settings):
            raise UsageError(
                f"{weights}: holds {_words(learned)}, but [network] asks for "
                f"{_words(network)}; give the settings that the weights were trained with"
            )
        network.load_state_dict(learned.state_dict())
    for part in frozen_parts(network, start.freeze):
        part.requires_grad_(False)
    return network


def frozen_parts(network: Network, freeze: str) -> Iterator[nn.Module]:
    """Give the parts that keep their weights; their batch norms keep their statistics, too.

    Parameters
    ----------
    network
        Any network.
    freeze
        ``nothing``, ``encoder`` or ``decoder``.

    Raises
    ------
    UsageError
        If the network has no part of that name.
    """
    if freeze == "nothing":
        return
    parts = {
        name: part
        for name, part in network.named_children()
        if next(part.parameters(), None) is not None
    }
    encoder = ENCODER_PARTS & parts.keys()
    chosen = encoder if freeze == "encoder" else parts.keys() - encoder
    if not encoder:
        raise UsageError(
            f"{network.name} is no encoder and decoder: there is no {freeze} to freeze; "
            "leave [start] freeze out"
        )
    for name in sorted(chosen):
        yield parts[name]


def _words(network: Network) -> str:
    settings = ", ".join(f"{name} = {value!r}" for name, value in network.settings.items())
    return f"{network.name} ({settings})"
