"""Outliers against the definition on the whole frame; what is no outlier stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from nanosieve.prepare import outliers
from nanosieve.prepare.outliers import remove_outliers


def by_definition(image: np.ndarray) -> np.ndarray:
    """The rule of the docstring, with full-frame filters; noise levels as estimated."""
    median = ndimage.median_filter(image, 3, mode="mirror").astype(float)
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    ranks = [ndimage.rank_filter(image, r, footprint=ring, mode="mirror") for r in (0, 1, 6, 7)]
    lowest, second, seventh, highest = (rank.astype(float) for rank in ranks)
    hot = image > median
    spread = np.where(hot, seventh - lowest, highest - second)
    deviation = np.abs(image - median)
    levels, sigmas = outliers._noise(image)
    hit = (deviation > 8 * np.interp(median, levels, sigmas)) & (deviation > 3 * spread)
    return np.where(hit, median, image).astype(np.float32)


@given(st.integers(3, 70), st.integers(3, 40), st.sampled_from([0.3, 3, 200]), st.integers(0, 99))
def test_equals_the_definition_on_the_whole_frame(ny: int, nx: int, dose: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.poisson(dose, (ny, nx)).astype(np.float32)
    for value in (5000, -400):
        image[rng.integers(0, ny, 5), rng.integers(0, nx, 5)] += value
    cleaned, n = remove_outliers(image)
    expected = by_definition(image)
    np.testing.assert_array_equal(cleaned, expected)
    assert n == np.count_nonzero(expected != image)


@pytest.mark.parametrize("value", [4000, -200])
def test_xrays_and_dead_pixels_are_all_found(value: float) -> None:
    rng = np.random.default_rng(0)
    image = rng.poisson(200, (300, 400)).astype(np.float32)
    y, x = rng.integers(2, 298, 40), rng.integers(2, 398, 40)
    image[y, x] = 200 + value
    cleaned, n = remove_outliers(image)
    assert n == len(set(zip(y, x, strict=True)))
    assert np.abs(cleaned[y, x] - 200).max() < 45


def test_pair_of_pixels_is_replaced() -> None:
    image = np.random.default_rng(0).normal(100, 2, (50, 50)).astype(np.float32)
    image[20, 20:22] = 900
    cleaned, n = remove_outliers(image)
    assert n == 2
    assert cleaned[20, 20:22].max() < 110


@pytest.mark.parametrize("diameter", [3, 4, 6])
@pytest.mark.parametrize("contrast", [-80, 80, 2000])
def test_small_particles_stay(diameter: int, contrast: float) -> None:
    image = np.random.default_rng(0).normal(100, 1, (120, 120)).astype(np.float32)
    y, x = np.mgrid[:12, :12] - (diameter % 2 == 0) * 0.5 - 5
    disc = y**2 + x**2 <= (diameter / 2) ** 2
    particles = np.tile(disc, (10, 10))
    image[particles] += contrast
    assert remove_outliers(image)[1] == 0


def test_atoms_of_a_lattice_stay() -> None:
    y, x = np.mgrid[:128, :128]
    atoms = np.zeros((128, 128))
    for cy in np.arange(3.3, 128, 5.7):
        for cx in np.arange(2.1, 128, 6.1):
            atoms += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 0.9**2))
    image = np.random.default_rng(0).poisson(1000 * (1 + atoms)).astype(np.float32)
    assert remove_outliers(image)[1] == 0


def test_limit_follows_shot_noise() -> None:
    """What is an outlier in the dark half is noise in the bright one."""
    rng = np.random.default_rng(0)
    image = rng.poisson(np.repeat([[4.0, 40000.0]], 100, axis=1).repeat(200, 0)).astype(np.float32)
    assert image.shape == (200, 200)
    assert remove_outliers(image)[1] == 0
    image[100, [20, 180]] += 400
    cleaned, n = remove_outliers(image)
    assert n == 1
    assert cleaned[100, 20] < 20


def test_nothing_to_replace_returns_the_input() -> None:
    for image in (np.zeros((2, 9), np.float32), np.full((40, 40), 3, np.float32)):
        same, n = remove_outliers(image)
        assert same is image
        assert n == 0
