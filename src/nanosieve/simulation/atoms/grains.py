"""Atoms of one crystal grain around a point."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Cluster:
    """Atoms of one particle, its body's centre at the origin.

    Parameters
    ----------
    positions
        ``(n, 3)`` nm.
    numbers
        ``(n,)`` atomic numbers.
    cells
        For each grain its ``(3, 3)`` conventional cell vectors as rows, nm.
    defects
        ``none``, ``twin``, ``stacking fault``, or how many of them.
    """

    positions: np.ndarray
    numbers: np.ndarray
    cells: tuple[np.ndarray, ...]
    defects: str = ""


@dataclass(frozen=True)
class Grain:
    """A region of one lattice: an ideal crystal turned and shifted.

    Parameters
    ----------
    rotation, shift_nm
        An atom at ``x`` of the ideal crystal, a lattice point of which is the origin, stands at
        ``rotation @ x + shift_nm``.
    """

    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    shift_nm: np.ndarray = field(default_factory=lambda: np.zeros(3))


def lattice_points(
    cell: np.ndarray, *, centre_nm: np.ndarray, radius_nm: float, reach_nm: float = 0.0
) -> np.ndarray:
    """All ``(n, 3)`` integers whose lattice points lie in a ball, and maybe some around it.

    Parameters
    ----------
    cell
        ``(3, 3)`` cell vectors as rows, nm.
    reach_nm
        What the ball is enlarged by, so that a cell's other atoms are caught as well.

    Examples
    --------
    >>> len(lattice_points(np.eye(3), centre_nm=np.zeros(3), radius_nm=1.0))
    7
    """
    reciprocal = np.linalg.inv(cell).T
    middle = reciprocal @ centre_nm
    span = (radius_nm + reach_nm) * np.linalg.norm(reciprocal, axis=1) + 1e-9
    ends = zip(np.ceil(middle - span), np.floor(middle + span), strict=True)
    ranges = [np.arange(low, high + 1) for low, high in ends]
    integers = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)
    away = integers @ cell - centre_nm
    inside = np.einsum("ij,ij->i", away, away) <= (radius_nm + reach_nm) ** 2 + 1e-9
    return integers[inside]
