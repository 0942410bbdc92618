"""Particles of one population: one law of sizes, one kind of shape, each particle its own."""

from dataclasses import dataclass, field

import numpy as np

from nanosieve.simulation.projected.particle_settings import LEAST_PX, PLATES, ParticleSettings
from nanosieve.simulation.projected.polyhedra import Polyhedron, form, prism, turned
from nanosieve.simulation.projected.solids import (
    Ellipsoid,
    Rod,
    Solid,
    Wave,
    diameter,
    turned_ellipsoid,
)

# Diameters are cut this many deviations from the median.
CUT = 2.5
# How much proportions vary within a population.
_VARY = 0.12
_LOBES = (2, 3, 4, 5, 6)
# So many particles of an image have forms of their own, the others repeat them in other sizes.
_FORMS = 96


@dataclass(frozen=True)
class Population:
    """Particles that belong together.

    Parameters
    ----------
    settings
        Where shapes come from if each particle has its own.
    shape
        Of all particles; ``None`` if each draws its own.
    median_px, spread
        Of the diameters.
    aspect, elongation, roughness, plate_ratio, bevel, standing
        Proportions, about which particles vary a little.
    """

    settings: ParticleSettings
    shape: str | None
    median_px: float
    spread: float
    aspect: float
    elongation: float
    roughness: float
    plate_ratio: float
    bevel: float
    standing: float
    _forms: list[Solid] = field(default_factory=list, repr=False)

    @classmethod
    def drawn(
        cls, settings: ParticleSettings, median_px: float, rng: np.random.Generator
    ) -> "Population":
        """Draw the proportions of a population of one median diameter in px."""
        mixed = rng.random() < settings.mixed
        shape = settings.shapes.draw(rng)
        return cls(
            settings,
            None if mixed else shape,
            median_px,
            settings.spread.draw(rng),
            settings.aspect.draw(rng),
            settings.elongation.draw(rng),
            settings.roughness.draw(rng),
            settings.plate_ratio.draw(rng),
            settings.bevel.draw(rng),
            settings.standing.draw(rng),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Shapes that its particles may have."""
        return (self.shape,) if self.shape else self.settings.shapes.names

    @property
    def mean_area(self) -> float:
        """Mean area of the outlines in px^2, of a log-normal law."""
        return float(np.pi / 4 * self.median_px**2 * np.exp(2 * self.spread**2))

    def diameter(self, rng: np.random.Generator) -> float:
        """Draw a diameter in px."""
        deviation = np.clip(rng.normal(0, self.spread), -CUT * self.spread, CUT * self.spread)
        return max(float(self.median_px * np.exp(deviation)), LEAST_PX)

    def solid(
        self, rng: np.random.Generator, *, shape: str | None = None, angle_deg: float | None = None
    ) -> Solid:
        """Draw a particle.

        Parameters
        ----------
        shape
            In place of its own.
        angle_deg
            Direction of its long axis; any if ``None``.
        """
        if shape is not None or angle_deg is not None:
            solid = self._unit(shape, angle_deg, rng)
        elif len(self._forms) < _FORMS:
            solid = self._unit(None, None, rng)
            self._forms.append(solid)
        else:
            solid = self._forms[rng.integers(_FORMS)]
        return solid.scaled(self.diameter(rng))

    def _unit(self, shape: str | None, angle_deg: float | None, rng: np.random.Generator) -> Solid:
        """A particle of diameter 1."""
        name = shape or self.shape or self.settings.shapes.draw(rng)
        angle = rng.uniform(0, 360) if angle_deg is None else angle_deg
        solid: Solid
        if name in ("sphere", "ellipsoid", "rough"):
            solid = self._grain(name, angle, rng)
        elif name in ("rod", "flat_rod"):
            solid = self._rod(name == "flat_rod", angle, rng)
        elif name in PLATES:
            solid = self._plate(name, angle, rng)
        else:
            solid = self._crystal(name, angle, rng)
        return solid.scaled(1 / diameter(solid))

    def _varied(self, value: float, rng: np.random.Generator, least: float = 0.0) -> float:
        return max(float(value * np.exp(rng.normal(0, _VARY))), least)

    def _grain(self, name: str, angle: float, rng: np.random.Generator) -> Solid:
        if name == "sphere":
            return Ellipsoid((1.0, 1.0), 0.0, 1.0, 1.0, "sphere")
        longest = self._varied(self.elongation, rng, 1.0)
        if name == "ellipsoid":
            axes = np.array([1.0, rng.uniform(1, longest), longest])
            return turned_ellipsoid(axes, random_rotation(rng))
        return Ellipsoid((longest, 1.0), angle % 180, 1.0, 1.0, "rough", waves(self.roughness, rng))

    def _rod(self, flat: bool, angle: float, rng: np.random.Generator) -> Rod:
        aspect = self._varied(self.aspect, rng, 1.0)
        half_length = aspect if flat else aspect - 1
        tilt = self.settings.tilt_deg.draw(rng)
        return Rod(1.0, half_length, angle % 180, tilt, flat)

    def _plate(self, name: str, angle: float, rng: np.random.Generator) -> Polyhedron:
        ratio = float(np.clip(self._varied(self.plate_ratio, rng), 0.02, 1))
        plate = prism(_polygon(name, rng), 2 * ratio, bevel=self.bevel)
        spin = rotation_about(2, np.deg2rad(angle))
        if rng.random() < self.standing:
            # Its normal into the plane: seen from the edge.
            return turned(name, plate, spin @ rotation_about(1, np.pi / 2) @ _spun(rng))
        tilt = np.deg2rad(self.settings.tilt_deg.draw(rng))
        return turned(name, plate, spin @ rotation_about(0, tilt) @ _spun(rng))

    def _crystal(self, name: str, angle: float, rng: np.random.Generator) -> Polyhedron:
        body = form(name)
        if rng.random() < self.standing:
            return turned(name, body, random_rotation(rng))
        facet = body.normals[rng.integers(len(body.normals))]
        spin = rotation_about(2, np.deg2rad(angle))
        return turned(name, body, spin @ _onto_support(facet))


def waves(deviation: float, rng: np.random.Generator) -> tuple[Wave, ...]:
    """Smooth unevenness of an outline: few lobes, the fewer the stronger.

    Parameters
    ----------
    deviation
        Standard deviation of the radius as a share of it.
    """
    strength = rng.uniform(0.3, 1, len(_LOBES)) / np.array(_LOBES)
    strength *= deviation * np.sqrt(2) / np.linalg.norm(strength)
    phases = rng.uniform(0, 2 * np.pi, len(_LOBES))
    return tuple(zip(strength.tolist(), phases.tolist(), _LOBES, strict=True))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Draw a rotation matrix, all orientations alike: a random quaternion (Shoemake 1992)."""
    w, x, y, z = (quaternion := rng.normal(size=4)) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_about(axis: int, angle: float) -> np.ndarray:
    """Rotation matrix about one axis of (y, x, z), angle in rad."""
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def _spun(rng: np.random.Generator) -> np.ndarray:
    return rotation_about(2, rng.uniform(0, 2 * np.pi))


def _onto_support(facet: np.ndarray) -> np.ndarray:
    """Rotation that turns a facet's outward normal down to the support."""
    down = np.array([0.0, 0.0, -1.0])
    axis = np.cross(facet, down)
    cosine = float(facet @ down)
    if cosine < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + cosine)


def _polygon(name: str, rng: np.random.Generator) -> np.ndarray:
    """Corners (y, x) of a plate within a circle of radius 1, its centroid at the origin."""
    number = 6 if name == "hexagon" else 3
    turns = 2 * np.pi * np.arange(number) / number
    corners = np.column_stack([np.sin(turns), np.cos(turns)])
    if name != "truncated_triangle":
        return corners
    share = rng.uniform(0.1, 0.3)
    following, previous = np.roll(corners, -1, axis=0), np.roll(corners, 1, axis=0)
    before = corners + share * (previous - corners)
    after = corners + share * (following - corners)
    return np.stack([before, after], axis=1).reshape(-1, 2)
