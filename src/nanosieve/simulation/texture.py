"""How much a support varies at the scale of a particle: what its mean grey level may hide in."""

import numpy as np
from scipy import ndimage

# Along a square as large as a particle: means of so many blocks are enough.
_BLOCKS = 3


class Texture:
    """Variance of a support at the scales of particles; each scale is worked out once.

    It is the variance of its means over squares as large as the particle, less those over squares
    three times as wide, in the neighbourhood.

    Parameters
    ----------
    values
        ``(y, x)`` grey values.
    support
        ``(y, x)`` bool, where they are those of the support; ``None``: everywhere.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(90, 90)).astype(np.float32)
    >>> 0.07 < Texture(noise).variance((45, 45), area=9.0) < 0.14
    True
    """

    def __init__(self, values: np.ndarray, support: np.ndarray | None = None) -> None:
        self._weight = np.ones_like(values) if support is None else support.astype(np.float32)
        self._total = self._weight * values
        self._scales: dict[int, np.ndarray] = {}

    def variance(self, place: tuple[int, int], *, area: float) -> float:
        """Variance near a pixel, at the scale of a particle of an area in px."""
        # Half octaves: the texture hardly differs within one.
        octave = round(2 * np.log2(max(area**0.5 / _BLOCKS, 1))) / 2
        step = min(round(2**octave), *self._total.shape)
        if step not in self._scales:
            self._scales[step] = self._at_scale(step)
        local = self._scales[step]
        y, x = (min(one // step, n - 1) for one, n in zip(place, local.shape, strict=True))
        return float(local[y, x])

    def _at_scale(self, step: int) -> np.ndarray:
        """``(v, u)`` on blocks of so many pixels a side."""
        total, weight = (_blocks(values, step) for values in (self._total, self._weight))
        (near, full), (far, _) = (_means(total, weight, n * _BLOCKS) for n in (1, 3))
        trusted = full * (full > 0.5)
        if not trusted.any():
            return np.zeros_like(full)
        squared = np.square(near - far)
        local, known = _means(trusted * squared, trusted, 4 * _BLOCKS + 1)
        return np.where(known > 0.05, local, np.average(squared, weights=trusted))


def _means(total: np.ndarray, weight: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means over squares, and the share of each square that has weight."""
    total, weight = (ndimage.uniform_filter(values, side) for values in (total, weight))
    return total / np.maximum(weight, 1e-3), weight


def _blocks(image: np.ndarray, step: int) -> np.ndarray:
    """Means over blocks; the last ones may be cut off."""
    ny, nx = (n // step for n in image.shape)
    return image[: ny * step, : nx * step].reshape(ny, step, nx, step).mean(axis=(1, 3))
