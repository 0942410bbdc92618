"""What particles stand on: amorphous films with uneven surfaces, sheets of graphene, nothing."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import ndimage

from nanosieve.lattice.phases import GRAPHENE_NM
from nanosieve.simulation.atoms.amorphous import slab
from nanosieve.simulation.atoms.settings import SupportSettings

_LAYER_NM = 0.335
# Surfaces are sums of this many waves, no shorter than so many nm.
_WAVES = 24
_SHORTEST_NM = 1.5
_STEPS = 128  # of the grid that heights are kept on


@dataclass(frozen=True, eq=False)
class Surface:
    """Height of one surface over the cell, periodic in x and y.

    Parameters
    ----------
    heights_nm
        ``(y, x)`` on an even grid from the cell's corner.
    size_nm
        lx and ly of the cell.
    origin_nm
        x and y in the cell of the point that places are counted from.
    """

    heights_nm: np.ndarray
    size_nm: tuple[float, float]
    origin_nm: tuple[float, float] = (0.0, 0.0)

    def moved(self, origin_nm: tuple[float, float]) -> Self:
        """The same surface by places counted from another point of the cell."""
        return replace(self, origin_nm=origin_nm)

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Height in nm at ``(n, 2)`` places, interpolated."""
        steps = (xy + np.array(self.origin_nm)) / np.array(self.size_nm)
        places = steps[:, ::-1].T * np.array(self.heights_nm.shape)[:, np.newaxis]
        return np.asarray(
            ndimage.map_coordinates(self.heights_nm, places, order=1, mode="grid-wrap")
        )


@dataclass(frozen=True, eq=False)
class Support:
    """Atoms of a support between two surfaces.

    Parameters
    ----------
    kind
        ``carbon``, ``nitride``, ``graphene`` or ``none``.
    positions, numbers
        ``(n, 3)`` nm; ``(n,)``.
    top, bottom
        Surfaces where the beam enters (z near 0) and where it leaves.
    """

    kind: str
    positions: np.ndarray
    numbers: np.ndarray
    top: Surface
    bottom: Surface

    @property
    def thickness_nm(self) -> float:
        """Mean thickness."""
        return float(self.bottom.heights_nm.mean() - self.top.heights_nm.mean())


def make_support(
    settings: SupportSettings, size_nm: tuple[float, float], *, rng: np.random.Generator
) -> Support:
    """Draw a support that fills a cell of the given lx and ly."""
    kind = settings.kinds.draw(rng)
    if kind in ("none", "graphene"):
        layers = round(settings.graphene_layers.draw(rng)) if kind == "graphene" else 0
        levels = np.arange(layers) * _LAYER_NM
        sheets = [_sheet(size_nm, level, rng) for level in levels]
        positions = np.concatenate([np.zeros((0, 3)), *sheets])
        flat = [np.full((1, 1), level) for level in (0.0, levels.max(initial=0))]
        return _cut(kind, positions, np.full(len(positions), 6), flat, size_nm)
    film = "carbon" if kind == "carbon" else "nitride"
    thickness = getattr(settings, f"{film}_nm").draw(rng)
    density = getattr(settings, f"{film}_g_cm3").draw(rng)
    rough = min(settings.roughness_nm.draw(rng), thickness / 6)
    surfaces = [level + _waves(rough, size_nm, rng) for level in (0.0, thickness)]
    spare = float(max(-surfaces[0].min(), (surfaces[1] - thickness).max()))
    positions, numbers = slab(
        kind, (*size_nm, thickness + 2 * spare), density_g_cm3=density, rng=rng
    )
    return _cut(kind, positions - [0, 0, spare], numbers, surfaces, size_nm)


def _cut(
    kind: str,
    positions: np.ndarray,
    numbers: np.ndarray,
    surfaces: list[np.ndarray],
    size_nm: tuple[float, float],
) -> Support:
    """Keep the atoms between two surfaces."""
    top, bottom = (Surface(heights, size_nm) for heights in surfaces)
    xy, z = positions[:, :2], positions[:, 2]
    inside = (z >= top.height(xy)) & (z <= bottom.height(xy))
    return Support(kind, positions[inside], numbers[inside], top, bottom)


def _waves(
    deviation_nm: float, size_nm: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Draw uneven heights ``(y, x)`` about 0: random long waves that fit the cell."""
    if deviation_nm == 0:
        return np.zeros((1, 1))
    y, x = np.meshgrid(*[np.arange(_STEPS) / _STEPS] * 2, indexing="ij")
    largest = np.maximum(1, np.floor(np.array(size_nm) / _SHORTEST_NM)).astype(int)
    orders = rng.integers(-largest, largest + 1, (_WAVES, 2))
    orders[(orders == 0).all(axis=1)] = 1
    # Long waves are the higher ones.
    amplitudes = 1 / np.linalg.norm(orders / np.array(size_nm), axis=1)
    phases = rng.uniform(0, 2 * np.pi, _WAVES)
    heights = np.zeros_like(x)
    for (i, j), amplitude, phase in zip(orders, amplitudes, phases, strict=True):
        heights += amplitude * np.cos(2 * np.pi * (i * x + j * y) + phase)
    return np.asarray(heights * deviation_nm / heights.std())


def _sheet(size_nm: tuple[float, float], level_nm: float, rng: np.random.Generator) -> np.ndarray:
    """One sheet of graphene at a height, turned and shifted at random, cut at the cell's sides."""
    a, b = GRAPHENE_NM * np.array([[1, 0], [0.5, np.sqrt(3) / 2]])
    reach = np.hypot(*size_nm) / 2 + GRAPHENE_NM
    count = int(np.ceil(reach / (GRAPHENE_NM * np.sqrt(3) / 2))) + 1
    span = np.arange(-count, count + 1)
    i, j = np.meshgrid(span, span, indexing="ij")
    corners = i.reshape(-1, 1) * a + j.reshape(-1, 1) * b
    sheet = np.concatenate([corners, corners + (a + b) / 3])
    angle = rng.uniform(0, np.pi / 3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = sheet @ turn.T + rng.uniform(-0.5, 0.5, 2) * GRAPHENE_NM + np.array(size_nm) / 2
    # A bond's length is left out at the seam, where the sheet does not fit its own copy.
    inside = ((placed >= 0) & (placed < np.array(size_nm) - 0.1)).all(axis=1)
    return np.column_stack([placed[inside], np.full(np.count_nonzero(inside), level_nm)])
