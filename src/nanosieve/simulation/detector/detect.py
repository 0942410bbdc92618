"""From intensity to the image that a detector writes, and what noise to expect in it.

The order of the steps makes the noise: electrons that are counted one by one after the blur give
white noise, those that are counted before it correlated noise.
"""

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.simulation.detector import transfer
from nanosieve.simulation.detector.blemishes import add_xrays, kill_pixels
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.detector.output import FORMATS
from nanosieve.simulation.detector.scan import displace_rows

_FEW = 4  # every fourth row and column tells the range of an image
_COARSE = (64, 64)


def detect(
    intensity: np.ndarray, detector: Detector, *, pixel_size_nm: float, rng: np.random.Generator
) -> np.ndarray:
    """Record an image.

    ``counting``: blur, Poisson noise. ``scintillator``: Poisson noise; blur of the mean signal by
    the modulation transfer function and of the noise by the noise transfer function; gain, read-out
    noise. ``stem``: blur by the probe, jitter and noise of rows, Poisson noise, amplifier's noise.
    Then X-rays, gain and offset, dead pixels, clipping. Binning is a part of the transfer
    functions: a sum of Poisson counts is one again, so that this is exact.

    Parameters
    ----------
    intensity
        ``(y, x)`` over that of the incident beam, at the pixels of the image, not negative. A
        drift of the specimen has been put into it (`Detector`).
    detector
        From `nanosieve.simulation.detector.settings.DetectorSettings.draw`.
    pixel_size_nm
        Side of a pixel of the image.
    rng
        The same state gives the same bits.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` in the dtype of ``detector.output.format``.

    Raises
    ------
    UsageError
        If the intensity is no image of finite values at or above 0, or the pixel size not
        positive.

    Examples
    --------
    >>> from nanosieve.simulation.detector.settings import DetectorSettings
    >>> rng = np.random.default_rng(0)
    >>> detector = DetectorSettings(model="counting", dose_e_per_A2=1000).draw(rng)
    >>> image = detect(np.ones((64, 64), np.float32), detector, pixel_size_nm=0.02, rng=rng)
    >>> image.shape, image.dtype.name
    ((64, 64), 'uint16')
    """
    _check(intensity, pixel_size_nm)
    beam = np.float32(detector.beam_e(pixel_size_nm))
    arriving = np.asarray(intensity, np.float32) * beam
    signal = _blurred(arriving, detector, pixel_size_nm)
    gain, offset = _line(signal, detector, float(beam))
    electrons = _expose(arriving, signal, detector, rng)
    add_xrays(electrons, detector.blemishes, rng)
    electrons *= np.float32(gain)
    electrons += np.float32(offset)
    limits = FORMATS[detector.output.format][1:]
    kill_pixels(electrons, detector.blemishes, limits, rng)
    return detector.output.write(electrons)


def expected(intensity: np.ndarray, detector: Detector, *, pixel_size_nm: float) -> np.ndarray:
    """Blur an intensity as the detector does, without noise.

    Parameters
    ----------
    intensity, detector, pixel_size_nm
        As for `detect`.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32 over the incident beam: what `detect` would give on average, but for
        its grey levels.

    Raises
    ------
    UsageError
        As `detect` does.
    """
    _check(intensity, pixel_size_nm)
    return _blurred(np.asarray(intensity, np.float32), detector, pixel_size_nm)


def noise_std(intensity: np.ndarray, detector: Detector, *, pixel_size_nm: float) -> np.ndarray:
    """Standard deviation of each pixel that the model predicts.

    Shot noise as transferred, read-out noise, gain pattern, noise of rows and quantisation; not
    X-rays, dead pixels, jitter of rows, clipping and JPEG.

    Parameters
    ----------
    intensity, detector, pixel_size_nm
        As for `detect`.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32 over the incident beam.

    Raises
    ------
    UsageError
        As `detect` does.

    Examples
    --------
    >>> from nanosieve.simulation.detector.settings import DetectorSettings
    >>> settings = DetectorSettings(
    ...     model="counting", dose_e_per_A2=100, counting={"efficiency": 1})
    >>> counting = settings.draw(np.random.default_rng(0))
    >>> std = noise_std(np.ones((32, 32)), counting, pixel_size_nm=0.1)
    >>> round(float(std.mean()), 3)
    0.1
    """
    _check(intensity, pixel_size_nm)
    beam = np.float32(detector.beam_e(pixel_size_nm))
    arriving = np.asarray(intensity, np.float32) * beam
    signal = _blurred(arriving, detector, pixel_size_nm)
    gain, _ = _line(signal, detector, float(beam))
    return np.sqrt(_variance_e(signal, detector) + np.float32(1 / 12 / gain**2)) / beam


