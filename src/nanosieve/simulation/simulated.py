"""One simulated image and all that is true of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ParticleTruth:
    """What is true of one particle in one image: a row of ``truth.csv``.

    Positions and sizes are those of the whole particle, also where the frame cuts it.

    Parameters
    ----------
    particle
        Its number in ``instances``, from 1.
    y_nm
        Centre of its projected outline in nm, downwards from the middle of the first pixel; it may
        lie outside the image.
    x_nm
        The same, to the right.
    diameter_nm
        Diameter in nm of the circle with the outline's area.
    area_nm2
        Area of the outline in nm^2.
    shape
        Such as ``sphere``, ``decahedron``, ``rod``; ``patch`` for contamination, ``merging`` for
        particles that coalesce.
    material
        Such as ``Au``, ``CdSe``, ``amorphous carbon``.
    orientation
        Zone axis near the beam, such as ``110``; blank where there is none.
    angle_deg
        Direction of its long axis in degrees, counter-clockwise from +x; blank where it is
        not known, and without meaning for round ones.
    tilt_deg
        How far the zone axis is tilted from the beam, in degrees; blank where there is none.
    fringe_snr
        Signal of its lattice fringes (of contamination: its texture) over the noise; blank where
        there are none.
    contrast_cnr
        Difference of its mean grey level from the support's, over the noise.
    visible
        Whether a person could label it: ``fringe_snr`` or ``contrast_cnr`` reaches its limit, some
        of it is in ``instances``, and no annotation covers it.
    touches_border
        Whether the frame cuts it.
    overlapped
        Whether its projection overlaps another's.
    """

    particle: int
    y_nm: float
    x_nm: float
    diameter_nm: float
    area_nm2: float
    shape: str
    material: str = ""
    orientation: str = ""
    angle_deg: float = float("nan")
    tilt_deg: float = float("nan")
    fringe_snr: float = float("nan")
    contrast_cnr: float = float("nan")
    visible: bool = True
    touches_border: bool = False
    overlapped: bool = False


@dataclass(frozen=True)
class Simulated:
    """A simulated image with its truth.

    Parameters
    ----------
    name
        Name of its files.
    group
        Its structure, scene or movie: what must not be divided between training and test.
    image
        ``(y, x)`` in the detector's dtype.
    pixel_size_nm
        Of the image.
    instances
        ``(y, x)`` int32, 0 the support, else the particle.
    particles
        One row a particle, in the order of their numbers.
    imaging
        All imaging parameters, flat: names with units to plain values.
    outlines
        ``(y, x)`` bool of each particle's full outline within the image, in the same order; empty
        where no projections overlap, for there the instances say it all.
    ignore
        ``(y, x)`` bool, what nobody could label.
    amount
        ``(y, x)`` float32, phase in rad or thickness in nm of the particles alone.
    amount_unit
        ``rad`` or ``nm``.
    classes
        ``(y, x)`` uint8 where there are more classes than support and particle, with their names.
    class_names
        Names of the classes 0, 1, ...
    frame
        Number within its movie; 0 for a still.
    tables
        Further tables by name, such as ``atoms`` or ``events``.
    """

    name: str
    group: str
    image: np.ndarray
    pixel_size_nm: float
    instances: np.ndarray
    particles: tuple[ParticleTruth, ...]
    imaging: dict[str, str | float | int | bool]
    outlines: Sequence[np.ndarray] = ()
    ignore: np.ndarray | None = None
    amount: np.ndarray | None = None
    amount_unit: str = ""
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ("support", "particle")
    frame: int = 0
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
