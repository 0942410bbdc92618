"""Crystal structures in files: the one place of the lattice rooms that uses ASE."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.core.errors import UsageError, install
from nanosieve.lattice.phases import Phase

ANGSTROM = 0.1


def read_phase(path: str | Path) -> Phase:
    """Read the unit cell of a crystal from a CIF file, its symmetry applied.

    Parameters
    ----------
    path
        CIF with one or more blocks; the first counts. The phase is named by the file.

    Raises
    ------
    UsageError
        If there is no such file, it holds no crystal structure, or ASE is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give a CIF file or the name of a phase")
    if find_spec("ase") is None:
        raise UsageError(f"{path}: CIF files need ASE: {install('simulate')}")
    from ase.io import read

    try:
        with warnings.catch_warnings():
            # ASE warns of blocks and symmetries that it reads all the same.
            warnings.simplefilter("ignore")
            atoms: Any = read(path, index=0, format="cif")
    # What is no CIF fails in many ways.
    except Exception as error:
        raise UsageError(f"{path}: cannot be read as a CIF file with a crystal in it") from error
    return phase_of(atoms, path.stem, source=str(path))


def phase_of(atoms: Any, name: str, *, source: str = "ASE") -> Phase:
    """Take a unit cell from ASE, such as ``ase.build.bulk("Au", cubic=True)``.

    Parameters
    ----------
    atoms
        `ase.Atoms` with a cell in three dimensions.
    name
        What tables call it.
    source
        Where it comes from.

    Raises
    ------
    UsageError
        If it holds no atoms or no cell.
    """
    cell = np.asarray(atoms.cell.array) * ANGSTROM
    if len(atoms) == 0 or abs(np.linalg.det(cell)) < 1e-9:
        raise UsageError(f"{source}: holds no atoms in a unit cell")
    places = atoms.get_scaled_positions()
    sites = tuple(
        (int(number), (float(x), float(y), float(z)))
        for number, (x, y, z) in zip(atoms.numbers, places, strict=True)
    )
    formula = atoms.get_chemical_formula("metal", empirical=True)
    return Phase(name, formula, cell, sites, source)
