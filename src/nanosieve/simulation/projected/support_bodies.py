"""Supports made of bodies, as thickness in nm: carbon black, silica, alumina, tubes."""

import numpy as np
from scipy import fft

from nanosieve.simulation.projected.textures import random_field, warp

MOST_BEADS = 2000


def carbon_black(
    shape: tuple[int, int],
    bead_nm: float,
    coverage: float,
    pixel_size_nm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Aggregates of fused spheres, lumpy, denser in the shell than in the core.

    Parameters
    ----------
    bead_nm
        Mean diameter of the spheres.
    coverage
        Share of the field to cover; holes are left between.
    """
    radius = max(bead_nm / 2 / pixel_size_nm, 2.0)
    margin = int(min(2 * radius, max(shape)))
    wide = shape[0] + 2 * margin, shape[1] + 2 * margin
    total, covered = np.zeros(wide, np.float32), np.zeros(wide, bool)
    goal, done = coverage * covered.size, 0.0
    centres = [rng.uniform((0, 0), wide)]
    shell, length = rng.uniform(0.1, 0.5), int(rng.integers(40, 200))
    for count in range(MOST_BEADS):
        one = radius * float(np.exp(rng.normal(0, 0.2)))
        done += _add_bead(total, covered, centres[-1], one, shell)
        if done >= goal:
            break
        if count % length == length - 1:
            centres.append(rng.uniform((0, 0), wide))
            continue
        host = centres[int(rng.integers(max(0, len(centres) - 8), len(centres)))]
        angle = rng.uniform(0, 2 * np.pi)
        step = one * rng.uniform(0.8, 1.3)
        centres.append(np.clip(host + step * np.array([np.sin(angle), np.cos(angle)]), 0, wide))
    lumpy = warp(total, 0.12 * radius, 0.45 * radius, rng=rng)
    lumpy *= 1 + np.float32(rng.uniform(0, 0.1)) * random_field(
        wide, max(0.15 * radius, 1), rng=rng
    )
    inner = lumpy[margin : margin + shape[0], margin : margin + shape[1]]
    return inner * np.float32(pixel_size_nm)


def _add_bead(
    total: np.ndarray, covered: np.ndarray, centre: np.ndarray, radius: float, shell: float
) -> int:
    """Add one sphere; return how many pixels it covers that none did."""
    low = np.clip((centre - radius).astype(int), 0, total.shape)
    high = np.clip((centre + radius).astype(int) + 2, 0, total.shape)
    box = (slice(low[0], high[0]), slice(low[1], high[1]))
    yy = np.arange(low[0], high[0], dtype=np.float32)[:, np.newaxis] - np.float32(centre[0])
    xx = np.arange(low[1], high[1], dtype=np.float32)[np.newaxis, :] - np.float32(centre[1])
    rho2 = yy**2 + xx**2
    outer = np.sqrt(np.clip(radius**2 - rho2, 0, None))
    core = np.sqrt(np.clip((0.8 * radius) ** 2 - rho2, 0, None))
    # Spheres fuse: a second one adds less than its chord.
    chord = 2 * (outer + np.float32(shell) * (outer - core))
    total[box] += chord / (1 + 0.5 * total[box] / radius)
    new = (rho2 < radius**2) & ~covered[box]
    covered[box] |= new
    return int(np.count_nonzero(new))


def crowd(
    shape: tuple[int, int],
    blob_nm: float,
    coverage: float,
    pixel_size_nm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Crowd of small bodies of many sizes in clouds: porous silica, alumina.

    Rounded kernels of four sizes are laid on random points, thicker where the cloud is dense.
    """
    longest = max(shape)
    cloud = random_field(shape, longest / rng.uniform(4, 12), rng=rng)
    cloud += 0.4 * random_field(shape, longest / 40, rng=rng)
    level = float(np.quantile(cloud, 1 - coverage))
    density = np.clip((cloud - level) / 0.6, 0, 3)
    total = np.zeros(shape, np.float32)
    mean_radius = max(blob_nm / 2 / pixel_size_nm, 1.5)
    for scale in (0.6, 1.0, 1.8, 3.0):
        radius = min(mean_radius * scale, longest / 5)
        points = rng.random(shape, dtype=np.float32) < density / (2.5 * radius**2)
        total += _laid(points * rng.uniform(0.5, 1.5), radius)
    bent = warp(total, 0.25 * mean_radius, 0.8 * mean_radius, rng=rng)
    return np.clip(bent, 0, None) * np.float32(pixel_size_nm)


def _laid(points: np.ndarray, radius: float) -> np.ndarray:
    """Lay a rounded body's chord on each point, by Fourier transforms."""
    size = [fft.next_fast_len(int(n + 2 * radius + 2), real=True) for n in points.shape]
    yy = np.minimum(np.arange(size[0]), size[0] - np.arange(size[0]))[:, np.newaxis]
    xx = np.minimum(np.arange(size[1]), size[1] - np.arange(size[1]))[np.newaxis, :]
    chord = 2 * np.sqrt(np.clip(radius**2 - yy**2 - xx**2, 0, None)).astype(np.float32)
    product = fft.rfft2(points.astype(np.float32), s=size) * fft.rfft2(chord)
    return fft.irfft2(product, s=size)[: points.shape[0], : points.shape[1]]


def platelets(
    shape: tuple[int, int], blob_nm: float, pixel_size_nm: float, rng: np.random.Generator
) -> np.ndarray:
    """Flakes and needles lying over each other, seen flat or on edge."""
    total = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(4, 40))):
        long = blob_nm / pixel_size_nm * float(np.exp(rng.uniform(0.3, 1.7)))
        short = long * float(np.exp(rng.uniform(-2.5, -0.3)))
        height = blob_nm * rng.uniform(0.1, 0.6)
        _add_plate(total, rng.uniform((0, 0), shape), (long, short, rng.uniform(0, np.pi)), height)
    return warp(total, 0.15 * blob_nm / pixel_size_nm, blob_nm / pixel_size_nm, rng=rng)


