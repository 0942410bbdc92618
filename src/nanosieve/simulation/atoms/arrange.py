"""Where particles are put: beside, against and over each other, on or in the support."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.atoms.particles import Particle
from nanosieve.simulation.atoms.settings import ArrangementSettings
from nanosieve.simulation.atoms.support import Surface

# Places tried for one particle before it is given up.
_TRIES = 60
# Distance at which the nearest atoms of particle and support, or of two particles, come to lie.
_CONTACT_NM = 0.2
# Cells across the field on which the covered share is summed.
_CELLS = 128


@dataclass(frozen=True, eq=False)
class Placed:
    """A particle and where its centre is, in nm from the corner of the field.

    Parameters
    ----------
    centre_nm
        ``(3,)`` x, y and z; the support begins at z = 0.
    place
        ``top``, ``bottom`` or ``inside``.
    """

    particle: Particle
    centre_nm: np.ndarray
    place: str


class Arrangement:
    """Particles that have been placed in a field, to which more are added.

    Parameters
    ----------
    field_nm
        Height and width.
    surfaces
        Of the support, by places in the field: where the beam enters it and where it leaves.
    """

    def __init__(
        self,
        settings: ArrangementSettings,
        field_nm: tuple[float, float],
        surfaces: tuple[Surface, Surface],
    ) -> None:
        self.settings = settings
        self.size = np.array([field_nm[1], field_nm[0]])
        self._top, self._bottom = surfaces
        self.placed: list[Placed] = []
        steps = (np.arange(_CELLS) + 0.5) / _CELLS
        self._x, self._y = np.meshgrid(steps * self.size[0], steps * self.size[1])
        self._covered = np.zeros((_CELLS, _CELLS), bool)

    @property
    def coverage(self) -> float:
        """Share of the field that particles cover, each taken as a circle of its area."""
        return float(self._covered.mean())

    def find(self, particle: Particle, *, rng: np.random.Generator) -> Placed | None:
        """Find a place for a particle; None where there is no room."""
        contact = self.settings.contacts.draw(rng) if self.placed else "apart"
        for _ in range(_TRIES):
            if contact == "apart":
                found = self._apart(particle, rng)
            else:
                found = self._against(particle, contact, rng)
            if found is not None:
                return found
        return None

    def covered_with(self, placed: Placed) -> np.ndarray:
        """Which cells of the field are covered once a particle is added."""
        x, y, _ = placed.centre_nm
        radius2 = placed.particle.radius_nm**2
        return self._covered | ((self._x - x) ** 2 + (self._y - y) ** 2 <= radius2)

    def add(self, placed: Placed) -> None:
        """Add a particle where it was found room."""
        self._covered = self.covered_with(placed)
        self.placed.append(placed)

    def _apart(self, particle: Particle, rng: np.random.Generator) -> Placed | None:
        spare = max(self.settings.overhang * particle.radius_nm, -self.size.min() / 2)
        xy = rng.uniform(-spare, self.size + spare)
        if not self._in_sight(xy, particle):
            return None
        gap = self.settings.gap_nm
        if any(self._gap(xy, particle, other) < gap for other in self.placed):
            return None
        return self._put(particle, xy, self.settings.places.draw(rng), rng)

    def _against(self, particle: Particle, contact: str, rng: np.random.Generator) -> Placed | None:
        """Against or over another particle, chosen at random."""
        partner = self.placed[rng.integers(len(self.placed))]
        angle = rng.uniform(0, 2 * np.pi)
        direction = np.array([np.cos(angle), np.sin(angle)])
        reach = partner.particle.extent_nm(direction) + particle.extent_nm(-direction)
        if contact == "touching":
            distance, place = reach + rng.uniform(0, 0.1), partner.place
        else:
            distance = reach * self.settings.overlap.draw(rng)
            place = self.settings.places.draw(rng)
        xy = partner.centre_nm[:2] + distance * direction
        if not self._in_sight(xy, particle):
            return None
        others = [other for other in self.placed if other is not partner]
        if any(self._gap(xy, particle, other) < 0 for other in others):
            return None
        found = self._put(particle, xy, place, rng)
        return self._stack(found, partner, rng) if contact == "overlapping" else found

    def _in_sight(self, xy: np.ndarray, particle: Particle) -> bool:
        """Whether enough of a particle lies within the field."""
        beyond = np.maximum(np.maximum(-xy, xy - self.size), 0)
        if self.settings.overhang < 0:
            inset = np.minimum(xy, self.size - xy).min()
            return bool(inset >= -self.settings.overhang * particle.radius_nm)
        return bool(np.hypot(*beyond) <= self.settings.overhang * particle.radius_nm)

    @staticmethod
    def _gap(xy: np.ndarray, particle: Particle, other: Placed) -> float:
        """Distance in projection along the line of centres, less what both reach towards it."""
        away = xy - other.centre_nm[:2]
        distance = float(np.hypot(*away))
        if distance > particle.reach_nm + other.particle.reach_nm + 2:
            return np.inf
        direction = away / max(distance, 1e-9)
        return distance - other.particle.extent_nm(direction) - particle.extent_nm(-direction)

    def _put(
        self, particle: Particle, xy: np.ndarray, place: str, rng: np.random.Generator
    ) -> Placed:
        """Set a particle on, under or into the support at a place of the field."""
        top = float(self._top.height(xy[np.newaxis])[0])
        bottom = float(self._bottom.height(xy[np.newaxis])[0])
        sink = rng.uniform(0, _CONTACT_NM)
        if place == "top":
            z = top - particle.positions[:, 2].max() - _CONTACT_NM + sink
        elif place == "bottom":
            z = bottom - particle.positions[:, 2].min() + _CONTACT_NM - sink
        else:
            slack = max((bottom - top) / 2 - particle.reach_nm, (bottom - top) / 4)
            z = (top + bottom) / 2 + rng.uniform(-slack, slack)
        return Placed(particle, np.array([*xy, z]), place)

    @staticmethod
    def _stack(found: Placed, partner: Placed, rng: np.random.Generator) -> Placed:
        """Move a particle along the beam until it does not reach into its partner."""
        away = found.centre_nm - partner.centre_nm
        reach = found.particle.reach_nm + partner.particle.reach_nm + _CONTACT_NM
        if away @ away >= reach**2:
            return found
        up = {"top": -1, "bottom": 1}.get(found.place) or rng.choice([-1, 1])
        z = partner.centre_nm[2] + up * np.sqrt(reach**2 - away[:2] @ away[:2])
        return Placed(found.particle, np.array([*found.centre_nm[:2], z]), found.place)
