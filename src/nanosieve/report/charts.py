"""Small vector charts written as SVG text.

A page holds a chart for each of up to 2,000 images. matplotlib takes 0.9 s to load and 0.14 s and
16 kB a chart (five minutes and 32 MB for such a page); these take under a millisecond and 3 kB,
and take the colour of the page's text, so that they are read on light and on dark ground.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup, escape

from nanosieve.core.errors import UsageError

_CHARACTER_PX = 6.4
_LEGEND_ROW_PX = 15
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 8, 36


@dataclass(frozen=True)
class Bars:
    """Histogram: ``heights`` (n,) over ``edges`` (n + 1,); only the outline if not ``filled``."""

    edges: np.ndarray
    heights: np.ndarray
    colour: str
    label: str = ""
    filled: bool = True

    def x(self) -> np.ndarray:
        return self.edges

    def y(self) -> np.ndarray:
        return np.append(self.heights, 0)

    def draw(self, frame: "Frame") -> str:
        corners_x = np.repeat(self.edges, 2)
        corners_y = np.concatenate([[0], np.repeat(self.heights, 2), [0]])
        path = frame.path(corners_x, corners_y)
        if not self.filled:
            return f'<path d="{path}" fill="none" stroke="{self.colour}" stroke-width="1.3"/>'
        lines = "".join(
            f"M{frame.px(edge)} {frame.py(0)}V{frame.py(min(pair))}"
            for edge, pair in zip(
                self.edges[1:-1], zip(self.heights[:-1], self.heights[1:], strict=True), strict=True
            )
        )
        return (
            f'<path d="{path}Z" fill="{self.colour}" fill-opacity=".5"/>'
            f'<path d="{path}{lines}" fill="none" stroke="{self.colour}"/>'
        )


@dataclass(frozen=True)
class Line:
    """Curve through ``x`` (n,), ``y`` (n,); a NaN interrupts it."""

    xs: np.ndarray
    ys: np.ndarray
    colour: str
    label: str = ""
    dashed: bool = False

    def x(self) -> np.ndarray:
        return self.xs

    def y(self) -> np.ndarray:
        return self.ys

    def draw(self, frame: "Frame") -> str:
        dash = ' stroke-dasharray="5 3"' if self.dashed else ""
        path = frame.path(self.xs, self.ys)
        return f'<path d="{path}" fill="none" stroke="{self.colour}" stroke-width="1.6"{dash}/>'


@dataclass(frozen=True)
class Band:
    """Area between ``low`` (n,) and ``high`` (n,) along ``xs``; a NaN interrupts it."""

    xs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str
    label: str = ""

    def x(self) -> np.ndarray:
        return self.xs

    def y(self) -> np.ndarray:
        return np.concatenate([self.low, self.high])

    def draw(self, frame: "Frame") -> str:
        known = np.isfinite(self.low) & np.isfinite(self.high)
        runs = np.split(np.arange(len(known)), np.flatnonzero(np.diff(known)) + 1)
        paths = (
            frame.path(
                np.concatenate([self.xs[run], self.xs[run][::-1]]),
                np.concatenate([self.low[run], self.high[run][::-1]]),
            )
            for run in runs
            if len(run) and known[run[0]]
        )
        path = "".join(f"{piece}Z" for piece in paths)
        return f'<path d="{path}" fill="{self.colour}" fill-opacity=".25"/>'


@dataclass(frozen=True)
class Rule:
    """Vertical line at ``at``, with the area between ``low`` and ``high`` where they are given."""

    at: float
    colour: str
    label: str = ""
    low: float | None = None
    high: float | None = None
    dashed: bool = False

    def x(self) -> np.ndarray:
        return np.array([value for value in (self.at, self.low, self.high) if value is not None])

    def y(self) -> np.ndarray:
        return np.array([])

    def draw(self, frame: "Frame") -> str:
        top, bottom = frame.top, frame.top + frame.inner_height
        area = ""
        if self.low is not None and self.high is not None:
            left, right = frame.px(self.low), frame.px(self.high)
            area = (
                f'<path d="M{left} {top}H{right}V{bottom}H{left}Z" fill="{self.colour}" '
                'fill-opacity=".22"/>'
            )
        dash = ' stroke-dasharray="4 3"' if self.dashed else ""
        return (
            f'{area}<path d="M{frame.px(self.at)} {top}V{bottom}" stroke="{self.colour}" '
            f'stroke-width="1.5"{dash}/>'
        )


@dataclass(frozen=True)
class Points:
    """Dots at ``xs``, ``ys`` with error bars from ``low`` to ``high`` where these are finite."""

    xs: np.ndarray
    ys: np.ndarray
    colour: str
    label: str = ""
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def x(self) -> np.ndarray:
        return self.xs

    def y(self) -> np.ndarray:
        return np.concatenate([v for v in (self.ys, self.low, self.high) if v is not None])

    def draw(self, frame: "Frame") -> str:
        marks = [
            f'<circle cx="{frame.px(x)}" cy="{frame.py(y)}" r="2.6" fill="{self.colour}"/>'
            for x, y in zip(self.xs, self.ys, strict=True)
            if math.isfinite(y)
        ]
        if self.low is not None and self.high is not None:
            bars = "".join(
                f"M{frame.px(x)} {frame.py(low)}V{frame.py(high)}"
                for x, low, high in zip(self.xs, self.low, self.high, strict=True)
                if math.isfinite(low) and math.isfinite(high)
            )
            marks.append(f'<path d="{bars}" stroke="{self.colour}" stroke-width="1.2"/>')
        return "".join(marks)


Mark = Bars | Line | Band | Rule | Points


@dataclass(frozen=True)
class Frame:
    """Where data lies in the picture: limits in data units, the rest in px."""

    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    width: int
    height: int
    top: int = field(default=_TOP)

    @property
    def inner_width(self) -> int:
        return self.width - _LEFT - _RIGHT

    @property
    def inner_height(self) -> int:
        return self.height - self.top - _BOTTOM

    def px(self, x: float) -> str:
        low, high = self.x_limits
        return _short(_LEFT + (x - low) / (high - low) * self.inner_width)

    def py(self, y: float) -> str:
        low, high = self.y_limits
        return _short(self.top + (high - y) / (high - low) * self.inner_height)

    def path(self, xs: np.ndarray, ys: np.ndarray) -> str:
        """Path data; the pen is lifted over points that are not finite."""
        pieces, pen_down = [], False
        for x, y in zip(xs, ys, strict=True):
            known = math.isfinite(x) and math.isfinite(y)
            if known:
                pieces.append(f"{'L' if pen_down else 'M'}{self.px(x)} {self.py(y)}")
            pen_down = known
        return "".join(pieces)


def chart(
    marks: Sequence[Mark],
    *,
    x_label: str,
    y_label: str,
    size: tuple[int, int] = (360, 210),
    x_limits: tuple[float, float] | None = None,
    y_limits: tuple[float, float] | None = None,
    title: str = "",
) -> Markup:
    """Draw marks over one pair of linear axes.

    Parameters
    ----------
    marks
        Drawn in order; those with a label are named in the legend above the axes.
    x_label, y_label
        With unit, e.g. ``"diameter, nm"``.
    size
        Width and height in px; the page may shrink it.
    x_limits, y_limits
        Ends of the axes; by default the finite extent of the marks, y from zero up.
    title
        Text for screen readers.

    Returns
    -------
    Markup
        An ``svg`` element: same marks, same text.

    Raises
    ------
    UsageError
        If no mark has a finite point to take the limits from.

    Examples
    --------
    >>> svg = chart([Line(np.arange(3.0), np.arange(3.0), "#000")], x_label="t, s", y_label="N")
    >>> svg.startswith("<svg"), "t, s" in svg
    (True, True)
    """
    width, height = size
    legend, rows = _legend([mark for mark in marks if mark.label], width)
    frame = Frame(
        x_limits or _extent(np.concatenate([mark.x() for mark in marks] or [np.array([])])),
        y_limits or _from_zero(np.concatenate([mark.y() for mark in marks] or [np.array([])])),
        width,
        height + rows * _LEGEND_ROW_PX,
        _TOP + rows * _LEGEND_ROW_PX,
    )
    body = "".join(mark.draw(frame) for mark in marks)
    # Every text in it is escaped, the rest is numbers.
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {frame.height}" width="{width}" '
        f'height="{frame.height}" role="img" aria-label="{escape(title or y_label)}" '
        'font-family="system-ui,sans-serif" font-size="11" fill="currentColor">'
        f"{body}{_axes(frame, x_label, y_label)}{legend}</svg>"
    )


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Return round numbers (steps of 1, 2 or 5) from ``low`` to ``high``, at most ``most`` + 1.

    Examples
    --------
    >>> ticks(0.3, 9.7)
    [2.0, 4.0, 6.0, 8.0]
    """
    rough = (high - low) / most
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(d * decade for d in (1, 2, 5, 10) if d * decade >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _extent(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise UsageError("a chart needs at least one finite value, or limits")
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        half = abs(low) / 10 or 0.5
        return low - half, high + half
    return low, high


def _from_zero(values: np.ndarray) -> tuple[float, float]:
    low, high = _extent(np.append(values, 0.0))
    room = (high - low) * 0.05
    return (low - room if low < 0 else 0.0), high + room


def _axes(frame: Frame, x_label: str, y_label: str) -> str:
    bottom, right = frame.top + frame.inner_height, _LEFT + frame.inner_width
    lines = [f"M{_LEFT} {frame.top}V{bottom}H{right}"]
    texts = []
    for x in ticks(*frame.x_limits):
        lines.append(f"M{frame.px(x)} {bottom}v4")
        texts.append(f'<text x="{frame.px(x)}" y="{bottom + 15}">{x:g}</text>')
    for y in ticks(*frame.y_limits, most=4):
        lines.append(f"M{_LEFT} {frame.py(y)}h-4")
        texts.append(
            f'<text x="{_LEFT - 7}" y="{frame.py(y)}" dy="3.5" text-anchor="end">{y:g}</text>'
        )
    middle = frame.top + frame.inner_height / 2
    return (
        f'<path d="{"".join(lines)}" fill="none" stroke="currentColor" stroke-width=".8"/>'
        f'<g text-anchor="middle">{"".join(texts)}'
        f'<text x="{_LEFT + frame.inner_width / 2}" y="{bottom + 31}">{escape(x_label)}</text>'
        f'<text transform="translate(11 {middle})rotate(-90)">{escape(y_label)}</text></g>'
    )


def _legend(marks: Sequence[Mark], width: int) -> tuple[str, int]:
    """Swatches and labels from the left, in as many rows as they need."""
    pieces, x, row = [], float(_LEFT), 0
    for mark in marks:
        needed = 20 + len(mark.label) * _CHARACTER_PX + 10
        if x > _LEFT and x + needed > width:
            x, row = float(_LEFT), row + 1
        y = 9 + row * _LEGEND_ROW_PX
        pieces.append(
            f'{_swatch(mark, x, y - 4)}<text x="{_short(x + 20)}" y="{y}">'
            f"{escape(mark.label)}</text>"
        )
        x += needed
    return "".join(pieces), row + 1 if marks else 0


def _swatch(mark: Mark, x: float, y: float) -> str:
    if (isinstance(mark, Bars) and mark.filled) or isinstance(mark, Band):
        return (
            f'<rect x="{_short(x)}" y="{_short(y - 4)}" width="16" height="8" '
            f'fill="{mark.colour}" fill-opacity=".5"/>'
        )
    if isinstance(mark, Points):
        return f'<circle cx="{_short(x + 8)}" cy="{_short(y)}" r="2.6" fill="{mark.colour}"/>'
    dashed = not isinstance(mark, Bars) and mark.dashed
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    area = ""
    if isinstance(mark, Rule) and mark.low is not None:
        area = (
            f'<rect x="{_short(x)}" y="{_short(y - 4)}" width="16" height="8" '
            f'fill="{mark.colour}" fill-opacity=".22"/>'
        )
    return (
        f'{area}<path d="M{_short(x)} {_short(y)}h16" stroke="{mark.colour}" '
        f'stroke-width="1.6"{dash}/>'
    )
