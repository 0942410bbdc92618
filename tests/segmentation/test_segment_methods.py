"""Every method on drawn particles, nothing set: what is found, what a result looks like."""

import numpy as np
import pytest
from scenes import apart, dice, over, worst_match

from nanosieve.segmentation.methods import CLASSICAL, METHODS
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import clusters, scatter, spheres

# A pixel more or less all round is a third of the area of a 6 px particle.
LEAST_DICE = {6: 0.85, 130: 0.97}
LEAST_IOU = {6: 0.6, 130: 0.9}


@pytest.fixture(scope="module", params=[(6, "dark"), (6, "bright"), (130, "dark"), (130, "bright")])
def scene(request):
    diameter, polarity = request.param
    return diameter, polarity, apart(diameter, polarity)


@pytest.mark.parametrize("method", METHODS)
def test_small_and_large_dark_and_bright_are_found_with_nothing_set(method, scene):
    diameter, polarity, truth = scene
    found = segment(truth.image, method=method)
    assert (found.method, found.polarity) == (method, polarity)
    assert found.n == len(truth.diameters_px)
    assert dice(truth.labels, found.labels) >= LEAST_DICE[diameter]
    assert worst_match(truth.labels, found.labels) >= LEAST_IOU[diameter]
    assert "one_population" not in found.flags
    assert not found.split_labels


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_an_uneven_support_is_no_particle(method, polarity):
    truth = apart(6, polarity, kind="gradient")
    found = segment(truth.image, method=method)
    assert found.n == len(truth.diameters_px)
    assert dice(truth.labels, found.labels) >= 0.85


@pytest.mark.parametrize("method", METHODS)
def test_labels_and_confidence_are_what_the_corridor_relies_on(method):
    truth = touching("dark")
    found = segment(truth.image, method=method)
    assert (found.labels.shape, found.labels.dtype) == (truth.image.shape, np.int32)
    assert np.unique(found.labels).tolist() == list(range(found.n + 1))
    assert found.confidence.dtype in (np.float16, np.float32)
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1
    assert (found.confidence[found.mask] >= 0.5).all()
    assert (found.confidence[~found.mask] < 0.5).all()
    # Sure far inside, sure far outside.
    assert np.median(found.confidence[found.mask]) > 0.95
    assert np.median(found.confidence[~found.mask]) < 0.05
    assert found.split_labels
    assert found.split_labels <= set(range(1, found.n + 1))
    assert found.excluded is None


@pytest.mark.parametrize("method", METHODS)
def test_the_same_frame_gives_the_same_result_in_every_dtype(method):
    image = (apart(20, "dark", seed=3).image // 16).astype(np.uint8)
    first = segment(image, method=method)
    assert first.n == 16
    for dtype in (np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64):
        again = segment(image.astype(dtype), method=method)
        np.testing.assert_array_equal(again.labels, first.labels)
        np.testing.assert_array_equal(again.confidence, first.confidence)
        assert again.settings == first.settings


def test_the_frame_given_is_left_as_it_was():
    image = apart(20, "bright").image.astype(np.float32)
    before = image.copy()
    segment(image)
    np.testing.assert_array_equal(image, before)


def test_auto_without_models_is_the_method_that_the_docs_name():
    image = apart(20, "dark").image
    found, named = segment(image), segment(image, method=CLASSICAL)
    assert found.method == CLASSICAL == "hybrid"
    assert found.settings == named.settings
    np.testing.assert_array_equal(found.labels, named.labels)


def test_touching_particles_are_split_only_where_asked():
    truth = touching("bright")
    split, whole = segment(truth.image), segment(truth.image, split=False)
    assert split.n == len(truth.diameters_px)
    assert whole.n == 6
    assert not whole.split_labels
    np.testing.assert_array_equal(split.mask, whole.mask)
    # Of the six groups two are single: all others, and nothing else, came from a split.
    assert len(split.split_labels) == split.n - 2
    for label in split.split_labels:
        neighbours = whole.labels[split.labels == label]
        assert (split.labels[whole.labels == neighbours[0]] != label).any()


def touching(polarity: str):
    rng = np.random.default_rng(5)
    radii = [[14.0], [18.0], [16.0, 14.0], [15.0, 15.0], [20.0, 16.0], [14.0, 16.0, 15.0]]
    return over(clusters((320, 320), radii, rng=rng, closeness=0.95), polarity, rng=rng)


def test_particles_below_the_least_diameter_are_left_out():
    rng = np.random.default_rng(8)
    bodies = scatter((256, 256), [6.0] * 8 + [12.0] * 6, rng=rng)
    image = over(bodies, "dark", rng=rng).image
    assert segment(image).n == 14
    assert segment(image, min_diameter_px=17).n == 6
    assert segment(image, min_diameter_px=40).n == 0


def test_a_particle_cut_by_the_frame_is_kept():
    bodies = spheres((160, 160), [[-4, 80], [80, 156], [90, 60]], [16, 16, 16])
    truth = over(bodies, "dark")
    for method in METHODS:
        found = segment(truth.image, method=method)
        assert found.n == 3, method
        assert worst_match(truth.labels, found.labels) > 0.85, method


def test_what_was_chosen_is_told():
    found = segment(apart(20, "dark").image, edge="half", min_diameter_px=5)
    assert found.settings["edge"] == "half"
    assert found.settings["min_diameter_px"] == 5
    assert found.settings["split"] is True
    assert 0.5 <= found.settings["sigma_px"] <= 8
    assert found.settings["polarity_score"] < 0
    # Moving the level by a quarter moves the diameter of a 20 px sphere by less than its radius.
    assert 0 < found.settings["edge_shift_px"] < 5
