"""What diffraction does to particles: each absorbs more or less than its thickness says.

Approximate: no scattering is computed. Factors and patterns are drawn whose look is that of
images: whole particles that are dark or faint, twins and sectors, bend contours, lattice fringes.
"""

from typing import NamedTuple, Self

import numpy as np
from pydantic import model_validator

from nanosieve.simulation.projected.bodies import Body, Scene
from nanosieve.simulation.projected.limits import check_numbers
from nanosieve.simulation.projected.textures import enlarge
from nanosieve.simulation.ranges import Range, as_range
from nanosieve.simulation.section import Section

# Below this diameter a pattern is not resolved: one factor serves.
LEAST_PATTERN_PX = 12


class Diffraction(Section):
    """How much particles of one thickness differ.

    Parameters
    ----------
    spread
        Standard deviation of the logarithm of each particle's factor.
    dark_share
        Share of particles that stand in a Bragg condition.
    dark_factor
        How many times more these scatter.
    faint_share
        Share of particles that are nearly invisible.
    faint_factor
        What is left of their scattering, as a share.
    twin_share
        Share of particles that are divided in two to six parts.
    twin_spread
        How the parts differ (as ``spread``).
    bend_share
        Share of particles with bend contours.
    bend_depth
        How many times more scatters there.
    mottle
        Standard deviation of soft spots within a particle, as a share.
    fringe_share
        Share of particles with lattice or moire fringes.
    fringe_depth
        Their amplitude in the image, as a share.
    """

    spread: Range = as_range(0.12)
    dark_share: Range = as_range(0)
    dark_factor: Range = as_range([1.5, 3.5])
    faint_share: Range = as_range(0)
    faint_factor: Range = as_range([0.15, 0.5])
    twin_share: Range = as_range(0)
    twin_spread: Range = as_range([0.1, 0.5])
    bend_share: Range = as_range(0)
    bend_depth: Range = as_range([0.3, 1.5])
    mottle: Range = as_range([0, 0.15])
    fringe_share: Range = as_range(0)
    fringe_depth: Range = as_range([0.03, 0.15])

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        check_numbers(self)
        return self


class _Drawn(NamedTuple):
    """The settings of one image."""

    spread: float
    dark: float
    faint: float
    twin: float
    bend: float
    mottle: float
    fringe: float


class Particles(NamedTuple):
    """Particles of one scene as maps.

    Parameters
    ----------
    thickness_nm
        ``(y, x)`` float32.
    effective_nm
        The same with diffraction: the thickness that would scatter as much without it.
    ripples
        ``(y, x)`` float32, relative modulation of the image by fringes.
    """

    thickness_nm: np.ndarray
    effective_nm: np.ndarray
    ripples: np.ndarray


def particle_maps(
    scene: Scene, settings: Diffraction, *, pixel_size_nm: float, rng: np.random.Generator
) -> Particles:
    """Lay particles on each other, each with its own diffraction.

    Parameters
    ----------
    scene
        Bodies and the shape of the field.
    """
    drawn = _draw(settings, rng)
    thickness = np.zeros(scene.shape, np.float32)
    effective = np.zeros(scene.shape, np.float32)
    ripples = np.zeros(scene.shape, np.float32)
    for body in scene.bodies:
        own = body.thickness * np.float32(pixel_size_nm)
        thickness[body.box] += own
        scattering = own * _factor(settings, drawn, rng)
        if body.diameter_px >= LEAST_PATTERN_PX and own.size:
            scattering *= _pattern(body, settings, drawn, rng)
            if rng.random() < drawn.fringe:
                ripples[body.box] += _fringes(body, settings, pixel_size_nm, rng)
        effective[body.box] += scattering
    return Particles(thickness, effective, ripples)


def _draw(settings: Diffraction, rng: np.random.Generator) -> _Drawn:
    return _Drawn(
        spread=settings.spread.draw(rng),
        dark=settings.dark_share.draw(rng),
        faint=settings.faint_share.draw(rng),
        twin=settings.twin_share.draw(rng),
        bend=settings.bend_share.draw(rng),
        mottle=settings.mottle.draw(rng),
        fringe=settings.fringe_share.draw(rng),
    )


