"""How often each class is told right, and for what it is taken."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nanosieve.measurement.agreement.intervals import Interval, group_interval, interval_kind
from nanosieve.measurement.agreement.pixels import ratio
from nanosieve.selection.faults.classes import CLASSES
from nanosieve.selection.faults.forest import Judged


@dataclass(frozen=True)
class FaultScores:
    """Scores of one judgement.

    Parameters
    ----------
    kind
        How it was judged.
    confusion
        Rows the classes that are true, columns those predicted, both in the order of ``CLASSES``;
        how many crops.
    accuracy
        Share of crops told right, and its 95 % interval over groups.
    interval
        How the interval was made.
    balanced_accuracy
        Mean over the classes of the share told right.
    table
        One row a class: ``class, n, recall, precision, f1``.
    """

    kind: str
    confusion: pd.DataFrame
    accuracy: float
    accuracy_ends: Interval
    interval: str
    balanced_accuracy: float
    table: pd.DataFrame


def score(judged: Judged, classes: Sequence[str], groups: Sequence[str]) -> FaultScores:
    """Compare what was predicted with what is true; crops without a prediction do not count.

    Examples
    --------
    >>> judged = Judged("", ("fault", "no fault"), np.array([[0.9, 0.1], [0.6, 0.4]]))
    >>> found = score(judged, ["fault", "no fault"], ["a", "b"])
    >>> found.accuracy, found.confusion.loc["no fault", "fault"]
    (0.5, np.int64(1))
    """
    rows = [
        (true, told, group)
        for true, told, group in zip(classes, judged.predicted(), groups, strict=True)
        if told
    ]
    known = [name for name in CLASSES if name in set(classes)]
    counts = np.zeros((len(known), len(known)), int)
    for true, told, _ in rows:
        counts[known.index(true), known.index(told)] += 1
    right = np.array([true == told for true, told, _ in rows], float)
    of_group = np.array([group for *_, group in rows])
    table = pd.DataFrame([_of_class(counts, n, name) for n, name in enumerate(known)])
    return FaultScores(
        kind=judged.kind,
        confusion=pd.DataFrame(counts, index=pd.Index(known, name="true"), columns=known),
        accuracy=float(right.mean()) if len(right) else float("nan"),
        accuracy_ends=group_interval(right, of_group, bounds=(0, 1)),
        interval=interval_kind(len(set(of_group))),
        balanced_accuracy=float(table["recall"].mean()),
        table=table,
    )


def _of_class(counts: np.ndarray, place: int, name: str) -> dict[str, float | str]:
    right = int(counts[place, place])
    n, told = int(counts[place].sum()), int(counts[:, place].sum())
    return {
        "class": name,
        "n": n,
        "recall": ratio(right, n),
        "precision": ratio(right, told),
        "f1": ratio(2 * right, n + told),
    }
