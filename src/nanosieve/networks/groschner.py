"""Network of Groschner et al. 2021 (Microscopy and Microanalysis), from its published code."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nanosieve.networks.base import CLASSES, Network, one_of, share, switch
from nanosieve.networks.layers import conv

_WIDTHS = (4, 8, 16, 32)
_EPS = 1e-4


class GroschnerUNet(Network):
    """U-Net of four levels, 4 to 32 features, batch norm, dropout 0.2 in the decoder.

    Parameters
    ----------
    output
        ``softmax`` as in the published code, or ``sigmoid`` as in the text.
    dropout
        Share of features set to 0 while training.
    paper_exact
        Pool the batch norm's output before its ReLU, as the published code does: between two
        poolings the encoder is then linear.
    classes
        Names of the output channels.
    """

    def __init__(
        self,
        *,
        output: str = "softmax",
        dropout: float = 0.2,
        paper_exact: bool = False,
        classes: Sequence[str] = CLASSES,
    ) -> None:
        one_of("output", output, ("softmax", "sigmoid"))
        super().__init__(classes, "softmax" if output == "softmax" else "sigmoid")
        switch("paper_exact", paper_exact)
        share("dropout", dropout)
        self.paper_exact = paper_exact
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2)
        before = (1, *_WIDTHS[:-1])
        self.down = nn.ModuleList(_conv_norm(a, b) for a, b in zip(before, _WIDTHS, strict=True))
        last = _WIDTHS[-1]
        centre = (_conv_norm(last, last), nn.ReLU(), _conv_norm(last, last), nn.ReLU())
        self.centre = nn.Sequential(*centre)
        self.decoder = nn.ModuleList()
        for width in reversed(_WIDTHS):
            first, second = _conv_norm(last + width, width), _conv_norm(width, width)
            self.decoder.append(
                nn.Sequential(first, nn.ReLU(), nn.Dropout(dropout), second, nn.ReLU())
            )
            last = width
        self.output = nn.Conv2d(last, len(self.classes), 1)

    def logits(self, image: Tensor) -> Tensor:
        """See `Network.logits`."""
        x, skips = image, []
        for layer in self.down:
            before = layer(x)
            skips.append(self.relu(before))
            x = self.pool(before if self.paper_exact else skips[-1])
        x = self.centre(x)
        for layer in self.decoder:
            x = layer(torch.cat([skips.pop(), self.up(x)], 1))
        return self.output(x)


def _conv_norm(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(conv(before, after), nn.BatchNorm2d(after, eps=_EPS))
