"""The page of ``train``: what was learned from, how it went, and how good it became."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup

from nanosieve.report import colours
from nanosieve.report.charts import Line, Mark, Points, chart
from nanosieve.report.page import write_page
from nanosieve.report.view import Estimate

_LINES = (colours.BLUE, colours.VERMILION, colours.GREEN, colours.PURPLE, colours.ORANGE)
# More curves in one chart could not be told apart.
_MOST_CURVES = 30


@dataclass(frozen=True)
class CurveView:
    """One training: ``(n,)`` arrays over its epochs; NaN where nothing was validated."""

    name: str
    epoch: np.ndarray
    loss: np.ndarray
    dice: np.ndarray
    validation_loss: np.ndarray
    validation_dice: np.ndarray
    best: int


@dataclass(frozen=True)
class SummaryRow:
    """One score: mean over images with its interval, pooled over pixels, spread between seeds."""

    score: str
    mean: Estimate
    pooled: float | None
    seed_std: float | None
    n_images: int
    n_groups: int


@dataclass(frozen=True)
class ReliabilityView:
    """Said and found shares of particles in each bin, before and after the calibration.

    ``doubt`` is a sentence, where the probabilities are not to be trusted.
    """

    before: tuple[np.ndarray, np.ndarray]
    after: tuple[np.ndarray, np.ndarray]
    error_before: float
    error_after: float
    doubt: str = ""


@dataclass(frozen=True)
class TrainView:
    """Everything on the page of a training.

    Parameters
    ----------
    name, version
        Of the model, and of nanosieve.
    role
        ``test`` or ``validation``: which images the scores are of.
    interval
        How the intervals were made.
    warnings
        Sentences.
    summary
        Scores, Dice among them.
    curves
        One a training.
    threshold
        That of the scores, or from which to which where each training has its own.
    reliability
        Calibration on the images that are scored.
    splits
        Name of the split -> part -> names of its groups.
    images
        One row an image: name, group, and scores by column name.
    image_columns
        Columns of that table: name -> heading.
    model, settings
        Name -> value: facts about the model; the settings as text.
    sheets
        Pictures of what the network saw, encoded.
    files
        Data beside the page: text -> link.
    """

    name: str
    version: str
    role: str
    interval: str
    warnings: Sequence[str]
    summary: Sequence[SummaryRow]
    curves: Sequence[CurveView]
    threshold: str
    reliability: ReliabilityView
    splits: Mapping[str, Mapping[str, Sequence[str]]]
    images: Sequence[tuple[str, str, Mapping[str, float | None]]]
    image_columns: Mapping[str, str]
    model: Mapping[str, str]
    settings: str
    sheets: Sequence[bytes] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def headline(self) -> SummaryRow:
        """The row of Dice."""
        return next(row for row in self.summary if row.score == "dice")


def write_training(path: str | Path, view: TrainView) -> None:
    """Write ``report.html`` of a training, self-contained; the same view gives the same bytes.

    Parameters
    ----------
    path
        File to write (atomically).
    view
        What to show.
    """
    write_page(
        path,
        "train.html",
        run=view,
        figures=[
            _curves(view.curves, "loss", "loss"),
            _curves(view.curves, "dice", "Dice of pixels"),
        ],
        reliability=_reliability(view.reliability),
    )


def _curves(curves: Sequence[CurveView], name: str, label: str) -> Markup:
    """Of validation where there is one: a full line; of the tiles trained on: a dashed one."""
    marks: list[Mark] = []
    shown = curves[:_MOST_CURVES]
    for number, curve in enumerate(shown):
        colour = _LINES[number % len(_LINES)]
        validation, own = getattr(curve, f"validation_{name}"), getattr(curve, name)
        legend = curve.name if len(shown) <= len(_LINES) else ""
        if np.isfinite(validation).any():
            marks.append(Line(curve.epoch, validation, colour, legend))
            at = curve.epoch == curve.best
            marks.append(Points(curve.epoch[at], validation[at], colour))
        marks.append(Line(curve.epoch, own, colour, dashed=True))
    last = max(float(curve.epoch[-1]) for curve in shown)
    return chart(
        marks,
        x_label="epoch",
        y_label=label,
        size=(520, 260),
        x_limits=(0.0, max(last, 1.0)),
        y_limits=(0.0, 1.0) if name == "dice" else None,
        title=f"{label} by epoch",
    )


def _reliability(view: ReliabilityView) -> Markup:
    unit = (0.0, 1.0)
    diagonal = np.array(unit)
    return chart(
        [
            Line(diagonal, diagonal, colours.GREY, dashed=True),
            _known(*view.before, colours.VERMILION, "before"),
            _known(*view.after, colours.BLUE, "after"),
        ],
        x_label="probability of particle, as said",
        y_label="share of particle, as found",
        x_limits=unit,
        y_limits=unit,
        title="Reliability of the probabilities",
    )


def _known(said: np.ndarray, found: np.ndarray, colour: str, label: str) -> Line:
    there = np.isfinite(said)
    return Line(said[there], found[there], colour, label)
