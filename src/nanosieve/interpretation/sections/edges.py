"""Section: how sharp and where edges are, in the image and in what networks make of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from nanosieve.interpretation.edges import Border, EdgeFit, fit_edge, profile
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.pictures import Cut, Panel, sheet
from nanosieve.interpretation.sections.fields import LINES
from nanosieve.interpretation.subject import Subject, View
from nanosieve.report import colours
from nanosieve.report.charts import Line, Mark, Rule, chart
from nanosieve.report.text import number

IMAGE = "image"
# At least and at most of the scaled grey values: a thick particle is far from its fitted level.
_LEAST, _MOST = (-0.4, 1.4), (-2.0, 3.0)
_TEXT = (
    "Profiles across particle borders, from inside (left) to outside, each the mean over 5 px "
    "along the border (Horwath et al. 2020, Fig. 5). The image is scaled so that its two fitted "
    "levels are 1 inside and 0 outside; networks are drawn as the probability of a particle. The "
    "width is that from 10 to 90 % of a fitted error function; the position is where it is half "
    "way, positive outwards, 0 the border that the line was laid on.",
    "A width larger than the image's means that the network is unsure where the edge is, and that "
    "sizes depend on the threshold; a smaller one only says that it is sure, not that it is right: "
    "compare positions. Both are measured on these borders of this image, not properties of the "
    "model.",
)
_NOT = (
    "sharper is better: steeper than the image says only that the network is sure where it puts "
    "the edge. Whether rightly shows in the shift against the image, and that is half of the "
    "grey-value step, which for a sphere is not its rim. Widths of the image hold the microscope's "
    "blur."
)


@dataclass(frozen=True)
class Widths:
    """Widths of the borders of one image, as one network (or the image itself) shows them.

    Parameters
    ----------
    median, low, high
        From 10 to 90 %, in nm or px; NaN where no border could be fitted.
    n_fitted, n_borders
        Borders that have a width, and all.
    """

    median: float
    low: float
    high: float
    n_fitted: int
    n_borders: int


def section(
    models: list[TrainedNetwork],
    views: list[View],
    subject: Subject,
    borders: Sequence[Border],
    output: Output,
) -> tuple[Section, dict[str, Widths]]:
    """Draw and fit profiles; writes ``profiles.csv`` and ``edges.csv``. Also widths by source."""
    if not borders:
        why = "No particle has a border with free support on one side: name one with --line."
        return Section("edges", "Edges", (*_TEXT, why), caution=_NOT), {}
    unit, size = subject.calibration.unit, subject.calibration.scale
    probabilities = [model.probability(view.prepared) for model, view in zip(models, views,
                                                                         strict=True)]  # fmt: skip
    rows, points, charts = [], [], []
    for border in borders:
        sources: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        position, value = profile(subject.image, border)
        sources[IMAGE] = position * size, value
        for model, view, probability in zip(models, views, probabilities, strict=True):
            position, value = profile(probability, view.border(border))
            sources[model.name] = position * size / view.factor, value
        fits = {name: fit_edge(*drawn) for name, drawn in sources.items()}
        rows += [_row(border, name, fit, unit) for name, fit in fits.items()]
        points += [_points(border, name, drawn, unit) for name, drawn in sources.items()]
        svg = output.chart(
            f"profiles/{border.name.replace(' ', '-')}.svg", _chart(sources, fits, unit)
        )
        charts.append(Figure(svg, _caption(border, sources[IMAGE], fits, unit)))
    table = pd.DataFrame(rows)
    output.table("edges.csv", table)
    output.table("profiles.csv", pd.concat(points))
    widths = {
        str(name): _widths(group[f"width_{unit}"])
        for name, group in table.groupby("source", sort=False)
    }
    where = Figure(
        output.picture("borders.png", _where(subject, borders)),
        f"The lines on {subject.name}; each begins inside and ends outside.",
    )
    summary = _summary(table, unit)
    groups = [Group("", [where, summary, *charts])]
    return Section("edges", "Edges", _TEXT, groups, _NOT), widths


def _widths(of_source: pd.Series) -> Widths:
    return Widths(
        float(of_source.median()), float(of_source.min()), float(of_source.max()),
        int(of_source.notna().sum()), len(of_source),
    )  # fmt: skip


def _row(border: Border, source: str, fit: EdgeFit, unit: str) -> dict[str, object]:
    (y0, x0), (y1, x1) = border.start, border.end
    return {
        "border": border.name, "source": source, "y0_px": y0, "x0_px": x0, "y1_px": y1,
        "x1_px": x1, f"width_{unit}": fit.width, f"position_{unit}": fit.position,
        "inside": fit.inside, "outside": fit.outside, "why_not": fit.why_not,
    }  # fmt: skip


def _points(
    border: Border, source: str, drawn: tuple[np.ndarray, np.ndarray], unit: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {"border": border.name, "source": source, f"position_{unit}": drawn[0], "value": drawn[1]}
    )


def _chart(
    sources: dict[str, tuple[np.ndarray, np.ndarray]], fits: dict[str, EdgeFit], unit: str
) -> Markup:
    low, high = _LEAST
    marks: list[Mark] = [Rule(0.0, colours.GREY, dashed=True)]
    for index, (name, (position, value)) in enumerate(sources.items()):
        if name == IMAGE:
            scaled = _scaled(value, fits[name])
            beyond = (scaled < _MOST[0]) | (scaled > _MOST[1])
            shown = np.where(beyond, np.nan, scaled)
            low = float(np.nanmin(np.append(shown - 0.05, low)))
            high = float(np.nanmax(np.append(shown + 0.05, high)))
            marks.append(Line(position, shown, colours.GREY, IMAGE))
            continue
        number_ = index - 1
        colour = LINES[number_ % len(LINES)]
        marks.append(Line(position, value, colour, name, dashed=number_ % 2 == 1))
    half = max(float(np.abs(position).max()) for position, _ in sources.values())
    return chart(
        marks, x_label=f"distance from the border, {unit} (right: outside)",
        y_label="scaled grey value, probability", x_limits=(-half, half), y_limits=(low, high),
        title="Profile across a border",
    )  # fmt: skip


def _scaled(value: np.ndarray, fit: EdgeFit) -> np.ndarray:
    """Grey values with the fitted level inside as 1 and that outside as 0; NaN without a step."""
    step = fit.inside - fit.outside
    known = math.isfinite(step) and step != 0
    return (value - fit.outside) / step if known else np.full(len(value), np.nan)


def _caption(
    border: Border,
    image: tuple[np.ndarray, np.ndarray],
    fits: dict[str, EdgeFit],
    unit: str,
) -> str:
    words = (
        f"{name} {number(fit.width)} {unit}" if not fit.why_not else f"{name}: {fit.why_not}"
        for name, fit in fits.items()
    )
    scaled = _scaled(image[1], fits[IMAGE])
    broken = (
        f" The image's line is broken where it leaves {_MOST[0]:g} to {_MOST[1]:g}."
        if (scaled < _MOST[0]).any() or (scaled > _MOST[1]).any()
        else ""
    )
    return f"{border.name}; 10-90 % width: {', '.join(words)}.{broken}"


def _summary(table: pd.DataFrame, unit: str) -> Table:
    rows = []
    image = table[table["source"] == IMAGE].set_index("border")
    for name, group in table.groupby("source", sort=False):
        width, position = group[f"width_{unit}"], group[f"position_{unit}"]
        fitted = group["why_not"] == ""
        own = group.set_index("border")
        both = (own["why_not"] == "") & (image["why_not"] == "")
        shift = (own[f"position_{unit}"] - image[f"position_{unit}"])[both]
        rows.append(
            [
                str(name), f"{fitted.sum()} of {len(group)}", number(width.median()),
                f"{number(width.min())} to {number(width.max())}",
                number(position[fitted].median()) if fitted.any() else "–",
                "–" if name == IMAGE or not len(shift) else number(shift.median()),
            ]
        )  # fmt: skip
    return Table(
        ("source", "borders fitted", f"median width, {unit}", "range", f"median position, {unit}",
         f"shift to the image, {unit}"),
        rows,
        "Widths from 10 to 90 %. Shift: position minus that in the image, positive outwards. "
        "Why a border has no width stands in edges.csv.",
    )  # fmt: skip


def _where(subject: Subject, borders: Sequence[Border]) -> bytes:
    cuts = [
        Cut(border.start, border.end, (230, 159, 0), border.name.rpartition(" ")[2])
        for border in borders
    ]
    panel = Panel(subject.image, subject.name, calibration=subject.calibration, marks=cuts)
    return sheet([panel], columns=1, cell=520)
