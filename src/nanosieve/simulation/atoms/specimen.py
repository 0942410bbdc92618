"""Particles on a support: all atoms, and what is true of each particle."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class CrystalTruth:
    """What is true of one particle, the whole of it also where the cell cuts it.

    Parameters
    ----------
    material, lattice
        Chemical formula; name in `LATTICES`.
    shape
        ``sphere``, ``ellipsoid``, ``faceted``, ``wulff``, ``decahedron`` or ``icosahedron``.
    defects
        Such as ``2 twin``; blank for none.
    place
        ``top`` (where the beam enters), ``bottom`` or ``inside``.
    diameter_nm
        Of the sphere that holds as many atoms. The outline's diameter is slightly greater, as it
        surrounds the outermost atoms.
    centre_nm
        ``(x, y, z)`` of the mean of its atoms, in the cell.
    zone_axis, tilt_deg
        Low-index direction nearest to the beam and the angle between them.
    atoms_xy_nm
        ``(n, 2)`` float32 x, y of all its atoms in the cell, those cut off included.
    disc_nm
        Radius of the disc that stands for an atom in the outline: half the distance of nearest
        neighbours.
    """

    material: str
    lattice: str
    shape: str
    defects: str
    place: str
    diameter_nm: float
    centre_nm: tuple[float, float, float]
    zone_axis: str
    tilt_deg: float
    atoms_xy_nm: np.ndarray
    disc_nm: float


@dataclass(frozen=True, eq=False)
class Specimen:
    """All atoms of a structure in a cell that is periodic in x and y.

    Parameters
    ----------
    positions
        ``(n, 3)`` float64 x, y, z in nm: x right, y down as the image's rows, z along the beam,
        which enters at z = 0.
    numbers
        ``(n,)`` int32 atomic numbers.
    owner
        ``(n,)`` int32: 0 the support, else the particle, from 1.
    cell
        lx, ly, lz in nm.
    margin_nm
        What is cropped at each side afterwards. The centre of the image's first pixel lies at
        x = y = ``margin_nm``, and pixel j at ``margin_nm + j * pixel_size``.
    particles
        In the order of their numbers.
    support, support_nm
        ``carbon``, ``nitride``, ``graphene`` or ``none``; its mean thickness.
    """

    positions: np.ndarray
    numbers: np.ndarray
    owner: np.ndarray
    cell: tuple[float, float, float]
    margin_nm: float
    particles: tuple[CrystalTruth, ...]
    support: str
    support_nm: float

    @property
    def field_nm(self) -> tuple[float, float]:
        """Height and width of what the image shows."""
        return self.cell[1] - 2 * self.margin_nm, self.cell[0] - 2 * self.margin_nm
