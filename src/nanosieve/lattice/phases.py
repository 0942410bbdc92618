"""Crystal structures that particles are made of, and the planes that electrons diffract at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from nanosieve.core.errors import UsageError

Miller = tuple[int, int, int]
Site = tuple[int, tuple[float, float, float]]

# Planes that electrons diffract at strongly enough to be seen: their structure factor over the
# sum of all atoms' scattering, which is taken as the atomic number.
STRONG = 0.25
# Finer planes lie beyond what images at lattice resolution show.
FINEST_NM = 0.1

_FCC = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))


@dataclass(frozen=True, eq=False)
class Phase:
    """The unit cell of a crystal.

    Parameters
    ----------
    name, formula
        Such as ``CdSe-wurtzite`` and ``CdSe``.
    cell
        ``(3, 3)`` the vectors a, b, c as rows, in nm.
    sites
        Atomic number and fractional coordinates of each atom of the cell.
    source
        Where the lattice constants come from.
    sheet
        Whether it is one layer in the plane of a and b, which has no planes (hkl) with l other
        than 0.
    """

    name: str
    formula: str
    cell: np.ndarray
    sites: tuple[Site, ...]
    source: str
    sheet: bool = False

    @cached_property
    def numbers(self) -> np.ndarray:
        """``(n,)`` atomic numbers of the cell's atoms."""
        return np.array([number for number, _ in self.sites])

    @cached_property
    def fractional(self) -> np.ndarray:
        """``(n, 3)`` fractional coordinates of the cell's atoms."""
        return np.array([place for _, place in self.sites], float)

    @cached_property
    def lengths_nm(self) -> tuple[float, float, float]:
        """a, b and c."""
        a, b, c = np.linalg.norm(self.cell, axis=1)
        return float(a), float(b), float(c)

    @cached_property
    def reciprocal(self) -> np.ndarray:
        """``(3, 3)`` reciprocal vectors as rows, in 1/nm: ``hkl @ reciprocal`` is the normal of
        (hkl), of the length 1/d."""
        return np.linalg.inv(self.cell).T


@dataclass(frozen=True, eq=False)
class Reflections:
    """Planes of a phase, one of each opposite pair, the coarsest first.

    Parameters
    ----------
    indices
        ``(n, 3)`` h, k, l.
    vectors
        ``(n, 3)`` their normals, of the length 1/d, in 1/nm.
    strengths
        ``(n,)`` structure factor over that of the forward beam.
    """

    indices: np.ndarray
    vectors: np.ndarray
    strengths: np.ndarray

    @property
    def d_nm(self) -> np.ndarray:
        """``(n,)`` spacings."""
        return 1 / np.linalg.norm(self.vectors, axis=1)


def get_phase(name: str) -> Phase:
    """Look a built-in phase up by its name.

    Raises
    ------
    UsageError
        If there is none, with the names there are.

    Examples
    --------
    >>> get_phase("Au").lengths_nm
    (0.40782, 0.40782, 0.40782)
    """
    if name not in PHASES:
        raise UsageError(
            f"unknown phase {name}: give a file of its structure, NAME.cif, or one of "
            f"{', '.join(PHASES)}"
        )
    return PHASES[name]


def load_phases(words: Sequence[str]) -> list[Phase]:
    """Take built-in phases by their names, and read others from CIF files.

    Parameters
    ----------
    words
        Names, or paths that end in ``.cif``.

    Raises
    ------
    UsageError
        If a name is unknown, a file cannot be read as a crystal structure, or ASE, which reads it,
        is missing.
    """
    phases = []
    for word in dict.fromkeys(words):
        if Path(word).suffix.lower() == ".cif":
            from nanosieve.lattice.structure_file import read_phase

            phases.append(read_phase(word))
        else:
            phases.append(get_phase(word))
    return phases


def reflections(
    phase: Phase, *, finest_nm: float = FINEST_NM, least: float = STRONG
) -> Reflections:
    """List the planes of a phase that electrons diffract at.

    The scattering of an atom is taken as its atomic number: what matters is which planes are
    extinct or nearly so. Kinematic: double diffraction and thickness do not come in.

    Parameters
    ----------
    phase
        The unit cell.
    finest_nm
        Least spacing.
    least
        Least structure factor over that of the forward beam.

    Examples
    --------
    >>> found = reflections(get_phase("Au"))
    >>> found.indices[:4].tolist(), found.d_nm[0].round(4)
    ([[1, -1, -1], [1, -1, 1], [1, 1, -1], [1, 1, 1]], np.float64(0.2355))
    """
    largest = np.ceil(np.linalg.norm(phase.cell, axis=1) / finest_nm).astype(int)
    if phase.sheet:
        largest[2] = 0
    grids = np.meshgrid(*[np.arange(-n, n + 1) for n in largest], indexing="ij")
    every = np.stack(grids, -1).reshape(-1, 3)
    # The first index that is not zero is positive: one of each pair.
    leading = np.sign(every @ np.array([1_000_000, 1_000, 1]))
    every = every[leading > 0]
    length = np.linalg.norm(every @ phase.reciprocal, axis=1)
    every = every[length <= 1 / finest_nm]
    waves = np.exp(2j * np.pi * every @ phase.fractional.T)
    strength = np.abs(waves @ phase.numbers) / phase.numbers.sum()
    kept, strength = every[strength > least], strength[strength > least]
    vectors = kept @ phase.reciprocal
    length = np.round(np.linalg.norm(vectors, axis=1), 9)
    order = np.lexsort((*kept.T[::-1], length))
    return Reflections(kept[order], vectors[order], strength[order])


