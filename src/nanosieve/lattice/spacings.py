"""Spacings and directions of the lattice planes that one particle shows, with uncertainties.

A set of fringes is a peak of the particle's spectrum. How well its place is known follows from its
height over the noise around it and from how large the particle is: for white noise of power 1 a
peak of power P, under a window w, lies within

    sqrt((sum w)^2 sum(w^2 r^2) / (16 pi^2 P sum(w^2) (sum(w r^2) / 2)^2))

of the frequency, one standard deviation along either axis (the variance of the maximum of a
periodogram, to first order in the noise; r from the window's centre of mass).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.lattice.peaks import Peaks, find_peaks
from nanosieve.lattice.spectrum import fast_side, transform

THRESHOLD = 20.0
"""Robust z-score of a peak; 3 of 450 particles of noise alone, 40 to 110 px wide, had one."""

MOST = 12
"""Peaks of a particle that are kept."""

# The window falls to 0 over this share of the distance from the middle to the outline: side lobes
# of a sharp edge would be peaks.
_TAPER = 0.6
# Spectra are filled up to this many times the particle: peaks are then wide enough to be fitted.
_FILLED = 3
# Two peaks nearer than this over the particle's diameter are one.
_APART = 1.1
# Fainter ones, over the power of the strongest, may be its side lobes.
_FAINTEST = 2e-3
# Fewer periods across the particle are its own shape.
_LEAST_PERIODS = 4.0
# In cycles per px: nearer to Nyquist's frequency detectors leave traces of their own. In nm: no
# microscope resolves finer planes.
_FINEST, _FINEST_NM = 0.48, 0.04
_LEAST_PX = 16
# What a robust z-score of power means in units of the noise's mean power, which is exponentially
# distributed: median ln 2, median absolute deviation 0.4812, of which 1.4826 times is the scale.
_SCALE, _MEDIAN = 0.7134, 0.6931


@dataclass(frozen=True)
class Spacings:
    """Sets of lattice planes that a particle shows, the strongest first.

    Parameters
    ----------
    d, d_error
        ``(n,)`` spacing and its standard uncertainty, that of the pixel size included.
    angle_deg, angle_error_deg
        ``(n,)`` direction of the planes' normal, counter-clockwise from +x, 0 to 180, and its
        standard uncertainty.
    z
        ``(n,)`` robust z-score of the peak.
    unit
        ``nm``, or ``px`` where the pixel size is unknown.
    scale_error
        Relative standard uncertainty of the pixel size, common to all ``d``.
    """

    d: np.ndarray
    d_error: np.ndarray
    angle_deg: np.ndarray
    angle_error_deg: np.ndarray
    z: np.ndarray
    unit: Literal["nm", "px"]
    scale_error: float = 0.0

    def __len__(self) -> int:
        return len(self.d)

    @property
    def vectors(self) -> np.ndarray:
        """``(n, 2)`` x and y of the normals, y upwards, of the length 1/d."""
        angle = np.deg2rad(self.angle_deg)
        return np.column_stack([np.cos(angle), np.sin(angle)]) / self.d[:, np.newaxis]

    @property
    def own_error(self) -> np.ndarray:
        """``(n,)`` relative standard uncertainty of ``d`` without that of the pixel size."""
        return np.sqrt(np.maximum((self.d_error / self.d) ** 2 - self.scale_error**2, 0))


def measure_spacings(
    image: np.ndarray,
    inside: np.ndarray,
    *,
    pixel_size_nm: float | None = None,
    pixel_size_uncertainty: float = 0.0,
    threshold: float = THRESHOLD,
    most: int = MOST,
) -> Spacings:
    """Measure the lattice planes that a particle shows.

    Parameters
    ----------
    image
        ``(y, x)`` finite, any real dtype.
    inside
        ``(y, x)`` bool: the particle.
    pixel_size_nm
        Side of a pixel; ``None`` gives spacings in px.
    pixel_size_uncertainty
        Relative standard uncertainty of it.
    threshold, most
        Least robust z-score of a peak, and how many are kept.

    Returns
    -------
    Spacings
        None for a particle less than 16 px wide.

    Raises
    ------
    UsageError
        If image and particle differ in shape.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128]
    >>> inside = np.hypot(y - 64, x - 60) < 50
    >>> fringes = np.cos(2 * np.pi * (x * np.cos(0.5) - y * np.sin(0.5)) / 11.5)
    >>> noise = np.random.default_rng(0).normal(size=fringes.shape)
    >>> found = measure_spacings(fringes + noise, inside, pixel_size_nm=0.02)
    >>> len(found), found.d[0].round(3), np.deg2rad(found.angle_deg[0]).round(2)
    (1, np.float64(0.23), np.float64(0.5))
    """
    if image.shape != inside.shape:
        raise UsageError(
            f"image and particle must have one shape, got {image.shape} and {inside.shape}"
        )
    window, values = _windowed(image, inside)
    if window is None:
        return _none(pixel_size_nm, pixel_size_uncertainty)
    diameter = 2 * np.sqrt(inside.sum() / np.pi)
    side = fast_side(max(int(_FILLED * max(window.shape)), 128))
    spectrum = transform(values * window, (side, side))
    power = spectrum.real**2 + spectrum.imag**2
    reach = max(int(np.ceil(_APART * side / diameter)), 1)
    finest = _FINEST if pixel_size_nm is None else min(_FINEST, pixel_size_nm / _FINEST_NM)
    band = (_LEAST_PERIODS / diameter, finest)
    peaks = find_peaks(power, threshold=threshold, band=band, reach=reach, most=most)
    peaks = _apart(peaks, _APART / diameter)
    return _spacings(peaks, window, pixel_size_nm, pixel_size_uncertainty)


def _windowed(image: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Window of the particle in its bounding box, falling to 0 at the outline; the values there,
    their slow course taken off."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if min(len(rows), len(columns)) < _LEAST_PX:
        return None, image
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cut = np.asarray(image[box], np.float64)
    depth = ndimage.distance_transform_edt(np.pad(inside[box], 1))[1:-1, 1:-1]
    window = np.sin(0.5 * np.pi * np.minimum(depth / (_TAPER * depth.max()), 1)) ** 2
    y, x = np.mgrid[: cut.shape[0], : cut.shape[1]]
    terms = np.stack([np.ones(cut.shape), y, x, y * y, y * x, x * x], -1).reshape(-1, 6)
    terms = terms / np.abs(terms).max(axis=0)
    weight = np.sqrt(window).ravel()
    course, *_ = np.linalg.lstsq(terms * weight[:, None], cut.ravel() * weight, rcond=None)
    return window, cut - (terms @ course).reshape(cut.shape)


def _apart(peaks: Peaks, least: float) -> Peaks:
    """Leave out what lies beside a stronger peak, or beside the other one of its pair, and what is
    too faint beside the strongest."""
    kept: list[int] = []
    bright = peaks.height > _FAINTEST * peaks.height.max(initial=0)
    for n in np.flatnonzero(bright):
        own = np.array([peaks.y[n], peaks.x[n]])
        others = np.array([[peaks.y[m], peaks.x[m]] for m in kept]).reshape(-1, 2)
        if not (
            (np.linalg.norm(others - own, axis=1) < least).any()
            or (np.linalg.norm(others + own, axis=1) < least).any()
        ):
            kept.append(int(n))
    return peaks.take(np.array(kept, np.intp))


def _spacings(
    peaks: Peaks, window: np.ndarray, pixel_size_nm: float | None, uncertainty: float
) -> Spacings:
    noise = _SCALE * peaks.z + _MEDIAN
    error = _frequency_error(window) / np.sqrt(np.maximum(noise, 1e-12))
    relative = error / peaks.radius
    scale = 1.0 if pixel_size_nm is None else pixel_size_nm
    common = 0.0 if pixel_size_nm is None else uncertainty
    d = scale / peaks.radius
    return Spacings(
        d=d,
        d_error=d * np.hypot(relative, common),
        # Rows go down, angles counter-clockwise.
        angle_deg=np.rad2deg(np.arctan2(-peaks.y, peaks.x)) % 180,
        angle_error_deg=np.rad2deg(relative),
        z=np.asarray(peaks.z, float),
        unit="px" if pixel_size_nm is None else "nm",
        scale_error=common,
    )


def _frequency_error(window: np.ndarray) -> float:
    """Standard error along an axis, cycles per px, of a peak as high as the noise's mean power."""
    y, x = np.mgrid[: window.shape[0], : window.shape[1]].astype(float)
    total = window.sum()
    y -= (y * window).sum() / total
    x -= (x * window).sum() / total
    square = y * y + x * x
    above = total**2 * (window**2 * square).sum()
    below = 16 * np.pi**2 * (window**2).sum() * ((window * square).sum() / 2) ** 2
    return float(np.sqrt(above / below))


def _none(pixel_size_nm: float | None, uncertainty: float) -> Spacings:
    empty = np.zeros(0)
    unit: Literal["nm", "px"] = "px" if pixel_size_nm is None else "nm"
    scale_error = 0.0 if pixel_size_nm is None else uncertainty
    return Spacings(empty, empty, empty, empty, empty, unit, scale_error)
