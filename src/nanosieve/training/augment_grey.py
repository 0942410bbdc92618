"""Changes of grey values: optics, illumination, noise, contrast."""

from dataclasses import dataclass

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class Grey:
    """One draw of the changes of grey values; each at its neutral value does nothing.

    Parameters
    ----------
    blur
        Standard deviation of a Gaussian, px.
    defocus
        ``a`` of the transfer cos(pi a q²), px².
    slope
        ``(y, x)`` added from one side of the tile to the other.
    counts
        Counts a pixel on average; 0 for no noise of counting.
    noise
        Standard deviation of Gaussian noise.
    contrast
        Factor.
    brightness
        Added.
    inverted
        Whether the sign is turned.
    """

    blur: float = 0.0
    defocus: float = 0.0
    slope: tuple[float, float] = (0.0, 0.0)
    counts: float = 0.0
    noise: float = 0.0
    contrast: float = 1.0
    brightness: float = 0.0
    inverted: bool = False


def change(
    tile: np.ndarray, grey: Grey, rng: np.random.Generator, *, relative: tuple[float, float]
) -> np.ndarray:
    """Change the grey values of a tile: optics first, then counting, then contrast.

    Parameters
    ----------
    tile
        ``(y, x)`` float32, in units of the network's input.
    grey
        What was drawn.
    rng
        For the noise.
    relative
        ``offset, gain`` of `TrainingImage.relative`, for counts.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, a new array where anything changes.

    Examples
    --------
    >>> tile = np.array([[0, 1]], np.float32)
    >>> change(tile, Grey(contrast=2, brightness=1, inverted=True), None, relative=(1, 0))
    array([[-1., -3.]], dtype=float32)
    """
    if grey.blur > 0 or grey.defocus != 0:
        tile = _transferred(tile, grey)
    if grey.slope != (0.0, 0.0):
        tile = tile + _plane(tile.shape, grey.slope)
    if grey.counts > 0 and relative[1] != 0:
        tile = _counted(tile, grey.counts, relative, rng)
    if grey.noise > 0:
        # The sum keeps its standard deviation, as an image that is brought to 1 does.
        added = rng.standard_normal(tile.shape, dtype=np.float32) * np.float32(grey.noise)
        tile = (tile + added) * np.float32(1 / np.hypot(1, grey.noise))
    if (grey.contrast, grey.brightness, grey.inverted) != (1.0, 0.0, False):
        sign = -1 if grey.inverted else 1
        tile = tile * np.float32(sign * grey.contrast) + np.float32(sign * grey.brightness)
    return tile


def _transferred(tile: np.ndarray, grey: Grey) -> np.ndarray:
    """Multiply the cosine transform, which mirrors at the borders where a Fourier one wraps."""
    squared = [(np.arange(n, dtype=np.float32) / (2 * n)) ** 2 for n in tile.shape]
    q2 = squared[0][:, None] + squared[1]  # (cycles per px)²
    transfer = np.exp(np.float32(-2 * np.pi**2 * grey.blur**2) * q2)
    if grey.defocus != 0:
        transfer *= np.cos(np.float32(np.pi * grey.defocus) * q2)
    return fft.idctn(fft.dctn(tile) * transfer)


def _plane(shape: tuple[int, ...], slope: tuple[float, float]) -> np.ndarray:
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape)
    return np.float32(slope[0]) * y[:, None] + np.float32(slope[1]) * x


def _counted(
    tile: np.ndarray, counts: float, relative: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Count again, at a lower dose, what the tile shows; the deviation stays as `change` keeps it.

    The noise that the image has stays in it: this is as much again as so few counts would make.
    """
    offset, gain = relative
    expected = np.maximum(offset + gain * tile, 0) * counts
    drawn = rng.poisson(expected).astype(np.float32)
    added = (drawn - expected) / np.float32(counts * gain)
    variance = float(expected.mean()) / (counts * gain) ** 2
    return ((tile + added) / np.sqrt(np.float32(1 + variance))).astype(np.float32)
