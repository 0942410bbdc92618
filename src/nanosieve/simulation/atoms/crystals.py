"""Particles cut from ideal, twinned or faulted crystals."""

import numpy as np

from nanosieve.simulation.atoms.defects import TWIN, planes, regions
from nanosieve.simulation.atoms.grains import Cluster, Grain, lattice_points
from nanosieve.simulation.atoms.lattices import Lattice
from nanosieve.simulation.atoms.shapes import Gauge, scaled

# Planar defects fall into the middle of a body, this share of its reach to both sides.
_MIDDLE = 0.6


def cut(
    lattice: Lattice,
    gauge: Gauge,
    diameter_nm: float,
    *,
    rng: np.random.Generator,
    defect: str = "",
    count: int = 1,
) -> Cluster:
    """Cut a body out of a crystal, its centre anywhere in the cell.

    Parameters
    ----------
    gauge
        The body's shape in the axes of the crystal; see `shapes`.
    diameter_nm
        Of the sphere of equal volume: its atoms are as many as the sphere's volume holds.
    defect, count
        ``twin``, ``stacking_fault`` or blank, and on how many parallel planes.

    Raises
    ------
    UsageError
        If the structure has no such defect.

    Examples
    --------
    >>> from nanosieve.simulation.atoms.lattices import get_lattice
    >>> from nanosieve.simulation.atoms.shapes import sphere
    >>> ball = cut(get_lattice("Au"), sphere(), 3.0, rng=np.random.default_rng(0))
    >>> bool(np.isclose(len(ball.positions), 58.97 * np.pi / 6 * 27, rtol=0.03))
    True
    """
    body, reach = scaled(gauge, diameter_nm)
    centre = rng.uniform(0, 1, 3) @ lattice.cell
    grains, at = [Grain()], []
    if defect:
        at = _defect_planes(lattice, centre, reach, count, rng)
        grains = regions(lattice, defect, at)
    positions, numbers = [], []
    for index, grain in enumerate(grains):
        points, kinds = _ideal(lattice, grain, centre, reach)
        if defect:
            inside = np.searchsorted(at, planes(lattice).of(points), side="left") == index
            points, kinds = points[inside], kinds[inside]
        inside = body(points - centre) <= 1
        positions.append(points[inside] - centre)
        numbers.append(kinds[inside])
    # Every other twin stands as the first grain does.
    standing = grains[:2] if defect == TWIN else grains[:1]
    cells = tuple(lattice.cell @ grain.rotation.T for grain in standing)
    name = f"{len(at)} {defect}" if defect else ""
    return Cluster(np.concatenate(positions), np.concatenate(numbers), cells, name)


def _defect_planes(
    lattice: Lattice, centre: np.ndarray, reach: float, count: int, rng: np.random.Generator
) -> list[int]:
    """Numbers of the planes after which defects follow."""
    stack = planes(lattice)
    ends = centre + np.outer([-1, 1], stack.normal) * reach * _MIDDLE
    low, high = stack.of(ends)
    choices = np.arange(low, max(high, low) + 1)
    return sorted(rng.choice(choices, min(count, len(choices)), replace=False).tolist())


def _ideal(
    lattice: Lattice, grain: Grain, centre: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """All atoms of a region's lattice in a ball, and some around it."""
    within = grain.rotation.T @ (centre - grain.shift_nm)
    diagonal = float(np.linalg.norm(lattice.cell.sum(axis=0)))
    integers = lattice_points(lattice.cell, centre_nm=within, radius_nm=reach, reach_nm=diagonal)
    ideal = (integers[:, np.newaxis] + lattice.fractional).reshape(-1, 3) @ lattice.cell
    return ideal @ grain.rotation.T + grain.shift_nm, np.tile(lattice.numbers, len(integers))
