"""Crystal structures that particles are made of."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError

Miller = tuple[int, int, int]
Stacking = Literal["", "abc", "ab"]

# Sears and Shelley, Acta Cryst. A47 (1991) 441, for the elements at room temperature; rounded
# figures between those of published structure refinements for atoms of compounds and supports.
DEBYE_WALLER_A2: dict[int, float] = {
    6: 0.5, 7: 0.4, 8: 0.5, 14: 0.5, 16: 1.0, 22: 0.5, 26: 0.34, 29: 0.56, 34: 0.9, 46: 0.45,
    47: 0.73, 48: 1.1, 50: 0.3, 58: 0.3, 78: 0.37, 79: 0.62, 82: 1.2,
}  # fmt: skip
"""Debye-Waller factors B by atomic number, in square angstrom, at room temperature."""

_FCC = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
_CUBIC_ZONES: tuple[Miller, ...] = ((1, 1, 0), (1, 0, 0), (1, 1, 1), (2, 1, 1))


@dataclass(frozen=True, eq=False)
class Lattice:
    """A crystal structure with what is needed to cut, fault, turn and judge particles of it.

    Parameters
    ----------
    name, material
        Name in settings, such as ``CdSe-wurtzite``; chemical formula.
    structure
        ``fcc``, ``bcc``, ``zincblende``, ``wurtzite``, ``rutile``, ``fluorite`` or ``rocksalt``.
    lengths_nm
        a, b and c.
    gamma_deg
        Angle between a and b; the two others are right angles.
    sites
        Atomic number and fractional coordinates of each atom of the cell.
    zone_axes
        Low-index directions [uvw] along which such particles show crossed fringes.
    facets
        Planes (hkl) that bound crystals of it, with their relative surface energies; rounded
        literature values, a start for shapes that are varied anyway.
    stacking
        ``abc`` where {111} planes are stacked in a row of three, ``ab`` where (001) planes are in
        a row of two, blank where faults are not offered.
    source
        Where the lattice constants come from.
    """

    name: str
    material: str
    structure: str
    lengths_nm: tuple[float, float, float]
    gamma_deg: float
    sites: tuple[tuple[int, tuple[float, float, float]], ...]
    zone_axes: tuple[Miller, ...]
    facets: tuple[tuple[Miller, float], ...]
    stacking: Stacking
    source: str

    @cached_property
    def cell(self) -> np.ndarray:
        """``(3, 3)`` the vectors a, b, c as rows in nm; a along x."""
        a, b, c = self.lengths_nm
        gamma = np.deg2rad(self.gamma_deg)
        cell = np.array([[a, 0, 0], [b * np.cos(gamma), b * np.sin(gamma), 0], [0, 0, c]])
        cell[np.abs(cell) < 1e-12] = 0
        return cell

    @cached_property
    def numbers(self) -> np.ndarray:
        """``(n,)`` atomic numbers of the cell's atoms."""
        return np.array([number for number, _ in self.sites])

    @cached_property
    def fractional(self) -> np.ndarray:
        """``(n, 3)`` fractional coordinates of the cell's atoms."""
        return np.array([place for _, place in self.sites], float)

    @property
    def atoms_per_nm3(self) -> float:
        """Number density."""
        return float(len(self.sites) / abs(np.linalg.det(self.cell)))

    @cached_property
    def nearest_nm(self) -> float:
        """Distance of nearest neighbours."""
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
        around = (shifts + self.fractional).reshape(-1, 3) @ self.cell
        distances, _ = cKDTree(around).query(self.fractional @ self.cell, k=2)
        return float(distances[:, 1].min())

    @cached_property
    def void_nm(self) -> float:
        """Distance from the middle of the widest gap in the crystal to the atoms around it."""
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
        around = (shifts + self.fractional).reshape(-1, 3) @ self.cell
        steps = np.arange(24) / 24
        grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
        return float(cKDTree(around).query(grid @ self.cell)[0].max())

    def family(self, indices: Miller, *, of: Literal["planes", "directions"]) -> np.ndarray:
        """``(n, 3)`` integers of all planes or directions of one kind.

        Of one kind are those of equal length whose indices are no larger; for low indices of the
        structures offered here that is the same as equal by symmetry.
        """
        largest = max(abs(index) for index in indices)
        every = _triples(largest)
        base = np.linalg.inv(self.cell).T if of == "planes" else self.cell
        lengths = np.linalg.norm(every @ base, axis=1)
        length = np.linalg.norm(np.array(indices) @ base)
        return every[np.abs(lengths - length) < 1e-6 * length]


def get_lattice(name: str) -> Lattice:
    """Look a structure up by its name.

    Raises
    ------
    UsageError
        If there is none, with the names there are.

    Examples
    --------
    >>> round(get_lattice("Au").nearest_nm, 4)
    0.2884
    """
    if name not in LATTICES:
        raise UsageError(f"unknown material {name}; there are {', '.join(LATTICES)}")
    return LATTICES[name]


@lru_cache(maxsize=16)
def _triples(largest: int) -> np.ndarray:
    """All triples of integers up to a size, the zero triple left out."""
    span = np.arange(-largest, largest + 1)
    every = np.stack(np.meshgrid(span, span, span, indexing="ij"), -1).reshape(-1, 3)
    return every[np.any(every != 0, axis=1)]


