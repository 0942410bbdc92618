"""Figures of sizes: a distribution with fit and interval, populations beside each other, movies."""

import math

import numpy as np
from markupsafe import Markup

from nanosieve.report import colours
from nanosieve.report.charts import Band, Bars, Line, Mark, Rule, chart
from nanosieve.report.view import LogNormal, MovieView, PopulationView, SizeView

_FEWEST_BINS, _MOST_BINS = 6, 40


def bin_edges(diameters: np.ndarray) -> np.ndarray:
    """Return round, equally wide bins after Freedman and Diaconis, between 6 and about 40 of them.

    Parameters
    ----------
    diameters
        ``(n,)`` positive finite lengths, n at least 1.

    Examples
    --------
    >>> bin_edges(np.array([4.0, 5.0, 5.5, 6.0, 9.0]))
    array([4., 5., 6., 7., 8., 9.])
    """
    low, high = float(diameters.min()), float(diameters.max())
    extent = high - low
    if extent <= 1e-6 * high:
        low, extent = 0.9 * high, 0.2 * high
        high = low + extent
    first, third = np.percentile(diameters, [25, 75])
    width = 2 * (third - first) / len(diameters) ** (1 / 3)
    width = min(max(width, extent / _MOST_BINS), extent / _FEWEST_BINS)
    decade = 10.0 ** math.floor(math.log10(width))
    step = max(digit * decade for digit in (1, 2, 2.5, 5, 10) if digit * decade <= width * 1.25)
    start = math.floor(low / step + 1e-9)
    stop = max(math.ceil(high / step - 1e-9), start + 1)
    return np.arange(start, stop + 1) * step


def size_histogram(size: SizeView) -> Markup:
    """Draw the diameters of one distribution with its log-normal fit, mean with interval, median.

    ``size`` must hold at least one diameter. Numbers of particles are drawn, or their share where
    the count is weighted.

    Examples
    --------
    >>> size = SizeView("all particles", "nm", np.array([4.0, 5.0, 5.5, 6.0, 9.0]))
    >>> "equivalent diameter, nm" in size_histogram(size)
    True
    """
    edges = bin_edges(size.diameters)
    share = size.weights is not None
    marks = _histogram_marks(size, edges, share=share)
    return _histogram(size, marks, _x_limits(edges, marks), share=share)


def bar_heights(size: SizeView, edges: np.ndarray, *, share: bool) -> np.ndarray:
    """Return the (weighted) number of particles in each bin, or their share in percent.

    Examples
    --------
    >>> size = SizeView("all", "nm", np.array([1.0, 1.5, 3.0]), weights=np.array([1.0, 1.0, 2.0]))
    >>> bar_heights(size, np.array([1.0, 2.0, 4.0]), share=True)
    array([50., 50.])
    """
    heights, _ = np.histogram(size.diameters, edges, weights=size.weights)
    if not share:
        return heights.astype(float)
    total = float(size.n) if size.weights is None else float(size.weights.sum())
    return heights * (100.0 / total)


def population_figures(population: PopulationView) -> list[tuple[SizeView, Markup]]:
    """Draw a population's distributions on the same axes, to be placed side by side.

    The uncorrected count of all particles comes first; it lies as an outline behind the others
    (corrected for the border; isolated particles only). Empty where nothing was found.
    """
    counted = population.counted
    if counted.n == 0:
        return []
    edges = bin_edges(counted.diameters)
    behind = Bars(edges, bar_heights(counted, edges, share=True), colours.GREY, filled=False)
    drawn = [(counted, _histogram_marks(counted, edges, share=True))]
    drawn += [
        (size, [behind, *_histogram_marks(size, edges, share=True)])
        for size in (population.corrected, population.isolated)
        if size is not None and size.n
    ]
    everything = [mark for _, marks in drawn for mark in marks]
    x_limits = _x_limits(edges, everything)
    highest = max(float(mark.y().max(initial=0)) for mark in everything)
    return [
        (size, _histogram(size, marks, x_limits, share=True, highest=1.05 * highest))
        for size, marks in drawn
    ]


def movie_figures(movie: MovieView) -> list[Markup]:
    """Draw N(t), mean diameter(t) with its band, coverage(t); what is never known is left out."""
    x_label = "time, s" if movie.time_unit == "s" else "frame"
    number = np.asarray(movie.n, float)
    band = Band(movie.time, movie.low, movie.high, colours.BLUE, "95 % interval")
    rows: list[tuple[list[Mark], str]] = [
        ([Line(movie.time, number, colours.GREEN)], "number of particles"),
        ([band, Line(movie.time, movie.mean, colours.BLUE, "mean")], f"diameter, {movie.unit}"),
        ([Line(movie.time, movie.coverage * 100, colours.PURPLE)], "coverage, %"),
    ]
    return [
        chart(marks, x_label=x_label, y_label=label, size=(330, 180), title=f"{label} over time")
        for marks, label in rows
        if np.isfinite(marks[-1].y()).any()
    ]


def _histogram(
    size: SizeView,
    marks: list[Mark],
    x_limits: tuple[float, float],
    *,
    share: bool,
    highest: float | None = None,
) -> Markup:
    return chart(
        marks,
        x_label=f"equivalent diameter, {size.unit}",
        y_label="share of particles, %" if share else "number of particles",
        x_limits=x_limits,
        y_limits=None if highest is None else (0.0, highest),
        title=f"Histogram of the equivalent diameters of {size.label}, N = {size.n}",
    )


def _histogram_marks(size: SizeView, edges: np.ndarray, *, share: bool) -> list[Mark]:
    # The interval's area goes first: over the bars it would muddy them.
    marks = _mean_rule(size)
    marks.append(Bars(edges, bar_heights(size, edges, share=share), colours.SKY))
    if size.lognormal is not None and size.lognormal.gsd > 1:
        marks.append(_fit(size.lognormal, edges, 100.0 if share else float(size.n)))
    if size.median is not None and math.isfinite(size.median.value):
        marks.append(Rule(size.median.value, colours.GREEN, "median", dashed=True))
    return marks


def _mean_rule(size: SizeView) -> list[Mark]:
    mean = size.mean
    if mean is None or not math.isfinite(mean.value):
        return []
    if mean.low is None or mean.high is None or not math.isfinite(mean.low + mean.high):
        return [Rule(mean.value, colours.VERMILION, "mean")]
    return [Rule(mean.value, colours.VERMILION, "mean, 95 %", mean.low, mean.high)]


def _fit(fit: LogNormal, edges: np.ndarray, total: float) -> Line:
    """The fitted density times the bin width and the number: comparable with the bars."""
    x = np.linspace(edges[0], edges[-1], 61)
    x = x[x > 0]
    sigma = math.log(fit.gsd)
    density = np.exp(-0.5 * (np.log(x / fit.median) / sigma) ** 2)
    density /= x * sigma * math.sqrt(2 * math.pi)
    return Line(x, density * total * (edges[1] - edges[0]), colours.ORANGE, "log-normal fit")


def _x_limits(edges: np.ndarray, marks: list[Mark]) -> tuple[float, float]:
    """The bins, and what an interval takes beyond them."""
    rules = np.concatenate([mark.x() for mark in marks if isinstance(mark, Rule)] or [edges])
    margin = (edges[1] - edges[0]) / 2
    low = min(float(edges[0]) - margin, float(rules.min()))
    return max(0.0, low), max(float(edges[-1]) + margin, float(rules.max()))
