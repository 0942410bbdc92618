"""One input on its way into ``OUT/<name>/``: read, analysed, written, and what came of it."""

import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from nanosieve._version import __version__
from nanosieve.batch import store
from nanosieve.batch.discover import Input
from nanosieve.batch.names import output_names
from nanosieve.batch.store import EXPORTS, LABELS, PARTICLES, PROBABILITY, Origin, Record
from nanosieve.batch.write import DATASET, has_samples, remove_old_samples, write_result
from nanosieve.core.errors import FailedInput, NanosieveError, RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration, Micrograph
from nanosieve.core.settings import Device, Settings
from nanosieve.files.exports import write_geojson, write_rois
from nanosieve.files.labels import read_labels
from nanosieve.files.read import read
from nanosieve.pipeline import analyse_frames, measure_frames

State = Literal["made", "unchanged", "kept"]

# Pixel sizes that differ by less are one, written with more or fewer digits.
_SAME_SIZE = 0.005
_FAILED_SINCE = "Made again with other settings it failed:"


@dataclass(frozen=True)
class Job:
    """What is the same for all inputs of a run.

    Parameters
    ----------
    out
        Output folder.
    settings
        Settings of the analysis.
    exclude
        A mask for all inputs, or a folder of ``<name>.png|tif``.
    exports
        Of ``roi``, ``coco`` and ``geojson``.
    probability
        Whether ``probability.tif`` is written.
    as_dataset
        Whether images and labels are also written as a data set.
    overwrite
        Whether results that are there, the user's labels included, are made again.
    device
        Where a network runs.
    """

    out: Path
    settings: Settings
    exclude: Path | None = None
    exports: tuple[str, ...] = ()
    probability: bool = False
    as_dataset: bool = False
    overwrite: bool = False
    device: Device = "auto"


@dataclass(frozen=True)
class Outcome:
    """What came of one input.

    ``state`` is ``made``, ``unchanged`` (a complete result of the same origin was there) or
    ``kept`` (the user's labels were). ``trace`` is the traceback of a failure. ``method`` is the
    one that made the labels; blank where they were given.
    """

    name: str
    source: str
    status: Literal["ok", "empty", "refused", "failed"]
    message: str = ""
    state: State = "made"
    n: int = 0
    diameter: float | None = None
    unit: str = "nm"
    trace: str = ""
    flags: tuple[str, ...] = ()
    method: str = ""

    @property
    def failed(self) -> bool:
        """Whether it makes the run end with exit code 1."""
        return self.status in ("refused", "failed")


def process(item: Input, job: Job) -> Outcome:
    """Analyse one input and write its result, unless that is there already.

    Whatever is wrong with the input, or with writing its result, becomes its outcome: the other
    inputs go on.
    """
    folder = job.out / item.name
    record = store.load(folder)
    if taken := _taken_by_another(item, job, record):
        return Outcome(item.name, str(item.path), "failed", taken)
    wanted = {*job.exports, *exports_in(folder)}
    state: State = "made"
    origin = Origin("", job.settings.identity(), __version__)
    try:
        mask = mask_file(job.exclude, item.name)
        origin = _origin(item, mask, job.settings)
        if not job.overwrite and store.is_users(folder, record):
            state = "kept"
            if (
                record is None
                or not store.is_current(folder, record, origin)
                or store.has_changed(folder, record)
                or _lacks(record, job)
            ):
                record = measure_given(
                    folder / LABELS, item, job.out, job.settings,
                    exclude=mask, as_dataset=_as_dataset(record, job),
                )  # fmt: skip
        elif not job.overwrite and _is_complete(folder, record, origin, job):
            state = "unchanged"
        else:
            record = _make(item, replace(job, as_dataset=_as_dataset(record, job)), origin, mask)
        assert record is not None
        # Settings of the pooling may have changed: they are stated, and nothing is made again.
        current = replace(_failed_since(record), origin=origin)
        if record != current:
            record = current
            store.save(record, folder)
        export(folder, record, sorted(wanted))
    except Exception as error:
        return _fail(item, job.out, origin, error)
    return outcome(record, str(item.path), state)