def _sites(
    number: int, *groups: tuple[float, ...], shifts: tuple[tuple[float, ...], ...] = ((0, 0, 0),)
) -> tuple[tuple[int, tuple[float, float, float]], ...]:
    """Atoms of one element: each place repeated at each shift, within the cell."""
    places = (np.array(groups)[:, np.newaxis] + np.array(shifts)).reshape(-1, 3) % 1
    return tuple((number, (float(x), float(y), float(z))) for x, y, z in places)


def _fcc(name: str, number: int, a: float, source: str, *, g100: float, g110: float) -> Lattice:
    facets: tuple[tuple[Miller, float], ...] = (
        ((1, 1, 1), 1.0),
        ((1, 0, 0), g100),
        ((1, 1, 0), g110),
    )
    return Lattice(
        name, name, "fcc", (a, a, a), 90, _sites(number, (0, 0, 0), shifts=_FCC), _CUBIC_ZONES,
        facets, "abc", source,
    )  # fmt: skip


def _rutile(name: str, number: int, a: float, c: float, u: float, source: str) -> Lattice:
    oxygen = ((u, u, 0), (-u, -u, 0), (0.5 + u, 0.5 - u, 0.5), (0.5 - u, 0.5 + u, 0.5))
    return Lattice(
        name, name, "rutile", (a, a, c), 90,
        _sites(number, (0, 0, 0), (0.5, 0.5, 0.5)) + _sites(8, *oxygen),
        ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1)),
        (((1, 1, 0), 1.0), ((1, 0, 0), 1.2), ((1, 0, 1), 1.35)), "", source,
    )  # fmt: skip


# Height of Se above Cd over c; with the ideal 3/8 all bonds are equally long.
_WURTZITE_U = 0.376
_CRC = "CRC Handbook of Chemistry and Physics, crystal structures of the elements"

_ALL = (
    _fcc("Au", 79, 0.40782, _CRC, g100=1.15, g110=1.22),
    _fcc("Pd", 46, 0.38907, _CRC, g100=1.13, g110=1.19),
    _fcc("Pt", 78, 0.39242, _CRC, g100=1.19, g110=1.25),
    _fcc("Ag", 47, 0.40853, _CRC, g100=1.07, g110=1.13),
    _fcc("Cu", 29, 0.36149, _CRC, g100=1.11, g110=1.16),
    Lattice(
        "Fe", "Fe", "bcc", (0.28665,) * 3, 90,
        _sites(26, (0, 0, 0), (0.5, 0.5, 0.5)),
        ((1, 0, 0), (1, 1, 1), (1, 1, 0), (3, 1, 1)),
        (((1, 1, 0), 1.0), ((1, 0, 0), 1.03)), "", _CRC,
    ),
    Lattice(
        "CdSe-zincblende", "CdSe", "zincblende", (0.6077,) * 3, 90,
        _sites(48, (0, 0, 0), shifts=_FCC) + _sites(34, (0.25, 0.25, 0.25), shifts=_FCC),
        _CUBIC_ZONES, (((1, 1, 1), 1.0), ((1, 0, 0), 1.05), ((1, 1, 0), 1.1)), "abc",
        "Samarth et al., Appl. Phys. Lett. 54 (1989) 2680",
    ),
    Lattice(
        "CdSe-wurtzite", "CdSe", "wurtzite", (0.4299, 0.4299, 0.7010), 120,
        _sites(48, (1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5))
        + _sites(34, (1 / 3, 2 / 3, _WURTZITE_U), (2 / 3, 1 / 3, 0.5 + _WURTZITE_U)),
        ((1, 0, 0), (2, 1, 0), (0, 0, 1)),
        (((1, 0, 0), 1.0), ((0, 0, 1), 1.15), ((1, 0, 1), 1.2)), "ab",
        "JCPDS 8-459",
    ),
    Lattice(
        "PbS", "PbS", "rocksalt", (0.5936,) * 3, 90,
        _sites(82, (0, 0, 0), shifts=_FCC) + _sites(16, (0.5, 0.5, 0.5), shifts=_FCC),
        ((1, 0, 0), (1, 1, 0), (1, 1, 1)), (((1, 0, 0), 1.0), ((1, 1, 1), 1.25)), "",
        "JCPDS 5-592",
    ),
    Lattice(
        "CeO2", "CeO2", "fluorite", (0.5411,) * 3, 90,
        _sites(58, (0, 0, 0), shifts=_FCC)
        + _sites(8, (0.25, 0.25, 0.25), (0.75, 0.75, 0.75), shifts=_FCC),
        _CUBIC_ZONES, (((1, 1, 1), 1.0), ((1, 0, 0), 1.35), ((1, 1, 0), 1.4)), "",
        "JCPDS 34-394",
    ),
    _rutile(
        "TiO2", 22, 0.45937, 0.29587, 0.3048,
        "Abrahams and Bernstein, J. Chem. Phys. 55 (1971) 3206",
    ),
    _rutile("SnO2", 50, 0.47374, 0.31864, 0.3056, "Bolzan et al., Acta Cryst. B53 (1997) 373"),
)  # fmt: skip

LATTICES: dict[str, Lattice] = {lattice.name: lattice for lattice in _ALL}
"""All structures by name."""
