"""Particles of one frame as bodies on its pixels, those that coalesce included."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from nanosieve.simulation.coarsening.clusters import Cluster, Measures, measure
from nanosieve.simulation.coarsening.film import Snapshot
from nanosieve.simulation.projected.bodies import Scene, lay


@dataclass(frozen=True)
class Merged:
    """A union of spheres, or of such flattened along the beam; lengths in px.

    The centres lie in one plane: the chord along the beam is the longest of the spheres'.

    Parameters
    ----------
    spheres
        Offsets count from the middle of the outline.
    height
        Height over diameter.
    """

    spheres: Cluster
    height: float = 1.0

    @property
    def name(self) -> str:
        """``sphere``, ``cap`` where it is flattened, ``merging`` where there are several."""
        if len(self.spheres.radii) > 1:
            return "merging"
        return "sphere" if self.height == 1 else "cap"

    @cached_property
    def _measures(self) -> Measures:
        return measure(self.spheres)

    @property
    def area(self) -> float:
        """Of the projected outline, px^2."""
        return self._measures.area

    @property
    def volume(self) -> float:
        """In px^3."""
        return float(np.pi / 6 * self.height * self._measures.cube)

    @property
    def depth(self) -> float:
        """Extent along the beam."""
        return float(2 * self.height * self.spheres.radii.max())

    @property
    def inradius(self) -> float:
        """Of the smallest sphere: what decides on how fine the rim is sampled."""
        return float(self.spheres.radii.min())

    @property
    def extent(self) -> tuple[float, float]:
        """Half the height and half the width of a box around the outline."""
        reach = np.abs(self.spheres.offsets) + self.spheres.radii[:, np.newaxis]
        return float(reach[:, 0].max()), float(reach[:, 1].max())

    @property
    def angle_deg(self) -> float:
        """Direction of the line on which the spheres lie, counter-clockwise from +x; else NaN."""
        if len(self.spheres.radii) == 1:
            return float("nan")
        weights = self.spheres.radii**3
        offsets = self.spheres.offsets
        centred = offsets - np.average(offsets, axis=0, weights=weights)
        spread = (weights[:, np.newaxis] * centred).T @ centred
        # y points down in images.
        return float(np.rad2deg(np.arctan2(-2 * spread[0, 1], spread[1, 1] - spread[0, 0])) / 2)

    def level(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Least squared distance from a sphere's centre as a share of its radius squared."""
        return np.asarray(
            np.min(
                [
                    ((y - offset[0]) ** 2 + (x - offset[1]) ** 2) / radius**2
                    for offset, radius in zip(self.spheres.offsets, self.spheres.radii, strict=True)
                ],
                axis=0,
            )
        )

    def thickness(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Longest chord along the beam; 0 outside of the outline."""
        longest = np.max(
            [
                radius**2 - (y - offset[0]) ** 2 - (x - offset[1]) ** 2
                for offset, radius in zip(self.spheres.offsets, self.spheres.radii, strict=True)
            ],
            axis=0,
        )
        return np.asarray(2 * self.height * np.sqrt(np.clip(longest, 0, None)))

    def scaled(self, factor: float) -> Self:
        """The same, larger or smaller."""
        spheres = Cluster(factor * self.spheres.offsets, factor * self.spheres.radii)
        return type(self)(spheres, self.height)


class View(NamedTuple):
    """Particles with a pixel in a frame.

    Parameters
    ----------
    ids
        ``(n,)`` their numbers, ascending.
    scene
        Their bodies, in that order.
    """

    ids: np.ndarray
    scene: Scene

    def instances(self) -> np.ndarray:
        """Label each pixel with its particle's number, ``(y, x)`` int32."""
        numbers = np.concatenate([[0], self.ids]).astype(np.int32)
        return numbers[self.scene.labels()]


def view(
    snapshot: Snapshot,
    shape: tuple[int, int],
    *,
    pixel_size_nm: float,
    height: float = 1.0,
    corner_px: np.ndarray | None = None,
) -> View:
    """Lay all particles that have a pixel in a frame.

    Parameters
    ----------
    snapshot
        The sheet at the frame's time.
    shape
        ``(y, x)`` of the frame, px.
    pixel_size_nm
        Of the frame.
    height
        Height of a particle over its diameter.
    corner_px
        ``(2,)`` where the first pixel of the snapshot's image lies in the frame; at its first
        pixel if ``None``.
    """
    corner = np.zeros(2) if corner_px is None else corner_px
    places = snapshot.places / pixel_size_nm + corner
    reaches = np.array([shape_.reach for shape_ in snapshot.shapes])[:, np.newaxis] / pixel_size_nm
    near = ((places + reaches >= -0.5) & (places - reaches <= np.array(shape) - 0.5)).all(axis=1)
    ids, bodies = [], []
    for index in np.flatnonzero(near):
        cluster = snapshot.shapes[index]
        middle = measure(cluster).centroid
        spheres = Cluster((cluster.offsets - middle) / pixel_size_nm, cluster.radii / pixel_size_nm)
        y, x = places[index] + middle / pixel_size_nm
        body = lay(Merged(spheres, height), (float(y), float(x)), shape)
        if body.outline.any():
            ids.append(snapshot.ids[index])
            bodies.append(body)
    return View(np.array(ids, int), Scene(shape, tuple(bodies)))
