"""`reconstruction`: holes filled by morphological reconstruction, as Horwath et al. made labels.

Horwath et al. (npj Comput. Mater. 6, 108, 2020; steps as in their published code) remove bright
maxima by a reconstruction by dilation, fill dark basins by one by erosion, and threshold what was
filled by Otsu's method. A basin that is open to the frame's edge is never
filled: a particle cut by the frame is lost entirely. `reconstruction` repairs this; the published
form is kept as `published`, for comparison.
"""

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import Field


def reconstruction(field: Field) -> np.ndarray:
    """Seeds: what a flood from the support cannot reach.

    Particles are bright in ``field``, so their domes are cut off by a reconstruction by dilation.
    The frame is first given a rim at the level of the support, so that domes at the frame's edge
    stand free too. No fixed opening follows: noise is already below the smoothing scale.
    """
    below = field.smooth[(field.smooth <= field.level) & field.valid]
    support = np.float32(np.median(below))
    image = np.pad(np.where(field.valid, field.smooth, support), 1, constant_values=support)
    residue = (image - _without_domes(image))[1:-1, 1:-1]
    return (residue > threshold_otsu(residue[field.valid])) & field.valid


def published(image: np.ndarray) -> np.ndarray:
    """Mask of dark particles by the published recipe, step by step, at its fixed scales.

    Parameters
    ----------
    image
        ``(y, x)`` grey values, dark particles.

    Returns
    -------
    ndarray
        ``(y, x)`` bool. Nothing that touches the frame's edge; nothing under 11 px across.
    """
    start = _unit(kernels.gaussian(_unit(image), 2))
    without_maxima = _without_domes(start)
    filled = -_without_domes(-without_maxima)
    residue = np.abs(filled - without_maxima)
    residue = _unit(residue + kernels.sobel(residue))
    residue = _unit(kernels.grey_opening(residue, 5))
    return residue > threshold_otsu(residue)


def _without_domes(image: np.ndarray) -> np.ndarray:
    """Reconstruction by dilation from the frame's edge: domes are cut off at their saddle."""
    seed = np.full_like(image, image.min())
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        seed[edge] = image[edge]
    return kernels.reconstruct(seed, image, "dilation")


def _unit(image: np.ndarray) -> np.ndarray:
    """The published normalisation: minus the minimum, over the maximum (not over the range)."""
    image = np.asarray(image, np.float32)
    top = float(image.max())
    return (image - image.min()) / np.float32(top if top != 0 else 1)
