"""Gaussian apertures on the peaks of a spectrum, and the image padded so that they do no harm."""

import numpy as np

from nanosieve.lattice.peaks import Peaks
from nanosieve.lattice.spectrum import fast_side, frequencies

# Standard deviations at which an aperture ends: exp(-4.5**2 / 2) is 4e-5.
_WIDTHS = 4.5


def apertures(shape: tuple[int, int], peaks: Peaks, sigma: float) -> np.ndarray:
    """Sum of Gaussians on peaks and on their partners at ``-q``, at most 1.

    Parameters
    ----------
    shape
        Of the spectrum: ``(rows, columns / 2 + 1)``.
    peaks
        Where.
    sigma
        Standard deviation, cycles per px.

    Returns
    -------
    np.ndarray
        ``(rows, columns / 2 + 1)`` float32. Eq. 5 of Sadre et al., Microscopy and Microanalysis
        (2021), with overlapping apertures kept from passing a frequency more than once.

    Examples
    --------
    >>> one = Peaks(*(np.array([value]) for value in (0.25, 0.0, 1.0, 9.0)))
    >>> apertures((8, 5), one, 0.01)[:, 0].round(2).tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    along_y, along_x = (values.ravel() for values in frequencies(shape))
    passed = np.zeros(shape, np.float32)
    for sign in (1, -1):
        for y, x in zip(sign * peaks.y, sign * peaks.x, strict=True):
            rows, of_rows = _gaussian(along_y, y, sigma)
            columns, of_columns = _gaussian(along_x, x, sigma)
            passed[np.ix_(rows, columns)] += np.outer(of_rows, of_columns)
    return np.minimum(passed, 1, out=passed)


def _gaussian(along: np.ndarray, middle: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Where along an axis a Gaussian is not 0, and its values there; frequencies repeat after 1."""
    away = along - np.float32(middle)
    away -= np.rint(away)
    near = np.flatnonzero(np.abs(away) <= _WIDTHS * sigma)
    return near, np.exp(-((away[near] / np.float32(sigma)) ** 2) / 2)


def padded_shape(shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Shape that `reflected` gives an image.

    Examples
    --------
    >>> padded_shape((3, 5), 2)
    (8, 10)
    """
    return fast_side(shape[0] + 2 * margin), fast_side(shape[1] + 2 * margin)


def reflected(image: np.ndarray, margin: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Continue an image by reflection, by ``margin`` px at least, to sides of a quick transform.

    Returns
    -------
    padded
        ``(rows, columns)``, both even.
    inner
        Where the image is in it.

    Examples
    --------
    >>> padded, inner = reflected(np.arange(5.0)[np.newaxis].repeat(3, axis=0), 2)
    >>> padded.shape, padded[0].tolist()
    ((8, 10), [2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0])
    >>> padded[inner].shape
    (3, 5)
    """
    whole = padded_shape((image.shape[0], image.shape[1]), margin)
    beyond = [(margin, wide - side - margin) for wide, side in zip(whole, image.shape, strict=True)]
    rows, columns = (slice(margin, margin + side) for side in image.shape)
    return np.pad(image, beyond, mode="reflect"), (rows, columns)
