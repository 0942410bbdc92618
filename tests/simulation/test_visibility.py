"""Discs and fringes in noise of known power, where the ratios can be worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.simulation.visibility import LEAST_FRINGE_SNR, Boxed, ignore_mask, visibility

Y, X = np.mgrid[:128, :128]
DISC = np.hypot(Y - 60, X - 64) < 20
AREA = int(DISC.sum())
FLAT = np.ones((128, 128))


def _see(clean, noise, outlines=(DISC,), **options):
    return visibility(clean, noise, list(outlines), pixel_size_nm=0.02, **options)


@pytest.mark.parametrize("known_support", [False, True])
@pytest.mark.parametrize("contrast", [0.05, -0.05])
def test_a_disc_in_white_noise(contrast, known_support):
    [seen] = _see(FLAT + contrast * DISC, 0.1 * FLAT, without=FLAT if known_support else None)
    # Noise of two means over the area, and a step of 0.7 % of the range: six deviations and the
    # disc itself.
    std = np.hypot(0.1 * np.sqrt(2 / AREA), 0.007 * (6 * 0.1 + 0.05))
    assert seen.contrast_cnr == pytest.approx(0.05 / std, rel=1e-3)
    assert np.isnan(seen.fringe_snr)
    assert seen.visible


def test_a_fading_disc_is_lost_at_the_limit():
    seen = [_see(FLAT - c * DISC, 0.1 * FLAT)[0] for c in (0.04, 0.03, 0.02, 0.01)]
    assert [one.visible for one in seen] == [one.contrast_cnr >= 5 for one in seen]
    assert [one.visible for one in seen] == [True, True, False, False]


def test_correlated_noise_is_as_strong_as_at_its_lowest_frequencies():
    spectrum = np.ones((128, 65), np.float32)
    spectrum[0, 0] = 4
    clean = FLAT - 0.5 * DISC
    white, correlated = (_see(clean, 4 * FLAT, spectrum=s)[0] for s in (None, spectrum))
    assert correlated.contrast_cnr < 0.8 * white.contrast_cnr


@pytest.mark.parametrize("known_support", [False, True])
def test_texture_as_large_as_the_particle_hides_it_and_fine_texture_does_not(known_support):
    rng = np.random.default_rng(0)
    found = []
    for sigma in (1, 8):
        texture = ndimage.gaussian_filter(rng.normal(size=FLAT.shape), sigma)
        support = 1 + 0.1 * texture / texture.std()
        clean = support - 0.1 * DISC
        without = support if known_support else None
        found.append(_see(clean, 1e-3 * FLAT, without=without)[0].contrast_cnr)
    assert found[0] > 3 * found[1]
    assert found[1] < 5


def test_the_background_is_that_beside_the_particle():
    gradient = 1 + X / 128
    [seen] = _see(gradient - 0.05 * DISC, 0.1 * FLAT)
    [level] = _see(FLAT - 0.05 * DISC, 0.1 * FLAT)
    # The gradient takes up the screen: the same disc is harder to see, but not another disc.
    assert 0.3 < seen.contrast_cnr / level.contrast_cnr < 0.8


def test_fringes_over_noise_and_support_in_their_band():
    wave = 0.1 * np.cos(2 * np.pi * X * 0.1)
    [seen] = _see(FLAT + wave * DISC, 0.2 * FLAT, bands=(3.0, 5 / 0.6))
    # Power of a cosine: half the square of its amplitude. The band by its definition.
    k = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)) / 0.02
    k[0, 0] = 1e-3
    passed = 1 / ((1 + (3 / k) ** 8) * (1 + (k * 0.6 / 5) ** 8))
    share = (passed**2).mean()
    at_fringes = 1 / ((1 + 0.6**8) * (1 + 0.6**8))
    n = AREA * share
    excess = 0.1**2 / 2 * at_fringes**2 / (0.2**2 * share)
    reference = excess * np.sqrt(n / (1 + n / 300) / 2)
    # Beside its rim a particle loses some of its power to the filter.
    assert seen.fringe_snr == pytest.approx(reference, rel=0.2)
    assert seen.visible
    assert seen.contrast_cnr < 5


def test_fringes_of_the_support_do_not_count():
    wave = 0.1 * np.cos(2 * np.pi * X * 0.1)
    for without in (None, FLAT + wave):
        [seen] = _see(FLAT + wave, 0.02 * FLAT, bands=(4.0, 6.25), without=without)
        assert seen.fringe_snr < 0.5
        assert not seen.visible


def test_each_particle_has_its_own_band():
    other = np.hypot(Y - 100, X - 20) < 15
    wave = 0.2 * np.cos(2 * np.pi * X * 0.1)
    seen = _see(FLAT + wave * (DISC | other), 0.1 * FLAT, [DISC, other], bands=[(4, 6.25), (9, 14)])
    assert seen[0].visible
    assert not seen[1].visible


def test_boxes_give_what_whole_images_give():
    clean = FLAT - 0.05 * DISC
    box = slice(40, 81), slice(44, 85)
    [whole], [boxed] = (_see(clean, 0.1 * FLAT, [o]) for o in (DISC, Boxed(box, DISC[box])))
    assert boxed.contrast_cnr == pytest.approx(whole.contrast_cnr)


def test_an_overlapped_particle_is_judged_by_what_is_its_own():
    other = np.hypot(Y - 60, X - 84) < 20
    clean = FLAT - 0.001 * DISC - 0.5 * other
    first, second = _see(clean, 0.1 * FLAT, [DISC, other], without=FLAT)
    assert not first.visible
    assert second.visible


def test_particles_that_fill_the_image_are_seen_or_not_without_a_support():
    everywhere = np.ones((128, 128), bool)
    [seen] = _see(FLAT, 0.1 * FLAT, [everywhere], bands=(4.0, 6.0))
    assert seen.contrast_cnr == 0
    assert seen.fringe_snr == pytest.approx(0, abs=1e-6)


def test_a_particle_outside_the_frame_is_not_visible():
    nowhere = np.zeros((128, 128), bool)
    [first] = _see(FLAT, FLAT, [nowhere])
    [second] = _see(FLAT, FLAT, [Boxed((slice(0, 2), slice(0, 2)), np.zeros((2, 2), bool))])
    assert not first.visible
    assert second.contrast_cnr == 0
    assert _see(FLAT, FLAT, []) == []


def test_particles_that_cannot_be_seen_are_ignored():
    instances = np.array([[0, 1, 2], [3, 3, 0]])
    mask = ignore_mask(instances, [False, True, False])
    assert mask.tolist() == [[False, True, False], [True, True, False]]
    with pytest.raises(UsageError, match="3 particles, 2 answers whether they are visible"):
        ignore_mask(instances, [True, True])


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([(2, 3), (2, 3)], "2 lattice bands for 1 particles: give one, or one each"),
        ((5, 4), "lattice band of 5 to 4 per nm: give a lower and a higher frequency"),
        ((0, 4), "lattice band of 0 to 4 per nm"),
        ((30, 40), "the lower below Nyquist's of 25"),
    ],
)
def test_bands_that_do_not_fit_are_refused(bands, message):
    with pytest.raises(UsageError, match=message):
        _see(FLAT, FLAT, bands=bands)


def test_a_fading_lattice_is_lost_at_the_limit():
    wave = np.cos(2 * np.pi * X * 0.1) * DISC
    seen = [
        _see(FLAT + a * wave, 0.2 * FLAT, bands=(4.0, 6.25))[0] for a in (0.07, 0.06, 0.05, 0.04)
    ]
    assert [one.visible for one in seen] == [one.fringe_snr >= LEAST_FRINGE_SNR for one in seen]
    assert [one.visible for one in seen] == [True, True, False, False]
