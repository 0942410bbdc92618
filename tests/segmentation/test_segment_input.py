"""Frames that hold nothing, masks, and everything that is refused."""

import numpy as np
import pytest
from scenes import apart, over, worst_match

from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import spheres


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 200), (200, 1), (2, 2), (3, 3), (5, 7), (20, 20), (33, 4), (31, 300)]
)
def test_tiny_and_narrow_frames_are_handled(method, shape):
    image = np.random.default_rng(0).integers(0, 1000, shape).astype(np.uint16)
    found = segment(image, method=method)
    assert found.labels.shape == found.confidence.shape == shape
    assert np.unique(found.labels).tolist() == list(range(found.n + 1)) or found.n == 0


@pytest.mark.parametrize("shape", [(1, 40), (3, 3), (2, 100)])
def test_a_frame_too_small_for_a_particle_gives_none(shape):
    found = segment(np.random.default_rng(0).normal(size=shape))
    assert found.n == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_constant_frame_gives_nothing(method, dtype):
    found = segment(np.full((64, 80), 7, dtype), method=method)
    assert found.n == 0
    assert found.flags == ("one_population",)
    assert (found.labels.shape, found.labels.dtype) == ((64, 80), np.int32)
    assert not found.confidence.any()


def test_two_values_only_are_a_frame_with_particles():
    y, x = np.mgrid[:96, :96]
    disc = np.hypot(y - 40, x - 50) < 20
    found = segment(np.where(disc, 0, 255).astype(np.uint8))
    assert (found.n, found.polarity) == (1, "dark")
    assert abs(np.count_nonzero(found.mask) / np.count_nonzero(disc) - 1) < 0.12


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_found_where_it_does_not_count(method):
    truth = apart(20, "dark", seed=2)
    exclude = np.zeros(truth.image.shape, bool)
    exclude[:100, :120] = True
    found = segment(truth.image, method=method, exclude=exclude)
    assert found.excluded is not None
    np.testing.assert_array_equal(found.excluded, exclude)
    assert not found.labels[exclude].any()
    assert not found.confidence[exclude].any()
    kept = [n for n in range(1, 17) if not exclude[truth.labels == n].any()]
    outside = np.where(np.isin(truth.labels, kept), truth.labels, 0)
    for number in kept:
        under = np.unique(found.labels[outside == number])
        assert len(under[under > 0]) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0, 65535])
def test_a_caption_that_is_excluded_leaves_no_trace(method, value):
    truth = apart(20, "dark", seed=4)
    plain = segment(truth.image, method=method)
    image, exclude = truth.image.copy(), np.zeros(truth.image.shape, bool)
    caption, near = np.s_[226:, :80], np.s_[214:, :92]
    image[caption], exclude[caption] = value, True
    found = segment(image, method=method, exclude=exclude)
    hidden = np.unique(truth.labels[near])
    for number in range(1, plain.n + 1):
        if number not in hidden:
            inside = truth.labels == number
            before = np.count_nonzero(plain.labels == plain.labels[inside].max())
            after = np.count_nonzero(found.labels == found.labels[inside].max())
            assert abs(after / before - 1) < 0.05
    # Nothing grows along the caption where there is no particle.
    assert not found.labels[near][truth.labels[near] == 0].any() or len(hidden) > 1
    assert found.n <= plain.n


def test_a_mask_that_excludes_nothing_is_none():
    image = apart(20, "bright").image
    found = segment(image, exclude=np.zeros(image.shape, bool))
    assert found.excluded is None
    np.testing.assert_array_equal(found.labels, segment(image).labels)


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_all_excluded_gives_nothing(method):
    image = apart(20, "bright").image
    found = segment(image, method=method, exclude=np.ones(image.shape, bool))
    assert found.n == 0
    assert found.flags == ("one_population",)


def test_a_polarity_given_holds():
    truth = over(spheres((128, 128), [[40, 40], [90, 90]], [14, 14]), "dark")
    asked = segment(truth.image, polarity="dark")
    assert asked.polarity == "dark"
    assert worst_match(truth.labels, asked.labels) > 0.85
    wrong = segment(truth.image, polarity="bright")
    assert wrong.polarity == "bright"
    empty = segment(np.full((8, 8), 3), polarity="bright")
    assert empty.polarity == "bright"


IMAGE = np.zeros((16, 16), np.uint8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "no segmentation method is called 'magic'; choose auto, otsu"),
        ({"polarity": "grey"}, "polarity is one of auto, dark, bright, got 'grey'"),
        ({"edge": "third"}, "edge is one of base, half, otsu, got 'third'"),
        ({"paper_exact": True}, "paper_exact goes with method 'reconstruction', not 'hybrid'"),
        (
            {"exclude": np.zeros((16, 15), bool)},
            r"exclude has shape \(16, 15\), the image \(16, 16\); they must agree",
        ),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        segment(IMAGE, **options)


@pytest.mark.parametrize("shape", [(16,), (2, 16, 16)])
def test_frames_are_two_dimensional(shape):
    with pytest.raises(FailedInput, match=f"expected a \\(y, x\\) frame, got {len(shape)} dim"):
        segment(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_are_finite(value):
    image = np.random.default_rng(0).normal(size=(32, 32))
    image[3, 4] = value
    with pytest.raises(FailedInput, match="holds NaN or infinite pixels; fill them first"):
        segment(image)
