"""``dataset.csv``: what is known of the images of a data set beside their pixels."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import atomic_path, output_errors

COLUMNS = ("name", "group", "split", "pixel_size_nm", "keep")
_KEEP = {"": True, "yes": True, "no": False}


@dataclass(frozen=True)
class IndexRow:
    """One row of ``dataset.csv``; blank cells are empty strings, ``None``, or ``keep``.

    Parameters
    ----------
    name
        Stem of the image file.
    group
        What must not be divided between training and test.
    split
        E.g. ``train``, ``validation`` or ``test``.
    pixel_size_nm
        Side of a pixel.
    keep
        Whether the image is used; ``no`` strikes it out.
    more
        The user's own columns.
    """

    name: str
    group: str = ""
    split: str = ""
    pixel_size_nm: float | None = None
    keep: bool = True
    more: dict[str, str] = field(default_factory=dict)


def read_index(path: Path, faults: list[str]) -> dict[str, IndexRow] | None:
    """Read ``dataset.csv`` by name; what is wrong with it is added to ``faults``.

    Returns
    -------
    dict or None
        ``None`` where there is no such file.
    """
    if not path.is_file():
        return None
    index: dict[str, IndexRow] = {}
    for number, row in _rows(path, ("name",), faults):
        name = row["name"]
        if name in index:
            faults.append(f"{path.name}: line {number}: the image {name!r} has two rows")
        size = _pixel_size(row.get("pixel_size_nm", ""))
        if size is not None and not (math.isfinite(size) and size > 0):
            faults.append(
                f"{path.name}: line {number}: pixel_size_nm must be a positive number of nm or "
                f"blank, got {row['pixel_size_nm']!r}"
            )
            size = None
        keep = _KEEP.get(row.get("keep", "").lower())
        if keep is None:
            faults.append(
                f"{path.name}: line {number}: keep must be yes, no or blank, got {row['keep']!r}"
            )
        index[name] = IndexRow(
            name=name,
            group=row.get("group", ""),
            split=row.get("split", ""),
            pixel_size_nm=size,
            keep=keep is not False,
            more={column: cell for column, cell in row.items() if column not in COLUMNS},
        )
    return index


def read_groups(path: Path, faults: list[str]) -> dict[str, str]:
    """Read a CSV file with columns ``name, group``; errors are added to ``faults``.

    Raises
    ------
    UsageError
        If there is no such file.
    """
    if not path.is_file():
        raise UsageError(no_groups_file(path, setting="--groups", words=("image",)))
    rows = _rows(path, ("name", "group"), faults)
    return {row["name"]: row["group"] for _, row in rows}


def no_groups_file(path: Path, *, setting: str, words: Sequence[str]) -> str:
    """Say that there is no such table of groups, and which word may be meant.

    Examples
    --------
    >>> no_groups_file(Path("images"), setting="--groups", words=("image",))
    "--groups is 'image' or a CSV file with name, group; no file images; did you mean 'image'?"
    """
    known = " or ".join(["'" + "', '".join(words) + "'", "a CSV file with name, group"])
    close = get_close_matches(path.name, words, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"{setting} is {known}; no file {path}{meant}"


def update_index(path: Path, rows: Iterable[IndexRow], *, gone: Iterable[str] = ()) -> None:
    """Write ``dataset.csv``, keeping what its user wrote into it.

    A row that is already there keeps its group, split, ``keep`` and the user's own columns, and
    takes the new pixel size if one is known; rows of other images stay.

    Parameters
    ----------
    path
        The file, which need not exist, nor its folder.
    rows
        The images that were written.
    gone
        Names of images that were removed: their rows go too.

    Raises
    ------
    UsageError
        If the file that is there cannot be read.
    OutputError
        If the file cannot be written.
    """
    faults: list[str] = []
    index = read_index(path, faults) or {}
    if faults:
        raise UsageError(f"{path.parent}: {faults[0]}; mend or remove it")
    for name in gone:
        index.pop(name, None)
    for row in rows:
        old = index.get(row.name)
        if old is None:
            index[row.name] = row
        elif row.pixel_size_nm is not None:
            index[row.name] = IndexRow(
                row.name, old.group, old.split, row.pixel_size_nm, old.keep, old.more
            )
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    more = sorted({column for row in index.values() for column in row.more})
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([*COLUMNS, *more])
        for name in sorted(index):
            row = index[name]
            size = "" if row.pixel_size_nm is None else repr(row.pixel_size_nm)
            cells = [name, row.group, row.split, size, "yes" if row.keep else "no"]
            table.writerow(cells + [row.more.get(column, "") for column in more])


def _rows(
    path: Path, needed: tuple[str, ...], faults: list[str]
) -> list[tuple[int, dict[str, str]]]:
    # utf-8-sig: Excel puts a mark before the first column's name.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        table = csv.DictReader(stream, restval="")
        columns = [column.strip() for column in table.fieldnames or ()]
        table.fieldnames = columns
        for column in needed:
            if column not in columns:
                faults.append(
                    f"{path.name}: has no column {column!r}; columns are separated by commas"
                )
                return []
        rows = []
        for row in table:
            if row.pop(None, None) is not None:
                faults.append(f"{path.name}: line {table.line_num} has too many cells")
            rows.append((table.line_num, {key: cell.strip() for key, cell in row.items()}))
        return rows


def _pixel_size(cell: str) -> float | None:
    """Read a cell, blank as ``None`` and what is no number as NaN."""
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return math.nan
