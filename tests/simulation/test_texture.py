"""Texture of white noise, whose variance over squares is known, and of a support with holes."""

import numpy as np
import pytest

from nanosieve.simulation.texture import Texture

NOISE = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)


def _mean_variance(texture, side):
    places = [(y, x) for y in range(40, 300, 40) for x in range(40, 300, 40)]
    return np.mean([texture.variance(place, area=side**2) for place in places])


@pytest.mark.parametrize("side", [3, 6, 12])
def test_white_noise_varies_as_one_over_the_area(side):
    # Of means over n pixels, less those over 9 n that hold them.
    expected = (1 - 1 / 9) / side**2
    assert _mean_variance(Texture(NOISE), side) == pytest.approx(expected, rel=0.15)


def test_what_is_no_support_does_not_count():
    support = np.ones(NOISE.shape, bool)
    support[:, 150:] = False
    values = NOISE + 100 * ~support
    alone, beside = Texture(NOISE), Texture(values, support)
    for place in ((150, 60), (150, 140), (150, 250)):
        found = beside.variance(place, area=9)
        assert found == pytest.approx(alone.variance((150, 60), area=9), rel=0.5)


def test_texture_is_that_of_the_neighbourhood():
    half = NOISE * (np.arange(300) < 150)
    texture = Texture(half)
    assert texture.variance((150, 250), area=9) == 0
    assert texture.variance((150, 60), area=9) > 0.05


def test_nothing_is_known_without_support():
    assert Texture(NOISE, np.zeros(NOISE.shape, bool)).variance((10, 10), area=25) == 0


def test_a_particle_as_large_as_the_image_has_a_scale_too():
    assert np.isfinite(Texture(NOISE).variance((150, 150), area=300.0**2))
