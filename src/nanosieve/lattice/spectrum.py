"""Spectra of images in which a lattice is looked for.

All are laid out as `scipy.fft.rfft2` lays out a real image of even width: ``(rows, columns / 2 +
1)``, frequency 0 first, negative frequencies along y in the second half of the rows. Frequencies
are in cycles per pixel.
"""

from functools import lru_cache

import numpy as np
from scipy import fft, ndimage

# Where the whole machine is busy with one image; many small transforms gain nothing from threads.
_THREADS_FROM = 1 << 18


def frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies of a spectrum's rows and columns, cycles per pixel.

    Parameters
    ----------
    shape
        Of the spectrum: ``(rows, columns / 2 + 1)``.

    Returns
    -------
    tuple
        ``(rows, 1)`` and ``(1, columns / 2 + 1)`` float32.

    Examples
    --------
    >>> y, x = frequencies((4, 3))
    >>> y.ravel().tolist(), x.ravel().tolist()
    ([0.0, 0.25, -0.5, -0.25], [0.0, 0.25, 0.5])
    """
    along_y = fft.fftfreq(shape[0]).astype(np.float32)
    along_x = fft.rfftfreq(2 * (shape[1] - 1)).astype(np.float32)
    return along_y[:, np.newaxis], along_x[np.newaxis]


@lru_cache(maxsize=4)
def radii(shape: tuple[int, int]) -> np.ndarray:
    """Distance of each frequency from zero, cycles per pixel; not to be written to.

    Examples
    --------
    >>> radii((8, 5))[2, 2].round(4)
    np.float32(0.3536)
    """
    radius = np.hypot(*frequencies(shape))
    radius.flags.writeable = False
    return radius


@lru_cache(maxsize=4)
def hann(shape: tuple[int, int]) -> np.ndarray:
    """``(y, x)`` float32 Hann window, above 0 everywhere; not to be written to.

    Examples
    --------
    >>> hann((3, 1)).round(3).ravel().tolist()
    [0.5, 1.0, 0.5]
    """
    along_y, along_x = (np.hanning(side + 2)[1:-1].astype(np.float32) for side in shape)
    window = np.outer(along_y, along_x)
    window.flags.writeable = False
    return window


def fast_side(side: int) -> int:
    """Smallest even side from ``side`` on of which a transform is quick.

    Examples
    --------
    >>> fast_side(257), fast_side(511)
    (270, 512)
    """
    return 2 * int(fft.next_fast_len((side + 1) // 2, real=True))


def transform(image: np.ndarray, shape: tuple[int, int] | None = None) -> np.ndarray:
    """`scipy.fft.rfft2` of an image, filled up with zeros to ``shape``; large ones by threads."""
    size = image.size if shape is None else shape[0] * shape[1]
    return fft.rfft2(image, s=shape, workers=_workers(size))


def inverse(spectrum: np.ndarray) -> np.ndarray:
    """The real image of even width that has a spectrum."""
    rows, columns = spectrum.shape[0], 2 * (spectrum.shape[1] - 1)
    return fft.irfft2(spectrum, s=(rows, columns), workers=_workers(rows * columns))


def _workers(size: int) -> int:
    return -1 if size >= _THREADS_FROM else 1


def windowed_power(
    image: np.ndarray, *, valid: np.ndarray | None = None, least_side: int = 0
) -> np.ndarray:
    """Power spectrum of an image under a Hann window, its mean taken off.

    Parameters
    ----------
    image
        ``(y, x)`` finite, any real dtype.
    valid
        ``(y, x)`` bool, the pixels that count; all by default. The others are set to the mean, and
        their hard edge lets power leak along it.
    least_side
        Fill up with zeros to at least this side, px: frequencies then lie closer together, and
        peaks are found to a smaller part of a frequency. They do not become narrower.

    Returns
    -------
    np.ndarray
        ``(rows, columns / 2 + 1)`` float32, for `nanosieve.lattice.peaks.find_peaks`; rows and
        columns are even and at least the image's. In units such that noise of variance 1 has mean
        power 1.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(100, 90))
    >>> power = windowed_power(noise)
    >>> power.shape, bool(abs(power.mean() - 1) < 0.1)
    ((100, 46), True)
    """
    values = np.asarray(image, np.float32)
    window = hann((values.shape[0], values.shape[1]))
    if valid is not None:
        window = window * valid
    weight = max(float((window.astype(np.float64) ** 2).sum()), 1e-30)
    level = float((values * window).sum(dtype=np.float64)) / max(float(window.sum()), 1e-30)
    rows, columns = (fast_side(max(side, least_side)) for side in values.shape)
    spectrum = transform((values - np.float32(level)) * window, (rows, columns))
    return (spectrum.real**2 + spectrum.imag**2) / np.float32(weight)


def smoothed(spectrum: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth a real spectrum by a Gaussian, over its edges too.

    Parameters
    ----------
    spectrum
        ``(rows, columns / 2 + 1)`` real, point-symmetric as power and amplitude are.
    sigma
        Standard deviation in frequencies, of the rows and of the columns.

    Examples
    --------
    >>> one = np.zeros((16, 9), np.float32)
    >>> one[3, 0] = one[-3, 0] = 1
    >>> smooth = smoothed(one, 1)
    >>> smooth[3].argmax(), bool(np.isclose(smooth[4, 1], smooth[2, 1]))
    (np.int64(0), True)
    """
    width = min(int(np.ceil(4 * sigma)), spectrum.shape[1] - 1)
    # Row -r of column -c is row r of column c.
    turned = np.roll(spectrum[::-1], 1, axis=0)[:, ::-1]
    last = spectrum.shape[1] - 1
    wide = np.concatenate(
        [turned[:, last - width : last], spectrum, turned[:, 1 : width + 1]], axis=1
    )
    wide = ndimage.gaussian_filter(wide, sigma, mode=("wrap", "nearest"))
    return wide[:, width : width + spectrum.shape[1]]