@lru_cache(maxsize=64)
def reflections_of(name: str) -> Reflections:
    """Planes of a built-in phase, down to 0.1 nm; see `reflections`."""
    return reflections(get_phase(name))


def cell_of(lengths_nm: tuple[float, float, float], gamma_deg: float = 90) -> np.ndarray:
    """Cell with a along x, b in the plane of x and y and c along z.

    Examples
    --------
    >>> cell_of((1.0, 1.0, 2.0), 120).round(3).tolist()
    [[1.0, 0.0, 0.0], [-0.5, 0.866, 0.0], [0.0, 0.0, 2.0]]
    """
    a, b, c = lengths_nm
    gamma = np.deg2rad(gamma_deg)
    cell = np.array([[a, 0, 0], [b * np.cos(gamma), b * np.sin(gamma), 0], [0, 0, c]])
    cell[np.abs(cell) < 1e-12] = 0
    return cell


def _sites(
    number: int, *groups: tuple[float, ...], shifts: tuple[tuple[float, ...], ...] = ((0, 0, 0),)
) -> tuple[Site, ...]:
    """Atoms of one element: each place repeated at each shift, within the cell."""
    places = (np.array(groups)[:, np.newaxis] + np.array(shifts)).reshape(-1, 3) % 1
    return tuple((number, (float(x), float(y), float(z))) for x, y, z in places)


def _cubic(
    name: str, a: float, sites: tuple[Site, ...], source: str, *, formula: str = ""
) -> Phase:
    return Phase(name, formula or name, cell_of((a, a, a)), sites, source)


def _fcc(name: str, number: int, a: float) -> Phase:
    return _cubic(name, a, _sites(number, (0, 0, 0), shifts=_FCC), _CRC)


def _rutile(name: str, number: int, a: float, c: float, u: float, source: str) -> Phase:
    oxygen = ((u, u, 0), (-u, -u, 0), (0.5 + u, 0.5 - u, 0.5), (0.5 - u, 0.5 + u, 0.5))
    sites = _sites(number, (0, 0, 0), (0.5, 0.5, 0.5)) + _sites(8, *oxygen)
    return Phase(name, name, cell_of((a, a, c)), sites, source)


# Height of Se above Cd over c; with the ideal 3/8 all bonds are equally long.
_WURTZITE_U = 0.376
GRAPHENE_NM = 0.246
_CRC = "CRC Handbook of Chemistry and Physics, crystal structures of the elements"

_ALL = (
    _fcc("Au", 79, 0.40782),
    _fcc("Pd", 46, 0.38907),
    _fcc("Pt", 78, 0.39242),
    _fcc("Ag", 47, 0.40853),
    _fcc("Cu", 29, 0.36149),
    _cubic("Fe", 0.28665, _sites(26, (0, 0, 0), (0.5, 0.5, 0.5)), _CRC),
    _cubic(
        "CdSe-zincblende", 0.6077,
        _sites(48, (0, 0, 0), shifts=_FCC) + _sites(34, (0.25, 0.25, 0.25), shifts=_FCC),
        "Samarth et al., Appl. Phys. Lett. 54 (1989) 2680", formula="CdSe",
    ),
    Phase(
        "CdSe-wurtzite", "CdSe", cell_of((0.4299, 0.4299, 0.7010), 120),
        _sites(48, (1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5))
        + _sites(34, (1 / 3, 2 / 3, _WURTZITE_U), (2 / 3, 1 / 3, 0.5 + _WURTZITE_U)),
        "JCPDS 8-459",
    ),
    _cubic(
        "PbS", 0.5936,
        _sites(82, (0, 0, 0), shifts=_FCC) + _sites(16, (0.5, 0.5, 0.5), shifts=_FCC),
        "JCPDS 5-592",
    ),
    _cubic(
        "CeO2", 0.5411,
        _sites(58, (0, 0, 0), shifts=_FCC)
        + _sites(8, (0.25, 0.25, 0.25), (0.75, 0.75, 0.75), shifts=_FCC),
        "JCPDS 34-394",
    ),
    _rutile(
        "TiO2", 22, 0.45937, 0.29587, 0.3048,
        "Abrahams and Bernstein, J. Chem. Phys. 55 (1971) 3206",
    ),
    _rutile("SnO2", 50, 0.47374, 0.31864, 0.3056, "Bolzan et al., Acta Cryst. B53 (1997) 373"),
    _fcc("Ni", 28, 0.35240),
    _cubic(
        "Si", 0.54310,
        _sites(14, (0, 0, 0), (0.25, 0.25, 0.25), shifts=_FCC), _CRC,
    ),
    Phase(
        "graphene", "C", cell_of((GRAPHENE_NM, GRAPHENE_NM, 1.0), 120),
        _sites(6, (1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0)),
        "a of graphite in the plane", sheet=True,
    ),
)  # fmt: skip

PHASES: dict[str, Phase] = {phase.name: phase for phase in _ALL}
"""Built-in phases by name."""
