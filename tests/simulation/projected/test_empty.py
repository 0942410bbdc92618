"""Empty supports hold nothing and are named after what they are."""

import numpy as np
import pytest

from nanosieve.simulation.projected.empty import empty_supports


@pytest.mark.parametrize("preset", ["bf-supported", "haadf-supported"])
def test_as_many_supports_as_asked_each_another_one(preset):
    images = list(empty_supports(preset, n=4, shape=(96, 96)))
    assert len({image.name for image in images}) == 4
    assert all(image.shape == (1, 96, 96) for image in images)
    assert all(np.ptp(image.frames[0]) > 0 for image in images)
    again = list(empty_supports(preset, n=2, shape=(96, 96)))
    np.testing.assert_array_equal(images[1].frames[0], again[1].frames[0])
    assert (images[0].frames[0] != images[1].frames[0]).any()


def test_one_kind_of_support_can_be_asked_for():
    images = list(empty_supports(n=3, shape=(64, 64), kind="tubes"))
    assert [image.name for image in images] == [f"bf-supported_tubes_{k}" for k in range(3)]
