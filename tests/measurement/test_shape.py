import numpy as np
import pytest
from drawn import disc, ellipse, field, rectangle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from scipy.spatial import ConvexHull
from skimage.measure import perimeter_crofton, regionprops

from nanosieve.core.errors import UsageError
from nanosieve.measurement import strips
from nanosieve.measurement.shape import shapes

small_labels = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 4)
)


def hull_of_corners(mask: np.ndarray) -> ConvexHull:
    y, x = np.nonzero(mask)
    corners = [np.column_stack([y + dy, x + dx]) for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)]
    return ConvexHull(np.concatenate(corners))


def calipers_of(mask: np.ndarray) -> tuple[float, float]:
    """Reference: all pairs of corners, and the width over each edge that Qhull finds."""
    hull = hull_of_corners(mask)
    points = hull.points[hull.vertices]
    largest = np.linalg.norm(points[:, None] - points[None], axis=2).max()
    widths = np.ptp(points @ hull.equations[:, :2].T, axis=0)
    return float(largest), float(widths.min())


@pytest.mark.parametrize("radius", [3, 4, 6, 10, 20, 40, 65])
def test_discs(radius):
    rng = np.random.default_rng(radius)
    size = 2 * radius + 5
    found = [
        shapes(disc(radius, (size - 1) / 2 + rng.uniform(-0.5, 0.5, 2), (size, size)).astype(int))
        for _ in range(60)
    ]

    def mean(name):
        return np.mean([getattr(one, name)[0] for one in found])

    assert mean("diameter") == pytest.approx(2 * radius, rel=0.005)
    assert mean("perimeter") == pytest.approx(2 * np.pi * radius, rel=0.015)
    assert mean("circularity") == pytest.approx(1, abs=0.02)
    # What the docstring of `shapes` states of the staircase's corners.
    assert 0.8 < mean("feret_max") - 2 * radius < 1.4
    assert abs(mean("feret_min") - 2 * radius) < 0.15
    assert mean("eccentricity") < 1 / np.sqrt(2 * radius)
    for one in found:
        assert one.solidity[0] == 1
        assert one.convexity[0] == pytest.approx(1)


def test_a_rectangle_by_hand():
    labels = np.zeros((8, 14), np.int32)
    labels[2:6, 3:13] = 1
    found = shapes(labels)
    assert (found.top[0], found.bottom[0], found.left[0], found.right[0]) == (2, 5, 3, 12)
    assert (found.y[0], found.x[0], found.area[0]) == (3.5, 7.5, 40)
    assert found.feret_max[0] == pytest.approx(np.hypot(10, 4))
    assert found.feret_min[0] == pytest.approx(4)
    # 4 rows and 10 columns crossed twice, 13 diagonals twice in either direction.
    assert found.perimeter[0] == pytest.approx(np.pi / 8 * (8 + 20 + 52 / np.sqrt(2)))
    assert found.solidity[0] == 1
    assert found.eccentricity[0] == pytest.approx(np.sqrt(1 - (4**2 - 1) / (10**2 - 1)))
    assert found.orientation_deg[0] == 0


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 30, 45, 60, 80, 90, 120, 135, 170])
def test_calipers_of_a_turned_rectangle(degrees):
    found = shapes(rectangle(80, 30, degrees).astype(int))
    # A pixel's corners reach at most half its diagonal beyond its centre, on either side.
    assert -1 <= found.feret_max[0] - np.hypot(80, 30) <= np.sqrt(2)
    assert -1 <= found.feret_min[0] - 30 <= np.sqrt(2)


