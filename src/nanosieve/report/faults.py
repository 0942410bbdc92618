"""The page of ``faults train``: how often each class is told right, and what is taken for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nanosieve.report.page import write_page
from nanosieve.report.view import Estimate


@dataclass(frozen=True)
class ClassRow:
    """One class: how many crops, and shares of them; ``None`` where nothing was told."""

    name: str
    n: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class ConfusionView:
    """One judgement.

    Parameters
    ----------
    kind
        How it was judged.
    accuracy
        Share told right, with its interval.
    interval
        How the interval was made.
    balanced_accuracy
        Mean over the classes.
    classes
        A row each.
    counts
        ``counts[true][told]`` in the order of ``classes``.
    """

    kind: str
    accuracy: Estimate
    interval: str
    balanced_accuracy: float | None
    classes: Sequence[ClassRow]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True)
class CropView:
    """A crop that was told wrong: its picture, where it is, what it is, what it was taken for."""

    picture: bytes
    where: str
    true: str
    told: str
    probability: float


@dataclass(frozen=True)
class FaultsView:
    """Everything on the page.

    Parameters
    ----------
    version
        Of nanosieve.
    facts
        Name -> words.
    judgements
        The one to rely on first.
    wrong
        Crops told wrong, the surest first.
    files
        Names of the tables beside the page.
    warning
        What must be known before any figure; blank for nothing.
    """

    version: str
    facts: dict[str, str]
    judgements: Sequence[ConfusionView]
    wrong: Sequence[CropView]
    files: Sequence[str]
    warning: str = ""


def write_faults_page(path: str | Path, view: FaultsView) -> None:
    """Write ``report.html`` of a training, self-contained; the same view gives the same bytes.

    Parameters
    ----------
    path
        File to write (atomically).
    view
        What to show.
    """
    write_page(path, "faults.html", run=view)