def measure_given(
    labels: Path,
    item: Input,
    out: Path,
    settings: Settings,
    *,
    exclude: Path | None = None,
    as_dataset: bool = False,
) -> Record:
    """Measure labels made or corrected elsewhere, and write the result.

    Parameters
    ----------
    labels
        Label image; where it is the result's own ``labels.tif`` it is left as it is.
    item
        The image, and the name of its folder in OUT.
    out, settings
        Output folder; settings of the measurement.
    exclude
        Mask of pixels left out.
    as_dataset
        Whether image and labels are also written as a sample of ``OUT/dataset``.

    Raises
    ------
    InputError, UsageError
        If labels or image cannot be read or do not fit together.
    OutputError
        If the result cannot be written.
    """
    folder = out / item.name
    in_place = (folder / LABELS).exists() and labels.exists() and labels.samefile(folder / LABELS)
    pixels, of_labels = read_labels(labels)
    micrograph = read(item.path, pixel_size_nm=settings.pixel_size_nm, keep_anisotropic=True)
    micrograph = micrograph.replace(name=item.name)
    micrograph = _with_size_of(of_labels, micrograph)
    origin = _origin(item, exclude, settings)
    frames = measure_frames(micrograph, pixels, settings, exclude=_mask(exclude))
    with store.staged(out, item.name) as stage:
        fields = write_result(
            frames, micrograph, settings, stage, dataset=out / DATASET if as_dataset else None
        )
        if in_place:
            (stage / LABELS).unlink()
        record = Record(
            name=item.name,
            source=store.path_from(out, item.path),
            origin=origin,
            exclude="" if exclude is None else store.path_from(out, exclude),
            labels_by="user",
            labels_hash=store.content_hash(labels if in_place else stage / LABELS),
            **fields,
        )
        remove_old_samples(out / DATASET, store.load(folder), record)
        store.publish(record, stage, folder, keep_labels=in_place)
    return record


def _with_size_of(labels: Calibration, micrograph: Micrograph) -> Micrograph:
    """The pixel size of the labels where the image has none; where they differ, that is told."""
    theirs, own = labels.pixel_size_nm, micrograph.calibration.pixel_size_nm
    if theirs is None:
        return micrograph
    if micrograph.calibration.source == "unknown":
        return micrograph.replace(
            calibration=labels,
            flags=tuple(flag for flag in micrograph.flags if flag != "pixel_size_unknown"),
            notes=(*micrograph.notes, "The pixel size is that of the label image."),
        )
    by_user = micrograph.calibration.source == "user"
    if by_user or own is None or abs(theirs / own - 1) < _SAME_SIZE:
        return micrograph
    return micrograph.replace(
        flags=(*micrograph.flags, "pixel_size_conflict"),
        notes=(
            *micrograph.notes,
            f"The label image states {theirs:.5g} nm a pixel, the image {own:.5g} nm, which was "
            "taken; --pixel-size sets another.",
        ),
    )


def measure_input(labels: Path, image: Path, job: Job) -> Outcome:
    """`measure_given` into the folder that the image alone would get; a failure is its outcome."""
    item = Input(image, output_names([image])[image])
    before = store.load(job.out / item.name)
    if taken := _taken_by_another(item, job, before):
        return Outcome(item.name, str(labels), "failed", taken)
    try:
        record = measure_given(
            labels,
            item,
            job.out,
            job.settings,
            exclude=mask_file(job.exclude, item.name),
            as_dataset=_as_dataset(before, job),
        )
        export(job.out / item.name, record, job.exports)
    except Exception as error:
        message = one_line(error, item)
        trace = "".join(traceback.format_exception(error))
        return Outcome(item.name, str(labels), status_of(error), message, trace=trace)
    return outcome(record, str(labels), "made")


