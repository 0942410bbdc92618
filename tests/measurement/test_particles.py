import numpy as np
import pandas as pd
import pytest
from drawn import disc, field
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.core.errors import UsageError
from nanosieve.core.schema import PARTICLE_COLUMNS, particle_columns
from nanosieve.measurement import strips
from nanosieve.measurement.particles import empty_table, measure


def one_disc(radius=12, shape=(70, 70)):
    return disc(radius, (35, 34), shape).astype(np.int32)


def test_columns_and_types_are_those_of_the_schema():
    full = measure(field(0), field(0), pixel_size_nm=0.3)
    assert full.columns.tolist() == particle_columns("nm")
    assert full["frame"].dtype == full["label"].dtype == np.int64
    assert full["isolated"].dtype == full["touches_border"].dtype == bool
    assert measure(field(0), field(0)).columns.tolist() == particle_columns("px")


@pytest.mark.parametrize("pixel_size_nm", [None, 0.2])
def test_no_particle_gives_the_same_columns_and_types(pixel_size_nm):
    empty = measure(np.zeros((9, 9), int), np.zeros((9, 9)), pixel_size_nm=pixel_size_nm)
    full = measure(field(0), field(0), pixel_size_nm=pixel_size_nm)
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()
    assert empty.dtypes.tolist() == full.dtypes.tolist()
    pd.testing.assert_frame_equal(empty, empty_table("px" if pixel_size_nm is None else "nm"))


def test_image_name_and_frame_are_written_in_each_row():
    table = measure(field(0), field(0), image_name="größe 1", frame=7)
    assert set(table["image"]) == {"größe 1"}
    assert set(table["frame"]) == {7}


@given(st.floats(1e-3, 1e3))
def test_rescaling_scales_lengths_exactly(pixel_size_nm):
    labels = field(2, shape=(40, 50), n=6)
    in_px, in_nm = measure(labels, labels), measure(labels, labels, pixel_size_nm=pixel_size_nm)
    for column in PARTICLE_COLUMNS:
        px, nm = in_px[column.name("px")], in_nm[column.name("nm")]
        if column.length:
            np.testing.assert_array_equal(nm, px * pixel_size_nm**column.length)
        else:
            pd.testing.assert_series_equal(nm, px)


def test_contrast_by_hand():
    labels = one_disc()
    checks = np.indices(labels.shape).sum(axis=0) % 2
    image = np.where(labels, 50, 90 + 20 * checks).astype(np.uint16)
    row = measure(labels, image).iloc[0]
    assert row["mean_intensity"] == 50
    # A ring has nearly as many pixels of 90 as of 110: mean 100, deviation 10.
    assert row["contrast"] == pytest.approx(-50 / 150, abs=0.005)
    assert row["cnr"] == pytest.approx(-5, abs=0.05)


def test_inverting_the_contrast_flips_the_signs():
    labels = field(4, n=8)
    image = np.random.default_rng(0).integers(200, 300, labels.shape) - 60 * (labels > 0)
    here, there = measure(labels, image), measure(labels, 1000 - image)
    np.testing.assert_allclose(there["cnr"], -here["cnr"])
    assert (np.sign(there["contrast"]) == -np.sign(here["contrast"])).all()
    np.testing.assert_allclose(there["mean_intensity"], 1000 - here["mean_intensity"])
    pd.testing.assert_frame_equal(there.filter(regex="_px"), here.filter(regex="_px"))


def test_contrast_is_blank_where_the_sum_is_not_positive():
    labels = one_disc()
    row = measure(labels, np.where(labels, 5, -5)).iloc[0]
    assert np.isnan(row["contrast"])
    assert np.isnan(row["cnr"])  # the ring is constant
    assert row["mean_intensity"] == 5


def test_without_bare_support_contrast_is_blank():
    row = measure(np.ones((9, 9), int), np.ones((9, 9))).iloc[0]
    assert np.isnan(row[["contrast", "cnr"]].astype(float)).all()


def test_integers_are_summed_without_overflow():
    labels = np.ones((300, 300), np.int32)
    assert measure(labels, np.full((300, 300), 65535, np.uint16))["mean_intensity"][0] == 65535


def test_nan_pixels_count_towards_shape_only():
    labels = one_disc()
    image = np.where(labels, 3.0, 1.0)
    image[35, 34], image[0, 0] = np.nan, np.inf
    row = measure(labels, image).iloc[0]
    assert row["mean_intensity"] == 3
    assert row["area_px2"] == labels.sum()
    image[labels > 0] = np.nan
    assert np.isnan(measure(labels, image)["mean_intensity"][0])


def test_confidence_is_the_mean_over_the_particle():
    labels = np.array([[0, 1, 1], [2, 0, 1]])
    confidence = np.array([[0, 0.5, 1], [0.25, 0, 0.75]], np.float16)
    table = measure(labels, labels, confidence=confidence)
    assert table["confidence"].tolist() == [0.75, 0.25]
    assert measure(labels, labels)["confidence"].isna().all()


