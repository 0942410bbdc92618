"""Classes and tables of structures whose geometry is known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nanosieve.simulation.graphene.bending import draw_bending
from nanosieve.simulation.graphene.contamination import Contamination
from nanosieve.simulation.graphene.defects import without_holes
from nanosieve.simulation.graphene.frame import Canvas, Frame
from nanosieve.simulation.graphene.grains import Grains
from nanosieve.simulation.graphene.kind import contrast_of_atoms
from nanosieve.simulation.graphene.network import polycrystal
from nanosieve.simulation.graphene.sheet import BOND_NM, Sheet, find_rings
from nanosieve.simulation.graphene.structure import Structure
from nanosieve.simulation.graphene.tables import tables
from nanosieve.simulation.graphene.truth import (
    BOUNDARY,
    CONTAMINATION,
    LATTICE,
    VACUUM,
    find_truth,
)

FRAME = Frame((150, 200), 0.03, 1.0)
CLEAN = Contamination(np.zeros((0, 3)), np.zeros(0, int), np.zeros((100, 100)))


def structure_of(
    *angles_deg: float,
    frame: Frame = FRAME,
    contamination: Contamination = CLEAN,
    change: Callable[[Sheet], Sheet] = lambda sheet: sheet,
) -> Structure:
    """Grains side by side under a frame, cut to its cell."""
    height, width = frame.cell_nm
    rng = np.random.default_rng(0)
    count = len(angles_deg)
    grains = Grains(
        np.array(angles_deg),
        rng.uniform(0, 0.2, (count, 2)),
        np.array([(height / 2, width * (i + 0.5) / count) for i in range(count)]),
        np.zeros((0, 3)),
        draw_bending(0.0, wavelength_nm=5.0, rng=rng),
    )  # fmt: skip
    sheet = change(polycrystal(grains, size_nm=frame.cell_nm))
    within = (sheet.positions >= 0) & (sheet.positions < frame.cell_nm)
    sheet = sheet.kept(within.all(axis=1))
    return Structure(sheet, find_rings(sheet), grains, contamination, frame.cell_nm)


def disc(centre: tuple[float, float], radius_nm: float) -> Contamination:
    """Atoms over a disc, thick enough to leave no gap."""
    rng = np.random.default_rng(1)
    points = rng.uniform(-radius_nm, radius_nm, (4000, 2))
    points = points[np.hypot(*points.T) < radius_nm] + centre
    depth = np.full((len(points), 1), 0.5)
    thickness = np.full((100, 100), 1.0)
    return Contamination(np.concatenate([points, depth], 1), np.full(len(points), 6), thickness)


def classes_of(structure: Structure, frame: Frame = FRAME) -> np.ndarray:
    canvas = Canvas.over(frame)
    return canvas.image(find_truth(structure, canvas, boundary_width_nm=0.5).classes)


def test_a_perfect_sheet_is_lattice_alone() -> None:
    assert (classes_of(structure_of(7.0)) == LATTICE).all()


@pytest.mark.parametrize("frame", [FRAME, Frame((50, 64), 0.096, 1.0)])
def test_a_hole_is_vacuum_of_its_area(frame: Frame) -> None:
    middle = np.array(frame.cell_nm) / 2

    def change(sheet: Sheet) -> Sheet:
        return without_holes(sheet, lambda points: np.hypot(*(points - middle).T) < 1.0)

    classes = classes_of(structure_of(7.0, frame=frame, change=change), frame)
    area = (classes == VACUUM).sum() * frame.pixel_size_nm**2
    # The sheet's outline runs half a bond outside its atoms, and pruned atoms make the hole larger.
    assert np.pi * 0.9**2 < area < np.pi * 1.12**2
    y, x = np.argwhere(classes == VACUUM).mean(axis=0) * frame.pixel_size_nm + frame.margin_nm
    assert np.hypot(y - middle[0], x - middle[1]) < 0.1


def test_missing_atoms_alone_are_no_vacuum() -> None:
    def change(sheet: Sheet) -> Sheet:
        near = np.argsort(np.hypot(*(sheet.positions - 3).T))[:2]
        return sheet.kept(~np.isin(np.arange(len(sheet.positions)), near))

    assert (classes_of(structure_of(7.0, change=change)) == LATTICE).all()


def test_a_boundary_is_a_band_of_its_width_where_grains_meet() -> None:
    classes = classes_of(structure_of(3.0, 25.0))
    columns = np.argwhere(classes == BOUNDARY)[:, 1] * 0.03 + 1.0
    middle = FRAME.cell_nm[1] / 2
    assert columns.mean() == pytest.approx(middle, abs=0.03)
    assert np.ptp(columns) == pytest.approx(0.5, abs=0.1)
    assert set(np.unique(classes)) == {LATTICE, BOUNDARY}


def test_contamination_covers_its_disc_and_hides_a_boundary() -> None:
    middle = FRAME.cell_nm[0] / 2, FRAME.cell_nm[1] / 2
    structure = structure_of(3.0, 25.0, contamination=disc(middle, 1.0))
    canvas = Canvas.over(FRAME)
    truth = find_truth(structure, canvas, boundary_width_nm=0.5)
    covered = canvas.image(truth.classes) == CONTAMINATION
    assert covered.sum() * 0.03**2 == pytest.approx(np.pi * 1.05**2, rel=0.1)
    assert np.array_equal(canvas.image(truth.patches) == 1, covered)
    assert truth.patches.max() == 1
    assert covered[75, 100]
    boundaries = tables(structure, truth, canvas)["boundaries"]
    hidden = boundaries[boundaries.in_contamination]
    assert np.abs(hidden.y_nm - (middle[0] - 1)).max() == pytest.approx(1.05, abs=0.1)
    assert not boundaries.in_contamination.all()


def test_lone_atoms_are_no_patch() -> None:
    lone = Contamination(
        np.array([[2.0, 2.0, 0.5], [4.0, 3.0, 0.5]]), np.full(2, 6), np.zeros((100, 100))
    )
    assert (classes_of(structure_of(7.0, contamination=lone)) == LATTICE).all()


def tables_of(structure: Structure) -> dict[str, pd.DataFrame]:
    canvas = Canvas.over(FRAME)
    return tables(structure, find_truth(structure, canvas, boundary_width_nm=0.5), canvas)


def test_tables_of_a_crystal_give_its_lattice() -> None:
    found = tables_of(structure_of(17.0))
    atoms, bonds, rings = found["atoms"], found["bonds"], found["rings"]
    assert atoms.y_nm.between(-0.015, 150 * 0.03 - 0.015).all()
    assert atoms.x_nm.between(-0.015, 200 * 0.03 - 0.015).all()
    # 38.2 atoms a nm^2.
    assert len(atoms) / FRAME.field_nm2 == pytest.approx(4 / (3**1.5 * BOND_NM**2), rel=0.01)
    assert set(atoms.element) == {"C"}
    assert set(atoms.neighbours) == {3}
    assert not atoms.in_odd_ring.any()
    assert np.allclose(bonds.length_nm, BOND_NM)
    assert np.allclose((bonds.angle_deg - 17 + 30) % 60, 30)
    assert bonds.angle_deg.between(0, 180).all()
    assert set(rings["size"]) == {6}
    assert np.allclose(rings.angle_deg, 17)
    assert found["grains"].to_dict("records") == [
        {"grain": 0, "angle_deg": 17.0, "area_nm2": pytest.approx(FRAME.field_nm2)}
    ]
    assert len(found["boundaries"]) == 0


def test_angles_turn_counter_clockwise_as_seen() -> None:
    bonds = tables_of(structure_of(10.0))["bonds"]
    atoms = tables_of(structure_of(10.0))["atoms"]
    bond = bonds[np.abs(bonds.angle_deg - 10) < 1e-6].iloc[0]
    first, second = atoms.loc[[bond.atom_a, bond.atom_b]].sort_values("x_nm").itertuples()
    # To the right and up: rows grow downwards.
    assert second.y_nm < first.y_nm


def test_bonds_and_rings_agree_with_atoms_under_the_crop() -> None:
    found = tables_of(structure_of(3.0, 25.0))
    atoms, bonds, rings = found["atoms"], found["bonds"], found["rings"]
    assert atoms.atom.tolist() == list(range(len(atoms)))
    places = atoms[["y_nm", "x_nm"]].to_numpy()
    first, second = places[bonds.atom_a], places[bonds.atom_b]
    assert np.allclose(np.hypot(*(second - first).T), bonds.length_nm)
    assert np.allclose((first + second) / 2, bonds[["y_nm", "x_nm"]])
    # Each whole ring is counted once: Euler again.
    inner = np.bincount(bonds[["atom_a", "atom_b"]].to_numpy().ravel(), minlength=len(atoms))
    loose = int((inner < 2).sum())
    assert abs(len(atoms) - len(bonds) + len(rings) - 1) <= loose
    odd = rings[rings["size"] != 6]
    assert len(odd) > 5
    assert odd.angle_deg.isna().all()
    assert (odd.x_nm + 1 - FRAME.cell_nm[1] / 2).abs().max() < 1
    assert atoms.in_odd_ring.sum() > 5 * len(odd) / 2
    boundaries = found["boundaries"]
    assert np.allclose(boundaries.turn_deg, 22)
    assert (boundaries.grain_a < boundaries.grain_b).all()
    # One line from top to bottom.
    assert boundaries.y_nm.min() < 0.1
    assert boundaries.y_nm.max() > 4.4
    assert (boundaries.x_nm + 1 - FRAME.cell_nm[1] / 2).abs().max() < 0.03
    turned = rings[rings["size"] == 6].groupby("grain").angle_deg.median()
    assert turned.tolist() == pytest.approx([3, 25], abs=0.3)


def test_atoms_under_contamination_are_kept_and_marked() -> None:
    middle = FRAME.cell_nm[0] / 2, FRAME.cell_nm[1] / 2
    bare = tables_of(structure_of(7.0))["atoms"]
    found = tables_of(structure_of(7.0, contamination=disc(middle, 1.0)))
    atoms = found["atoms"]
    assert np.allclose(atoms[["y_nm", "x_nm"]], bare[["y_nm", "x_nm"]])
    distance = np.hypot(atoms.y_nm + 1 - middle[0], atoms.x_nm + 1 - middle[1])
    assert atoms.in_contamination[distance < 0.9].all()
    assert not atoms.in_contamination[distance > 1.2].any()
    assert found["bonds"].in_contamination.any()
    assert found["rings"].in_contamination.any()


def test_silicon_is_named() -> None:
    def change(sheet: Sheet) -> Sheet:
        numbers = sheet.numbers.copy()
        numbers[np.argmin(np.hypot(*(sheet.positions - 3).T))] = 14
        return replace(sheet, numbers=numbers)

    atoms = tables_of(structure_of(7.0, change=change))["atoms"]
    silicon = atoms[atoms.element == "Si"]
    assert len(silicon) == 1
    assert np.hypot(silicon.y_nm - 2, silicon.x_nm - 2).iloc[0] < BOND_NM


def test_without_hexagons_there_is_no_contrast_of_atoms() -> None:
    bare = structure_of(7.0, change=lambda sheet: sheet.kept(sheet.grain < 0))
    assert contrast_of_atoms(np.ones(FRAME.shape), bare, FRAME) == "none"
    assert (classes_of(bare) == VACUUM).all()


@pytest.mark.parametrize("pixel_size_nm", [0.02, 0.05, 0.096])
def test_the_canvas_meets_the_middles_of_pixels(pixel_size_nm: float) -> None:
    canvas = Canvas.over(Frame((40, 50), pixel_size_nm, 1.0))
    points = canvas.points().reshape(*canvas.shape, 2)
    y = canvas.image(points[..., 0])
    x = canvas.image(points[..., 1])
    assert y.shape == (40, 50)
    assert np.allclose(y[:, 0], 1.0 + np.arange(40) * pixel_size_nm)
    assert np.allclose(x[0], 1.0 + np.arange(50) * pixel_size_nm)
    assert canvas.step_nm <= 0.052
    marked = canvas.mark(np.array([[1.0, 1.0], [-9.0, 1.0]]))
    assert marked.sum() == 1
    assert canvas.image(marked)[0, 0]
