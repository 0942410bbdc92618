"""Ripening against analytic solutions, the LSW theory and the conservation of volume."""

import numpy as np
import pytest
from scipy.integrate import quad

from nanosieve.simulation.coarsening.ripening import POWERS, critical_radius, growth, ripen

LAWS = sorted(POWERS)


@pytest.mark.parametrize("law", LAWS)
def test_volume_is_conserved_while_particles_vanish(law):
    cubes = np.random.default_rng(0).lognormal(1.2, 0.4, 300) ** 3
    ripened, vanished = ripen(cubes, 40.0, law=law, constant=0.5, smallest=0.4**3)
    gone = np.isfinite(vanished)
    assert 20 < gone.sum() < 300
    assert (ripened[gone] == 0).all()
    assert (ripened[~gone] >= 0.4**3).all()
    assert (vanished[gone] <= 40).all()
    assert ripened.sum() == pytest.approx(cubes.sum(), rel=1e-13)


@pytest.mark.parametrize("law", LAWS)
def test_each_particle_follows_the_stated_law(law):
    """dr/dt = K / r^m (1 / r_c - 1 / r), written out once more for a short time."""
    radii = np.array([1.0, 1.5, 2.2, 3.0])
    m = {"diffusion": 1, "interface": 0, "surface": 2}[law]
    critical = sum(radii ** (2 - m)) / sum(radii ** (1 - m))
    assert critical_radius((2 * radii) ** 3, law) == pytest.approx(critical)
    expected = 0.2 / radii**m * (1 / critical - 1 / radii)
    later, _ = ripen((2 * radii) ** 3, 1e-5, law=law, constant=0.2, smallest=0.1)
    measured = (np.cbrt(later) / 2 - radii) / 1e-5
    np.testing.assert_allclose(measured, expected, rtol=1e-4)
    assert growth((2 * radii) ** 3, law, 0.2).sum() == pytest.approx(0, abs=1e-12)


def test_two_particles_take_the_time_that_the_integral_says():
    """dv1/dt = 3K (r1 - r2) / (r1 + r2) for diffusion, v = r^3: time by quadrature."""
    first, second, constant = 1.8, 2.2, 0.3
    total = first**3 + second**3

    def seconds(volume):
        small, large = np.cbrt(volume), np.cbrt(total - volume)
        return (large + small) / (3 * constant * (large - small))

    until, _ = quad(seconds, 1.0**3, first**3)
    cubes = np.array([2 * first, 2 * second]) ** 3
    ripened, _ = ripen(cubes, until, law="diffusion", constant=constant, smallest=0.1)
    assert np.cbrt(ripened[0]) / 2 == pytest.approx(1.0, abs=1e-4)


def test_a_small_difference_grows_exponentially():
    """d(delta)/dt = K delta / r^3 for two nearly equal particles and diffusion."""
    radii = np.array([2.0 - 1e-5, 2.0 + 1e-5])
    ripened, _ = ripen((2 * radii) ** 3, 40.0, law="diffusion", constant=0.4, smallest=0.1)
    delta = np.diff(np.cbrt(ripened) / 2)[0] / 2
    assert delta == pytest.approx(1e-5 * np.exp(0.4 * 40 / 8), rel=1e-3)


def _printed_lsw(u):
    """Density of r over r_c for diffusion, as Lifshitz, Slyozov and Wagner give it."""
    tail = np.exp(-u / (1.5 - u))
    return 4 / 9 * u**2 * (3 / (3 + u)) ** (7 / 3) * (1.5 / (1.5 - u)) ** (11 / 3) * tail


def _steady_sizes(law, count):
    """Sizes r over r_c of the self-similar distribution, and the rate of r_c^(m + 2) / K.

    du/d(ln r_c) = u^-m (1 - 1/u) / g - u has a double root at the end of the distribution, which
    fixes g; as the number falls as r_c^-3, P(U > u) = exp(3 * integral of du / that).
    """
    m = POWERS[law]
    end = (m + 2) / (m + 1)
    g = end ** -(m + 2) * (end - 1)
    u = np.linspace(1e-4, end - 1e-4, 400_000)
    pace = u**-m * (1 - 1 / u) / g - u
    survival = np.exp(3 * np.cumsum(1 / pace) * (u[1] - u[0]))
    shares = 1 - (np.arange(count) + 0.5) / count
    return np.sort(np.interp(shares[::-1], survival[::-1], u[::-1])), (m + 2) * g


def test_the_self_similar_distribution_of_diffusion_is_the_printed_one():
    sizes, rate = _steady_sizes("diffusion", 20_000)
    assert rate == pytest.approx(4 / 9)
    assert sizes.mean() == pytest.approx(1, abs=2e-3)
    assert (sizes < 0.8).mean() == pytest.approx(quad(_printed_lsw, 0, 0.8)[0], abs=2e-3)
    assert (sizes < 1.2).mean() == pytest.approx(quad(_printed_lsw, 0, 1.2)[0], abs=2e-3)


@pytest.mark.parametrize("law", LAWS)
def test_late_growth_is_linear_and_keeps_the_shape_of_the_theory(law):
    """<r>^3, <r>^2 and <r>^4 grow at 4/9, 1/2 and 27/64 of K; sizes stay self-similar."""
    sizes, rate = _steady_sizes(law, 2000)
    power = POWERS[law] + 2
    cubes, critical = (2 * sizes) ** 3, []
    for _ in range(6):
        cubes, _ = ripen(cubes, 2.0, law=law, constant=1.0, smallest=0.3**3)
        cubes = cubes[cubes > 0]
        critical.append(critical_radius(cubes, law))
    times = 2.0 * np.arange(1, 7)
    slope, offset = np.polyfit(times, np.array(critical) ** power, 1)
    assert rate == pytest.approx({"diffusion": 4 / 9, "interface": 1 / 2, "surface": 27 / 64}[law])
    assert slope == pytest.approx(rate, rel=0.03)
    assert offset == pytest.approx(1, abs=0.06)
    relative = np.sort(np.cbrt(cubes) / 2 / critical[-1])
    theory = np.interp(np.arange(len(relative)) / len(relative), np.linspace(0, 1, 2000), sizes)
    assert len(relative) < 1000
    assert np.abs(relative - theory).mean() < 0.03


def test_a_broad_distribution_narrows_towards_that_of_the_theory():
    cubes = (2 * np.random.default_rng(2).lognormal(0, 0.35, 8000)) ** 3
    ripened, _ = ripen(cubes, 12.0, law="diffusion", constant=1.0, smallest=0.4**3)
    radii = np.cbrt(ripened[ripened > 0]) / 2
    relative = radii / radii.mean()
    expected = np.sqrt(quad(lambda u: _printed_lsw(u) * (u - 1) ** 2, 0, 1.5)[0])
    before = np.cbrt(cubes).std() / np.cbrt(cubes).mean()
    assert before > 0.34
    # Larger sizes than the theory's die out slowly.
    assert expected - 0.02 < relative.std() < before - 0.3 * (before - expected)


def test_equal_particles_and_a_lone_one_stay():
    for cubes in (np.full(5, 27.0), np.array([8.0])):
        ripened, vanished = ripen(cubes, 100.0, law="surface", constant=1.0, smallest=1.0)
        np.testing.assert_allclose(ripened, cubes, rtol=1e-9)
        assert np.isnan(vanished).all()


def test_the_last_particle_stays_even_if_all_are_small():
    ripened, _ = ripen(np.array([1.0, 2.0]), 10.0, law="interface", constant=1.0, smallest=8.0)
    np.testing.assert_allclose(ripened, [0.0, 3.0])
