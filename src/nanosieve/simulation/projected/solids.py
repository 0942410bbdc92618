"""Bodies of curved outline seen along the beam: spheres, ellipsoids, irregular grains, rods."""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from nanosieve.core.errors import UsageError

# Amplitude, phase and number of lobes of a wave around an outline.
Wave = tuple[float, float, int]


class Solid(Protocol):
    """A body without a place: lengths in px, coordinates relative to its middle.

    ``level`` is 0 in the middle, 1 on the projected outline and grows monotonously; of ellipsoids
    and polyhedra it is the squared distance as a share of the outline's in that direction.
    ``thickness`` is the length of the ray along the beam within the body.
    """

    @property
    def name(self) -> str:
        """Of its shape."""

    @property
    def area(self) -> float:
        """Of the projected outline, px^2."""

    @property
    def volume(self) -> float:
        """In px^3."""

    @property
    def depth(self) -> float:
        """Extent along the beam."""

    @property
    def inradius(self) -> float:
        """Least distance of the outline from the middle."""

    @property
    def extent(self) -> tuple[float, float]:
        """Half the height and half the width of the outline's box, rounded up at will."""

    @property
    def angle_deg(self) -> float:
        """Direction of the long axis, counter-clockwise from +x; NaN where there is none."""

    def level(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """How far out points lie."""

    def thickness(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Thickness at points; 0 outside of the outline."""

    def scaled(self, factor: float) -> Self:
        """The same body, larger or smaller in all directions."""


def diameter(solid: Solid) -> float:
    """Diameter in px of the circle with the area of the outline.

    Examples
    --------
    >>> diameter(sphere(10.0))
    20.0
    """
    return float(2 * np.sqrt(solid.area / np.pi))


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid in any orientation, described by its projection; lengths in px.

    Parameters
    ----------
    semi_axes
        Half the two axes of the outline.
    angle_deg
        Direction of the first of them, degrees counter-clockwise from +x.
    half_chord
        Half the thickness in the middle.
    half_height
        Half the extent along the beam; larger than ``half_chord`` where the body is tilted.
    name
        Of its shape.
    waves
        Smooth unevenness: the outline is moved outwards by a sum of cosines, and the body with it,
        so that area and volume remain: amplitude as a share, phase in rad, number of lobes; in
        the order of the lobes.
    """

    semi_axes: tuple[float, float]
    angle_deg: float
    half_chord: float
    half_height: float
    name: str = "ellipsoid"
    waves: tuple[Wave, ...] = ()

    def __post_init__(self) -> None:
        if not min(*self.semi_axes, self.half_chord) > 0:
            raise UsageError(f"semi-axes must be positive, got {min(self.semi_axes):g}")

    @property
    def area(self) -> float:
        """Of the outline, px^2."""
        return float(np.pi * self.semi_axes[0] * self.semi_axes[1])

    @property
    def volume(self) -> float:
        """In px^3."""
        return 4 / 3 * self.area * self.half_chord

    @property
    def depth(self) -> float:
        """Extent along the beam."""
        return 2 * self.half_height

    @property
    def inradius(self) -> float:
        """Least distance of the outline from the middle."""
        return min(self.semi_axes) * (1 - sum(wave[0] for wave in self.waves))

    @property
    def extent(self) -> tuple[float, float]:
        """Half the sides of a box around the outline."""
        angle = np.deg2rad(self.angle_deg)
        swing = 1 + sum(wave[0] for wave in self.waves)
        first, second = self.semi_axes
        return (
            float(np.hypot(first * np.sin(angle), second * np.cos(angle)) * swing),
            float(np.hypot(first * np.cos(angle), second * np.sin(angle)) * swing),
        )

    def level(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Squared distance as a share of the outline's in that direction."""
        if self.semi_axes[0] == self.semi_axes[1]:
            along, across = x / self.semi_axes[0], y / self.semi_axes[0]
        else:
            angle = np.deg2rad(self.angle_deg)
            along = (x * np.cos(angle) - y * np.sin(angle)) / self.semi_axes[0]
            across = (x * np.sin(angle) + y * np.cos(angle)) / self.semi_axes[1]
        squared = along**2 + across**2
        return squared / self._swing(along, across) ** 2 if self.waves else squared

    def thickness(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Length of the chord along the beam."""
        return 2 * self.half_chord * np.sqrt(np.clip(1 - self.level(y, x), 0, None))

    def scaled(self, factor: float) -> Self:
        """The same, larger or smaller."""
        return replace(
            self,
            semi_axes=(self.semi_axes[0] * factor, self.semi_axes[1] * factor),
            half_chord=self.half_chord * factor,
            half_height=self.half_height * factor,
        )

    def _swing(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        direction = along + 1j * across
        direction /= np.maximum(np.abs(direction), 1e-12)
        # The sum of cosines is the real part of a polynomial in the direction.
        factors = np.zeros(self.waves[-1][2] + 1, complex)
        for amplitude, phase, lobes in self.waves:
            factors[lobes] = amplitude * np.exp(1j * phase)
        factors[0] = 1
        swing = np.polyval(factors[::-1], direction).real
        # The mean square around the outline is 1: the area stays.
        return swing / np.sqrt(1 + sum(wave[0] ** 2 for wave in self.waves) / 2)


def sphere(radius: float) -> Ellipsoid:
    """A sphere of a radius in px.

    Examples
    --------
    >>> float(sphere(10.0).thickness(np.array(0.0), np.array(6.0)))
    16.0
    """
    return Ellipsoid((radius, radius), 0.0, radius, radius, "sphere")


def turned_ellipsoid(semi_axes: np.ndarray, rotation: np.ndarray) -> Ellipsoid:
    """An ellipsoid of three semi-axes in px, turned.

    Parameters
    ----------
    semi_axes
        ``(3,)``.
    rotation
        ``(3, 3)`` orthogonal; its columns are the directions of the axes as (y, x, z).

    Examples
    --------
    >>> upright = turned_ellipsoid(np.array([3.0, 4.0, 10.0]), np.eye(3))
    >>> upright.semi_axes, upright.depth
    ((4.0, 3.0), 20.0)
    """
    # The shadow of x' M^-1 x < 1 is that of M's block in the plane.
    matrix = (rotation * np.asarray(semi_axes, float) ** 2) @ rotation.T
    squares, directions = np.linalg.eigh(matrix[:2, :2])
    y, x = directions[:, 1]
    return Ellipsoid(
        (float(np.sqrt(squares[1])), float(np.sqrt(squares[0]))),
        float(np.rad2deg(np.arctan2(-y, x)) % 180),
        float(1 / np.sqrt(np.linalg.inv(matrix)[2, 2])),
        float(np.sqrt(matrix[2, 2])),
    )


@dataclass(frozen=True)
class Rod:
    """A round rod, lying or tilted, with round or flat ends; lengths in px.

    Parameters
    ----------
    radius
        Of its cross-section.
    half_length
        From the middle to a flat end, or to the centre of a half sphere at the end.
    angle_deg
        Direction of its projected axis, counter-clockwise from +x.
    tilt_deg
        Of its axis out of the image plane, 0 to 80.
    flat
        Whether the ends are flat.

    Raises
    ------
    UsageError
        If a length is not positive or the rod stands upright.

    Examples
    --------
    >>> rod = Rod(radius=5.0, half_length=20.0, angle_deg=0.0)
    >>> float(rod.thickness(np.array(0.0), np.array(18.0))), round(rod.area)
    (10.0, 479)
    """

    radius: float
    half_length: float
    angle_deg: float
    tilt_deg: float = 0.0
    flat: bool = False

    def __post_init__(self) -> None:
        if not (self.radius > 0 and self.half_length >= 0 and 0 <= self.tilt_deg <= 80):
            raise UsageError(
                "a rod has a positive radius and a tilt of 0 to 80 degrees, got "
                f"{self.radius:g} px and {self.tilt_deg:g} degrees"
            )

    @property
    def name(self) -> str:
        """Of its shape."""
        return "flat_rod" if self.flat else "rod"

    @property
    def area(self) -> float:
        """Of the outline, px^2."""
        ends = np.pi * self.radius**2 * (self._rise if self.flat else 1)
        return float(4 * self.radius * self._reach + ends)

    @property
    def volume(self) -> float:
        """In px^3."""
        ends = 0 if self.flat else 4 / 3 * np.pi * self.radius**3
        return float(2 * np.pi * self.radius**2 * self.half_length + ends)

    @property
    def depth(self) -> float:
        """Extent along the beam."""
        ends = np.cos(np.deg2rad(self.tilt_deg)) if self.flat else 1
        return float(2 * (self.half_length * self._rise + self.radius * ends))

    @property
    def inradius(self) -> float:
        """Least distance of the outline from the middle."""
        end = self._reach + self.radius * (self._rise if self.flat else 1)
        return min(self.radius, end)

    @property
    def extent(self) -> tuple[float, float]:
        """Half the sides of a box around the outline."""
        angle = np.deg2rad(self.angle_deg)
        along, across = self._reach + self.radius * (self._rise if self.flat else 1), self.radius
        if not self.flat:
            along -= self.radius
            return (
                float(abs(np.sin(angle)) * along + self.radius),
                float(abs(np.cos(angle)) * along + self.radius),
            )
        return (
            float(abs(np.sin(angle)) * along + abs(np.cos(angle)) * across),
            float(abs(np.cos(angle)) * along + abs(np.sin(angle)) * across),
        )

    def level(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Squared distance from the axis (round ends), or from the middle, over the outline's."""
        along, across = self._turned(y, x)
        if not self.flat:
            beyond = np.clip(np.abs(along) - self._reach, 0, None)
            return (across**2 + beyond**2) / self.radius**2
        sideways = (across / self.radius) ** 2
        bulge = self.radius * self._rise * np.sqrt(np.clip(1 - sideways, 0, None))
        return np.maximum(sideways, (along / (self._reach + bulge)) ** 2)

    def thickness(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Length of the ray within the rod."""
        along, across = self._turned(y, x)
        half = np.sqrt(np.clip(self.radius**2 - across**2, 0, None))
        if self.flat:
            thickness = self._between_flats(along, half)
        else:
            thickness = self._top(along, half) + self._top(-along, half)
        return np.where(self.level(y, x) < 1, np.clip(thickness, 0, None), 0.0)

    def scaled(self, factor: float) -> Self:
        """The same, larger or smaller."""
        return replace(self, radius=self.radius * factor, half_length=self.half_length * factor)

    @property
    def _rise(self) -> float:
        return float(np.sin(np.deg2rad(self.tilt_deg)))

    @property
    def _reach(self) -> float:
        """Projected half length of the axis."""
        return float(self.half_length * np.cos(np.deg2rad(self.tilt_deg)))

    def _turned(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        angle = np.deg2rad(self.angle_deg)
        return x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)

    def _top(self, along: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Upper surface of a rod with round ends: of the spheres along its axis, the highest."""
        rise, run = self._rise, np.cos(np.deg2rad(self.tilt_deg))
        best = np.clip((along + rise * half) / run, -self.half_length, self.half_length)
        rest = np.clip(half**2 - (along - best * run) ** 2, 0, None)
        return best * rise + np.sqrt(rest)

    def _between_flats(self, along: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Ray within the cylinder and between its two end planes."""
        rise, run = self._rise, np.cos(np.deg2rad(self.tilt_deg))
        top, bottom = (along * rise + half) / run, (along * rise - half) / run
        if rise < 1e-6:
            return top - bottom
        # A point at height z lies at along * run + z * rise on the axis.
        top = np.minimum(top, (self.half_length - along * run) / rise)
        return top - np.maximum(bottom, (-self.half_length - along * run) / rise)
