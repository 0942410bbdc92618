"""Diffraction changes how much particles scatter, never how thick they are."""

import numpy as np
import pytest

from nanosieve.simulation.projected.particle_contrast import Diffraction, particle_maps
from nanosieve.simulation.projected.spheres import spheres

SCENE = spheres((160, 160), [[40, 40], [100, 60], [70, 120]], [20, 18, 22])


def _maps(**settings):
    plain = {"spread": 0, "mottle": 0}
    drawn = Diffraction(**(plain | settings))
    return particle_maps(SCENE, drawn, pixel_size_nm=0.25, rng=np.random.default_rng(3))


def test_without_diffraction_matter_scatters_as_it_is_thick():
    maps = _maps()
    np.testing.assert_allclose(maps.thickness_nm, 0.25 * SCENE.thickness(), rtol=1e-6)
    np.testing.assert_allclose(maps.effective_nm, maps.thickness_nm, rtol=1e-6)
    assert not maps.ripples.any()


@pytest.mark.parametrize(
    "settings",
    [
        {"spread": 0.5},
        {"twin_share": 1},
        {"bend_share": 0.9},
        {"mottle": 0.2},
        {"dark_share": 1},
        {"faint_share": 1},
    ],
)
def test_thickness_stays_whatever_diffracts(settings):
    maps = _maps(**settings)
    np.testing.assert_allclose(maps.thickness_nm, 0.25 * SCENE.thickness(), rtol=1e-6)
    assert not np.allclose(maps.effective_nm, maps.thickness_nm, rtol=0.01)
    assert (maps.effective_nm >= 0).all()
    assert not maps.effective_nm[maps.thickness_nm == 0].any()


def test_dark_and_faint_particles_have_their_factors():
    for share, factor in (("dark", 3.0), ("faint", 0.2)):
        maps = _maps(**{f"{share}_share": 1, f"{share}_factor": factor})
        ratio = maps.effective_nm.sum() / maps.thickness_nm.sum()
        assert ratio == pytest.approx(factor, rel=1e-5)


def test_twins_divide_a_particle_into_parts_of_one_factor_each():
    maps = _maps(twin_share=1, twin_spread=0.5)
    label = SCENE.labels() == 1
    ratio = maps.effective_nm[label] / maps.thickness_nm[label]
    assert 2 <= len(np.unique(ratio.round(4))) <= 6


def test_fringes_ripple_only_on_their_particle_with_their_depth():
    maps = _maps(fringe_share=1, fringe_depth=0.1)
    outside = SCENE.thickness() == 0
    assert not maps.ripples[outside].any()
    assert 0.05 < np.abs(maps.ripples).max() <= 0.1 + 1e-6
