"""What is chosen from the image: smoothing, polarity, illumination, the windows looked at."""

import numpy as np
import pytest
from scenes import apart, dice

from nanosieve.segmentation.field import choose, make_field
from nanosieve.segmentation.polarity import find_polarity, is_certain
from nanosieve.segmentation.sample import sample_windows
from nanosieve.segmentation.scale import choose_scale, local_noise
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.projected.spheres import spheres


def discs(shape, centres, radius) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for row, column in centres:
        inside |= np.hypot(y - row, x - column) < radius
    return inside


def packed() -> np.ndarray:
    """Discs on a hexagonal grid that leave a fifth of the frame free."""
    step = 40
    centres = [
        (row * step * np.sqrt(3) / 2, (column + row % 2 / 2) * step)
        for row in range(-1, 12)
        for column in range(-1, 10)
    ]
    return discs((320, 320), centres, 0.47 * step)


def test_more_noise_asks_for_more_smoothing():
    inside = discs((256, 256), [(60, 60), (60, 190), (190, 60), (190, 190)], 30)
    rng = np.random.default_rng(0)
    white = rng.normal(size=inside.shape)
    everywhere = np.ones(inside.shape, bool)
    sigmas = []
    for noise in (1, 20, 60, 120, 200):
        image = (100 * inside + noise * white).astype(np.float32)
        sigmas.append(choose_scale([(image, everywhere)]).sigma)
    assert sigmas == sorted(sigmas)
    assert sigmas[0] == 0.7
    assert sigmas[-1] > 2.5


def test_the_noise_left_is_measured():
    rng = np.random.default_rng(1)
    slope = np.add.outer(np.arange(300), np.arange(300)) * 0.5
    image = (slope + rng.normal(0, 7, slope.shape)).astype(np.float32)
    assert local_noise(image, np.ones(slope.shape, bool), 14) == pytest.approx(7, rel=0.05)


@pytest.mark.parametrize("sign", [-1, 1])
def test_polarity_does_not_depend_on_coverage(sign):
    inside = packed()
    assert 0.75 < inside.mean() < 0.85
    rng = np.random.default_rng(0)
    image = (100 + sign * 40 * inside + rng.normal(0, 3, inside.shape)).astype(np.float32)
    score = find_polarity(image, np.ones(image.shape, bool))
    assert is_certain(score)
    assert np.sign(score) == sign
    found = segment(image)
    assert found.polarity == ("dark" if sign < 0 else "bright")
    assert dice(inside, found.labels) > 0.93


def test_polarity_of_noise_is_a_guess_and_stripes_are_flagged():
    x = np.mgrid[:256, :256][1]
    stripes = 100 + 40 * (np.sin(2 * np.pi * x / 64) > 0)
    image = np.random.default_rng(0).normal(stripes, 3).astype(np.float32)
    assert not is_certain(find_polarity(image, np.ones(image.shape, bool)))
    found = segment(image)
    assert "polarity_uncertain" in found.flags
    assert any("set --polarity if wrong" in note for note in found.notes)
    assert "polarity_uncertain" not in segment(image, polarity="dark").flags


def test_polarity_looks_at_valid_pixels_only():
    inside = discs((200, 200), [(50, 60), (60, 150)], 20)
    image = np.random.default_rng(0).normal(100 - 40 * inside, 2).astype(np.float32)
    valid = np.ones(image.shape, bool)
    valid[120:] = False
    image[discs(image.shape, [(150, 40), (150, 100), (160, 160)], 22)] = 255
    assert find_polarity(image, valid) < -0.5


