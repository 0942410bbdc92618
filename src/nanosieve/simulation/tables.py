"""``dataset.csv``, ``truth.csv`` and ``imaging.csv`` of a folder of simulated images."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from nanosieve.files.atomic import atomic_path
from nanosieve.files.dataset_index import IndexRow, read_index, update_index
from nanosieve.simulation.simulated import ParticleTruth

TABLES = ("dataset.csv", "truth.csv", "imaging.csv")
DIGITS = "%.8g"
_HEAD = ("image", "group", "frame")
_PARTICLE_COLUMNS = tuple(field.name for field in fields(ParticleTruth))


def write_tables(
    folder: Path, images: Iterable[Mapping[str, Any]], *, ours: Callable[[str], bool]
) -> int:
    """Write the three tables.

    Parameters
    ----------
    folder
        The data set.
    images
        Records of the images, in their order; rows of ``truth.csv`` are written as they come.
    ours
        Tells the names of simulated images; rows of ``dataset.csv`` whose images are gone go too.

    Returns
    -------
    int
        How many images there are.

    Raises
    ------
    UsageError
        If a ``dataset.csv`` is there that cannot be read.
    OutputError
        If a table cannot be written.
    """
    rows: dict[str, IndexRow] = {}
    imaging: list[dict[str, Any]] = []
    index, truth, optics = (folder / name for name in TABLES)
    with _table(truth) as write:
        write([*_HEAD, *_PARTICLE_COLUMNS])
        for image in images:
            head = {"image": image["name"], "group": image["group"], "frame": image["frame"]}
            size = image["pixel_size_nm"]
            rows[image["name"]] = IndexRow(image["name"], image["group"], pixel_size_nm=size)
            imaging.append({**head, "pixel_size_nm": size, **image["imaging"]})
            for particle in image["particles"]:
                write([*head.values(), *particle])
    columns = dict.fromkeys([*_HEAD, "pixel_size_nm"])
    columns |= dict.fromkeys(column for row in imaging for column in row)
    with _table(optics) as write:
        write(columns)
        for row in imaging:
            write(row.get(column) for column in columns)
    # What cannot be read is told by update_index.
    gone = [name for name in read_index(index, []) or {} if ours(name) and name not in rows]
    update_index(index, rows.values(), gone=gone)
    return len(rows)


@contextmanager
def _table(path: Path) -> Iterator[Callable[[Iterable[Any]], Any]]:
    """Give what writes a row; ``None`` is a blank cell, figures have `DIGITS`."""
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        yield lambda row: writer.writerow(
            [DIGITS % value if isinstance(value, float) else value for value in row]
        )
