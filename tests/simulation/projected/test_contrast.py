"""Noise-free intensities against Beer-Lambert's law, linear scattering and Fresnel's fringes."""

import numpy as np
import pytest

from nanosieve.simulation.projected.contrast import (
    bright_field,
    dark_field,
    illuminate,
    strengths,
)
from nanosieve.simulation.projected.materials import MATERIALS
from nanosieve.simulation.projected.modalities import BrightField, DarkField, Illumination
from nanosieve.simulation.projected.particle_contrast import Particles
from nanosieve.simulation.projected.spheres import spheres
from nanosieve.simulation.projected.support import Support

# Nothing of it is drawn: what is left can be computed by hand.
DETECTOR = {"model": "counting", "dose_e_per_A2": 100}
DIFFRACTION = {"spread": 0, "mottle": 0}
ILLUMINATION = {"gradient": 0, "vignette": 0}
COMMON = {
    "detector": DETECTOR,
    "diffraction": DIFFRACTION,
    "illumination": ILLUMINATION,
    "blur_px": 0,
    "veil": 0,
    "energy_kv": 200,
}
BRIGHT = COMMON | {
    "stopped": 0.6,
    "defocus_px": 0,
    "support_grain": 0,
    "particle_grain": 0,
    "overfocus_share": 0,
}
DARK = COMMON | {"exponent": 1.7, "of_gold": 0.2}
SHAPE = (64, 64)


def _bright(**others):
    return BrightField(**(BRIGHT | others))


def _dark(**others):
    return DarkField(**(DARK | others))


def _slab(thickness_nm, shape=SHAPE):
    """Particles that are everywhere equally thick."""
    full = np.full(shape, thickness_nm, np.float32)
    return Particles(full, full, np.zeros(shape, np.float32))


def _bare(thickness_nm, shape=SHAPE, material="carbon"):
    full = np.full(shape, thickness_nm, np.float32)
    return Support("flat", material, full, full >= 0)


def _rng(seed=0):
    return np.random.default_rng(seed)


def _optical(settings, *, support="carbon", particle="Au", pixel_size_nm=0.5):
    return strengths(settings, support, (particle, 10.0), pixel_size_nm, _rng())


def _in_bright(settings, particles, support=None, **others):
    support = _bare(0, particles.thickness_nm.shape) if support is None else support
    return bright_field(support, particles, _optical(settings, **others), settings, _rng(1))


def _in_dark(settings, particles, support=None):
    support = _bare(0) if support is None else support
    return dark_field(support, particles, _optical(settings), settings, _rng(1))


@pytest.mark.parametrize("thickness", [1.0, 5.0, 20.0])
def test_gold_absorbs_by_beer_lambert(thickness):
    # n x cross-section x share, with the formula of Langmore and Smith written out.
    beta = 0.69531
    section = 1.4e-6 * 79**1.5 / beta**2 * (1 - 0.26 * 79 / (137.036 * beta))
    per_nm = 0.6 * 58.98 * section
    exposure = _in_bright(_bright(), _slab(thickness))
    assert exposure.intensity.mean() == pytest.approx(np.exp(-per_nm * thickness), rel=2e-3)
    np.testing.assert_array_equal(exposure.bare, 1)


def test_support_and_particles_absorb_one_after_the_other():
    settings = _bright()
    both = _in_bright(settings, _slab(5), _bare(40)).intensity.mean()
    alone = _in_bright(settings, _slab(5)).intensity.mean()
    support = _in_bright(settings, _slab(0), _bare(40)).intensity.mean()
    assert both == pytest.approx(alone * support, rel=1e-5)


def test_a_veil_arrives_everywhere():
    thick = _in_bright(_bright(veil=0.1), _slab(500)).intensity
    np.testing.assert_allclose(thick, 0.1, atol=1e-4)


def test_annular_signal_is_linear_in_thickness_and_adds_to_the_support():
    settings = _dark(of_gold=0.02)
    one, two = (_in_dark(settings, _slab(t)).intensity.mean() for t in (1.0, 2.0))
    assert two / one == pytest.approx(2, rel=2e-3)
    ground = _in_dark(settings, _slab(0), _bare(20)).intensity.mean()
    assert _in_dark(settings, _slab(1), _bare(20)).intensity.mean() == pytest.approx(
        one + ground, rel=2e-3
    )
    ratio = one / (ground / 20)
    gold, carbon = MATERIALS["Au"], MATERIALS["carbon"]
    expected = gold.units_per_nm3 / carbon.units_per_nm3 * (79 / 6) ** 1.7
    assert ratio == pytest.approx(expected, rel=5e-3)


