"""Pooled tables and page of an output folder, made from what lies in it."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nanosieve.batch import store
from nanosieve.batch.discover import Input, natural
from nanosieve.batch.page import GroupBy, PageOptions, groups_of, write_run_page
from nanosieve.batch.pooled import COCO, RUN, write_particles, write_run, write_summary
from nanosieve.batch.process import export, exports_in, measure_given
from nanosieve.batch.store import LABELS, Record
from nanosieve.batch.write import DATASET, has_samples, sample_name
from nanosieve.core.errors import InputError, UsageError
from nanosieve.core.settings import Settings
from nanosieve.files.atomic import remove_leftovers
from nanosieve.files.dataset_index import IndexRow, read_index, update_index
from nanosieve.files.exports import coco_images, write_coco
from nanosieve.files.labels import read_labels
from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet


@dataclass(frozen=True)
class Pooling:
    """What is pooled, and how.

    Parameters
    ----------
    group_by
        ``file`` or ``folder``.
    exports
        Of ``roi``, ``coco`` and ``geojson``; those that are there already are kept up to date.
    skipped
        Files passed over for their suffix; ``None`` keeps what ``run.json`` says.
    title
        Of the page.
    """

    group_by: GroupBy = "file"
    exports: tuple[str, ...] = ()
    skipped: int | None = None
    title: str = "Particle sizes"


@dataclass(frozen=True)
class Rebuilt:
    """The page, the records that it shows, and what is wrong with the folder."""

    page: Path
    records: tuple[Record, ...]
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Record, ...]:
        """Inputs without a result."""
        return tuple(record for record in self.records if not record.done)


def prepare_out(out: Path) -> None:
    """Make the output folder, and remove what killed runs left there.

    Raises
    ------
    UsageError
        If it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UsageError(
            f"--out {out}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from error
    remove_leftovers(out)
    store.remove_old_stages(out)


def rebuild(out: Path, pooling: Pooling) -> Rebuilt:
    """Pool what is in OUT: after a run, after shards, after corrections by hand.

    Labels that were changed since they were measured are measured again.

    Parameters
    ----------
    out
        Output folder.
    pooling
        What is pooled, and how.

    Raises
    ------
    UsageError
        If OUT holds no result.
    OutputError
        If something cannot be written.
    """
    if not out.is_dir():
        raise UsageError(f"{out}: no such folder; give the -o of an earlier run")
    found = sorted(store.load_all(out), key=lambda one: (natural(one.name), one.name))
    if not found:
        raise UsageError(f"{out}: holds no result; give the -o of an earlier run")
    remove_leftovers(out)
    records = tuple(_up_to_date(out, record) for record in found)
    warnings = tuple(_doubles(records))
    _exports(out, records, pooling)
    write_particles(out, records)
    write_summary(out, records)
    skipped = _skipped_before(out) if pooling.skipped is None else pooling.skipped
    write_run(out, records, skipped=skipped)
    if (out / DATASET).is_dir():
        _index(out, records, pooling.group_by)
    options = PageOptions(pooling.group_by, pooling.title, skipped or 0, warnings)
    return Rebuilt(write_run_page(out, records, options), records, warnings)


def _up_to_date(out: Path, record: Record) -> Record:
    """The record itself, or of labels that were changed, or that it is incomplete."""
    folder = out / record.name
    if not record.done:
        return record
    missing = [name for name in record.outputs if not (folder / name).is_file()]
    given = LABELS not in missing and store.is_users(folder, record)
    if missing and not given:
        return _failed(record, f"{missing[0]} is missing; run segment again")
    if not missing and not store.has_changed(folder, record):
        return record
    item = Input(store.path_to(out, record.source), record.name)
    try:
        there = exports_in(folder)
        record = measure_given(
            folder / LABELS,
            item,
            out,
            Settings(**record.origin.settings),
            exclude=store.path_to(out, record.exclude) if record.exclude else None,
            as_dataset=has_samples(out / DATASET, record),
        )
        export(folder, record, sorted(there))
    except (InputError, UsageError) as error:
        text = str(error).removeprefix(f"{item.path.name}: ").removeprefix(f"{item.name}: ")
        return _failed(record, f"the labels were changed but cannot be measured: {text}")
    loaded = store.load(folder)
    return record if loaded is None else loaded


def _failed(record: Record, message: str) -> Record:
    return replace(record, status="failed", message=message, rows=())


def _doubles(records: Sequence[Record]) -> Iterator[str]:
    """Results that were made from one file under two names, as other inputs beside it changed."""
    first: dict[str, str] = {}
    for record in records:
        other = first.setdefault(record.source, record.name)
        if other != record.name:
            yield (
                f"{other} and {record.name} are both of {Path(record.source).name} and count "
                "twice: remove the folder of one"
            )


def _exports(out: Path, records: Sequence[Record], pooling: Pooling) -> None:
    for record in records:
        export(out / record.name, record, pooling.exports)
    if "coco" in pooling.exports or (out / COCO).exists():
        write_coco(out / COCO, _coco(out, records))


def _coco(out: Path, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        if record.done:
            labels, calibration = read_labels(out / record.name / LABELS)
            yield from coco_images(Path(record.source).name, labels, calibration)


def _index(out: Path, records: Sequence[Record], group_by: GroupBy) -> None:
    """Rows of the data set: an image, or the frames of a movie, which stay together."""
    groups = groups_of(out, records, group_by)
    rows: list[IndexRow] = []
    pictures: dict[str, Path] = {}
    for record in records:
        if not (record.done and has_samples(out / DATASET, record)):
            continue
        for row in record.rows:
            name = sample_name(record.name, row["frame"], len(record.rows))
            rows.append(IndexRow(name, groups[record.name], pixel_size_nm=row["pixel_size_nm"]))
            pictures[name] = out / record.name / store.thumbnail_name(row["frame"])
    path = out / DATASET / "dataset.csv"
    update_index(path, rows, gone=_gone(path, records))
    index = read_index(path, []) or {}
    items = [
        ContactItem(name, pictures[name].read_bytes(), row.keep)
        for name, row in index.items()
        if name in pictures
    ]
    write_contact_sheet(out / DATASET / "contact-sheet.png", items)


def _gone(path: Path, records: Sequence[Record]) -> list[str]:
    """Frames in the index, of movies that lie in OUT, whose image was removed."""
    names = {record.name for record in records}
    return [
        name
        for name in read_index(path, []) or {}
        if re.sub(r"-[0-9]{5}$", "", name) in names
        and not (path.parent / "images" / f"{name}.tif").exists()
    ]


def _skipped_before(out: Path) -> int | None:
    try:
        skipped = json.loads((out / RUN).read_text(encoding="utf-8"))["skipped"]
    except (OSError, ValueError, KeyError):
        return None
    return skipped if isinstance(skipped, int) else None
