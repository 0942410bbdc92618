"""The residual encoder of 18 layers (He et al. 2016), its parts named as published weights are."""

from torch import Tensor, nn

_BLOCKS = 2


class Encoder(nn.Module):
    """ResNet-18 without its classifier, for one grey channel.

    Its parameters bear the names that public ImageNet weights have, so that these fit where
    ``width`` is 64 and ``kernel`` 3.

    Parameters
    ----------
    width
        Features of the first two stages; the last has 8 times as many.
    kernel
        Side of the kernels in the blocks (px).

    Attributes
    ----------
    channels
        Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's size.
    """

    def __init__(self, width: int = 64, kernel: int = 3) -> None:
        super().__init__()
        self.channels = (width, width, 2 * width, 4 * width, 8 * width)
        self.conv1 = nn.Conv2d(1, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, kernel, stride=1)
        self.layer2 = _stage(width, 2 * width, kernel, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, kernel, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, kernel, stride=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Compute the features of ``(n, 1, h, w)`` at five sizes, largest first."""
        features = [self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(features[0])
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


class _BasicBlock(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, stride: int) -> None:
        super().__init__()
        padding = kernel // 2
        self.conv1 = nn.Conv2d(before, after, kernel, stride=stride, padding=padding, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(after, after, kernel, padding=padding, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = (
            nn.Identity()
            if stride == 1 and before == after
            else nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


def _stage(before: int, after: int, kernel: int, *, stride: int) -> nn.Sequential:
    blocks = [_BasicBlock(before, after, kernel, stride)]
    blocks += [_BasicBlock(after, after, kernel, 1) for _ in range(_BLOCKS - 1)]
    return nn.Sequential(*blocks)
