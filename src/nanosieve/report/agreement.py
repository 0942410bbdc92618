"""The page of ``evaluate``: methods side by side, with intervals, distributions and error maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup

from nanosieve.core.schema import Unit
from nanosieve.report import colours
from nanosieve.report.charts import Bars, Line, Mark, Points, Rule, chart
from nanosieve.report.figures import bin_edges
from nanosieve.report.page import write_page
from nanosieve.report.view import Estimate

_LINES = (colours.BLUE, colours.VERMILION, colours.GREEN, colours.PURPLE, colours.ORANGE)
_JACCARD_BINS = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class ScoreCell:
    """One score of one method: mean over ``n`` images, and pooled over all where that exists."""

    mean: Estimate | None
    n: int
    pooled: float | None = None


@dataclass(frozen=True)
class ScoreRow:
    """One score of every method, in the methods' order."""

    name: str
    meaning: str
    cells: tuple[ScoreCell, ...]


@dataclass(frozen=True)
class Curve:
    """Pixel scores against a threshold: four ``(n,)`` arrays, NaN where undefined."""

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    dice: np.ndarray


@dataclass(frozen=True)
class ConfidenceView:
    """Confidence of a method's particles against the truth.

    Parameters
    ----------
    truth
        What makes a particle a true one, in words.
    error
        Expected calibration error.
    brier
        Mean square of confidence less truth.
    mean_said, mean_found
        Mean confidence, and share of true particles.
    count, said, found
        ``(b,)`` particles, mean confidence and share of true ones in each bin.
    """

    truth: str
    error: Estimate
    brier: float
    mean_said: float
    mean_found: float
    count: np.ndarray
    said: np.ndarray
    found: np.ndarray


@dataclass(frozen=True)
class MethodView:
    """One method.

    Parameters
    ----------
    name, words
        Its name in the tables, and what it is.
    n_scored, n_images
        Images with a score, of all.
    headline
        The few scores named first: label -> mean with interval.
    confusion
        Pixels ``tp, fp, fn, tn`` over all images; ``None`` where there is no mask.
    jaccard
        ``(n,)`` of each image where it is defined.
    curve
        Against the threshold of its probability, if it has one.
    unit, true, predicted
        Diameters of all true and predicted particles; empty where there are none.
    differences
        Score -> mean difference to the first method; empty for the first.
    confidence
        Of its particles, against each kind of truth that there is.
    """

    name: str
    words: str
    n_scored: int
    n_images: int
    headline: Mapping[str, Estimate] = field(default_factory=dict)
    confusion: tuple[int, int, int, int] | None = None
    jaccard: np.ndarray = field(default_factory=lambda: np.zeros(0))
    curve: Curve | None = None
    unit: Unit = "px"
    true: np.ndarray = field(default_factory=lambda: np.zeros(0))
    predicted: np.ndarray = field(default_factory=lambda: np.zeros(0))
    differences: Mapping[str, Estimate] = field(default_factory=dict)
    confidence: Sequence[ConfidenceView] = ()


@dataclass(frozen=True)
class StratumRow:
    """One stratum: its range, its true particles, and for each method what became of them.

    ``cells`` maps a method's name to ``recall, mean_iou, diameter_bias, precision`` (NaN where
    undefined).
    """

    label: str
    n_true: int
    cells: Mapping[str, tuple[float, float, float, float]]


@dataclass(frozen=True)
class ImageRow:
    """One image: its scores by method and column (``None`` if undefined), and its error maps."""

    name: str
    group: str
    scores: Mapping[str, Mapping[str, float | None]]
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class AgreementView:
    """Everything on the page of ``evaluate``.

    Parameters
    ----------
    data
        Name of the data set.
    version
        Version of nanosieve that made it.
    development
        Whether the data were used while methods or settings were chosen.
    interval
        How the intervals were made.
    has_intervals
        Whether the ranges in brackets are intervals of a mean: not with one group.
    facts
        Name -> value: images, groups, what was counted and how.
    warnings
        Sentences.
    problems
        ``(image, method, status, message)`` of what has no score.
    methods
        In the order of all cells.
    tables
        Heading -> scores.
    costs
        Like scores, but one figure a method.
    image_columns
        Scores in the table of images: column -> heading.
    diameter_strata, contrast_strata
        Rows; empty where there are no particles.
    images
        All images; those with pictures are shown, in this order.
    pictures_note
        Which images are shown, and why.
    has_boxes
        Whether true boxes are drawn on the maps.
    files
        Data next to the figures: text -> link.
    """

    data: str
    version: str
    development: bool
    interval: str
    has_intervals: bool
    facts: Mapping[str, str]
    methods: Sequence[MethodView]
    tables: Mapping[str, Sequence[ScoreRow]]
    image_columns: Mapping[str, str]
    images: Sequence[ImageRow]
    costs: Sequence[ScoreRow] = ()
    warnings: Sequence[str] = ()
    problems: Sequence[tuple[str, str, str, str]] = ()
    diameter_strata: Sequence[StratumRow] = ()
    contrast_strata: Sequence[StratumRow] = ()
    pictures_note: str = ""
    has_boxes: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


