"""Isolated bodies: geometric truth, the same scene with and without the detector's blur."""

import numpy as np
import pytest

from nanosieve.simulation.projected.isolated import FAMILIES, PRESET_OF, isolated_bodies


@pytest.mark.parametrize("modality", PRESET_OF)
@pytest.mark.parametrize("family", FAMILIES)
def test_bodies_lie_apart_and_whole_in_an_image_without_noise(modality, family):
    sharp, scene = isolated_bodies(modality, family, diameter_px=24, seed=3, camera=False)
    image, same = isolated_bodies(modality, family, diameter_px=24, seed=3)
    labels = scene.labels()
    np.testing.assert_array_equal(labels, same.labels())
    assert {body.shape_name for body in scene.bodies} <= set(FAMILIES[family])
    assert len(scene) >= 4
    # The area of the whole body: none is cut.
    areas = np.bincount(labels.ravel())[1:]
    np.testing.assert_allclose(areas, np.pi / 4 * scene.diameters_px**2, rtol=0.03)
    inside = np.median(sharp[labels > 0]) - np.median(sharp[labels == 0])
    assert (inside > 0) == (modality in ("haadf", "laadf"))
    assert image.dtype == np.float32
    # The detector blurs, it adds nothing.
    assert image.mean() == pytest.approx(sharp.mean(), rel=0.01)
    assert 0 < np.abs(image - sharp).mean() < 0.2 * abs(inside)


def test_every_preset_draws_anew_with_another_seed():
    first, second, again = (
        isolated_bodies("haadf", "spheres", diameter_px=20, seed=seed).image for seed in (0, 1, 0)
    )
    assert (first == again).all()
    assert (first != second).any()
