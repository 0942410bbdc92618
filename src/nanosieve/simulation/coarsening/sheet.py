"""What happens on the support: particles ripen, walk, meet and merge in a periodic region."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nanosieve.simulation.coarsening.clusters import Cluster, relaxed
from nanosieve.simulation.coarsening.contact import first_contact, nearest_image
from nanosieve.simulation.coarsening.placing import free_place
from nanosieve.simulation.coarsening.ripening import Law, critical_radius, ripen


@dataclass(frozen=True)
class Process:
    """How particles change, in numbers of one movie.

    Parameters
    ----------
    law, constant
        Of ripening: K in nm^3/s (diffusion), nm^2/s (interface) or nm^4/s (surface).
    smallest_nm
        Diameter below which a particle vanishes.
    diffusivity_nm2_s, diffusivity_power
        ``D = diffusivity (reference / d)^power`` of a particle's walk.
    neck_time_s, neck_power
        ``tau = neck_time (d / reference)^power`` in which the centres of coalescing particles
        come closer by a factor e; d is that of the sphere they will be.
    reference_nm
        The diameter for which both are stated.
    nuclei_per_s
        New particles per second in the whole region.
    """

    law: Law
    constant: float
    smallest_nm: float
    diffusivity_nm2_s: float = 0.0
    diffusivity_power: float = 4.0
    neck_time_s: float = 1.0
    neck_power: float = 4.0
    reference_nm: float = 4.0
    nuclei_per_s: float = 0.0

    def diffusivity(self, diameters: np.ndarray) -> np.ndarray:
        """Diffusivity in nm^2/s of particles of these diameters in nm."""
        return self.diffusivity_nm2_s * (self.reference_nm / diameters) ** self.diffusivity_power

    def neck_time(self, cube: float) -> float:
        """Time in s in which coalescing particles of this d^3 in nm^3 come closer by e."""
        return float(self.neck_time_s * (np.cbrt(cube) / self.reference_nm) ** self.neck_power)


@dataclass(frozen=True)
class Happening:
    """Something that happened to a particle.

    Parameters
    ----------
    time_s
        When.
    kind
        ``merge`` into another particle; ``vanish``; ``appear`` as a nucleus; ``wrap``: walk out
        of the region at one side, upon which another particle comes in at the other side.
    particle
        The particle; of a merge the smaller one.
    into
        The larger one of a merge, the one that comes in on a wrap, else 0.
    place
        ``(2,)`` y and x in the region, nm; of a merge where they touch.
    cube, into_cube
        Third powers of both diameters just before, nm^3.
    """

    time_s: float
    kind: Literal["merge", "vanish", "appear", "wrap"]
    particle: int
    into: int
    place: np.ndarray
    cube: float
    into_cube: float = 0.0


@dataclass
class Sheet:
    """Particles in a periodic region, and what has happened to them so far.

    Parameters
    ----------
    region
        ``(2,)`` height and width in nm.
    process
        How particles change.
    places
        ``(n, 2)`` y and x of the centres, nm.
    cubes
        ``(n,)`` third powers of the diameters of spheres of the particles' volumes, nm^3.
    rng
        Source of all chance.

    Examples
    --------
    >>> process = Process("diffusion", constant=0.1, smallest_nm=0.5)
    >>> sheet = Sheet(
    ...     np.array([50.0, 50.0]), process, np.array([[10.0, 10.0], [30.0, 30.0]]),
    ...     np.array([2.0, 4.0]) ** 3, np.random.default_rng(0),
    ... )
    >>> sheet.advance(60.0)
    >>> sheet.ids, float(sheet.cubes[0])
    (array([2]), 72.0)
    """

    region: np.ndarray
    process: Process
    places: np.ndarray
    cubes: np.ndarray
    rng: np.random.Generator
    ids: np.ndarray = field(init=False)
    clusters: dict[int, Cluster] = field(init=False, default_factory=dict)
    happened: list[Happening] = field(init=False, default_factory=list)
    time_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.ids = np.arange(1, len(self.cubes) + 1)
        self._next = len(self.cubes) + 1

    @property
    def diameters(self) -> np.ndarray:
        """``(n,)`` diameters in nm of spheres of the particles' volumes."""
        return np.cbrt(self.cubes)

    def largest_step(self) -> float:
        """Time in s in which the most mobile walks a quarter of the mean spacing (rms, an axis)."""
        spacing = np.sqrt(self.region.prod() / len(self.ids))
        fastest = self.process.diffusivity(self.diameters).max()
        return float("inf") if fastest == 0 else float((spacing / 4) ** 2 / (2 * fastest))

    def advance(self, duration: float) -> None:
        """Let time pass, in s."""
        left = duration
        while left > 0:
            step = min(left, self.largest_step())
            if self.clusters:
                soonest = min(self.process.neck_time(self._cube(i)) for i in self.clusters)
                step = min(step, max(soonest / 4, duration / 16))
            self._ripen(step)
            self._nucleate(step)
            self._relax(step)
            self._walk(step)
            self._wrap()
            left -= step
            self.time_s += step

    def _cube(self, particle: int) -> float:
        return float(self.cubes[np.searchsorted(self.ids, particle)])

    def _keep(self, kept: np.ndarray) -> None:
        for particle in self.ids[~kept]:
            self.clusters.pop(int(particle), None)
        self.ids, self.places, self.cubes = self.ids[kept], self.places[kept], self.cubes[kept]

    def _ripen(self, step: float) -> None:
        if self.process.constant == 0:
            return
        before = self.cubes
        self.cubes, vanished = ripen(
            before,
            step,
            law=self.process.law,
            constant=self.process.constant,
            smallest=self.process.smallest_nm**3,
        )
        gone = np.isfinite(vanished)
        for index in np.flatnonzero(gone):
            self.happened.append(
                Happening(
                    self.time_s + float(vanished[index]),
                    "vanish",
                    int(self.ids[index]),
                    0,
                    self.places[index],
                    float(before[index]),
                )
            )
        if gone.any():
            self._keep(~gone)

    def _nucleate(self, step: float) -> None:
        """Nuclei a little above the critical size: smaller ones would dissolve again."""
        for _ in range(self.rng.poisson(self.process.nuclei_per_s * step)):
            critical = 2 * critical_radius(self.cubes, self.process.law)
            cube = float((critical * self.rng.uniform(1.05, 1.3)) ** 3)
            place = free_place(
                self.region, self.places, self._reaches() + np.cbrt(cube) / 2 + 0.5, rng=self.rng
            )
            if place is None or cube > 0.5 * self.cubes.sum():
                continue
            self.cubes = np.append(self.cubes * (1 - cube / self.cubes.sum()), cube)
            self.places = np.vstack([self.places, place])
            self.ids = np.append(self.ids, self._next)
            self.happened.append(Happening(self.time_s, "appear", self._next, 0, place, cube))
            self._next += 1

    def _relax(self, step: float) -> None:
        for particle, cluster in list(self.clusters.items()):
            cube = self._cube(particle)
            closer = relaxed(cluster, np.exp(-step / self.process.neck_time(cube)), cube)
            if closer is None:
                del self.clusters[particle]
            else:
                self.clusters[particle] = closer

    def _reaches(self) -> np.ndarray:
        reaches = self.diameters / 2
        for particle, cluster in self.clusters.items():
            reaches[np.searchsorted(self.ids, particle)] = cluster.reach
        return reaches

    def members(self, index: int) -> Cluster:
        """Spheres of one particle, by its place in ``ids``."""
        merging = self.clusters.get(int(self.ids[index]))
        return merging or Cluster.lone(float(self.cubes[index]))

    def _walk(self, step: float) -> None:
        spread = np.sqrt(2 * self.process.diffusivity(self.diameters) * step)
        steps = spread[:, np.newaxis] * self.rng.standard_normal((len(self.ids), 2))
        while (contact := self._first_contact(steps)) is not None:
            first, second, share = contact
            self.places[[first, second]] += share * steps[[first, second]]
            steps[[first, second]] = 0
            larger, smaller = sorted((first, second), key=lambda i: (-self.cubes[i], self.ids[i]))
            self._merge(larger, smaller, self.time_s + share * step)
            steps = np.delete(steps, smaller, axis=0)
        self.places = self.places + steps

    def _first_contact(self, steps: np.ndarray) -> tuple[int, int, float] | None:
        bodies = [self.members(index) for index in range(len(self.ids))]
        owners = np.repeat(np.arange(len(bodies)), [len(body.radii) for body in bodies])
        contact = first_contact(
            self.places[owners] + np.vstack([body.offsets for body in bodies]),
            steps[owners],
            np.concatenate([body.radii for body in bodies]),
            owners,
            region=self.region,
        )
        if contact is None:
            return None
        return int(owners[contact.first]), int(owners[contact.second]), contact.share

    def _merge(self, larger: int, smaller: int, time_s: float) -> None:
        """The larger one takes over the smaller one's spheres and volume."""
        pair = [larger, smaller]
        between = nearest_image(self.places[smaller] - self.places[larger], self.region)
        share = self.cubes[smaller] / self.cubes[pair].sum()
        centre = share * between
        bodies = [self.members(index) for index in pair]
        offsets = np.vstack([bodies[0].offsets - centre, bodies[1].offsets + between - centre])
        radii = np.concatenate([body.radii for body in bodies])
        reach = [body.reach for body in bodies]
        touch = self.places[larger] + between * reach[0] / sum(reach)
        names = int(self.ids[larger]), int(self.ids[smaller])
        self.happened.append(
            Happening(
                time_s,
                "merge",
                names[1],
                names[0],
                touch,
                float(self.cubes[smaller]),
                float(self.cubes[larger]),
            )
        )
        self.places[larger] += centre
        self.cubes[larger] += self.cubes[smaller]
        self.clusters[names[0]] = Cluster(offsets, radii)
        self._keep(np.arange(len(self.ids)) != smaller)

    def _wrap(self) -> None:
        """Who walks out of the region is another particle when it comes in at the other side."""
        inside = np.mod(self.places, self.region)
        out = (inside != self.places).any(axis=1)
        for index in np.flatnonzero(out):
            old = int(self.ids[index])
            self.happened.append(
                Happening(
                    self.time_s,
                    "wrap",
                    old,
                    self._next,
                    self.places[index],
                    float(self.cubes[index]),
                )
            )
            if old in self.clusters:
                self.clusters[self._next] = self.clusters.pop(old)
            self.ids[index] = self._next
            self._next += 1
        # `ids` stay sorted: particles are looked up by bisection.
        order = np.argsort(self.ids)
        self.ids, self.places, self.cubes = self.ids[order], inside[order], self.cubes[order]
