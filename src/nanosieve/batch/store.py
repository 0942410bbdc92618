"""The record kept beside each result: what it was made from, by what, and what came out."""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nanosieve.batch.discover import RECORD
from nanosieve.core.schema import Unit
from nanosieve.files.atomic import atomic_path, output_errors

LABELS = "labels.tif"
PARTICLES = "particles.csv"
OVERLAY = "overlay.png"
PROBABILITY = "probability.tif"
CLASSES = "classes.tif"
LATTICE = "lattice.csv"
_THUMBNAIL = "thumbnail-{:05d}.jpg"
EXPORTS = {"roi": "rois.zip", "geojson": "particles.geojson"}
_OURS = (LABELS, PARTICLES, OVERLAY, PROBABILITY, CLASSES, LATTICE, *EXPORTS.values())
_FORMAT = 1
# Settings that enter the pooled uncertainty alone.
_POOLING = frozenset({"pixel_size_uncertainty_percent"})
_STAGE = ".nanosieve-"
# Beyond a day a stage cannot belong to a run that still goes on, on whatever machine it started.
_STALE_S = 86400.0


@dataclass(frozen=True)
class Origin:
    """What a result depends on; the same origin gives the same result.

    Parameters
    ----------
    input_hash, exclude_hash
        Content hashes of the input and of its mask (empty where there is none).
    settings
        `nanosieve.core.settings.Settings` as plain values.
    version
        Version of nanosieve.
    """

    input_hash: str
    settings: Mapping[str, Any]
    version: str
    exclude_hash: str = ""


@dataclass(frozen=True)
class Record:
    """One input's result, as ``OUT/<name>/result.json`` holds it.

    Parameters
    ----------
    name
        Name of the folder.
    source
        Path of the input, relative to OUT where that is possible.
    origin
        What it was made from.
    exclude
        Path of its mask, as ``source``; empty where there is none.
    status, message
        As in ``summary.csv``.
    labels_hash
        Content hash of ``labels.tif`` as written or as last measured; empty if there is none.
    labels_by
        ``user`` where the labels came from elsewhere or were changed.
    outputs
        Files of the folder that belong to the result.
    unit
        Of the lengths in ``rows`` and ``particles.csv``.
    rows
        Rows of ``summary.csv``.
    flags, notes
        Codes of the flag registry about the image, sentences for the report.
    facts
        Shape, dtype, calibration, choices of the segmentation: plain values.
    history
        Steps: name, parameters, version.
    left_out
        Diameters of the particles that ``--isolated-only`` left out, in ``unit``.
    """

    name: str
    source: str
    origin: Origin
    status: Literal["ok", "empty", "refused", "failed"]
    message: str = ""
    exclude: str = ""
    labels_hash: str = ""
    labels_by: Literal["nanosieve", "user"] = "nanosieve"
    outputs: tuple[str, ...] = ()
    unit: Unit = "nm"
    rows: tuple[Mapping[str, Any], ...] = ()
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[float, ...] = ()

    @property
    def done(self) -> bool:
        """Whether there are labels and tables."""
        return self.status in ("ok", "empty")


