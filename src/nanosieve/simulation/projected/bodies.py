"""Solids laid on the pixels: thickness averaged over each, outlines by their centres.

A `Stamp` has no place yet, a `Body` lies in a field, a `Scene` is all that lies in one.
"""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.projected.solids import Solid, diameter

# Where the level is nearer to 1 than this over the inradius, pixels are averaged: some 2 px.
_RIM_PX = 4.0
# Smaller ones take more samples.
_SMALL_PX = 6.0

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Body:
    """A body in a field, cut to it.

    Parameters
    ----------
    shape_name
        Such as ``sphere``, ``rod``, ``decahedron``.
    box
        Rows and columns of the field that it lies in.
    thickness
        Of the box, float32: projected thickness in px, the mean over each pixel.
    level
        Of the box: how far out each pixel's centre lies, 1 on the projected outline.
    centre_px
        ``(y, x)`` of the whole body; pixel centres lie on whole numbers.
    diameter_px
        Of the circle with the area of the whole body's outline, also where the field cuts it.
    angle_deg
        Direction of the long axis, counter-clockwise from +x; NaN where there is none.
    depth_px
        Extent along the beam.
    height_px
        Of its middle above the support.
    """

    shape_name: str
    box: Box
    thickness: np.ndarray
    level: np.ndarray
    centre_px: tuple[float, float]
    diameter_px: float
    angle_deg: float
    depth_px: float
    height_px: float

    @property
    def outline(self) -> np.ndarray:
        """Of the box, bool: pixels whose centre lies inside of the projected outline."""
        return self.level < 1


class Stamp:
    """A solid on a grid of pixels, before its place in a field is known.

    Parameters
    ----------
    solid
        The body.
    fraction
        Where in its pixel the middle lies, ``(y, x)`` from -0.5 to 0.5.
    margin
        Pixels to keep around its outline.
    """

    def __init__(
        self, solid: Solid, fraction: tuple[float, float] = (0.0, 0.0), *, margin: int = 1
    ) -> None:
        self.solid = solid
        self.fraction = fraction
        half_y, half_x = solid.extent
        self.corner = (
            int(np.floor(fraction[0] - half_y)) - margin,
            int(np.floor(fraction[1] - half_x)) - margin,
        )
        end = (
            int(np.ceil(fraction[0] + half_y)) + margin + 1,
            int(np.ceil(fraction[1] + half_x)) + margin + 1,
        )
        self.y = np.arange(self.corner[0], end[0])[:, np.newaxis] - fraction[0]
        self.x = np.arange(self.corner[1], end[1])[np.newaxis, :] - fraction[1]
        self.level = solid.level(self.y, self.x)

    def box(self, pixel: tuple[int, int]) -> Box:
        """Where it lies when its middle is in a pixel; slices may begin below 0."""
        top, left = pixel[0] + self.corner[0], pixel[1] + self.corner[1]
        height, width = self.level.shape
        return slice(top, top + height), slice(left, left + width)

    def thickness(self) -> np.ndarray:
        """Mean over each pixel, float32: of samples at the rim, of its centre elsewhere.

        Near the rim a sphere's chord ``2 sqrt(r^2 - rho^2)`` falls steeply.
        """
        solid = self.solid
        inside = self.level < 1
        rim = self.level > 1 - min(1, _RIM_PX / solid.inradius)
        if solid.inradius > 2:
            # Twice: the tip of a facet reaches beyond the pixels next to it.
            rim &= _grown(_grown(inside))
        thickness = np.zeros(self.level.shape)
        rows, columns = np.nonzero(inside & ~rim)
        thickness[rows, columns] = solid.thickness(self.y[rows, 0], self.x[0, columns])
        rows, columns = np.nonzero(rim)
        # Volumes come out right to 1 %, those of single plates of 7 px to 3 %.
        number = 5 if solid.inradius < _SMALL_PX else 3
        offsets = (np.arange(number) + 0.5) / number - 0.5
        fine_y = self.y[rows, 0, np.newaxis, np.newaxis] + offsets[:, np.newaxis]
        fine_x = self.x[0, columns, np.newaxis, np.newaxis] + offsets[np.newaxis, :]
        thickness[rows, columns] = solid.thickness(fine_y, fine_x).mean(axis=(1, 2))
        return thickness.astype(np.float32)

    def lay(
        self, pixel: tuple[int, int], shape: tuple[int, int], *, elevation_px: float = 0.0
    ) -> Body:
        """Lay it in a field with its middle in a pixel.

        Parameters
        ----------
        elevation_px
            Of its lowest point above the support.
        """
        rows, columns = self.box(pixel)
        top, left = max(rows.start, 0), max(columns.start, 0)
        bottom, right = max(min(rows.stop, shape[0]), top), max(min(columns.stop, shape[1]), left)
        own = (
            slice(top - rows.start, bottom - rows.start),
            slice(left - columns.start, right - columns.start),
        )
        solid = self.solid
        return Body(
            solid.name,
            (slice(top, bottom), slice(left, right)),
            self.thickness()[own],
            self.level[own],
            (pixel[0] + self.fraction[0], pixel[1] + self.fraction[1]),
            diameter(solid),
            solid.angle_deg,
            solid.depth,
            elevation_px + solid.depth / 2,
        )


