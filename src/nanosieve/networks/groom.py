"""Networks that Groom et al. compare: U-Net, FPN and LinkNet on a pretrained encoder, and UNET7.

Their text names the architectures and no more: encoder and decoders are those common for such
comparisons, ResNet-18 under decoders as segmentation-models-pytorch shapes them, written out here
in plain torch. Pretrained or not, a network is the same; only its first weights differ.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks.base import CLASSES, Network, one_of, switch, whole
from nanosieve.networks.layers import conv
from nanosieve.networks.pretrained import KERNEL, WIDTH, pretrained_encoder
from nanosieve.networks.resnet import Encoder


class _EncoderNetwork(Network):
    """What the networks share: a residual encoder, pretrained where that can be had.

    `settings` say ``pretrained = False`` once a network is built: its weights are in its files,
    and rebuilding it must not fetch others.
    """

    def __init__(
        self,
        classes: Sequence[str],
        *,
        width: int,
        pretrained: bool,
        kernel: int = 3,
        encoder_kernel: int | None = None,
    ) -> None:
        super().__init__(classes)
        whole("width", width, 4)
        if width % 4:
            raise UsageError(f"width = {width}: give a multiple of 4")
        switch("pretrained", pretrained)
        one_of("encoder_kernel", encoder_kernel, (None, 3, 7))
        if pretrained and encoder_kernel not in (None, KERNEL):
            raise UsageError(
                f"encoder_kernel = {encoder_kernel}: pretrained kernels are {KERNEL}x{KERNEL}; "
                "set pretrained = false, or leave encoder_kernel out"
            )
        encoder = pretrained_encoder(width) if pretrained else None
        self.resolved = {"pretrained": False}
        if encoder is not None:
            self.note = "The encoder started from ImageNet weights."
            encoder_kernel = KERNEL
        elif pretrained:
            self.note = "The encoder started untrained: ImageNet weights could not be had."
        self.encoder_kernel = encoder_kernel or kernel
        self.encoder = encoder or Encoder(width, self.encoder_kernel)


class GroomUNet(_EncoderNetwork):
    """U-Net on a residual encoder; with ``kernel=7`` the UNET7 that finds large particles.

    Parameters
    ----------
    kernel
        Side of the decoder's kernels (px), 3 or 7.
    encoder_kernel
        Of the encoder's. By default 3 where it is pretrained (weights of 3x3 do not fit 7x7),
        else as in the decoder.
    width
        Features of the encoder's first stage; ImageNet weights have 64.
    pretrained
        Start from ImageNet weights where they can be had, else untrained with a warning.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        kernel: int = 3,
        encoder_kernel: int | None = None,
        width: int = WIDTH,
        pretrained: bool = True,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        one_of("kernel", kernel, (3, 7))
        super().__init__(
            classes,
            width=width,
            pretrained=pretrained,
            kernel=kernel,
            encoder_kernel=encoder_kernel,
        )
        self.resolved |= {"encoder_kernel": self.encoder_kernel}
        skips = (*self.encoder.channels[-2::-1], 0)
        after = (4 * width, 2 * width, width, width // 2, width // 4)
        before = (self.encoder.channels[-1], *after[:-1])
        self.up = nn.Upsample(scale_factor=2)
        self.decoder = nn.ModuleList(
            nn.Sequential(_block(b + s, a, kernel), _block(a, a, kernel))
            for b, s, a in zip(before, skips, after, strict=True)
        )
        self.output = conv(after[-1], len(self.classes), kernel)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        *skips, x = self.encoder(image)
        for block in self.decoder:
            x = self.up(x)
            x = block(torch.cat([x, skips.pop()], 1) if skips else x)
        return self.output(x)


class GroomFPN(_EncoderNetwork):
    """Feature pyramid: every level is brought to a quarter of the size, and their sum decides.

    Batch norm stands where segmentation-models-pytorch has group norm, whose statistics would
    come from the tile.

    Parameters
    ----------
    width
        Features of the encoder's first stage; ImageNet weights have 64.
    pretrained
        Start from ImageNet weights where they can be had, else untrained with a warning.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        width: int = WIDTH,
        pretrained: bool = True,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes, width=width, pretrained=pretrained)
        pyramid, features = 4 * width, 2 * width
        levels = self.encoder.channels[:0:-1]
        self.up = nn.Upsample(scale_factor=2)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, pyramid, 1) for channels in levels)
        self.branches = nn.ModuleList(_branch(pyramid, features, n) for n in (3, 2, 1, 0))
        self.dropout = nn.Dropout2d(0.2)
        self.output = nn.Sequential(
            nn.Conv2d(features, len(self.classes), 1),
            nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False),
        )

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        features = self.encoder(image)[:0:-1]
        x = self.lateral[0](features[0])
        total = self.branches[0](x)
        for lateral, branch, feature in zip(
            self.lateral[1:], self.branches[1:], features[1:], strict=True
        ):
            x = self.up(x) + lateral(feature)
            total = total + branch(x)
        return self.output(self.dropout(total))


class GroomLinkNet(_EncoderNetwork):
    """LinkNet: narrow transposed convolutions, the encoder's features added.

    Parameters
    ----------
    width
        Features of the encoder's first stage; ImageNet weights have 64.
    pretrained
        Start from ImageNet weights where they can be had, else untrained with a warning.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        width: int = WIDTH,
        pretrained: bool = True,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes, width=width, pretrained=pretrained)
        before = self.encoder.channels[::-1]
        after = (*before[1:], width // 2)
        self.decoder = nn.ModuleList(_link(b, a) for b, a in zip(before, after, strict=True))
        self.output = nn.Conv2d(after[-1], len(self.classes), 1)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        *skips, x = self.encoder(image)
        for block in self.decoder:
            x = block(x)
            x = x + skips.pop() if skips else x
        return self.output(x)


def _block(before: int, after: int, kernel: int = 3) -> nn.Sequential:
    layer = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())


def _branch(before: int, after: int, doublings: int) -> nn.Sequential:
    """From one level of the pyramid to a quarter of the image's size."""
    layers: list[nn.Module] = []
    for _ in range(doublings):
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        layers += [_block(before, after), up]
        before = after
    return nn.Sequential(*(layers or [_block(before, after)]))


def _link(before: int, after: int) -> nn.Sequential:
    inner = before // 4
    return nn.Sequential(
        _block(before, inner, 1),
        nn.ConvTranspose2d(inner, inner, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        _block(inner, after, 1),
    )
