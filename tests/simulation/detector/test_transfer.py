"""Transfer functions measured in images against their formulas, written out again."""

import numpy as np
import pytest
from scipy.special import erf

from nanosieve.simulation.detector.transfer import Camera, Probe, apply, colour, mean_power


def _curve(k, half, power, floor=0.0):
    return (1 - floor) / (1 + (2 * k / half) ** power) + floor


def _edge_response(camera, *, blur, slope):
    """Modulation transfer from a slanted edge: distances, edge spread, line spread, spectrum."""
    y, x = np.mgrid[:256, :256].astype(np.float32)
    distance = (x - 128 - slope * (y - 128)) / np.hypot(1, slope)
    image = apply(
        (0.5 + 0.5 * erf(distance / blur / np.sqrt(2))).astype(np.float32),
        camera,
        pixel_size_nm=1,
    )
    inner = np.s_[32:-32, 64:-64]
    bins = np.floor(4 * distance[inner]).astype(int).ravel() + 4 * 48
    inside = (bins >= 0) & (bins < 8 * 48)
    spread = np.bincount(bins[inside], image[inner].ravel()[inside]) / np.bincount(bins[inside])
    line = np.diff(spread)
    k = np.fft.rfftfreq(len(line), 0.25)
    return k, np.abs(np.fft.rfft(line)) / line.sum()


def test_the_edge_of_a_knife_gives_the_modulation_transfer_function():
    camera = Camera(half=0.5, power=2.0)
    k, measured = _edge_response(camera, blur=0.7, slope=0.12)
    for at in (0.05, 0.1, 0.2, 0.3):
        own_blur = np.exp(-2 * (np.pi * 0.7 * at) ** 2)
        here = np.interp(at, k, measured) / own_blur
        assert here == pytest.approx(_curve(at, 0.5, 2.0), abs=0.02)


def test_half_is_where_it_falls_to_one_half_of_what_it_falls_by():
    grid = Camera(half=0.5, power=2.7, floor=0.1).signal((64, 64), 1)
    assert grid[0, 0] == 1
    assert grid[0, 16] == pytest.approx(0.55, abs=1e-6)
    assert grid[-16, 0] == grid[16, 0] == grid[0, 16]


def test_binning_is_the_mean_of_physical_pixels():
    rng = np.random.default_rng(0)
    coarse = rng.normal(size=(32, 32))
    # The same band-limited image on physical pixels, by padding its spectrum with zeros.
    spectrum = np.zeros((64, 64), complex)
    inner = np.fft.fftshift(np.fft.fft2(coarse))
    inner[0] = inner[:, 0] = 0
    spectrum[16:48, 16:48] = inner
    # The middle of a binned pixel lies half a physical pixel further on.
    f = np.fft.fftshift(np.fft.fftfreq(64))
    centred = spectrum * np.exp(-1j * np.pi * (f[:, None] + f[None]))
    fine = np.fft.ifft2(np.fft.ifftshift(centred)).real * 4
    curve = _curve(np.fft.ifftshift(np.hypot(f[:, None], f[None])), 0.6, 2.0)
    blurred = np.fft.ifft2(np.fft.fft2(fine) * curve).real
    summed = blurred.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    grid = Camera(half=0.6, power=2.0, binning=2).signal((32, 32), 1)
    limited = np.fft.ifft2(np.fft.ifftshift(inner)).real
    assert np.allclose(np.fft.irfft2(np.fft.rfft2(limited) * grid, s=(32, 32)), summed, atol=1e-5)


def test_binned_noise_is_that_of_physical_pixels_summed():
    rng = np.random.default_rng(1)
    fine = Camera(half=0.4, power=1.8, noise_widening=1.3)
    binned = Camera(half=0.4, power=1.8, noise_widening=1.3, binning=2)
    power = 0.0
    for _ in range(6):
        noise = colour(rng.normal(size=(256, 256)), fine.noise_power((256, 256)))
        summed = noise.reshape(128, 2, 128, 2).sum(axis=(1, 3)) / 2
        power = power + np.abs(np.fft.rfft2(summed)) ** 2 / summed.size / 6
    model = binned.noise_power((128, 128))
    ring = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)[None])
    for low in (0.05, 0.2, 0.35, 0.5):
        here = (ring >= low) & (ring < low + 0.1)
        assert power[here].mean() == pytest.approx(model[here].mean(), rel=0.06)


@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (5, 8)])
def test_the_mean_over_the_plane_counts_each_frequency_once(shape):
    whole = np.random.default_rng(2).random(shape)
    power = np.abs(np.fft.fft2(whole)) ** 2
    half = power[:, : shape[1] // 2 + 1]
    assert mean_power(half, shape[1]) == pytest.approx(power.mean())


def test_a_probe_is_as_wide_as_stated():
    point = np.zeros((101, 101), np.float32)
    point[50, 50] = 1
    spot = apply(point, Probe(fwhm_nm=0.8, tail_share=0.0, tail_nm=0.0), pixel_size_nm=0.1)
    x = np.arange(-50, 51) * 0.1
    reference = np.exp(-4 * np.log(2) * (x[:, None] ** 2 + x[None] ** 2) / 0.8**2)
    assert np.allclose(spot, reference / reference.sum(), atol=1e-6)


def test_its_tails_hold_their_share():
    point = np.zeros((401, 401), np.float32)
    point[200, 200] = 1
    spot = apply(point, Probe(fwhm_nm=0.5, tail_share=0.4, tail_nm=1.0), pixel_size_nm=0.1)
    r = np.hypot(*(np.mgrid[:401, :401] - 200.0)) * 0.1
    # Of the tails 1 / sqrt(1 + (r / w)²) lies beyond r; of the Gaussian nothing.
    assert spot[r < 3].sum() == pytest.approx(1 - 0.4 / np.sqrt(10), abs=0.01)


def test_images_smaller_than_the_margin_are_blurred_too():
    small = apply(np.ones((3, 5), np.float32), Camera(0.3, 2.0), pixel_size_nm=1)
    assert small.shape == (3, 5)
    assert np.allclose(small, 1, atol=1e-6)
