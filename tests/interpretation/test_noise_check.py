"""Particles or noise: networks that provably show the one or the other."""

import math

import numpy as np
import pytest
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.noise_check import NoiseCheck, noise_check

SHAPE = (192, 192)


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    discs = [(50, 50, 24), (60, 140, 18), (140, 60, 30), (145, 150, 14)]
    return np.any([np.hypot(y - r, x - c) < radius for r, c, radius in discs], axis=0)


@pytest.fixture(scope="module")
def image(mask: np.ndarray) -> np.ndarray:
    """A step of 3 noise standard deviations."""
    return (3 * mask + np.random.default_rng(0).normal(size=SHAPE)).astype(np.float32)


def of(function):
    """A network of one map."""
    return lambda image: function(image)[None]


def test_shares_of_the_image_itself_are_those_of_arithmetic(image, mask):
    # z = x: (3 / 2)^2 between the classes, 1 of noise, nothing else.
    (check,) = noise_check(of(lambda x: x), image, mask, draws=12)
    assert check.particle_share == pytest.approx(2.25 / 3.25, abs=0.03)
    assert check.noise_share == pytest.approx(1 / 3.25, abs=0.03)
    assert check.other_share < 0.03
    assert check.difference == pytest.approx(3, abs=0.1)
    assert check.noise_inside == pytest.approx(1, abs=0.1)
    assert check.without_noise == pytest.approx(1, abs=0.05)
    assert check.from_noise_alone == pytest.approx(0, abs=0.05)
    assert check.verdict == "particles, but much noise"  # 0.69


@pytest.mark.parametrize(
    ("shares", "without_noise", "verdict"),
    [
        ((0.75, 0.25, 0.0), 1.0, "particles"),
        ((0.74, 0.26, 0.0), 1.0, "particles, but much noise"),
        ((0.50, 0.10, 0.40), 1.0, "particles, but much other structure"),
        ((0.95, 0.01, 0.04), 0.6, "particles, but less without noise"),
        ((0.95, 0.01, 0.04), 0.4, "noise"),
        ((0.49, 0.51, 0.0), 1.0, "noise"),
        ((0.49, 0.01, 0.50), 1.0, "other structure"),
        ((0.90, 0.0, 0.10), -1.0, "noise"),
        ((0.0, 0.2, 0.8), math.nan, "other structure"),
        ((math.nan, math.nan, math.nan), math.nan, "constant"),
    ],
)
def test_words_are_graded_and_name_what_is_in_the_way(shares, without_noise, verdict):
    assert NoiseCheck(*shares, without_noise, 0.0, 1.0, 0.5, 0.5).verdict == verdict


def test_the_shares_add_up(image, mask):
    (check,) = noise_check(of(lambda x: np.tanh(x) + 0.01 * np.arange(192)), image, mask)
    total = check.particle_share + check.noise_share + check.other_share
    assert total == pytest.approx(1)


def test_an_average_shows_particles(image, mask):
    (check,) = noise_check(of(lambda x: ndimage.gaussian_filter(x, 2)), image, mask)
    assert check.score > 0.9


def test_a_high_pass_shows_noise(image, mask):
    (check,) = noise_check(of(lambda x: x - ndimage.uniform_filter(x, 3)), image, mask)
    assert check.noise_share > 0.95
    assert check.score < 0.05
    assert check.verdict == "noise"


def test_telling_particles_by_the_texture_of_the_support_is_noise_too(mask):
    # One mean everywhere; only the noise differs, as where a particle shadows the grain.
    rng = np.random.default_rng(2)
    image = (rng.normal(size=SHAPE) * np.where(mask, 0.2, 1)).astype(np.float32)
    (check,) = noise_check(
        of(lambda x: ndimage.gaussian_filter((x - ndimage.uniform_filter(x, 3)) ** 2, 4)),
        image,
        mask,
    )
    # The map does tell particles from support, but without noise there is nothing left of it.
    assert check.particle_share > 0.5
    assert check.without_noise < 0.05
    assert check.from_noise_alone == pytest.approx(1, abs=0.1)
    assert check.score < 0.05
    assert check.verdict == "noise"


def test_a_gradient_that_is_not_particles_is_other_structure(image, mask):
    ramp = np.linspace(-1, 1, 192, dtype=np.float32)[None].repeat(192, 0)
    (check,) = noise_check(of(lambda x: ramp + 0 * x), image, mask)
    assert check.other_share > 0.8
    assert check.verdict == "other structure"


def test_a_dead_map_is_called_constant(image, mask):
    (check,) = noise_check(of(lambda x: np.zeros_like(x) + 7), image, mask)
    assert check.verdict == "constant"
    assert math.isnan(check.score)


def test_maps_are_checked_apart(image, mask):
    checks = noise_check(
        lambda x: np.stack([x - ndimage.uniform_filter(x, 3), ndimage.gaussian_filter(x, 2)]),
        image,
        mask,
    )
    assert [check.verdict for check in checks] == ["noise", "particles"]


def test_coverage_and_the_scale_of_the_logit_do_not_matter(image, mask):
    few = np.zeros_like(mask)
    few[:100, :100] = mask[:100, :100]
    alone = (3 * few + image - 3 * mask).astype(np.float32)
    shares = [
        noise_check(of(function), seen, where, draws=12)[0].particle_share
        for function, seen, where in (
            (lambda x: x, image, mask), (lambda x: -100 * x, image, mask), (lambda x: x, alone, few)
        )
    ]  # fmt: skip
    assert shares[1] == pytest.approx(shares[0], rel=1e-4)
    assert shares[2] == pytest.approx(shares[0], abs=0.04)


def test_correlated_grain_of_the_support_is_noise(mask):
    grain = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=SHAPE), 1.5)
    image = (mask + grain / grain.std()).astype(np.float32)
    (check,) = noise_check(of(lambda x: ndimage.gaussian_filter(x, 1)), image, mask)
    assert check.noise_share > 0.4


def test_same_seed_same_numbers(image, mask):
    one, two = (noise_check(of(lambda x: x), image, mask, seed=5) for _ in range(2))
    assert one == two


def test_what_cannot_be_checked_is_refused(image, mask):
    with pytest.raises(UsageError, match="needs an image and a mask of one shape"):
        noise_check(of(lambda x: x), image, mask[:10])
    with pytest.raises(UsageError, match="at least 2 draws"):
        noise_check(of(lambda x: x), image, mask, draws=1)
    with pytest.raises(UsageError, match="30 pixels of particles and of support"):
        noise_check(of(lambda x: x), image, np.zeros_like(mask))
