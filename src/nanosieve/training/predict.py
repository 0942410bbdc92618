"""Whole images through a network while it is being trained and judged."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nanosieve.models.tiler import cut, halo_of, side_of, tiles
from nanosieve.networks import Network

# The class that marks the inner part of a particle: it splits particles, it is none by itself.
CORE = "core"
SUPPORT = "support"


def foreground(classes: Sequence[str], activation: str) -> tuple[str, ...]:
    """Names of the classes that count as particle.

    Of exclusive classes (softmax) all but the first, which is the support; of independent ones
    (sigmoid) all but ``support`` and ``core``.

    Examples
    --------
    >>> foreground(("support", "rod", "sphere"), "softmax"), foreground(("particle", "core"), "")
    (('rod', 'sphere'), ('particle',))
    """
    if activation == "softmax":
        return tuple(classes[1:])
    return tuple(name for name in classes if name not in (CORE, SUPPORT))


def margin(logits: Tensor, classes: Sequence[str], activation: str) -> Tensor:
    """Logarithm of the odds of particle against support.

    Parameters
    ----------
    logits
        ``(n, c, h, w)``.
    classes, activation
        Of the network. Of independent classes the likeliest counts.

    Returns
    -------
    Tensor
        ``(n, h, w)``.

    Examples
    --------
    >>> logits = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1)
    >>> margin(logits, ("support", "particle"), "softmax").item()
    2.0
    """
    if activation == "softmax":
        return logits[:, 1:].logsumexp(1) - logits[:, 0]
    channels = [classes.index(name) for name in foreground(classes, activation)]
    return logits[:, channels].amax(1)


@torch.no_grad()
def image_margin(network: Network, image: np.ndarray) -> np.ndarray:
    """Margins of an image of any size, in tiles where it is large.

    Parameters
    ----------
    network
        In evaluation mode, on any device.
    image
        ``(y, x)`` float32 network input.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32.
    """
    device = next(network.parameters()).device
    halo = halo_of(network.receptive_field, network.stride, network.reach)
    # A network that sees statistics of its input sees the whole image, as it will when it is run.
    side = side_of(halo, network.stride) if network.tile_exact else None
    result = np.empty(image.shape, np.float32)
    for tile in tiles(image.shape, halo=halo, stride=network.stride, side=side):
        part = torch.from_numpy(cut(image, tile))[None, None].to(device)
        found = margin(network(part), network.classes, network.activation)[0]
        result[tile.core] = found.float().cpu().numpy()[tile.inner]
    return result