@pytest.mark.parametrize("degrees", [-75, -45, -20, 0, 15, 30, 45, 60, 90])
def test_an_ellipse_at_any_angle(degrees):
    found = shapes(ellipse(30, 12, degrees).astype(int))
    assert found.diameter[0] == pytest.approx(2 * np.sqrt(30 * 12), rel=0.005)
    assert found.eccentricity[0] == pytest.approx(np.sqrt(1 - (12 / 30) ** 2), abs=0.005)
    # Ramanujan's perimeter; four directions leave up to 3 % that depend on the angle.
    h = ((30 - 12) / (30 + 12)) ** 2
    around = np.pi * 42 * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))
    assert found.perimeter[0] == pytest.approx(around, rel=0.03)
    assert found.solidity[0] == 1
    apart = (found.orientation_deg[0] - degrees + 90) % 180 - 90
    assert abs(apart) < 0.5
    assert -90 < found.orientation_deg[0] <= 90


def test_a_vertical_axis_is_plus_ninety():
    labels = np.zeros((9, 5), int)
    labels[1:8, 2] = 1
    assert shapes(labels).orientation_deg.tolist() == [90]


def test_up_in_the_image_is_a_positive_angle():
    assert shapes(np.fliplr(np.eye(7, dtype=int))).orientation_deg[0] == pytest.approx(45)
    assert shapes(np.eye(7, dtype=int)).orientation_deg[0] == pytest.approx(-45)


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_scikit_image(seed):
    labels = field(seed)
    found = shapes(labels)
    reference = regionprops(labels)
    assert found.labels.tolist() == [one.label for one in reference]
    np.testing.assert_array_equal(found.area, [one.area for one in reference])
    np.testing.assert_allclose(
        np.column_stack([found.y, found.x]), [one.centroid for one in reference]
    )
    np.testing.assert_allclose(
        found.eccentricity, [one.eccentricity for one in reference], atol=1e-6
    )
    np.testing.assert_allclose(
        found.perimeter, [perimeter_crofton(np.pad(one.image, 1), 4) for one in reference]
    )
    for i, one in enumerate(reference):
        # Theirs turns from the row axis towards the column axis: a quarter turn away from ours.
        apart = (np.degrees(one.orientation) + 90 - found.orientation_deg[i] + 90) % 180 - 90
        assert abs(apart) < 1e-6 or found.eccentricity[i] < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_calipers_agree_with_qhull(seed):
    labels = field(seed)
    found = shapes(labels)
    for i, label in enumerate(found.labels):
        assert (found.feret_max[i], found.feret_min[i]) == pytest.approx(
            calipers_of(labels == label)
        )


def test_many_vertices_are_taken_in_batches(monkeypatch):
    labels = field(7)
    whole = shapes(labels)
    monkeypatch.setattr("nanosieve.measurement.hull._PAIRS", 200)
    batched = shapes(labels)
    np.testing.assert_array_equal(whole.feret_max, batched.feret_max)
    np.testing.assert_array_equal(whole.feret_min, batched.feret_min)


@given(small_labels)
def test_pixels_in_the_hull_are_counted_exactly(labels):
    found = shapes(labels)
    y, x = np.indices(labels.shape)
    everywhere = np.column_stack([y.ravel(), x.ravel()])
    for i, label in enumerate(found.labels):
        # The hull of the centres, widened by so little that no other centre comes in.
        own = np.argwhere(labels == label)
        star = [(0, 1e-6), (0, -1e-6), (1e-6, 0), (-1e-6, 0)]
        hull = ConvexHull(np.concatenate([own + step for step in star]))
        inside = everywhere @ hull.equations[:, :2].T + hull.equations[:, 2] <= 1e-9
        assert found.area[i] / found.solidity[i] == pytest.approx(inside.all(axis=1).sum())


@given(small_labels)
def test_what_holds_of_any_labels(labels):
    found = shapes(labels)
    assert found.area.sum() == (labels > 0).sum()
    assert found.labels.tolist() == sorted(set(labels[labels > 0].tolist()))
    assert (found.solidity > 0).all()
    assert (found.solidity <= 1).all()
    assert (found.feret_min <= found.feret_max + 1e-12).all()
    # No shape of that area has a smaller largest caliper than the disc (isodiametric inequality).
    assert (found.feret_max >= found.diameter).all()
    assert (found.area <= found.feret_max * found.feret_min + 1e-9).all()
    assert ((found.eccentricity >= 0) & (found.eccentricity <= 1)).all()
    assert ((found.orientation_deg > -90) & (found.orientation_deg <= 90)).all()


