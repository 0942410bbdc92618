"""Network of Sadre et al. 2021 (Microscopy and Microanalysis): the U-Net, scaled down."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import CLASSES, Network, switch, whole
from nanosieve.networks.layers import conv


class SadreUNet(Network):
    """U-Net of 7 blocks and 32 features; the original one has 9 blocks and 64.

    Each block has two padded convolutions; features double downwards, 2x2 up-convolutions halve
    them. No batch norm, no dropout.

    Parameters
    ----------
    blocks
        Number of blocks, down, middle and up together: odd, 3 to 11.
    width
        Features of the first block.
    paper_exact
        One ReLU a block, after its second convolution, as the text has it; otherwise one after
        each convolution, as in the original U-Net.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        blocks: int = 7,
        width: int = 32,
        paper_exact: bool = False,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes)
        whole("blocks", blocks, 3, 11)
        if blocks % 2 == 0:
            raise UsageError(f"blocks = {blocks}: give an odd number, as many down as up")
        whole("width", width)
        switch("paper_exact", paper_exact)
        between = nn.Identity() if paper_exact else nn.ReLU()

        def block(before: int, after: int) -> nn.Module:
            return nn.Sequential(conv(before, after), between, conv(after, after), nn.ReLU())

        widths = [width * 2**level for level in range(blocks // 2)]
        self.pool = nn.MaxPool2d(2)
        before = [1, *widths[:-1]]
        self.down = nn.ModuleList(block(a, b) for a, b in zip(before, widths, strict=True))
        self.middle = block(widths[-1], 2 * widths[-1])
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in widths[::-1])
        self.up = nn.ModuleList(block(2 * w, w) for w in widths[::-1])
        self.output = nn.Conv2d(width, len(self.classes), 1)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        x, skips = image, []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.middle(x)
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat([skips.pop(), enlarge(x)], 1))
        return self.output(x)
