"""How particles lie: apart, in groups, in bundles, in aggregates, in close-packed islands."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.projected.bodies import Stamp
from nanosieve.simulation.projected.canvas import Canvas, Probe
from nanosieve.simulation.projected.packing import cells, fitting, hexagonal, relax
from nanosieve.simulation.projected.particle_settings import ParticleSettings
from nanosieve.simulation.projected.polyhedra import centroid, prism, turned
from nanosieve.simulation.projected.population import CUT, Population, random_rotation
from nanosieve.simulation.projected.solids import Solid, diameter

MOST_BODIES = 2000
_TRIES = (48, 300, 1200)
_FAILURES = 25
# Share of the plane that discs cover before they are pushed apart.
_HEXAGONAL_DENSITY = 0.9
_DENSE_DENSITY = 0.86


@dataclass(frozen=True)
class Plan:
    """What is to be laid.

    Parameters
    ----------
    settings
        Of the particles.
    populations, shares
        One or two, with their shares of the area.
    coverage
        Share of the support to cover.
    gap_px
        Least distance between what does not touch.
    """

    settings: ParticleSettings
    populations: tuple[Population, ...]
    shares: tuple[float, ...]
    coverage: float
    gap_px: float

    def population(self, rng: np.random.Generator) -> Population:
        """Draw one in proportion to the numbers that its share of the area makes."""
        if len(self.populations) == 1:
            return self.populations[0]
        numbers = np.array(
            [
                share / one.mean_area
                for one, share in zip(self.populations, self.shares, strict=True)
            ]
        )
        return self.populations[rng.choice(len(numbers), p=numbers / numbers.sum())]

    def unfinished(self, canvas: Canvas) -> bool:
        """Tell whether more is to be laid."""
        return len(canvas.laid) < MOST_BODIES and canvas.coverage < self.coverage

    def batch(self, canvas: Canvas, rng: np.random.Generator) -> list[Solid]:
        """Draw particles for what is still bare, the largest first: they need most room."""
        missing = (self.coverage - canvas.coverage) * canvas.room
        solids: list[Solid] = []
        while missing > 0 and len(solids) + len(canvas.laid) < MOST_BODIES:
            solids.append(self.population(rng).solid(rng))
            missing -= solids[-1].area
        return sorted(solids, key=lambda solid: -solid.area)


def probe_of(solid: Solid, rng: np.random.Generator, *, margin: int = 1) -> Probe:
    """Put a solid on the pixels, its middle anywhere in one."""
    y, x = rng.uniform(-0.5, 0.5, 2)
    return Probe.of(Stamp(solid, (float(y), float(x)), margin=margin))


def isolated(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Random places, none nearer than the gap: random sequential adsorption."""
    failures = 0
    while plan.unfinished(canvas) and failures < _FAILURES:
        for solid in plan.batch(canvas, rng):
            if not plan.unfinished(canvas):
                return
            probe = probe_of(solid, rng, margin=1 + int(np.ceil(plan.gap_px)))
            pixel = _vacant(canvas, probe, rng)
            failures = failures + 1 if pixel is None else 0
            if failures >= _FAILURES:
                return
            if pixel is not None:
                canvas.lay(probe, pixel, gap_px=plan.gap_px)