def plan(item: Input, job: Job) -> str:
    """Say what `process` would do with an input, and write nothing."""
    folder = job.out / item.name
    record = store.load(folder)
    if taken := _taken_by_another(item, job, record):
        return f"failed: {taken}"
    try:
        mask = mask_file(job.exclude, item.name)
        origin = _origin(item, mask, job.settings)
        if not job.overwrite and store.is_users(folder, record):
            return "kept: labels changed by hand"
        if not job.overwrite and _is_complete(folder, record, origin, job):
            return "left: nothing changed"
    except Exception as error:
        return f"failed: {one_line(error, item)}"
    return "segmented" if record is None else "segmented again"


def give_up(item: Input, job: Job, message: str) -> Outcome:
    """Record the failure of an input whose process died, and remove what it left half done."""
    store.remove_stage(job.out, item.name)
    origin = Origin("", job.settings.identity(), __version__)
    return _fail(item, job.out, origin, FailedInput(message))


def without_mask(exclude: Path | None, names: Iterable[str]) -> list[str]:
    """Name the inputs for which a folder of masks holds none, before anything is done.

    Raises
    ------
    UsageError
        If there is no such file or folder, or if the folder holds no input's mask.
    """
    if exclude is None or exclude.is_file():
        return []
    if not exclude.is_dir():
        raise UsageError(f"--exclude {exclude}: no such file or folder")
    names = list(names)
    missing = [name for name in names if mask_file(exclude, name) is None]
    if len(missing) == len(names):
        raise UsageError(
            f"--exclude {exclude}: holds no mask of an input; name them as the inputs are named, "
            f"{names[0]}.png or {names[0]}.tif"
        )
    return missing


def mask_file(exclude: Path | None, name: str) -> Path | None:
    """Find the mask of an input: one file for all, or ``<name>.png|tif`` in a folder."""
    if exclude is None or exclude.is_file():
        return exclude
    found = [exclude / f"{name}{suffix}" for suffix in (".png", ".tif", ".tiff")]
    return next((path for path in found if path.is_file()), None)


def outcome(record: Record, source: str, state: State) -> Outcome:
    """Say what came of an input in the terms of the closing table."""
    rows = [row for row in record.rows if row.get("n")]
    n = sum(row["n"] for row in rows)
    total = sum(row["n"] * row[f"diameter_mean_{record.unit}"] for row in rows)
    return Outcome(
        record.name, source, record.status, record.message, state, n,
        total / n if n else None, record.unit, flags=tuple(record.flags),
        method=str(record.rows[0]["method"] or "") if record.rows else "",
    )  # fmt: skip


def export(folder: Path, record: Record, exports: Iterable[str]) -> None:
    """Write the exports of one result that are asked for and not there.

    Those that are there are of these labels: a new result takes old exports away.
    """
    for kind in exports:
        path = folder / EXPORTS.get(kind, "")
        if kind not in EXPORTS or path.exists() or not record.done:
            continue
        labels, calibration = read_labels(folder / LABELS)
        if kind == "roi":
            write_rois(path, labels, calibration)
        else:
            write_geojson(path, labels, calibration, pd.read_csv(folder / PARTICLES))


def exports_in(folder: Path) -> set[str]:
    """Tell which exports a result has."""
    return {kind for kind, name in EXPORTS.items() if (folder / name).exists()}


def _make(item: Input, job: Job, origin: Origin, mask: Path | None) -> Record:
    settings = job.settings
    micrograph = read(item.path, pixel_size_nm=settings.pixel_size_nm, keep_anisotropic=True)
    micrograph = micrograph.replace(name=item.name)
    frames = analyse_frames(micrograph, settings, exclude=_mask(mask), device=job.device)
    with store.staged(job.out, item.name) as stage:
        fields = write_result(
            frames, micrograph, settings, stage,
            probability=job.probability, dataset=job.out / DATASET if job.as_dataset else None,
        )  # fmt: skip
        record = Record(
            name=item.name,
            source=store.path_from(job.out, item.path),
            origin=origin,
            exclude="" if mask is None else store.path_from(job.out, mask),
            labels_hash=store.content_hash(stage / LABELS),
            **fields,
        )
        remove_old_samples(job.out / DATASET, store.load(job.out / item.name), record)
        store.publish(record, stage, job.out / item.name)
    return record


