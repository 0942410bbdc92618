"""Supports as thickness: what is drawn, and how strong it may be beside the particles.

Two rules keep a support from looking like particles. At the scale of the particles it is thinned
until its own bumps reach no more than ``feature_limit`` of a median particle's depth (`thin`). And
round bodies of it that stand alone, the beads of carbon black, are at least `LEAST_BEAD` times as
wide as a median particle. What is larger and softer stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple, Self

import numpy as np
from pydantic import model_validator
from scipy import ndimage

from nanosieve.simulation.projected import support_bodies, support_films
from nanosieve.simulation.projected.limits import check_numbers
from nanosieve.simulation.projected.materials import MATERIALS
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section


class Grid(NamedTuple):
    """The field that a support is drawn on.

    Parameters
    ----------
    shape
        ``(y, x)`` in px.
    pixel_size_nm
        Side of a pixel.
    particle_nm
        Median diameter of the particles.
    """

    shape: tuple[int, int]
    pixel_size_nm: float
    particle_nm: float


Maker = Callable[["SupportSettings", Grid, np.random.Generator], np.ndarray]

KINDS = (
    "flat", "holey", "lacey", "carbon-black", "silica", "alumina", "tubes", "graphene", "fuel-cell",
)  # fmt: skip
_MATERIAL = {
    "flat": "carbon", "holey": "carbon", "lacey": "carbon", "carbon-black": "carbon-black",
    "silica": "silica", "alumina": "alumina", "tubes": "graphite", "graphene": "graphite",
    "fuel-cell": "carbon-black",
}  # fmt: skip


class SupportSettings(Section):
    """What particles lie on.

    Parameters
    ----------
    kind
        Weights of the supports.
    film_nm
        Thickness of a flat, holey or lacey film.
    film_material
        Weights of what a flat film is made of.
    roughness
        Standard deviation of a film's thickness as a share of it.
    bead_nm
        Diameters of carbon-black spheres.
    blob_nm
        Diameters of the small bodies of silica and alumina.
    tube_nm
        Diameters of tubes.
    crowding
        Share of the field that aggregates cover.
    gradient
        Change of thickness across the field as a share of it.
    edge_share
        Share of images with a torn edge.
    fold_share
        Share of images with a fold.
    dirt_share
        Share of images with stains.
    dirt_nm
        Thickness of stains.
    feature_limit
        Depth that bumps of the support may have at the particles' scale, as a share of a median
        particle's.
    depth_limit
        Mean number of events that the support may cost or give: none works on thicker ones.
    """

    kind: Annotated[Weights, named("support", KINDS)]
    film_nm: Range = as_range([3, 30])
    film_material: Annotated[Weights, named("material", MATERIALS)] = Weights({"carbon": 1})
    roughness: Range = as_range({"log": [0.005, 0.08]})
    bead_nm: Range = as_range([20, 60])
    blob_nm: Range = as_range([6, 25])
    tube_nm: Range = as_range([8, 40])
    crowding: Range = as_range([0.4, 0.95])
    gradient: Range = as_range([0, 0.5])
    edge_share: float = 0.12
    fold_share: float = 0.05
    dirt_share: float = 0.15
    dirt_nm: Range = as_range([1, 8])
    feature_limit: Range = as_range([0.15, 0.45])
    depth_limit: float = 1.0

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_numbers(self)
        return self


# Least width of a bead as a multiple of a median particle's.
LEAST_BEAD = 4.0
# Strands of a lacey film are rounded: thicker than a flat one.
LACEY = 3.0
# What the filter that finds bumps leaves of a sphere's depth at its middle (`thin`).
OF_A_SPHERE = 0.4


@dataclass(frozen=True)
class Support:
    """A bare support.

    Parameters
    ----------
    kind, material
        Such as ``lacey``, ``carbon``.
    thickness_nm
        ``(y, x)`` float32.
    exists
        ``(y, x)`` bool, where there is more than vacuum: particles lie there.
    """

    kind: str
    material: str
    thickness_nm: np.ndarray
    exists: np.ndarray


def make_support(settings: SupportSettings, grid: Grid, *, rng: np.random.Generator) -> Support:
    """Draw a support.

    Examples
    --------
    >>> settings = SupportSettings(kind={"flat": 1}, film_nm=10, gradient=0, edge_share=0,
    ...     fold_share=0, dirt_share=0)
    >>> made = make_support(settings, Grid((64, 64), 0.5, 5.0), rng=np.random.default_rng(0))
    >>> made.material, round(float(made.thickness_nm.mean()))
    ('carbon', 10)
    """
    kind = settings.kind.draw(rng)
    thickness = _MAKERS[kind](settings, grid, rng)
    thickness = support_films.with_gradient(thickness, settings.gradient.draw(rng), rng)
    if rng.random() < settings.fold_share:
        thickness = support_films.folded(thickness, rng)
    if rng.random() < settings.edge_share:
        thickness = support_films.torn(thickness, rng)
    # Stains and patches do not float in vacuum.
    floor = 0.02 * float(np.percentile(thickness, 95))
    exists = ndimage.maximum_filter(ndimage.minimum_filter(thickness > floor, 5), 5)
    if rng.random() < settings.dirt_share:
        thickness = support_films.stained(thickness, settings.dirt_nm.draw(rng), rng)
        thickness *= ndimage.gaussian_filter(exists.astype(np.float32), 1)
    name = settings.film_material.draw(rng) if kind == "flat" else _MATERIAL[kind]
    return Support(kind, name, np.clip(thickness, 0, None).astype(np.float32), exists)


def thin(
    support: Support,
    settings: SupportSettings,
    *,
    particle_px: float,
    particle_depth: float,
    per_nm: float,
    rng: np.random.Generator,
) -> Support:
    """Thin a support until its bumps are weaker than particles.

    Bumps are what a difference of two Gaussians leaves that passes bodies of the particles'
    diameter, or of a half or a quarter of it; the depth of their strongest thousandth is compared.
    Edges to vacuum do not count.

    Parameters
    ----------
    particle_px
        Median diameter of the particles.
    particle_depth
        Depth (events) of a median particle.
    per_nm
        Events in a nanometre of the support.
    """
    limit = settings.feature_limit.draw(rng) * particle_depth
    depth = support.thickness_nm * np.float32(per_nm)
    if not support.exists.any():
        return support
    # What is finer than a particle would be taken for specks of its kind.
    sigmas = [particle_px / 4 / part for part in (1, 2, 4)]
    strongest = max(_strongest_bump(depth, support.exists, sigma) for sigma in sigmas)
    mean = float(depth[support.exists].mean())
    factor = min(1.0, limit / max(strongest, 1e-12), settings.depth_limit / max(mean, 1e-12))
    thickness = support.thickness_nm * np.float32(factor)
    return replace(support, thickness_nm=thickness)


def _strongest_bump(depth: np.ndarray, exists: np.ndarray, sigma: float) -> float:
    """Depth of the sphere that would pass as strongly as the support's strongest thousandth."""
    step = max(1, int(sigma / 2))
    coarse = depth[::step, ::step]
    narrow = ndimage.gaussian_filter(coarse, sigma / step, truncate=3)
    band = narrow - ndimage.gaussian_filter(coarse, 2 * sigma / step, truncate=3)
    inner = ndimage.minimum_filter(exists[::step, ::step], int(3 * sigma / step) + 1)
    if not inner.any():
        inner = exists[::step, ::step]
    return float(np.percentile(np.abs(band[inner]), 99.9)) / OF_A_SPHERE if inner.any() else 0.0


