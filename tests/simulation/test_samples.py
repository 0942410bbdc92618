"""The bundled samples show what they are for, and their truth fits their pixels."""

import numpy as np
import pytest

from nanosieve.simulation.samples import SAMPLE_NAMES, sample, samples


@pytest.fixture(scope="module")
def bundled():
    return {one.name: one for one in samples()}


def test_all_names_are_drawn(bundled):
    assert tuple(bundled) == SAMPLE_NAMES


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_truth_fits_the_image(bundled, name):
    one = bundled[name]
    image = one.micrograph.frames[0]
    assert image.dtype == np.uint16
    assert image.shape == one.labels.shape
    assert image.max() < 65535
    assert one.micrograph.calibration.pixel_size_nm > 0
    assert one.labels.max() == len(one.diameters_nm) == len(np.unique(one.labels)) - 1


@pytest.mark.parametrize("name", [name for name in SAMPLE_NAMES if name != "empty_support"])
def test_particles_are_darker_or_brighter_as_the_name_says(bundled, name):
    one = bundled[name]
    image = one.micrograph.frames[0].astype(float)
    difference = image[one.labels > 0].mean() - image[one.labels == 0].mean()
    assert (difference > 0) == ("bright" in name)


def test_whole_particles_have_the_area_of_their_diameter(bundled):
    one = bundled["large_dark"]
    pixel = one.micrograph.calibration.pixel_size_nm
    areas = np.bincount(one.labels.ravel())[1:] * pixel**2
    np.testing.assert_allclose(2 * np.sqrt(areas / np.pi), one.diameters_nm, rtol=0.01)


def test_sizes_span_six_to_a_hundred_and_thirty_pixels(bundled):
    medians = {
        name: np.median(one.diameters_nm) / one.micrograph.calibration.pixel_size_nm
        for name, one in bundled.items()
        if len(one.diameters_nm)
    }
    assert medians["small_bright"] == pytest.approx(6.4, abs=0.5)
    assert medians["large_dark"] == pytest.approx(130, abs=12)


def test_a_sample_is_the_same_every_time_and_whichever_was_drawn_before(bundled):
    np.testing.assert_array_equal(
        sample("low_dose").micrograph.frames[0], bundled["low_dose"].micrograph.frames[0]
    )
