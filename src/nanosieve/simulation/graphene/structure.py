"""All atoms of one simulated cell: the sheet, its defects and what lies on it."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nanosieve.simulation.graphene.bending import draw_bending
from nanosieve.simulation.graphene.contamination import Contamination, contaminate
from nanosieve.simulation.graphene.defects import (
    places_for,
    replaced,
    rotated_bonds,
    vacancies,
    without_holes,
)
from nanosieve.simulation.graphene.grains import Grains, draw_grains
from nanosieve.simulation.graphene.holes import draw_holes
from nanosieve.simulation.graphene.network import near_places, polycrystal
from nanosieve.simulation.graphene.relax import relax
from nanosieve.simulation.graphene.settings import ContaminationSettings, SheetSettings
from nanosieve.simulation.graphene.sheet import Rings, Sheet, find_rings
from nanosieve.simulation.ranges import Range

_LEAST_FLAKE = 30
"""Smaller flakes beside the sheet would fly off."""


@dataclass(frozen=True)
class Structure:
    """One cell and what it holds.

    Parameters
    ----------
    sheet
        Relaxed; positions in nm from the cell's corner.
    rings
        Of the sheet.
    grains
        Which grain owns which place.
    contamination
        On the sheet.
    size_nm
        Height and width of the cell.
    """

    sheet: Sheet
    rings: Rings
    grains: Grains
    contamination: Contamination
    size_nm: tuple[float, float]

    @property
    def positions(self) -> np.ndarray:
        """``(n, 3)`` x, y, z in nm of all atoms, y downwards and z along the beam."""
        flat = np.concatenate([self.sheet.positions, np.zeros((len(self.sheet.positions), 1))], 1)
        return np.concatenate([flat, self.contamination.positions])[:, [1, 0, 2]]

    @property
    def numbers(self) -> np.ndarray:
        """``(n,)`` atomic numbers in the same order."""
        return np.concatenate([self.sheet.numbers, self.contamination.numbers])

    @property
    def cell(self) -> tuple[float, float, float]:
        """Lengths along x, y and z in nm."""
        return self.size_nm[1], self.size_nm[0], float(np.ptp(self.positions[:, 2])) + 1.0


def build(
    sheet: SheetSettings,
    contamination: ContaminationSettings,
    *,
    size_nm: tuple[float, float],
    rng: np.random.Generator,
) -> Structure:
    """Draw one structure.

    Parameters
    ----------
    sheet, contamination
        Their settings.
    size_nm
        Height and width of the cell, its margin included.
    rng
        Random numbers.
    """
    bend = draw_bending(sheet.bend_nm.draw(rng), wavelength_nm=sheet.bend_wavelength_nm, rng=rng)
    grains = draw_grains(
        size_nm,
        grains=max(1, round(sheet.grains.draw(rng))),
        islands=round(sheet.islands.draw(rng)),
        island_radius_nm=sheet.island_radius_nm,
        bend=bend,
        least_turn_deg=sheet.least_turn_deg,
        rng=rng,
    )
    network = _defective(polycrystal(grains, size_nm=size_nm), sheet, size_nm, rng)
    radii = [sheet.hole_radius_nm.draw(rng) for _ in range(round(sheet.holes.draw(rng)))]
    edge = sheet.edge_share.draw(rng) if rng.random() < sheet.edge else 0.0
    holes = draw_holes(size_nm, radii, edge_share=edge, bend=bend, rng=rng)
    network = _without_flakes(without_holes(network, holes.inside))
    network = _relaxed(network, size_nm, sheet.relax_reach_nm)
    places = _odd_places(network, size_nm)
    # Atoms beyond the cell would come in again at its other side.
    network = network.kept(_inside(network, size_nm))
    return Structure(
        sheet=network,
        rings=find_rings(network),
        grains=grains,
        contamination=contaminate(contamination, size_nm, places, rng),
        size_nm=size_nm,
    )


def _defective(
    network: Sheet, settings: SheetSettings, size_nm: tuple[float, float], rng: np.random.Generator
) -> Sheet:
    area = size_nm[0] * size_nm[1] / 100

    def places(rate: Range) -> np.ndarray:
        return places_for(network, int(rng.poisson(rate.draw(rng) * area)), rng)

    network = rotated_bonds(network, places(settings.stone_wales), rng)
    for missing, rate in enumerate(
        (settings.monovacancies, settings.divacancies, settings.trivacancies), start=1
    ):
        network = vacancies(network, places(rate), missing, rng)
    return replaced(network, places(settings.silicon))


def _relaxed(network: Sheet, size_nm: tuple[float, float], reach_nm: float) -> Sheet:
    movable = near_places(network, _odd_places(network, size_nm), reach_nm)
    # The rim of the sheet beyond the cell has no neighbours to hold it: it stays.
    low, high = network.positions.min(axis=0), network.positions.max(axis=0)
    movable &= ((network.positions > low + 0.2) & (network.positions < high - 0.2)).all(axis=1)
    return relax(network, movable)


def _odd_places(network: Sheet, size_nm: tuple[float, float]) -> np.ndarray:
    """Centres of odd rings, and atoms of edges within the cell: ``(k, 2)`` in nm."""
    rings = find_rings(network)
    edge = _inside(network, size_nm) & (network.coordination() < 3)
    return np.concatenate([rings.centre[rings.size != 6], network.positions[edge]])


def _inside(network: Sheet, size_nm: tuple[float, float]) -> np.ndarray:
    within = (network.positions >= 0) & (network.positions < size_nm)
    return np.asarray(within.all(axis=1))


def _without_flakes(network: Sheet) -> Sheet:
    count = len(network.positions)
    first, second = network.bonds.T
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    _, piece = connected_components(links, directed=False)
    return network.kept(np.bincount(piece, minlength=1)[piece] >= _LEAST_FLAKE)
