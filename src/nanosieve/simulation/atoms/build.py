"""A whole specimen: particles drawn, placed, and the support made to fit around them."""

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.arrange import Arrangement, Placed
from nanosieve.simulation.atoms.lattices import Lattice, get_lattice
from nanosieve.simulation.atoms.orientation import nearest_zone
from nanosieve.simulation.atoms.particles import draw_particle
from nanosieve.simulation.atoms.settings import CrystalSettings, SpecimenSettings
from nanosieve.simulation.atoms.specimen import CrystalTruth, Specimen
from nanosieve.simulation.atoms.support import Support, make_support

# Vacuum before the first and behind the last atom.
_VACUUM_NM = 0.3
# Atoms of the support come no nearer to those of a particle.
_CLEARANCE_NM = 0.2
# After so many particles without room, a field is full.
_FULL = 5


def check_fits(settings: SpecimenSettings, field_nm: tuple[float, float]) -> None:
    """Check that the particles asked for fit the field, before anything is computed.

    Raises
    ------
    UsageError
        If the largest is wider than the field.
    """
    largest = settings.particles.largest_nm
    if largest > min(field_nm):
        raise UsageError(
            f"particles up to {largest:.3g} nm are larger than the field of "
            f"{field_nm[1]:.3g} x {field_nm[0]:.3g} nm: lower diameter_nm or widen the field"
        )


def build_specimen(
    settings: SpecimenSettings, *, field_nm: tuple[float, float], rng: np.random.Generator
) -> Specimen:
    """Draw a specimen.

    Parameters
    ----------
    settings
        What it is made of.
    field_nm
        Height and width of what the image will show; the cell is wider by the margin.

    Raises
    ------
    UsageError
        If particles are larger than the field.

    Examples
    --------
    >>> settings = SpecimenSettings(
    ...     particles={"materials": {"Au": 1}, "diameter_nm": 2, "diameter_spread": 0},
    ...     arrangement={"count": 1}, support={"kinds": {"graphene": 1}},
    ... )
    >>> made = build_specimen(settings, field_nm=(4.0, 4.0), rng=np.random.default_rng(0))
    >>> len(made.particles), made.particles[0].material, made.cell[:2]
    (1, 'Au', (7.0, 7.0))
    """
    check_fits(settings, field_nm)
    margin = settings.margin_nm
    size = (field_nm[1] + 2 * margin, field_nm[0] + 2 * margin)
    support = make_support(settings.support, size, rng=rng)
    surfaces = support.top.moved((margin, margin)), support.bottom.moved((margin, margin))
    arrangement = Arrangement(settings.arrangement, field_nm, surfaces)
    if rng.random() >= settings.arrangement.empty_share:
        _fill(settings, arrangement, rng)
    return assemble(support, arrangement.placed, size, margin)


def _fill(settings: SpecimenSettings, arrangement: Arrangement, rng: np.random.Generator) -> None:
    """Add particles up to the number or coverage drawn."""
    wanted, crystals = settings.arrangement, settings.particles
    mean = crystals.diameter_nm.draw(rng)
    common = get_lattice(crystals.materials.draw(rng))
    mixed = rng.random() < crystals.mixed
    limit = round(wanted.count.draw(rng)) if wanted.count is not None else np.inf
    target = wanted.coverage.draw(rng) if wanted.coverage is not None else np.inf
    misses = 0
    while len(arrangement.placed) < limit and misses < _FULL:
        lattice = _another(crystals, rng) if mixed else common
        particle = draw_particle(crystals, lattice, mean, rng=rng)
        found = arrangement.find(particle, rng=rng)
        if found is None:
            misses += 1
            continue
        after = float(arrangement.covered_with(found).mean())
        if arrangement.placed and after - target > target - arrangement.coverage:
            return
        arrangement.add(found)


def _another(settings: CrystalSettings, rng: np.random.Generator) -> Lattice:
    return get_lattice(settings.materials.draw(rng))


def assemble(
    support: Support, placed: list[Placed], size: tuple[float, float], margin: float
) -> Specimen:
    """Put all atoms into one cell that begins at the origin."""
    shift = np.array([margin, margin, 0.0])
    bodies = [each.particle.positions + each.centre_nm + shift for each in placed]
    free = _outside(support.positions, bodies, placed)
    positions = np.concatenate([support.positions[free], *bodies])
    kinds = [support.numbers[free], *(each.particle.numbers for each in placed)]
    counts = [int(free.sum()), *(len(body) for body in bodies)]
    owner = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    low, high = (positions[:, 2].min(), positions[:, 2].max()) if len(positions) else (0.0, 0.0)
    lift = np.array([0, 0, _VACUUM_NM - low])
    inside = ((positions[:, :2] >= 0) & (positions[:, :2] < size)).all(axis=1)
    return Specimen(
        positions=(positions + lift)[inside],
        numbers=np.concatenate(kinds).astype(np.int32)[inside],
        owner=owner[inside],
        cell=(size[0], size[1], float(high - low) + 2 * _VACUUM_NM),
        margin_nm=margin,
        particles=tuple(
            _truth(each, body + lift) for each, body in zip(placed, bodies, strict=True)
        ),
        support=support.kind,
        support_nm=support.thickness_nm,
    )


def _outside(atoms: np.ndarray, bodies: list[np.ndarray], placed: list[Placed]) -> np.ndarray:
    """Which atoms of the support lie outside all particles."""
    free = np.ones(len(atoms), bool)
    for body, each in zip(bodies, placed, strict=True):
        # Wide enough that no atom is left in the gaps within the crystal.
        clearance = max(_CLEARANCE_NM, each.particle.lattice.void_nm + 0.01)
        low, high = body.min(axis=0) - clearance, body.max(axis=0) + clearance
        near = np.flatnonzero(((atoms > low) & (atoms < high)).all(axis=1))
        distances, _ = cKDTree(body).query(atoms[near], distance_upper_bound=clearance)
        free[near[np.isfinite(distances)]] = False
    return free


def _truth(placed: Placed, body: np.ndarray) -> CrystalTruth:
    particle = placed.particle
    zone, tilt = nearest_zone(particle.lattice, particle.grains)
    x, y, z = body.mean(axis=0)
    return CrystalTruth(
        material=particle.lattice.material,
        lattice=particle.lattice.name,
        shape=particle.shape,
        defects=particle.defects,
        place=placed.place,
        diameter_nm=particle.diameter_nm,
        centre_nm=(float(x), float(y), float(z)),
        zone_axis=zone,
        tilt_deg=tilt,
        atoms_xy_nm=body[:, :2].astype(np.float32),
        disc_nm=particle.disc_nm,
    )
