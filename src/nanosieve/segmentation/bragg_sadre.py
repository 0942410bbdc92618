"""Sadre's Bragg filter, and the same without a Fourier transform.

Sadre et al., Microscopy and Microanalysis (2021), "Segmentation by Fourier Filtering", Eqs. 4 to 6.
"""

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.core.bragg import BraggSettings
from nanosieve.lattice.apertures import apertures, padded_shape, reflected
from nanosieve.lattice.peaks import Peaks, find_peaks
from nanosieve.lattice.rings import ring_medians, ring_numbers
from nanosieve.lattice.spectrum import hann, inverse, radii, smoothed, transform
from nanosieve.segmentation.bragg_scene import Scene, Strength, low_pass, otsu_level

# Standard deviation of the Gaussian over the weighted transform, in frequencies. Pairs of peaks: 24
# peaks.
_SPECTRUM, _PAIRS = 2.0, 12
# And of that over the residual: as printed, in px, which were 2.25 lattice spacings there; and in
# spacings. Of a crystal's edge one spacing is enough.
_PRINTED_PX, _SPACINGS = 5.0, {"crystal": 1.0, "amorphous": 2.25}
# Reflected on each side: three deviations of that Gaussian, at most a quarter of the image.
_MARGIN, _LARGEST = 3.0, 4
# Where the support ends, over what is usual of it: on 24 simulated crops the median strength of the
# support was 0.6 to 1.3 times that.
_SUPPORT = 1.5
# Of intensities with an exponential distribution the median is the mean times this; of the absolute
# value of a normal variable the mean is the deviation times that.
_LOG2, _MEAN_ABSOLUTE = np.log(2), np.sqrt(2 / np.pi)


def sadre(scene: Scene, settings: BraggSettings) -> Strength | None:
    """Filter the lattice out of an image, and see where it is, or where something else is.

    The weighted transform ``|q| |F{(I - 1) W}|`` under a Hann window is smoothed, its peaks get
    Gaussian apertures, and what passes them is the lattice image. For ``amorphous``, the rest
    without its sign is smoothed, which is Sadre's segmentation; for ``crystal``, the lattice image
    without its sign is.

    Parameters
    ----------
    scene
        The frame.
    settings
        ``aperture``, ``peak_threshold``, ``mask_threshold`` and ``paper`` count here.

    Returns
    -------
    Strength or None
        ``None`` where the transform has no peak. As printed the recipe goes on without one: then
        what is rough is marked, and ``peaks`` is 0.

    Notes
    -----
    In the paper lengths are in px, of images in which the lattice spacing is 2.2 px. Here they are
    in spacings, so that finer images are filtered alike. There a peak is 12.5 or more in the
    weighted transform, whose size goes with the area and the contrast of the lattice; here its
    z-score over its ring counts. There the mask begins at 0.054 in the mean-1 image, which noise
    alone exceeds in most images; here at a multiple of Otsu's threshold. For ``crystal`` that is at
    least 1.5 times what the apertures pass of the support: the mean absolute value of noise with
    the power that is usual, the median, on each ring.
    """
    # In this order, and with what is done with dropped, less than ten times the image is held.
    peaks = _search(scene.deviation, settings)
    if not len(peaks) and not settings.paper:
        return None
    crystal = settings.foreground == "crystal"
    facts: dict[str, float] = {"peaks": 2 * len(peaks)}
    sigma, blur = settings.value("aperture"), _PRINTED_PX
    if len(peaks):
        frequency = float(np.median(peaks.radius))
        facts["spacing_px"] = round(1 / frequency, 3)
        if not settings.paper:
            sigma, blur = sigma * frequency, _SPACINGS[settings.foreground] / frequency
    margin = min(int(np.ceil(_MARGIN * blur)), min(scene.deviation.shape) // _LARGEST)
    padded, inner = reflected(scene.deviation, margin)
    spectrum, size = transform(padded), padded.size
    del padded
    passed = apertures((spectrum.shape[0], spectrum.shape[1]), peaks, sigma)
    usual = _usual(spectrum, passed, size) if crystal else 0.0
    spectrum *= passed
    del passed
    values = inverse(spectrum)[inner]
    del spectrum
    if not crystal:
        values = scene.deviation - values
    values = low_pass(np.abs(values) * scene.valid, scene.valid, blur)
    times = settings.value("mask_threshold")
    if crystal:
        inside = values[scene.valid]
        level: float | None = max(_SUPPORT * usual, times * float(threshold_otsu(inside)))
    else:
        level = times if settings.paper else otsu_level(values, scene.valid, times, blur=blur)
    return Strength(values, level, settings.foreground, blur, facts)


def roughness(scene: Scene, settings: BraggSettings) -> Strength:
    """``Gaussian(|I - 1|)`` and a threshold: what is left of `sadre` without a transform.

    Crystals on a support are rougher than it, and so is contamination on a sheet: what is rough is
    the foreground, whichever that is.
    """
    blur = settings.value("blur_px")
    values = low_pass(np.abs(scene.deviation), scene.valid, blur)
    level = otsu_level(values, scene.valid, settings.value("mask_threshold"), blur=blur)
    return Strength(values, level, settings.foreground, blur)


def _search(deviation: np.ndarray, settings: BraggSettings) -> Peaks:
    """Peaks of the weighted transform."""
    shape = (deviation.shape[0], deviation.shape[1])
    weighted = np.abs(transform(deviation * hann(shape), padded_shape(shape, 0)))
    weighted *= radii((weighted.shape[0], weighted.shape[1]))
    return find_peaks(
        smoothed(weighted, _SPECTRUM),
        threshold=settings.value("peak_threshold"),
        fixed=settings.paper,
        most=_PAIRS,
    )


def _usual(spectrum: np.ndarray, passed: np.ndarray, size: int) -> float:
    """Mean absolute value of what apertures pass of noise with the median power of each ring."""
    power = spectrum.real**2
    power += spectrum.imag**2
    median, _ = ring_medians(power)
    rings = ring_numbers((power.shape[0], power.shape[1]))
    np.take(median.astype(np.float32), rings, out=power, mode="clip")
    power *= passed
    power *= passed
    # Columns but the first and the last stand for two.
    total = 2 * power.sum(dtype=np.float64) - power[:, [0, -1]].sum(dtype=np.float64)
    return float(_MEAN_ABSOLUTE * np.sqrt(total / _LOG2) / size)
