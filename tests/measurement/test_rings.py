import numpy as np
import pytest
from drawn import disc, field
from scipy.ndimage import distance_transform_edt

from nanosieve.measurement import strips
from nanosieve.measurement.ring import ring_statistics
from nanosieve.measurement.shape import shapes


def rings(labels, image, excluded=None):
    found = shapes(labels)
    return ring_statistics(labels, image, found.extents, found.diameter, excluded=excluded)


def reference(labels, image, excluded):
    """Of each particle, by distance transforms of whole images."""
    bare = (distance_transform_edt(labels == 0) > 2) & ~excluded & np.isfinite(image)
    for label, diameter in zip(shapes(labels).labels, shapes(labels).diameter, strict=True):
        reach = 2 + np.clip(np.rint(diameter / 4), 3, 12)
        yield image[bare & (distance_transform_edt(labels != label) <= reach)].astype(float)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_distance_transforms(seed):
    # Discs that do not overlap: a row meets each of them in one piece.
    labels = field(seed, n=1)
    for label, centre in enumerate([(20, 20), (20, 47), (60, 60), (66, 80), (100, 140)], 2):
        labels[disc(3 + 2 * label, centre, labels.shape) & (labels == 0)] = label
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 10, labels.shape)
    image[rng.random(labels.shape) < 0.01] = np.nan
    excluded = np.zeros(labels.shape, bool)
    excluded[50:70, 90:] = True
    found = rings(labels, image, excluded)
    for i, grey in enumerate(reference(labels, image, excluded)):
        assert found.count[i] == grey.size
        assert found.mean[i] == pytest.approx(grey.mean())
        assert found.std[i] == pytest.approx(grey.std())


def test_strips_change_nothing(monkeypatch):
    labels = field(5)
    image = np.random.default_rng(0).normal(50, 5, labels.shape)
    whole = rings(labels, image)
    monkeypatch.setattr(strips, "_STRIP_PX", 7 * labels.shape[1])
    cut = rings(labels, image)
    np.testing.assert_array_equal(cut.count, whole.count)
    np.testing.assert_allclose(cut.mean, whole.mean)
    np.testing.assert_allclose(cut.std, whole.std)


def test_neighbours_and_their_guard_are_left_out():
    labels = np.zeros((60, 90), np.int32)
    labels[disc(12, (30, 25), labels.shape)] = 1
    labels[disc(12, (30, 56), labels.shape)] = 2
    image = np.full(labels.shape, 10.0)
    image[distance_transform_edt(labels == 0) <= 2] = 1000
    assert rings(labels, image).mean.tolist() == [10, 10]
    assert rings(labels, image).std.tolist() == [0, 0]


def test_a_particle_without_bare_support_has_no_ring():
    labels = np.ones((8, 8), np.int32)
    found = rings(labels, np.zeros((8, 8)))
    assert found.count.tolist() == [0]
    assert np.isnan([found.mean[0], found.std[0]]).all()


def test_a_bay_is_not_support():
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:50] = 1
    labels[20:40, 20:40] = 0
    image = np.full(labels.shape, 3.0)
    image[20:40, 20:40] = 99
    assert rings(labels, image).mean[0] == 3


def test_a_constant_ring_far_from_zero_has_no_spread():
    labels = np.zeros((40, 40), np.int32)
    labels[disc(6, (20, 20), labels.shape)] = 1
    assert rings(labels, np.full(labels.shape, 1e9 + 0.1)).std[0] == 0


def test_no_particle():
    assert rings(np.zeros((5, 5), np.int32), np.zeros((5, 5))).count.size == 0
