"""Single particles, drawn from settings and turned into the beam."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull

from nanosieve.simulation.atoms.crystals import cut
from nanosieve.simulation.atoms.defects import defect_kinds
from nanosieve.simulation.atoms.grains import Cluster
from nanosieve.simulation.atoms.lattices import Lattice
from nanosieve.simulation.atoms.multiply_twinned import decahedron, icosahedron
from nanosieve.simulation.atoms.orientation import any_orientation, near_zone_axis
from nanosieve.simulation.atoms.settings import FCC_ONLY, SPREAD_LIMIT, CrystalSettings
from nanosieve.simulation.atoms.shapes import Gauge, ellipsoid, faceted, sphere, wulff
from nanosieve.simulation.ranges import Weights


@dataclass(frozen=True, eq=False)
class Particle:
    """A particle about its own centre, in the axes of the image.

    Parameters
    ----------
    positions
        ``(n, 3)`` nm.
    numbers
        ``(n,)`` atomic numbers.
    grains
        Cell vectors of each grain, rows in nm.
    lattice, shape, defects
        As in `CrystalTruth`.
    """

    positions: np.ndarray
    numbers: np.ndarray
    grains: tuple[np.ndarray, ...]
    lattice: Lattice
    shape: str
    defects: str

    @property
    def disc_nm(self) -> float:
        """Half the distance of nearest neighbours."""
        return self.lattice.nearest_nm / 2

    @property
    def diameter_nm(self) -> float:
        """Of the sphere that holds as many atoms of the crystal."""
        volume = len(self.positions) / self.lattice.atoms_per_nm3
        return float(np.cbrt(6 * volume / np.pi))

    @cached_property
    def reach_nm(self) -> float:
        """Greatest distance of an atom from the centre."""
        return float(np.linalg.norm(self.positions, axis=1).max())

    @cached_property
    def hull(self) -> ConvexHull:
        """Convex hull of the projected atoms."""
        # Joggled: rows of atoms seen end on lie on one line.
        return ConvexHull(self.positions[:, :2], qhull_options="QJ")

    @property
    def radius_nm(self) -> float:
        """Of the circle with the area of the projection, about."""
        return float(np.sqrt(self.hull.volume / np.pi) + self.disc_nm)

    def extent_nm(self, direction: np.ndarray) -> float:
        """How far it reaches from its centre in a direction of the image, its discs included."""
        corners = self.hull.points[self.hull.vertices]
        return float((corners @ direction).max() + self.disc_nm)


def draw_particle(
    settings: CrystalSettings, lattice: Lattice, mean_nm: float, *, rng: np.random.Generator
) -> Particle:
    """Draw a particle of a structure: its size, shape, defects and orientation.

    Parameters
    ----------
    mean_nm
        Mean diameter of the structure's particles.
    """
    spread = np.clip(rng.normal(), -SPREAD_LIMIT, SPREAD_LIMIT)
    diameter = mean_nm * (1 + settings.diameter_spread) ** spread
    shape = _shapes_for(settings.shapes, lattice).draw(rng)
    cluster = _draw_cluster(settings, lattice, shape, diameter, rng)
    if rng.random() < settings.zone_share:
        tilt = settings.zone_tilt_deg.draw(rng)
        turn = near_zone_axis(lattice, cluster.cells, tilt_deg=tilt, rng=rng)
    else:
        turn = any_orientation(rng)
    grains = tuple(cell @ turn.T for cell in cluster.cells)
    return Particle(
        cluster.positions @ turn.T, cluster.numbers, grains, lattice, shape, cluster.defects
    )


def _draw_cluster(
    settings: CrystalSettings,
    lattice: Lattice,
    shape: str,
    diameter_nm: float,
    rng: np.random.Generator,
) -> Cluster:
    if shape == "icosahedron":
        return icosahedron(lattice, diameter_nm)
    if shape == "decahedron":
        return decahedron(lattice, diameter_nm, rng=rng)
    defect = settings.defects.draw(rng)
    count = round(settings.defect_planes.draw(rng))
    return cut(
        lattice,
        draw_gauge(settings, lattice, shape, rng),
        diameter_nm,
        rng=rng,
        defect=defect if defect in defect_kinds(lattice) else "",
        count=count,
    )


def draw_gauge(
    settings: CrystalSettings, lattice: Lattice, shape: str, rng: np.random.Generator
) -> Gauge:
    """Draw a body of a named shape that `cut` cuts by; icosahedra and decahedra are none."""
    if shape == "sphere":
        return sphere()
    if shape == "wulff":
        return wulff(lattice, jitter=settings.facet_jitter.draw(rng), rng=rng)
    make = ellipsoid if shape == "ellipsoid" else faceted
    return make(aspect=settings.aspect.draw(rng), rng=rng)


def _shapes_for(shapes: Weights, lattice: Lattice) -> Weights:
    """Shapes that a structure forms, with their weights."""
    if lattice.structure == "fcc":
        return shapes
    return Weights({name: weight for name, weight in shapes.root.items() if name not in FCC_ONLY})