def _factor(settings: Diffraction, drawn: _Drawn, rng: np.random.Generator) -> np.float32:
    factor = np.exp(rng.normal(0, drawn.spread))
    chance = rng.random()
    if chance < drawn.dark:
        factor *= settings.dark_factor.draw(rng)
    elif chance < drawn.dark + drawn.faint:
        factor *= settings.faint_factor.draw(rng)
    return np.float32(factor)


def _relative(body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from the centre in radii."""
    radius = max(body.diameter_px / 2, 1.0)
    rows, columns = body.box
    v = (np.arange(rows.start, rows.stop, dtype=np.float32) - body.centre_px[0]) / radius
    u = (np.arange(columns.start, columns.stop, dtype=np.float32) - body.centre_px[1]) / radius
    return v[:, np.newaxis].astype(np.float32), u[np.newaxis, :].astype(np.float32)


def _pattern(
    body: Body, settings: Diffraction, drawn: _Drawn, rng: np.random.Generator
) -> np.ndarray:
    v, u = _relative(body)
    pattern = np.ones(body.thickness.shape, np.float32)
    if drawn.mottle > 0:
        spots = rng.standard_normal((5, 5), dtype=np.float32)
        pattern += np.float32(drawn.mottle) * enlarge(spots, (v.size, u.size))
    if rng.random() < drawn.twin:
        pattern *= _twins(v, u, settings.twin_spread.draw(rng), rng)
    while rng.random() < drawn.bend:
        depth = settings.bend_depth.draw(rng) * rng.choice([1.0, 1.0, -0.4])
        pattern *= _contour(v, u, depth, rng)
    return np.clip(pattern, 0.05, None)


def _twins(v: np.ndarray, u: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Parts bounded by straight lines: sectors around a point, or bands side by side."""
    parts = int(rng.integers(2, 7))
    factors = np.exp(rng.normal(0, spread, parts)).astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.5:
        turn = np.arctan2(v - rng.uniform(-0.2, 0.2), u - rng.uniform(-0.2, 0.2)) + angle
        index = np.floor((turn / (2 * np.pi) % 1.0) * parts).astype(np.intp)
    else:
        across = np.cos(angle) * u + np.sin(angle) * v
        index = np.searchsorted(np.sort(rng.uniform(-0.9, 0.9, parts - 1)), across)
    return factors[np.clip(index, 0, parts - 1)]


def _contour(v: np.ndarray, u: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """A bent band in which the lattice stands in a Bragg condition."""
    angle = np.float32(rng.uniform(0, 2 * np.pi))
    along = np.cos(angle) * u + np.sin(angle) * v
    across = np.cos(angle) * v - np.sin(angle) * u
    curve = (
        across - np.float32(rng.uniform(-0.6, 0.6)) * along**2 - np.float32(rng.uniform(-0.6, 0.6))
    )
    width = np.float32(rng.uniform(0.08, 0.35))
    return (1 + np.float32(depth) * np.exp(-((curve / width) ** 2))).astype(np.float32)


def _fringes(
    body: Body, settings: Diffraction, pixel_size_nm: float, rng: np.random.Generator
) -> np.ndarray:
    """Fringes of a lattice plane where pixels resolve it, else moire fringes."""
    spacing = rng.uniform(0.19, 0.28)
    if spacing < 2.5 * pixel_size_nm or rng.random() < 0.1:
        spacing = max(rng.uniform(0.6, 3.0), 2.5 * pixel_size_nm)
    angle = rng.uniform(0, np.pi)
    v, u = _relative(body)
    radius_nm = body.diameter_px / 2 * pixel_size_nm
    along = (np.float32(np.cos(angle)) * u + np.float32(np.sin(angle)) * v) * radius_nm
    wave = np.cos(np.float32(2 * np.pi / spacing) * along + rng.uniform(0, 2 * np.pi))
    window = body.thickness / max(float(body.thickness.max()), 1e-6)
    if rng.random() < 0.5:  # one grain of several
        window = window * (np.cos(angle) * v - np.sin(angle) * u > rng.uniform(-0.5, 0.3))
    return (settings.fringe_depth.draw(rng) * window * wave).astype(np.float32)
