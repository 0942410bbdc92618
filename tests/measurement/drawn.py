"""Shapes drawn without anti-aliasing: a pixel belongs to a shape where its centre lies in it."""

import numpy as np


def disc(radius: float, centre: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    y, x = np.indices(shape)
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def turned(shape: tuple[int, int], degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along an axis at ``degrees`` counter-clockwise from +x, and across it."""
    height, width = shape
    y, x = np.indices(shape)
    up, right = (height - 1) / 2 - y, x - (width - 1) / 2
    angle = np.radians(degrees)
    return (
        right * np.cos(angle) + up * np.sin(angle),
        up * np.cos(angle) - right * np.sin(angle),
    )


def ellipse(long: float, short: float, degrees: float, shape=(101, 101)) -> np.ndarray:
    along, across = turned(shape, degrees)
    return (along / long) ** 2 + (across / short) ** 2 <= 1


def rectangle(length: float, width: float, degrees: float, shape=(160, 160)) -> np.ndarray:
    along, across = turned(shape, degrees)
    # A hair's breadth inside the edges, so that rounding decides nothing.
    return (np.abs(along) < length / 2 - 1e-9) & (np.abs(across) < width / 2 - 1e-9)


def field(seed: int, shape=(120, 150), n: int = 25, largest: float = 9) -> np.ndarray:
    """Labels of discs at random places, touching and overlapping ones included."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for label in range(1, n + 1):
        labels[disc(rng.uniform(1, largest), rng.uniform(0, shape), shape)] = label
    return labels
