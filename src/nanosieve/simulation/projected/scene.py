"""Bodies in a field: what their thicknesses add up to, and which pixel belongs to which."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.projected.bodies import Body


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
    >>> from nanosieve.simulation.projected.bodies import lay
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
    def outlines(self) -> list[np.ndarray]:
        """Of each body, bool of its box: where projections overlap, each keeps all of it."""
        return [body.outline for body in self.bodies]

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