def _add_plate(
    total: np.ndarray, centre: np.ndarray, form: tuple[float, float, float], height: float
) -> None:
    long, short, angle = form
    reach = long + 4
    low = np.clip((centre - reach).astype(int), 0, total.shape)
    high = np.clip((centre + reach).astype(int) + 1, 0, total.shape)
    yy = np.arange(low[0], high[0], dtype=np.float32)[:, np.newaxis] - np.float32(centre[0])
    xx = np.arange(low[1], high[1], dtype=np.float32)[np.newaxis, :] - np.float32(centre[1])
    along = np.abs(np.float32(np.cos(angle)) * xx + np.float32(np.sin(angle)) * yy) / long
    across = np.abs(np.float32(np.cos(angle)) * yy - np.float32(np.sin(angle)) * xx) / short
    inside = np.clip((1 - along**3 - across**3) * short / 2, 0, 1)
    total[low[0] : high[0], low[1] : high[1]] += height * inside


def tubes(
    shape: tuple[int, int], tube_nm: float, pixel_size_nm: float, rng: np.random.Generator
) -> np.ndarray:
    """Bent hollow tubes with two dark walls, crossing each other.

    A tube follows a wave around a straight line; its distance from a pixel is that along the
    line's normal over the local slope, good while the tube bends gently.
    """
    total = np.zeros(shape, np.float32)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    radius0 = tube_nm / 2 / pixel_size_nm
    count = int(np.clip(rng.uniform(0.5, 2.0) * max(shape) / (4 * radius0), 1, 14))
    for _ in range(count):
        radius = radius0 * float(np.exp(rng.normal(0, 0.25)))
        hollow = radius * rng.uniform(0.3, 0.75)
        angle = np.float32(rng.uniform(0, np.pi))
        centre = rng.uniform((0, 0), shape)
        u = np.cos(angle) * (columns - centre[1]) + np.sin(angle) * (rows - centre[0])
        v = -np.sin(angle) * (columns - centre[1]) + np.cos(angle) * (rows - centre[0])
        wave = np.float32(2 * np.pi / (max(shape) * rng.uniform(0.5, 2.5)))
        swing = np.float32(rng.uniform(0, 0.35) / wave)
        turn = wave * u + np.float32(rng.uniform(0, 2 * np.pi))
        off = (v - swing * np.sin(turn)) ** 2 / (1 + (swing * wave * np.cos(turn)) ** 2)
        outer, inner = (np.sqrt(np.clip(r**2 - off, 0, None)) for r in (radius, hollow))
        total += 2 * (outer - inner)
    return total * np.float32(pixel_size_nm)
