"""Supports that hold nothing give nothing; a few faint particles are found and none invented."""

from statistics import median

import numpy as np
import pytest
from scenes import apart, nothing, worst_match
from scipy import ndimage

from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import choose
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.population import (
    edge_steepness,
    particles_only,
    steepness,
    two_populations,
)
from nanosieve.segmentation.scale import Scale, choose_sparse
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.empty import empty_supports
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


def test_steepness_of_each_is_the_slope_at_its_edge_over_that_beside_and_inside():
    """A cone on a slope, and a pyramid of one slope throughout: both can be worked out."""
    y, x = np.mgrid[:128, :128].astype(np.float32)
    radius = np.hypot(y - 64, x - 64)
    # From radius 20 to 24 it falls by 3 a pixel, elsewhere by 0.5.
    edge = -(0.5 * radius + 2.5 * np.clip(radius - 20, 0, 4))
    labels = (radius < 24).astype(np.int32)
    everywhere = np.ones(labels.shape, bool)
    found = steepness(labels, radius < 22, edge, everywhere, 4)
    assert found.shape == (2,)
    assert found[1] == pytest.approx(3 / 0.5, rel=0.05)
    # A contour of an even slope is no edge.
    assert steepness(labels, radius < 22, -radius, everywhere, 4)[1] == pytest.approx(1, abs=0.05)
    # With nothing on either side that counts, nothing speaks against it.
    assert np.isinf(steepness(labels, labels > 0, edge, labels > 0, 40)[1])
    assert steepness(np.zeros_like(labels), labels > 1, edge, everywhere, 4).shape == (1,)


def test_a_frame_of_pieces_is_empty_and_a_piece_among_particles_goes():
    solid, area = np.array([0, 0.95, 0.95, 0.95, 0.6, 0.95]), np.array([0, 9, 9, 9, 9, 9])
    steep = np.array([0, 3, 0.9, 1.2, 1.2, 1.2])
    assert particles_only(steep, solid, area).tolist() == [False, True, False, True, True, True]
    # Steep but frayed: the edge of a support in vacuum.
    assert not particles_only(np.array([0, 1.2, 1.2, 1.2, 3, 1.2]), solid, area).any()
    # Only a speck beside a large piece is distinct.
    assert not particles_only(steep, solid, np.array([0, 9, 9, 9, 9, 900])).any()
    assert particles_only(np.zeros(1), np.zeros(1), np.zeros(1)).tolist() == [False]


@pytest.mark.parametrize("seed", [1, 4])
def test_a_rough_support_in_vacuum_is_no_particle_but_particles_on_it_are(seed):
    """Clouds with bumps, thick here and absent there; then five discs are laid on them."""
    rng = np.random.default_rng(seed)
    clouds, bumps = (
        ndimage.gaussian_filter(rng.normal(0, 1, (384, 384)), length, mode="wrap")
        for length in (45, 7)
    )
    mass = np.clip(2 * clouds / clouds.std() + bumps / bumps.std() / 2 + 0.5, 0, None)
    image = 100 + 100 * mass + rng.normal(0, 20, mass.shape)
    bare = segment(image, polarity="bright")
    assert bare.n == 0
    assert bare.flags == ("one_population",)
    assert bare.confidence.max() < 0.5
    y, x = np.mgrid[:384, :384]
    centres = [(60, 60), (150, 40), (230, 110), (310, 60), (350, 150)]
    for row, column in centres:
        image[np.hypot(y - row, x - column) < 9] += 900
    found = segment(image, polarity="bright")
    assert len({int(found.labels[centre]) for centre in centres} - {0}) == 5


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["bf-supported", "haadf-supported"])
def test_most_simulated_empty_supports_give_no_particle(preset):
    numbers = [segment(one.frames[0]).n for one in empty_supports(preset, n=50)]
    assert median(numbers) == 0


def test_solidity_of_a_disc_and_of_an_angle():
    y, x = np.mgrid[:60, :120]
    labels = (np.hypot(y - 30, x - 30) < 20).astype(np.int32)
    labels[5:55, 65:70] = labels[50:55, 65:115] = 2
    found = kernels.solidity(labels, 2)
    assert found[0] == 0
    assert found[1] > 0.97
    # Two arms of 50 x 5 px in a hull of a triangle and the arms' width.
    assert found[2] == pytest.approx(475 / (50 * 50 - 45 * 45 / 2), abs=0.03)
    assert kernels.solidity(np.zeros((4, 4), np.int32), 0).tolist() == [0]


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_a_plain_ramp_holds_nothing(kind):
    """Flattened, it differs by rounding alone."""
    ramp = np.broadcast_to(np.arange(128, dtype=kind), (64, 128))
    found = segment(ramp)
    assert found.n == 0
    assert "one_population" in found.flags
