"""Which lattice fringes a crystal can show."""

import numpy as np

from nanosieve.lattice.phases import reflections_of


def reflections(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Strong reflections of a structure down to 0.1 nm.

    Parameters
    ----------
    name
        Name in `nanosieve.simulation.atoms.lattices.LATTICES`.

    Returns
    -------
    ``(n, 3)`` Miller indices, one of each opposite pair, coarsest planes first, and ``(n,)``
    structure factors over that of the forward beam. Those below 0.25 are left out.

    Examples
    --------
    >>> reflections("Au")[0][:4].tolist()
    [[1, -1, -1], [1, -1, 1], [1, 1, -1], [1, 1, 1]]
    """
    found = reflections_of(name)
    return found.indices, found.strengths


def spacings(name: str) -> np.ndarray:
    """Spacings in nm of a structure's strong reflections, each once, coarsest first.

    Examples
    --------
    >>> spacings("Au")[:3].round(4).tolist()
    [0.2355, 0.2039, 0.1442]
    """
    return np.unique(np.round(reflections_of(name).d_nm, 9))[::-1]