@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_the_field_is_flat_with_bright_particles(polarity):
    truth = apart(20, polarity, kind="gradient", seed=6)
    image = truth.image.astype(np.float32)
    valid = np.ones(image.shape, bool)
    choice = choose(image, valid, "auto")
    field = make_field(image, valid, choice)
    bare = truth.labels == 0
    third = image.shape[1] // 3
    sides = [
        np.median(field.smooth[:, part][bare[:, part]]) for part in (np.s_[:third], np.s_[-third:])
    ]
    rise = np.median(field.smooth[~bare]) - np.median(field.smooth[bare])
    assert rise > 0
    assert abs(sides[0] - sides[1]) < 0.03 * rise
    raw = [np.median(image[:, part][bare[:, part]]) for part in (np.s_[:third], np.s_[-third:])]
    assert abs(raw[0] - raw[1]) > 0.05 * rise


def test_a_support_that_is_not_positive_is_subtracted():
    truth = apart(20, "dark", kind="gradient", seed=6)
    shifted = truth.image.astype(np.float32) - truth.image.mean()
    found = segment(shifted)
    assert found.n == 16
    assert dice(truth.labels, found.labels) > 0.95


def test_windows_are_those_of_most_contrast():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (1536, 2048)).astype(np.float32)
    inside = discs(image.shape, [(1300, 1800)], 60)
    image += 40 * inside
    valid = np.ones(image.shape, bool)
    windows = sample_windows(image, valid)
    assert 1 < len(windows) <= 4
    assert windows[0] == (slice(1024, 1536), slice(1536, 2048))
    valid[1024:, 1536:] = False
    assert windows[0] not in sample_windows(image, valid)
    small = image[:700, :900]
    assert sample_windows(small, valid[:700, :900]) == [(slice(None), slice(None))]


def test_one_particle_in_a_large_frame_is_found():
    image = np.random.default_rng(0).normal(1000, 30, (1200, 1600))
    image -= 400 * discs(image.shape, [(900, 1300)], 25)
    found = segment(image)
    assert (found.n, found.polarity) == (1, "dark")


@pytest.mark.parametrize("change", [lambda i: i + 500, lambda i: 3.0 * i, lambda i: 0.01 * i - 7])
def test_grey_values_have_no_unit_for_bright_particles(change):
    image = apart(20, "bright", kind="gradient").image.astype(np.float64)
    expected, found = segment(image), segment(change(image))
    assert found.n == expected.n == 16
    assert np.count_nonzero(found.mask != expected.mask) <= 4


@pytest.mark.parametrize("factor", [0.001, 7.0])
def test_scaling_changes_nothing_for_dark_particles(factor):
    image = apart(20, "dark", kind="gradient").image.astype(np.float64)
    expected, found = segment(image), segment(factor * image)
    assert found.n == expected.n == 16
    assert np.count_nonzero(found.mask != expected.mask) <= 4


def test_inverted_contrast_gives_the_same_particles():
    """Within what dividing by the support and subtracting it differ in."""
    rng = np.random.default_rng(2)
    bodies = spheres((256, 256), rng.uniform(30, 226, (1, 2)), [20])
    thickness = bodies.thickness() + discs((256, 256), [(60, 190), (200, 60)], 16) * 30
    image = np.round(1000 + 20 * thickness + rng.normal(0, 20, (256, 256)))
    found, inverted = segment(image), segment(image.max() - image)
    assert (found.polarity, inverted.polarity) == ("bright", "dark")
    assert found.n == inverted.n
    assert dice(found.labels, inverted.labels) > 0.998


@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_turning_the_frame_turns_the_particles(polarity):
    truth = apart(20, polarity, seed=9, shape=(250, 310))
    image = truth.image
    expected = segment(image)
    areas = np.sort(np.bincount(expected.labels.ravel())[1:])
    for turn in (np.rot90, np.transpose, np.fliplr, lambda i: np.rot90(i, 2)):
        found = segment(np.ascontiguousarray(turn(image)))
        assert found.n == expected.n
        assert dice(turn(expected.labels), found.labels) > 0.995
        again = np.sort(np.bincount(found.labels.ravel())[1:])
        np.testing.assert_allclose(again, areas, rtol=0.02)
