"""Network of Sytwu et al. 2022 (Microscopy and Microanalysis 28 S1): receptive field at will."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import CLASSES, Network, whole
from nanosieve.networks.layers import ResidualBlock, initialise_kaiming

_LARGEST_STRIDE = 1024


class SytwuResUNet(Network):
    """U-Net of residual blocks whose poolings set the receptive field, its width the complexity.

    Parameters
    ----------
    blocks
        Residual blocks down, and as many up; 2 to 4 in the paper.
    pools
        Side of each max pooling (px), one a block; 2 each by default, 2, 4 and 8 in the paper.
    width
        Features of the first block; they double downwards.
    dilation
        Of all 3x3 convolutions.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        blocks: int = 2,
        pools: Sequence[int] | None = None,
        width: int = 4,
        dilation: int = 1,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes)
        whole("blocks", blocks, 1, 6)
        whole("width", width)
        whole("dilation", dilation, 1, 16)
        pools = _checked_pools(pools, blocks)
        self.resolved = {"pools": pools}
        widths = [width * 2**level for level in range(blocks + 1)]
        self.down = nn.ModuleList(
            ResidualBlock(a, b, dilation=dilation)
            for a, b in zip([1, *widths[:-2]], widths[:-1], strict=True)
        )
        self.pool = nn.ModuleList(nn.MaxPool2d(pool) for pool in pools)
        self.middle = ResidualBlock(widths[-2], widths[-1], dilation=dilation)
        self.enlarge = nn.ModuleList(nn.Upsample(scale_factor=pool) for pool in pools[::-1])
        self.up = nn.ModuleList(ResidualBlock(3 * w, w, dilation=dilation) for w in widths[-2::-1])
        self.output = nn.Conv2d(width, len(self.classes), 1)
        initialise_kaiming(self)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        x, skips = image, []
        for block, pool in zip(self.down, self.pool, strict=True):
            x = block(x)
            skips.append(x)
            x = pool(x)
        x = self.middle(x)
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat([skips.pop(), enlarge(x)], 1))
        return self.output(x)


def _checked_pools(pools: Sequence[int] | None, blocks: int) -> list[int]:
    pools = [2] * blocks if pools is None else pools
    if isinstance(pools, str) or not isinstance(pools, Sequence) or len(pools) != blocks:
        raise UsageError(f"pools = {pools!r}: give a list of {blocks} numbers, one a block")
    for pool in pools:
        whole("pools", pool, 2, 64)
    if math.prod(pools) > _LARGEST_STRIDE:
        raise UsageError(
            f"pools = {list(pools)}: their product must not exceed {_LARGEST_STRIDE} px"
        )
    return list(pools)
