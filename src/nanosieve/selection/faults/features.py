"""What a crop's spectrum and grey levels say of it, whatever its size in pixels.

Groschner et al. (Microscopy and Microanalysis 27, 2021, 549) told stacking faults by five figures
of a crop: mean, standard deviation and centre of mass of the radial profile of its Fourier
transform, mean and standard deviation of its grey levels. Their profile was a sum that grew with
the crop; here it is power in units of white noise of the crop's own variance, so that a crop cut
wider gives the same figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.lattice.peaks import Peaks, find_peaks
from nanosieve.lattice.spectrum import radii, windowed_power
from nanosieve.selection.faults.crops import Crop
from nanosieve.selection.faults.fringes import STRONGEST, fringe_figures

FeatureSet = Literal["all", "paper"]

# Rings of the profile, and between which frequencies: in 1/nm the spacings 1 and 0.125 nm, coarser
# and finer than the fringes of particles; in px what the image samples but its slow brightness.
# The same for all crops: what depended on their size would be a measure of it.
_RINGS = 22
_BAND = {"px": (0.04, 0.5), "nm": (1.0, 8.0)}
# A peak of the fringes: in noise alone the highest of a 256 px image has a score of about 15.
_PEAK_Z, _MOST = 12.0, 12
# Transforms are filled up to this side, so that rings and peaks of small crops are told apart.
_LEAST_SIDE = 128


@dataclass(frozen=True)
class Described:
    """Figures of crops.

    Parameters
    ----------
    names
        Of the columns.
    values
        ``(n, len(names))`` float32; NaN where a figure does not apply.
    unit
        ``nm`` where frequencies are in 1/nm, else ``px``.
    """

    names: tuple[str, ...]
    values: np.ndarray
    unit: Literal["nm", "px"]


def describe(
    crops: Sequence[Crop], *, which: FeatureSet = "all", unit: Literal["nm", "px"] | None = None
) -> Described:
    """Describe crops by their spectra and grey levels.

    Parameters
    ----------
    crops
        Of one or several images.
    which
        ``paper`` for the five figures of Groschner et al., ``all`` for these, the profile itself,
        the strongest peaks, and how evenly the fringes of each run through the particle.
    unit
        Of the frequencies; ``None`` takes nm where the pixel size of every crop is known, and px
        where that of none is.

    Raises
    ------
    UsageError
        If pixel sizes are known of some crops only, or unknown where the unit is nm.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(2, 96, 96)).astype(np.float32)
    >>> crops = [Crop(one, np.ones(one.shape, bool)) for one in noise]
    >>> found = describe(crops, which="paper")
    >>> found.names[0], found.values.shape, bool(abs(found.values[:, 0] - 1).max() < 0.2)
    ('profile_mean', (2, 5), True)
    """
    unit = _unit(crops, unit)
    rows = [_describe(crop, which, unit) for crop in crops]
    names = tuple(rows[0]) if rows else ()
    values = np.array([[row[name] for name in names] for row in rows], np.float32)
    return Described(names, values.reshape(len(rows), len(names)), unit)


def _unit(crops: Sequence[Crop], unit: Literal["nm", "px"] | None) -> Literal["nm", "px"]:
    known = sum(crop.pixel_size_nm is not None for crop in crops)
    if unit == "px" or (unit is None and known == 0):
        return "px"
    if known < len(crops):
        raise UsageError(
            f"the pixel size of {len(crops) - known} of {len(crops)} particles is unknown: segment "
            "their images with --pixel-size, or leave them out"
        )
    return "nm"


def _describe(crop: Crop, which: FeatureSet, unit: Literal["nm", "px"]) -> dict[str, float]:
    deviation = float(crop.pixels.std()) or 1.0
    power = windowed_power(crop.pixels / deviation, least_side=_LEAST_SIDE)
    profile = _profile(power, crop, unit)
    inside = crop.pixels[crop.inside] if crop.inside.any() else crop.pixels
    row = _of_paper(profile, inside)
    if which == "paper":
        return row
    row |= {f"ring_{n}": float(value) for n, value in enumerate(np.log10(profile + 1e-3))}
    peaks = _peaks(power, crop, unit)
    return row | _of_peaks(peaks, crop, unit) | fringe_figures(crop, peaks) | _of_outline(crop)


def _of_paper(profile: np.ndarray, inside: np.ndarray) -> dict[str, float]:
    rings = np.flatnonzero(np.isfinite(profile))
    known = profile[rings]
    total = max(float(known.sum()), 1e-12)
    # Pixels so coarse that no ring is sampled say nothing of fringes.
    mean, deviation = (known.mean(), known.std()) if len(known) else (np.nan, np.nan)
    return {
        "profile_mean": float(mean),
        "profile_std": float(deviation),
        "profile_centre": float((rings * known).sum() / total),
        "intensity_mean": float(inside.mean()),
        "intensity_std": float(inside.std()),
    }


def _profile(power: np.ndarray, crop: Crop, unit: str) -> np.ndarray:
    """``(rings,)`` mean power of each ring; NaN beyond the sampling limit."""
    low, high = (edge / _per(crop, unit) for edge in _BAND[unit])
    ring = _ring_numbers(power.shape, low, (high - low) / _RINGS)
    total = np.bincount(ring.ravel(), power.ravel(), _RINGS + 1)[:_RINGS]
    count = np.bincount(ring.ravel(), minlength=_RINGS + 1)[:_RINGS]
    return np.divide(total, count, out=np.full(_RINGS, np.nan), where=count > 0)


def _per(crop: Crop, unit: str) -> float:
    """Factor from cycles per px to the unit of the frequencies."""
    return 1.0 if unit == "px" or crop.pixel_size_nm is None else 1 / crop.pixel_size_nm


@lru_cache(maxsize=16)
def _ring_numbers(shape: tuple[int, int], low: float, step: float) -> np.ndarray:
    """Ring of each frequency; the number of rings for one that is on none."""
    radius = radii(shape)
    ring = np.floor((radius - low) / step).astype(np.intp)
    ring[(ring < 0) | (ring > _RINGS) | (radius > 0.5)] = _RINGS
    return ring


def _peaks(power: np.ndarray, crop: Crop, unit: str) -> Peaks:
    low = max(_BAND[unit][0] / _per(crop, unit), 0.03)
    return find_peaks(power, threshold=_PEAK_Z, band=(min(low, 0.4), 0.48), most=_MOST)


def _of_peaks(peaks: Peaks, crop: Crop, unit: str) -> dict[str, float]:
    """How many, how high, how far out, and how far each is from being one spot."""
    scale = _per(crop, unit)
    row = {"peaks": float(len(peaks))}
    for n in range(STRONGEST):
        there = n < len(peaks)
        row[f"peak_{n}_z"] = float(np.log10(peaks.z[n])) if there else 0.0
        row[f"peak_{n}_frequency"] = float(peaks.radius[n] * scale) if there else float("nan")
    # A twin's or a fault's spots lie close to each other, closer than those of one lattice.
    row["closest_peaks"] = _closest(peaks) * len(crop.pixels)
    return row


def _closest(peaks: Peaks) -> float:
    """Least distance of two peaks, those of opposite sign included, cycles per px."""
    if len(peaks) < 2:
        return float("nan")
    places = np.column_stack([peaks.y, peaks.x])
    both = np.concatenate([places, -places])
    distance = np.linalg.norm(both[:, np.newaxis] - both, axis=-1)
    return float(distance[distance > 0].min())


def _of_outline(crop: Crop) -> dict[str, float]:
    """How full the crop is, and how long: an agglomerate is neither round nor convex."""
    inside = crop.inside
    if not inside.any():
        return {"filled": 0.0, "elongation": float("nan"), "narrowest": float("nan")}
    places = np.argwhere(inside).astype(float)
    spread = np.linalg.eigvalsh(np.cov(places.T)) if len(places) > 2 else np.ones(2)
    radius = np.sqrt(len(places) / np.pi)
    deepest = float(ndimage.distance_transform_edt(np.pad(inside, 1)).max())
    return {
        "filled": len(places) / inside.size,
        "elongation": float(np.sqrt(max(spread[0], 0) / max(spread[1], 1e-12))),
        "narrowest": deepest / radius,
    }
