"""The out-of-domain score: its rate of false alarms is the one that it states."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.models.domain import FIGURES, Domain, describe, fit_domain


def figures(n: int, *, seed: int, shift: float = 0.0) -> list[dict[str, float]]:
    """Correlated figures of images of one kind."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, len(FIGURES))) @ rng_matrix()
    return [dict(zip(FIGURES, row + shift, strict=True)) for row in mixed]


def rng_matrix() -> np.ndarray:
    return np.random.default_rng(9).normal(size=(len(FIGURES), len(FIGURES)))


@pytest.mark.parametrize("n", [30, 200])
def test_the_rate_of_false_alarms_is_at_most_the_stated_one(n):
    rates = []
    for seed in range(20):
        domain = fit_domain(figures(n, seed=seed))
        assert domain.false_alarm == pytest.approx(0.05)
        scores = np.array([domain.score(one) for one in figures(400, seed=1000 + seed)])
        rates.append(float(np.mean(scores > domain.threshold)))
    # Each training image is scored by a fit without it, a new one by a slightly better fit.
    assert 0.015 < np.mean(rates) < 0.055


def test_few_images_state_what_they_can_tell():
    domain = fit_domain(figures(9, seed=0))
    assert domain.false_alarm == pytest.approx(0.1)
    assert fit_domain(figures(2, seed=0)) is None


def test_a_group_not_seen_sets_the_limit():
    """Groups lie apart: the limit must let a whole new group pass."""
    parts = [figures(10, seed=seed, shift=3.0 * (seed - 2)) for seed in range(5)]
    flat = [one for part in parts for one in part]
    groups = [str(number) for number, part in enumerate(parts) for _ in part]
    assert fit_domain(flat, groups=groups).threshold > 1.3 * fit_domain(flat).threshold
    assert fit_domain(flat, groups=["a"] * 25 + ["b"] * 25) is None
    with pytest.raises(UsageError, match="3 groups for 50 images; give one each"):
        fit_domain(flat, groups=["a", "b", "c"])


def scene(seed: int, *, noise: float = 0.1, blur: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    inside = np.zeros((96, 96))
    for _ in range(4):
        inside[np.hypot(*(np.stack([y, x]).T - rng.uniform(10, 86, 2)).T).T < 9] = 1
    image = ndimage.gaussian_filter(inside, blur) + rng.normal(0, noise, inside.shape)
    return ((image - image.mean()) / image.std()).astype(np.float32)


def test_noise_and_blur_are_told_and_named():
    rng = np.random.default_rng(1)
    seen = [scene(seed, noise=rng.uniform(0.08, 0.12)) for seed in range(40)]
    domain = fit_domain([describe(image) for image in seen])
    assert domain.score(describe(scene(99))) < domain.threshold
    noisy = describe(scene(99, noise=0.8))
    assert domain.score(noisy) > 3 * domain.threshold
    assert abs(domain.strangest(noisy)[1]) > 3
    smooth = describe(ndimage.gaussian_filter(scene(99), 3))
    assert domain.score(smooth) > 3 * domain.threshold


def test_noise_is_measured():
    """White noise of standard deviation 0.1 on a wave of 1 / sqrt(2)."""
    x = np.arange(512) / 512
    wave = np.sin(2 * np.pi * 2 * x)[None] * np.ones((512, 1))
    noise = np.random.default_rng(0).normal(0, 0.1, wave.shape)
    found = describe((wave + noise).astype(np.float32))
    assert 10 ** found["noise"] == pytest.approx(0.1 / np.hypot(0.1, np.sqrt(0.5)), rel=0.05)
    assert 10 ** found["contrast"] == pytest.approx(np.hypot(0.1, np.sqrt(0.5)), rel=0.01)
    assert found["skewness"] == pytest.approx(0, abs=0.02)


def test_a_constant_image_has_figures():
    assert all(np.isfinite(list(describe(np.zeros((40, 40), np.float32)).values())))


def test_large_images_are_looked_at_in_windows():
    image = np.random.default_rng(0).normal(size=(1500, 700)).astype(np.float32)
    image[600:900, :] = 50  # between the windows
    assert abs(describe(image)["contrast"]) < 0.01


@pytest.mark.parametrize(
    "change",
    [{"mean": (1.0,)}, {"names": ("noise", "colour")}, {"spread": (0.0, 1.0)}],
)
def test_a_domain_that_does_not_fit_together_is_refused(change):
    fields = {
        "names": ("noise", "contrast"), "mean": (0.0, 0.0), "spread": (1.0, 1.0),
        "precision": ((1.0, 0.0), (0.0, 1.0)), "threshold": 1, "false_alarm": 0.05, "n_images": 9,
    }  # fmt: skip
    with pytest.raises(ValidationError, match="do not fit together"):
        Domain(**(fields | change))
