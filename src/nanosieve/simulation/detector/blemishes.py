"""X-ray spikes and dead pixels."""

from dataclasses import dataclass

import numpy as np

# Where a spike that spreads goes: its four neighbours, and the share of it that each may take.
_NEIGHBOURS = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
_SPREAD = 0.6
# The largest of a heavy-tailed law knows no bounds; float32 does, and so do wells.
_MOST = 1e4


@dataclass(frozen=True)
class Blemishes:
    """What is wrong with single pixels.

    Parameters
    ----------
    xrays_per_mpx
        Mean number of spikes in a million pixels.
    xray_e
        Least height of a spike, in electrons of the image.
    xray_tail
        Exponent of the Pareto law of heights: the share higher than z times the least is
        ``z ** -xray_tail``.
    xray_clusters
        Share of spikes that spread to their neighbours.
    dead_per_mpx
        Mean number of dead pixels in a million: half of them dark, half of them bright.
    dead_columns
        Mean number of dead columns in the image.
    """

    xrays_per_mpx: float
    xray_e: float
    xray_tail: float
    xray_clusters: float
    dead_per_mpx: float
    dead_columns: float


def add_xrays(electrons: np.ndarray, blemishes: Blemishes, rng: np.random.Generator) -> None:
    """Add spikes in place, to ``(y, x)`` electrons of a pixel.

    They are added behind the transfer function: X-rays and muons are stopped in the sensor itself.
    """
    n = int(rng.poisson(blemishes.xrays_per_mpx * 1e-6 * electrons.size))
    if n == 0:
        return
    at = rng.integers(0, electrons.shape, size=(n, 2))
    height = np.minimum(rng.pareto(blemishes.xray_tail, n) + 1, _MOST) * blemishes.xray_e
    spreads = rng.random(n) < blemishes.xray_clusters
    shares = rng.uniform(0, _SPREAD, (n, len(_NEIGHBOURS))) * spreads[:, np.newaxis]
    np.add.at(electrons, tuple(at.T), height)
    for neighbour, share in zip(_NEIGHBOURS, shares.T, strict=True):
        beside = np.clip(at + neighbour, 0, np.array(electrons.shape) - 1)
        np.add.at(electrons, tuple(beside.T), height * share)


def kill_pixels(
    values: np.ndarray, blemishes: Blemishes, limits: tuple[float, float], rng: np.random.Generator
) -> None:
    """Set dead pixels and columns to the least or the greatest grey level, in place."""
    n = int(rng.poisson(blemishes.dead_per_mpx * 1e-6 * values.size))
    y, x = rng.integers(0, values.shape, size=(n, 2)).T
    values[y, x] = np.where(rng.random(n) < 0.5, *limits)
    columns = rng.integers(0, values.shape[1], int(rng.poisson(blemishes.dead_columns)))
    values[:, columns] = np.where(rng.random(len(columns)) < 0.5, *limits)
