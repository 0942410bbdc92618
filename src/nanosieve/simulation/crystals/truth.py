"""What is true of the particles of a structure, whatever the microscope."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.atoms.outline import Projection, label, project
from nanosieve.simulation.atoms.reflections import spacings
from nanosieve.simulation.atoms.specimen import CrystalTruth, Specimen
from nanosieve.simulation.simulated import ParticleTruth

# Of the frequency of a lattice's coarsest fringes: the two to four coarsest reflections of every
# structure lie between, with the width that a small crystal gives each, and those that incomplete
# stacking adds (1/3 {422} of fcc, 6 % below the first).
_BAND = (0.87, 1.7)


@dataclass(frozen=True)
class Truth:
    """Particles within the frame.

    Parameters
    ----------
    instances
        ``(y, x)`` int32.
    outlines
        ``(y, x)`` bool of each particle, in the order of their numbers.
    particles
        A row for each, without how well it is seen.
    bands
        Frequencies in 1/nm between which each one's coarse fringes lie.
    overlapping
        Whether any projections overlap.
    """

    instances: np.ndarray
    outlines: tuple[np.ndarray, ...]
    particles: tuple[ParticleTruth, ...]
    bands: tuple[tuple[float, float], ...]
    overlapping: bool


def tell_truth(specimen: Specimen, shape: tuple[int, int], pixel_size_nm: float) -> Truth:
    """Outline and describe all particles of which the frame shows something.

    Parameters
    ----------
    specimen
        Atoms and particles.
    shape, pixel_size_nm
        Of the image.
    """
    every = zip(specimen.particles, project(specimen, shape, pixel_size_nm), strict=True)
    shown = [(crystal, projection) for crystal, projection in every if projection.outline.any()]
    outlines = tuple(projection.outline for _, projection in shown)
    crowd = np.zeros(shape, np.int32)
    for outline in outlines:
        crowd += outline
    overlapped = [bool((crowd[outline] > 1).any()) for outline in outlines]
    rows = tuple(
        _row(number, crystal, projection, overlapped=overlapped[number - 1])
        for number, (crystal, projection) in enumerate(shown, start=1)
    )
    return Truth(
        instances=label([projection for _, projection in shown], shape),
        outlines=outlines,
        particles=rows,
        bands=tuple(fringe_band(crystal.lattice) for crystal, _ in shown),
        overlapping=any(overlapped),
    )


def fringe_band(lattice: str) -> tuple[float, float]:
    """Frequencies in 1/nm between which a lattice's coarse fringes lie, however it stands.

    Examples
    --------
    >>> [round(edge, 2) for edge in fringe_band("Au")]
    [3.69, 7.22]
    """
    coarsest_nm = float(spacings(lattice)[0])
    return _BAND[0] / coarsest_nm, _BAND[1] / coarsest_nm


def _row(
    number: int, crystal: CrystalTruth, projection: Projection, *, overlapped: bool
) -> ParticleTruth:
    shape = f"{crystal.shape}, {crystal.defects}" if crystal.defects else crystal.shape
    return ParticleTruth(
        particle=number,
        y_nm=projection.y_nm,
        x_nm=projection.x_nm,
        diameter_nm=projection.diameter_nm,
        area_nm2=projection.area_nm2,
        shape=shape,
        material=crystal.lattice,
        orientation=crystal.zone_axis,
        tilt_deg=crystal.tilt_deg,
        touches_border=projection.touches_border,
        overlapped=overlapped,
    )
