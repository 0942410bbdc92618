"""Relaxation of a flat network with springs along bonds and across angles."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from nanosieve.simulation.graphene.sheet import BOND_NM, Sheet

# eV/nm^2: stretching and bending in the plane, fitted to density functional theory
# (Jain et al., J. Phys. Chem. C 119, 9646 (2015), eq. 1). Only their ratio matters here.
STRETCHING = 2606.0
BENDING = 551.1


@dataclass(frozen=True)
class _Springs:
    """Bonds and angles that touch an atom that may move."""

    bonds: np.ndarray
    angles: np.ndarray


def relax(sheet: Sheet, movable: np.ndarray, *, steps: int = 300) -> Sheet:
    """Move atoms to where springs hold bonds at 0.142 nm and angles at 120 degrees.

    The energy is that of Jain et al. in the plane,
    ``3/16 a/d^2 sum (r^2 - d^2)^2 + 3/8 b d^2 sum (angle - 120 deg)^2``.

    Parameters
    ----------
    sheet
        The network.
    movable
        ``(n,)`` bool; the other atoms stay where they are.
    steps
        Most iterations of L-BFGS.

    Returns
    -------
    Sheet
        The same network, relaxed.
    """
    free = np.flatnonzero(movable)
    if free.size == 0:
        return sheet
    springs = _springs(sheet, movable)
    start = sheet.positions / BOND_NM

    def energy(moved: np.ndarray) -> tuple[float, np.ndarray]:
        positions = start.copy()
        positions[free] = moved.reshape(-1, 2)
        value, gradient = _energy(positions, springs)
        return value, gradient[free].ravel()

    found = minimize(
        energy,
        start[free].ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-9, "gtol": 1e-4},
    )
    positions = sheet.positions.copy()
    positions[free] = found.x.reshape(-1, 2) * BOND_NM
    return sheet.moved(positions)


def _springs(sheet: Sheet, movable: np.ndarray) -> _Springs:
    bonds = sheet.bonds[movable[sheet.bonds].any(axis=1)]
    angles = _angles(sheet.bonds, len(sheet.positions))
    return _Springs(bonds, angles[movable[angles].any(axis=1)])


def _angles(bonds: np.ndarray, count: int) -> np.ndarray:
    """Triples (one end, corner, other end) of all pairs of bonds that meet."""
    directed = np.concatenate([bonds, bonds[:, ::-1]])
    directed = directed[np.argsort(directed[:, 0], kind="stable")]
    degree = np.bincount(directed[:, 0], minlength=count)
    start = np.cumsum(degree) - degree
    triples = []
    for first in range(int(degree.max(initial=0))):
        for second in range(first + 1, int(degree.max(initial=0))):
            corner = np.flatnonzero(degree > second)
            ends = directed[start[corner][:, None] + [first, second], 1]
            triples.append(np.stack([ends[:, 0], corner, ends[:, 1]], axis=1))
    return np.concatenate(triples) if triples else np.zeros((0, 3), np.int64)


def _energy(positions: np.ndarray, springs: _Springs) -> tuple[float, np.ndarray]:
    """Energy and gradient; lengths in units of the bond, energy in units of the stretching."""
    count = len(positions)
    first, second = springs.bonds.T
    along = positions[second] - positions[first]
    excess = (along**2).sum(axis=1) - 1
    pull = 0.75 * excess[:, None] * along
    value = 3 / 16 * float(excess @ excess)
    gradient = _scatter(np.concatenate([second, first]), np.concatenate([pull, -pull]), count)

    left, corner, right = springs.angles.T
    one, other = positions[left] - positions[corner], positions[right] - positions[corner]
    cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    angle = np.arctan2(cross, (one * other).sum(axis=1))
    bent = np.abs(angle) - 2 * np.pi / 3
    stiffness = BENDING / STRETCHING
    value += 3 / 8 * stiffness * float(bent @ bent)
    turn = (0.75 * stiffness * bent * np.sign(angle))[:, None]
    on_left = -turn * _turned(one)
    on_right = turn * _turned(other)
    gradient += _scatter(
        np.concatenate([left, right, corner]),
        np.concatenate([on_left, on_right, -on_left - on_right]),
        count,
    )
    return value, gradient


def _turned(arm: np.ndarray) -> np.ndarray:
    """Gradient of an arm's direction with respect to its end."""
    return np.stack([-arm[:, 1], arm[:, 0]], axis=1) / (arm**2).sum(axis=1, keepdims=True)


def _scatter(index: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(index, values[:, k], minlength=count) for k in (0, 1)], axis=1)
