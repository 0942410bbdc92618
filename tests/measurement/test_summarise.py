import numpy as np
import pytest
from drawn import field

from nanosieve.core.schema import summary_columns
from nanosieve.measurement.distribution import describe
from nanosieve.measurement.particles import measure
from nanosieve.measurement.summary import summarise


@pytest.mark.parametrize("pixel_size_nm", [None, 0.25])
@pytest.mark.parametrize("n", [0, 25])
def test_columns_are_those_of_the_schema(pixel_size_nm, n):
    labels = field(0, n=n)
    table = measure(labels, labels, pixel_size_nm=pixel_size_nm)
    row = summarise(table, analysed_area_px=labels.size, pixel_size_nm=pixel_size_nm)
    names = summary_columns("px" if pixel_size_nm is None else "nm")
    assert list(row) == names[names.index("n") : names.index("coverage") + 1]


def test_figures_are_those_of_the_distribution():
    labels = field(1)
    table = measure(labels, labels, pixel_size_nm=0.25)
    row = summarise(table, analysed_area_px=10_000, pixel_size_nm=0.25)
    found = describe(table["diameter_nm"].to_numpy())
    assert (row["n"], row["n_isolated"]) == (len(table), table["isolated"].sum())
    assert row["coverage"] == pytest.approx((labels > 0).sum() / 10_000)
    expected = [found.mean, *found.intervals["mean"], found.std, found.d10, found.d50, found.d90]
    stems = ("diameter_mean", "diameter_mean_low", "diameter_mean_high", "diameter_std")
    names = [f"{stem}_nm" for stem in (*stems, "d10", "d50", "d90")]
    assert [row[name] for name in names] == pytest.approx(expected)


def test_no_particle_is_a_valid_row():
    table = measure(np.zeros((9, 9), int), np.zeros((9, 9)))
    row = summarise(table, analysed_area_px=81)
    assert (row["n"], row["n_isolated"], row["coverage"]) == (0, 0, 0)
    assert np.isnan([row["diameter_mean_px"], row["d50_px"], row["diameter_std_px"]]).all()
    assert np.isnan(summarise(table, analysed_area_px=0)["coverage"])
