"""Supports that hold nothing give nothing; a few faint particles are found and none invented."""

from statistics import median

import numpy as np
import pytest
from scenes import apart, nothing, worst_match

from nanosieve.segmentation.field import choose
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.population import edge_steepness, two_populations
from nanosieve.segmentation.scale import Scale, choose_sparse
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.plain import Imaging, draw, support
from nanosieve.simulation.projected.spheres import scatter


def test_empty_supports_give_no_particle():
    """Flat, textured and sloping supports in bright field and HAADF."""
    results = [segment(image) for seed in range(2) for image in nothing((400, 400), seed=seed)]
    assert len(results) == 12
    numbers = [found.n for found in results]
    assert median(numbers) == 0
    assert np.mean([n == 0 for n in numbers]) >= 0.9
    for found in results:
        assert ("one_population" in found.flags) == (found.n == 0)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_finds_any_on_an_empty_support(method):
    numbers = [segment(image, method=method).n for image in nothing((256, 256), seed=1)]
    assert numbers.count(0) >= 5


def test_pure_noise_of_any_size_gives_no_particle():
    rng = np.random.default_rng(3)
    for shape in [(40, 40), (64, 300), (512, 512), (1030, 1030)]:
        assert segment(rng.normal(1000, 30, shape)).n == 0


FEW = [
    (6, 3, 512),
    (8, 5, 512),
    (12, 3, 768),
    pytest.param(6, 10, 1024, marks=pytest.mark.slow),
    pytest.param(12, 5, 1024, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("diameter", "number", "side"), FEW)
@pytest.mark.parametrize("kind", ["flat", "textured"])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_a_few_faint_particles_are_found_and_none_invented(diameter, number, side, kind, polarity):
    rng = np.random.default_rng(diameter + number)
    bodies = scatter((side, side), [diameter / 2] * number, rng=rng)
    faint = Imaging("dark", contrast=0.2) if polarity == "dark" else Imaging("bright", contrast=0.4)
    bare = support(bodies.shape, kind, rng=rng)
    truth = draw(bodies, faint, support=bare, rng=rng)
    assert np.mean(truth.labels > 0) < 0.001
    found = segment(truth.image)
    assert found.polarity == polarity
    assert found.n == number
    assert worst_match(truth.labels, found.labels) > (0.5 if diameter == 6 else 0.6)


def test_sparse_scale_leaves_noise_alone_and_sees_a_few_pixels():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (512, 512)).astype(np.float32)
    everywhere = np.ones(noise.shape, bool)
    assert choose_sparse([(noise, everywhere)]) is None
    # One hot pixel is no particle: its smoothed peak is narrower than a grain of noise is wide.
    hot = noise.copy()
    hot[100, 100] = 15
    assert choose_sparse([(hot, everywhere)]) is None
    spot = noise.copy()
    spot[200:208, 300:308] += 8
    scale, level = choose_sparse([(spot, everywhere)])
    assert scale.sigma < 2
    assert 3 < level < 8
    assert scale.reach > 3.25
    assert choose_sparse([(noise[:2, :2], everywhere[:2, :2])]) is None


def test_few_particles_are_not_judged_by_a_scale_that_blurs_them():
    """At 0.06 % of the frame Otsu sees them only where they are 30 px wide."""
    rng = np.random.default_rng(15)
    bodies = scatter((768, 768), [6.0] * 3, rng=rng)
    image = draw(bodies, Imaging("bright", contrast=0.3, counts=400), rng=rng).image
    chosen = choose(image.astype(np.float32), np.ones(image.shape, bool), "auto")
    assert chosen.separate
    assert chosen.scale.sigma < 1.5


def test_two_populations_are_told_by_reach_and_by_steepness():
    truth = apart(20, "bright", kind="flat")
    smooth = truth.image.astype(np.float32)
    valid, mask = np.ones(smooth.shape, bool), truth.labels > 0
    assert two_populations(smooth, mask, valid, Scale(0.7, 10.0, 4.5))
    assert not two_populations(smooth, mask, valid, Scale(0.7, 10.0, 2.0))
    ramp = np.add.outer(np.zeros(200), np.arange(200.0)).astype(np.float32)
    cut = ramp > 100
    # Cut anywhere, a ramp is as steep at the cut as beside it.
    assert edge_steepness(ramp, cut, np.ones(cut.shape, bool), 4) == pytest.approx(1)
    assert not two_populations(ramp, cut, np.ones(cut.shape, bool), Scale(1.0, 1.0, 9.0))
    assert edge_steepness(ramp, np.zeros_like(cut), np.ones(cut.shape, bool), 4) == 0
