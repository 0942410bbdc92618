"""How sharp a detector's image is, and how its noise is correlated: transfer functions.

Frequencies are in cycles per pixel, 0.5 being Nyquist's. All functions are 1 at frequency 0.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

_FWHM = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian, in standard deviations


@dataclass(frozen=True)
class Camera:
    """A pixel detector.

    The modulation transfer function of its physical pixels is ``(1 - floor) / (1 + (q / half) **
    power) + floor`` with ``q`` the frequency over Nyquist's: the form of Madsen et al. (Advanced
    Theory and Simulations 1, 1800037, 2018) and Ragone et al. (Computational Materials Science
    180, 109722, 2020) with ``half`` twice their c2, ``power`` c3, ``floor`` c1 and c0 = 1.

    Parameters
    ----------
    half
        Frequency over Nyquist's at which the function falls to one half.
    power
        How steeply it falls.
    floor
        What it falls to.
    binning
        A pixel of the image is the sum of ``binning``² physical pixels.
    noise_widening
        ``None``: electrons are counted, each in one pixel: the noise is white. Else the noise
        transfer function is the modulation transfer function stretched by this factor, at least
        1. Each electron takes a path of its own through a scintillator, so that noise is passed
        on to higher frequencies than the mean signal (Meyer and Kirkland, Microscopy Research
        and Technique 49, 269, 2000).
    """

    half: float
    power: float
    floor: float = 0.0
    binning: int = 1
    noise_widening: float | None = None

    def signal(self, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:  # noqa: ARG002
        """Transfer of the mean signal on the grid of ``scipy.fft.rfft2``, float32."""
        y, x = _frequencies(shape)
        curve = self._curve(np.hypot(y, x) / self.binning, 1.0)
        return _mirrored(curve * self._bin(y) * self._bin(x), shape[0])

    def noise_power(self, shape: tuple[int, int]) -> np.ndarray | None:
        """Squared transfer of the noise on the same grid, float32; ``None``: white.

        Binning folds the noise beyond the new Nyquist frequency back, so that its power is a sum
        over all frequencies of the physical pixels that look alike in the image.
        """
        if self.noise_widening is None:
            return None
        total = np.zeros((shape[0] // 2 + 1, shape[1] // 2 + 1), np.float32)
        b = self.binning
        for shift_y in range(b):
            for shift_x in range(b):
                y, x = (
                    ((f + shift + b / 2) % b) - b / 2
                    for f, shift in zip(_frequencies(shape), (shift_y, shift_x), strict=True)
                )
                curve = self._curve(np.hypot(y, x) / b, self.noise_widening)
                total += np.square(curve * self._bin(y) * self._bin(x))
        return _mirrored(total, shape[0])

    def _curve(self, frequency: np.ndarray, widening: float) -> np.ndarray:
        q = frequency * np.float32(2 / (self.half * widening))
        # Twice as fast as a power; 1e-9 stands for 0, whose logarithm is infinite.
        power = np.exp(np.float32(self.power) * np.log(np.maximum(q, np.float32(1e-9))))
        return np.float32(1 - self.floor) / (1 + power) + np.float32(self.floor)

    def _bin(self, frequency: np.ndarray) -> np.ndarray:
        """Mean over the physical pixels of one pixel."""
        return np.sinc(frequency) / np.sinc(frequency / self.binning)


@dataclass(frozen=True)
class Probe:
    """A scanned probe: a Gaussian with tails.

    Its transfer function is ``(1 - tail_share) exp(-2 π² s² k²) + tail_share exp(-2 π w k)``: the
    second term is that of a two-dimensional Lorentzian, ``w / (2 π (r² + w²)^(3/2))``, which falls
    off as slowly as the tails that lens aberrations and scattering leave.

    Parameters
    ----------
    fwhm_nm
        Full width at half maximum of the Gaussian, 2.355 s.
    tail_share
        Share of the current in the tails.
    tail_nm
        Width w of the tails, a radius that holds 29 % of their current.
    """

    fwhm_nm: float
    tail_share: float
    tail_nm: float

    def signal(self, shape: tuple[int, int], pixel_size_nm: float) -> np.ndarray:
        """Transfer of the mean signal on the grid of ``scipy.fft.rfft2``, float32."""
        y, x = _frequencies(shape)
        k = np.hypot(y, x) / np.float32(pixel_size_nm)
        sigma = self.fwhm_nm / _FWHM
        narrow = np.exp(np.float32(-2 * (np.pi * sigma) ** 2) * k * k)
        wide = np.exp(np.float32(-2 * np.pi * self.tail_nm) * k)
        both = np.float32(1 - self.tail_share) * narrow + np.float32(self.tail_share) * wide
        return _mirrored(both, shape[0])

    def noise_power(self, shape: tuple[int, int]) -> None:
        """``None``: each pixel is a measurement of its own, so its noise is white."""


def apply(image: np.ndarray, transfer: Camera | Probe, *, pixel_size_nm: float) -> np.ndarray:
    """Blur an image as a detector does.

    Parameters
    ----------
    image
        ``(y, x)`` float32; it is mirrored at the frame.
    transfer
        Of the detector.
    pixel_size_nm
        Side of a pixel.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32 with the same mean level.

    Examples
    --------
    >>> flat = np.ones((20, 30), np.float32)
    >>> bool(np.allclose(apply(flat, Camera(0.5, 2.0), pixel_size_nm=0.1), 1, atol=1e-6))
    True
    """
    ny, nx = image.shape
    pad_y, pad_x = _pad(ny), _pad(nx)
    padded = np.pad(image, (pad_y, pad_x), mode="symmetric")
    spectrum = fft.rfft2(padded)
    spectrum *= transfer.signal(padded.shape, pixel_size_nm)
    blurred = fft.irfft2(spectrum, s=padded.shape, overwrite_x=True)
    return blurred[pad_y[0] : pad_y[0] + ny, pad_x[0] : pad_x[0] + nx]


def colour(noise: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Give white noise a spectrum; ``power`` on the grid of ``scipy.fft.rfft2``."""
    spectrum = fft.rfft2(noise)
    spectrum *= np.sqrt(power)
    return fft.irfft2(spectrum, s=noise.shape, overwrite_x=True)


def mean_power(power: np.ndarray, n_columns: int) -> float:
    """Mean over the whole plane of what is given on the grid of ``scipy.fft.rfft2``."""
    weight = np.full(power.shape[1], 2.0)
    weight[0] = 1
    if n_columns % 2 == 0:
        weight[-1] = 1
    return float((power.mean(axis=0, dtype=float) * weight).sum() / weight.sum())


def _frequencies(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Those at and above 0 alone: all transfer functions are even."""
    y, x = (fft.rfftfreq(n).astype(np.float32) for n in shape)
    return y[:, np.newaxis], x[np.newaxis]


def _mirrored(half: np.ndarray, ny: int) -> np.ndarray:
    """From rows of frequencies at and above 0 to all rows."""
    row = np.arange(ny)
    return half[np.minimum(row, ny - row)]


def _pad(n: int) -> tuple[int, int]:
    """Rows before and after, to at least a sixteenth more and a length that is quick."""
    extra = fft.next_fast_len(n + max(n // 16, 16), real=True) - n
    # Mirrored rows cannot outnumber the image's own.
    extra = min(extra, 2 * n)
    return extra // 2, extra - extra // 2
