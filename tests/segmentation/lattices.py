"""Drawn lattices whose place is known: crystals on a support, and a patch on a sheet."""

import numpy as np

SHAPE = (192, 208)
SHEET = [(0.0, 0.2), (0.2 * np.sin(np.pi / 3), 0.1), (0.2 * np.sin(np.pi / 3), -0.1)]


def fringes(shape: tuple[int, int], vectors) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return sum(np.cos(2 * np.pi * (at_y * y + at_x * x)) for at_y, at_x in vectors)


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


def counts(relative: np.ndarray, *, seed: int = 0, dose: float = 400.0) -> np.ndarray:
    """Shot noise of an image of mean 1."""
    return np.random.default_rng(seed).poisson(dose * relative).astype(np.float32)


def crystals(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask: two crystals of unlike orientation on a flat support, on a tilt."""
    first, second = disc(SHAPE, 60, 60, 32), disc(SHAPE, 130, 150, 36)
    relative = 1 + 0.15 * first * fringes(SHAPE, [(0.12, 0.02), (0.03, 0.13)])
    relative += 0.15 * second * fringes(SHAPE, [(0.05, -0.11)])
    tilt = 1 + 0.2 * np.linspace(-1, 1, SHAPE[1])
    return counts(relative * tilt, seed=seed), first | second


def contaminated(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask: a sheet with a patch of amorphous matter, grains of 2 px."""
    patch = disc(SHAPE, 80, 120, 40)
    rng = np.random.default_rng(seed + 100)
    grain = np.fft.irfft2(
        np.fft.rfft2(rng.normal(size=SHAPE))
        * np.exp(-2 * (np.pi * 2 * np.hypot(*_frequencies())) ** 2)
    )
    grain *= 0.15 / grain.std()
    relative = 1 + 0.03 * fringes(SHAPE, SHEET) + patch * grain
    return counts(np.maximum(relative, 0.1), seed=seed), patch


def _frequencies() -> tuple[np.ndarray, np.ndarray]:
    return np.fft.fftfreq(SHAPE[0])[:, np.newaxis], np.fft.rfftfreq(SHAPE[1])[np.newaxis]
