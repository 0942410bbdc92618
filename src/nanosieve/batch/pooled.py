"""Tables of a whole output folder, pooled from the results that lie in it."""

import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nanosieve._version import __version__
from nanosieve.batch.store import PARTICLES, Record, to_json, write_if_new
from nanosieve.core.schema import (
    CLASS_SHARE,
    PARTICLE_COLUMNS,
    SUMMARY_COLUMNS,
    Column,
    Unit,
)
from nanosieve.files.atomic import atomic_path

SUMMARY, RUN, COCO = "summary.csv", "run.json", "coco.json"


def pooled_columns(columns: Sequence[Column], units: Sequence[Unit]) -> list[str]:
    """Names of the columns of a pooled table: each length in every unit that occurs.

    Examples
    --------
    >>> pooled_columns((Column("label", ""), Column("area", "", 2)), ("nm", "px"))
    ['label', 'area_nm2', 'area_px2']
    """
    return [
        column.name(unit) for column in columns for unit in (units if column.length else units[:1])
    ]


def units_of(records: Sequence[Record]) -> tuple[Unit, ...]:
    """Units that occur in the results, nm first; nm alone where there is none."""
    found = {record.unit for record in records if record.done}
    units: tuple[Unit, ...] = ("nm", "px")
    return tuple(unit for unit in units if unit in found) or ("nm",)


def write_particles(out: Path, records: Sequence[Record]) -> None:
    """Write ``OUT/particles.csv``, one result after the other, blank where a unit does not apply.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    units = units_of(records)
    header = pooled_columns(PARTICLE_COLUMNS, units)
    with atomic_path(out / PARTICLES, keep_equal=True) as draft, draft.open("wb") as pooled:
        pooled.write((",".join(header) + "\n").encode())
        for record in records:
            if not record.done:
                continue
            with (out / record.name / PARTICLES).open("rb") as table:
                own = table.readline().decode().rstrip("\n").split(",")
                if own == header:
                    shutil.copyfileobj(table, pooled)
                else:
                    pooled.writelines(_spread(table, own, header))


def write_summary(out: Path, records: Sequence[Record]) -> None:
    """Write ``OUT/summary.csv``: one row an image or frame, whatever its status.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    header = _with_classes(pooled_columns(SUMMARY_COLUMNS, units_of(records)), records)
    with (
        atomic_path(out / SUMMARY, keep_equal=True) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        for record in records:
            for row in summary_rows(record):
                writer.writerow({name: _cell(value) for name, value in row.items()})


def _with_classes(header: list[str], records: Sequence[Record]) -> list[str]:
    """Put the shares of classes that occur after the polarity."""
    known = set(header)
    names = [
        name
        for record in records
        for row in record.rows
        for name in row
        if name.startswith(CLASS_SHARE) and name not in known
    ]
    after = header.index("polarity") + 1
    return [*header[:after], *dict.fromkeys(names), *header[after:]]


def summary_rows(record: Record) -> list[dict[str, Any]]:
    """Rows of an input in the summary; one that says why, where it has no result."""
    if record.done:
        return [dict(row) for row in record.rows]
    return [
        {
            "image": record.name,
            "frame": 0,
            "status": record.status,
            "message": record.message,
            "flags": ";".join(record.flags),
        }
    ]


def write_run(out: Path, records: Sequence[Record], *, skipped: int | None) -> None:
    """Write ``OUT/run.json``: what was made from what, with which settings.

    Settings stand once where all results share them, else beside each input. There is no time in
    it: equal runs give equal files.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    settings = [dict(record.origin.settings) for record in records]
    shared = settings[0] if settings and all(one == settings[0] for one in settings) else None
    inputs = []
    for record, own in zip(records, settings, strict=True):
        entry: dict[str, Any] = {
            "name": record.name,
            "path": record.source,
            "hash": record.origin.input_hash,
            "version": record.origin.version,
            "status": record.status,
            "flags": record.flags,
        }
        if record.message:
            entry["message"] = record.message
        if record.origin.exclude_hash:
            entry["exclude_hash"] = record.origin.exclude_hash
        if record.labels_by == "user":
            entry["labels"] = "given or changed by the user"
        if shared is None:
            entry["settings"] = own
        inputs.append(entry)
    run = {"version": __version__, "settings": shared, "skipped": skipped, "inputs": inputs}
    write_if_new(out / RUN, to_json(run))


def _spread(table: Any, own: list[str], header: list[str]) -> Iterator[bytes]:
    """Rows of a table in the columns of another that has them all."""
    place = [own.index(name) if name in own else None for name in header]
    for row in csv.reader(line.decode() for line in table):
        cells = ["" if index is None else row[index] for index in place]
        # No cell but a name can need quotes.
        yield (",".join(_quoted(cell) for cell in cells) + "\n").encode()


def _quoted(cell: str) -> str:
    if any(letter in cell for letter in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.8g}" if isinstance(value, float) else value
