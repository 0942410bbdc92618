"""Convex shapes as gauges, by which lattices of any kind are cut to particles of any size.

A gauge of a body gives each point the factor by which the body would have to be enlarged about its
centre to reach that point: 1 on the surface, and twice as much at twice the distance.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import Rotation

from nanosieve.simulation.atoms.lattices import Lattice

Gauge = Callable[[np.ndarray], np.ndarray]

# Directions over which a body's volume and reach are summed: enough for 0.2 % in volume.
_DIRECTIONS = 4000


def sphere() -> Gauge:
    """Unit sphere.

    Examples
    --------
    >>> sphere()(np.array([[0.0, 3.0, 4.0]])).tolist()
    [5.0]
    """
    return lambda points: np.linalg.norm(points, axis=1)


def ellipsoid(*, aspect: float, rng: np.random.Generator) -> Gauge:
    """Ellipsoid of random direction: longest over shortest axis as given, the third between."""
    axes = np.array([aspect, aspect ** rng.uniform(), 1.0])
    turned = Rotation.from_quat(rng.normal(size=4)).as_matrix() / axes[:, np.newaxis]
    return lambda points: np.linalg.norm(points @ turned.T, axis=1)


def faceted(*, aspect: float, rng: np.random.Generator) -> Gauge:
    """Ellipsoid of random direction with three to eight flats cut off at random."""
    round_body = ellipsoid(aspect=aspect, rng=rng)
    normals = unit(rng.normal(size=(rng.integers(3, 9), 3)))
    reach = 1 / round_body(normals)
    flats = normals / (reach * rng.uniform(0.7, 0.95, len(normals)))[:, np.newaxis]
    return lambda points: np.maximum(round_body(points), (points @ flats.T).max(axis=1))


def polyhedron(normals: np.ndarray, distances: np.ndarray) -> Gauge:
    """Polyhedron of the planes with ``(n, 3)`` normals at ``(n,)`` distances from the centre.

    Examples
    --------
    >>> sides = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    >>> polyhedron(sides, np.ones(6))(np.array([[0.5, -2.0, 0.0]])).tolist()
    [2.0]
    """
    flats = unit(normals) / np.asarray(distances, float)[:, np.newaxis]
    return lambda points: (points @ flats.T).max(axis=1)


def wulff(lattice: Lattice, *, jitter: float, rng: np.random.Generator) -> Gauge:
    """Wulff polyhedron of a structure's facets, each plane's distance varied.

    Parameters
    ----------
    jitter
        Relative standard deviation of the energies of the kinds of facets; single planes vary by
        half of it, as facets of grown particles do. Real shapes are seldom those of equilibrium.
    """
    normals, distances = [], []
    reciprocal = np.linalg.inv(lattice.cell).T
    for indices, energy in lattice.facets:
        planes = unit(lattice.family(indices, of="planes") @ reciprocal)
        kind = energy * np.exp(rng.normal(0, jitter))
        normals.append(planes)
        distances.append(kind * np.exp(rng.normal(0, jitter / 2, len(planes))))
    return polyhedron(np.concatenate(normals), np.concatenate(distances))


def scaled(gauge: Gauge, diameter_nm: float) -> tuple[Gauge, float]:
    """Scale a body to the volume of a sphere of the given diameter.

    Returns
    -------
    The gauge of the scaled body and its greatest distance from the centre in nm.

    Examples
    --------
    >>> body, reach = scaled(sphere(), 5)
    >>> round(reach, 2), body(np.array([[2.5, 0, 0]])).round(2).tolist()
    (2.58, [1.0])
    """
    reaches = 1 / gauge(_directions())
    factor = diameter_nm / 2 / np.cbrt(np.mean(reaches**3))
    # Corners lie between the sampled directions.
    return lambda points: gauge(points) / factor, float(factor * reaches.max() * 1.03)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale ``(n, 3)`` vectors to length one."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@lru_cache(maxsize=1)
def _directions() -> np.ndarray:
    """Directions evenly over the sphere along a spiral of the golden angle."""
    index = np.arange(_DIRECTIONS) + 0.5
    z = 1 - 2 * index / _DIRECTIONS
    turn = np.pi * (1 + np.sqrt(5)) * index
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
