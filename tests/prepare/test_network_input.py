"""What a network sees: hand-computed grey values, and a scale that coverage does not change."""

import numpy as np
import pytest
from pydantic import ValidationError

from nanosieve.core.errors import UsageError
from nanosieve.prepare.network_input import InputSpec, network_input, support_statistics

SUPPORT = InputSpec(normalisation="support", polarity="dark")


def scene(coverage: float, *, seed: int = 0, noise: float = 4.0) -> np.ndarray:
    """Support at 100, a block of particle at 60 over ``coverage`` of the rows, noise."""
    image = np.full((128, 128), 100.0)
    image[: int(128 * coverage)] = 60
    return image + np.random.default_rng(seed).normal(0, noise, image.shape)


def test_standardised_by_hand() -> None:
    image = np.array([[1, 3], [1, 3]], np.uint16)
    result = network_input(image, InputSpec(), polarity="dark")
    np.testing.assert_array_equal(result, [[-1, 1], [-1, 1]])
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    assert image.dtype == np.uint16


@pytest.mark.parametrize("own", ["dark", "bright"])
@pytest.mark.parametrize("wanted", ["dark", "bright", "any"])
@pytest.mark.parametrize("normalisation", ["standardise", "support"])
def test_grey_values_turn_only_where_the_network_wants_the_other(
    own: str, wanted: str, normalisation: str
) -> None:
    image = scene(0.3)
    spec = InputSpec(normalisation=normalisation, polarity=wanted)
    result = network_input(image, spec, polarity=own)
    turned = wanted not in ("any", own)
    assert (result[:30].mean() > result[60:].mean()) == turned


def test_turning_round_undoes_a_negative() -> None:
    image = scene(0.3)
    for spec in (InputSpec(), SUPPORT):
        negative = network_input(300 - image, spec, polarity="bright")
        np.testing.assert_allclose(negative, network_input(image, spec, polarity="dark"), atol=2e-3)


def test_maximum_keeps_images_comparable_and_in_range() -> None:
    spec = InputSpec(normalisation="maximum", maximum=200, polarity="dark")
    image = np.array([[50, 200]], np.uint8)
    np.testing.assert_array_equal(network_input(image, spec, polarity="dark"), [[0.25, 1]])
    np.testing.assert_array_equal(network_input(image, spec, polarity="bright"), [[0.75, 0]])


@pytest.mark.parametrize("coverage", [0.0, 0.05, 0.3, 0.6, 0.8])
@pytest.mark.parametrize("own", ["dark", "bright"])
def test_support_keeps_its_scale_at_any_coverage(coverage: float, own: str) -> None:
    image = scene(coverage)
    if own == "bright":
        image = 200 - image
    result = network_input(image, SUPPORT, polarity=own)
    support, particle = result[int(128 * coverage) :], result[: int(128 * coverage)]
    assert abs(np.median(support)) < 0.35
    assert support.std() == pytest.approx(1, rel=0.2)
    if particle.size:
        # The particles lie 40 grey values below, which is 10 times the noise.
        assert np.median(particle) == pytest.approx(-10, rel=0.2)


def test_support_is_found_among_few_counts() -> None:
    counts = np.random.default_rng(1).poisson(6, (256, 256))
    counts[:128] = np.random.default_rng(2).poisson(1, (128, 256))
    level, spread = support_statistics(counts, "dark")
    # Poisson counts of mean 6 are most often 5 or 6.
    assert 4.5 <= level <= 6.5
    assert spread == pytest.approx(np.sqrt(6), rel=0.35)


def test_no_noise_stays_within_bounds() -> None:
    result = network_input(scene(0.3, noise=0), SUPPORT, polarity="dark")
    assert np.abs(result).max() <= 51
    assert result[-1, 0] - result[0, 0] > 1
    one_pixel = np.full((64, 64), 7.0)
    one_pixel[0, 0] = 1e6
    assert np.isfinite(network_input(one_pixel, SUPPORT, polarity="dark")).all()


@pytest.mark.parametrize("normalisation", ["standardise", "support"])
def test_a_constant_is_zero(normalisation: str) -> None:
    spec = InputSpec(normalisation=normalisation)
    assert not network_input(np.full((8, 9), 41, np.int16), spec, polarity="dark").any()


@pytest.mark.parametrize("spec", [InputSpec(), SUPPORT])
def test_what_is_not_valid_takes_no_part(spec: InputSpec) -> None:
    image = scene(0.3)
    caption = np.zeros(image.shape, bool)
    caption[120:] = True
    written = np.where(caption, 1e4, image)
    result = network_input(written, spec, polarity="dark", valid=~caption)
    black = network_input(np.where(caption, 0, image), spec, polarity="dark", valid=~caption)
    np.testing.assert_array_equal(result, black)
    assert np.abs(result[caption]).max() < 1
    inside = result[~caption]
    if spec.normalisation == "standardise":
        assert inside.mean() == pytest.approx(0, abs=1e-4)
        assert inside.std() == pytest.approx(1, abs=1e-4)
    everything = network_input(image, spec, polarity="dark", valid=np.ones(image.shape, bool))
    np.testing.assert_array_equal(everything, network_input(image, spec, polarity="dark"))


@pytest.mark.parametrize("own", ["dark", "bright"])
def test_flat_field_takes_out_a_tilt(own: str) -> None:
    tilt = np.linspace(0.7, 1.3, 128)[:, None]
    image = np.full((128, 128), 100.0)
    image[40:60, 40:60] = 50 if own == "dark" else 150
    # Illumination multiplies in bright field; dark field keeps a slope of its own to subtract.
    uneven = image * tilt if own == "dark" else image + 100 * tilt
    spec = InputSpec(flat_field=True, polarity="any")
    result = network_input(uneven, spec, polarity=own)
    np.testing.assert_allclose(
        result, network_input(image, InputSpec(polarity="any"), polarity=own), atol=0.1
    )


def test_shapes_must_fit() -> None:
    with pytest.raises(UsageError, match=r"mask of its shape, got \(2, 2\) and \(2, 3\)"):
        network_input(np.ones((2, 2)), InputSpec(), polarity="dark", valid=np.ones((2, 3), bool))
    with pytest.raises(UsageError, match=r"takes a \(y, x\) image"):
        network_input(np.ones((1, 2, 2)), InputSpec(), polarity="dark")


@pytest.mark.parametrize("settings", [{"normalisation": "maximum"}, {"maximum": 200.0}])
def test_maximum_goes_with_its_normalisation(settings: dict) -> None:
    with pytest.raises(ValidationError, match="give it with normalisation = 'maximum'"):
        InputSpec(**settings)
