"""Profiles across particle borders, in the image and in what networks make of it.

After Horwath et al. (2020, Fig. 5), who draw them by hand; the width is fitted here.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize, special

from nanosieve.core.errors import UsageError

STEP_PX = 0.25
LINE_WIDTH_PX = 5
# Between 10 and 90 % of an error function of standard deviation 1.
TEN_TO_NINETY = 2 * math.sqrt(2) * float(special.erfinv(0.8))
_SMALLEST_SIGMA_PX = 0.1
_ANGLES = 24
_FEWEST_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Border:
    """A line across a border.

    Parameters
    ----------
    name
        For tables and figures.
    start, end
        ``(y, x)`` px, inside and outside; the middle lies on the border.
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def length_px(self) -> float:
        """Length of the line."""
        return math.dist(self.start, self.end)


@dataclass(frozen=True)
class EdgeFit:
    """An error function fitted to a profile.

    Parameters
    ----------
    width
        From 10 to 90 %, in the unit of the positions; NaN where there is no edge to fit.
    position
        Where it is half way.
    inside, outside
        Its two levels, in the profile's unit.
    why_not
        Why there is no width; empty where there is one.
    """

    width: float
    position: float
    inside: float
    outside: float
    why_not: str = ""


def find_borders(labels: np.ndarray, n: int = 6) -> list[Border]:
    """Choose borders next to free support, of particles from small to large.

    Of each particle that does not touch the image border the direction with the most free support
    is taken. A line reaches as far to both sides: 0.8 of the particle's radius, 8 to 40 px.

    Parameters
    ----------
    labels
        ``(y, x)`` integers, 0 background.
    n
        At most so many.

    Returns
    -------
    list of Border
        By size; fewer where fewer particles have a free border.
    """
    distance = _distance(labels)
    normal = np.gradient(ndimage.gaussian_filter(distance, 2.0))
    found = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None or _touches(box, labels.shape):
            continue
        area = int(np.count_nonzero(labels[box] == label))
        half = float(np.clip(0.8 * math.sqrt(area / math.pi), 8, 40))
        border = _free_border(labels, label, box, normal, half)
        if border is not None:
            found.append((area, border))
    found.sort(key=lambda pair: pair[0])
    picked = np.unique(np.linspace(0, len(found) - 1, min(n, len(found))).round().astype(int))
    return [found[index][1] for index in picked]


def border_from_text(text: str, number: int) -> Border:
    """Read ``Y0,X0,Y1,X1`` in px, from inside to outside.

    Raises
    ------
    UsageError
        If these are not four numbers of two different points.

    Examples
    --------
    >>> border_from_text("10,20,10,50", 1).length_px
    30.0
    """
    try:
        y0, x0, y1, x1 = (float(part) for part in text.split(","))
    except ValueError:
        y0 = x0 = y1 = x1 = math.nan
    border = Border(f"line {number}", (y0, x0), (y1, x1))
    if not border.length_px > 0:
        raise UsageError(
            f"--line {text}: give Y0,X0,Y1,X1 in pixels, from inside a particle to outside"
        )
    return border


def profile(image: np.ndarray, border: Border) -> tuple[np.ndarray, np.ndarray]:
    """Grey values along a line, each the mean over 5 px across it, by linear interpolation.

    Parameters
    ----------
    image
        ``(y, x)``.
    border
        Where.

    Returns
    -------
    position
        ``(n,)`` px from the middle of the line, positive outwards, in steps of about 0.25.
    value
        ``(n,)``; NaN outside the image.

    Examples
    --------
    >>> ramp = np.tile(np.arange(9.0), (9, 1))
    >>> position, value = profile(ramp, Border("ramp", (4, 2), (4, 6)))
    >>> np.allclose(value, 4 + position)
    True
    """
    start, end = np.array(border.start), np.array(border.end)
    n = max(2, round(border.length_px / STEP_PX) + 1)
    along = (end - start) / border.length_px
    across = np.array([along[1], -along[0]])
    position = np.linspace(-border.length_px / 2, border.length_px / 2, n)
    offset = np.arange(LINE_WIDTH_PX) - (LINE_WIDTH_PX - 1) / 2
    points = (
        ((start + end) / 2)[:, None, None]
        + along[:, None, None] * position[None, :, None]
        + across[:, None, None] * offset[None, None, :]
    )
    values = ndimage.map_coordinates(
        np.asarray(image, np.float64), points, order=1, mode="constant", cval=math.nan
    )
    return position, values.mean(axis=1)