@given(small_labels, st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_translation_changes_the_place_only(labels, shift):
    moved = np.pad(labels, ((shift[0], 3), (shift[1], 4)))
    here, there = shapes(labels), shapes(moved)
    np.testing.assert_allclose(there.y, here.y + shift[0])
    np.testing.assert_allclose(there.x, here.x + shift[1])
    for name in ("area", "feret_max", "feret_min", "perimeter", "solidity", "eccentricity"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), atol=1e-7)


@given(small_labels, st.permutations([1, 2, 3, 4]))
def test_renumbering_permutes_the_rows(labels, numbers):
    renumbered = np.array([0, *numbers])[labels]
    here, there = shapes(labels), shapes(renumbered)
    order = np.searchsorted(there.labels, np.array([0, *numbers])[here.labels])
    for name in ("area", "y", "x", "feret_max", "perimeter", "orientation_deg"):
        np.testing.assert_array_equal(getattr(there, name)[order], getattr(here, name))


@given(small_labels)
def test_strips_change_nothing(labels):
    whole = shapes(labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "_STRIP_PX", 1)
        cut = shapes(labels)
    for name in ("labels", "area", "perimeter", "feret_max", "solidity", "eccentricity"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name))


def test_turning_by_ninety_degrees_is_exact():
    mask = ndimage.binary_fill_holes(field(3) > 0).astype(int)
    here, there = shapes(mask), shapes(np.rot90(mask))
    for name in ("area", "feret_max", "feret_min", "perimeter", "solidity", "eccentricity"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name))
    turned = (here.orientation_deg + 90 + 90) % 180 - 90
    np.testing.assert_allclose(there.orientation_deg % 180, turned % 180)


def test_a_concave_shape_is_neither_solid_nor_convex():
    labels = np.zeros((50, 50), np.int32)
    labels[5:45, 20:28] = 1
    labels[20:28, 5:45] = 1
    found = shapes(labels)
    # A plus of arms 8 wide in a hull of 40 by 40 less four corners of 16 by 16 / 2.
    assert found.solidity[0] == pytest.approx((40 * 8 * 2 - 64) / (40**2 - 2 * 16**2), abs=0.03)
    assert found.convexity[0] == pytest.approx((4 * 8 + 4 * 16 * np.sqrt(2)) / 160, abs=0.05)


def test_pieces_of_one_label_are_one_particle():
    labels = np.array([[7, 0, 0, 7]])
    found = shapes(labels)
    assert (found.area[0], found.x[0], found.feret_max[0]) == (2, 1.5, pytest.approx(np.sqrt(17)))
    assert found.solidity[0] == 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_integer_types_agree(dtype):
    labels = field(1)
    found = shapes(labels.astype(dtype))
    np.testing.assert_array_equal(found.perimeter, shapes(labels).perimeter)


def test_large_labels_need_no_large_tables():
    labels = np.zeros((4, 4), np.uint32)
    labels[1:3, 1:3] = 2**32 - 1
    assert shapes(labels).labels.tolist() == [2**32 - 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (5, 7)])
def test_no_particle_gives_empty_arrays(shape):
    found = shapes(np.zeros(shape, np.int32))
    assert found.labels.size == found.feret_max.size == found.solidity.size == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 3, 4), int), "got 3 dimensions of int64"),
        (np.zeros((2, 3)), "got 2 dimensions of float64"),
        (np.array([[0, -1]]), "must not be negative"),
        (np.array([[0, 2**32]]), "must be below 2\\^32"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(UsageError, match=message):
        shapes(labels)
