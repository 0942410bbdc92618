"""Images of a wave: amplitude by absorption, rims by the lens, nothing from the opposite edge."""

import numpy as np
import pytest

from nanosieve.simulation.projected.contrast import phase_contrast, strengths
from nanosieve.simulation.projected.modalities import PhaseContrast
from nanosieve.simulation.projected.particle_contrast import Particles
from nanosieve.simulation.projected.spheres import spheres
from nanosieve.simulation.projected.support import Support

SHAPE = (96, 120)


def _exposed(particles_nm, support_nm=0.0, **optics):
    settings = PhaseContrast(
        detector={"model": "counting", "dose_e_per_A2": 10},
        optics={"energy_kv": 300} | optics,
        stopped=0.5,
        support_grain=0,
        particle_grain=0,
        illumination={"gradient": 0, "vignette": 0},
    )
    rng = np.random.default_rng(0)
    thickness = np.broadcast_to(np.asarray(particles_nm, np.float32), SHAPE)
    film = np.full(SHAPE, support_nm, np.float32)
    optical = strengths(settings, "silicon-nitride", ("Au", 5.0), 0.18, rng)
    particles = Particles(thickness, thickness, np.zeros(SHAPE, np.float32))
    support = Support("flat", "silicon-nitride", film, film >= 0)
    return phase_contrast(support, particles, optical, settings, rng), optical


def test_an_even_layer_absorbs_by_beer_lambert_whatever_the_defocus():
    for defocus in (0, 300):
        made, optical = _exposed(5.0, 30.0, defocus_nm=defocus)
        depth = optical.support_per_nm * 30
        np.testing.assert_allclose(made.bare, np.exp(-depth), rtol=1e-4)
        np.testing.assert_allclose(
            made.intensity, np.exp(-depth - 5 * optical.particle_per_nm), rtol=1e-4
        )


def test_a_particle_is_dark_in_focus_and_has_a_bright_rim_in_underfocus():
    scene = spheres(SHAPE, [[48, 60]], [14])
    made, _ = _exposed(0.18 * scene.thickness())
    assert made.intensity[48, 60] < 0.95
    rims = [
        _exposed(0.18 * scene.thickness(), defocus_nm=defocus, convergence_mrad=0.3)[0]
        for defocus in (300, -300)
    ]
    under, over = (float(one.intensity[48, 75:77].mean()) for one in rims)
    assert under > 1.02 > over


def test_a_particle_at_one_edge_leaves_the_other_as_it_is():
    scene = spheres(SHAPE, [[48, 2]], [14])
    made, _ = _exposed(0.18 * scene.thickness(), defocus_nm=300, convergence_mrad=0.3)
    np.testing.assert_allclose(made.intensity[:, -15:], 1, atol=0.02)


def test_what_was_drawn_is_told():
    made, optical = _exposed(5.0, defocus_nm=120, cs_mm=1.2)
    assert made.imaged["defocus_nm"] == 120
    assert made.imaged["cs_mm"] == 1.2
    assert made.imaged["energy_kv"] == 300
    assert made.imaged["stopped"] == pytest.approx(0.5)
    assert optical.energy_kv == 300
