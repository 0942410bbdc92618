"""Sytwu's Fourier filter: an annulus of the transform, set from the material's d-spacings.

Sytwu et al., Microscopy and Microanalysis (2022): of gold, 3.45 to 4.99 1/nm, which holds (111) and
(200); magnitude of the inverse, a Gaussian of 9 px, Otsu's threshold.
"""

import numpy as np

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.errors import UsageError
from nanosieve.lattice.apertures import reflected
from nanosieve.lattice.spectrum import inverse, radii, transform
from nanosieve.segmentation.bragg_scene import Scene, Strength, low_pass, otsu_level

_BLUR, _MARGIN = 9.0, 27


def sytwu(scene: Scene, settings: BraggSettings) -> Strength:
    """Pass the frequencies of a band, whatever their direction.

    Parameters
    ----------
    scene
        The frame; its pixel size must be known.
    settings
        ``band_per_nm`` or ``d_spacings_nm``, and ``mask_threshold`` count here.

    Raises
    ------
    UsageError
        If the pixel size is unknown, or so coarse that the band lies beyond what is sampled.
    """
    size = scene.pixel_size_nm
    low, high = settings.band
    if size is None:
        raise UsageError(
            "bragg form 'sytwu' passes d-spacings in nm and the pixel size is unknown; give "
            "--pixel-size, or take another form, which needs none"
        )
    if low * size >= 0.5:
        raise UsageError(
            f"bragg form 'sytwu' passes {low:.3g} to {high:.3g} 1/nm, and pixels of {size:.3g} nm "
            f"resolve {0.5 / size:.3g} 1/nm at most; give the d-spacings of another lattice with "
            "--d-spacings, or a finer image"
        )
    padded, inner = reflected(scene.deviation, _MARGIN)
    spectrum = transform(padded)
    radius = radii((spectrum.shape[0], spectrum.shape[1]))
    spectrum *= (radius >= low * size) & (radius <= high * size)
    values = low_pass(np.abs(inverse(spectrum)[inner]) * scene.valid, scene.valid, _BLUR)
    level = otsu_level(values, scene.valid, settings.value("mask_threshold"), blur=_BLUR)
    band = {"band_per_nm": [round(low, 3), round(high, 3)]}
    return Strength(values, level, "crystal", _BLUR, band)
