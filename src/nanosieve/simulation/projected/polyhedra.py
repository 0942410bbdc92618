"""Convex polyhedra seen along the beam: crystals in any orientation, plates, cells of a layer.

The thickness is that of a ray between half-spaces, hence exact.
"""

from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product
from typing import NamedTuple, Self

import numpy as np
from scipy.spatial import ConvexHull

from nanosieve.core.errors import UsageError

# Facets steeper than this are walls: they bound the outline, not the height.
_WALL = 1e-9
_GOLDEN = (1 + np.sqrt(5)) / 2


class Form(NamedTuple):
    """A polyhedron in its own frame around the origin.

    Parameters
    ----------
    vertices
        ``(n, 3)`` as (y, x, z).
    normals, distances
        ``(k, 3)`` and ``(k,)``: inside, ``normals @ point < distances``.
    volume
        Of the polyhedron.
    """

    vertices: np.ndarray
    normals: np.ndarray
    distances: np.ndarray
    volume: float


def _signed(*point: float) -> set[tuple[float, ...]]:
    """All permutations and signs of a point."""
    return {
        tuple(sign * value for sign, value in zip(signs, places, strict=True))
        for places in permutations(point)
        for signs in product((1, -1), repeat=3)
    }


def _cyclic(*point: float) -> list[tuple[float, ...]]:
    """Signs and cyclic permutations of a point."""
    turns = [point, point[1:] + point[:1], point[2:] + point[:2]]
    return [
        tuple(sign * value for sign, value in zip(signs, turn, strict=True))
        for turn in turns
        for signs in product((1, -1), repeat=3)
    ]


def _ring(number: int, radius: float, height: float) -> list[tuple[float, ...]]:
    turns = 2 * np.pi * np.arange(number) / number
    return [(radius * np.sin(turn), radius * np.cos(turn), height) for turn in turns]


# Five tetrahedra around one edge; an axis as long as their edges: Ino's form without its facets.
_DECAHEDRON_APEX = float(np.sin(np.pi / 5))
_VERTICES = {
    "tetrahedron": [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)],
    "cube": _signed(1, 1, 1),
    "octahedron": _signed(1, 0, 0),
    "cuboctahedron": _signed(1, 1, 0),
    "truncated_octahedron": _signed(0, 1, 2),
    "truncated_cube": _signed(1, 1, np.sqrt(2) - 1),
    "decahedron": [*_ring(5, 1, 0), (0, 0, _DECAHEDRON_APEX), (0, 0, -_DECAHEDRON_APEX)],
    "icosahedron": _cyclic(0, 1, _GOLDEN),
}
POLYHEDRA: tuple[str, ...] = tuple(_VERTICES)


@cache
def form(name: str) -> Form:
    """Look a polyhedron up; its size is arbitrary.

    Raises
    ------
    UsageError
        If there is none of this name.

    Examples
    --------
    >>> len(form("icosahedron").normals), len(form("cuboctahedron").normals)
    (20, 14)
    """
    if name not in _VERTICES:
        raise UsageError(f"no polyhedron {name!r}; there are {', '.join(POLYHEDRA)}")
    vertices = np.array(sorted(set(_VERTICES[name])), float)
    hull = ConvexHull(vertices)
    # Facets of more than three corners come out in triangles.
    planes = np.unique(np.round(hull.equations, 9), axis=0)
    return Form(vertices, planes[:, :3], -planes[:, 3], float(hull.volume))


