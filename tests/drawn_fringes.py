"""Lattice fringes drawn by numpy, from the geometry of a crystal alone."""

import numpy as np


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """``(y, x)`` bool."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - centre[0], x - centre[1]) < radius


def waves(shape: tuple[int, int], vectors: np.ndarray, *, phase: float = 0.0) -> np.ndarray:
    """Sum of cosines; ``vectors`` are x and y (upwards) in cycles per px."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    phases = [2 * np.pi * (gx * x - gy * y) + 0.7 * n + phase for n, (gx, gy) in enumerate(vectors)]
    return np.sum(np.cos(phases), axis=0)


def at_angles(d_px: list[float], angles_deg: list[float]) -> np.ndarray:
    """Vectors of planes with these spacings and directions of their normals."""
    angle = np.deg2rad(angles_deg)
    return np.column_stack([np.cos(angle), np.sin(angle)]) / np.array(d_px)[:, np.newaxis]