def lay(
    solid: Solid, centre: tuple[float, float], shape: tuple[int, int], *, elevation_px: float = 0.0
) -> Body:
    """Lay a solid with its middle on a point of a field.

    Parameters
    ----------
    centre
        ``(y, x)`` in px.
    shape
        ``(y, x)`` of the field in px.

    Examples
    --------
    >>> from nanosieve.simulation.projected.solids import sphere
    >>> body = lay(sphere(10.0), (0.0, 30.0), (40, 60))
    >>> body.diameter_px, body.box[0], round(float(body.thickness.max()), 1)
    (20.0, slice(0, 12, None), 20.0)
    """
    pixel = (round(centre[0]), round(centre[1]))
    return Stamp(solid, (centre[0] - pixel[0], centre[1] - pixel[1])).lay(
        pixel, shape, elevation_px=elevation_px
    )


@dataclass(frozen=True, eq=False)
class Scene:
    """Bodies in a field.

    Parameters
    ----------
    shape
        ``(y, x)`` of the field in px.
    bodies
        In the order of their labels.

    Examples
    --------
    >>> from nanosieve.simulation.projected.solids import sphere
    >>> scene = Scene((40, 40), (lay(sphere(10.0), (20.0, 20.0), (40, 40)),))
    >>> scene.diameters_px, round(float(scene.thickness().max()), 1), scene.labels()[20, 20]
    (array([20.]), 20.0, np.int32(1))
    """

    shape: tuple[int, int]
    bodies: tuple[Body, ...] = ()

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def centres(self) -> np.ndarray:
        """``(n, 2)`` rows and columns in px."""
        return np.array([body.centre_px for body in self.bodies], float).reshape(-1, 2)

    @property
    def diameters_px(self) -> np.ndarray:
        """``(n,)`` diameters in px of the circles with the outlines' areas."""
        return np.array([body.diameter_px for body in self.bodies], float)

    @property
    def coverage(self) -> float:
        """Share of the field's pixels that lie inside of an outline."""
        return float(np.count_nonzero(self.labels())) / (self.shape[0] * self.shape[1])

    def thickness(self) -> np.ndarray:
        """Projected thickness in px, ``(y, x)`` float32, a mean over each pixel; overlaps add."""
        total = np.zeros(self.shape, np.float32)
        for body in self.bodies:
            total[body.box] += body.thickness
        return total

    def labels(self) -> np.ndarray:
        """Label every pixel whose centre lies inside an outline, ``(y, x)`` int32, 1..n.

        Where outlines overlap, a pixel belongs to the body that it lies deepest inside of.
        """
        labels = np.zeros(self.shape, np.int32)
        nearest = np.ones(self.shape)
        for number, body in enumerate(self.bodies, start=1):
            inside = body.level < nearest[body.box]
            labels[body.box][inside] = number
            nearest[body.box][inside] = body.level[inside]
        return labels


def _grown(mask: np.ndarray) -> np.ndarray:
    """Mask and the eight neighbours of its pixels; nothing on the edge of the array."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    grown = tall.copy()
    grown[:, 1:] |= tall[:, :-1]
    grown[:, :-1] |= tall[:, 1:]
    return grown
