"""Crystal structures that particles are made of."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError
from nanosieve.lattice.phases import PHASES, Miller, Phase

Stacking = Literal["", "abc", "ab"]

# Sears and Shelley, Acta Cryst. A47 (1991) 441, for the elements at room temperature; rounded
# figures between those of published structure refinements for atoms of compounds and supports.
DEBYE_WALLER_A2: dict[int, float] = {
    6: 0.5, 7: 0.4, 8: 0.5, 14: 0.5, 16: 1.0, 22: 0.5, 26: 0.34, 29: 0.56, 34: 0.9, 46: 0.45,
    47: 0.73, 48: 1.1, 50: 0.3, 58: 0.3, 78: 0.37, 79: 0.62, 82: 1.2,
}  # fmt: skip
"""Debye-Waller factors B by atomic number, in square angstrom, at room temperature."""

_CUBIC_ZONES: tuple[Miller, ...] = ((1, 1, 0), (1, 0, 0), (1, 1, 1), (2, 1, 1))


@dataclass(frozen=True, eq=False)
class Lattice:
    """A crystal structure with what is needed to cut, fault, turn and judge particles of it.

    Parameters
    ----------
    phase
        Its unit cell.
    structure
        ``fcc``, ``bcc``, ``zincblende``, ``wurtzite``, ``rutile``, ``fluorite`` or ``rocksalt``.
    zone_axes
        Low-index directions [uvw] along which such particles show crossed fringes.
    facets
        Planes (hkl) that bound crystals of it, with their relative surface energies; rounded
        literature values, a start for shapes that are varied anyway.
    stacking
        ``abc`` where {111} planes are stacked in a row of three, ``ab`` where (001) planes are in
        a row of two, blank where faults are not offered.
    """

    phase: Phase
    structure: str
    zone_axes: tuple[Miller, ...]
    facets: tuple[tuple[Miller, float], ...]
    stacking: Stacking

    @property
    def name(self) -> str:
        """Name in settings, such as ``CdSe-wurtzite``."""
        return self.phase.name

    @property
    def material(self) -> str:
        """Chemical formula."""
        return self.phase.formula

    @property
    def lengths_nm(self) -> tuple[float, float, float]:
        """a, b and c."""
        return self.phase.lengths_nm

    @property
    def cell(self) -> np.ndarray:
        """``(3, 3)`` the vectors a, b, c as rows in nm; a along x."""
        return self.phase.cell

    @property
    def numbers(self) -> np.ndarray:
        """``(n,)`` atomic numbers of the cell's atoms."""
        return self.phase.numbers

    @property
    def fractional(self) -> np.ndarray:
        """``(n, 3)`` fractional coordinates of the cell's atoms."""
        return self.phase.fractional

    @property
    def atoms_per_nm3(self) -> float:
        """Number density."""
        return float(len(self.numbers) / abs(np.linalg.det(self.cell)))

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


def _fcc(name: str, *, g100: float, g110: float) -> Lattice:
    facets: tuple[tuple[Miller, float], ...] = (
        ((1, 1, 1), 1.0),
        ((1, 0, 0), g100),
        ((1, 1, 0), g110),
    )
    return Lattice(PHASES[name], "fcc", _CUBIC_ZONES, facets, "abc")


def _rutile(name: str) -> Lattice:
    return Lattice(
        PHASES[name], "rutile", ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 0, 1), (1, 1, 1)),
        (((1, 1, 0), 1.0), ((1, 0, 0), 1.2), ((1, 0, 1), 1.35)), "",
    )  # fmt: skip


_ALL = (
    _fcc("Au", g100=1.15, g110=1.22),
    _fcc("Pd", g100=1.13, g110=1.19),
    _fcc("Pt", g100=1.19, g110=1.25),
    _fcc("Ag", g100=1.07, g110=1.13),
    _fcc("Cu", g100=1.11, g110=1.16),
    Lattice(
        PHASES["Fe"], "bcc", ((1, 0, 0), (1, 1, 1), (1, 1, 0), (3, 1, 1)),
        (((1, 1, 0), 1.0), ((1, 0, 0), 1.03)), "",
    ),
    Lattice(
        PHASES["CdSe-zincblende"], "zincblende", _CUBIC_ZONES,
        (((1, 1, 1), 1.0), ((1, 0, 0), 1.05), ((1, 1, 0), 1.1)), "abc",
    ),
    Lattice(
        PHASES["CdSe-wurtzite"], "wurtzite", ((1, 0, 0), (2, 1, 0), (0, 0, 1)),
        (((1, 0, 0), 1.0), ((0, 0, 1), 1.15), ((1, 0, 1), 1.2)), "ab",
    ),
    Lattice(
        PHASES["PbS"], "rocksalt", ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
        (((1, 0, 0), 1.0), ((1, 1, 1), 1.25)), "",
    ),
    Lattice(
        PHASES["CeO2"], "fluorite", _CUBIC_ZONES,
        (((1, 1, 1), 1.0), ((1, 0, 0), 1.35), ((1, 1, 0), 1.4)), "",
    ),
    _rutile("TiO2"),
    _rutile("SnO2"),
)  # fmt: skip

LATTICES: dict[str, Lattice] = {lattice.name: lattice for lattice in _ALL}
"""All structures by name."""
