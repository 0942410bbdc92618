"""The hexagonal order parameter: a ring of six places around each pixel, over all directions.

The mean of the image at six places on a ring of the bond's length, less the image in its middle,
largest over the ring's direction: high in the middle of a hexagon of white atoms. Source: Ophus et
al., Phys. Rev. B 92, 205402 (2015), as Sadre et al., Microscopy and Microanalysis (2021), tell it.
"""

import numpy as np
from scipy import fft

_STEP_DEG = 4


def ring_order(image: np.ndarray, lattice_px: float, *, white: bool) -> np.ndarray:
    """Compute the order parameter of each pixel by convolution.

    Parameters
    ----------
    image
        ``(y, x)`` floats, smooth over a fraction of a bond.
    lattice_px
        Lattice constant.
    white
        Whether atoms are brighter than what is between them.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, in units of the image, positive in the middle of hexagons.

    Examples
    --------
    >>> image = np.zeros((41, 41))
    >>> turns = np.deg2rad(np.arange(0, 360, 60))
    >>> y, x = 20 - 8 * np.sin(turns), 20 + 8 * np.cos(turns)
    >>> image[np.rint(y).astype(int), np.rint(x).astype(int)] = 1
    >>> found = ring_order(image, 8 * 3**0.5, white=True)
    >>> [int(n) for n in np.unravel_index(found.argmax(), image.shape)]
    [20, 20]
    """
    radius = lattice_px / 3**0.5
    padding = min(int(np.ceil(2 * radius)), min(image.shape) - 1)
    sides = [
        (padding, min(fft.next_fast_len(n + 2 * padding, real=True) - n - padding, n - 1))
        for n in image.shape
    ]
    padded = np.pad(image.astype(np.float32), sides, mode="reflect")
    spectrum = fft.rfft2(padded, workers=2) * (1 if white else -1)
    inside = tuple(slice(padding, padding + n) for n in image.shape)
    best = np.full(image.shape, -np.inf, np.float32)
    for ring_deg in range(0, 60, _STEP_DEG):
        value = fft.irfft2(
            spectrum * _ring(padded.shape, radius, ring_deg), padded.shape, workers=2
        )
        np.maximum(best, value[inside], out=best)
    return best


def _ring(shape: tuple[int, ...], radius: float, ring_deg: float) -> np.ndarray:
    """Transfer function: places opposite each other join to a cosine."""
    y = fft.fftfreq(shape[0]).astype(np.float32)[:, None]
    x = fft.rfftfreq(shape[1]).astype(np.float32)[None, :]
    total = np.full((shape[0], x.size), -1.0, np.float32)
    for turn in np.deg2rad(ring_deg + np.array([0, 60, 120])):
        phase = 2 * np.pi * radius * (x * np.cos(turn) - y * np.sin(turn))
        total += np.cos(phase).astype(np.float32) / 3
    return total
