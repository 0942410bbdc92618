"""Our own network: compact, with a wide receptive field, most of its work at low resolution."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from nanosieve.networks.base import Network, one_of, whole
from nanosieve.networks.layers import BlurPool, initialise_kaiming


class NanosieveNet(Network):
    """Residual U-Net that starts at half or quarter resolution and ends at full resolution.

    A strided convolution shrinks the image first; the U-Net works below that, its skips added
    instead of concatenated. A light last stage brings the features back to full resolution and
    sees the image itself once more, which is what places the edges.

    Outputs are ``particle`` and ``core``: the inside of each particle, away from its edge, from
    which touching particles are told apart. Each is a class by itself, unless ``activation`` is
    ``softmax``.

    Parameters
    ----------
    width
        Features at the first resolution; they double downwards.
    levels
        Resolutions of the U-Net: 1/first, 1/(2 first), ...
    widest
        No level has more features than this.
    first
        Side in px of what the first convolution makes one pixel of: 2 or 4.
    blocks
        Residual blocks before the first pooling. Poolings lose the phase of fringes: only these
        blocks add faint ones up over more than a few of their periods.
    pool
        ``max``, or ``blur``: an average with a binomial kernel (Zhang 2019, "Making convolutional
        networks shift-invariant again"), which aliases less.
    detail
        Features at full resolution beside the image, from which the last stage decides. With 0
        it stays at the first resolution and writes a block of pixels at a time: less work.
    classes
        Names of the output channels.
    activation
        ``sigmoid``: each class by itself; ``softmax``: they exclude each other.
    """

    def __init__(  # noqa: PLR0913 -- one keyword for each thing a user may set
        self,
        *,
        width: int = 16,
        levels: int = 5,
        widest: int = 64,
        first: int = 2,
        blocks: int = 1,
        pool: str = "max",
        detail: int = 4,
        classes: Sequence[str] = ("particle", "core"),
        activation: Literal["sigmoid", "softmax"] = "sigmoid",
    ) -> None:
        one_of("activation", activation, ("sigmoid", "softmax"))
        super().__init__(classes, activation)
        whole("width", width)
        whole("levels", levels, 1, 7)
        whole("widest", widest, width)
        one_of("first", first, (2, 4))
        whole("blocks", blocks)
        one_of("pool", pool, ("max", "blur"))
        whole("detail", detail, 0)
        self.detail = detail
        widths = [min(width * 2**level, widest) for level in range(levels)]
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, 2 * first, stride=first, padding=first // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        # Apart from the first of "down", whose weights keep their names in older files.
        self.before = nn.Sequential(*(_Residual(width) for _ in range(blocks - 1)))
        self.down = nn.ModuleList(_Residual(channels) for channels in widths)
        self.shrink = nn.ModuleList(
            nn.Sequential(_pool(pool, a), _project(a, b)) for a, b in pairwise(widths)
        )
        pairs = list(pairwise(widths[::-1]))
        self.enlarge = nn.ModuleList(
            # Projecting first and enlarging then is the same, at a quarter of the cost.
            nn.Sequential(_project(a, b), nn.Upsample(scale_factor=2))
            for a, b in pairs
        )
        self.up = nn.ModuleList(_Residual(b) for _, b in pairs)
        n = len(self.classes)
        self.last = (
            _FullResolution(width, n, first, detail) if detail else _SubPixels(width, n, first)
        )
        initialise_kaiming(self)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        start = self.stem(image)
        x, skips = self.down[0](self.before(start)), []
        for shrink, block in zip(self.shrink, self.down[1:], strict=True):
            skips.append(x)
            x = block(shrink(x))
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(enlarge(x) + skips.pop())
        return self.last(x, image if self.detail else start)


class _Residual(nn.Module):
    """Two convolutions with batch norm, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.body(x) + x)


class _FullResolution(nn.Module):
    """Back to full resolution: sub-pixel features and the image, one convolution on both."""

    def __init__(self, width: int, outputs: int, first: int, detail: int) -> None:
        super().__init__()
        self.spread = nn.Sequential(nn.Conv2d(width, first**2 * detail, 1), nn.PixelShuffle(first))
        self.mix = nn.Sequential(
            nn.Conv2d(detail + 1, 2 * detail, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * detail),
            nn.ReLU(),
        )
        self.output = nn.Conv2d(2 * detail, outputs, 1)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        return self.output(self.mix(torch.cat([self.spread(x), image], 1)))


class _SubPixels(nn.Module):
    """Back to full resolution at once; what the stem saw is added to place the edges."""

    def __init__(self, width: int, outputs: int, first: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.output = nn.Sequential(nn.Conv2d(width, first**2 * outputs, 1), nn.PixelShuffle(first))

    def forward(self, x: Tensor, start: Tensor) -> Tensor:
        return self.output(self.mix(x + start))


def _pool(name: str, channels: int) -> nn.Module:
    return nn.MaxPool2d(2) if name == "max" else BlurPool(channels)


def _project(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))
