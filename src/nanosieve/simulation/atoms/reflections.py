"""Which lattice fringes a crystal can show."""

from functools import lru_cache

import numpy as np

from nanosieve.simulation.atoms.lattices import get_lattice

# Planes that electrons diffract at strongly enough to be seen: their structure factor over the
# sum of all atoms' scattering, which is taken as the atomic number.
STRONG = 0.25
# Finer planes lie beyond what the cameras and optics simulated here transfer.
FINEST_NM = 0.1


@lru_cache(maxsize=32)
def reflections(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Strong reflections of a structure down to 0.1 nm.

    Parameters
    ----------
    name
        Name in `LATTICES`.

    Returns
    -------
    ``(n, 3)`` Miller indices, one of each opposite pair, coarsest planes first, and ``(n,)``
    structure factors over that of the forward beam. Those below 0.25 are left out.

    Examples
    --------
    >>> reflections("Au")[0][:4].tolist()
    [[1, -1, -1], [1, -1, 1], [1, 1, -1], [1, 1, 1]]
    """
    lattice = get_lattice(name)
    reciprocal = np.linalg.inv(lattice.cell).T
    largest = np.ceil(np.array(lattice.lengths_nm) / FINEST_NM).astype(int)
    grids = np.meshgrid(*[np.arange(-n, n + 1) for n in largest], indexing="ij")
    every = np.stack(grids, -1).reshape(-1, 3)
    # The first index that is not zero is positive: one of each pair.
    leading = np.sign(every @ np.array([1_000_000, 1_000, 1]))
    every = every[leading > 0]
    length = np.linalg.norm(every @ reciprocal, axis=1)
    every = every[length <= 1 / FINEST_NM]
    phases = np.exp(2j * np.pi * every @ lattice.fractional.T)
    strength = np.abs(phases @ lattice.numbers) / lattice.numbers.sum()
    kept, strength = every[strength > STRONG], strength[strength > STRONG]
    length = np.round(np.linalg.norm(kept @ reciprocal, axis=1), 9)
    order = np.lexsort((*kept.T[::-1], length))
    return kept[order], strength[order]


def spacings(name: str) -> np.ndarray:
    """Spacings in nm of a structure's strong reflections, each once, coarsest first.

    Examples
    --------
    >>> spacings("Au")[:3].round(4).tolist()
    [0.2355, 0.2039, 0.1442]
    """
    indices, _ = reflections(name)
    reciprocal = np.linalg.inv(get_lattice(name).cell).T
    d_nm = 1 / np.linalg.norm(indices @ reciprocal, axis=1)
    return np.unique(np.round(d_nm, 9))[::-1]