def content_hash(path: Path) -> str:
    """Hash a file's content, or that of all files of a folder that is one data set.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if path.is_dir():
        digest = hashlib.blake2b(digest_size=16)
        for part in sorted(one for one in path.rglob("*") if one.is_file()):
            digest.update(f"{part.relative_to(path).as_posix()} {content_hash(part)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def load(folder: Path) -> Record | None:
    """Read a folder's record; ``None`` where there is none that this version understands."""
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if values.pop("format") != _FORMAT:
            return None
        values["origin"] = Origin(**values["origin"])
        for name in ("outputs", "rows", "flags", "notes", "history", "left_out"):
            values[name] = tuple(values[name])
        return Record(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def load_all(out: Path) -> list[Record]:
    """Read the records of all results in OUT, in the order of their names in the file system."""
    folders = sorted(one for one in out.iterdir() if one.is_dir() and one.name[0] != ".")
    records = (load(folder) for folder in folders)
    return [record for record in records if record is not None]


def is_users(folder: Path, record: Record | None) -> bool:
    """Tell whether the folder's labels came from elsewhere or were changed after us."""
    if not (folder / LABELS).is_file():
        return False
    return record is None or record.labels_by == "user" or has_changed(folder, record)


def has_changed(folder: Path, record: Record) -> bool:
    """Tell whether the labels are others than the ones recorded."""
    return content_hash(folder / LABELS) != record.labels_hash


def is_current(folder: Path, record: Record | None, origin: Origin) -> bool:
    """Tell whether a complete result of this origin lies in the folder.

    What only pooling looks at may differ: it changes no file of the result.
    """
    return (
        record is not None
        and record.done
        and _essence(record.origin) == _essence(origin)
        and all((folder / output).is_file() for output in record.outputs)
    )


def _essence(origin: Origin) -> Origin:
    """The origin without the settings that only pooling looks at."""
    settings = {name: one for name, one in origin.settings.items() if name not in _POOLING}
    return replace(origin, settings=settings)


@contextmanager
def staged(out: Path, name: str) -> Iterator[Path]:
    """Give an empty folder in OUT to write a result into; it is gone after the block.

    What a killed run left there is removed first.
    """
    stage = remove_stage(out, name)
    with output_errors(stage):
        stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def remove_stage(out: Path, name: str) -> Path:
    """Remove what a killed process left of a result; return where its stage is."""
    stage = out / f"{_STAGE}{hashlib.blake2b(name.encode(), digest_size=6).hexdigest()}"
    shutil.rmtree(stage, ignore_errors=True)
    return stage


def remove_old_stages(out: Path) -> None:
    """Remove stages in which nothing changed for a day; younger ones may be another shard's."""
    for stage in sorted(out.glob(f"{_STAGE}*")):
        with suppress(OSError):
            changed = max(path.stat().st_mtime for path in (stage, *stage.iterdir()))
            if time.time() - changed > _STALE_S:
                shutil.rmtree(stage)


def publish(record: Record, stage: Path | None, folder: Path, *, keep_labels: bool = False) -> None:
    """Put a result, or a failure without files, in its place.

    The labels go first and come last: labels whose record is not theirs would be taken for the
    user's, so at no moment, however the process ends, do they lie beside a foreign record.

    Parameters
    ----------
    record
        Its record.
    stage
        Folder with its files; ``None`` for a failure.
    folder
        Where it belongs.
    keep_labels
        Leave the labels that are there; the record then comes last.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    files = [] if stage is None else sorted(stage.iterdir())
    new = {file.name for file in files}
    old = {*_OURS, *(file.name for file in folder.glob("thumbnail-*.jpg"))} - new
    with output_errors(folder / RECORD):
        folder.mkdir(exist_ok=True)
        for name in sorted(old - {LABELS}) if keep_labels else [LABELS, *sorted(old)]:
            (folder / name).unlink(missing_ok=True)
        if not keep_labels:
            save(record, folder)
        for file in sorted(files, key=lambda one: one.name == LABELS):
            os.replace(file, folder / file.name)
        if keep_labels:
            save(record, folder)


def path_from(out: Path, path: Path) -> str:
    """Path as seen from OUT, so that both can be moved together; absolute on another drive."""
    real = os.path.join(os.path.realpath(path.parent), path.name)
    try:
        return Path(os.path.relpath(real, os.path.realpath(out))).as_posix()
    except ValueError:
        return Path(real).as_posix()


def path_to(out: Path, path: str) -> Path:
    """Path that `path_from` gave, seen from the current folder."""
    return Path(os.path.normpath(os.path.join(os.path.realpath(out), path)))


def thumbnail_name(frame: int) -> str:
    """File name of a frame's thumbnail."""
    return _THUMBNAIL.format(frame)


def save(record: Record, folder: Path) -> None:
    """Write the record, if it says anything new."""
    write_if_new(folder / RECORD, to_json({"format": _FORMAT} | asdict(record)))


def to_json(values: Mapping[str, Any]) -> str:
    """Write plain values as JSON that is the same whenever they are: sorted, NaN as null."""
    return (
        json.dumps(_plain(values), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        + "\n"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and small arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


def write_if_new(path: Path, text: str) -> None:
    """Write a file unless it holds this text already, so that nothing changes where nothing did."""
    # A file name that is no UTF-8 holds lone surrogates: as \\udc80 they are valid JSON.
    content = text.encode("utf-8", "backslashreplace")
    if path.is_file() and path.read_bytes() == content:
        return
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
