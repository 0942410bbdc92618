"""Targets: cores that stay apart, and channels that say what their names say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import disc, image

from nanosieve.core.errors import UsageError
from nanosieve.files.dataset import instances_from_mask
from nanosieve.training.targets import Target, class_counts, core_map, counted, particles

SOFTMAX = Target(("support", "particle"), "softmax")
CORES = Target(("particle", "core"), "sigmoid")


def depths(instances: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the nearest one of another label, by trying them all."""
    places = np.indices(instances.shape).reshape(2, -1).T
    labels = instances.ravel()
    far = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    far[labels[:, None] == labels[None]] = np.inf
    return far.min(1).reshape(instances.shape)


def test_core_of_a_disc_has_half_its_radius() -> None:
    core = core_map(disc((101, 101), (50, 50), 40).astype(int), 0.5)
    np.testing.assert_array_equal(core & ~disc((101, 101), (50, 50), 21), False)
    np.testing.assert_array_equal(core | ~disc((101, 101), (50, 50), 19), True)


@given(st.integers(0, 200), st.sampled_from([0.3, 0.5, 0.8]))
def test_cores_against_all_distances(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    instances = np.zeros((14, 16), int)
    for label in range(1, 5):
        y, x = rng.integers(0, 12, 2)
        h, w = rng.integers(2, 9, 2)
        instances[y : y + h, x : x + w] = label * 1000
    core = core_map(instances, share)
    depth = depths(instances)
    expected = np.zeros_like(core)
    for label in np.unique(instances[instances > 0]):
        own = instances == label
        expected |= own & (depth > share * depth[own].max())
    np.testing.assert_array_equal(core, expected & ~touching(instances))


def touching(instances: np.ndarray) -> np.ndarray:
    """Pixels with one of another particle among their eight neighbours."""
    padded = np.pad(instances, 1)
    around = [np.roll(padded, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    meet = np.any([(other != padded) & (other > 0) & (padded > 0) for other in around], axis=0)
    return meet[1:-1, 1:-1]


@pytest.mark.parametrize("size", [1, 2, 3, 8, 21])
def test_cores_of_touching_particles_do_not_touch(size: int) -> None:
    instances = np.zeros((size + 4, 2 * size + 4), int)
    instances[2:-2, 2 : 2 + size] = 7
    instances[2:-2, 2 + size : -2] = 3
    core = core_map(instances, 0.5)
    labels = instances_from_mask(core, smallest_px=1)
    assert labels.max() == (2 if size > 1 else 0)
    for label in range(1, labels.max() + 1):
        assert len(np.unique(instances[labels == label])) == 1


def test_the_frame_is_no_edge() -> None:
    whole = core_map(disc((80, 80), (40, 40), 30).astype(int), 0.5)
    half = core_map(disc((80, 80), (40, 40), 30)[40:].astype(int), 0.5)
    # What the cut left is judged by what is seen of it: never less than the whole's core.
    assert (half | ~whole[40:]).all()
    assert core_map(np.ones((5, 5), int), 0.5).all()
    assert not core_map(np.zeros((5, 5), int), 0.5).any()


def test_answers_of_a_softmax_network() -> None:
    one = image("a")
    codes = SOFTMAX.encode(one)
    answer = SOFTMAX.decode(codes)
    np.testing.assert_array_equal(answer, one.classes)
    assert answer.dtype == np.int64
    assert counted(codes).all()


def test_answers_of_a_sigmoid_network() -> None:
    ignore = np.zeros((40, 40), bool)
    ignore[:20] = True
    one = image("a", ignore=ignore)
    codes = CORES.encode(one)
    answer = CORES.decode(codes)
    assert (answer.shape, answer.dtype) == ((2, 40, 40), np.float32)
    np.testing.assert_array_equal(answer[0], one.classes)
    np.testing.assert_array_equal(answer[1], core_map(one.instances, 0.5))
    np.testing.assert_array_equal(counted(codes), ~ignore)
    np.testing.assert_array_equal(particles(codes), (one.classes > 0) & ~ignore)


def test_named_classes_have_channels() -> None:
    names = ("support", "gold", "oxide")
    classes = np.array([[0, 1, 2]], np.uint8)
    one = image("a", image=classes.astype(np.float32), classes=classes, instances=classes)
    target = Target(("oxide", "particle"), "sigmoid", names)
    np.testing.assert_array_equal(target.decode(target.encode(one)), [[[0, 0, 1]], [[0, 1, 1]]])
    softmax = Target(names, "softmax", names)
    np.testing.assert_array_equal(softmax.decode(softmax.encode(one)), classes)


def test_classes_that_the_data_do_not_tell() -> None:
    with pytest.raises(UsageError, match=r"the network's classes are a, b, those of the data"):
        Target(("a", "b"), "softmax")
    with pytest.raises(UsageError, match="class 'gold' is not in the data, which tell particle"):
        Target(("gold", "core"), "sigmoid")


def test_counts_leave_out_what_is_ignored() -> None:
    ignore = np.zeros((40, 40), bool)
    ignore[:, :20] = True
    images = [image("a"), image("b", ignore=ignore)]
    disc_px, kept = images[0].classes.sum(), images[0].classes[:, 20:].sum()
    total = class_counts(images, SOFTMAX)
    assert total.tolist() == [1600 - disc_px + 800 - kept, disc_px + kept]
    assert class_counts(images, CORES)[0] == disc_px + kept
