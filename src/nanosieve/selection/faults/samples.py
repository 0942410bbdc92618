"""Labelled crops: what a forest is grown from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from nanosieve.batch.labelled_frames import LabelledFrame, labelled_frames
from nanosieve.core.errors import UsageError
from nanosieve.selection.faults.classes import Labelled
from nanosieve.selection.faults.crops import Crop, Cutter


@dataclass(frozen=True, eq=False)
class Samples:
    """Crops with their classes.

    Parameters
    ----------
    rows
        One a crop; squares of bare support have the label 0.
    crops
        As many.
    small
        How many labelled particles were too small to be cut out.
    """

    rows: tuple[Labelled, ...]
    crops: tuple[Crop, ...]
    small: int

    @property
    def classes(self) -> list[str]:
        """Class of each crop."""
        return [row.of_class for row in self.rows]

    @property
    def groups(self) -> list[str]:
        """Group of each crop."""
        return [row.group for row in self.rows]


def gather(
    out: Path, labelled: Sequence[Labelled], *, background: int = 0, seed: int = 0
) -> Samples:
    """Cut the particles of a table out of a segmented folder.

    Parameters
    ----------
    out
        Folder of ``nanosieve segment``.
    labelled
        Particles and their classes.
    background
        How many squares of bare support to add as ``empty``, evenly over the images, of the size
        and outline of their particles.
    seed
        Of the places of these.

    Raises
    ------
    UsageError
        If a row names an image, frame or particle that is not there.
    InputError
        If an image or its labels cannot be read.
    """
    rows: list[Labelled] = []
    crops: list[Crop] = []
    small = 0
    rng = np.random.default_rng(seed)
    by_image = sorted(labelled, key=lambda row: (row.image, row.frame))
    frames = sorted({(row.image, row.frame) for row in by_image})
    for image, of_image in groupby(by_image, key=lambda row: row.image):
        wanted = {number: list(some) for number, some in groupby(of_image, lambda row: row.frame)}
        for frame in _frames(out, image, wanted):
            cutter = cutter_of(frame)
            crops_here = [(row, _crop(cutter, row)) for row in wanted[frame.frame]]
            found = [(row, crop) for row, crop in crops_here if crop is not None]
            small += len(crops_here) - len(found)
            place = frames.index((image, frame.frame))
            share = background * (place + 1) // len(frames) - background * place // len(frames)
            found += _bare(cutter, found, share, rng)
            rows += [row for row, _ in found]
            crops += [crop for _, crop in found]
    return Samples(tuple(rows), tuple(crops), small)


def cutter_of(frame: LabelledFrame) -> Cutter:
    """Cutter of the particles of a frame."""
    return Cutter(frame.pixels, frame.labels, pixel_size_nm=frame.pixel_size_nm)


def _frames(out: Path, image: str, wanted: dict[int, list[Labelled]]) -> Iterator[LabelledFrame]:
    missing = set(wanted)
    for frame in labelled_frames(out, image):
        if frame.frame in missing:
            missing.remove(frame.frame)
            yield frame
        if not missing:
            return
    row = wanted[min(missing)][0].row
    raise UsageError(f"row {row} of the classes: {image} has no frame {min(missing)}")


def _crop(cutter: Cutter, row: Labelled) -> Crop | None:
    if row.label not in cutter.labels:
        raise UsageError(
            f"row {row.row} of the classes: {row.image} has no particle {row.label}; were its "
            "labels made again since?"
        )
    return cutter.crop(row.label)


def _bare(
    cutter: Cutter,
    like: Sequence[tuple[Labelled, Crop]],
    count: int,
    rng: np.random.Generator,
) -> list[tuple[Labelled, Crop]]:
    """Squares of bare support, as large as crops of the frame; fewer where there is no room."""
    found = []
    for _ in range(count if like else 0):
        row, crop = like[int(rng.integers(len(like)))]
        bare = cutter.bare(crop, rng=rng)
        if bare is not None:
            found.append((replace(row, label=0, of_class="empty", row=0), bare))
    return found
