"""How crystals stand in the beam."""

import numpy as np
from scipy.spatial.transform import Rotation

from nanosieve.simulation.atoms.lattices import Lattice
from nanosieve.simulation.atoms.shapes import unit


def any_orientation(rng: np.random.Generator) -> np.ndarray:
    """Draw a ``(3, 3)`` rotation matrix, all orientations being equally likely."""
    return np.asarray(Rotation.from_quat(rng.normal(size=4)).as_matrix())


def near_zone_axis(
    lattice: Lattice,
    cells: tuple[np.ndarray, ...],
    *,
    tilt_deg: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw an orientation with a low-index direction of one grain along the beam, then tilted.

    Parameters
    ----------
    cells
        Conventional cell vectors of each grain, rows in nm, in the axes of the crystal.
    tilt_deg
        Angle between the direction and the beam.

    Returns
    -------
    ``(3, 3)`` rotation matrix from the crystal's axes to the image's: x right, y down, z along
    the beam.
    """
    kind = lattice.zone_axes[rng.integers(len(lattice.zone_axes))]
    members = lattice.family(kind, of="directions")
    cell = cells[rng.integers(len(cells))]
    direction = members[rng.integers(len(members))] @ cell
    # From any orientation the shortest turn onto the beam leaves the angle about it even.
    start = any_orientation(rng)
    aligned = shortest_turn(start @ direction) @ start
    azimuth = rng.uniform(0, 2 * np.pi)
    tilt = np.deg2rad(tilt_deg) * np.array([np.cos(azimuth), np.sin(azimuth), 0])
    return np.asarray(Rotation.from_rotvec(tilt).as_matrix() @ aligned)


def nearest_zone(lattice: Lattice, grains: tuple[np.ndarray, ...]) -> tuple[str, float]:
    """Name the low-index direction next to the beam and the angle between them in degrees.

    Parameters
    ----------
    grains
        Cell vectors of each grain in the axes of the image; the nearest of all counts.

    Examples
    --------
    >>> from nanosieve.simulation.atoms.lattices import get_lattice
    >>> nearest_zone(get_lattice("Au"), (get_lattice("Au").cell,))
    ('100', 0.0)
    """
    best, name = -1.0, ""
    for kind in lattice.zone_axes:
        members = lattice.family(kind, of="directions")
        for cell in grains:
            closeness = float(np.abs(unit(members @ cell)[:, 2]).max())
            if closeness > best:
                best, name = closeness, "".join(str(index) for index in kind)
    return name, float(np.rad2deg(np.arccos(min(best, 1.0))))


def shortest_turn(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix that brings a vector onto z."""
    x, y, z = vector / np.linalg.norm(vector)
    axis = np.array([y, -x, 0.0])
    length = np.hypot(x, y)
    if length < 1e-12:
        return np.diag([1.0, np.sign(z), np.sign(z)])
    return np.asarray(Rotation.from_rotvec(axis / length * np.arctan2(length, z)).as_matrix())
