"""From the wave behind the specimen to the intensity in the image plane.

What is approximate: convergence acts as an envelope on the wave, which is exact for weak
scattering only and takes a little intensity from strong scatterers. Focal spread is an envelope
too, or, exactly for any object, a sum over images. Image movement acts on the intensity, as it does
in the microscope.
"""

from dataclasses import replace

import numpy as np
from scipy import fft

from nanosieve.simulation.wave.optics import Optics, OpticsSettings, wavelength_nm

__all__ = ["Optics", "OpticsSettings", "aberration_phase", "image", "resample", "transfer_function"]

Sampling = float | tuple[float, float]

# The focal spread is followed up to so many standard deviations.
_TAIL = 3.5
# Beams that are weaker than this share cannot be seen.
_FAINT = 1e-3


def _both(sampling_nm: Sampling) -> tuple[float, float]:
    return sampling_nm if isinstance(sampling_nm, tuple) else (sampling_nm, sampling_nm)


def frequencies(shape: tuple[int, int], sampling_nm: Sampling) -> tuple[np.ndarray, np.ndarray]:
    """Spatial frequencies of a discrete Fourier transform.

    Returns
    -------
    ky, kx
        ``(y, 1)`` and ``(1, x)`` float64 in 1/nm; ky grows downwards, as rows do.
    """
    dy, dx = _both(sampling_nm)
    return fft.fftfreq(shape[0], dy)[:, None], fft.fftfreq(shape[1], dx)[None]


