"""Films as thickness in nm: flat, holed, lacey, graphene; torn, folded and stained."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from nanosieve.simulation.projected.textures import enlarge, random_field, rough, slope, warp

GRAPHENE_NM = 0.335


def film(
    shape: tuple[int, int], thickness_nm: float, roughness: float, rng: np.random.Generator
) -> np.ndarray:
    """Amorphous film: one to three textures of different lengths on a constant thickness."""
    longest = max(shape) / 6
    count = int(rng.integers(1, 4))
    lengths = np.exp(rng.uniform(np.log(2), np.log(max(longest, 3)), count)).tolist()
    relief = np.clip(rough(shape, lengths, rng=rng), -4, 4)
    return (thickness_nm * (1 + roughness * relief)).astype(np.float32)


def holed(thickness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Film with round holes on a square lattice, of which a field sees a few."""
    shape = thickness.shape[0], thickness.shape[1]
    radius = rng.uniform(0.2, 0.9) * max(shape)
    pitch = rng.uniform(2.4, 3.5) * radius
    angle, origin = rng.uniform(0, np.pi / 2), rng.uniform(0, pitch, 2)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    u = np.cos(angle) * columns + np.sin(angle) * rows + origin[0]
    v = -np.sin(angle) * columns + np.cos(angle) * rows + origin[1]
    distance = np.hypot((u + pitch / 2) % pitch - pitch / 2, (v + pitch / 2) % pitch - pitch / 2)
    outside = np.clip((distance - radius) / 2 + 0.5, 0, 1)
    rim = 1 + 0.3 * np.exp(-(((distance - radius) / (0.03 * radius)) ** 2))
    return (thickness * outside * rim).astype(np.float32)


def lacey(shape: tuple[int, int], thickness_nm: float, rng: np.random.Generator) -> np.ndarray:
    """Rounded network of strands around vacuum: borders of random cells, thickest inside."""
    step = max(1, max(shape) // 192)
    coarse = shape[0] // step + 2, shape[1] // step + 2
    side = max(coarse)
    cells = int(rng.integers(4, 16))
    points = rng.uniform(-0.4 * side, 1.4 * side, (3 * cells, 2))
    grid = np.argwhere(np.ones(coarse, bool))
    near, _ = cKDTree(points).query(grid, k=3)
    wall = ((near[:, 1] - near[:, 0]) / 2).reshape(coarse)
    width = rng.uniform(0.04, 0.16) * side
    strands = ndimage.gaussian_filter((wall < width / 2).astype(np.float32), width / 4) - 0.45
    profile = np.sqrt(np.clip(strands / 0.55, 0, 1))
    bent = warp(enlarge(profile, (coarse[0] * step, coarse[1] * step)), 0.02 * side * step,
                0.12 * side * step, rng=rng)  # fmt: skip
    texture = 1 + 0.04 * random_field(shape, 3, rng=rng)
    return thickness_nm * np.clip(bent[: shape[0], : shape[1]], 0, None) * texture


def graphene(shape: tuple[int, int], pixel_size_nm: float, rng: np.random.Generator) -> np.ndarray:
    """A few layers with wrinkles and doubled flaps."""
    thickness = np.full(shape, GRAPHENE_NM * rng.integers(1, 8), np.float32)
    for _ in range(int(rng.integers(0, 4))):
        flap = slope(shape, rng=rng) + 0.05 * random_field(shape, max(shape) / 8, rng=rng)
        layers = GRAPHENE_NM * rng.integers(1, 6)
        thickness += layers * np.clip((flap - rng.uniform(-0.4, 0.5)) * max(shape) / 2, 0, 1)
    for _ in range(int(rng.integers(0, 6))):
        ridge = slope(shape, rng=rng) + 0.04 * random_field(shape, max(shape) / 6, rng=rng)
        width = rng.uniform(1.5, 5) / pixel_size_nm / max(shape)
        height = rng.uniform(0.5, 3)
        thickness += height * np.exp(-(((ridge - rng.uniform(-0.4, 0.4)) / width) ** 2))
    return thickness.astype(np.float32)


def haze(shape: tuple[int, int], thickness_nm: float, rng: np.random.Generator) -> np.ndarray:
    """Ionomer that fills the space between: soft, everywhere different."""
    field = random_field(shape, max(shape) / rng.uniform(6, 20), rng=rng)
    return (thickness_nm * np.clip(0.6 + 0.4 * field, 0, None)).astype(np.float32)


def with_gradient(thickness: np.ndarray, change: float, rng: np.random.Generator) -> np.ndarray:
    """Thickness that changes by ``change`` of itself across the field."""
    shape = thickness.shape[0], thickness.shape[1]
    return thickness * np.clip(1 + np.float32(change) * slope(shape, rng=rng), 0.05, None)


def torn(thickness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Support that ends: beyond an uneven line there is vacuum."""
    shape = thickness.shape[0], thickness.shape[1]
    line = slope(shape, rng=rng) + 0.04 * random_field(shape, max(shape) / 12, rng=rng)
    line += 0.006 * random_field(shape, max(shape) / 80, rng=rng)
    inside = np.clip((line - rng.uniform(-0.45, 0.1)) * max(shape) / 3, 0, 1)
    return (thickness * inside).astype(np.float32)


def folded(thickness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A film turned over on itself: a band of two or three times the thickness, one sharp side."""
    shape = thickness.shape[0], thickness.shape[1]
    line = slope(shape, rng=rng) + 0.04 * random_field(shape, max(shape) / 5, rng=rng)
    start, width = rng.uniform(-0.4, 0.3), rng.uniform(0.03, 0.25)
    within = np.clip((line - start) * max(shape) / 2, 0, 1)
    within *= np.clip((start + width - line) * max(shape) / rng.uniform(2, 40), 0, 1)
    return (thickness * (1 + rng.integers(1, 3) * within)).astype(np.float32)


def stained(thickness: np.ndarray, dirt_nm: float, rng: np.random.Generator) -> np.ndarray:
    """Irregular stains with soft edges; some are thin spots instead."""
    shape = thickness.shape[0], thickness.shape[1]
    length = max(shape) / np.exp(rng.uniform(np.log(8), np.log(50)))
    field = rough(shape, [length, length / 3], rng=rng)
    level = rng.uniform(1.0, 2.2)
    spots = np.clip((field - level) / rng.uniform(0.3, 1.5), 0, 1)
    if rng.random() < 0.2:
        return (thickness * (1 - rng.uniform(0.2, 0.6) * spots)).astype(np.float32)
    return (thickness + dirt_nm * spots).astype(np.float32)
