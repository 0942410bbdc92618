"""Particles that coalesce: a few spheres, overlapping more and more, that become one.

The spheres' centres lie in one plane. While they approach each other their radii grow, so that
the volume of their union stays (the geometry of Pokluda, Bellehumeur & Vlachopoulos, AIChE J. 43,
3253 (1997)). The neck between them is therefore sharp, where a real one is rounded.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq

DIRECTIONS = 360
# Distance of two centres, as a share of the smaller radius beyond which that sphere would lie
# wholly inside the other, at which it is taken to do so: equal spheres would never end otherwise.
CLOSE = 0.03


@dataclass(frozen=True)
class Cluster:
    """Spheres that are becoming one.

    Parameters
    ----------
    offsets
        ``(n, 2)`` y and x of their centres from the centre of the whole, nm.
    radii
        ``(n,)`` nm.
    """

    offsets: np.ndarray
    radii: np.ndarray

    @classmethod
    def lone(cls, cube: float) -> Self:
        """Make a single sphere from the third power of its diameter, nm^3."""
        return cls(np.zeros((1, 2)), np.array([np.cbrt(cube) / 2]))

    @property
    def reach(self) -> float:
        """Distance in nm from the centre to the farthest point of the outline."""
        return float((np.hypot(*self.offsets.T) + self.radii).max())


@dataclass(frozen=True)
class Measures:
    """Size and place of a union of spheres.

    Parameters
    ----------
    area
        Of the projected outline, nm^2.
    centroid
        ``(2,)`` y and x of the outline's centre, nm.
    cube
        Third power of the diameter of the sphere with the same volume, nm^3.
    """

    area: float
    centroid: np.ndarray
    cube: float


def measure(cluster: Cluster) -> Measures:
    """Measure a union of spheres whose centres lie in one plane.

    Each sphere fills its cell of the power diagram; within the cell it is integrated exactly
    along the radius and by 360 directions around its centre.

    Examples
    --------
    >>> two = Cluster(np.array([[0.0, -1.0], [0.0, 1.0]]), np.array([1.0, 1.0]))
    >>> measured = measure(two)
    >>> round(measured.area / np.pi, 4), round(measured.cube, 3)
    (2.0, 16.0)
    """
    if len(cluster.radii) == 1:
        radius = float(cluster.radii[0])
        return Measures(np.pi * radius**2, cluster.offsets[0], 8 * radius**3)
    angles = (np.arange(DIRECTIONS) + 0.5) * 2 * np.pi / DIRECTIONS
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    area, volume, moment = 0.0, 0.0, np.zeros(2)
    for index, radius in enumerate(cluster.radii):
        near, far = _cell(cluster, index, directions)
        patch = (far**2 - near**2) / 2
        arms = (far**3 - near**3) / 3
        # Rounding may take the rim a little below zero.
        ends = np.clip(radius**2 - np.stack([near, far]) ** 2, 0, None) ** 1.5
        depth = 2 / 3 * (ends[0] - ends[1])
        weight = 2 * np.pi / DIRECTIONS
        area += weight * patch.sum()
        volume += weight * depth.sum()
        moment += weight * (patch.sum() * cluster.offsets[index] + arms @ directions)
    return Measures(float(area), moment / area, float(6 / np.pi * volume))


def _cell(cluster: Cluster, index: int, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays from one sphere's centre enter and leave its part of the union."""
    radius = cluster.radii[index]
    near = np.zeros(len(directions))
    far = np.full(len(directions), radius)
    others = np.arange(len(cluster.radii)) != index
    for offset, other in zip(cluster.offsets[others], cluster.radii[others], strict=True):
        away = offset - cluster.offsets[index]
        distance = float(np.hypot(*away))
        plane = (distance**2 + radius**2 - other**2) / (2 * distance)
        slope = directions @ (away / distance)
        along = plane / np.where(slope == 0, 1e-12, slope)
        far = np.where(slope > 0, np.minimum(far, along), far)
        near = np.where(slope < 0, np.maximum(near, along), near)
    far = np.clip(far, 0, radius)
    return np.minimum(near, far), far


def fitted(cluster: Cluster, cube: float) -> Cluster:
    """Scale the radii, at unchanged distances, until the volume is right.

    Parameters
    ----------
    cluster
        Spheres.
    cube
        Third power in nm^3 of the diameter of the sphere with the volume to reach.
    """

    def scaled(factor: float) -> Cluster:
        return Cluster(cluster.offsets, factor * cluster.radii)

    # Spheres apart need least, spheres at one place most.
    low = np.cbrt(cube / 8 / (cluster.radii**3).sum())
    high = np.cbrt(cube / 8 / (cluster.radii**3).max())
    factor = brentq(
        lambda f: measure(scaled(f)).cube - cube, 0.98 * low, 1.02 * high, xtol=1e-7, rtol=1e-7
    )
    return scaled(float(factor))


def relaxed(cluster: Cluster, share: float, cube: float) -> Cluster | None:
    """Bring the spheres closer together at a given volume.

    Parameters
    ----------
    cluster
        Spheres.
    share
        New distances as a share of the old ones, 0 to 1.
    cube
        Third power in nm^3 of the diameter of the sphere with their volume.

    Returns
    -------
    Cluster or None
        ``None`` once they are one sphere.
    """
    offsets, radii = share * cluster.offsets, cluster.radii
    kept: list[int] = []
    for index in np.argsort(-radii, kind="stable"):
        inside = any(
            np.hypot(*(offsets[index] - offsets[other]))
            <= radii[other] - radii[index] + CLOSE * radii[index]
            for other in kept
        )
        if not inside:
            kept.append(int(index))
    if len(kept) == 1:
        return None
    return fitted(Cluster(offsets[kept], radii[kept]), cube)
