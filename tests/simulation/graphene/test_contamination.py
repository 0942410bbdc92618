"""Patches of amorphous matter and holes, against their settings."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nanosieve.simulation.graphene.bending import draw_bending
from nanosieve.simulation.graphene.contamination import contaminate
from nanosieve.simulation.graphene.holes import draw_holes
from nanosieve.simulation.graphene.kind import Settings
from nanosieve.simulation.graphene.settings import atomic_number

NOWHERE = np.zeros((0, 2))


def test_patches_cover_their_share_and_hold_atoms_up_to_their_thickness(
    settings_with: Callable[..., Settings],
) -> None:
    settings = settings_with(
        contamination__clean=0,
        contamination__coverage=0.3,
        contamination__thickness_nm=2,
        contamination__heavy=0.2,
        contamination__heavy_elements={"Si": 1},
    ).contamination
    patches = contaminate(settings, (8.0, 6.0), NOWHERE, np.random.default_rng(2))
    assert (patches.thickness > 0).mean() == pytest.approx(0.3, abs=0.02)
    assert patches.thickness.max() <= 2
    places, depth = patches.positions[:, :2], np.abs(patches.positions[:, 2])
    assert depth.min() >= 0.3
    assert (depth - 0.3 <= patches.thickness_at(places) + 1e-9).all()
    # 1.8 g/cm^3 of carbon are 90 atoms a nm^3.
    volume = float(patches.thickness[:-1, :-1].sum()) * 0.01
    assert len(depth) / volume == pytest.approx(90, rel=0.1)
    assert cKDTree(patches.positions).query(patches.positions, k=2)[0][:, 1].min() > 0.09
    share = (patches.numbers == atomic_number("Si")).mean()
    assert share == pytest.approx(0.2, abs=0.05)
    assert set(patches.numbers.tolist()) == {6, 14}


def test_a_clean_sheet_holds_none(settings_with: Callable[..., Settings]) -> None:
    patches = contaminate(
        settings_with().contamination, (5.0, 5.0), NOWHERE, np.random.default_rng(0)
    )
    assert len(patches.positions) == 0


def test_matter_rather_lies_where_it_is_attracted(settings_with: Callable[..., Settings]) -> None:
    settings = settings_with(
        contamination__clean=0, contamination__coverage=0.1, contamination__attraction=6
    ).contamination
    line = np.stack([np.full(60, 3.0), np.arange(60) / 10], axis=1)
    patches = contaminate(settings, (6.0, 6.0), line, np.random.default_rng(1))
    assert np.abs(patches.positions[:, 0] - 3).mean() < 0.6


def test_a_hole_is_a_disc_and_an_edge_cuts_off_its_share() -> None:
    rng = np.random.default_rng(4)
    straight = draw_bending(0.0, wavelength_nm=5.0, rng=rng)
    points = np.stack(np.meshgrid(np.arange(100), np.arange(100)), axis=-1).reshape(-1, 2) / 10
    hole = draw_holes((10, 10), [1.5], edge_share=0.0, bend=straight, rng=rng)
    assert hole.discs.shape == (1, 3)
    edges = [
        draw_holes((10, 10), [], edge_share=0.25, bend=straight, rng=rng).inside(points).mean()
        for _ in range(20)
    ]
    # A slanted edge cuts off a corner: less than its share of the extent.
    assert max(edges) < 0.3
    assert min(edges) > 0.08
    none = draw_holes((10, 10), [], edge_share=0.0, bend=straight, rng=rng)
    assert not none.inside(points).any()


def test_borders_bend_by_what_is_asked() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 200, (2000, 2))
    moves = [
        np.std(draw_bending(0.4, wavelength_nm=6.0, rng=rng)(points) - points) for _ in range(40)
    ]
    assert np.sqrt(np.mean(np.square(moves))) == pytest.approx(0.4, rel=0.15)
