"""Layers that several networks share."""

import torch
from torch import Tensor, nn

ACTIVATIONS = ("relu", "leaky")


def conv(before: int, after: int, kernel: int = 3, *, dilation: int = 1) -> nn.Conv2d:
    """Convolution that keeps the size: zeros around the image, odd kernel."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(before, after, kernel, padding=padding, dilation=dilation)


def make_activation(name: str) -> nn.Module:
    """Activation by its name in `ACTIVATIONS`; leaky has a slope of 0.01."""
    return nn.LeakyReLU(0.01) if name == "leaky" else nn.ReLU()


def normalisation(channels: int, norm: bool) -> nn.Module:
    """Batch normalisation, or nothing."""
    return nn.BatchNorm2d(channels) if norm else nn.Identity()


class ResidualBlock(nn.Module):
    """Two convolutions with batch norm, added to a 1x1 convolution of the input; then ReLU.

    The block of Sytwu et al. 2022: C3-BN-ReLU-C3-BN, + C1, ReLU.
    """

    def __init__(self, before: int, after: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(before, after, dilation=dilation),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            conv(after, after, dilation=dilation),
            nn.BatchNorm2d(after),
        )
        self.skip = nn.Conv2d(before, after, 1)
        self.last = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to ``(n, before, h, w)``; gives ``(n, after, h, w)``."""
        return self.last(self.body(x) + self.skip(x))


def initialise_kaiming(network: nn.Module) -> None:
    """Draw the weights of learned convolutions by He et al. 2015; their biases become 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.requires_grad:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class BlurPool(nn.Conv2d):
    """Halve the size by an average with the binomial kernel 1 3 3 1; nothing is learned.

    Parameters
    ----------
    channels
        Number of channels, each averaged by itself.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, stride=2, padding=1, groups=channels, bias=False)
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.weight.data.copy_((line[:, None] * line).expand_as(self.weight))
        self.weight.requires_grad_(False)
