"""How thickness becomes counts: bright-field absorption or dark-field scattering, blur, noise."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity


@dataclass(frozen=True)
class Imaging:
    """What the microscope and the detector do.

    Parameters
    ----------
    polarity
        ``dark``: bright field, particles absorb. ``bright``: HAADF, particles scatter.
    contrast
        Change at the middle of the thickest single particle as a share of the bare support: for
        dark particles below 1, for bright ones any positive number.
    model
        ``exponential`` absorption (Beer-Lambert; dark only) or ``linear`` in thickness.
    counts
        Mean counts in a pixel of bare support.
    noise
        Whether counts are drawn from a Poisson law and readout noise is added.
    readout
        Standard deviation of the readout noise in counts.
    blur_px
        Standard deviation of a Gaussian point spread in px, before the noise.

    Raises
    ------
    UsageError
        If a value is outside what it can be.
    """

    polarity: Polarity = "dark"
    contrast: float = 0.5
    model: Literal["linear", "exponential"] = "exponential"
    counts: float = 2000.0
    noise: bool = True
    readout: float = 2.0
    blur_px: float = 0.7

    def __post_init__(self) -> None:
        if self.polarity == "dark" and not 0 < self.contrast < 1:
            raise UsageError(f"contrast of dark particles lies between 0 and 1: {self.contrast}")
        if self.contrast <= 0 or self.counts <= 0 or self.readout < 0 or self.blur_px < 0:
            raise UsageError(
                "contrast and counts must be positive, readout and blur_px not negative"
            )


def expose(
    thickness: np.ndarray,
    support: np.ndarray,
    imaging: Imaging,
    *,
    thickest: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Turn projected thickness over a support into a detector image.

    Parameters
    ----------
    thickness
        ``(y, x)`` projected thickness in px.
    support
        ``(y, x)`` intensity of the bare support, mean 1. It multiplies the transmission of dark
        particles and is added to the scattering of bright ones.
    imaging
        Contrast, blur and noise.
    thickest
        Thickness in px that has the contrast of ``imaging``.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` uint16 counts.

    Examples
    --------
    >>> support = np.ones((4, 4), np.float32)
    >>> quiet = Imaging(contrast=0.5, counts=1000, noise=False, blur_px=0)
    >>> image = expose(support * 8, support, quiet, thickest=8, rng=np.random.default_rng(0))
    >>> int(image[0, 0]), image.dtype.name
    (500, 'uint16')
    """
    depth = thickness / thickest
    if imaging.polarity == "bright":
        expected = support + imaging.contrast * depth
    elif imaging.model == "exponential":
        expected = support * np.power(1 - imaging.contrast, depth)
    else:
        expected = support * np.clip(1 - imaging.contrast * depth, 0, None)
    if imaging.blur_px > 0:
        expected = ndimage.gaussian_filter(expected, imaging.blur_px)
    counts = np.clip(expected, 0, None) * imaging.counts
    if imaging.noise:
        counts = rng.poisson(counts) + rng.normal(0, imaging.readout, counts.shape)
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
