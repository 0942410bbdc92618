"""Bare supports have the statistics that their docstrings state."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.supports import SUPPORT_KINDS, empty_supports, support


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


def test_empty_supports_cover_every_kind_and_mode_and_differ_by_seed():
    images = empty_supports((64, 64), seeds=[0, 1])
    names = [image.name for image in images]
    assert len(set(names)) == 12
    assert {name.rsplit("_", 1)[0] for name in names} == {
        f"{kind}_{mode}" for kind in SUPPORT_KINDS for mode in ("bf", "haadf")
    }
    assert all(image.dtype == np.uint16 and image.shape == (1, 64, 64) for image in images)
    assert (images[0].frames[0] != images[6].frames[0]).any()


def test_an_unknown_kind_is_an_error():
    with pytest.raises(UsageError, match="must be one of flat, textured, gradient: 'lacey'"):
        support((9, 9), "lacey", rng=np.random.default_rng(0))
