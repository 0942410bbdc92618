"""Holes of a sheet: where the beam passes through vacuum."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.graphene.bending import Bending

_EDGE_RADIUS_NM = 300.0
"""A hole so wide that its edge is straight across an image."""


@dataclass(frozen=True)
class Holes:
    """Discs with bent outlines.

    Parameters
    ----------
    discs
        ``(k, 3)`` centre (y, x) and radius in nm.
    bend
        Displacement of their outlines.
    """

    discs: np.ndarray
    bend: Bending

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Return ``(n,)`` bool: points ``(n, 2)`` in nm that lie in a hole."""
        bent = self.bend(points)
        found = np.zeros(len(points), bool)
        for y, x, radius in self.discs:
            found |= np.hypot(bent[:, 0] - y, bent[:, 1] - x) < radius
        return found


def draw_holes(
    size_nm: tuple[float, float],
    radii_nm: list[float],
    *,
    edge_share: float,
    bend: Bending,
    rng: np.random.Generator,
) -> Holes:
    """Draw holes over a sheet.

    Parameters
    ----------
    size_nm
        Height and width of the sheet.
    radii_nm
        One for each hole within the sheet.
    edge_share
        Share of the sheet that lies beyond an edge of the whole sheet; 0 is no edge.
    bend
        Displacement of the outlines.
    rng
        Random numbers.

    Examples
    --------
    >>> from nanosieve.simulation.graphene.bending import draw_bending
    >>> rng = np.random.default_rng(0)
    >>> straight = draw_bending(0.0, wavelength_nm=5.0, rng=rng)
    >>> holes = draw_holes((10, 10), [1.0], edge_share=0.0, bend=straight, rng=rng)
    >>> holes.inside(holes.discs[:, :2] + [[0.9, 0.0]]), holes.inside(holes.discs[:, :2] + 0.9)
    (array([ True]), array([False]))
    """
    discs = [(*rng.uniform(0, size_nm), radius) for radius in radii_nm]
    if edge_share > 0:
        turn = rng.uniform(0, 2 * np.pi)
        towards = np.array([np.sin(turn), np.cos(turn)])
        # The edge cuts off about the share of the extent along its normal.
        extent = float(np.abs(towards) @ np.array(size_nm))
        distance = extent * (0.5 - edge_share) + _EDGE_RADIUS_NM
        centre = np.array(size_nm) / 2 + towards * distance
        discs.append((*centre, _EDGE_RADIUS_NM))
    return Holes(np.array(discs).reshape(-1, 3), bend)
