"""The page of ``search``: one plot and one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from nanosieve.report import colours
from nanosieve.report.charts import Line, Mark, Points, Rule, chart
from nanosieve.report.page import write_page

_LINES = (colours.BLUE, colours.VERMILION, colours.GREEN, colours.PURPLE, colours.ORANGE)


@dataclass(frozen=True)
class Series:
    """Combinations that differ in one setting: its values, their scores, and ends of the bars."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class SearchView:
    """Everything on the page of a search.

    Parameters
    ----------
    name, version
        Of the model, and of nanosieve.
    x_label, series
        Of the plot; y is the Dice of the validation images.
    best, best_x
        Settings of the best combination as text, and where it lies; empty and ``None`` where
        nothing could be trained.
    columns, rows
        The table: names, and one mapping a combination, ``message`` among its values.
    settings
        Columns that are settings.
    """

    name: str
    version: str
    x_label: str
    series: Sequence[Series]
    best: Mapping[str, str]
    best_x: float | None
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    settings: Sequence[str]


def write_search_page(path: str | Path, view: SearchView) -> None:
    """Write ``report.html`` of a search, self-contained; the same view gives the same bytes.

    Parameters
    ----------
    path
        File to write (atomically).
    view
        What to show.
    """
    write_page(path, "search.html", run=view, figure=_plot(view))


def _plot(view: SearchView) -> Markup:
    if view.best_x is None:
        return Markup("")
    marks: list[Mark] = [Rule(view.best_x, colours.GREY, "best", dashed=True)]
    for number, one in enumerate(view.series):
        colour = _LINES[number % len(_LINES)]
        dashed = number >= len(_LINES)
        marks += [
            Line(one.x, one.y, colour, dashed=dashed),
            Points(one.x, one.y, colour, one.name, one.low, one.high),
        ]
    known = np.concatenate([np.concatenate([one.y, one.low, one.high]) for one in view.series])
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    room = max(0.05 * (high - low), 0.005)
    xs = np.concatenate([one.x for one in view.series])
    beside = 0.04 * float(np.ptp(xs)) or 0.5
    return chart(
        marks,
        x_label=view.x_label,
        y_label="Dice of the validation images",
        size=(680, 340),
        x_limits=(float(xs.min()) - beside, float(xs.max()) + beside),
        y_limits=(max(low - room, 0.0), min(high + room, 1.0)),
        title="Validation Dice of each combination",
    )
