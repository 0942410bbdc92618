"""Splitting: what is convex stays whole, what touches comes apart, no pixel is won or lost."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenes import worst_match
from scipy import ndimage

from nanosieve.segmentation.split import split_touching

EIGHT = np.ones((3, 3), bool)


def flat(mask: np.ndarray) -> np.ndarray:
    """Split a mask that is all that is known: as deep everywhere."""
    return split_touching(mask, mask, mask.astype(np.float32))


def turned(side: int, centre: tuple[float, float], angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across an axis through the middle of a square of ``side`` px."""
    y, x = np.mgrid[:side, :side] - side / 2
    y, x = y - centre[0], x - centre[1]
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def spheres(
    centres: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mask, its part above half of the mean thickness, thickness, and labels by nearness."""
    low = (centres - radii[:, np.newaxis]).min(axis=0) - 4
    side = (centres + radii[:, np.newaxis]).max(axis=0) - low + 4
    y, x = np.mgrid[: int(side[0]) + 1, : int(side[1]) + 1]
    at = centres - low
    power = np.array(
        [r**2 - (y - c[0]) ** 2 - (x - c[1]) ** 2 for c, r in zip(at, radii, strict=True)]
    )
    thickness = 2 * np.sqrt(np.maximum(power, 0)).sum(axis=0)
    mask = power.max(axis=0) > 0
    labels = np.where(mask, power.argmax(axis=0) + 1, 0)
    tight = mask & (thickness > 0.5 * thickness[mask].mean())
    return mask, tight, thickness.astype(np.float32), labels


def row(number: int, radius: float, closeness: float, angle: float = 0.3) -> np.ndarray:
    along = 2 * radius * closeness * np.arange(number)
    return np.column_stack([along * np.sin(angle), along * np.cos(angle)])


sizes = st.floats(2.5, 50).map(lambda r: round(r, 2))
angles = st.floats(0, np.pi).map(lambda a: round(a, 3))
offsets = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))


@given(seed=st.integers(0, 10_000), grain=st.floats(1, 8), level=st.floats(-0.8, 0.8))
@settings(max_examples=25)
def test_no_pixel_is_won_or_lost_and_every_part_is_whole(seed, grain, level):
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(60, 70)), grain)
    field /= field.std()
    mask, tight = field > level, field > level + 0.3
    labels = split_touching(mask, tight, (field - field.min()).astype(np.float32))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, mask)
    n = int(labels.max(initial=0))
    assert np.setdiff1d(np.arange(1, n + 1), labels).size == 0
    components, whole = ndimage.label(mask, EIGHT)
    assert n >= whole
    for number in range(1, n + 1):
        assert len(np.unique(components[labels == number])) == 1
        assert ndimage.label(labels == number, EIGHT)[1] == 1


@given(radius=sizes, offset=offsets)
@settings(max_examples=100)
@example(radius=2.5, offset=(0.5, 0.5))
@example(radius=50, offset=(0.0, 0.0))
def test_a_disc_is_one(radius, offset):
    along, across = turned(int(2 * radius) + 8, offset, 0)
    assert flat(np.hypot(along, across) <= radius).max() == 1


@given(radius=sizes, aspect=st.floats(1, 4), angle=angles, offset=offsets)
@settings(max_examples=100)
def test_an_ellipse_is_one(radius, aspect, angle, offset):
    along, across = turned(int(2 * radius) + 8, offset, angle)
    short = max(radius / aspect, 1.5)
    assert flat(np.hypot(along / radius, across / short) <= 1).max() == 1


@given(radius=st.floats(10, 50), aspect=st.floats(1, 3), angle=angles, offset=offsets)
@settings(max_examples=100)
def test_a_rectangle_of_some_width_is_one(radius, aspect, angle, offset):
    along, across = turned(int(2.9 * radius) + 8, offset, angle)
    short = max(radius / aspect, 5)
    assert flat((np.abs(along) <= radius) & (np.abs(across) <= short)).max() == 1


@given(radius=sizes, angle=angles, offset=offsets, cut=st.floats(-0.6, 0.9))
@settings(max_examples=50)
def test_a_disc_cut_by_the_frame_is_one(radius, angle, offset, cut):
    along, across = turned(int(2 * radius) + 8, offset, 0)
    mask = np.hypot(along, across) <= radius
    kept = mask[: max(int((0.5 + cut / 2) * mask.shape[0]), 3)]
    if kept.any():
        assert flat(np.rot90(kept) if angle > 1.5 else kept).max() == 1


@given(radius=st.floats(6, 40), ratio=st.floats(1, 1.6), closeness=st.floats(0.95, 1), angle=angles)
@settings(max_examples=80)
@example(radius=37.0, ratio=1.0, closeness=0.974609375, angle=0.0)
def test_two_spheres_that_hardly_overlap_are_two(radius, ratio, closeness, angle):
    radii = np.array([radius, max(radius / ratio, 5)])
    apart = closeness * radii.sum()
    centres = np.array([[0, 0], [apart * np.sin(angle), apart * np.cos(angle)]])
    mask, tight, thickness, truth = spheres(centres, radii)
    for labels in (split_touching(mask, tight, thickness), flat(mask)):
        assert labels.max() == 2
        assert worst_match(truth, labels) > 0.85


def test_how_much_overlap_is_still_split():
    """The limit, as shares of 40 pairs: half of the pairs between 0.80 and 0.85 of touching."""
    rng = np.random.default_rng(0)
    shares = {}
    for closeness in (0.7, 0.85, 0.9):
        numbers = []
        for _ in range(40):
            radius, ratio, angle = rng.uniform(8, 40), rng.uniform(1, 1.5), rng.uniform(0, np.pi)
            radii = np.array([radius, radius / ratio])
            step = closeness * radii.sum() * np.array([np.sin(angle), np.cos(angle)])
            mask, tight, thickness, _ = spheres(np.array([[0, 0], step]), radii)
            numbers.append(int(split_touching(mask, tight, thickness).max()))
        assert set(numbers) <= {1, 2}
        shares[closeness] = np.mean(np.array(numbers) == 2)
    assert shares[0.9] > 0.9
    assert shares[0.85] > 0.6
    assert shares[0.7] < shares[0.85] <= shares[0.9]


@pytest.mark.parametrize("radius", [6, 14, 40])
def test_a_chain_comes_apart(radius):
    radii = np.full(5, float(radius))
    mask, tight, thickness, truth = spheres(row(5, radius, 0.95), radii)
    labels = split_touching(mask, tight, thickness)
    assert labels.max() == 5
    assert worst_match(truth, labels) > 0.85


@pytest.mark.parametrize("radius", [8, 20])
def test_a_close_packing_comes_apart(radius):
    step = 2 * radius
    centres = np.array(
        [(i * step * 0.8660254, (j + i % 2 / 2) * step) for i in range(6) for j in range(7)], float
    )
    mask, tight, thickness, truth = spheres(centres, np.full(len(centres), 0.98 * radius))
    mask = ndimage.binary_closing(mask, EIGHT)
    labels = split_touching(mask, tight & mask, thickness)
    assert labels.max() == len(centres)
    assert worst_match(truth, labels) > 0.8


def test_four_discs_in_a_square_are_four():
    """They fill their box as one disc does."""
    for radius in (6, 10, 17.0, 30):
        centres = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * 2.0 * radius * 0.97
        mask, tight, thickness, _ = spheres(centres, np.full(4, float(radius)))
        assert split_touching(mask, tight, thickness).max() == 4


def test_a_dumbbell_is_two_and_a_bump_is_none():
    y, x = np.mgrid[:60, :120]
    balls = (np.hypot(y - 30, x - 30) < 20) | (np.hypot(y - 30, x - 90) < 20)
    assert flat(balls | ((np.abs(y - 30) < 5) & (x > 30) & (x < 90))).max() == 2
    bump = (np.hypot(y - 30, x - 60) < 22) | (np.hypot(y - 30, x - 83) < 4)
    assert flat(bump).max() == 1


def test_a_lighter_gap_parts_what_has_a_convex_outline():
    """Two cubes side by side: one rectangle in outline, a dip between them in depth."""
    mask = np.zeros((44, 64), bool)
    mask[10:34, 7:57] = True
    depth = np.where(mask, 100, 0).astype(np.float32)
    assert split_touching(mask, mask, depth).max() == 1
    depth[:, 31:33] = np.where(mask[:, 31:33], 30, 0)
    tight = mask & (depth > 50)
    labels = split_touching(mask, tight, depth)
    assert labels.max() == 2
    assert labels[20, 15] != labels[20, 50]


def test_what_is_apart_stays_apart_and_nothing_is_nothing():
    y, x = np.mgrid[:60, :120]
    two = (np.hypot(y - 30, x - 30) < 12) | (np.hypot(y - 30, x - 60) < 12)
    labels = flat(two)
    assert labels.max() == 2
    assert labels[30, 30] != labels[30, 60]
    nothing = flat(np.zeros((20, 30), bool))
    assert nothing.shape == (20, 30)
    assert nothing.dtype == np.int32
    assert not nothing.any()


@pytest.mark.parametrize("side", [1, 2, 3])
def test_specks_are_kept_as_they_are(side):
    mask = np.zeros((9, 12), bool)
    mask[2 : 2 + side, 3 : 3 + side] = True
    np.testing.assert_array_equal(flat(mask), mask)


def test_a_component_without_any_deep_part_is_one():
    mask = np.zeros((30, 40), bool)
    mask[5:25, 5:12] = mask[5:12, 5:35] = True
    labels = split_touching(mask, np.zeros_like(mask), mask.astype(np.float32))
    assert labels.max() == 1


def test_the_order_of_the_frame_does_not_matter_much():
    """Mirrored, the same number of parts of nearly the same areas come out."""
    rng = np.random.default_rng(7)
    centres = row(4, 12, 0.93, 0.9) + rng.uniform(-1, 1, (4, 2))
    mask, tight, thickness, _ = spheres(centres, np.full(4, 12.0))
    areas = np.sort(np.bincount(split_touching(mask, tight, thickness).ravel())[1:])
    for turn in (np.fliplr, np.flipud, np.transpose):
        labels = split_touching(*(np.ascontiguousarray(turn(a)) for a in (mask, tight, thickness)))
        again = np.sort(np.bincount(labels.ravel())[1:])
        np.testing.assert_allclose(again, areas, rtol=0.05)