def prism(polygon: np.ndarray, thickness: float, *, bevel: float = 0.0) -> Form:
    """Make a plate of a convex outline around the origin.

    Parameters
    ----------
    polygon
        ``(n, 2)`` corners (y, x), counter-clockwise or clockwise.
    thickness
        Between the two faces.
    bevel
        How much smaller the two faces are than the outline half-way between them, 0 to below 1.

    Examples
    --------
    >>> square = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    >>> prism(square, 2).volume, round(prism(square, 2, bevel=0.5).volume, 3)
    (8.0, 4.667)
    """
    corners = np.asarray(polygon, float)
    sides = np.concatenate([corners[1:], corners[:1]]) - corners
    outward = np.stack([sides[:, 1], -sides[:, 0]], axis=1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    reach = (outward * corners).sum(axis=1)
    outward, reach = outward * np.sign(reach)[:, np.newaxis], np.abs(reach)
    slope = (2 * bevel / thickness * reach)[:, np.newaxis]
    faces = np.array([[0, 0, 1], [0, 0, -1]], float)
    normals = [np.hstack([outward, slope]), faces]
    distances = [reach, np.full(2, thickness / 2)]
    if bevel > 0:
        normals.insert(1, np.hstack([outward, -slope]))
        distances.insert(1, reach)
    layers = [(1.0, 0.0)] if bevel > 0 else []
    layers += [(1 - bevel, thickness / 2), (1 - bevel, -thickness / 2)]
    vertices = [np.column_stack([corners * share, np.full(len(corners), z)]) for share, z in layers]
    shares = (1 + (1 - bevel) + (1 - bevel) ** 2) / 3
    volume = _shoelace(corners)[0] * thickness * shares
    return Form(np.vstack(vertices), np.vstack(normals), np.concatenate(distances), float(volume))


@dataclass(frozen=True, eq=False)
class Polyhedron:
    """A turned polyhedron whose projected outline has its centroid in the middle; lengths in px.

    Parameters
    ----------
    name
        Of its shape.
    up, down
        ``(k, 3)`` upper and lower surface: height = first + second * y + third * x; the least of
        the upper and the greatest of the lower bound the body.
    sides
        ``(m, 3)`` outline: inside, first * y + second * x < third.
    walled
        Whether facets stand along the beam; those bound the outline alone.
    size
        Area of the outline, volume, extent along the beam.
    extent
        Half the sides of a box around the outline.
    angle_deg
        Direction of the long axis, NaN where the outline has none.
    """

    name: str
    up: np.ndarray
    down: np.ndarray
    sides: np.ndarray
    walled: bool
    size: tuple[float, float, float]
    extent: tuple[float, float]
    angle_deg: float

    @property
    def area(self) -> float:
        """Of the outline, px^2."""
        return self.size[0]

    @property
    def volume(self) -> float:
        """In px^3."""
        return self.size[1]

    @property
    def depth(self) -> float:
        """Extent along the beam."""
        return self.size[2]

    @property
    def inradius(self) -> float:
        """Least distance of the outline from the middle."""
        return float(self.sides[:, 2].min())

    def level(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Squared distance as a share of the outline's in that direction."""
        reach = self.sides[:, 2]
        gauges = np.column_stack([np.zeros(len(reach)), self.sides[:, :2] / reach[:, np.newaxis]])
        return _planes(gauges, y, x).max(axis=0) ** 2

    def thickness(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Length of the ray within the body."""
        top = _planes(self.up, y, x).min(axis=0)
        thickness = np.clip(top - _planes(self.down, y, x).max(axis=0), 0, None)
        if self.walled:
            thickness[self.level(y, x) >= 1] = 0
        return thickness

    def scaled(self, factor: float) -> Self:
        """The same, larger or smaller."""
        return replace(
            self,
            up=self.up * [factor, 1, 1],
            down=self.down * [factor, 1, 1],
            sides=self.sides * [1, 1, factor],
            size=(
                self.size[0] * factor**2,
                self.size[1] * factor**3,
                self.size[2] * factor,
            ),
            extent=(self.extent[0] * factor, self.extent[1] * factor),
        )


def turned(name: str, body: Form, rotation: np.ndarray) -> Polyhedron:
    """Turn a polyhedron and look at it along z.

    Parameters
    ----------
    name
        Of its shape.
    rotation
        ``(3, 3)`` orthogonal, applied to (y, x, z).

    Examples
    --------
    >>> cube = turned("cube", form("cube"), np.eye(3))
    >>> cube.area, float(cube.thickness(np.array([0.5]), np.array([0.0]))[0])
    (4.0, 2.0)
    """
    vertices = body.vertices @ rotation.T
    normals = body.normals @ rotation.T
    hull = ConvexHull(vertices[:, :2])
    corners = vertices[hull.vertices, :2]
    area, middle = _shoelace(corners)
    distances = body.distances - normals[:, :2] @ middle
    lean = normals[:, 2]
    planes = np.column_stack([distances, -normals[:, 0], -normals[:, 1]])
    facing_up, facing_down = lean > _WALL, lean < -_WALL
    sides = np.column_stack([hull.equations[:, :2], -hull.equations[:, 2]])
    sides[:, 2] -= sides[:, :2] @ middle
    span = np.abs(corners - middle).max(axis=0)
    return Polyhedron(
        name,
        planes[facing_up] / lean[facing_up, np.newaxis],
        planes[facing_down] / lean[facing_down, np.newaxis],
        sides,
        not (facing_up | facing_down).all(),
        (area, body.volume, float(np.ptp(vertices[:, 2]))),
        (float(span[0]), float(span[1])),
        _long_axis(corners - middle),
    )


def centroid(corners: np.ndarray) -> np.ndarray:
    """Middle of a polygon's area, ``(2,)``, of its ``(k, 2)`` corners in order."""
    return _shoelace(corners)[1]


def _planes(planes: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values at points, ``(k, ...)``, of planes ``(k, 3)``: height, slope in y, slope in x."""
    height, rows, columns = planes.T[(...,) + (np.newaxis,) * max(y.ndim, x.ndim)]
    return (height + rows * y) + columns * x


def _shoelace(corners: np.ndarray) -> tuple[float, np.ndarray]:
    """Area and centroid of a polygon."""
    following = np.concatenate([corners[1:], corners[:1]])
    cross = corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]
    total = cross.sum()
    middle = ((corners + following) * cross[:, np.newaxis]).sum(axis=0) / (3 * total)
    return float(abs(total) / 2), middle


def _long_axis(corners: np.ndarray) -> float:
    """Direction of the polygon's largest second moment; NaN where it is hardly larger."""
    following = np.concatenate([corners[1:], corners[:1]])
    cross = corners[:, 0] * following[:, 1] - corners[:, 1] * following[:, 0]
    pairs = corners + following
    moments = (
        corners.T * cross @ corners + following.T * cross @ following + pairs.T * cross @ pairs
    ) * np.sign(cross.sum())
    values, directions = np.linalg.eigh(moments)
    if values[1] < 1.2 * values[0]:
        return float("nan")
    y, x = directions[:, 1]
    return float(np.rad2deg(np.arctan2(-y, x)) % 180)
