"""The files of one result: labels, table, overlay and thumbnails, frame by frame."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve.batch.store import (
    CLASSES,
    LABELS,
    OVERLAY,
    PARTICLES,
    PROBABILITY,
    Record,
    thumbnail_name,
)
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.files.atomic import output_errors
from nanosieve.files.dataset_writer import NewSample, remove_sample, write_sample
from nanosieve.files.labels import (
    ClassWriter,
    LabelWriter,
    ProbabilityWriter,
    write_labels,
    write_probability,
)
from nanosieve.pipeline import FrameResult
from nanosieve.report.overlay import write_overlay

DATASET = "dataset"
# Frames of a movie that are shown: enough to see its course, few enough for a page of 2,000.
FILMSTRIP = 5
# Digits of a float in the tables: beyond what any pixel size is known to.
_DIGITS = "%.8g"


def write_result(
    frames: Iterator[FrameResult],
    micrograph: Micrograph,
    settings: Settings,
    stage: Path,
    *,
    probability: bool = False,
    dataset: Path | None = None,
) -> dict[str, Any]:
    """Write the files of a result; return what its record says of them.

    Parameters
    ----------
    frames
        Results in order; those of a movie are written as they come.
    micrograph, settings
        What they are of, and how they were made.
    stage
        Empty folder to write into.
    probability
        Whether to write ``probability.tif``.
    dataset
        Data-set folder to write image and labels into as well.

    Returns
    -------
    dict
        Fields of `nanosieve.batch.store.Record`.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    n = -(-len(micrograph) // settings.average_frames)
    writing = _Writing(stage, n, probability=probability, dataset=dataset)
    with writing.files:
        for frame in frames:
            writing.add(frame)
    return writing.fields(micrograph)


def evenly(n: int, most: int) -> list[int]:
    """Choose numbers below n, both ends among them, evenly spread.

    >>> evenly(9, 3), evenly(2, 5)
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()


def sample_name(name: str, frame: int, n_frames: int) -> str:
    """Name of an image, or of a movie's frame, in the data set."""
    return name if n_frames == 1 else f"{name}-{frame:05d}"


def has_samples(dataset: Path, record: Record) -> bool:
    """Tell whether the data set holds all frames of a result."""
    names = _sample_names(record)
    return bool(names) and all((dataset / "images" / f"{name}.tif").is_file() for name in names)


def remove_old_samples(dataset: Path, old: Record | None, new: Record) -> None:
    """Remove from the data set the frames of an earlier result that the new one does not have.

    Averaging frames, say, leaves fewer of them. Their rows of ``dataset.csv`` go when the folder
    is pooled.
    """
    if old is not None:
        kept = set(_sample_names(new))
        for name in _sample_names(old):
            if name not in kept:
                remove_sample(dataset, name)


def _sample_names(record: Record) -> list[str]:
    n = len(record.rows)
    return [sample_name(record.name, frame, n) for frame in range(n)]


class _Writing:
    """What is open, and what has been gathered, while the frames of one result come."""

    def __init__(
        self, stage: Path, n_frames: int, *, probability: bool, dataset: Path | None
    ) -> None:
        self.files = ExitStack()
        self._stage, self._n = stage, n_frames
        self._probability, self._dataset = probability, dataset
        # The contact sheet of a data set shows every frame.
        n_shown = n_frames if dataset else FILMSTRIP
        self._shown = set(evenly(n_frames, n_shown))
        self._stacks: tuple[LabelWriter, ProbabilityWriter | None] | None = None
        self._classes: ClassWriter | None = None
        self._gathered: dict[str, Any] = {
            "rows": [], "flags": set(), "notes": {}, "left_out": [], "unit": "nm",
            "history": (), "facts": {},
        }  # fmt: skip
        self._edge_shifts: list[float] = []

    def add(self, frame: FrameResult) -> None:
        """Write one frame's share of the files."""
        self._pixels(frame)
        self._class_image(frame)
        with output_errors(self._stage / PARTICLES):
            frame.particles.to_csv(
                self._stage / PARTICLES,
                mode="a",
                header=not self._gathered["rows"],
                index=False,
                float_format=_DIGITS,
                lineterminator="\n",
                encoding="utf-8",
            )
        if frame.index in self._shown:
            self._picture(frame)
        if self._dataset is not None:
            self._sample(frame, self._dataset)
        self._gather(frame)

    def fields(self, micrograph: Micrograph) -> dict[str, Any]:
        """Fields of the record."""
        gathered = self._gathered
        calibration = micrograph.calibration
        facts = {
            "shape": list(micrograph.shape),
            "dtype": micrograph.dtype.name,
            "is_movie": micrograph.is_movie,
            "pixel_size_source": calibration.source,
            "pixel_size_in_file": calibration.in_file,
            "edge_shift_px": float(np.mean(self._edge_shifts)) if self._edge_shifts else None,
        }
        return gathered | {
            "status": "ok" if any(row["n"] for row in gathered["rows"]) else "empty",
            "rows": tuple(gathered["rows"]),
            "flags": tuple(sorted(gathered["flags"])),
            "notes": tuple(gathered["notes"]),
            "left_out": tuple(gathered["left_out"]),
            "facts": facts | gathered["facts"],
            "outputs": tuple(sorted(path.name for path in self._stage.iterdir())),
        }

    def _pixels(self, frame: FrameResult) -> None:
        labels, confidence = frame.segmentation.labels, frame.segmentation.confidence
        calibration, history = frame.calibration, frame.history
        if self._n == 1:
            write_labels(self._stage / LABELS, labels, calibration, history=history)
            if self._probability:
                path = self._stage / PROBABILITY
                write_probability(path, confidence, calibration, history=history)
            return
        if self._stacks is None:
            # Only now is the pixel size known: resampling changes it.
            writer = LabelWriter(self._stage / LABELS, calibration, history=history)
            second = None
            if self._probability:
                path = self._stage / PROBABILITY
                second = self.files.enter_context(
                    ProbabilityWriter(path, calibration, history=history)
                )
            self._stacks = (self.files.enter_context(writer), second)
        self._stacks[0].append(labels)
        if self._stacks[1] is not None:
            self._stacks[1].append(confidence)

    def _class_image(self, frame: FrameResult) -> None:
        """Append the frame's classes; a dead frame, which has none, is of class 0."""
        found = frame.segmentation
        blank = np.zeros(found.labels.shape, np.uint8)
        if self._classes is None and found.class_names:
            writer = ClassWriter(
                self._stage / CLASSES, found.class_names, frame.calibration, history=frame.history
            )
            self._classes = self.files.enter_context(writer)
            for _ in range(len(self._gathered["rows"])):
                self._classes.append(blank)
        if self._classes is not None:
            self._classes.append(blank if found.classes is None else found.classes)

    def _picture(self, frame: FrameResult) -> None:
        first = frame.index == 0
        path = self._stage / (OVERLAY if first else "scratch.png")
        particles = frame.particles
        small = write_overlay(
            path,
            frame.image,
            frame.segmentation.labels,
            frame.calibration,
            not_isolated=particles.loc[~particles["isolated"], "label"].tolist(),
            excluded=frame.segmentation.excluded,
        )
        if not first:
            path.unlink()
        small_path = self._stage / thumbnail_name(frame.index)
        with output_errors(small_path):
            small_path.write_bytes(small)

    def _sample(self, frame: FrameResult, dataset: Path) -> None:
        name = str(frame.row["image"])
        sample = NewSample(
            name=sample_name(name, frame.index, self._n),
            image=frame.image,
            labels=frame.segmentation.labels,
            calibration=frame.calibration,
            group=name,
            ignore=frame.segmentation.excluded,
        )
        write_sample(dataset, sample)

    def _gather(self, frame: FrameResult) -> None:
        gathered = self._gathered
        if not gathered["rows"]:
            gathered["unit"] = frame.calibration.unit
            gathered["history"] = tuple(asdict(step) for step in frame.history)
            gathered["facts"] = _choices(frame)
        shift = frame.segmentation.settings.get("edge_shift_px")
        if shift is not None:
            self._edge_shifts.append(shift)
        gathered["rows"].append(frame.row)
        gathered["flags"].update(frame.flags)
        gathered["notes"] |= dict.fromkeys((*frame.notes, *frame.segmentation.notes))
        gathered["left_out"] += frame.left_out.tolist()


def _choices(frame: FrameResult) -> Mapping[str, Any]:
    """What was chosen for the first frame, and what is needed to correct its sizes."""
    found = frame.segmentation
    excluded = 0 if found.excluded is None else int(np.count_nonzero(found.excluded))
    return {
        "measured_shape": list(found.labels.shape),
        "analysed_share": 1 - excluded / found.labels.size,
        "choices": dict(found.settings),
    }
