"""Decahedra and icosahedra of fcc metals: tetrahedra of a slightly strained lattice, twinned.

A regular tetrahedron's edge subtends 70.5 degrees where five of them need 72, and twenty around a
point leave gaps as well; the strain closes them (Ino, J. Phys. Soc. Jpn 21 (1966) 346; Marks,
Rep. Prog. Phys. 57 (1994) 603). Each tetrahedron is one grain with a cell of its own, from which
its lattice fringes follow.
"""

import numpy as np

from nanosieve.simulation.atoms.grains import Cluster, lattice_points
from nanosieve.simulation.atoms.lattices import Lattice
from nanosieve.simulation.atoms.shapes import scaled, unit

# From the three edges of a tetrahedral primitive cell to the conventional cubic one.
_TO_CUBIC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]], float)
_GOLDEN = (1 + np.sqrt(5)) / 2


def icosahedron(lattice: Lattice, diameter_nm: float) -> Cluster:
    """Cut a Mackay icosahedron of whole shells that comes nearest to a diameter.

    Parameters
    ----------
    diameter_nm
        Of the sphere of equal volume.

    Examples
    --------
    >>> from nanosieve.simulation.atoms.lattices import get_lattice
    >>> [len(icosahedron(get_lattice("Au"), d).positions) for d in (1.2, 1.7, 2.2)]
    [55, 147, 309]
    """
    corners = _icosahedron_corners()
    faces = _faces(corners)
    normals = unit(corners[faces].sum(axis=1))
    edge = _volume_kept(corners[faces[0]], lattice)
    # The n-th shell of faces lies n layers out; half a layer more keeps whole shells.
    layer = edge * float(normals[0] @ corners[faces[0, 0]])
    # Radius of the sphere of equal volume over the distance of the faces.
    shells = max(1, round(diameter_nm / 2 / 1.0646 / layer - 0.5))
    span = np.arange(shells + 1)
    integers = np.stack(np.meshgrid(span, span, span, indexing="ij"), -1).reshape(-1, 3)
    integers = integers[integers.sum(axis=1) <= shells]
    points = [
        _first_owner(integers @ (edge * corners[face]), normals, index)
        for index, face in enumerate(faces)
    ]
    positions = np.concatenate(points)
    cells = tuple(_TO_CUBIC @ (edge * corners[face]) for face in faces)
    return Cluster(positions, np.full(len(positions), lattice.numbers[0]), cells, "multiple twins")


def decahedron(lattice: Lattice, diameter_nm: float, *, rng: np.random.Generator) -> Cluster:
    """Cut a decahedron with its edges along the axis cut off and its notches cut in by chance.

    Its fivefold axis is z. The cuts range from the pentagonal bipyramid over Ino's to Marks's.

    Parameters
    ----------
    diameter_nm
        Of the sphere of equal volume.
    """
    angles = np.deg2rad(72) * np.arange(6)
    rim = np.stack([np.cos(angles), np.sin(angles), np.zeros(6)], 1) * np.sqrt(3) / 2
    rim[:, 2] = 0.5
    axis = np.array([0, 0, 1.0])
    edge = _volume_kept(np.array([axis, rim[0], rim[1]]), lattice)
    cap, side, notch = 1.0, rng.uniform(0.6, 1.4), rng.uniform(0.6, 1.0)

    def gauge(points: np.ndarray) -> np.ndarray:
        sector = (np.arctan2(points[:, 1], points[:, 0]) // np.deg2rad(72)).astype(int) % 5
        first, second = rim[sector, :2], rim[sector + 1, :2]
        area = np.sqrt(3) / 2 * np.sqrt(3) / 2 * np.sin(np.deg2rad(72))
        b = (points[:, 0] * second[:, 1] - points[:, 1] * second[:, 0]) / area
        c = (first[:, 0] * points[:, 1] - first[:, 1] * points[:, 0]) / area
        caps = (np.abs(points[:, 2]) + (b + c) / 2) / cap
        return np.maximum.reduce([caps, (b + c) / side, b / (side * notch), c / (side * notch)])

    body, reach = scaled(gauge, diameter_nm)
    height = rng.uniform(-0.5, 0.5) * edge
    points, cells = [], []
    for sector in range(5):
        primitive = edge * np.array([axis, rim[sector], rim[sector + 1]])
        integers = lattice_points(primitive, centre_nm=np.zeros(3), radius_nm=reach + edge)
        owned = (integers[:, 1] > 0) & (integers[:, 2] >= 0)
        if sector == 0:
            owned |= (integers[:, 1] == 0) & (integers[:, 2] == 0)
        points.append(integers[owned] @ primitive + height * axis)
        cells.append(_TO_CUBIC @ primitive)
    everywhere = np.concatenate(points)
    positions = everywhere[body(everywhere) <= 1]
    return Cluster(
        positions, np.full(len(positions), lattice.numbers[0]), tuple(cells), "multiple twins"
    )


def _volume_kept(edges: np.ndarray, lattice: Lattice) -> float:
    """Length of an edge with which the strained crystal keeps the metal's atomic volume."""
    return float(np.cbrt(1 / lattice.atoms_per_nm3 / abs(np.linalg.det(edges))))


def _icosahedron_corners() -> np.ndarray:
    """``(12, 3)`` corners at distance 1."""
    signs = [(a, b * _GOLDEN) for a in (-1, 1) for b in (-1, 1)]
    flat = np.array([(0, a, b) for a, b in signs])
    return unit(np.concatenate([np.roll(flat, turn, axis=1) for turn in range(3)]))


def _faces(corners: np.ndarray) -> np.ndarray:
    """``(20, 3)`` triples of corners that are neighbours of each other."""
    near = (corners @ corners.T > 0.4) & ~np.eye(12, dtype=bool)
    triples = np.argwhere(near[:, :, None] & near[:, None, :] & near[None, :, :])
    return triples[(np.diff(triples, axis=1) > 0).all(axis=1)]


def _first_owner(points: np.ndarray, normals: np.ndarray, index: int) -> np.ndarray:
    """Those points that no earlier face shares: atoms on shared planes belong to two grains."""
    height = points @ normals.T
    on_face = height >= height.max(axis=1, keepdims=True) - 1e-6
    return points[on_face.argmax(axis=1) == index]
