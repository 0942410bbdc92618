"""The lens: signs, zeros and losses, against formulae written out here and abTEM's."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from nanosieve.simulation.wave.optics import (
    OpticsSettings,
    interaction_constant,
    scherzer_defocus_nm,
    wavelength_nm,
)
from nanosieve.simulation.wave.transfer import (
    Optics,
    aberration_phase,
    frequencies,
    image,
    resample,
    transfer_function,
)

SHAPE = (96, 128)
SAMPLING = (0.021, 0.019)


@pytest.mark.parametrize(("kv", "picometre"), [(80, 4.1757), (200, 2.5079), (300, 1.9687)])
def test_wavelength_is_the_textbook_one(kv, picometre):
    # Kirkland, Advanced Computing in Electron Microscopy, table 2.2.
    assert wavelength_nm(kv) * 1000 == pytest.approx(picometre, abs=2e-4)


def test_constants_agree_with_abtem():
    energy = pytest.importorskip("abtem.core.energy")
    for kv in (80, 200, 300):
        assert wavelength_nm(kv) == pytest.approx(energy.energy2wavelength(kv * 1e3) / 10, rel=1e-6)
        # abTEM: rad for each V angstrom.
        sigma = energy.energy2sigma(kv * 1e3) * 10
        assert interaction_constant(kv) == pytest.approx(sigma, rel=1e-5)


@pytest.mark.parametrize(("spread_nm", "convergence_mrad"), [(0, 0), (3, 0), (0, 0.4), (3, 0.4)])
def test_transfer_agrees_with_abtem(spread_nm, convergence_mrad):
    abtem = pytest.importorskip("abtem")
    optics = Optics(
        200,
        defocus_nm=42,
        cs_mm=0.7,
        astigmatism_nm=6,
        astigmatism_deg=25,
        coma_nm=80,
        coma_deg=130,
        trefoil_nm=60,
        trefoil_deg=-17,
        focal_spread_nm=spread_nm,
        convergence_mrad=convergence_mrad,
    )
    turns = np.radians([25, 130, -17])
    reference = abtem.CTF(
        energy=200e3,
        gpts=SHAPE[::-1],
        sampling=tuple(10 * s for s in SAMPLING[::-1]),
        C30=0.7e7,
        C12=60,
        phi12=turns[0],
        C21=800,
        phi21=turns[1],
        C23=600,
        phi23=turns[2],
        defocus=420,
        # Its spread is where the envelope's exponent has an extra half.
        focal_spread=10 * spread_nm * np.sqrt(2),
        angular_spread=convergence_mrad,
    )
    expected = np.asarray(reference._evaluate_kernel()).T
    # abTEM's y grows upwards, rows grow downwards.
    expected = np.roll(expected[::-1], 1, axis=0)
    ky, kx = frequencies(SHAPE, SAMPLING)
    found = transfer_function(ky, kx, optics)
    # Beyond, abTEM's single precision does not hold the phase.
    near = np.hypot(ky, kx) < 15
    np.testing.assert_allclose(found[near], expected[near], atol=3e-3)


def _weak_phase(shape=(128, 128), sampling=0.02):
    """A faint phase object of all frequencies, and its spectrum."""
    phase = 1e-3 * np.random.default_rng(0).standard_normal(shape)
    return np.exp(1j * phase), np.fft.fft2(phase), frequencies(shape, sampling)


def test_atoms_are_dark_at_scherzer_defocus_and_bright_at_the_opposite():
    y, x = np.mgrid[-32:32, -32:32] * 0.02
    atom = np.exp(0.05j * np.exp(-(x**2 + y**2) / (2 * 0.05**2)))
    defocus = scherzer_defocus_nm(1.0, 200)
    assert defocus > 0
    dark = image(atom, 0.02, Optics(200, defocus_nm=defocus, cs_mm=1))
    bright = image(atom, 0.02, Optics(200, defocus_nm=-defocus, cs_mm=-1))
    assert dark[32, 32] < 0.98
    assert bright[32, 32] > 1.02


def test_overfocus_alone_makes_the_middle_of_an_atom_bright():
    y, x = np.mgrid[-32:32, -32:32] * 0.02
    atom = np.exp(0.05j * np.exp(-(x**2 + y**2) / (2 * 0.1**2)))
    assert image(atom, 0.02, Optics(200, defocus_nm=8))[32, 32] < 0.98
    assert image(atom, 0.02, Optics(200, defocus_nm=-8))[32, 32] > 1.02


def test_thon_rings_are_where_the_formula_says():
    wave, spectrum, (ky, kx) = _weak_phase()
    optics = Optics(300, defocus_nm=60, cs_mm=1.2, focal_spread_nm=3)
    found = np.fft.fft2(image(wave, 0.02, optics).astype(float)) / spectrum
    k = np.hypot(ky, kx)
    lam = wavelength_nm(300)
    chi = np.pi * lam * k**2 * (-60) + 0.5 * np.pi * lam**3 * 1.2e6 * k**4
    damped = np.exp(-0.5 * (np.pi * lam * 3 * k**2) ** 2)
    band = (k > 0.3) & (k < 8)
    np.testing.assert_allclose(found[band].real, (2 * np.sin(chi) * damped)[band], atol=0.03)


def test_summed_foci_agree_with_the_envelope_for_a_weak_object():
    wave, _, _ = _weak_phase()
    optics = Optics(300, defocus_nm=20, focal_spread_nm=4, aperture_mrad=18)
    once = image(wave, 0.02, optics) - 1
    summed = image(wave, 0.02, optics, sum_foci=True) - 1
    assert np.corrcoef(once.ravel(), summed.ravel())[0, 1] > 0.9999
    assert np.std(summed) == pytest.approx(np.std(once), rel=0.01)


def test_summed_foci_lose_no_electrons_where_the_envelope_does():
    wave = np.exp(1j * np.random.default_rng(1).standard_normal((64, 64)))
    optics = Optics(300, focal_spread_nm=5)
    assert image(wave, 0.02, optics, sum_foci=True).mean() == pytest.approx(1, abs=1e-5)
    assert image(wave, 0.02, optics).mean() < 0.9


def test_summed_foci_are_the_mean_over_a_normal_law():
    wave = np.exp(1j * np.random.default_rng(2).standard_normal((32, 32)))
    drawn = np.linspace(-4, 4, 161)
    law = np.exp(-(drawn**2) / 2)
    brute = sum(
        weight * image(wave, 0.05, Optics(300, defocus_nm=10 + 2 * step)).astype(float)
        for step, weight in zip(drawn, law / law.sum(), strict=True)
    )
    optics = Optics(300, defocus_nm=10, focal_spread_nm=2)
    np.testing.assert_allclose(image(wave, 0.05, optics, sum_foci=True), brute, atol=2e-3)


def test_beams_beyond_the_information_limit_do_not_come_back():
    # Fringes of 0.08 nm at 300 kV with 5 nm of focal spread: exp(-12) is left of them.
    x = np.arange(80) * 0.02
    wave = np.exp(0.02j * np.cos(2 * np.pi * x / 0.08))[None].repeat(80, 0)
    seen = Optics(300, defocus_nm=0.25 * 0.08**2 / wavelength_nm(300) * 2)
    assert np.std(image(wave, 0.02, seen)) > 0.02
    assert np.std(image(wave, 0.02, replace(seen, focal_spread_nm=5), sum_foci=True)) < 1e-3


def test_convergence_envelope_is_the_mean_over_tilted_beams():
    ky, kx = np.zeros(40), np.linspace(0, 8, 40)
    optics = Optics(300, defocus_nm=50, cs_mm=1, coma_nm=100, astigmatism_nm=5, trefoil_nm=50)
    alpha, lam = 0.3e-3, wavelength_nm(300)
    # Small enough tilts that the phase is linear in them, as the envelope takes it to be.
    steps = np.linspace(-3, 3, 61) * alpha
    angles = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    law = np.exp(-np.sum(angles**2, axis=1) / alpha**2)
    small = 1e-3
    rise = np.stack(
        [
            aberration_phase(ky + small * (axis == 0), kx + small * (axis == 1), optics)
            - aberration_phase(ky - small * (axis == 0), kx - small * (axis == 1), optics)
            for axis in (0, 1)
        ]
    ) / (2 * small * lam)
    mean = (law[:, None] * np.exp(1j * angles @ rise)).sum(0) / law.sum()
    found = np.abs(transfer_function(ky, kx, Optics(**{**vars(optics), "convergence_mrad": 0.3})))
    np.testing.assert_allclose(found, np.abs(mean), atol=2e-3)


def test_aperture_stops_what_is_scattered_further():
    ky, kx = frequencies((64, 64), 0.02)
    found = transfer_function(ky, kx, Optics(300, aperture_mrad=12))
    angle = 1000 * wavelength_nm(300) * np.hypot(ky, kx)
    assert np.abs(found[angle > 12]).max() == 0
    np.testing.assert_allclose(np.abs(found[angle < 12]), 1)


def test_image_spread_blurs_and_contrast_weakens_around_the_mean():
    y = np.arange(64) * 0.02
    wave = np.sqrt(1 + 0.4 * np.cos(2 * np.pi * y / 0.32))[:, None].repeat(64, 1)
    sharp = image(wave, 0.02, Optics(300))
    blurred = image(wave, 0.02, Optics(300, image_spread_nm=0.05, contrast=0.5))
    expected = 0.5 * np.exp(-2 * (np.pi * 0.05 / 0.32) ** 2)
    assert np.std(blurred) / np.std(sharp) == pytest.approx(expected, rel=1e-4)
    assert blurred.mean() == pytest.approx(sharp.mean(), rel=1e-6)


def test_waves_of_frozen_phonons_are_averaged_as_intensities():
    first, second = (_weak_phase()[0] * factor for factor in (1, 0.5))
    optics = Optics(300, defocus_nm=30)
    both = image(np.stack([first, second]), 0.02, optics)
    mean = (image(first, 0.02, optics) + image(second, 0.02, optics)) / 2
    np.testing.assert_allclose(both, mean, atol=1e-6)


@pytest.mark.parametrize("pixel", [0.011, 0.0215, 0.05])
def test_resample_evaluates_the_fourier_series(pixel):
    size, sampling, start = 120, 0.02, 0.313
    n = np.arange(size) * sampling
    length = size * sampling
    periods = (3, 7)

    def values(y, x):
        first = np.cos(2 * np.pi * periods[0] * y / length + 0.4)[:, None]
        return 1 + 0.3 * first * np.sin(2 * np.pi * periods[1] * x / length)[None]

    shape = (30, 36)
    places = [start + pixel * np.arange(count) for count in shape]
    found = resample(values(n, n), sampling, pixel, shape, start_nm=start)
    np.testing.assert_allclose(found, values(*places), atol=1e-5)


def test_resample_cuts_what_coarse_pixels_cannot_hold():
    n = np.arange(100) * 0.02
    fine = np.cos(2 * np.pi * n / 0.1)[:, None].repeat(100, 1)
    assert np.abs(resample(fine, 0.02, 0.08, (25, 25))).max() < 1e-5


def test_resample_refuses_a_field_larger_than_the_cell():
    with pytest.raises(ValueError, match=r"100 pixels of 0\.03 nm do not fit in 2 nm"):
        resample(np.ones((100, 100)), 0.02, 0.03, (100, 100))


def test_settings_draw_around_scherzer_defocus_and_within_ranges():
    settings = OpticsSettings(
        energy_kv=200,
        cs_mm=[0.5, 1.4],
        defocus_nm=[-10, 10],
        defocus_from="scherzer",
        aperture_mrad=[15, 25],
        contrast=[0.3, 1],
    )
    rng = np.random.default_rng(0)
    for optics in (settings.draw(rng) for _ in range(20)):
        assert abs(optics.defocus_nm - scherzer_defocus_nm(optics.cs_mm, 200)) <= 10
        assert 15 <= optics.aperture_mrad <= 25
        assert 0.3 <= optics.contrast <= 1
    assert settings.draw(rng, energy_kv=80).energy_kv == 80


def test_parameters_name_every_value():
    written = Optics(300, defocus_nm=12).parameters()
    assert written["defocus_nm"] == 12
    assert written["aperture_mrad"] == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"energy_kv": 300_000}, "give kilovolts"),
        ({"focal_spread_nm": [-1, 1]}, "focal_spread_nm is not negative"),
        ({"aperture_mrad": 0}, "aperture_mrad is positive"),
        ({"contrast": [0.5, 1.2]}, "at most 1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        OpticsSettings(**settings)
