"""What ``nanosieve atoms`` writes: tables, maps, a structure, a figure and how it was made."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nanosieve._version import __version__
from nanosieve.batch import store
from nanosieve.batch.atoms import Atoms
from nanosieve.core.errors import OutputError
from nanosieve.files.atomic import output_errors
from nanosieve.files.tiff_writer import write_tiff
from nanosieve.lattice.graphene.grains import turn_between
from nanosieve.lattice.graphene.rings import bond_angles
from nanosieve.report.atoms import write_atoms_figure

RUN = "run.json"
FILES = (
    "atoms.csv", "atoms_excluded.csv", "bonds.csv", "rings.csv", "grains.csv", "boundaries.csv",
    "atoms.xyz", "order.tif", "orientation.tif", "atoms.png", RUN,
)  # fmt: skip
# Space above and below the sheet in the structure file's cell.
_THICKNESS_A = 10.0


def write_atoms(out: Path, made: Atoms, *, source: str = "") -> dict[str, Any]:
    """Write all files of one micrograph, or none.

    They are written aside and moved to their places once all are complete. ``run.json`` goes first
    and comes last, so that it never lies beside the files of another run.

    Parameters
    ----------
    out
        Folder, made if it is not there; files of an earlier run are replaced.
    made
        What was found.
    source
        The input as the user gave it.

    Returns
    -------
    dict
        What ``run.json`` holds.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    with output_errors(out):
        if out.exists() and not out.is_dir():
            raise OutputError(f"cannot write {out}: it is a file; choose another -o")
        out.mkdir(parents=True, exist_ok=True)
    told = summary(made, source=source)
    with store.staged(out, "atoms") as stage, output_errors(out):
        _write_files(stage, made)
        (stage / RUN).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        (out / RUN).unlink(missing_ok=True)
        for name in FILES:
            os.replace(stage / name, out / name)
    return told


def _write_files(folder: Path, made: Atoms) -> None:
    for name, table in tables(made).items():
        table.to_csv(folder / name, index=False, float_format="%.6g")
    (folder / "atoms.xyz").write_text(extended_xyz(made), encoding="utf-8")
    found = made.found
    for name, values in (("order.tif", found.order), ("orientation.tif", found.orientation_deg)):
        write_tiff(
            folder / name, [values], (1, *values.shape), np.float32,
            calibration=made.micrograph.calibration, history=made.steps,
        )  # fmt: skip
    write_atoms_figure(folder / "atoms.png", made.image, found)


def tables(made: Atoms) -> dict[str, pd.DataFrame]:
    """Make the tables, by file name; lengths in nm, angles counter-clockwise from +x."""
    found, size = made.found, made.found.pixel_size_nm
    network, rings = found.network, found.rings
    odd = np.zeros(len(network.positions), bool)
    members = rings.atoms[rings.size != 6]
    odd[members[members >= 0]] = True
    middle = network.positions[network.bonds].mean(axis=1)
    pair, angle = found.boundaries.pair, found.grains.angle_deg
    return {
        "atoms.csv": _placed(network.positions, size).assign(
            neighbours=network.coordination(), in_odd_ring=odd, height=found.height
        ).rename_axis("atom").reset_index(),
        "atoms_excluded.csv": _placed(found.excluded, size).rename_axis("atom").reset_index(),
        "bonds.csv": pd.DataFrame(network.bonds, columns=["atom_a", "atom_b"]).join(
            _placed(middle, size)
        ).assign(length_nm=network.lengths() * size, angle_mod_60_deg=bond_angles(network)),
        "rings.csv": _placed(rings.centre, size).assign(
            size=rings.size,
            angle_mod_60_deg=np.where(rings.size == 6, rings.angle_deg, np.nan),
            grain=rings_grain(made),
        ).rename_axis("ring").reset_index(),
        "grains.csv": pd.DataFrame({"angle_mod_60_deg": angle, "hexagons": found.grains.rings})
        .rename_axis("grain").reset_index(),
        "boundaries.csv": _placed(found.boundaries.points, size).assign(
            grain_a=pair[:, 0], grain_b=pair[:, 1],
            turn_deg=turn_between(angle[pair[:, 0]], angle[pair[:, 1]]),
        ),
    }  # fmt: skip


def rings_grain(made: Atoms) -> pd.Series:
    """Return the grain of each ring, blank where it is of none."""
    grain = pd.Series(made.found.grains.ring_grain, dtype="Int64")
    return grain.where(grain >= 0)


def _placed(points: np.ndarray, size_nm: float) -> pd.DataFrame:
    points = points.reshape(-1, 2)
    return pd.DataFrame(
        {
            "y_nm": points[:, 0] * size_nm,
            "x_nm": points[:, 1] * size_nm,
            "y_px": points[:, 0],
            "x_px": points[:, 1],
        }
    )


def extended_xyz(made: Atoms) -> str:
    """Write the atoms as an extended XYZ file, which ASE and OVITO read.

    Lengths are in angstroms, y points up as it does there, and the sheet lies in the middle of a
    cell as large as the image that does not repeat.
    """
    found = made.found
    height, width = (n * found.pixel_size_nm * 10 for n in made.image.shape)
    y, x = (found.network.positions + 0.5).T * found.pixel_size_nm * 10
    lines = [
        str(len(x)),
        f'Lattice="{width:.4f} 0 0 0 {height:.4f} 0 0 0 {_THICKNESS_A:g}" '
        'Properties=species:S:1:pos:R:3 pbc="F F F"',
    ]
    lines += [
        f"C {right:.4f} {height - down:.4f} {_THICKNESS_A / 2:.4f}"
        for right, down in zip(x.tolist(), y.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def summary(made: Atoms, *, source: str = "") -> dict[str, Any]:
    """Tell what was found and how, as plain values without a time."""
    found = made.found
    counts = found.rings.counts()
    return {
        "version": __version__,
        "source": source or made.micrograph.name,
        "shape": list(made.image.shape),
        "pixel_size_nm": found.pixel_size_nm,
        "pixel_size_of_lattice_nm": found.scale.pixel_size_nm,
        "pixel_size_of_lattice_uncertainty_nm": found.scale.uncertainty_nm,
        "lattice_px": found.scale.lattice_px,
        "contrast": found.contrast,
        "contrast_sureness": round(found.sureness, 4),
        "contamination": made.contamination,
        "covered_share": made.covered_share,
        "atoms": len(found.network.positions),
        "atoms_excluded": len(found.excluded),
        "bonds": len(found.network.bonds),
        "rings": {str(size): count for size, count in counts.items()},
        "grains": [
            {"angle_mod_60_deg": round(float(angle), 4), "hexagons": int(count)}
            for angle, count in zip(found.grains.angle_deg, found.grains.rings, strict=True)
        ],
        "notes": list(made.notes),
        "steps": [
            {"name": step.name, "parameters": dict(step.parameters), "version": step.version}
            for step in made.steps
        ],
    }
