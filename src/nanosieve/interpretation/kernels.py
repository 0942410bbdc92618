"""Learned kernels of the first layer, which are images in the image's own pixels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from nanosieve.core.errors import UsageError

RESPONSE_SIDE = 64


@dataclass(frozen=True)
class Kernels:
    """Kernels of one convolution on one input channel.

    Parameters
    ----------
    layer
        Name of the layer in the network.
    weights
        ``(n, k, k)`` float64, as the layer applies them: by correlation.
    dilation
        Distance of neighbouring taps, px.
    """

    layer: str
    weights: np.ndarray
    dilation: int = 1

    @property
    def mean(self) -> np.ndarray:
        """``(k, k)`` mean of all kernels (Horwath et al. 2020, Supplementary Fig. 8)."""
        return self.weights.mean(axis=0)


def first_kernels(network: nn.Module) -> Kernels:
    """Take the kernels of the convolution that sees the image itself.

    It is the largest of those that take the image as one channel: a 1 x 1 shortcut beside it shows
    nothing. Where blocks of r x r pixels are first made channels (pixel unshuffle), the kernel is
    put together again to the r times larger one that the image is seen with.

    Parameters
    ----------
    network
        A network that takes one channel.

    Raises
    ------
    UsageError
        If no convolution of the network takes the image itself.

    Examples
    --------
    >>> first_kernels(nn.Sequential(nn.Conv2d(1, 4, 9), nn.Conv2d(4, 2, 1))).weights.shape
    (4, 9, 9)
    """
    modules = list(network.named_modules())
    blocks = [m.downscale_factor for _, m in modules if isinstance(m, nn.PixelUnshuffle)]
    for factor in (1, *blocks[:1]):
        candidates = [
            (name, module)
            for name, module in modules
            if isinstance(module, nn.Conv2d) and module.in_channels == factor**2
        ]
        if candidates:
            name, layer = max(candidates, key=lambda pair: pair[1].kernel_size[0])
            weight = torch.pixel_shuffle(layer.weight.detach().cpu().double(), factor)
            return Kernels(name, weight[:, 0].numpy(), int(layer.dilation[0]))
    raise UsageError(
        "no convolution of the network takes the image itself: its first kernels are no images"
    )


def frequency_response(kernel: np.ndarray, side: int = RESPONSE_SIDE) -> np.ndarray:
    """Amplitude with which a kernel passes each spatial frequency.

    Parameters
    ----------
    kernel
        ``(k, k)``, k at most ``side``.
    side
        Number of frequencies along each axis.

    Returns
    -------
    numpy.ndarray
        ``(side, side)``, frequency 0 at ``[side // 2, side // 2]``, steps of ``1 / side`` cycles
        a pixel.

    Examples
    --------
    >>> response = frequency_response(np.full((3, 3), 1 / 9), 8)
    >>> response[4, 4].round(3), response[0, 0].round(3)
    (np.float64(1.0), np.float64(0.111))
    """
    return np.fft.fftshift(np.abs(np.fft.fft2(kernel, (side, side))))


def radial_mean(response: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over directions, up to the Nyquist frequency.

    Parameters
    ----------
    response
        ``(n, n)`` of `frequency_response`.

    Returns
    -------
    frequency
        ``(n // 2 + 1,)`` cycles a pixel, 0 to 0.5.
    amplitude
        ``(n // 2 + 1,)``.
    """
    n = len(response)
    y, x = np.indices(response.shape) - n // 2
    ring = np.rint(np.hypot(y, x)).astype(int).ravel()
    total = np.bincount(ring, response.ravel())
    amplitude = total / np.bincount(ring)
    return np.arange(n // 2 + 1) / n, amplitude[: n // 2 + 1]