def aberration_phase(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    r"""Phase chi that the lens adds; the wave is multiplied by ``exp(-i chi)``.

    With the angle theta = wavelength times k and its direction phi, counter-clockwise from +x,
    chi = 2 pi / wavelength times (theta^2 / 2 (C10 + C12 cos 2(phi - phi12)) +
    theta^3 / 3 (C21 cos(phi - phi21) + C23 cos 3(phi - phi23)) + theta^4 / 4 C30),
    C10 = -defocus. Source: Krivanek, Dellby and Lupini, Ultramicroscopy 78 (1999) 1.

    Parameters
    ----------
    ky, kx
        Frequencies in 1/nm, ky growing downwards; any shapes that go together.

    Returns
    -------
    numpy.ndarray
        In rad.

    Examples
    --------
    Underfocus alone turns the phase the other way than overfocus:

    >>> aberration_phase(np.array(0.0), np.array(5.0), Optics(300, defocus_nm=10)).round(3)
    np.float64(-1.546)
    """
    wavelength = wavelength_nm(optics.energy_kv)
    # Powers of theta exp(i phi) hold the directions; rows grow downwards, phi upwards.
    y, x = -wavelength * ky, wavelength * kx
    squared = x * x + y * y
    radians = np.radians([optics.astigmatism_deg, optics.coma_deg, optics.trefoil_deg])
    two, one, three = radians * (2, 1, 3)
    path = squared * (0.25 * optics.cs_mm * 1e6 * squared - 0.5 * optics.defocus_nm)
    if optics.astigmatism_nm:
        along = (x * x - y * y) * np.cos(two) + 2 * x * y * np.sin(two)
        path = path + 0.5 * optics.astigmatism_nm * along
    if optics.coma_nm:
        along = squared * (x * np.cos(one) + y * np.sin(one))
        path = path + optics.coma_nm / 3 * along
    if optics.trefoil_nm:
        cosine, sine = x * (x * x - 3 * y * y), y * (3 * x * x - y * y)
        path = path + optics.trefoil_nm / 3 * (cosine * np.cos(three) + sine * np.sin(three))
    return 2 * np.pi / wavelength * path


def _path_gradient(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    """Gradient over the angle of the path difference chi wavelength / 2 pi, as x + i y in nm."""
    wavelength = wavelength_nm(optics.energy_kv)
    angle = wavelength * (kx - 1j * ky)
    mirrored = angle.conj()
    turns = np.radians([2 * optics.astigmatism_deg, optics.coma_deg, 3 * optics.trefoil_deg])
    two, one, three = np.exp(1j * turns)
    squared = (angle * mirrored).real
    gradient = angle * (optics.cs_mm * 1e6 * squared - optics.defocus_nm)
    if optics.astigmatism_nm:
        gradient += optics.astigmatism_nm * two * mirrored
    if optics.coma_nm:
        gradient += optics.coma_nm / 3 * (2 * one * squared + one.conj() * angle**2)
    if optics.trefoil_nm:
        gradient += optics.trefoil_nm * three * mirrored**2
    return gradient


def _convergence_envelope(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    """``exp(-(alpha / 2)^2 |grad chi|^2)``, the gradient taken over the angle.

    Exact for a Gaussian source that falls to 1/e at alpha; Frank, Optik 38 (1973) 519.
    """
    gradient = _path_gradient(ky, kx, optics)
    factor = (np.pi * optics.convergence_mrad / 1000 / wavelength_nm(optics.energy_kv)) ** 2
    return np.exp(-factor * (gradient.real**2 + gradient.imag**2))


def _focal_envelope(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    squared = ky * ky + kx * kx
    phase = np.pi * wavelength_nm(optics.energy_kv) * optics.focal_spread_nm * squared
    return np.exp(-0.5 * phase**2)


def _aperture(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    angle = 1000 * wavelength_nm(optics.energy_kv) * np.hypot(ky, kx)
    return angle <= optics.aperture_mrad


def transfer_function(ky: np.ndarray, kx: np.ndarray, optics: Optics) -> np.ndarray:
    """Complex factor on the wave's spectrum: aberrations, both envelopes and the aperture.

    Where it is even in k, the image of a weak phase object of spectrum phi has the spectrum
    ``-2 Im(factor) phi``: without losses, ``2 sin(chi) phi``.

    Parameters
    ----------
    ky, kx
        Frequencies in 1/nm, ky growing downwards; they broadcast.

    Returns
    -------
    numpy.ndarray
        complex128.
    """
    factor = np.exp(-1j * aberration_phase(ky, kx, optics))
    if optics.focal_spread_nm:
        factor *= _focal_envelope(ky, kx, optics)
    if optics.convergence_mrad:
        factor *= _convergence_envelope(ky, kx, optics)
    if optics.aperture_mrad is not None:
        factor *= _aperture(ky, kx, optics)
    return factor


def _foci(spread_nm: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Deviations from the defocus in nm and their weights; ``highest`` in rad for each nm.

    A sum over even steps repeats itself: two beams whose phases differ by a whole turn from step to
    step interfere as if there were no spread. The steps are so small that no beam is as high.
    """
    step = 2 * np.pi / (spread_nm * highest + _TAIL)
    deviations = np.linspace(-_TAIL, _TAIL, int(np.ceil(2 * _TAIL / step)) + 1)
    weights = np.exp(-(deviations**2) / 2)
    return spread_nm * deviations, weights / weights.sum()


def image(
    wave: np.ndarray, sampling_nm: Sampling, optics: Optics, *, sum_foci: bool = False
) -> np.ndarray:
    """Intensity in the image plane of a wave that left the specimen.

    Parameters
    ----------
    wave
        Complex ``(y, x)``, periodic, the incident amplitude 1; or ``(k, y, x)``, waves whose
        intensities are averaged (frozen phonons).
    sampling_nm
        Of its rows and columns, or of both.
    optics
        Of this image.
    sum_foci
        Whether the focal spread is summed over five to ten images rather than an envelope.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, vacuum 1, sampled as the wave.

    Examples
    --------
    Nothing in the beam leaves the image even, whatever the lens:

    >>> vacuum = np.ones((8, 8), np.complex64)
    >>> bool(np.allclose(image(vacuum, 0.02, Optics(300, defocus_nm=50, cs_mm=1)), 1))
    True
    """
    waves = wave.astype(np.complex64).reshape(-1, *wave.shape[-2:])
    ky, kx = frequencies(waves.shape[1:], sampling_nm)
    summed = sum_foci and optics.focal_spread_nm > 0
    lens = replace(optics, focal_spread_nm=0.0) if summed else optics
    factor = transfer_function(ky, kx, lens)
    spectra = fft.fft2(waves, overwrite_x=True)
    spectra *= factor.astype(np.complex64)
    if summed:
        per_nm = np.pi * wavelength_nm(optics.energy_kv) * (ky * ky + kx * kx)
        highest = float(per_nm.max(where=np.abs(factor) > _FAINT, initial=0))
        foci = _foci(optics.focal_spread_nm, highest)
        intensity = _summed_foci(spectra, per_nm.astype(np.float32), *foci)
    else:
        intensity = _mean_intensity(spectra)
    return _moved_and_weakened(intensity, ky, kx, optics)


def _mean_intensity(spectra: np.ndarray) -> np.ndarray:
    planes = fft.ifft2(spectra)
    return np.mean(planes.real**2 + planes.imag**2, axis=0)


def _summed_foci(
    spectra: np.ndarray, per_nm: np.ndarray, deviations_nm: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean intensity over the focal spread; ``per_nm`` is the phase of 1 nm of underfocus."""
    intensity = np.zeros(per_nm.shape, np.float32)
    for deviation, weight in zip(deviations_nm, weights, strict=True):
        turned = np.empty(per_nm.shape, np.complex64)
        # Far faster than numpy's complex exponential.
        np.cos(np.float32(deviation) * per_nm, out=turned.real)
        np.sin(np.float32(deviation) * per_nm, out=turned.imag)
        intensity += np.float32(weight) * _mean_intensity(spectra * turned)
    return intensity


def _moved_and_weakened(
    intensity: np.ndarray, ky: np.ndarray, kx: np.ndarray, optics: Optics
) -> np.ndarray:
    """Image spread and contrast reduction."""
    if optics.image_spread_nm:
        half = kx[:, : intensity.shape[1] // 2 + 1]
        damping = np.exp(-2 * (np.pi * optics.image_spread_nm) ** 2 * (ky * ky + half * half))
        spectrum = fft.rfft2(intensity) * damping.astype(np.float32)
        intensity = fft.irfft2(spectrum, s=intensity.shape)
    mean = intensity.mean(dtype=np.float64)
    weakened = mean + np.float32(optics.contrast) * (intensity - np.float32(mean))
    return np.asarray(weakened, dtype=np.float32)


def _sampled(values: np.ndarray, points: int, step: float, start: float) -> np.ndarray:
    """Evaluate each row's Fourier series at even steps, all in samples, up to their Nyquist."""
    # Here, for it takes as long to load as all the rest and contrast images do without.
    from scipy.signal import CZT

    length = values.shape[-1]
    kept = min((length - 1) // 2, int(np.floor(length / (2 * step)))) + 1
    series = fft.rfft(values, axis=-1)[..., :kept] * (2 / length)
    series[..., 0] *= 0.5
    turn = 2j * np.pi / length
    evaluate = CZT(kept, points, w=np.exp(turn * step), a=np.exp(-turn * start))
    return evaluate(series).real


def resample(
    intensity: np.ndarray,
    sampling_nm: Sampling,
    pixel_size_nm: float,
    shape: tuple[int, int],
    *,
    start_nm: Sampling = 0.0,
) -> np.ndarray:
    """Sample a periodic image at the camera's pixels, its spectrum cut at their Nyquist.

    Parameters
    ----------
    intensity
        Real ``(y, x)``, periodic; the first sample lies at (0, 0).
    sampling_nm
        Of its rows and columns, or of both.
    pixel_size_nm, shape
        Of the camera's image.
    start_nm
        Where the centre of its first pixel lies; so the margin of a wider cell is cropped.

    Returns
    -------
    numpy.ndarray
        ``shape``, float32.

    Raises
    ------
    ValueError
        If the camera's field is larger than the image.

    Examples
    --------
    A wave stays the same wave on another grid:

    >>> coarse = np.cos(2 * np.pi * np.arange(8) / 8)[None].repeat(8, 0)
    >>> fine = resample(coarse, 0.2, 0.1, (4, 16))
    >>> bool(np.allclose(fine[0], np.cos(2 * np.pi * np.arange(16) / 16), atol=1e-6))
    True
    """
    for axis, sampling in enumerate(_both(sampling_nm)):
        if shape[axis] * pixel_size_nm > intensity.shape[axis] * sampling * (1 + 1e-9):
            raise ValueError(
                f"{shape[axis]} pixels of {pixel_size_nm:.4g} nm do not fit in "
                f"{intensity.shape[axis] * sampling:.4g} nm: make the cell wider"
            )
    out = np.asarray(intensity, dtype=np.float32)
    for axis, (sampling, start) in enumerate(zip(_both(sampling_nm), _both(start_nm), strict=True)):
        rows = np.moveaxis(out, axis, -1)
        out = _sampled(rows, shape[axis], pixel_size_nm / sampling, start / sampling)
        out = np.moveaxis(out, -1, axis)
    return np.ascontiguousarray(out, dtype=np.float32)
