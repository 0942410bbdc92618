"""Twins and stacking faults: regions of one lattice, turned or shifted against each other."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.grains import Grain
from nanosieve.simulation.atoms.lattices import Lattice

TWIN, FAULT = "twin", "stacking_fault"


@dataclass(frozen=True, eq=False)
class Planes:
    """Close-packed planes of a structure.

    Parameters
    ----------
    normal
        ``(3,)`` unit vector.
    spacing_nm
        Of the planes, each with all atoms that belong to it (Cd and the Se bonded straight above).
    layer_nm
        ``(3,)`` a vector from an atom of one plane to an atom of the next.
    fault_nm
        ``(3,)`` shift within the planes that brings one stacking into the other allowed one.
    rows
        After how many planes the stacking repeats.
    """

    normal: np.ndarray
    spacing_nm: float
    layer_nm: np.ndarray
    fault_nm: np.ndarray
    rows: int

    def of(self, points: np.ndarray) -> np.ndarray:
        """Number of the plane each point belongs to."""
        # 0.9: below the next plane's lowest atoms and above this one's highest.
        return np.floor(points @ self.normal / self.spacing_nm + 0.1).astype(int)


def defect_kinds(lattice: Lattice) -> tuple[str, ...]:
    """Which planar defects are offered for a structure."""
    return {"abc": (TWIN, FAULT), "ab": (FAULT,), "": ()}[lattice.stacking]


def planes(lattice: Lattice) -> Planes:
    """Close-packed planes of a structure: (111) of fcc and zincblende, (001) of wurtzite.

    Raises
    ------
    UsageError
        If its faults are not modelled.
    """
    if lattice.stacking == "abc":
        a = lattice.lengths_nm[0]
        normal = np.ones(3) / np.sqrt(3)
        layer = a / 2 * np.array([1, 1, 0.0])
        in_plane = layer - normal * (layer @ normal)
        return Planes(normal, a / np.sqrt(3), layer, in_plane, 3)
    if lattice.stacking == "ab":
        normal = np.array([0, 0, 1.0])
        in_plane = np.array([1 / 3, -1 / 3, 0]) @ lattice.cell
        spacing = lattice.lengths_nm[2] / 2
        return Planes(normal, spacing, in_plane + spacing * normal, in_plane, 2)
    raise UsageError(f"planar defects of {lattice.structure} are not modelled; ask for none")


def regions(lattice: Lattice, kind: str, at: list[int]) -> list[Grain]:
    """Regions that defects after the planes of the given numbers divide a crystal into.

    Parameters
    ----------
    kind
        ``twin`` (turned by 180 degrees about the planes' normal) or ``stacking_fault``
        (intrinsic: shifted by one Shockley partial).
    at
        Numbers of the planes after which the crystal changes, ascending.

    Raises
    ------
    UsageError
        If the structure has no such defect.
    """
    if kind not in defect_kinds(lattice):
        raise UsageError(f"a {kind} of {lattice.structure} is not modelled; ask for none")
    stack = planes(lattice)
    half_turn = Rotation.from_rotvec(np.pi * stack.normal).as_matrix()
    grains = [Grain()]
    for number in at:
        last = grains[-1]
        if kind == TWIN:
            # About an atom of the last plane, where that atom now stands.
            through = last.rotation @ (number * stack.layer_nm) + last.shift_nm
            grains.append(
                Grain(
                    half_turn @ last.rotation,
                    half_turn @ (last.shift_nm - through) + through,
                )
            )
        else:
            # In a row of two, every other plane has its free sites on the other side.
            sign = -1 if stack.rows == 2 and number % 2 else 1
            grains.append(Grain(last.rotation, last.shift_nm + sign * stack.fault_nm))
    return grains
