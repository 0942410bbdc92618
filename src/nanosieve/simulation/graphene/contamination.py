"""Amorphous matter that lies on the sheet."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from nanosieve.simulation.atoms.amorphous import slab
from nanosieve.simulation.graphene.settings import ContaminationSettings, atomic_number

_GRID_NM = 0.1
_DENSITY_G_CM3 = 1.8
"""Low, as that of hydrocarbons which the beam has cross-linked."""
_GAP_NM = 0.3
"""From the sheet, about the spacing of graphite's layers."""
_ATTRACTED_NM = 0.8


@dataclass(frozen=True)
class Contamination:
    """Atoms of patches, and how thick they are.

    Parameters
    ----------
    positions
        ``(n, 3)`` (y, x, z) in nm; the sheet lies at z = 0.
    numbers
        ``(n,)`` atomic numbers.
    thickness
        ``(y, x)`` in nm every 0.1 nm from the cell's corner.
    """

    positions: np.ndarray
    numbers: np.ndarray
    thickness: np.ndarray

    def thickness_at(self, points: np.ndarray) -> np.ndarray:
        """Return ``(n,)`` nm at points ``(n, 2)``, between the grid's values linearly."""
        places = (points / _GRID_NM).T
        return map_coordinates(self.thickness, places, order=1, mode="nearest")


def contaminate(
    settings: ContaminationSettings,
    size_nm: tuple[float, float],
    attractors: np.ndarray,
    rng: np.random.Generator,
) -> Contamination:
    """Draw patches over a cell.

    Parameters
    ----------
    settings
        Their ranges.
    size_nm
        Height and width of the cell.
    attractors
        ``(k, 2)`` places, such as odd rings and edges, where matter rather lies.
    rng
        Random numbers.
    """
    clean = rng.random() < settings.clean
    thickness = _thickness(settings, size_nm, attractors, rng)
    deepest = float(thickness.max())
    if clean or deepest == 0:
        return Contamination(np.zeros((0, 3)), np.zeros(0, int), np.zeros_like(thickness))
    placed, _ = slab(
        "carbon", (size_nm[1], size_nm[0], deepest), density_g_cm3=_DENSITY_G_CM3, rng=rng
    )
    cloud = placed[:, [1, 0, 2]]
    kept = cloud[:, 2] < map_coordinates(
        thickness, (cloud[:, :2] / _GRID_NM).T, order=1, mode="nearest"
    )
    cloud = cloud[kept]
    cloud[:, 2] += _GAP_NM
    # Before or behind the sheet.
    cloud[:, 2] *= rng.choice([-1, 1])
    numbers = np.full(len(cloud), 6)
    heavy = rng.random(len(cloud)) < settings.heavy.draw(rng)
    numbers[heavy] = [
        atomic_number(settings.heavy_elements.draw(rng)) for _ in range(int(heavy.sum()))
    ]
    return Contamination(cloud, numbers, thickness)


def _thickness(
    settings: ContaminationSettings,
    size_nm: tuple[float, float],
    attractors: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A random field above a threshold, rising from its outline."""
    shape = (int(size_nm[0] / _GRID_NM) + 2, int(size_nm[1] / _GRID_NM) + 2)
    patch = settings.patch_nm.draw(rng) / _GRID_NM
    field = _field(shape, patch, rng) + 0.3 * _field(shape, patch / 5, rng)
    field += settings.attraction.draw(rng) * _near(shape, attractors)
    coverage = settings.coverage.draw(rng)
    covered = field > np.quantile(field, 1 - coverage) if coverage > 0 else np.zeros(shape, bool)
    inwards = _GRID_NM * distance_transform_edt(covered)
    rise = 1 - np.exp(-inwards / max(settings.edge_nm.draw(rng), _GRID_NM))
    uneven = np.clip(0.7 + 0.25 * _field(shape, patch / 3, rng), 0.15, 1.0)
    return settings.thickness_nm.draw(rng) * rise * uneven


def _field(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise with mean 0 and standard deviation 1."""
    field = gaussian_filter(rng.standard_normal(shape), max(sigma, 1.0), mode="wrap")
    return (field - field.mean()) / field.std()


def _near(shape: tuple[int, int], places: np.ndarray) -> np.ndarray:
    """1 at the places, falling to 0 around them."""
    empty = np.ones(shape, bool)
    index = np.round(places / _GRID_NM).astype(int)
    index = index[((index >= 0) & (index < shape)).all(axis=1)]
    if len(index) == 0:
        return np.zeros(shape)
    empty[tuple(index.T)] = False
    return np.exp(-((_GRID_NM * distance_transform_edt(empty) / _ATTRACTED_NM) ** 2))
