"""Figures of sizes: bins cover the data, the fit has the area of the bars."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nanosieve.report import colours, figures
from nanosieve.report.charts import Line, Rule
from nanosieve.report.figures import (
    bar_heights,
    bin_edges,
    movie_figures,
    population_figures,
    size_histogram,
)
from nanosieve.report.view import Estimate, LogNormal, MovieView, PopulationView, SizeView


@given(arrays(float, st.integers(1, 60), elements=st.floats(1e-3, 1e4)))
def test_bins_hold_every_diameter_once(diameters: np.ndarray) -> None:
    edges = bin_edges(diameters)
    assert np.histogram(diameters, edges)[0].sum() == len(diameters)
    assert 2 <= len(edges) <= 130
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0], rtol=1e-6)


def test_many_particles_get_finer_bins_than_few() -> None:
    diameters = np.exp(np.random.default_rng(0).normal(2, 0.3, 5000))
    few, many = bin_edges(diameters[:50]), bin_edges(diameters)
    assert many[1] - many[0] < few[1] - few[0]


def test_weights_shift_the_shares() -> None:
    size = SizeView("all", "nm", np.array([1.0, 3.0]), weights=np.array([1.0, 3.0]))
    np.testing.assert_allclose(
        bar_heights(size, np.array([0.0, 2.0, 4.0]), share=True), [25.0, 75.0]
    )


@pytest.mark.parametrize(("share", "total"), [(False, 300.0), (True, 100.0)])
def test_fit_has_the_area_of_the_bars(size: SizeView, share: bool, total: float) -> None:
    edges = np.linspace(0.5, 40, 200)
    fit = figures._fit(LogNormal(8.0, 1.28), edges, total)
    area = np.trapezoid(fit.ys, fit.xs)
    assert area == pytest.approx(total * (edges[1] - edges[0]), rel=0.01)
    # Mode of a log-normal: median * exp(-sigma^2).
    assert fit.xs[fit.ys.argmax()] == pytest.approx(8.0 * np.exp(-(np.log(1.28) ** 2)), abs=0.7)
    assert bar_heights(size, edges, share=share).sum() == pytest.approx(total)


def test_histogram_marks_mean_with_interval_and_median(size: SizeView) -> None:
    marks = figures._histogram_marks(size, bin_edges(size.diameters), share=False)
    rules = {mark.label: mark for mark in marks if isinstance(mark, Rule)}
    assert (rules["mean, 95 %"].low, rules["mean, 95 %"].high) == (8.02, 8.51)
    assert rules["median"].at == 8.0
    assert any(isinstance(mark, Line) and mark.label == "log-normal fit" for mark in marks)


@pytest.mark.parametrize(
    "mean", [None, Estimate(np.nan), Estimate(5.0), Estimate(5.0, np.nan, np.nan)]
)
def test_histogram_of_one_particle_draws_what_is_known(mean: Estimate | None) -> None:
    svg = size_histogram(SizeView("all", "px", np.array([5.0]), mean=mean))
    assert "equivalent diameter, px" in svg
    assert "95 %" not in svg
    assert "nan" not in svg
    assert ("mean" in svg) == (mean is not None and np.isfinite(mean.value))


def test_same_view_gives_same_chart(size: SizeView) -> None:
    assert size_histogram(size) == size_histogram(replace(size))


def test_a_chart_is_light(size: SizeView) -> None:
    assert len(size_histogram(size).encode()) < 6000


def test_populations_stand_side_by_side_on_equal_axes(population: PopulationView) -> None:
    shown = population_figures(population)
    assert [size.label for size, _ in shown] == [
        "all particles", "corrected for the border", "isolated only",
    ]  # fmt: skip
    frames = {svg.partition(">")[0].split("aria-label")[0] for _, svg in shown}
    assert len(frames) == 1
    assert [colours.GREY in svg for _, svg in shown] == [False, True, True]


def test_empty_population_draws_nothing(population: PopulationView) -> None:
    empty = replace(population.counted, diameters=np.array([]))
    assert population_figures(replace(population, counted=empty)) == []


def test_movie_shows_number_diameter_and_coverage(movie_view: MovieView) -> None:
    charts = movie_figures(movie_view)
    assert len(charts) == 3
    assert "time, s" in charts[0]
    assert "95 % interval" in charts[1]
    assert "nan" not in "".join(charts)
    nothing = replace(movie_view, mean=np.full(4, np.nan), time_unit="frame")
    assert len(movie_figures(nothing)) == 2