def write_agreement(path: str | Path, view: AgreementView) -> None:
    """Write ``report.html`` of an evaluation, self-contained; the same view gives the same bytes.

    Parameters
    ----------
    path
        File to write (atomically).
    view
        What to show.
    """
    write_page(
        path,
        "evaluate.html",
        run=view,
        jaccard_figures=[(m, _jaccard(m)) for m in view.methods if len(m.jaccard)],
        size_figures=[(m, _sizes(m)) for m in view.methods if len(m.true) and len(m.predicted)],
        curve_figures=_curves([m for m in view.methods if m.curve is not None]),
        confidence_figures=[
            (m, one, _confidence(m, one)) for m in view.methods for one in m.confidence
        ],
        colours=colours,
    )


def _jaccard(method: MethodView) -> Markup:
    heights, _ = np.histogram(method.jaccard, _JACCARD_BINS)
    marks: list[Mark] = [
        Bars(_JACCARD_BINS, heights, colours.BLUE),
        Rule(float(np.median(method.jaccard)), colours.GREEN, "median", dashed=True),
        Rule(float(np.mean(method.jaccard)), colours.VERMILION, "mean"),
    ]
    return chart(
        marks,
        x_label="Jaccard of an image",
        y_label="number of images",
        x_limits=(0.0, 1.0),
        title=f"Histogram of Jaccard per image, {method.name}, {len(method.jaccard)} images",
    )


def _sizes(method: MethodView) -> Markup:
    edges = bin_edges(np.concatenate([method.true, method.predicted]))
    heights = [
        100 * np.histogram(values, edges)[0] / len(values)
        for values in (method.predicted, method.true)
    ]
    return chart(
        [
            Bars(edges, heights[0], colours.BLUE, f"predicted, N = {len(method.predicted)}"),
            Bars(edges, heights[1], colours.VERMILION, f"true, N = {len(method.true)}", False),
        ],
        x_label=f"equivalent diameter, {method.unit}",
        y_label="share of particles, %",
        title=f"Diameters of true and predicted particles, {method.name}",
    )


def _confidence(method: MethodView, view: ConfidenceView) -> Markup:
    unit = (0.0, 1.0)
    diagonal = np.array(unit)
    # 95 % by the law of large numbers, after two hits and two misses more (Agresti and Coull 1998).
    count = view.count + 4
    middle = (view.found * view.count + 2) / count
    half = 1.96 * np.sqrt(middle * (1 - middle) / count)
    low, high = np.clip([middle - half, middle + half], 0, 1)
    return chart(
        [
            Line(diagonal, diagonal, colours.GREY, dashed=True),
            Line(view.said, view.found, colours.BLUE),
            Points(view.said, view.found, colours.BLUE, low=low, high=high),
        ],
        x_label="confidence, as said",
        y_label="share of true particles, as found",
        x_limits=unit,
        y_limits=unit,
        title=f"Reliability of the particles' confidence, {method.name}, {view.truth}",
    )


def _curves(methods: Sequence[MethodView]) -> list[Markup]:
    dice: list[Mark] = []
    trade: list[Mark] = []
    for number, method in enumerate(methods):
        curve, colour = method.curve, _LINES[number % len(_LINES)]
        dashed = number >= len(_LINES)
        assert curve is not None
        dice.append(Line(curve.threshold, curve.dice, colour, method.name, dashed))
        trade.append(Line(curve.recall, curve.precision, colour, method.name, dashed))
    if not dice:
        return []
    unit = (0.0, 1.0)
    return [
        chart(dice, x_label="threshold", y_label="Dice of pixels, pooled", x_limits=unit,
              y_limits=unit, title="Dice against the threshold"),
        chart(trade, x_label="recall of pixels, pooled", y_label="precision", x_limits=unit,
              y_limits=unit, title="Precision against recall"),
    ]  # fmt: skip
