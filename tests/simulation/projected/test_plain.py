"""Plain images: Beer-Lambert, additive scattering, Poisson statistics, supports as stated."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.plain import SUPPORT_KINDS, Imaging, draw, expose, support
from nanosieve.simulation.projected.spheres import spheres

QUIET = {"noise": False, "blur_px": 0.0, "counts": 10_000.0}


def _counts(imaging, depth, support=1.0):
    flat = np.full((3, 3), support, np.float32)
    thickness = np.full((3, 3), depth, np.float32)
    return int(expose(thickness, flat, imaging, thickest=1, rng=np.random.default_rng(0))[1, 1])


def test_dark_particles_absorb_exponentially():
    imaging = Imaging("dark", contrast=0.6, **QUIET)
    assert _counts(imaging, 1) == 4000
    assert _counts(imaging, 0.5) == pytest.approx(10_000 * np.sqrt(0.4), abs=1)
    assert _counts(imaging, 1, support=0.5) == 2000


def test_linear_absorption_never_goes_below_zero():
    imaging = Imaging("dark", contrast=0.6, model="linear", **QUIET)
    assert _counts(imaging, 0.5) == 7000
    assert _counts(imaging, 2) == 0


def test_bright_particles_add_to_their_support():
    imaging = Imaging("bright", contrast=3, **QUIET)
    assert _counts(imaging, 0.5, support=0.8) == 23_000


def test_counts_beyond_the_detector_are_clipped():
    assert _counts(Imaging("bright", contrast=9, **QUIET), 1) == 65535


def test_noise_has_poisson_and_readout_variance():
    imaging = Imaging("dark", counts=400, readout=15, blur_px=0.7)
    flat = np.ones((400, 400), np.float32)
    image = expose(0 * flat, flat, imaging, thickest=1, rng=np.random.default_rng(1))
    assert image.mean() == pytest.approx(400, rel=2e-3)
    assert image.var() == pytest.approx(400 + 15**2, rel=0.02)


def test_blur_keeps_the_signal_and_spreads_it():
    bodies = spheres((64, 64), [[32, 32]], [9])
    sharp = draw(bodies, Imaging("bright", contrast=2, **QUIET))
    soft = draw(bodies, Imaging("bright", contrast=2, **{**QUIET, "blur_px": 2}))
    assert soft.image.sum(dtype=float) == pytest.approx(sharp.image.sum(dtype=float), rel=1e-4)
    assert soft.image.max() < sharp.image.max()


def test_half_of_the_depth_lies_where_the_chord_says():
    """A linear image of a sphere has half its height at sqrt(3)/2 of the radius."""
    radius = 40.0
    bodies = spheres((121, 121), [[60, 60]], [radius])
    drawing = draw(bodies, Imaging("bright", contrast=4, **QUIET))
    row = drawing.image[60].astype(float)
    inside = np.nonzero(row > (row.min() + row.max()) / 2)[0]
    assert len(inside) == pytest.approx(np.sqrt(3) * radius, abs=1)
    assert (drawing.labels[60] > 0).sum() == 2 * radius - 1


def test_one_seed_gives_one_image_and_another_gives_another():
    bodies = spheres((50, 50), [[25, 25]], [9])
    first, again, other = (
        draw(bodies, rng=np.random.default_rng(seed)).image for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"polarity": "dark", "contrast": 1.2}, "contrast of dark particles lies between 0 and 1"),
        ({"polarity": "bright", "contrast": 0}, "contrast and counts must be positive"),
        ({"counts": 0}, "contrast and counts must be positive"),
        ({"readout": -1}, "readout and blur_px not negative"),
        ({"blur_px": -1}, "readout and blur_px not negative"),
    ],
)
def test_impossible_settings_are_an_error(settings, message):
    with pytest.raises(UsageError, match=message):
        Imaging(**settings)


@pytest.mark.parametrize("kind", SUPPORT_KINDS)
def test_a_support_has_mean_one_and_the_shape_asked_for(kind):
    field = support((130, 171), kind, rng=np.random.default_rng(0))
    assert field.shape == (130, 171)
    assert field.dtype == np.float32
    assert field.mean(dtype=float) == pytest.approx(1, abs=1e-4)


def test_flat_is_flat_textured_is_rough_gradient_slopes():
    rng = np.random.default_rng(2)
    flat, textured, gradient = (support((512, 512), kind, rng=rng) for kind in SUPPORT_KINDS)
    assert np.ptp(flat) == 0
    assert textured.std() == pytest.approx(0.0206, rel=0.1)
    corners = [gradient[:50, :50], gradient[:50, -50:], gradient[-50:, :50], gradient[-50:, -50:]]
    assert np.ptp([corner.mean() for corner in corners]) > 0.15


def test_texture_has_no_scale_left_out():
    """Blurring must take the variance away little by little, not at one scale."""
    field = support((512, 512), "textured", rng=np.random.default_rng(4))
    stds = [
        field.reshape(512 // size, size, 512 // size, size).mean(axis=(1, 3)).std()
        for size in (1, 4, 16, 64)
    ]
    shares = np.array(stds) / stds[0]
    assert (np.diff(shares) < -0.03).all()
    assert shares[-1] > 0.2


def test_an_unknown_kind_is_an_error():
    with pytest.raises(UsageError, match="must be one of flat, textured, gradient: 'lacey'"):
        support((9, 9), "lacey", rng=np.random.default_rng(0))
