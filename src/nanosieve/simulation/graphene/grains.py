"""Which grain owns which place of a sheet, and how its lattice is turned."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.simulation.graphene.bending import Bending
from nanosieve.simulation.graphene.sheet import LATTICE_NM
from nanosieve.simulation.ranges import Range


@dataclass(frozen=True)
class Grains:
    """Voronoi cells of random seeds with bent borders, and round islands within them.

    Parameters
    ----------
    angles_deg
        ``(g,)`` direction of the bonds of each grain, counter-clockwise from +x, modulo 60.
    offsets_nm
        ``(g, 2)`` where each lattice begins.
    seeds
        ``(s, 2)`` seeds of the first ``s`` grains, ``(y, x)`` in nm.
    islands
        ``(g - s, 3)`` centre and radius of the other grains.
    bend
        Displacement of the borders.
    """

    angles_deg: np.ndarray
    offsets_nm: np.ndarray
    seeds: np.ndarray
    islands: np.ndarray
    bend: Bending

    def owner(self, points: np.ndarray) -> np.ndarray:
        """Return ``(n,)``: the grain of each point ``(n, 2)`` in nm."""
        bent = self.bend(points)
        _, owner = cKDTree(self.seeds).query(bent)
        for number, (y, x, radius) in enumerate(self.islands, start=len(self.seeds)):
            owner = np.where(np.hypot(bent[:, 0] - y, bent[:, 1] - x) < radius, number, owner)
        return owner


def draw_grains(
    size_nm: tuple[float, float],
    *,
    grains: int,
    islands: int,
    island_radius_nm: Range,
    bend: Bending,
    least_turn_deg: float,
    rng: np.random.Generator,
) -> Grains:
    """Draw grains over a sheet.

    Parameters
    ----------
    size_nm
        Height and width.
    grains
        Number of seeds; 1 is a single crystal.
    islands
        Number of small round grains within the others, such as the "flower" defect.
    island_radius_nm
        Radius of an island.
    bend
        Displacement of the borders from straight lines and circles.
    least_turn_deg
        Least misorientation between any two grains, where they are few enough to allow it.
    rng
        Random numbers.
    """
    count = grains + islands
    radius = np.array([island_radius_nm.draw(rng) for _ in range(islands)]).reshape(-1, 1)
    return Grains(
        angles_deg=_angles(count, least_turn_deg, rng),
        offsets_nm=rng.uniform(0, LATTICE_NM, (count, 2)),
        seeds=rng.uniform(0, size_nm, (grains, 2)),
        islands=np.concatenate([rng.uniform(0, size_nm, (islands, 2)), radius], axis=1),
        bend=bend,
    )


def _angles(count: int, least_turn_deg: float, rng: np.random.Generator) -> np.ndarray:
    """Random angles, each a least turn apart from the others if that succeeds."""
    least = min(least_turn_deg, 30 / count)
    angles: list[float] = []
    while len(angles) < count:
        angle = float(rng.uniform(0, 60))
        if all(turn_between(angle, other) >= least for other in angles):
            angles.append(angle)
    return np.array(angles)


def turn_between(first_deg: float, second_deg: float) -> float:
    """Return the misorientation of two directions modulo 60 degrees, 0 to 30.

    Examples
    --------
    >>> turn_between(58, 3)
    5
    """
    return abs((first_deg - second_deg + 30) % 60 - 30)
