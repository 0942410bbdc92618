"""How evenly the fringes of a crop's strongest peaks run through its particle.

A fault shifts fringes: along it their amplitude falls and their phase jumps. A twin has a set of
its own on either side, an agglomerate one here and another there.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from nanosieve.lattice.peaks import Peaks
from nanosieve.selection.faults.crops import Crop

STRONGEST = 3
"""Peaks that are described."""

# Periods across the particle: of what changes along fringes, a third of the diameter is kept.
_DETAIL = 1.5
_STEP = 4


class _Set(NamedTuple):
    """Complex amplitude of one set of fringes on every fourth pixel, and where it counts."""

    wave: np.ndarray
    inside: np.ndarray


def fringe_figures(crop: Crop, peaks: Peaks) -> dict[str, float]:
    """Describe the sets of fringes that belong to a crop's three strongest peaks.

    Parameters
    ----------
    crop
        The particle.
    peaks
        Of its spectrum, the strongest first.

    Returns
    -------
    dict
        For each ``cover`` (share of the particle with at least half the amplitude), ``dip`` (the
        tenth over the ninetieth percentile of the amplitude) and ``jump`` (how fast the phase
        changes, rad over four pixels); for the two strongest ``together``, the correlation of
        their amplitudes. NaN for peaks that are not there.

    Examples
    --------
    >>> y, x = np.mgrid[:80, :80]
    >>> inside = np.hypot(y - 40, x - 40) < 38
    >>> fringes = np.cos(2 * np.pi * x / 8).astype(np.float32) * inside
    >>> strongest = Peaks(*(np.array([value]) for value in (0.0, 0.125, 9.0, 50.0)))
    >>> figures = fringe_figures(Crop(fringes, inside), strongest)
    >>> figures["cover_0"] > 0.95, figures["jump_0"] < 0.05
    (True, True)
    """
    sets = [_set(crop, peaks, n) for n in range(min(STRONGEST, len(peaks)))]
    row: dict[str, float] = {}
    for n in range(STRONGEST):
        cover, dip, jump = _evenness(sets[n]) if n < len(sets) else (np.nan,) * 3
        row |= {f"cover_{n}": cover, f"dip_{n}": dip, f"jump_{n}": jump}
    return row | {"together": _correlation(sets)}


def _set(crop: Crop, peaks: Peaks, n: int) -> _Set:
    side = len(crop.pixels)
    inside = crop.inside if crop.inside.any() else np.ones(crop.inside.shape, bool)
    diameter = 2 * np.sqrt(inside.sum() / np.pi)
    blur = diameter / (2 * np.pi * _DETAIL)
    places = np.arange(side)
    carrier = np.multiply.outer(
        np.exp(-2j * np.pi * peaks.y[n] * places), np.exp(-2j * np.pi * peaks.x[n] * places)
    )
    wave = crop.pixels * carrier.astype(np.complex64)
    smooth = ndimage.gaussian_filter(wave.real, blur) + 1j * ndimage.gaussian_filter(
        wave.imag, blur
    )
    # Towards the outline the average reaches out of the particle.
    inner = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > diameter / 8
    return _Set(smooth[::_STEP, ::_STEP], inner[::_STEP, ::_STEP])


def _evenness(one: _Set) -> tuple[float, float, float]:
    amplitude = np.abs(one.wave)[one.inside]
    if amplitude.size == 0:
        return float("nan"), float("nan"), float("nan")
    low, high = np.percentile(amplitude, [10, 90])
    high = max(float(high), 1e-12)
    return float((amplitude > high / 2).mean()), float(low) / high, _jump(one)


def _jump(one: _Set) -> float:
    """Ninetieth percentile of the change of phase from place to place, beyond its mean."""
    turns = []
    for axis in (0, 1):
        after, before = (np.delete(one.wave, end, axis) for end in (0, -1))
        both = np.delete(one.inside, 0, axis) & np.delete(one.inside, -1, axis)
        step = (after * before.conj())[both]
        if step.size:
            turns.append(np.abs(np.angle(step * step.sum().conj())))
    return float(np.percentile(np.concatenate(turns), 90)) if turns else float("nan")


def _correlation(sets: list[_Set]) -> float:
    if len(sets) < 2:
        return float("nan")
    first, second = (np.abs(one.wave)[one.inside] for one in sets[:2])
    if first.size < 2 or first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
