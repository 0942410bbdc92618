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
    y_nm, x_nm
        Centre of its projected outline, from the middle of the first pixel; it may lie outside
        the image.
    diameter_nm
        Of the circle with the outline's area.
    area_nm2
        Of the outline.
    shape, material
        Such as ``sphere``, ``decahedron``, ``rod``; such as ``Au``.
    orientation
        Zone axis along the beam, such as ``110``, or blank.
    angle_deg
        Direction of its long axis, or how far it is tilted from the zone axis.
    fringe_snr, contrast_cnr
        How well it can be seen: lattice fringes and mass-thickness contrast, each over the noise.
    visible
        Whether a person could label it.
    touches_border, overlapped
        Cut by the frame; its projection overlaps another's.
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
