"""Geometric truth: the outlines of particles' projected atoms.

An outline does not depend on element, voltage, defocus or dose: discs of half the distance of
nearest neighbours around all projected atoms, closed by half a nanometre, so that the outline does
not follow single columns of atoms, filled and smoothed.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.specimen import CrystalTruth, Specimen

# Outlines are drawn on a grid at least this fine and then read at the pixels' centres.
_GRID_NM = 0.025
SMOOTHING_NM = 0.1
CLOSING_NM = 0.5


@dataclass(frozen=True, eq=False)
class Projection:
    """The outline of one particle, the whole of it also where the frame cuts it.

    Parameters
    ----------
    shape
        ``(y, x)`` of the image.
    corner
        Row and column of the first pixel of ``depth_nm``; it may lie outside the image.
    depth_nm
        ``(h, w)`` float32 distance of each pixel's centre from the outline, 0 outside.
    y_nm, x_nm
        Centre of the outlined area, from the centre of the image's first pixel.
    area_nm2
        Outlined area.
    """

    shape: tuple[int, int]
    corner: tuple[int, int]
    depth_nm: np.ndarray
    y_nm: float
    x_nm: float
    area_nm2: float

    @property
    def diameter_nm(self) -> float:
        """Of the circle of equal area."""
        return float(2 * np.sqrt(self.area_nm2 / np.pi))

    @property
    def outline(self) -> np.ndarray:
        """``(y, x)`` bool, the pixels of the image whose centres lie inside."""
        return self.depth() > 0

    @property
    def touches_border(self) -> bool:
        """Whether it lies at or beyond the frame."""
        rows, columns = np.nonzero(self.depth_nm)
        if rows.size == 0:
            return False
        low = np.array([rows.min(), columns.min()]) + self.corner
        high = np.array([rows.max(), columns.max()]) + self.corner
        return bool((low <= 0).any() or (high >= np.array(self.shape) - 1).any())

    def depth(self) -> np.ndarray:
        """``(y, x)`` float32 how far inside each pixel of the image lies, nm."""
        depth = np.zeros(self.shape, np.float32)
        low = np.maximum(self.corner, 0)
        high = np.minimum(np.array(self.corner) + self.depth_nm.shape, self.shape)
        if (high > low).all():
            rows, columns = (slice(a, b) for a, b in zip(low, high, strict=True))
            low, high = low - self.corner, high - self.corner
            depth[rows, columns] = self.depth_nm[low[0] : high[0], low[1] : high[1]]
        return depth


def project(specimen: Specimen, shape: tuple[int, int], pixel_size_nm: float) -> list[Projection]:
    """Outline each particle of a specimen.

    Parameters
    ----------
    shape
        ``(y, x)`` of the image.
    pixel_size_nm
        Of the image; the first pixel's centre lies at ``margin_nm`` in both axes.

    Raises
    ------
    UsageError
        If the image is wider than the specimen's cell.
    """
    needed = (np.array(shape) - 1) * pixel_size_nm + specimen.margin_nm
    if (needed > np.array([specimen.cell[1], specimen.cell[0]]) + 1e-6).any():
        raise UsageError(
            f"{shape[1]} x {shape[0]} px of {pixel_size_nm} nm are wider than the specimen of "
            f"{specimen.cell[0]:.3g} x {specimen.cell[1]:.3g} nm: lower one of them"
        )
    return [
        _project_one(particle, shape, pixel_size_nm, specimen.margin_nm)
        for particle in specimen.particles
    ]


def label(projections: list[Projection], shape: tuple[int, int]) -> np.ndarray:
    """Number each pixel's particle, ``(y, x)`` int32, 0 where there is none.

    Where projections overlap, a pixel belongs to the particle that it lies deepest inside of; of
    equally deep ones, to the first.

    Examples
    --------
    >>> label([], (2, 3)).tolist()
    [[0, 0, 0], [0, 0, 0]]
    """
    labels = np.zeros(shape, np.int32)
    deepest = np.zeros(shape, np.float32)
    for number, projection in enumerate(projections, start=1):
        depth = projection.depth()
        deeper = depth > deepest
        labels[deeper] = number
        deepest[deeper] = depth[deeper]
    return labels


def _project_one(
    particle: CrystalTruth, shape: tuple[int, int], pixel_nm: float, margin_nm: float
) -> Projection:
    fine = int(np.ceil(pixel_nm / _GRID_NM))
    step = pixel_nm / fine
    rows_columns = particle.atoms_xy_nm[:, ::-1].astype(float) - margin_nm
    spare = particle.disc_nm + CLOSING_NM + 4 * SMOOTHING_NM
    corner = np.floor((rows_columns.min(axis=0) - spare) / pixel_nm).astype(int)
    extent = rows_columns.max(axis=0) + spare - corner * pixel_nm
    size = np.ceil(extent / pixel_nm).astype(int) * fine + 1
    atoms = np.zeros(size, bool)
    atoms[tuple(np.rint((rows_columns - corner * pixel_nm) / step).astype(int).T)] = True
    inside = _outlined(atoms, particle.disc_nm / step, step)
    rows, columns = np.nonzero(inside)
    depth = ndimage.distance_transform_edt(inside)[::fine, ::fine] * step
    return Projection(
        shape=shape,
        corner=(int(corner[0]), int(corner[1])),
        depth_nm=depth.astype(np.float32),
        y_nm=float(rows.mean() * step + corner[0] * pixel_nm),
        x_nm=float(columns.mean() * step + corner[1] * pixel_nm),
        area_nm2=float(len(rows) * step**2),
    )


def _outlined(atoms: np.ndarray, disc: float, step_nm: float) -> np.ndarray:
    """Discs around marked places, closed, filled and smoothed; ``disc`` in steps of the grid."""
    closing = CLOSING_NM / step_nm
    # Discs and the first half of the closing in one.
    widened = ndimage.distance_transform_edt(~atoms) <= disc + closing
    closed = ndimage.distance_transform_edt(widened) > closing
    filled = ndimage.binary_fill_holes(closed).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(filled, SMOOTHING_NM / step_nm) > 0.5)
