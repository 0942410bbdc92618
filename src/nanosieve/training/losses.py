"""Losses of a batch, each for networks that end in a softmax and in sigmoids.

Every loss is a quotient of sums over all counted pixels of the batch, never a mean of means: an
empty tile cannot swing it, and several processes that each hold a part of the batch get the loss
of the whole (`Sum`).

Shapes: ``logits`` ``(n, c, h, w)``; ``target`` of a softmax network ``(n, h, w)`` int64 class
numbers, of a sigmoid network ``(n, c, h, w)`` float 0 or 1; ``weight`` ``(n, h, w)``, 0 where a
pixel does not count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nanosieve.core.errors import UsageError
from nanosieve.training.config_sections import LossConfig

Sum = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor, Tensor, Sum], Tensor]

# One pixel on either side of the quotient: Dice of an empty truth and prediction is 1.
_SMOOTH_PX = 1.0


def own_sum(part: Tensor) -> Tensor:
    """Sum over the processes where there is but one."""
    return part


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    total: Sum = own_sum,
    *,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    """Weighted mean of -log of the probability given to the truth.

    Parameters
    ----------
    logits, target, weight
        See above.
    total
        Sums over the processes.
    class_weights
        One a class: how much a pixel counts whose true class it is. Of a sigmoid network, how much
        a pixel counts in a channel where its truth is 1 (1 where it is 0).

    Returns
    -------
    Tensor
        A scalar; over all channels of a sigmoid network. 0 where no pixel counts.

    Examples
    --------
    >>> logits = torch.zeros(1, 2, 1, 1)
    >>> cross_entropy(logits, torch.ones(1, 1, 1, dtype=torch.long), torch.ones(1, 1, 1)).item()
    0.6931471824645996
    """
    surprise = _surprise(logits, target)
    counted = _counted(target, weight, class_weights)
    return _mean(surprise, counted, total)


def focal(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    total: Sum = own_sum,
    *,
    gamma: float = 2.0,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    """Cross-entropy in which pixels that are already right count little.

    Each pixel is multiplied by ``(1 - p)**gamma``, ``p`` the probability given to the truth; the
    weights that divide do not have that factor (T.-Y. Lin et al., ICCV 2017, equation 5).
    """
    surprise = _surprise(logits, target)
    counted = _counted(target, weight, class_weights)
    # -expm1 keeps 1 - p exact where p is nearly 1.
    return _mean((-torch.expm1(-surprise)) ** gamma * surprise, counted, total)


def dice(logits: Tensor, target: Tensor, weight: Tensor, total: Sum = own_sum) -> Tensor:
    """1 - Dice of the probabilities, over the pixels of the whole batch.

    The mean over all classes but the first of a softmax network, over all channels of a sigmoid
    network (F. Milletari et al., 3DV 2016, without the squares in the denominator).
    """
    if target.ndim == 3:
        probability = logits.softmax(1)[:, 1:]
        truth = functional.one_hot(target, logits.shape[1]).movedim(-1, 1)[:, 1:]
    else:
        probability, truth = logits.sigmoid(), target
    counted = weight[:, None]
    both = total((counted * probability * truth).sum((0, 2, 3)))
    either = total((counted * (probability + truth)).sum((0, 2, 3)))
    return 1 - ((2 * both + _SMOOTH_PX) / (either + _SMOOTH_PX)).mean()


def boundary(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    total: Sum = own_sum,
    *,
    sigma: float = 3.0,
    amount: float = 5.0,
) -> Tensor:
    """Cross-entropy in which pixels near a border between classes count more.

    A pixel counts ``1 + amount * exp(-d**2 / (2 * sigma**2))`` times, ``d`` its distance to the
    nearest pixel that has a 4-neighbour of another class, in its own channel for a sigmoid network
    (after O. Ronneberger et al., MICCAI 2015, equation 2, with the distance to one border).
    """
    squared = squared_boundary_distance(target, reach=max(1, round(3 * sigma)))
    near = 1 + amount * torch.exp(-squared / (2 * sigma**2))
    counted = _counted(target, weight, None) * near
    return _mean(_surprise(logits, target), counted, total)


def squared_boundary_distance(target: Tensor, *, reach: int) -> Tensor:
    """Squared distance to the nearest border pixel, exact up to ``reach`` px.

    Returns
    -------
    Tensor
        ``(n, k, h, w)`` float, k = 1 for class numbers; infinite beyond a square of ``reach``.

    Examples
    --------
    >>> squared_boundary_distance(torch.tensor([[[0, 0, 0, 1, 1]]]), reach=9).flatten().tolist()
    [4.0, 1.0, 0.0, 0.0, 1.0]
    """
    channels = target[:, None] if target.ndim == 3 else target
    border = torch.zeros(channels.shape, dtype=torch.bool, device=channels.device)
    for axis in (2, 3):
        length = channels.shape[axis] - 1
        differs = channels.narrow(axis, 0, length) != channels.narrow(axis, 1, length)
        border.narrow(axis, 0, length).logical_or_(differs)
        border.narrow(axis, 1, length).logical_or_(differs)
    squared = torch.where(border, 0.0, torch.inf)
    # The squared distance separates: along columns first, then along rows.
    for axis in (2, 3):
        squared = _lower_envelope(squared, axis, reach)
    return squared


def _lower_envelope(values: Tensor, axis: int, reach: int) -> Tensor:
    """Least of ``value + distance**2`` along an axis."""
    reach = min(reach, values.shape[axis] - 1)
    around = (0, 0, reach, reach) if axis == 2 else (reach, reach)
    padded = functional.pad(values, around, value=torch.inf)
    best = values
    for step in range(-reach, reach + 1):
        shifted = padded.narrow(axis, reach + step, values.shape[axis])
        best = torch.minimum(best, shifted + step**2)
    return best


@dataclass(frozen=True)
class WeightedSum:
    """Several losses, each times its weight.

    Parameters
    ----------
    parts
        ``(weight, loss)``.
    """

    parts: tuple[tuple[float, Loss], ...]

    def __call__(
        self, logits: Tensor, target: Tensor, weight: Tensor, total: Sum = own_sum
    ) -> Tensor:
        """Sum the parts: a scalar."""
        losses = [factor * loss(logits, target, weight, total) for factor, loss in self.parts]
        return torch.stack(losses).sum()


def balanced_weights(counts: Sequence[float]) -> tuple[float, ...]:
    """Weights that give every class the same share of the loss, with mean 1 over the pixels.

    Parameters
    ----------
    counts
        Pixels of each class in the training data.

    Raises
    ------
    UsageError
        If a class has no pixel.

    Examples
    --------
    >>> balanced_weights([75, 25])
    (0.6666666666666666, 2.0)
    """
    if min(counts) <= 0:
        raise UsageError(
            f"class {list(counts).index(min(counts))} has no pixel in the training groups; "
            "balanced weights need some of each"
        )
    return tuple(sum(counts) / (len(counts) * count) for count in counts)


LOSSES: Mapping[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "focal": focal,
    "boundary": boundary,
}


def make_loss(config: LossConfig, class_weights: Sequence[float] | None = None) -> WeightedSum:
    """Put together the losses that the settings name.

    Parameters
    ----------
    config
        ``[loss]``.
    class_weights
        As of `cross_entropy`, one a class of the network.

    Examples
    --------
    >>> [weight for weight, _ in make_loss(LossConfig(dice=0.5)).parts]
    [1.0, 0.5]
    """
    options: dict[str, dict[str, Any]] = {
        "cross_entropy": {"class_weights": class_weights},
        "dice": {},
        "focal": {"class_weights": class_weights, "gamma": config.focal_gamma},
        "boundary": {"sigma": config.boundary_sigma_px, "amount": config.boundary_amount},
    }
    return WeightedSum(
        tuple(
            (getattr(config, name), partial(loss, **options[name]))
            for name, loss in LOSSES.items()
            if getattr(config, name)
        )
    )


def _surprise(logits: Tensor, target: Tensor) -> Tensor:
    """-log of the probability of the truth: ``(n, 1, h, w)``, or ``(n, c, h, w)`` for sigmoids."""
    if target.ndim == 3:
        return functional.cross_entropy(logits, target, reduction="none")[:, None]
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _counted(target: Tensor, weight: Tensor, class_weights: Sequence[float] | None) -> Tensor:
    """How much each pixel counts, in the shape of `_surprise`."""
    if target.ndim == 3:
        if class_weights is None:
            return weight[:, None]
        return weight[:, None] * weight.new_tensor(class_weights)[target][:, None]
    if class_weights is None:
        return weight[:, None].expand_as(target)
    positive = weight.new_tensor(class_weights)[None, :, None, None]
    return weight[:, None] * (1 + (positive - 1) * target)


def _mean(values: Tensor, counted: Tensor, total: Sum) -> Tensor:
    weights = total(counted.sum())
    return total((counted * values).sum()) / weights.clamp_min(torch.finfo(weights.dtype).tiny)
