"""Spacings and angles against fringes drawn with known ones."""

import numpy as np
import pytest

from drawn_fringes import at_angles, disc, waves
from nanosieve.core.errors import UsageError
from nanosieve.lattice.spacings import measure_spacings

SHAPE = (160, 170)


def test_spacings_and_angles_come_back():
    inside = disc(SHAPE, (80, 85), 60)
    d_px, angles = [11.775, 11.775, 10.195], [20.0, 90.53, 145.265]
    rng = np.random.default_rng(1)
    image = 500 + 30 * waves(SHAPE, at_angles(d_px, angles)) + rng.normal(0, 20, SHAPE)
    found = measure_spacings(image, inside, pixel_size_nm=0.02)
    assert found.unit == "nm"
    assert len(found) == 3
    order = np.argsort(found.angle_deg)
    np.testing.assert_allclose(found.d[order], np.array(d_px) * 0.02, rtol=2e-3)
    np.testing.assert_allclose(found.angle_deg[order], angles, atol=0.15)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1 / found.d)


@pytest.mark.parametrize(("amplitude", "radius"), [(1.0, 24), (0.6, 45)])
def test_errors_are_those_of_repeated_measurements(amplitude, radius):
    inside = disc((100, 100), (50, 50), radius)
    fringes = amplitude * waves((100, 100), at_angles([7.3], [33]))
    rng = np.random.default_rng(2)
    found = [measure_spacings(fringes + rng.normal(size=(100, 100)), inside) for _ in range(40)]
    d = np.array([one.d[0] for one in found])
    angle = np.array([one.angle_deg[0] for one in found])
    expected = np.mean([one.d_error[0] for one in found])
    assert abs(d.mean() - 7.3) < 4 * expected / np.sqrt(len(d))
    assert d.std() == pytest.approx(expected, rel=0.35)
    assert angle.std() == pytest.approx(
        np.mean([one.angle_error_deg[0] for one in found]), rel=0.35
    )


def test_the_pixel_sizes_uncertainty_adds_to_spacings_and_not_to_angles():
    inside, image = disc(SHAPE, (80, 85), 60), waves(SHAPE, at_angles([9.0], [70]))
    image = image + np.random.default_rng(3).normal(size=SHAPE)
    sure = measure_spacings(image, inside, pixel_size_nm=0.02)
    unsure = measure_spacings(image, inside, pixel_size_nm=0.02, pixel_size_uncertainty=0.02)
    assert unsure.d_error[0] == pytest.approx(np.hypot(sure.d_error[0], 0.02 * sure.d[0]))
    assert unsure.angle_error_deg[0] == sure.angle_error_deg[0]
    assert unsure.own_error[0] == pytest.approx(sure.d_error[0] / sure.d[0])


def test_without_a_pixel_size_spacings_are_in_px():
    inside, image = disc(SHAPE, (80, 85), 60), waves(SHAPE, at_angles([9.0], [70]))
    found = measure_spacings(image, inside, pixel_size_uncertainty=0.02)
    assert (found.unit, found.scale_error) == ("px", 0.0)
    assert found.d[0] == pytest.approx(9.0, rel=1e-3)


def test_noise_shape_and_brightness_are_no_planes():
    y, x = np.mgrid[:160, :170]
    inside = disc(SHAPE, (80, 85), 60) & (x > 60)
    rng = np.random.default_rng(4)
    image = 100 + 0.5 * x + 0.01 * y**2 + 40 * inside + rng.normal(size=SHAPE)
    assert len(measure_spacings(image, inside)) == 0


def test_fringes_outside_of_the_particle_do_not_count():
    inside = disc(SHAPE, (80, 50), 40)
    image = waves(SHAPE, at_angles([8.0], [10])) * ~inside
    image += np.random.default_rng(5).normal(size=SHAPE)
    assert len(measure_spacings(image, inside)) == 0


@pytest.mark.parametrize("inside", [np.zeros(SHAPE, bool), disc(SHAPE, (80, 80), 7)])
def test_a_particle_that_is_too_small_has_none(inside):
    found = measure_spacings(np.ones(SHAPE), inside, pixel_size_nm=0.1)
    assert len(found) == 0
    assert found.vectors.shape == (0, 2)


def test_image_and_particle_must_fit():
    with pytest.raises(UsageError, match=r"one shape, got \(4, 4\) and \(5, 4\)"):
        measure_spacings(np.ones((4, 4)), np.ones((5, 4), bool))


def test_spacings_that_no_microscope_resolves_are_none():
    """2.2 px: at 0.0122 nm a pixel 0.027 nm."""
    y, x = np.mgrid[:128, :128]
    inside = np.hypot(y - 64, x - 64) < 50
    fringes = np.cos(2 * np.pi * x / 2.2) + np.cos(2 * np.pi * y / 16)
    assert len(measure_spacings(fringes, inside, pixel_size_nm=0.1)) == 2
    found = measure_spacings(fringes, inside, pixel_size_nm=0.0122)
    assert found.d == pytest.approx([16 * 0.0122], rel=1e-3)
