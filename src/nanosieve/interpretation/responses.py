"""What a network answers to an image: logits, probabilities, and activations of any layer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy import special
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.models.tiler import cut, halo_of, side_of, tiles
from nanosieve.networks.base import Network, padded

_DEAD = 1e-6


def logits_of(network: Network, image: np.ndarray) -> np.ndarray:
    """Compute the logits of an image of any size, tile by tile where the network allows it.

    Parameters
    ----------
    network
        In evaluation mode.
    image
        ``(y, x)`` network input.

    Returns
    -------
    numpy.ndarray
        ``(classes, y, x)`` float32.
    """
    halo = halo_of(max(network.receptive_field, 2 * network.reach), network.stride)
    side = side_of(halo, network.stride) if network.tile_exact else None
    result = np.empty((len(network.classes), *image.shape), np.float32)
    with torch.inference_mode():
        for tile in tiles(_shape(image), halo=halo, stride=network.stride, side=side):
            answer = network(torch.from_numpy(cut(image, tile))[None, None])[0].numpy()
            result[:, *tile.core] = answer[:, *tile.inner]
    return result


def particle_logit(network: Network, logits: np.ndarray, foreground: Sequence[int]) -> np.ndarray:
    """Join the logits of all classes to the one that decides between particle and support.

    Parameters
    ----------
    network
        Tells how probabilities are made.
    logits
        ``(classes, y, x)``.
    foreground
        Channels that count as particle.

    Returns
    -------
    numpy.ndarray
        ``(y, x)``: the logit of the probability of a particle. With softmax the difference of the
        joint logits (log of the sum of exponentials) of particle and other classes; with sigmoid
        the largest logit of the particle classes.
    """
    wanted = np.zeros(len(logits), bool)
    wanted[list(foreground)] = True
    if network.activation == "sigmoid":
        return logits[wanted].max(axis=0)
    particle, rest = (special.logsumexp(logits[some], axis=0) for some in (wanted, ~wanted))
    return np.asarray(particle - rest, np.float32)


def layer_names(network: nn.Module) -> list[str]:
    """Names of the layers that make maps: all modules without modules of their own.

    >>> layer_names(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    ['0', '1']
    """
    return [name for name, module in network.named_modules() if name and not _children(module)]


def activations(
    network: nn.Module, image: np.ndarray, layers: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Run an image through a network and keep what layers give.

    Parameters
    ----------
    network
        In evaluation mode.
    image
        ``(y, x)`` network input; filled up by mirroring to whole strides of the network.
    layers
        Names as in `layer_names` or of any other module; all layers where not given.

    Returns
    -------
    dict
        Name -> ``(channels, y, x)`` float32, in the order in which they were computed. A layer
        that is not called is missing; of one called several times the last is kept.

    Raises
    ------
    UsageError
        If there is no layer of a name.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2))
    >>> {name: map_.shape for name, map_ in activations(net, np.zeros((8, 8), "f")).items()}
    {'0': (2, 8, 8), '1': (2, 4, 4)}
    """
    modules = dict(network.named_modules())
    wanted = layer_names(network) if layers is None else list(layers)
    unknown = [name for name in wanted if not name or name not in modules]
    if unknown:
        raise UsageError(
            f"there is no layer {unknown[0]!r} in the network; it has "
            f"{', '.join(layer_names(network))}"
        )
    kept: dict[str, np.ndarray] = {}

    def keep(name: str, answer: object) -> None:
        if isinstance(answer, Tensor) and answer.ndim == 4:
            kept.pop(name, None)
            # A copy: some activations work in place.
            kept[name] = answer[0].numpy().copy()

    hooks = [
        modules[name].register_forward_hook(
            lambda _module, _inputs, answer, name=name: keep(name, answer)
        )
        for name in wanted
    ]
    try:
        with torch.inference_mode():
            network(padded(image, getattr(network, "stride", 1)))
    finally:
        for hook in hooks:
            hook.remove()
    return kept


def layer_table(network: nn.Module, image: np.ndarray) -> pd.DataFrame:
    """Describe what every layer gives for an image.

    Returns
    -------
    pandas.DataFrame
        ``layer``, ``kind``, ``channels``, ``height``, ``width``, ``mean``, ``std``, ``zero_share``
        (values that are exactly 0: what ReLU cuts off) and ``dead_channels`` (channels that are
        constant over the whole image, and so carry nothing).
    """
    modules = dict(network.named_modules())
    rows = []
    for name, maps in activations(network, image).items():
        spread = maps.std(axis=(1, 2))
        scale = max(float(np.abs(maps).max()), 1e-30)
        rows.append(
            {
                "layer": name,
                "kind": type(modules[name]).__name__,
                "channels": len(maps),
                "height": maps.shape[1],
                "width": maps.shape[2],
                "mean": float(maps.mean()),
                "std": float(maps.std()),
                "zero_share": float(np.mean(maps == 0)),
                "dead_channels": int(np.count_nonzero(spread <= _DEAD * scale)),
            }
        )
    return pd.DataFrame(rows)


def _children(module: nn.Module) -> bool:
    return next(module.children(), None) is not None


def _shape(image: np.ndarray) -> tuple[int, int]:
    return image.shape[0], image.shape[1]
