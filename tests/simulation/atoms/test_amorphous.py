"""Amorphous films: density, pair distribution, no hidden order."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.amorphous import slab

MASS = {6: 12.011, 14: 28.085, 7: 14.007}
SIZE = (9.0, 11.0, 7.0)


@pytest.fixture(scope="module", params=["carbon", "nitride"])
def film(request):
    densest = {"carbon": 2.2, "nitride": 3.2}[request.param]
    made = slab(request.param, SIZE, density_g_cm3=densest, rng=np.random.default_rng(3))
    return request.param, *made


def _density(numbers, size):
    grams = sum(MASS[number] for number in numbers.tolist()) / 6.02214e23
    return grams / (np.prod(size) * 1e-21)


def _pair_distances(positions, reach, box):
    tree = cKDTree(positions, boxsize=box)
    pairs = tree.query_pairs(reach, output_type="ndarray")
    away = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    away -= np.round(away / box) * box
    return pairs, np.linalg.norm(away, axis=1)


@pytest.mark.parametrize(
    ("material", "density"), [("carbon", 1.8), ("carbon", 2.0), ("nitride", 3.0), ("nitride", 3.2)]
)
def test_density(material, density):
    size = (6.0, 5.0, 4.0)
    _, numbers = slab(material, size, density_g_cm3=density, rng=np.random.default_rng(1))
    assert _density(numbers, size) == pytest.approx(density, rel=0.02)


def test_first_peak_of_the_pair_distribution(film):
    material, positions, _ = film
    _, distance = _pair_distances(positions, 0.5, np.array([*SIZE[:2], 20.0]))
    counts, edges = np.histogram(distance, bins=100, range=(0, 0.5))
    middle = (edges[1:] + edges[:-1]) / 2
    g = counts / middle**2
    peak = middle[g.argmax()]
    assert peak == pytest.approx({"carbon": 0.142, "nitride": 0.173}[material], abs=0.006)
    # A gap behind the first peak, and a second one: 0.25 nm in carbon.
    gap = {"carbon": (0.18, 0.21), "nitride": (0.205, 0.225)}[material]
    far = g[middle > 0.4].mean()
    assert g[(middle > gap[0]) & (middle < gap[1])].mean() < 0.5 * far
    second = {"carbon": (0.24, 0.27), "nitride": (0.25, 0.32)}[material]
    assert g[(middle > second[0]) & (middle < second[1])].max() > 1.3 * far
    # Seams included: hardly any atoms lie in one another.
    assert g[middle < 0.8 * peak].max() < 0.02 * g.max()
    assert distance.min() > 0.08


def test_nitride_is_stoichiometric_and_bonds_unlike_atoms():
    positions, numbers = slab("nitride", (6, 6, 6), density_g_cm3=3.2, rng=np.random.default_rng(2))
    assert np.mean(numbers == 7) == pytest.approx(4 / 7, abs=0.01)
    pairs, distance = _pair_distances(positions, 0.22, np.array([6, 6, 20.0]))
    bonded = numbers[pairs]
    assert distance.min() > 0.08
    assert np.mean(bonded[:, 0] != bonded[:, 1]) > 0.97
    assert 2 * len(bonded) / len(numbers) == pytest.approx(3.0, abs=0.3)


def test_no_direction_and_no_period_stands_out(film):
    _, positions, _ = film
    size = 512
    image, _, _ = np.histogram2d(
        positions[:, 1], positions[:, 0], bins=size, range=[[0, SIZE[1]], [0, SIZE[0]]]
    )
    power = np.abs(np.fft.fft2(image)) ** 2 / len(positions)
    fy, fx = np.fft.fftfreq(size, SIZE[1] / size), np.fft.fftfreq(size, SIZE[0] / size)
    frequency, way = np.hypot(fy[:, None], fx), np.arctan2(fy[:, None], fx)
    for low, high in ((1, 4), (4, 7), (7, 12)):
        ring = (frequency > low) & (frequency < high)
        sectors = ((way[ring] % np.pi) // (np.pi / 8)).astype(int) % 8
        means = np.bincount(sectors, power[ring]) / np.bincount(sectors)
        assert means.max() / means.min() < 1.35
        # Of waves with random phases the strongest of n is about ln(n) times the mean.
        assert power[ring].max() < 2.2 * np.log(ring.sum()) * power[ring].mean()


def test_seams_are_not_seen_in_the_density(film):
    _, positions, _ = film
    for axis in (0, 1):
        counts, _ = np.histogram(positions[:, axis], bins=45, range=(0, SIZE[axis]))
        assert counts.std() / counts.mean() < 1.5 / np.sqrt(counts.mean())


def test_films_differ_by_seed_and_repeat_with_it():
    one, two, other = (
        slab("carbon", (5, 5, 2), density_g_cm3=2.0, rng=np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert one.shape != other.shape or not np.allclose(one, other)


def test_bad_films_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="unknown support ice; there are carbon, nitride"):
        slab("ice", (2, 2, 2), density_g_cm3=1, rng=rng)
    with pytest.raises(UsageError, match=r"carbon is made up to 2.2 g/cm3, not 3; lower"):
        slab("carbon", (2, 2, 2), density_g_cm3=3, rng=rng)