def _flat(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    thickness, roughness = settings.film_nm.draw(rng), settings.roughness.draw(rng)
    return support_films.film(grid.shape, thickness, roughness, rng)


def _holey(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    return support_films.holed(_flat(settings, grid, rng), rng)


def _lacey(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    return support_films.lacey(grid.shape, LACEY * settings.film_nm.draw(rng), rng)


def _bead(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> float:
    return max(settings.bead_nm.draw(rng), LEAST_BEAD * grid.particle_nm)


def _black(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    bead, coverage = _bead(settings, grid, rng), settings.crowding.draw(rng)
    return support_bodies.carbon_black(grid.shape, bead, coverage, grid.pixel_size_nm, rng)


def _blobs(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    blob, coverage = settings.blob_nm.draw(rng), settings.crowding.draw(rng)
    return support_bodies.crowd(grid.shape, blob, coverage, grid.pixel_size_nm, rng)


def _plates(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    flakes = support_bodies.platelets(
        grid.shape, settings.blob_nm.draw(rng), grid.pixel_size_nm, rng
    )
    return _blobs(settings, grid, rng) + flakes


def _tubes(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    return support_bodies.tubes(grid.shape, settings.tube_nm.draw(rng), grid.pixel_size_nm, rng)


def _graphene(_: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    return support_films.graphene(grid.shape, grid.pixel_size_nm, rng)


def _fuel_cell(settings: SupportSettings, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    bead = _bead(settings, grid, rng)
    coverage = rng.uniform(0.85, 1)
    carbon = support_bodies.carbon_black(grid.shape, bead, coverage, grid.pixel_size_nm, rng)
    return carbon + support_films.haze(grid.shape, rng.uniform(0.5, 1.5) * bead, rng)


_MAKERS: dict[str, Maker] = {
    "flat": _flat,
    "holey": _holey,
    "lacey": _lacey,
    "carbon-black": _black,
    "silica": _blobs,
    "alumina": _plates,
    "tubes": _tubes,
    "graphene": _graphene,
    "fuel-cell": _fuel_cell,
}
