"""How large graphene's lattice is in an image, told from its transform: the pixel size follows.

A hexagon of peaks is looked for in the power spectrum: of three directions 60 degrees apart the
weakest counts, so that stripes and a single strong peak do not pass. The wave vectors are then
refined where the transform of the windowed image is largest, between its samples.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates, maximum_filter

from nanosieve.core.errors import FailedInput
from nanosieve.lattice.phases import GRAPHENE_NM

LATTICE_NM = GRAPHENE_NM
"""Lattice constant of graphene."""
BOND_NM = LATTICE_NM / 3**0.5

# Spacings that are looked for: a bond of three pixels up to 24 rows of hexagons in an image.
LEAST_BOND_PX = 3.0
_LEAST_ROWS = 8
# Weakest of a hexagon's three peaks over the median power of its ring, and where a pixel size says
# where to look. In 140 images of noise the highest was 10.3 anywhere, 8.1 beside a given size.
_PEAK, _PEAK_NEAR = 12.0, 10.0
# Cycles a pixel; finer waves are folded back.
_FINEST = 0.49
# Every peak of the first order lies within this of the mean radius; image distortion is less.
_SPREAD = 0.04
# A given pixel size is looked beside first, so far; beyond it another lattice's spot is no match.
_NEAR = 0.12


@dataclass(frozen=True)
class LatticeScale:
    """Graphene's lattice in pixels.

    Parameters
    ----------
    lattice_px
        Lattice constant.
    uncertainty_px
        Its standard uncertainty: the scatter of the peaks' radii over the root of their number.
    peaks
        ``(n, 2)`` wave vectors ``(y, x)`` of the first order in cycles a pixel, strongest first.
    """

    lattice_px: float
    uncertainty_px: float
    peaks: np.ndarray

    @property
    def pixel_size_nm(self) -> float:
        """Pixel size at which this lattice is graphene's."""
        return LATTICE_NM / self.lattice_px

    @property
    def uncertainty_nm(self) -> float:
        """Standard uncertainty of the pixel size."""
        return self.pixel_size_nm * self.uncertainty_px / self.lattice_px


def find_scale(image: np.ndarray, *, near_px: float | None = None) -> LatticeScale:
    """Find the lattice constant of graphene in an image.

    Parameters
    ----------
    image
        ``(y, x)`` floats, evenly lit.
    near_px
        Lattice constant to be expected, from a known pixel size; it is looked for beside this
        first, then everywhere.

    Returns
    -------
    LatticeScale
        Of the hexagon of peaks that stands out most.

    Raises
    ------
    FailedInput
        If there is no hexagon of peaks, or its bonds have less than three pixels.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128]
    >>> turns = np.deg2rad([10, 70, 130])
    >>> waves = [np.cos(2 * np.pi * (x * np.cos(t) + y * np.sin(t)) / 9) for t in turns]
    >>> noise = np.random.default_rng(0).normal(size=x.shape)
    >>> found = find_scale(sum(waves) + noise)
    >>> round(found.lattice_px * 3**0.5 / 2, 1)
    9.0
    """
    windowed = _windowed(image)
    power = _relative_power(windowed)
    least = _LEAST_ROWS / min(image.shape)
    found = None
    if near_px is not None:
        expected = 2 / (3**0.5 * near_px)
        ends = expected * (1 - _NEAR), min(expected * (1 + _NEAR), _FINEST)
        found = _hexagon(power, *ends, peak=_PEAK_NEAR)
    found = found or _first_order(power, least, _FINEST)
    if found is None:
        raise FailedInput(
            "no lattice of graphene found: no hexagon of peaks in the transform; "
            "give an image in which the lattice is resolved"
        )
    radius, score = found
    bond = 2 / (3 * radius)
    if bond < LEAST_BOND_PX:
        raise FailedInput(
            f"too coarse: a bond of graphene has {bond:.2f} px, and at least {LEAST_BOND_PX:g} are "
            f"needed; give the image at {BOND_NM / LEAST_BOND_PX:.4f} nm a pixel or finer"
        )
    return _refined(windowed, power, radius, least=min(_PEAK, np.exp(score) * (1 - 1e-9)))


def _windowed(image: np.ndarray) -> np.ndarray:
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape))
    mean = float((image * window).sum() / window.sum())
    return (image - mean) * window