def fit_edge(position: np.ndarray, value: np.ndarray) -> EdgeFit:
    """Fit ``inside + (outside - inside) (1 + erf((t - t0) / sqrt(2) s)) / 2``.

    Parameters
    ----------
    position
        ``(n,)`` increasing, any unit of length.
    value
        ``(n,)``; NaN is left out.

    Returns
    -------
    EdgeFit
        Without width where the step is less than three times what the fit leaves over, or the edge
        is wider than the profile, or lies beyond its ends.

    Examples
    --------
    >>> t = np.linspace(-10, 10, 81)
    >>> fit = fit_edge(t, 5 - 2 * special.erf((t - 1) / (np.sqrt(2) * 1.5)))
    >>> round(fit.width / 1.5, 3), round(fit.position, 3), round(fit.inside, 3)
    (2.563, 1.0, 7.0)
    """
    known = np.isfinite(value)
    position, value = position[known], value[known]
    if len(position) < 8:
        return _no_edge("too few points inside the image")
    extent = float(position[-1] - position[0])
    step = extent / (len(position) - 1)
    if np.ptp(value) <= 1e-9 * max(1.0, float(np.abs(value).max())):
        return _no_edge("constant along the line")

    def basis(shape: np.ndarray) -> np.ndarray:
        rise = (1 + special.erf((position - shape[0]) / (math.sqrt(2) * shape[1]))) / 2
        return np.column_stack([1 - rise, rise])

    def residual(shape: np.ndarray) -> np.ndarray:
        terms = basis(shape)
        return value - terms @ np.linalg.lstsq(terms, value, rcond=None)[0]

    low = np.array([position[0], _SMALLEST_SIGMA_PX * step / STEP_PX])
    high = np.array([position[-1], extent])
    starts = [
        np.array([position[0] + place * extent, width * extent])
        for place in (0.25, 0.4, 0.5, 0.6, 0.75)
        for width in (0.02, 0.08, 0.2)
    ]
    start = min(starts, key=lambda shape: float(np.square(residual(shape)).sum()))
    start = np.clip(start, low * (1 + 1e-9), high)
    found = optimize.least_squares(residual, start, bounds=(low, high), x_scale=high - low)
    return _edge(found.x, basis(found.x), value, extent)


def _no_edge(why_not: str) -> EdgeFit:
    return EdgeFit(math.nan, math.nan, math.nan, math.nan, why_not)


def _edge(shape: np.ndarray, terms: np.ndarray, value: np.ndarray, extent: float) -> EdgeFit:
    levels = np.linalg.lstsq(terms, value, rcond=None)[0]
    left = float(np.std(value - terms @ levels))
    width = TEN_TO_NINETY * float(shape[1])
    reason = ""
    if abs(levels[1] - levels[0]) < _FEWEST_DEVIATIONS * left:
        reason = "no step above the noise"
    elif width > extent:
        reason = "wider than the line"
    elif np.ptp(terms[:, 1]) < 0.9:
        reason = "not whole within the line"
    return EdgeFit(
        math.nan if reason else width, float(shape[0]), float(levels[0]), float(levels[1]), reason
    )


def _distance(labels: np.ndarray) -> np.ndarray:
    """Signed distance to the nearest border of any particle, positive outside."""
    outside = ndimage.distance_transform_edt(labels == 0)
    return outside - ndimage.distance_transform_edt(labels != 0)


def _touches(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(s.start == 0 or s.stop == n for s, n in zip(box, shape, strict=True))


def _free_border(
    labels: np.ndarray,
    label: int,
    box: tuple[slice, ...],
    normal: list[np.ndarray],
    half: float,
) -> Border | None:
    """The border point of a particle whose outward normal meets free support the longest."""
    own = np.pad(labels[box] == label, 1)
    edge = np.argwhere(own & ndimage.binary_dilation(~own)) - 1 + [s.start for s in box]
    best, best_free = None, half
    for y, x in edge[np.linspace(0, len(edge) - 1, min(_ANGLES, len(edge))).astype(int)]:
        direction = np.array([normal[0][y, x], normal[1][y, x]])
        length = float(np.hypot(*direction))
        if length == 0:
            continue
        direction /= length
        # The innermost pixel's centre lies half a pixel within the border.
        point = np.array([y, x]) + direction / 2
        start, end = point - half * direction, point + half * direction
        inner = _labels_along(labels, point - direction, start)
        free = _free_length(labels, point + direction, direction, 3 * half)
        if free > best_free and inner is not None and (inner == label).all():
            best_free = free
            best = Border(f"particle {label}", (start[0], start[1]), (end[0], end[1]))
    return best


def _labels_along(labels: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray | None:
    """Labels between two points; ``None`` if these leave the image."""
    n = max(2, math.ceil(math.dist(start, end)) + 1)
    places = np.rint(np.linspace(start, end, n)).astype(int)
    if (places < 0).any() or (places >= labels.shape).any():
        return None
    return labels[places[:, 0], places[:, 1]]


def _free_length(
    labels: np.ndarray, point: np.ndarray, direction: np.ndarray, longest: float
) -> float:
    """How far from the point nothing but support lies."""
    for length in range(1, math.ceil(longest) + 1):
        y, x = np.rint(point + length * direction).astype(int)
        inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
        if not inside or labels[y, x] != 0:
            return float(length - 1)
    return float(longest)
