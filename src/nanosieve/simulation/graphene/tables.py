"""Tables of what is true: atoms, bonds, rings, grains, boundaries."""

import numpy as np
import pandas as pd
from scipy.ndimage import map_coordinates

from nanosieve.simulation.graphene.frame import Canvas, Frame
from nanosieve.simulation.graphene.grains import turn_between
from nanosieve.simulation.graphene.structure import Structure
from nanosieve.simulation.graphene.truth import CONTAMINATION, Truth

_SYMBOLS = {6: "C", 14: "Si"}


def tables(structure: Structure, truth: Truth, canvas: Canvas) -> dict[str, pd.DataFrame]:
    """Make all tables of one image.

    Positions count from the middle of the image's first pixel. Atoms outside the image are left
    out, with their bonds and rings; what lies under contamination is kept and marked.

    Parameters
    ----------
    structure
        The atoms.
    truth
        Its classes.
    canvas
        On which they are drawn.

    Returns
    -------
    dict
        ``atoms``: ``atom, y_nm, x_nm, element, neighbours, grain, in_odd_ring, in_contamination``;
        ``bonds``: ``atom_a, atom_b, y_nm, x_nm, length_nm, angle_deg, in_contamination`` with
        angles of 0 to 180 degrees, counter-clockwise from +x;
        ``rings``: ``ring, y_nm, x_nm, size, angle_deg, grain, in_contamination`` with the
        direction of the ring's bonds modulo 60 degrees, blank unless it is a hexagon;
        ``grains``: ``grain, angle_deg, area_nm2`` of those seen;
        ``boundaries``: ``y_nm, x_nm, grain_a, grain_b, turn_deg, in_contamination``, points of the
        centre lines.
    """
    frame = canvas.frame
    inside = frame.inside(structure.sheet.positions)
    return {
        "atoms": _atoms(structure, truth, canvas, inside),
        "bonds": _bonds(structure, truth, canvas, inside),
        "rings": _rings(structure, truth, canvas, inside),
        "grains": _grains(structure, frame),
        "boundaries": _boundaries(structure, truth, canvas),
    }


def _hidden(points: np.ndarray, truth: Truth, canvas: Canvas) -> np.ndarray:
    """``(n,)`` bool: points under contamination."""
    classes = map_coordinates(truth.classes, canvas.places(points).T, order=0, mode="nearest")
    return classes == CONTAMINATION


def _placed(points: np.ndarray, frame: Frame) -> dict[str, np.ndarray]:
    y, x = frame.seen(points).T
    return {"y_nm": y, "x_nm": x}


def _atoms(structure: Structure, truth: Truth, canvas: Canvas, inside: np.ndarray) -> pd.DataFrame:
    sheet, rings = structure.sheet, structure.rings
    odd = rings.touched_by(rings.size != 6, count=len(sheet.positions))
    points = sheet.positions[inside]
    return pd.DataFrame(
        {
            "atom": np.arange(len(points)),
            **_placed(points, canvas.frame),
            "element": [_SYMBOLS[number] for number in sheet.numbers[inside].tolist()],
            "neighbours": sheet.coordination()[inside],
            "grain": sheet.grain[inside],
            "in_odd_ring": odd[inside],
            "in_contamination": _hidden(points, truth, canvas),
        }
    )


def _bonds(structure: Structure, truth: Truth, canvas: Canvas, inside: np.ndarray) -> pd.DataFrame:
    sheet = structure.sheet.kept(inside)
    first, second = sheet.positions[sheet.bonds].swapaxes(0, 1)
    down, right = (second - first).T
    middle = (first + second) / 2
    return pd.DataFrame(
        {
            "atom_a": sheet.bonds[:, 0],
            "atom_b": sheet.bonds[:, 1],
            **_placed(middle, canvas.frame),
            "length_nm": np.hypot(down, right),
            "angle_deg": np.degrees(np.arctan2(-down, right)) % 180,
            "in_contamination": _hidden(middle, truth, canvas),
        }
    )


def _rings(structure: Structure, truth: Truth, canvas: Canvas, inside: np.ndarray) -> pd.DataFrame:
    whole = structure.rings.complete(inside)
    size, centre = structure.rings.size[whole], structure.rings.centre[whole]
    atoms = structure.rings.atoms[whole]
    return pd.DataFrame(
        {
            "ring": np.arange(len(size)),
            **_placed(centre, canvas.frame),
            "size": size,
            "angle_deg": _direction(structure.sheet.positions, atoms, size),
            "grain": structure.grains.owner(centre),
            "in_contamination": _hidden(centre, truth, canvas),
        }
    )


def _direction(positions: np.ndarray, atoms: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Mean direction of a hexagon's bonds modulo 60 degrees; NaN of other rings."""
    corners = positions[atoms[:, :6]]
    down, right = np.moveaxis(np.roll(corners, -1, axis=1) - corners, -1, 0)
    six = np.exp(6j * np.arctan2(-down, right)).sum(axis=1)
    angle = np.degrees(np.angle(six)) / 6 % 60
    return np.where(size == 6, angle, np.nan)


def _grains(structure: Structure, frame: Frame) -> pd.DataFrame:
    """Angles and areas within the image, counted on its pixels."""
    y, x = (np.arange(n) * frame.pixel_size_nm + frame.margin_nm for n in frame.shape)
    points = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    grain, count = np.unique(structure.grains.owner(points), return_counts=True)
    return pd.DataFrame(
        {
            "grain": grain,
            "angle_deg": structure.grains.angles_deg[grain],
            "area_nm2": count * frame.pixel_size_nm**2,
        }
    )


def _boundaries(structure: Structure, truth: Truth, canvas: Canvas) -> pd.DataFrame:
    inside = canvas.frame.inside(truth.line)
    line, pair = truth.line[inside], truth.pair[inside]
    angles = structure.grains.angles_deg
    return pd.DataFrame(
        {
            **_placed(line, canvas.frame),
            "grain_a": pair[:, 0],
            "grain_b": pair[:, 1],
            "turn_deg": [turn_between(angles[a], angles[b]) for a, b in pair],
            "in_contamination": _hidden(line, truth, canvas),
        }
    )
