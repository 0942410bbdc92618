"""Peaks of drawn lattices: where they must be, and none in noise."""

import numpy as np
import pytest

from nanosieve.lattice.peaks import find_peaks
from nanosieve.lattice.spectrum import radii, smoothed, windowed_power


def waves(shape, vectors, *, noise: float, seed: int = 0) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.random.default_rng(seed).normal(0, noise, shape)
    for at_y, at_x in vectors:
        image += np.cos(2 * np.pi * (at_y * y + at_x * x))
    return image


HEXAGON = [(0.11 * np.sin(angle), 0.11 * np.cos(angle)) for angle in np.deg2rad([10, 70, 130])]


@pytest.mark.parametrize("shape", [(256, 256), (200, 310), (127, 90)])
def test_a_hexagon_of_peaks_is_found_to_a_small_part_of_a_frequency(shape):
    found = find_peaks(windowed_power(waves(shape, HEXAGON, noise=1)), threshold=40)
    assert len(found) == 3
    wanted = {(y, x) if x > 0 else (-y, -x) for y, x in HEXAGON}
    for y, x in wanted:
        apart = np.hypot(found.y - y, found.x - x)
        assert apart.min() < 0.1 / min(shape)
    np.testing.assert_allclose(found.radius, 0.11, atol=0.1 / min(shape))
    assert (found.z > 40).all()
    assert (np.diff(found.z) <= 0).all()


@pytest.mark.parametrize("vector", [(0.0, 0.2), (0.2, 0.0), (0.0, 0.49), (0.49, 0.0)])
def test_peaks_on_the_axes_are_found_once(vector):
    found = find_peaks(windowed_power(waves((128, 128), [vector], noise=0.3)), threshold=60)
    assert len(found) == 1
    assert (found.y[0], found.x[0]) == pytest.approx(vector, abs=1e-3)


def test_beyond_half_a_cycle_there_are_none():
    corner = waves((128, 128), [(0.45, 0.4)], noise=0.3)
    assert len(find_peaks(windowed_power(corner), threshold=60, band=(0.03, 0.7))) == 0


def test_there_are_none_in_noise_at_the_thresholds_that_are_named():
    for seed in range(4):
        power = windowed_power(np.random.default_rng(seed).normal(size=(256, 256)))
        assert len(find_peaks(power, threshold=25)) == 0
        weighted = smoothed(np.sqrt(power) * radii(power.shape), 2)
        assert len(find_peaks(weighted, threshold=6.5)) == 0


def test_noise_that_falls_off_makes_none_and_hides_none():
    """Coloured by a blur of 3 px, which leaves a thousandth of the power at 0.3 cycles per px."""
    image = waves((256, 256), [], noise=1)
    spectrum = np.fft.rfft2(image) * np.exp(-2 * (np.pi * 3 * radii((256, 129))) ** 2 / 4)
    blurred = np.fft.irfft2(spectrum)
    assert len(find_peaks(windowed_power(blurred), threshold=25)) == 0
    faint = blurred + 0.02 * waves((256, 256), [(0.2, 0.15)], noise=0)
    found = find_peaks(windowed_power(faint), threshold=25)
    assert len(found) >= 1
    assert (found.y[0], found.x[0]) == pytest.approx((0.2, 0.15), abs=1e-3)


def test_grey_values_have_no_unit():
    image = waves((128, 128), HEXAGON, noise=1)
    one, other = (find_peaks(windowed_power(k * image + 40), threshold=30) for k in (1, 1e4))
    np.testing.assert_allclose(one.z, other.z, rtol=1e-3)


def test_a_fixed_threshold_counts_in_the_units_of_the_spectrum():
    power = np.ones((64, 33), np.float32)
    power[10, 12], power[20, 5] = 30, 12
    assert find_peaks(power, threshold=20, fixed=True).height.tolist() == [30]
    assert find_peaks(power, threshold=5, fixed=True).height.tolist() == [30, 12]
    assert find_peaks(power, threshold=5, fixed=True, most=1).height.tolist() == [30]


def test_bands_and_the_middle_are_left_out():
    power = np.ones((64, 33), np.float32)
    power[2, 2] = power[10, 10] = power[0, 30] = 50
    found = find_peaks(power, threshold=5)
    assert sorted(found.x) == pytest.approx([10 / 64, 30 / 64])
    assert find_peaks(power, threshold=5, band=(0.3, 0.5)).x == pytest.approx([30 / 64])
    assert len(find_peaks(power, threshold=5, band=(0.01, 0.1))) == 0


def test_of_two_peaks_within_reach_the_higher_counts():
    power = np.ones((64, 33), np.float32)
    power[10, 12], power[11, 14] = 30, 20
    assert len(find_peaks(power, threshold=5)) == 1
    assert len(find_peaks(power, threshold=5, reach=1)) == 2


def test_peaks_can_be_picked():
    found = find_peaks(windowed_power(waves((128, 128), HEXAGON, noise=1)), threshold=30)
    assert len(found.take(found.radius > 1)) == 0
    assert found.take(slice(1)).z[0] == found.z[0]
