"""Enlarged noise is correlated; grey levels are bent between their limits."""

import numpy as np
import pytest
from pydantic import ValidationError

from nanosieve.simulation.projected.oversampling import Oversampling, bend, detector_shape
from nanosieve.simulation.projected.textures import enlarge


def _neighbours(noise):
    return float(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1])


def test_noise_of_an_enlarged_image_is_correlated():
    rng = np.random.default_rng(0)
    recorded = rng.standard_normal(detector_shape((512, 512), 2.0)).astype(np.float32)
    assert abs(_neighbours(recorded)) < 0.02
    assert _neighbours(enlarge(recorded, (512, 512))) > 0.6


def test_enlarging_and_reducing_keep_the_middle_where_it_was():
    y, x = np.mgrid[:120, :120]
    blob = np.exp(-((y - 71.5) ** 2 + (x - 33.5) ** 2) / 200).astype(np.float32)
    small = enlarge(blob, (60, 60))
    again = enlarge(small, (120, 120))
    assert again.sum() == pytest.approx(blob.sum(), rel=1e-3)
    for axis, middle in ((0, 71.5), (1, 33.5)):
        at = np.arange(120) + 0.0
        profile = again.sum(axis=1 - axis)
        assert (profile * at).sum() / profile.sum() == pytest.approx(middle, abs=0.05)


def test_the_stated_share_is_enlarged():
    rng = np.random.default_rng(1)
    settings = Oversampling(share=0.45, factor=[1.2, 3.2])
    factors = np.array([settings.draw_factor(rng) for _ in range(2000)])
    assert (factors > 1).mean() == pytest.approx(0.45, abs=0.04)
    assert factors[factors > 1].min() >= 1.2
    assert factors.max() <= 3.2


def test_bent_grey_levels_keep_limits_and_order():
    values = np.array([3.0, 5.0, 9.0, 11.0])
    bent = bend(values, 0.5)
    assert bent[0] == 3
    assert bent[-1] == 11
    assert (np.diff(bent) > 0).all()
    assert bent[1] == pytest.approx(3 + 8 * np.sqrt(0.25))
    np.testing.assert_array_equal(bend(np.full(4, 7.0), 0.5), 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"factor": 0.5}, "factor is at least 1"), ({"gamma": 0}, "gamma is more than 0")],
)
def test_impossible_settings_are_an_error(settings, message):
    with pytest.raises(ValidationError, match=message):
        Oversampling(**settings)
