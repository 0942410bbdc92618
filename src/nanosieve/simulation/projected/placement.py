"""Particles laid on a field: what a person would see in a micrograph, with all that is true."""

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.arrangements import ARRANGE, Plan, reach_px
from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.canvas import Canvas
from nanosieve.simulation.projected.particle_settings import MOST_COVERED, ParticleSettings
from nanosieve.simulation.projected.population import Population

_ROUND = {"packed", "dense"}
_RODS = ("rod", "flat_rod")
# In a layer a small particle needs a place of its own, not a gap.
_LEAST_RATIO_IN_LAYER = 0.4
# Smaller ones could not be told from noise, and there would be thousands.
_LEAST_SECOND_PX = 6.0
# Share of the plane at which discs thrown one by one, with their gaps, are given up (they jam at
# 0.547, Feder 1980).
_THROWN = 0.5


def place(
    settings: ParticleSettings,
    shape: tuple[int, int],
    *,
    pixel_size_nm: float,
    allowed: np.ndarray | None = None,
    rng: np.random.Generator,
) -> Scene:
    """Lay particles on a field.

    At least one particle is laid where any fits; no more than 2000 are. Round shapes alone make
    layers: rods that were to be ``packed`` or ``dense`` come in bundles, and bundles of what has
    no long axis in touching groups.

    Parameters
    ----------
    settings
        What is drawn.
    shape
        ``(y, x)`` of the field in px.
    pixel_size_nm
        Turns diameters in nm into pixels.
    allowed
        ``(y, x)`` bool, where there is support; everywhere if ``None``.

    Raises
    ------
    UsageError
        If particles do not fit the field, are not resolved, or ``allowed`` has another shape.

    Examples
    --------
    >>> settings = ParticleSettings(
    ...     diameter_nm=4, shapes={"sphere": 1}, arrangement={"isolated": 1}, coverage=0.1
    ... )
    >>> scene = place(settings, (256, 256), pixel_size_nm=0.2, rng=np.random.default_rng(0))
    >>> 0.08 < scene.coverage < 0.12, {body.shape_name for body in scene.bodies}
    (True, {'sphere'})
    """
    settings.check_field(shape, pixel_size_nm)
    if allowed is not None and allowed.shape != tuple(shape):
        raise UsageError(f"allowed has the shape {allowed.shape}, the field {tuple(shape)}")
    if allowed is not None and not allowed.any():
        return Scene(shape)
    name = settings.arrangement.draw(rng)
    populations, shares = _populations(settings, name in _ROUND, pixel_size_nm, rng)
    name = _fitting(name, populations)
    coverage = min(settings.coverage_of(name).draw(rng), MOST_COVERED[name])
    gap = min(settings.gap_px.draw(rng), _widest_gap(populations, coverage))
    plan = Plan(settings, populations, shares, coverage, gap)
    reach = min(max(reach_px(one) for one in populations), 2.0 * max(shape))
    canvas = Canvas(
        shape,
        allowed,
        margin=int(2 * reach + plan.gap_px) + 4,
        overhang=settings.overhang,
        cut_by_frame=settings.cut_by_frame,
    )
    ARRANGE[name](canvas, plan, rng)
    bodies = (
        stamp.lay(pixel, shape, elevation_px=elevation) for stamp, pixel, elevation in canvas.laid
    )
    return Scene(shape, tuple(body for body in bodies if body.outline.any()))


def _populations(
    settings: ParticleSettings, layer: bool, pixel_size_nm: float, rng: np.random.Generator
) -> tuple[tuple[Population, ...], tuple[float, ...]]:
    """Draw one population or two."""
    if settings.diameter_px is not None:
        median = settings.diameter_px.draw(rng)
    else:
        assert settings.diameter_nm is not None
        median = settings.diameter_nm.draw(rng) / pixel_size_nm
    first = Population.drawn(settings, median, rng)
    if rng.random() >= settings.second:
        return (first,), (1.0,)
    ratio = settings.second_ratio.draw(rng)
    if layer:
        ratio = max(ratio, _LEAST_RATIO_IN_LAYER)
    second = Population.drawn(settings, max(ratio * median, min(_LEAST_SECOND_PX, median)), rng)
    share = settings.second_share.draw(rng)
    return (first, second), (1 - share, share)


def _fitting(name: str, populations: tuple[Population, ...]) -> str:
    """Arrangement that the shapes can have."""
    shapes = {shape for one in populations for shape in one.names}
    if name in _ROUND and shapes & set(_RODS):
        return "bundles"
    if name == "bundles" and shapes.isdisjoint((*_RODS, "rough")):
        return "touching"
    return name


def _widest_gap(populations: tuple[Population, ...], coverage: float) -> float:
    """Gap in px at which there still is room for what is to be covered."""
    least = min(one.median_px for one in populations)
    return float(least * max(np.sqrt(_THROWN / max(coverage, 0.01)) - 1, 0))
