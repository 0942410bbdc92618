"""Whole images through a network while it is being trained and judged."""

import numpy as np
import torch
from torch import Tensor

from nanosieve.models.tiler import cut, halo_of, side_of, tiles
from nanosieve.networks import CORE, Network


def margin(logits: Tensor, network: Network) -> Tensor:
    """Logarithm of the odds of particle against all else.

    Parameters
    ----------
    logits
        ``(n, c, h, w)`` of the network.
    network
        Tells which classes count as particle. Of independent ones the likeliest counts.

    Returns
    -------
    Tensor
        ``(n, h, w)``.

    Examples
    --------
    >>> from nanosieve.networks import build
    >>> logits = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1)
    >>> margin(logits, build("horwath-unet1024")).item()
    2.0
    """
    front = [network.classes.index(name) for name in network.foreground]
    if network.activation == "sigmoid":
        return logits[:, front].amax(1)
    back = [index for index in range(len(network.classes)) if index not in front]
    return logits[:, front].logsumexp(1) - logits[:, back].logsumexp(1)


def image_margin(network: Network, image: np.ndarray) -> np.ndarray:
    """Margins of an image of any size, in tiles where it is large.

    Parameters are those of `image_maps`.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32.
    """
    return image_maps(network, image)[0]


@torch.no_grad()
def image_maps(network: Network, image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Margins and logits of the cores of an image of any size, in tiles where it is large.

    Parameters
    ----------
    network
        In evaluation mode, on any device.
    image
        ``(y, x)`` float32 network input.

    Returns
    -------
    margin
        ``(y, x)`` float32.
    core
        ``(y, x)`` float32; ``None`` where the network has no such class by itself.
    """
    device = next(network.parameters()).device
    halo = halo_of(network.receptive_field, network.stride, network.reach)
    # A network that sees statistics of its input sees the whole image, as it will when it is run.
    side = side_of(halo, network.stride) if network.tile_exact else None
    result = np.empty(image.shape, np.float32)
    marked = network.activation == "sigmoid" and CORE in network.classes
    core = np.empty(image.shape, np.float32) if marked else None
    for tile in tiles(image.shape, halo=halo, stride=network.stride, side=side):
        part = torch.from_numpy(cut(image, tile))[None, None].to(device)
        logits = network(part)
        result[tile.core] = margin(logits, network)[0].float().cpu().numpy()[tile.inner]
        if core is not None:
            inside = logits[0, network.classes.index(CORE)]
            core[tile.core] = inside.float().cpu().numpy()[tile.inner]
    return result, core
