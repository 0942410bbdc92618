"""Groschner's Bragg filter, without choosing spots by eye.

Groschner et al., Microscopy and Microanalysis (2021), and their notebook: the median-filtered
logarithm of the power is taken off, the rest convolved and thresholded; each spot that is found is
inverted alone, and the intensities of these images are summed. Which spots to keep was chosen there
for each image by eye, and so were thresholds. Here all spots of a robust z-score are kept, and
thresholds are the same for all images.
"""

import numpy as np
from scipy import fft, ndimage

from nanosieve.core.bragg import BraggSettings
from nanosieve.lattice.apertures import reflected
from nanosieve.lattice.spectrum import hann
from nanosieve.segmentation import kernels
from nanosieve.segmentation.bragg_scene import Scene, Strength

# The median filter is 25 frequencies wide: 5 blocks of 5.
_BLOCK, _BLOCKS = 5, 5
# Deviation of the Gaussian that spots are sought with, and that softens them, in frequencies.
_SOFT = 1.5
_MARGIN = 15
_MOST = 24
_BAND = (0.03, 0.5)
# Lesser shares of a spot's largest intensity do not count; 0.1, 0.07 and 0.7 in the notebook.
_FAINT = 0.1
_MAD = 1.4826
_TINY = 1e-12


def groschner(scene: Scene, settings: BraggSettings) -> Strength | None:
    """Sum the intensities of the images that single spots of the spectrum make.

    Parameters
    ----------
    scene
        The frame.
    settings
        ``peak_threshold`` and ``mask_threshold`` count here.

    Returns
    -------
    Strength or None
        ``None`` where there is no spot.
    """
    padded, inner = reflected(scene.deviation, _MARGIN)
    spots = _spots(scene.deviation, padded.shape, settings.value("peak_threshold"))
    if not spots:
        return None
    spectrum = fft.fftshift(fft.fft2(padded))
    values = np.zeros(scene.deviation.shape, np.float32)
    for spot in spots:
        soft = kernels.gaussian(spot, _SOFT)
        image = fft.ifft2(spectrum * soft)[inner]
        intensity = image.real**2 + image.imag**2
        intensity -= intensity.min()
        intensity /= max(float(intensity.max()), _TINY)
        values += np.where(intensity > _FAINT, intensity, 0)
    values[~scene.valid] = 0
    area = float(np.mean([np.count_nonzero(spot) for spot in spots])) / padded.size
    return Strength(
        values,
        settings.value("mask_threshold"),
        "crystal",
        # What a Gaussian of the spots' mean area is smoothed by.
        float(1 / (2 * np.pi * np.sqrt(area / np.pi))),
        {"peaks": 2 * len(spots)},
    )


def _spots(deviation: np.ndarray, shape: tuple[int, ...], least: float) -> list[np.ndarray]:
    """One mask for each pair of spots, the clearest first; zero frequency is in the middle."""
    windowed = deviation * hann((deviation.shape[0], deviation.shape[1]))
    amplitude = np.abs(fft.fftshift(fft.fft2(windowed, s=shape)))
    score = _flattened(np.log(amplitude**2 + np.float32(_TINY)))
    rows, columns = (fft.fftshift(fft.fftfreq(side)).astype(np.float32) for side in shape)
    radius = np.hypot(rows[:, np.newaxis], columns)
    inside = (radius >= _BAND[0]) & (radius <= _BAND[1])
    score -= np.median(score[inside])
    score /= max(_MAD * float(np.median(np.abs(score[inside]))), _TINY)
    labels, n = kernels.label((score > least) & inside)
    if n == 0:
        return []
    numbers = np.arange(1, n + 1)
    weight = np.maximum(score, 0)
    middles = np.array(ndimage.center_of_mass(weight, labels, numbers)) - np.array(shape) // 2
    # One of each pair.
    half = (middles[:, 0] > 0.5) | ((np.abs(middles[:, 0]) <= 0.5) & (middles[:, 1] > 0))
    heights = ndimage.maximum(score, labels, numbers)
    order = [number for number in np.argsort(-heights, kind="stable") if half[number]]
    return [labels == number + 1 for number in order[:_MOST]]


def _flattened(logarithm: np.ndarray) -> np.ndarray:
    """Take off the median over 25 frequencies, of blocks of five; convolve."""
    coarse = kernels.shrink(logarithm, _BLOCK)
    usual = ndimage.median_filter(coarse, _BLOCKS, mode="nearest")
    rest = logarithm - kernels.enlarge(usual, logarithm.shape, _BLOCK)
    return kernels.gaussian(rest, _SOFT)