def _relative_power(windowed: np.ndarray) -> np.ndarray:
    """Power over the median of its ring, ``(y, x)`` with zero frequency in the middle."""
    power = fft.fftshift(np.abs(fft.fft2(windowed)) ** 2)
    radius = _radius(power.shape)
    width = 1 / min(power.shape)
    ring = np.rint(radius / width).astype(np.intp)
    order = np.argsort(ring, axis=None)
    counts = np.bincount(ring.ravel())
    usual = np.array(
        [np.median(part) for part in np.split(power.ravel()[order], np.cumsum(counts)[:-1])]
    )
    # Three rings together: inner ones have few samples, one of which a peak is soon a part.
    usual = np.convolve(np.pad(usual, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    return power / np.maximum(usual[ring], 1e-30)


def _radius(shape: tuple[int, ...]) -> np.ndarray:
    y, x = (fft.fftshift(fft.fftfreq(n)) for n in shape)
    return np.hypot(y[:, None], x[None, :])


def _first_order(power: np.ndarray, least: float, most: float) -> tuple[float, float] | None:
    """The strongest hexagon, or that of which it is a higher order."""
    found = _hexagon(power, least, most)
    if found is None:
        return None
    for factor in (3**0.5, 2.0):
        inner = found[0] / factor
        if inner * 0.98 > least:
            lower = _hexagon(power, inner * 0.98, inner * 1.02)
            if lower is not None:
                return lower
    return found


def _hexagon(
    power: np.ndarray, least: float, most: float, *, peak: float = _PEAK
) -> tuple[float, float] | None:
    """Radius in cycles a pixel, logarithm of how far it stands out; ``None`` if none does."""
    # Maxima alone: the flank of a strong peak beyond the range must not count.
    tops = np.where(power == maximum_filter(power, 3), power, 0)
    grown = np.log(np.maximum(maximum_filter(tops, 3), 1e-30))
    step = 0.5 / max(power.shape)
    radii = np.arange(least, most, step)
    turns = np.deg2rad(np.arange(0, 60, np.rad2deg(min(step / most, 0.02))))
    if radii.size == 0:
        return None
    raw = np.log(np.maximum(power, 1e-30))
    weakest = np.full((radii.size, turns.size), np.inf)
    exact = np.zeros(weakest.shape)
    for turn in np.deg2rad([0, 60, 120]):
        y = radii[:, None] * np.sin(turns + turn) * power.shape[0] + power.shape[0] // 2
        x = radii[:, None] * np.cos(turns + turn) * power.shape[1] + power.shape[1] // 2
        weakest = np.minimum(weakest, map_coordinates(grown, [y, x], order=0, mode="nearest"))
        exact += map_coordinates(raw, [y, x], order=1, mode="nearest")
    # Within the plateau that growing makes, the middle.
    best = int(np.argmax(weakest + 1e-3 * exact))
    score = float(weakest.flat[best])
    return None if score < np.log(peak) else (float(radii[best // turns.size]), score)


def _refined(
    windowed: np.ndarray, power: np.ndarray, radius: float, *, least: float
) -> LatticeScale:
    """Peaks of all grains near the radius, each where the transform is largest."""
    around = np.abs(_radius(power.shape) / radius - 1) < _SPREAD
    top = around & (power == maximum_filter(power, 5)) & (power > least)
    row, column = np.nonzero(top)
    half = (row > power.shape[0] // 2) | (
        (row == power.shape[0] // 2) & (column > power.shape[1] // 2)
    )
    row, column = row[half], column[half]
    strength = power[row, column]
    # A weak grain's peaks scatter more than they add.
    order = np.argsort(-strength, kind="stable")[:12]
    order = order[strength[order] > strength.max() / 30]
    places = zip(power.shape, (row[order], column[order]), strict=True)
    start = np.stack([fft.fftshift(fft.fftfreq(n))[index] for n, index in places], axis=1)
    peaks = np.array([_climb(windowed, one) for one in start])
    radii = np.hypot(*peaks.T)
    weights = strength[order] / strength[order].sum()
    mean = float(weights @ radii)
    spread = float(np.sqrt(weights @ (radii - mean) ** 2 / max(1 - (weights**2).sum(), 0.1)))
    # No peak is known better than to a hundredth of a sample of the transform.
    error = max(spread * float(np.sqrt((weights**2).sum())), 0.01 / max(power.shape))
    lattice = 2 / (3**0.5 * mean)
    return LatticeScale(lattice, lattice * error / mean, peaks)


def _climb(windowed: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Move a wave vector to where the transform's magnitude is largest, by parabolas."""
    place = start.astype(float)
    for width in (0.5, 0.25, 0.1):
        steps = np.array([width / n for n in windowed.shape])
        offsets = np.arange(-1, 2)
        waves_y = np.exp(
            -2j * np.pi * np.outer(place[0] + offsets * steps[0], np.arange(windowed.shape[0]))
        )
        waves_x = np.exp(
            -2j * np.pi * np.outer(place[1] + offsets * steps[1], np.arange(windowed.shape[1]))
        )
        # Not as matrix products: their threads wait for each other on a busy machine.
        along_x = np.einsum("yx,jx->yj", windowed, waves_x)
        height = np.log(np.abs(np.einsum("iy,yj->ij", waves_y, along_x)) + 1e-30)
        place += steps * np.array([_vertex(height[:, 1]), _vertex(height[1])])
    return place


def _vertex(values: np.ndarray) -> float:
    """Where a parabola through three values is highest, at most a step away."""
    curve = values[0] - 2 * values[1] + values[2]
    if curve >= 0:
        return float(np.argmax(values) - 1)
    return float(np.clip((values[0] - values[2]) / (2 * curve), -1, 1))