def at_random(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Each wherever it falls, on others too."""
    failures = 0
    while plan.unfinished(canvas) and failures < _FAILURES:
        for solid in plan.batch(canvas, rng):
            probe = probe_of(solid, rng)
            places = canvas.places(16, 0.7 * min(solid.extent), rng)
            held = [place for place in places.tolist() if canvas.holds(probe.stamp, tuple(place))]
            failures = 0 if held else failures + 1
            if held:
                canvas.lay(probe, tuple(held[0]))
            if not plan.unfinished(canvas) or failures >= _FAILURES:
                return


def touching(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Groups in the plane: each new particle is moved up to an earlier one until they touch."""
    _groups(canvas, plan, rng, parallel=False)


def bundles(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Groups of particles side by side, their long axes parallel."""
    _groups(canvas, plan, rng, parallel=True)


def aggregates(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Chains and clumps in three dimensions, some around a core; projections overlap."""
    closeness = plan.settings.closeness.draw(rng)
    failures = 0
    while plan.unfinished(canvas) and failures < _FAILURES:
        population = plan.population(rng)
        members = max(1, round(plan.settings.group.draw(rng)))
        solids = [population.solid(rng) for _ in range(members)]
        if rng.random() < plan.settings.core:
            core = population.solid(rng, shape="rough")
            solids[0] = core.scaled(plan.settings.core_ratio.draw(rng))
        radii = np.array([diameter(solid) / 2 for solid in solids])
        centres = _grown(radii, closeness, rng)
        floor = float((centres[:, 2] - radii).min())
        places = canvas.places(16, float(radii[0]), rng)
        before = len(canvas.laid)
        if len(places):
            for solid, centre in zip(solids, centres, strict=True):
                position = places[0] + centre[:2]
                pixel = (round(position[0]), round(position[1]))
                fraction = (float(position[0]) - pixel[0], float(position[1]) - pixel[1])
                probe = Probe.of(Stamp(solid, fraction))
                if plan.unfinished(canvas) and canvas.holds(probe.stamp, pixel):
                    elevation = float(centre[2]) - solid.depth / 2 - floor
                    canvas.lay(probe, pixel, elevation_px=max(elevation, 0.0))
        failures = failures + 1 if len(canvas.laid) == before else 0


def packed(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Islands of a hexagonal layer that has given way to the differences in size."""
    area = sum(
        share * one.mean_area for one, share in zip(plan.populations, plan.shares, strict=True)
    )
    spacing = float(np.sqrt(area / _HEXAGONAL_DENSITY * 2 / np.sqrt(3)))
    sites = hexagonal(canvas.shape, max(spacing, 3.0), rng)
    _layer(canvas, plan, sites, _HEXAGONAL_DENSITY, rng)


def dense(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Islands of a layer without order: thrown, then pushed apart."""
    mean = sum(
        share / one.mean_area for one, share in zip(plan.populations, plan.shares, strict=True)
    )
    rim = 2 * max(one.median_px for one in plan.populations)
    room = np.array(canvas.shape) + rim
    number = int(np.clip(_DENSE_DENSITY * room.prod() * mean, 1, MOST_BODIES))
    sites = rng.uniform(-rim / 2, np.array(canvas.shape) + rim / 2, (number, 2))
    _layer(canvas, plan, sites, _DENSE_DENSITY, rng)


def facets(canvas: Canvas, plan: Plan, rng: np.random.Generator) -> None:
    """Islands of plates face to face, as cells of a pavement."""
    population = plan.populations[0]
    spacing = population.median_px * float(np.sqrt(np.pi / 4 * 2 / np.sqrt(3)))
    sites = hexagonal(canvas.shape, spacing, rng)
    # A site that moves by a share of the spacing changes cells' widths by about as much.
    sites += rng.normal(0, 0.5 * spacing * max(population.spread, 0.03), sites.shape)
    room = population.median_px * (1 - np.sqrt(min(plan.coverage + 0.03, 1)))
    gap = min(float(rng.uniform(0.3, 2.5)), max(room, 0.0))
    pavement = cells(sites)

    def plate(index: int) -> Solid:
        corners = pavement[index] - middles[index]
        reach = equivalent_radius(corners)
        ratio = population.plate_ratio * float(np.exp(rng.normal(0, 0.1)))
        cell = prism(corners * (1 - gap / 2 / reach), 2 * reach * ratio, bevel=population.bevel)
        return turned("facet", cell, np.eye(3))

    middles = np.array([centroid(cell) for cell in pavement]).reshape(-1, 2)
    _islands(canvas, plan, middles, plate, rng)


ARRANGE: dict[str, Callable[[Canvas, Plan, np.random.Generator], None]] = {
    "isolated": isolated,
    "random": at_random,
    "touching": touching,
    "bundles": bundles,
    "aggregates": aggregates,
    "packed": packed,
    "dense": dense,
    "facets": facets,
}


def equivalent_radius(corners: np.ndarray) -> float:
    """Radius of the circle with a polygon's area, ``(k, 2)`` corners in order."""
    y, x = corners.T
    area = abs(np.dot(y, np.roll(x, -1)) - np.dot(x, np.roll(y, -1))) / 2
    return float(np.sqrt(area / np.pi))


def _vacant(canvas: Canvas, probe: Probe, rng: np.random.Generator) -> tuple[int, int] | None:
    """Find a place that is clear; tried with more candidates as they fail."""
    for number in _TRIES:
        places = canvas.places(number, 0.7 * min(probe.stamp.solid.extent), rng)
        pixel = canvas.first(probe, places, canvas.clear)
        if pixel is not None:
            return pixel
    return None


def _groups(canvas: Canvas, plan: Plan, rng: np.random.Generator, *, parallel: bool) -> None:
    failures = 0
    margin = 1 + int(np.ceil(plan.gap_px))
    while plan.unfinished(canvas) and failures < _FAILURES:
        population = plan.population(rng)
        angle = rng.uniform(0, 180) if parallel else None
        first = probe_of(population.solid(rng, angle_deg=angle), rng, margin=margin)
        pixel = _vacant(canvas, first, rng)
        failures = failures + 1 if pixel is None else 0
        if pixel is None:
            continue
        canvas.lay(first, pixel, gap_px=plan.gap_px)
        group = [(first, pixel)]
        for _ in range(round(plan.settings.group.draw(rng)) - 1):
            if not plan.unfinished(canvas):
                break
            turn = None if angle is None else angle + rng.normal(0, 2)
            probe = probe_of(population.solid(rng, angle_deg=turn), rng, margin=margin)
            beside = None if angle is None else angle + rng.choice([-90, 90]) + rng.normal(0, 8)
            place = _against(canvas, probe, group, beside, rng)
            if place is not None:
                canvas.lay(probe, place, gap_px=plan.gap_px)
                group.append((probe, place))


def _against(
    canvas: Canvas,
    probe: Probe,
    group: list[tuple[Probe, tuple[int, int]]],
    direction_deg: float | None,
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """Find where a body touches one of a group, coming from a direction."""
    host, pixel = group[rng.integers(len(group))]
    turn = np.deg2rad(rng.uniform(0, 360) if direction_deg is None else direction_deg)
    reach = np.hypot(*host.stamp.solid.extent) + np.hypot(*probe.stamp.solid.extent) + 2
    least = 0.5 * (host.stamp.solid.inradius + probe.stamp.solid.inradius)
    steps = np.arange(least, reach)[:, np.newaxis]
    pixels = np.rint(np.array(pixel) + steps * np.array([-np.sin(turn), np.cos(turn)])).astype(int)
    # Beyond the field nobody sees it.
    seen = np.array(canvas.shape) + 0.7 * np.array(probe.stamp.solid.extent)
    within = (pixels > np.array(canvas.shape) - seen) & (pixels < seen)
    return canvas.first(probe, pixels[within.all(axis=1)], canvas.filled)


def _grown(radii: np.ndarray, closeness: float, rng: np.random.Generator) -> np.ndarray:
    """Centres, ``(n, 3)``: each sphere sits on an earlier one, often the last: chains branch."""
    centres = np.zeros((1, 3))
    for count, radius in enumerate(radii[1:], start=1):
        contact = closeness * (radii[:count] + radius)
        for _ in range(30):
            host = count - 1 if rng.random() < 0.5 else int(rng.integers(count))
            centre = centres[host] + contact[host] * random_rotation(rng)[0]
            if (np.linalg.norm(centres - centre, axis=1) >= contact - 1e-9).all():
                break
        centres = np.vstack([centres, centre])
    return centres


def _layer(
    canvas: Canvas, plan: Plan, sites: np.ndarray, density: float, rng: np.random.Generator
) -> None:
    """Lay one particle on each site after pushing them apart."""
    sites = sites[:MOST_BODIES]
    solids = [plan.population(rng).solid(rng) for _ in sites]
    radii = np.array([max(solid.extent) for solid in solids])
    # As many discs as sites, of the density asked for.
    room = np.prod(np.ptp(sites, axis=0)) if len(sites) > 1 else np.inf
    radii *= min(1.0, float(np.sqrt(density * room / (np.pi * np.sum(radii**2)))))
    sites = relax(sites, radii)
    factors = fitting(sites, radii) * radii / [max(solid.extent) for solid in solids]
    _islands(canvas, plan, sites, lambda index: solids[index].scaled(float(factors[index])), rng)


def _islands(
    canvas: Canvas,
    plan: Plan,
    middles: np.ndarray,
    solid: Callable[[int], Solid],
    rng: np.random.Generator,
) -> None:
    """Lay what stands highest in a random landscape, until enough is covered."""
    landscape = _landscape(middles, canvas.shape, rng)
    for index in np.argsort(-landscape, kind="stable").tolist():
        if not plan.unfinished(canvas):
            return
        middle = middles[index]
        pixel = (round(middle[0]), round(middle[1]))
        fraction = (float(middle[0]) - pixel[0], float(middle[1]) - pixel[1])
        probe = Probe.of(Stamp(solid(index), fraction))
        place = canvas.first(probe, np.array([pixel]), canvas.filled)
        if place is not None and canvas.holds(probe.stamp, place):
            canvas.lay(probe, place)


def _landscape(points: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Smooth random heights at points, with hills about half the field wide."""
    waves = rng.normal(0, 2 * np.pi * 0.9 / max(shape), (12, 2))
    phases = rng.uniform(0, 2 * np.pi, 12)
    return np.cos(points @ waves.T + phases).sum(axis=1)


def reach_px(population: Population) -> float:
    """Bound of how far any particle reaches from its middle."""
    settings = population.settings
    stretch = 1.6 * max(
        population.aspect, population.elongation, 1 / max(population.plate_ratio, 0.05)
    )
    core = settings.core_ratio.high if settings.core > 0 else 1.0
    largest = population.median_px * np.exp(CUT * population.spread)
    return float(largest * max(np.sqrt(stretch), core))