def _origin(item: Input, mask: Path | None, settings: Settings) -> Origin:
    mask_hash = "" if mask is None else _hash(mask)
    return Origin(_hash(item.path), settings.identity(), __version__, mask_hash)


def status_of(error: Exception) -> Literal["refused", "failed"]:
    return "refused" if isinstance(error, RefusedInput) else "failed"


def _fail(item: Input, out: Path, origin: Origin, error: Exception) -> Outcome:
    """Record a failure, in place of a result that is no longer that of the input.

    A file that gave a result fails for its new settings, and they do not cost it that result.
    """
    folder = out / item.name
    before = store.load(folder)
    message = one_line(error, item)
    record = Record(item.name, store.path_from(out, item.path), origin, status_of(error), message)
    # A disk that is full for the result is full for its record: the outcome says it anyway.
    with suppress(NanosieveError):
        if before is not None and _still_there(folder, before, origin):
            store.save(_failed_since(before, message), folder)
            message += "; the result that was there stays"
        elif not store.is_users(folder, before):
            store.publish(record, None, folder)
    trace = "".join(traceback.format_exception(error))
    return replace(outcome(record, str(item.path), "made"), message=message, trace=trace)


def _taken_by_another(item: Input, job: Job, record: Record | None) -> str:
    """Say that the folder holds the result of another image, which is still there; else nothing.

    Images of one name, given by two commands, would take each other's result, or labels corrected
    by hand.
    """
    if job.overwrite or record is None or not record.done:
        return ""
    other = store.path_to(job.out, record.source)
    if store.path_from(job.out, item.path) == record.source or not other.exists():
        return ""
    try:
        if store.content_hash(item.path) == record.origin.input_hash:
            return ""
    except OSError:
        return ""
    return (
        f"{job.out / item.name} holds the result of another image, {other}, which would be lost: "
        "give another --out"
    )


def _failed_since(record: Record, message: str = "") -> Record:
    """A record with a note of what failed after it was made, in place of such notes."""
    notes = [note for note in record.notes if not note.startswith(_FAILED_SINCE)]
    if message:
        notes.append(f"{_FAILED_SINCE} {message}")
    return replace(record, notes=tuple(notes))


def _still_there(folder: Path, before: Record, origin: Origin) -> bool:
    """Whether a whole result of the same input lies in the folder; one that cannot be read is not
    known to have changed."""
    same = origin.input_hash in ("", before.origin.input_hash)
    return before.done and same and all((folder / name).is_file() for name in before.outputs)


def one_line(error: Exception, item: Input) -> str:
    if isinstance(error, NanosieveError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "not enough memory for this image; close other programs or use --jobs 1"
    else:
        text = f"unexpected {type(error).__name__}: {error}; --debug shows where"
    for prefix in (str(item.path), item.path.name, item.name):
        text = text.removeprefix(f"{prefix}: ")
    return " ".join(text.split())


def _hash(path: Path) -> str:
    try:
        return store.content_hash(path)
    except OSError as error:
        raise FailedInput(f"{path}: cannot be read: {error.strerror or error}") from error


def _mask(path: Path | None) -> np.ndarray | None:
    return None if path is None else read(path, keep_anisotropic=True).frames[0] != 0


def _is_complete(folder: Path, record: Record | None, origin: Origin, job: Job) -> bool:
    return (
        record is not None
        and store.is_current(folder, record, origin)
        and (not job.probability or (folder / PROBABILITY).is_file())
        and not _lacks(record, job)
    )


def _as_dataset(record: Record | None, job: Job) -> bool:
    """Tell whether samples are asked for, or there: these follow the result, as exports do."""
    return job.as_dataset or (record is not None and has_samples(job.out / DATASET, record))


def _lacks(record: Record, job: Job) -> bool:
    """Tell whether samples of the data set are asked for and not there."""
    return job.as_dataset and not has_samples(job.out / DATASET, record)