def test_a_certainty_comes_before_the_mean_of_the_pixels():
    # Label 2 is missing.
    labels = np.array([[0, 1, 1], [3, 0, 1]])
    table = measure(labels, labels, confidence=labels / 3, certainty=np.array([0.2, 0.4, 0.6]))
    assert table["confidence"].tolist() == [0.2, 0.6]
    with pytest.raises(UsageError, match=r"certainty has 2 values, but the largest label is 3"):
        measure(labels, labels, certainty=np.array([0.2, 0.4]))


@pytest.mark.parametrize(
    ("centre", "cut"),
    [((5, 20), True), ((20, 5), True), ((34, 20), True), ((20, 44), True), ((20, 20), False)],
)
def test_border(centre, cut):
    labels = disc(5, centre, (40, 50)).astype(np.int32)
    row = measure(labels, labels).iloc[0]
    assert row["touches_border"] == cut
    assert row["isolated"] == (not cut)
    assert row["flags"] == ("border" if cut else "")


@pytest.mark.parametrize(("first_row", "cut"), [(46, True), (47, True), (48, True), (49, False)])
def test_mask_edge(first_row, cut):
    labels = one_disc()  # its last row is 47
    excluded = np.zeros(labels.shape, bool)
    excluded[first_row:, 34] = True
    row = measure(labels, labels, excluded=excluded).iloc[0]
    assert row["flags"] == ("mask_edge" if cut else "")
    assert row["isolated"] == (not cut)


def test_mask_edge_across_strips(monkeypatch):
    labels = one_disc()
    excluded = np.zeros(labels.shape, bool)
    excluded[48:] = True
    monkeypatch.setattr(strips, "_STRIP_PX", 1)
    assert measure(labels, labels, excluded=excluded)["flags"].tolist() == ["mask_edge"]


def test_split_particles_overlap():
    labels = np.zeros((60, 60), np.int32)
    for label, centre in ((3, (15, 15)), (5, (15, 40)), (9, (40, 25))):
        labels[disc(7, centre, labels.shape)] = label
    table = measure(labels, labels, split_labels=frozenset({3, 9, 77}))
    assert table["flags"].tolist() == ["overlap", "", "overlap"]
    assert table["isolated"].tolist() == [False, True, False]


def test_concave_particles_are_not_isolated():
    labels = np.zeros((60, 60), np.int32)
    labels[5:45, 20:28] = labels[20:28, 5:45] = 1
    labels[disc(4, (52, 52), labels.shape)] = 2
    assert measure(labels, labels)["flags"].tolist() == ["non_convex", ""]


def test_reasons_are_joined():
    labels = np.zeros((40, 60), np.int32)
    labels[0:30, 20:26] = labels[10:16, 5:45] = 4
    excluded = np.zeros(labels.shape, bool)
    excluded[:, 46:] = excluded[:, 45:] = True
    table = measure(labels, labels, excluded=excluded, split_labels=frozenset({4}))
    assert table["flags"].tolist() == ["border;mask_edge;non_convex;overlap"]


@pytest.mark.parametrize("radius", range(2, 12))
def test_drawn_discs_are_isolated_however_small(radius):
    assert measure(one_disc(radius), one_disc(radius))["isolated"].tolist() == [True]


def test_strips_change_nothing(monkeypatch):
    labels = field(6)
    image = np.random.default_rng(1).integers(0, 4096, labels.shape).astype(np.uint16)
    excluded = np.zeros(labels.shape, bool)
    excluded[100:, 100:] = True
    confidence = np.random.default_rng(2).random(labels.shape)
    whole = measure(labels, image, excluded=excluded, confidence=confidence)
    monkeypatch.setattr(strips, "_STRIP_PX", 5 * labels.shape[1])
    cut = measure(labels, image, excluded=excluded, confidence=confidence)
    pd.testing.assert_frame_equal(whole, cut, rtol=1e-9)


def test_arguments_are_not_changed():
    labels = field(8)
    image = labels.astype(np.float32)
    excluded = np.zeros(labels.shape, bool)
    copies = labels.copy(), image.copy(), excluded.copy()
    measure(labels, image, excluded=excluded, confidence=image)
    for before, after in zip(copies, (labels, image, excluded), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["image", "excluded", "confidence"])
def test_shapes_must_agree(name):
    arrays = {"image": np.zeros((4, 5)), name: np.zeros((5, 4))}
    with pytest.raises(UsageError, match=rf"{name} must have the labels' shape \(4, 5\), got"):
        measure(np.zeros((4, 5), int), **arrays)


def test_the_pixel_size_must_be_positive():
    with pytest.raises(UsageError, match="pixel size must be a positive number"):
        measure(np.zeros((4, 5), int), np.zeros((4, 5)), pixel_size_nm=0.0)