def test_thick_matter_saturates_the_annular_detector():
    assert 0.9 < _in_dark(_dark(), _slab(500)).intensity.mean() <= 1


def test_contrast_falls_with_thickness():
    for expose, settings in ((_in_bright, _bright()), (_in_dark, _dark())):
        changes = []
        for thickness in (10.0, 3.0, 1.0):
            made = expose(settings, _slab(thickness))
            changes.append(abs(float((made.intensity - made.bare).mean())))
        assert changes[0] > changes[1] > changes[2] > 0


def test_particles_are_dark_in_bright_field_and_bright_in_dark_field():
    scene = spheres((96, 96), [[48, 48]], [15])
    thickness = scene.thickness() * 0.5
    particles = Particles(thickness, thickness, np.zeros_like(thickness))
    inside = scene.labels() > 0
    for expose, settings, sign in ((bright_field, _bright(), -1), (dark_field, _dark(), 1)):
        made = expose(_bare(5, (96, 96)), particles, _optical(settings), settings, _rng(0))
        assert sign * (made.intensity[inside] - made.bare[inside]).min() > 0
        np.testing.assert_allclose(made.intensity[:10], made.bare[:10], rtol=1e-6)


@pytest.mark.parametrize(("over", "sign"), [(0, 1), (1, -1)])
def test_underfocus_makes_a_bright_rim_and_overfocus_a_dark_one(over, sign):
    scene = spheres((128, 128), [[64, 64]], [25])
    thickness = scene.thickness() * 0.5
    particles = Particles(thickness, thickness, np.zeros_like(thickness))
    settings = _bright(defocus_px=2, fringes=0.5, rim_limit=0.3, overfocus_share=over)
    made = _in_bright(settings, particles)
    assert sign * (made.intensity[64, 90] - 1) > 0.02  # one pixel outside
    assert made.intensity[64, 120] == pytest.approx(1, abs=5e-3)
    # (2 px x 0.5 nm)^2 over the wavelength of 200 kV.
    assert made.imaged["defocus_nm"] == pytest.approx(sign * 1 / 2.508e-3, rel=1e-3)
    assert np.abs(made.intensity).max() <= 1.3 + 1e-6


def test_grain_of_a_film_grows_with_the_root_of_its_thickness():
    settings = _bright(defocus_px=1.5, fringes=1, support_grain=1, rim_limit=1)
    thin, thick = (
        _in_bright(settings, _slab(0, (256, 256)), _bare(t, (256, 256)), pixel_size_nm=0.2).bare
        for t in (5.0, 20.0)
    )
    assert thick.std() / thick.mean() == pytest.approx(2 * thin.std() / thin.mean(), rel=0.05)
    assert thin.std() / thin.mean() > 0.01


def test_light_falls_to_the_corners_and_slopes_and_drifts():
    flat = illuminate((64, 80), Illumination(gradient=0, vignette=0), _rng())
    np.testing.assert_array_equal(flat, 1)
    corner = illuminate((64, 80), Illumination(gradient=0, vignette=0.2), _rng())
    assert corner[0, 0] == pytest.approx(0.8, abs=0.01)
    assert corner[32, 40] == pytest.approx(1, abs=0.01)
    slope = illuminate((64, 80), Illumination(gradient=0.2, vignette=0), _rng())
    assert 0.05 < np.ptp(slope) < 0.4
    lines = illuminate((64, 80), Illumination(gradient=0, vignette=0, charging=0.05), _rng())
    assert np.ptp(lines, axis=1).max() == 0
    assert lines.std() == pytest.approx(0.05, rel=0.01)
    shaded = illuminate((64, 80), Illumination(gradient=0, vignette=0, shade_share=1), _rng())
    assert shaded.min() < 0.6
    assert shaded.max() == 1


def test_speckle_is_only_where_the_support_is():
    settings = _dark(speckle=0.1)
    made = dark_field(_bare(20), _slab(0), _optical(settings), settings, _rng())
    assert made.bare.std() / made.bare.mean() == pytest.approx(0.1, rel=0.05)
    assert dark_field(_bare(0), _slab(0), _optical(settings), settings, _rng()).bare.std() == 0
