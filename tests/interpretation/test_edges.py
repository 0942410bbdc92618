"""Profiles across borders and the width of edges."""

import math

import numpy as np
import pytest
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.edges import (
    Border,
    border_from_text,
    find_borders,
    fit_edge,
    profile,
)


@pytest.fixture
def labels() -> np.ndarray:
    y, x = np.mgrid[:200, :240]
    found = np.zeros((200, 240), np.int32)
    for label, (row, column, radius) in enumerate(
        [(60, 60, 20), (60, 103, 20), (140, 150, 30), (5, 200, 15)], start=1
    ):
        found[np.hypot(y - row, x - column) <= radius] = label
    return found


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.5])
def test_the_width_of_a_blurred_step_is_found(sigma):
    _, x = np.mgrid[:80, :80]
    image = ndimage.gaussian_filter((x < 40).astype(float), sigma)
    position, value = profile(image, Border("step", (40, 20), (40, 59)))
    fit = fit_edge(position, value)
    # 2.563 is 10 to 90 % in sigmas; linear interpolation blurs by about 0.3 px more.
    expected = 2.563 * math.sqrt(sigma**2 + 1 / 12)
    assert fit.width == pytest.approx(expected, rel=0.03)
    assert fit.position == pytest.approx(0, abs=0.05)
    assert (fit.inside, fit.outside) == (pytest.approx(1, abs=0.01), pytest.approx(0, abs=0.01))


def test_the_unit_of_positions_is_that_of_the_width():
    position = np.linspace(-10, 10, 81)
    value = 1 / (1 + np.exp(position))
    in_px, in_nm = fit_edge(position, value), fit_edge(0.2 * position, value)
    assert in_nm.width == pytest.approx(0.2 * in_px.width, rel=1e-3)


def test_noise_on_a_step_moves_the_width_little():
    rng = np.random.default_rng(0)
    _, x = np.mgrid[:80, :80]
    image = ndimage.gaussian_filter((x < 40).astype(float), 2) + rng.normal(0, 0.1, (80, 80))
    fit = fit_edge(*profile(image, Border("step", (40, 20), (40, 59))))
    assert fit.width == pytest.approx(5.2, rel=0.3)


def test_a_line_at_any_angle_gives_the_same_profile():
    y, x = np.mgrid[:121, :121]
    disc = ndimage.gaussian_filter((np.hypot(y - 60, x - 60) < 30).astype(float), 2)
    widths = []
    for angle in np.radians([0, 30, 45, 90, 200]):
        direction = np.array([math.sin(angle), math.cos(angle)])
        ends = [tuple(60 + length * direction) for length in (18, 42)]
        widths.append(fit_edge(*profile(disc, Border("at an angle", *ends))).width)
    assert np.ptp(widths) < 0.25


@pytest.mark.parametrize(
    ("value", "why_not"),
    [
        (np.zeros(81), "constant along the line"),
        (np.random.default_rng(0).normal(size=81), "no step above the noise"),
        (np.linspace(1, 0, 81), "wider than the line"),
        (np.full(81, np.nan), "too few points inside the image"),
    ],
)
def test_where_there_is_no_edge_there_is_no_width(value, why_not):
    fit = fit_edge(np.linspace(-10, 10, 81), value)
    assert math.isnan(fit.width)
    assert fit.why_not == why_not


def test_an_edge_at_the_end_of_the_line_is_not_whole():
    position = np.linspace(-10, 10, 81)
    fit = fit_edge(position, 1 / (1 + np.exp((position - 9.5) / 1.5)))
    assert math.isnan(fit.width)


def test_beyond_the_image_a_profile_is_unknown():
    position, value = profile(np.ones((20, 20)), Border("out", (10, 10), (10, 30)))
    assert np.isnan(value[position > 5]).all()
    assert np.isfinite(value[position < -2]).all()


def test_borders_lie_on_particles_next_to_free_support(labels):
    borders = find_borders(labels)
    # The fourth particle touches the image border.
    assert [border.name for border in borders] == ["particle 1", "particle 2", "particle 3"]
    for border, (row, column, radius) in zip(
        borders, [(60, 60, 20), (60, 103, 20), (140, 150, 30)], strict=True
    ):
        start, end = np.array(border.start), np.array(border.end)
        middle = (start + end) / 2
        assert math.dist(middle, (row, column)) == pytest.approx(radius, abs=0.8)
        along = (end - start) / border.length_px
        outward = (middle - (row, column)) / radius
        assert along @ outward > 0.97
        assert border.length_px == pytest.approx(2 * 0.8 * radius, rel=0.03)
        inside = labels[tuple(np.rint(start).astype(int))]
        assert inside == int(border.name.split()[1])
        assert labels[tuple(np.rint(end).astype(int))] == 0


def test_fewer_borders_span_the_sizes(labels):
    names = [border.name for border in find_borders(labels, 2)]
    assert names[-1] == "particle 3"
    assert len(names) == 2
    assert find_borders(np.zeros((30, 30), np.int32)) == []


def test_a_line_is_read_from_text():
    assert border_from_text("1,2, 3.5,4", 2) == Border("line 2", (1, 2), (3.5, 4))
    for text in ("1,2,3", "a,b,c,d", "5,5,5,5", "1,2,3,nan"):
        with pytest.raises(UsageError, match="Y0,X0,Y1,X1"):
            border_from_text(text, 1)
