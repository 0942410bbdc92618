"""The Bézier surface is recovered from drawn illumination, whatever lies on the support."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import comb

from nanosieve.core.errors import UsageError
from nanosieve.prepare.flat_field import Background, fit_background, flatten

COEFFICIENTS = np.array([[120.0, 150, 90], [140, 180, 130], [100, 110, 160]])


def bezier(shape: tuple[int, int], coefficients: np.ndarray) -> np.ndarray:
    """Equation 1 of Sadre et al., term by term."""
    u = ((np.arange(shape[0]) + 0.5) / shape[0])[:, None]
    v = ((np.arange(shape[1]) + 0.5) / shape[1])[None]
    total = np.zeros(shape)
    for i in range(3):
        for j in range(3):
            along_u = comb(2, i) * u**i * (1 - u) ** (2 - i)
            along_v = comb(2, j) * v**j * (1 - v) ** (2 - j)
            total += coefficients[i, j] * along_u * along_v
    return total


def with_discs(support: np.ndarray, factor: float, coverage: float, seed: int = 0) -> tuple:
    """Discs of ``factor`` times the illumination up to a coverage; ``(image, particles)``."""
    rng = np.random.default_rng(seed)
    particles = np.zeros(support.shape, bool)
    y, x = np.ogrid[: support.shape[0], : support.shape[1]]
    while particles.mean() < coverage:
        cy, cx = rng.uniform(0, support.shape)
        particles |= (y - cy) ** 2 + (x - cx) ** 2 < 20**2
    return rng.poisson(np.where(particles, factor, 1) * support).astype(np.uint16), particles


def test_surface_is_equation_1() -> None:
    shape = (37, 53)
    surface = Background(COEFFICIENTS).surface(shape)
    np.testing.assert_allclose(surface, bezier(shape, COEFFICIENTS), rtol=1e-6)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_strips_are_the_whole_surface(ny: int, nx: int, start: int, stop: int) -> None:
    background = Background(COEFFICIENTS)
    strip = background.surface((ny, nx), rows=slice(start, stop))
    np.testing.assert_allclose(strip, background.surface((ny, nx))[start:stop], rtol=1e-6)


@pytest.mark.parametrize("shape", [(64, 64), (301, 402), (1200, 700)])
def test_coefficients_are_recovered(shape: tuple[int, int]) -> None:
    background = fit_background(bezier(shape, COEFFICIENTS))
    # The largest block is 4 px wide: its mean differs from its centre by the curvature.
    np.testing.assert_allclose(background.coefficients, COEFFICIENTS, rtol=0.01)
    assert background.mean == pytest.approx(COEFFICIENTS.mean(), rel=1e-3)


@pytest.mark.parametrize("coverage", [0.0, 0.2, 0.42])
@pytest.mark.parametrize("factor", [0.4, 0.85, 1.2, 2.0])
def test_particles_of_either_contrast_do_not_pull(factor: float, coverage: float) -> None:
    support = bezier((512, 480), COEFFICIENTS)
    image, _ = with_discs(support, factor, coverage)
    surface = fit_background(image).surface(support.shape)
    assert np.abs(surface / support - 1).max() < 0.03
    assert np.abs(surface / support - 1).mean() < 0.008


def test_known_support_holds_beyond_half_coverage() -> None:
    support = bezier((512, 480), COEFFICIENTS)
    image, particles = with_discs(support, 0.6, 0.75)
    surface = fit_background(image, ~particles).surface(support.shape)
    assert np.abs(surface / support - 1).max() < 0.03


def test_support_that_fixes_nothing_is_not_used() -> None:
    support = bezier((512, 480), COEFFICIENTS)
    image, particles = with_discs(support, 0.5, 0.2)
    corner = np.zeros(image.shape, bool)
    corner[:60, :60] = ~particles[:60, :60]
    surface = fit_background(image, corner).surface(image.shape)
    np.testing.assert_allclose(surface, support, rtol=0.02)


def test_division_levels_the_support_and_keeps_its_mean() -> None:
    support = bezier((512, 480), 10 * COEFFICIENTS)
    image, particles = with_discs(support, 0.5, 0.2)
    flat = flatten(image, fit_background(image), mode="divide")
    assert flat.dtype == np.float32
    blocks = [flat[:170][~particles[:170]], flat[340:][~particles[340:]]]
    assert [block.mean() for block in blocks] == pytest.approx([support.mean()] * 2, rel=0.005)
    assert flat[particles].mean() == pytest.approx(support.mean() / 2, rel=0.01)


def test_subtraction_in_dark_field() -> None:
    support = bezier((512, 480), COEFFICIENTS / 20)
    rng = np.random.default_rng(2)
    image = support + rng.normal(0, 1, support.shape)
    image[200:240, 200:240] += 100
    flat = flatten(image, fit_background(image), mode="subtract")
    assert flat[:100].mean() == pytest.approx(support.mean(), abs=0.1)
    assert flat[400:].mean() == pytest.approx(support.mean(), abs=0.1)
    assert flat[200:240, 200:240].mean() == pytest.approx(support.mean() + 100, abs=0.3)


@pytest.mark.parametrize("mode", ["divide", "subtract"])
def test_in_place(mode: str) -> None:
    image = bezier((600, 50), COEFFICIENTS).astype(np.float32)
    background = Background(COEFFICIENTS)
    expected = flatten(image, background, mode=mode)
    assert flatten(image, background, mode=mode, out=image) is image
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("level", [0.0, 5.0, -3.0])
@pytest.mark.parametrize("shape", [(1, 7), (20, 300), (33, 33), (128, 64)])
def test_constant_and_small_images(shape: tuple[int, int], level: float) -> None:
    background = fit_background(np.full(shape, level))
    np.testing.assert_allclose(background.surface(shape), level, atol=1e-5)
    assert background.positive == (level > 0)
    flat = flatten(np.full(shape, level), background, mode="subtract")
    np.testing.assert_allclose(flat, level, atol=1e-5)


def test_small_image_takes_the_median_of_its_support() -> None:
    image = np.arange(20.0).reshape(4, 5)
    support = image < 5
    assert fit_background(image, support).mean == 2
    assert fit_background(image, np.zeros_like(support)).mean == 9.5


def test_background_through_zero_is_not_divided_by() -> None:
    through_zero = Background(np.array([[-1.0, 1, 3]] * 3))
    assert not through_zero.positive
    with pytest.raises(UsageError, match="mode='subtract'"):
        flatten(np.ones((40, 40)), through_zero, mode="divide")


def test_shapes_must_fit() -> None:
    with pytest.raises(UsageError, match=r"support mask of its shape, got \(64, 64\) and \(3, 3\)"):
        fit_background(np.ones((64, 64)), np.ones((3, 3), bool))
    with pytest.raises(UsageError, match="needs a"):
        fit_background(np.ones((2, 64, 64)))
