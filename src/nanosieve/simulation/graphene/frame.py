"""Where an image lies within its simulated cell."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """An image and the margin around it.

    Parameters
    ----------
    shape
        Of the image.
    pixel_size_nm
        Of the image.
    margin_nm
        From the cell's corner to the middle of the image's first pixel, along both axes.
    """

    shape: tuple[int, int]
    pixel_size_nm: float
    margin_nm: float

    @property
    def cell_nm(self) -> tuple[float, float]:
        """Height and width of the cell, with the margin on all sides."""
        height, width = ((n - 1) * self.pixel_size_nm + 2 * self.margin_nm for n in self.shape)
        return height, width

    @property
    def field_nm2(self) -> float:
        """Area of the image."""
        return self.shape[0] * self.shape[1] * self.pixel_size_nm**2

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Return points ``(n, 2)`` of the cell, from the middle of the image's first pixel."""
        return points - self.margin_nm

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Return ``(n,)`` bool: points of the cell that lie within a pixel of the image."""
        places = self.seen(points) / self.pixel_size_nm
        within = (places >= -0.5) & (places < np.array(self.shape) - 0.5)
        return np.asarray(within.all(axis=1))


@dataclass(frozen=True)
class Canvas:
    """A grid over the whole cell on which truth is drawn, fine enough for atoms.

    Every ``fine``-th of its points from ``first`` on is the middle of one of the image's pixels.

    Parameters
    ----------
    frame
        The image.
    fine
        Points for each of the image's pixels.
    first
        Points before the middle of the image's first pixel.
    """

    frame: Frame
    fine: int
    first: int

    @classmethod
    def over(cls, frame: Frame, *, step_nm: float = 0.03) -> "Canvas":
        """Return a grid whose step is at most about the given one."""
        fine = int(np.ceil(frame.pixel_size_nm / (1.7 * step_nm)))
        return cls(frame, fine, int(frame.margin_nm / frame.pixel_size_nm * fine))

    @property
    def step_nm(self) -> float:
        """Between points."""
        return self.frame.pixel_size_nm / self.fine

    @property
    def shape(self) -> tuple[int, int]:
        """Number of points along both axes."""
        rows, columns = ((n - 1) * self.fine + 2 * self.first + 1 for n in self.frame.shape)
        return rows, columns

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return where points ``(n, 2)`` of the cell lie on the grid, in steps, as floats."""
        return self.frame.seen(points) / self.step_nm + self.first

    def points(self) -> np.ndarray:
        """Return ``(n, 2)``: all of the grid's points, row by row, in nm within the cell."""
        y, x = (
            (np.arange(n) - self.first) * self.step_nm + self.frame.margin_nm for n in self.shape
        )
        return np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)

    def image(self, values: np.ndarray) -> np.ndarray:
        """Return the values at the middles of the image's pixels."""
        rows, columns = (
            slice(self.first, self.first + (n - 1) * self.fine + 1, self.fine)
            for n in self.frame.shape
        )
        return np.ascontiguousarray(values[rows, columns])

    def mark(self, points: np.ndarray) -> np.ndarray:
        """Return a bool grid with the points nearest to ``points`` set."""
        marked = np.zeros(self.shape, bool)
        index = np.round(self.places(points)).astype(int)
        index = index[((index >= 0) & (index < self.shape)).all(axis=1)]
        marked[tuple(index.T)] = True
        return marked
