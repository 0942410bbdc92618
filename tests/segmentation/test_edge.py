"""Where the edge is put: the bias of each rule on bodies of known diameter."""

from statistics import mean

import numpy as np
import pytest
from scipy import ndimage

from nanosieve.segmentation.edge import base_share, local_background, taper
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.isolated import isolated_bodies
from nanosieve.simulation.projected.plain import Imaging, draw
from nanosieve.simulation.projected.spheres import spheres

DIAMETERS = (8, 16, 32, 64, 128)
IMAGINGS = {
    "dark, noise-free": Imaging("dark", noise=False, counts=20_000),
    "dark, noisy": Imaging("dark", counts=1500),
    "bright, noise-free": Imaging("bright", contrast=2, noise=False, counts=20_000),
    "bright, noisy": Imaging("bright", contrast=2, counts=300),
}
RULES = ("base", "half", "otsu")


def bias(image, truth, diameter, rule, polarity) -> float:
    """Mean relative error of the diameters; every particle must be found."""
    found = segment(image, polarity=polarity, edge=rule)
    numbers = np.arange(1, truth.max() + 1)
    assert found.n == len(numbers)
    areas = np.bincount(found.labels.ravel())[1:]
    return float(np.mean(2 * np.sqrt(areas / np.pi)) / diameter - 1)


