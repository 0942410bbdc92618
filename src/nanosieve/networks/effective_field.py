"""How far a network looks: in theory, and by the gradient of its answer.

The theoretical receptive field is the square of pixels that can change an output at all. How much
they do falls off towards its rim (Luo et al., Understanding the effective receptive field, NeurIPS
2016): the effective field is where the gradient of the logit with respect to the image lies.
Sytwu et al. (paper and Figure 2) draw both sizes as squares on the image, in nm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import Network, padded

HELD = 0.95


@dataclass(frozen=True)
class Field:
    """The field of view of one network on one image.

    Parameters
    ----------
    theoretical_px
        Side of the square that an output pixel can depend on.
    effective_px
        Side of the smallest centred square that holds 95 % of the absolute gradient.
    weight
        ``(2 r + 1, 2 r + 1)`` mean absolute gradient around an output pixel, which lies in the
        middle; its sum is 1 (0 where the answer depends on nothing).
    n_points
        Output pixels it is the mean of.
    """

    theoretical_px: int
    effective_px: int
    weight: np.ndarray
    n_points: int


def effective_field(
    network: Network, image: np.ndarray, points: np.ndarray, foreground: Sequence[int]
) -> Field:
    """Average the gradient of the particle logit over output pixels.

    Parameters
    ----------
    network
        In evaluation mode.
    image
        ``(y, x)`` network input.
    points
        ``(n, 2)`` rows and columns of output pixels. Fields that the image border cuts are kept,
        with 0 beyond it.
    foreground
        Channels that count as particle; with softmax the others are subtracted.

    Returns
    -------
    Field
        Of the logit of a particle, before any activation: an activation would hide what a sure
        network looks at.

    Raises
    ------
    UsageError
        If there is no point or one lies outside the image.
    """
    points = np.asarray(points, int)
    if len(points) == 0 or (points < 0).any() or (points >= image.shape).any():
        raise UsageError(
            f"the effective field needs points inside the image of {image.shape}, got "
            f"{points.tolist()}"
        )
    # Where poolings begin moves the field: the furthest that any pixel sees counts.
    radius = max(network.reach, network.receptive_field // 2)
    tensor = padded(image, network.stride)
    total = np.zeros((2 * radius + 1, 2 * radius + 1))
    for y, x in points:
        gradient = np.abs(_gradient(network, tensor, (int(y), int(x)), foreground, radius))
        weight = gradient.sum()
        # Each point counts the same, however steep the logit is there.
        total += gradient / weight if weight > 0 else 0
    whole = total.sum()
    weight = total / whole if whole > 0 else total
    return Field(network.receptive_field, _side_that_holds(weight), weight, len(points))


def spread_points(labels: np.ndarray, n: int, margin: int, *, seed: int = 0) -> np.ndarray:
    """Choose output pixels: half in particles, half on support, off the image border if possible.

    Parameters
    ----------
    labels
        ``(y, x)``; non-zero is particle.
    n
        How many, at most.
    margin
        Distance from the border, px; where nothing is so far from it, the whole image.

    Returns
    -------
    numpy.ndarray
        ``(n, 2)``.
    """
    rng = np.random.default_rng(seed)
    margin = min(margin, (min(labels.shape) - 1) // 2)
    inner = np.zeros(labels.shape, bool)
    inner[margin : labels.shape[0] - margin, margin : labels.shape[1] - margin] = True
    chosen = []
    for one, share in ((labels > 0, n // 2), (labels == 0, n - n // 2)):
        places = np.argwhere(inner & one)
        chosen.append(rng.permutation(places)[:share])
    return np.concatenate(chosen)


def side_profile(weight: np.ndarray) -> np.ndarray:
    """``(r + 1,)`` share of the gradient within centred squares of side 1, 3, 5 ... px."""
    middle = len(weight) // 2
    y, x = np.indices(weight.shape) - middle
    distance = np.maximum(np.abs(y), np.abs(x)).ravel()
    return np.cumsum(np.bincount(distance, weight.ravel()))


def _side_that_holds(weight: np.ndarray) -> int:
    held = side_profile(weight)
    if held[-1] <= 0:
        return 0
    return 2 * int(np.searchsorted(held, HELD * held[-1] * (1 - 1e-12))) + 1


def _gradient(
    network: Network,
    tensor: torch.Tensor,
    point: tuple[int, int],
    foreground: Sequence[int],
    radius: int,
) -> np.ndarray:
    """Gradient of one output pixel's logit, cut out around it; 0 beyond the image."""
    tensor, (top, left) = _around(tensor, point, radius, network)
    tensor = tensor.clone().requires_grad_()
    y, x = point[0] - top, point[1] - left
    answer = network(tensor)[0, :, y, x]
    wanted = torch.zeros(len(answer), dtype=torch.bool)
    wanted[list(foreground)] = True
    if network.activation == "sigmoid":
        logit = answer[wanted].max()
    else:
        logit = answer[wanted].logsumexp(0) - answer[~wanted].logsumexp(0)
    (gradient,) = torch.autograd.grad(logit, tensor)
    window = np.pad(gradient[0, 0].numpy(), radius)
    return window[y : y + 2 * radius + 1, x : x + 2 * radius + 1]


def _around(
    tensor: torch.Tensor, point: tuple[int, int], radius: int, network: Network
) -> tuple[torch.Tensor, tuple[int, int]]:
    """The part of the image that the point can see, from a whole stride on: less to compute."""
    if not network.tile_exact:
        return tensor, (0, 0)
    stride = network.stride
    corners = []
    for place, size in zip(point, tensor.shape[2:], strict=True):
        first = max(0, (place - radius) // stride * stride)
        last = min(size, -(-(place + radius + 1) // stride) * stride)
        corners.append(slice(first, last))
    part = tensor[:, :, corners[0], corners[1]]
    return part, (corners[0].start, corners[1].start)
