"""``lattice.csv`` of a result: lattice planes of its particles, and the phases that have them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nanosieve.batch import store
from nanosieve.batch.labelled_frames import labelled_frames
from nanosieve.files.table import write_table
from nanosieve.lattice.matching import TOLERANCE
from nanosieve.lattice.particles import lattice_table
from nanosieve.lattice.phases import Phase


def write_lattice(
    out: Path, image: str, phases: Sequence[Phase], *, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Measure the lattice planes of a result's particles, and write ``OUT/<image>/lattice.csv``.

    Parameters
    ----------
    out
        Folder of ``nanosieve segment`` or ``measure``.
    image
        Name of the result.
    phases
        To match with.
    tolerance
        By how much spacings may be off, relative.

    Returns
    -------
    pandas.DataFrame
        ``image, frame`` and the columns of `nanosieve.lattice.particles.lattice_table`.

    Raises
    ------
    UsageError, InputError
        If result, image or labels cannot be read.
    OutputError
        If the table cannot be written.
    """
    tables = []
    for frame in labelled_frames(out, image):
        table = lattice_table(
            frame.pixels,
            frame.labels,
            phases,
            pixel_size_nm=frame.pixel_size_nm,
            pixel_size_uncertainty=frame.pixel_size_uncertainty,
            tolerance=tolerance,
        )
        table.insert(0, "image", image)
        table.insert(1, "frame", frame.frame)
        tables.append(table)
    whole = pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)
    write_table(out / image / store.LATTICE, whole)
    return whole
