"""Spectra, their rings and apertures: against numpy's own transform and figures by hand."""

import numpy as np
import pytest

from nanosieve.lattice.apertures import apertures, padded_shape, reflected
from nanosieve.lattice.peaks import Peaks
from nanosieve.lattice.rings import ring_medians, ring_numbers
from nanosieve.lattice.spectrum import (
    fast_side,
    frequencies,
    hann,
    inverse,
    radii,
    smoothed,
    transform,
    windowed_power,
)


def one_peak(y: float, x: float) -> Peaks:
    return Peaks(*(np.array([value], float) for value in (y, x, 1, 9)))


def test_frequencies_are_those_of_numpy():
    y, x = frequencies((10, 7))
    np.testing.assert_allclose(y.ravel(), np.fft.fftfreq(10))
    np.testing.assert_allclose(x.ravel(), np.fft.rfftfreq(12))
    np.testing.assert_allclose(radii((10, 7)), np.hypot(y, x))


def test_the_window_falls_to_nearly_nothing_at_all_borders():
    window = hann((40, 30))
    assert window.min() > 0
    assert max(window[0].max(), window[-1].max(), window[:, 0].max()) < 0.02
    assert window[19:21, 14:16].min() > 0.98


def test_transform_and_inverse_undo_each_other():
    image = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    np.testing.assert_allclose(inverse(transform(image)), image, atol=1e-5)
    assert transform(image, (24, 32)).shape == (24, 17)


def test_fast_sides_are_even_and_large_enough():
    for side in (1, 7, 64, 101, 509):
        assert fast_side(side) >= side
        assert fast_side(side) % 2 == 0


def test_power_of_a_wave_is_at_its_frequency():
    y, x = np.mgrid[:96, :80]
    wave = np.cos(2 * np.pi * (12 / 96 * y - 8 / 80 * x))
    power = windowed_power(wave)
    assert np.unravel_index(power.argmax(), power.shape) == (96 - 12, 8)


def test_pixels_that_do_not_count_have_no_power():
    rng = np.random.default_rng(0)
    image = rng.normal(10, 1, (64, 64))
    valid = np.ones(image.shape, bool)
    valid[20:30, 40:50] = False
    plain = windowed_power(image, valid=valid)
    spoilt = np.where(valid, image, 1e6)
    np.testing.assert_allclose(windowed_power(spoilt, valid=valid), plain, rtol=1e-4, atol=1e-6)


def test_zeros_around_an_image_make_frequencies_finer():
    noise = np.random.default_rng(0).normal(size=(50, 40))
    power = windowed_power(noise, least_side=128)
    assert power.shape == (128, 65)
    assert power.mean() == pytest.approx(1, rel=0.1)


def test_smoothing_goes_over_the_edges_of_the_half_plane():
    full = np.abs(np.fft.fft2(np.random.default_rng(1).normal(size=(24, 20))))
    near = np.fft.fftfreq(24)[:, None] * 24, np.fft.fftfreq(20)[None] * 20
    kernel = np.exp(-(near[0] ** 2 + near[1] ** 2) / 2)
    kernel /= kernel.sum()
    expected = np.fft.ifft2(np.fft.fft2(full) * np.fft.fft2(kernel)).real[:, :11]
    np.testing.assert_allclose(smoothed(full[:, :11], 1), expected, rtol=2e-3)


def test_rings_give_the_median_of_noise_and_do_not_see_spots():
    power = np.random.default_rng(2).exponential(size=(256, 129))
    power[radii(power.shape) > 0.3] *= 0.1
    power[20:24, 20:24] = 1e4
    median, deviation = ring_medians(power)
    assert len(median) == ring_numbers(power.shape).max() + 1
    np.testing.assert_allclose(median[12:55], np.log(2), rtol=0.2)
    np.testing.assert_allclose(median[110:128], 0.1 * np.log(2), rtol=0.2)
    # Of an exponential distribution the median absolute deviation is 0.4812.
    np.testing.assert_allclose(deviation[12:55], 1.4826 * 0.4812, rtol=0.25)


def test_spots_that_fill_a_ring_do_not_hide_it():
    noise = np.random.default_rng(3).exponential(size=(256, 129))
    spotted = noise.copy()
    spotted[np.abs(radii(noise.shape) * 256 - 28) < 3] = 500
    assert ring_medians(spotted)[0][28] < 2 * ring_medians(noise)[0][28]


def test_apertures_are_gaussians_on_both_peaks_of_a_pair():
    shape, sigma = (64, 33), 0.02
    y, x = frequencies(shape)
    expected = np.zeros(shape)
    for sign in (1, -1):
        for turn_y in (-1, 0, 1):
            for turn_x in (-1, 0, 1):
                away = (y - sign * 0.13 + turn_y) ** 2 + (x - sign * 0.015 + turn_x) ** 2
                expected += np.exp(-away / (2 * sigma**2))
    np.testing.assert_allclose(apertures(shape, one_peak(0.13, 0.015), sigma), expected, atol=1e-4)


def test_what_two_apertures_pass_is_not_passed_twice():
    two = Peaks(*(np.array([a, b], float) for a, b in ((0.2, 0.21), (0.1, 0.1), (1, 1), (9, 9))))
    assert apertures((64, 33), two, 0.05).max() == 1


@pytest.mark.parametrize("margin", [0, 5, 30])
def test_padding_is_by_reflection_and_keeps_the_image(margin):
    image = np.random.default_rng(0).normal(size=(31, 44))
    padded, inner = reflected(image, margin)
    assert padded.shape == padded_shape(image.shape, margin)
    np.testing.assert_array_equal(padded[inner], image)
    if margin:
        np.testing.assert_array_equal(padded[inner[0].start - 1, inner[1]], image[1])
        np.testing.assert_array_equal(padded[inner[0].stop, inner[1]], image[-2])
