"""Smooth random displacements that bend straight borders."""

from dataclasses import dataclass

import numpy as np

_WAVES = 6


@dataclass(frozen=True)
class Bending:
    """A sum of plane waves of displacement.

    Parameters
    ----------
    vectors
        ``(k, 2)`` wave vectors (y, x) in rad/nm.
    phases
        ``(k,)`` in rad.
    amplitudes
        ``(k, 2)`` displacements (y, x) in nm.
    """

    vectors: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the displaced points ``(n, 2)`` in nm."""
        return points + np.sin(points @ self.vectors.T + self.phases) @ self.amplitudes


def draw_bending(size_nm: float, *, wavelength_nm: float, rng: np.random.Generator) -> Bending:
    """Draw a displacement of a root-mean-square size along each axis."""
    turn = rng.uniform(0, 2 * np.pi, _WAVES)
    # Half to twice the wavelength.
    length = wavelength_nm * 2 ** rng.uniform(-1, 1, _WAVES)
    return Bending(
        vectors=(2 * np.pi / length)[:, None] * np.stack([np.sin(turn), np.cos(turn)], axis=1),
        phases=rng.uniform(0, 2 * np.pi, _WAVES),
        # The mean square of a sine is a half.
        amplitudes=rng.normal(0, size_nm * (2 / _WAVES) ** 0.5, (_WAVES, 2)),
    )