def noise_spectrum(detector: Detector, shape: tuple[int, int]) -> np.ndarray:
    """How the power of shot noise is shared among frequencies.

    Parameters
    ----------
    detector
        From `nanosieve.simulation.detector.settings.DetectorSettings.draw`.
    shape
        Of the image.

    Returns
    -------
    numpy.ndarray
        ``(y, x // 2 + 1)`` float32, the grid of ``scipy.fft.rfft2``; its mean over the whole
        plane is 1.

    Examples
    --------
    >>> from nanosieve.simulation.detector.settings import DetectorSettings
    >>> camera = DetectorSettings(model="scintillator").draw(np.random.default_rng(0))
    >>> spectrum = noise_spectrum(camera, (64, 64))
    >>> bool(spectrum[0, 0] > 2), bool(spectrum[32, 32] < 0.5)
    (True, True)
    """
    power = detector.transfer.noise_power(shape)
    if power is None:
        return np.ones((shape[0], shape[1] // 2 + 1), np.float32)
    return power / np.float32(transfer.mean_power(power, shape[1]))


def _check(intensity: np.ndarray, pixel_size_nm: float) -> None:
    if intensity.ndim != 2 or not intensity.size:
        raise UsageError(f"intensity of shape {intensity.shape}: give an image (y, x)")
    if not pixel_size_nm > 0:
        raise UsageError(f"pixel size of {pixel_size_nm} nm: give a positive number")
    # NaN fails the comparison too.
    if not (float(intensity.min()) >= 0 and np.isfinite(intensity.max())):
        raise UsageError("intensity has values below 0 or not finite: clip it before detection")


def _blurred(intensity: np.ndarray, detector: Detector, pixel_size_nm: float) -> np.ndarray:
    blurred = transfer.apply(intensity, detector.transfer, pixel_size_nm=pixel_size_nm)
    # A transfer function that ends at Nyquist's frequency may undershoot beside a bright point.
    return np.maximum(blurred, 0)


def _line(signal: np.ndarray, detector: Detector, beam: float) -> tuple[float, float]:
    few = signal[::_FEW, ::_FEW]
    return detector.output.line(few, np.sqrt(_variance_e(few, detector)), beam)


def _variance_e(signal: np.ndarray, detector: Detector) -> np.ndarray:
    """Variance in electrons², before quantisation."""
    # The mean of a smooth function hardly depends on how many points it is taken from.
    power = detector.transfer.noise_power(_COARSE)
    share = 1.0 if power is None else transfer.mean_power(power, _COARSE[1])
    variance = signal * np.float32(share)
    relative = detector.pattern**2 + detector.stripes**2 + detector.line_noise**2
    if relative:
        variance += np.float32(relative) * np.square(signal)
    return variance + np.float32(detector.readout_e**2)


def _expose(
    arriving: np.ndarray, signal: np.ndarray, detector: Detector, rng: np.random.Generator
) -> np.ndarray:
    """``(y, x)`` float32 electrons, with noise."""
    ny, nx = signal.shape
    power = detector.transfer.noise_power((ny, nx))
    if detector.jitter_px:
        offsets = detector.jitter_px * rng.standard_normal((ny,))
        signal = np.maximum(displace_rows(signal, offsets), 0)
    if detector.line_noise:
        signal = signal * np.maximum(_normal((ny, 1), detector.line_noise, rng) + 1, 0)
    if power is None:
        electrons = rng.poisson(signal).astype(np.float32)
    else:
        noise = rng.poisson(arriving).astype(np.float32) - arriving
        electrons = transfer.colour(noise, power) + signal
    if detector.pattern:
        electrons *= 1 + _normal((ny, nx), detector.pattern, rng)
    if detector.stripes:
        electrons *= 1 + _normal((1, nx), detector.stripes, rng)
    if detector.readout_e:
        electrons += _normal((ny, nx), detector.readout_e, rng)
    return electrons


def _normal(shape: tuple[int, int], std: float, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(std)
