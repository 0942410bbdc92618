"""Charts: data lies where its axes say, gaps stay gaps, text is escaped."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.core.errors import UsageError
from nanosieve.report.charts import Band, Bars, Line, Points, Rule, chart, ticks

NAN = float("nan")


def paths(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.attrib["d"] for element in root.iter("path")]


def test_line_runs_from_corner_to_corner_of_its_limits() -> None:
    line = Line(np.array([0.0, 10.0]), np.array([0.0, 4.0]), "#123456")
    svg = chart([line], x_label="x", y_label="y", size=(358, 244), y_limits=(0.0, 4.0))
    # 46 and 12 px are left for the axes on the left and right, 8 and 36 above and below.
    assert paths(svg)[0] == "M46 208L346 8"


def test_bars_stand_on_the_axis_between_their_edges() -> None:
    bars = Bars(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0]), "#123456")
    svg = chart([bars], x_label="x", y_label="y", size=(258, 344), y_limits=(0.0, 3.0))
    assert paths(svg)[0] == "M46 308L46 208L146 208L146 8L246 8L246 308Z"


def test_nan_interrupts_line_and_band() -> None:
    x = np.arange(5.0)
    y = np.array([1.0, 2.0, NAN, 2.0, 1.0])
    svg = chart([Line(x, y, "#000"), Band(x, y - 1, y + 1, "#000")], x_label="x", y_label="y")
    line, band = paths(svg)[:2]
    assert line.count("M") == 2
    assert band.count("M") == band.count("Z") == 2


def test_points_and_rules_are_drawn_where_known() -> None:
    y = np.array([1.0, NAN, 3.0])
    points = Points(np.arange(3.0), y, "#000", "p", low=y - 1, high=np.array([2.0, NAN, NAN]))
    svg = chart([points, Rule(1.0, "#111", "r", 0.5, 1.5)], x_label="x", y_label="y")
    root = ElementTree.fromstring(svg)
    # Two points and the one of the legend.
    assert len(list(root.iter("circle"))) == 3
    assert paths(svg)[0].count("V") == 1


def test_text_is_escaped_and_legend_names_marks() -> None:
    line = Line(np.arange(2.0), np.arange(2.0), "#000", "<a & b>")
    svg = chart([line], x_label="<x>", y_label='"y"', title="<t>")
    texts = [element.text for element in ElementTree.fromstring(svg).iter("text")]
    assert {"<a & b>", "<x>", '"y"'} <= set(texts)


def test_long_legend_takes_more_rows_and_the_chart_grows() -> None:
    lines = [Line(np.arange(2.0), np.arange(2.0), "#000", "a long label " * 2) for _ in range(3)]
    one = chart(lines[:1], x_label="x", y_label="y", size=(360, 200))
    three = chart(lines, x_label="x", y_label="y", size=(360, 200))
    heights = [int(re.search(r'height="(\d+)"', svg)[1]) for svg in (one, three)]
    assert heights == [215, 245]


def test_nothing_finite_to_draw() -> None:
    with pytest.raises(UsageError, match="at least one finite value"):
        chart([Line(np.array([NAN]), np.array([NAN]), "#000")], x_label="x", y_label="y")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 10))
def test_ticks_are_round_even_and_inside(low: float, extent: float, most: int) -> None:
    high = low + extent
    found = ticks(low, high, most=most)
    assert 1 <= len(found) <= most + 1
    slack = extent * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in found)
    if len(found) > 2:
        step = found[1] - found[0]
        np.testing.assert_allclose(np.diff(found), step, rtol=1e-4)
        assert f"{step:.3e}"[:1] in "125" or f"{step:.3e}"[:5] in ("9.999", "4.999", "1.999")