def grid_of_four(diameter: float, seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    step = int(2.2 * diameter) + 12
    centres = (np.array([(y, x) for y in range(2) for x in range(2)]) + 0.5) * step
    centres += rng.uniform(-0.5, 0.5, centres.shape)
    return spheres((2 * step, 2 * step), centres, [diameter / 2] * 4)


@pytest.fixture(scope="module")
def biases() -> dict[tuple[str, str, int], float]:
    """By rule, imaging and diameter."""
    table = {}
    for name, imaging in IMAGINGS.items():
        for diameter in DIAMETERS:
            truth = draw(grid_of_four(diameter, diameter), imaging, rng=np.random.default_rng(1))
            for rule in RULES:
                table[rule, name, diameter] = bias(
                    truth.image, truth.labels, diameter, rule, imaging.polarity
                )
    return table


def test_the_default_has_the_least_bias_on_spheres(biases):
    size = {rule: mean(abs(v) for key, v in biases.items() if key[0] == rule) for rule in RULES}
    assert size["base"] < 0.02
    assert size["base"] < 0.5 * size["half"]
    assert size["half"] < size["otsu"]


@pytest.mark.parametrize("name", IMAGINGS)
@pytest.mark.parametrize("diameter", DIAMETERS)
def test_base_is_right_within_three_percent(biases, name, diameter):
    assert abs(biases["base", name, diameter]) < (0.03 if diameter >= 16 else 0.05)


@pytest.mark.parametrize("name", IMAGINGS)
@pytest.mark.parametrize("diameter", DIAMETERS[1:])
def test_half_and_otsu_make_spheres_smaller(biases, name, diameter):
    assert -0.09 < biases["half", name, diameter] < -0.03
    assert -0.12 < biases["otsu", name, diameter] < biases["half", name, diameter]


@pytest.mark.parametrize("diameter", [16, 32, 64])
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_half_is_right_for_flat_discs_and_base_a_little_large(diameter, polarity):
    bodies = grid_of_four(diameter, 3)
    fine = 4
    y, x = np.mgrid[: fine * bodies.shape[0], : fine * bodies.shape[1]] / fine + (0.5 / fine - 0.5)
    disc = np.zeros(y.shape, np.float32)
    for centre in bodies.centres:
        disc[np.hypot(y - centre[0], x - centre[1]) < diameter / 2] = 1
    cover = disc.reshape(bodies.shape[0], fine, bodies.shape[1], fine).mean((1, 3))
    expected = 1000 + (-400 if polarity == "dark" else 1500) * ndimage.gaussian_filter(cover, 0.7)
    image = np.random.default_rng(0).poisson(expected).astype(np.uint16)
    truth = bodies.labels()
    assert abs(bias(image, truth, diameter, "half", polarity)) < 0.03
    # 0.2 of a blurred wall lies less than 1 px outside of it, whatever the disc's size.
    assert 0 < bias(image, truth, diameter, "base", polarity) < 2 / diameter


@pytest.mark.parametrize(
    ("radius", "blur"), [(6, 0.7), (6, 1.5), (12, 0.7), (12, 2.0), (24, 1.5), (24, 4.0)]
)
def test_base_share_is_what_convolution_leaves_on_the_outline(radius, blur):
    """Independent of the formula: a drawn sphere, blurred, read along its outline."""
    middle = radius + 12
    thickness = spheres((2 * middle + 1,) * 2, [[middle] * 2], [radius]).thickness()
    blurred = ndimage.gaussian_filter(thickness.astype(float), blur)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    outline = middle + radius * np.array([np.sin(angles), np.cos(angles)])
    on_it = ndimage.map_coordinates(blurred, outline, order=3).mean()
    inside = thickness[thickness > 0].mean()
    assert float(base_share(np.array([float(radius)]), blur)[0]) == pytest.approx(
        on_it / inside, rel=0.12
    )


@pytest.mark.parametrize("modality", ["bf-tem", "bf-stem", "haadf", "laadf"])
@pytest.mark.parametrize("family", ["spheres", "polyhedra"])
def test_base_is_right_within_three_percent_in_focus(modality, family):
    """Geometric truth; material, voltage and aperture as the presets draw them."""
    errors = []
    for seed, diameter in enumerate([24, 34, 50, 24, 34, 50]):
        image, scene = isolated_bodies(
            modality, family, diameter_px=diameter, seed=seed, camera=False
        )
        found, labels = segment(image).labels, scene.labels()
        areas = np.bincount(found.ravel())
        for number, diameter_px in enumerate(scene.diameters_px, start=1):
            hit = int(np.bincount(found[labels == number]).argmax())
            assert hit > 0
            errors.append(2 * np.sqrt(areas[hit] / np.pi) / diameter_px - 1)
    assert len(errors) >= 25
    assert abs(np.median(errors)) < 0.03


def profile(power: float, radius: int, blur: float) -> tuple[np.ndarray, float]:
    """Radii of the outlines at three shares of the plateau, and the share on the outline."""
    y, x = np.mgrid[-2 * radius : 2 * radius + 1, -2 * radius : 2 * radius + 1] / radius
    if power == 1:
        body = np.clip(1 - np.hypot(y, x), 0, None)
    else:
        body = np.clip(1 - y**2 - x**2, 0, None) ** power
    blurred = ndimage.gaussian_filter(body, blur)
    plateau = blurred[blurred > 0.25 * blurred[body > 0].mean()].mean()
    areas = [np.count_nonzero(blurred > share * plateau) for share in (0.1, 0.25, 0.5)]
    on_it = blurred[np.abs(np.hypot(y, x) - 1) < 0.5 / radius].mean()
    return np.sqrt(np.array(areas) / np.pi)[:, np.newaxis], float(on_it / plateau)


@pytest.mark.parametrize("blur", [1.0, 2.5, 4.0])
def test_taper_tells_cones_from_spheres(blur):
    """Independent of the formulas: drawn profiles, blurred."""
    across = np.array([blur / 60])
    sphere, _ = profile(0.5, 60, blur)
    cone, on_outline = profile(1, 60, blur)
    assert taper(sphere, across)[0] < 0.2
    assert taper(cone, across)[0] > 0.8
    share = float(base_share(np.array([60.0]), blur, 1.0)[0])
    assert share == pytest.approx(max(on_outline, 0.05), abs=0.03)


def test_taper_takes_no_unknown_blur_and_no_uneven_inside_for_a_wedge():
    blurred, _ = profile(0.5, 60, 10.0)
    assert taper(blurred, np.array([0.02]))[0] < 0.2
    half_dark = np.array([[1.01], [1.0], [0.7]])
    assert taper(half_dark, np.array([0.02]))[0] == 0


def test_base_share_stays_between_a_fifth_and_a_half():
    share = base_share(np.geomspace(0.1, 1e4, 50), 1.0)
    assert share.max() == 0.5
    assert share.min() == 0.2
    assert (np.diff(share) <= 0).all()


def test_local_background_is_the_support_also_where_none_is_near():
    y, x = np.mgrid[:240, :320].astype(np.float32)
    slope = 100 + 0.2 * x + 0.1 * y
    support = np.ones(slope.shape, bool)
    support[60:180, 90:230] = False
    image = np.where(support, slope, 500).astype(np.float32)
    background = local_background(image, support, 24.0)
    rim = np.s_[20:-20, 20:-20]
    np.testing.assert_allclose(background[rim], slope[rim], atol=8)
    assert np.abs(background - slope)[support].mean() < 1.5
    nowhere = local_background(image, np.zeros_like(support), 24.0)
    np.testing.assert_allclose(nowhere, image.min())


def test_a_hollow_particle_is_filled_and_a_ring_of_particles_is_not():
    y, x = np.mgrid[:200, :320]
    shell = np.hypot(y - 100, x - 70)
    image = np.full((200, 320), 1000.0)
    image[(shell < 30) & (shell > 5)] = 500
    for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        image[np.hypot(y - 100 - 60 * np.sin(angle), x - 220 - 60 * np.cos(angle)) < 14] = 500
    image = np.random.default_rng(0).normal(ndimage.gaussian_filter(image, 1), 15)
    found = segment(image, polarity="dark")
    assert found.labels[100, 70] > 0
    assert found.labels[100, 220] == 0
