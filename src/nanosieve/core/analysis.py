"""What an analysis gives: a frame's result, and all frames' together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nanosieve.core.micrograph import Calibration, Micrograph, Step
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FrameResult:
    """One frame, or the mean of several, from raw pixels to a summary row.

    Parameters
    ----------
    index
        Number of the frame (of the group of averaged frames), from 0.
    image
        ``(y, x)`` pixels that were measured: the file's own dtype and units where no averaging
        or resampling made others.
    calibration
        Pixel size of ``image`` and of the labels.
    segmentation
        Labels on the grid of ``image``.
    particles
        Particle table.
    row
        Row of the summary table, by column.
    left_out
        Diameters of the particles that ``isolated_only`` took out, in the unit of the table.
    flags
        Codes about the image.
    notes
        Sentences for the report.
    history
        What was done, in order.
    """

    index: int
    image: np.ndarray
    calibration: Calibration
    segmentation: Segmentation
    particles: "pd.DataFrame"
    row: Mapping[str, Any]
    left_out: np.ndarray
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    history: tuple[Step, ...]


@dataclass(frozen=True)
class Analysis:
    """All frames of a micrograph analysed.

    Parameters
    ----------
    micrograph, settings
        What was analysed, and how.
    segmentations
        One a frame (or group of averaged frames).
    particles
        All particles: columns `nanosieve.core.schema.particle_columns`.
    summary
        One row a frame: columns `nanosieve.core.schema.summary_columns`.
    history
        What was done to the first frame, in order; settings that are chosen from the image may
        differ in the others: ``segmentations[i].settings``.
    """

    micrograph: Micrograph
    settings: Settings
    segmentations: tuple[Segmentation, ...]
    particles: "pd.DataFrame"
    summary: "pd.DataFrame"
    history: tuple[Step, ...]
