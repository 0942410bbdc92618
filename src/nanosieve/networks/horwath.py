"""Networks of Horwath et al. 2020 (npj Comput. Mater. 6:108), layer by layer as published.

Where the published code puts an activation on the two output maps, the networks here have plain
logits, and ``paper_exact=True`` puts it back. Batch norm of the output maps stays in both forms.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nanosieve.networks.base import CLASSES, Network, one_of, switch, whole
from nanosieve.networks.layers import ACTIVATIONS, conv, make_activation, normalisation


class Hourglass(Network):
    """Encoder and decoder without skips, for 512 px images: large kernels, hollow particles.

    Parameters
    ----------
    classes
        Names of the output channels.
    """

    def __init__(self, *, classes: Sequence[str] = CLASSES) -> None:
        super().__init__(classes)
        # Even kernels make the maps one pixel larger; the pooling drops that pixel again.
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 20, padding=10),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 10, padding=5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            conv(16, 32),
            nn.MaxPool2d(2),
            nn.ReLU(),
        )
        steps: list[nn.Module] = []
        for before, after in ((32, 32), (32, 16), (16, 8)):
            steps += [conv(before, after), nn.Upsample(scale_factor=2), nn.ReLU()]
        self.decoder = nn.Sequential(*steps)
        n = len(self.classes)
        self.output = nn.Sequential(conv(8, n), nn.Conv2d(n, n, 1))

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        return self.output(self.decoder(self.encoder(image)))


class UNet512(Network):
    """U-Net of three levels for 512 px images: ReLU, no batch norm.

    Parameters
    ----------
    paper_exact
        ReLU on the output maps too, as published: a class whose map is 0 everywhere then gets no
        gradient any more.
    classes
        Names of the output channels.
    """

    def __init__(self, *, paper_exact: bool = False, classes: Sequence[str] = CLASSES) -> None:
        super().__init__(classes)
        switch("paper_exact", paper_exact)
        self.down = nn.ModuleList(conv(a, b) for a, b in ((1, 8), (8, 16), (16, 32)))
        self.up = nn.ModuleList(_transposed(a, b, 3) for a, b in ((32, 16), (48, 8), (24, 8)))
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.output = conv(16, len(self.classes))
        self.last = nn.ReLU() if paper_exact else nn.Identity()

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        x, skips = image, []
        for layer in self.down:
            x = self.relu(layer(x))
            skips.append(x)
            x = self.pool(x)
        for layer in self.up:
            x = torch.cat([self.relu(layer(x)), skips.pop()], 1)
        return self.last(self.output(x))


class _Block(nn.Sequential):
    """Convolution, activation, batch norm: in the order of the published code."""

    def __init__(self, layer: nn.Module, channels: int, act: nn.Module, norm: bool) -> None:
        super().__init__(layer, act, normalisation(channels, norm))


class UNet1024(Network):
    """U-Net of four levels for 1024 px images, with the variants that the paper compares.

    Parameters
    ----------
    norm
        Batch norm after each activation: the paper's best network has it.
    two_conv
        A second convolution after each concatenation and before the output.
    kernel
        Side of the kernels (px), 3 or 7.
    activation
        ``leaky`` as in all the published code, or ``relu``, whose dead maps the paper describes.
    paper_exact
        The activation on the output maps too, as published.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        norm: bool = True,
        two_conv: bool = False,
        kernel: int = 3,
        activation: str = "leaky",
        paper_exact: bool = False,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes)
        for name, value in (("norm", norm), ("two_conv", two_conv), ("paper_exact", paper_exact)):
            switch(name, value)
        one_of("kernel", kernel, (3, 7))
        one_of("activation", activation, ACTIVATIONS)
        self.pool = nn.MaxPool2d(2)
        act = make_activation(activation)

        def block(layer: nn.Module, channels: int) -> nn.Module:
            return _Block(layer, channels, act, norm)

        def second(channels: int) -> nn.Module:
            return block(conv(channels, channels, kernel), channels) if two_conv else nn.Identity()

        self.down = nn.ModuleList(
            block(conv(a, b, kernel), b) for a, b in ((1, 8), (8, 16), (16, 32), (32, 64))
        )
        self.up = nn.ModuleList(
            block(_transposed(a, b, kernel), b) for a, b in ((64, 32), (96, 32), (64, 16), (32, 16))
        )
        self.after = nn.ModuleList(second(channels) for channels in (96, 64, 32, 24))
        self.head = nn.Sequential(block(conv(24, 8, kernel), 8), second(8))
        n = len(self.classes)
        self.output = _Block(nn.Conv2d(8, n, 1), n, act if paper_exact else nn.Identity(), norm)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        x, skips = image, []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        for up, after in zip(self.up, self.after, strict=True):
            x = after(torch.cat([up(x), skips.pop()], 1))
        return self.output(self.head(x))


class SingleFilter(Network):
    """One filter: the logit of the particle against a support whose logit is 0.

    Parameters
    ----------
    kernel
        Side of the filter (px), 9 or 7.
    classes
        Names of the output channels; each but the first has its filter.
    """

    def __init__(self, *, kernel: int = 9, classes: Sequence[str] = CLASSES) -> None:
        super().__init__(classes)
        one_of("kernel", kernel, (9, 7))
        self.filter = conv(1, len(self.classes) - 1, kernel)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        response = self.filter(image)
        return torch.cat([torch.zeros_like(response[:, :1]), response], 1)


class WideFilters(Network):
    """One layer of filters and a 1x1 convolution that combines them.

    Parameters
    ----------
    width
        Number of filters.
    kernel
        Side of the filters (px), 9 or 7; the paper names none for this network.
    norm
        Batch norm after the filters, as the caption of Supplementary Figure 5 has it.
    activation
        Of the filters' responses: ``leaky`` as in all the published code, ``relu``, or ``none``.
        The text names none, but without any the filters add up to one filter a class.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        kernel: int = 9,
        norm: bool = False,
        activation: str = "leaky",
        classes: Sequence[str] = CLASSES,
    ) -> None:
        super().__init__(classes)
        whole("width", width)
        one_of("kernel", kernel, (9, 7))
        switch("norm", norm)
        one_of("activation", activation, ("none", *ACTIVATIONS))
        act = nn.Identity() if activation == "none" else make_activation(activation)
        self.filters = conv(1, width, kernel)
        self.act = act
        self.norm = normalisation(width, norm)
        self.output = nn.Conv2d(width, len(self.classes), 1)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        return self.output(self.norm(self.act(self.filters(image))))


def _transposed(before: int, after: int, kernel: int) -> nn.ConvTranspose2d:
    """Transposed convolution that doubles the size exactly."""
    return nn.ConvTranspose2d(
        before, after, kernel, stride=2, padding=kernel // 2, output_padding=1
    )
