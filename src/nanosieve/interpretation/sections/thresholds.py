"""Section: scores against the threshold, over a data set."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.sections.fields import LINES
from nanosieve.interpretation.subject import on_grid, subject_from_data, view_of
from nanosieve.interpretation.thresholds import SCORES, Curves, curves
from nanosieve.measurement.agreement.thresholds import probability_histogram
from nanosieve.report.charts import Band, Line, Mark, Rule, chart
from nanosieve.report.text import number

Progress = Callable[[int, int], None]
_TEXT = (
    "Pixels at or above the threshold are particle. Lines: means over images; bands: one standard "
    "deviation between images, cut to 0 ... 1 (Horwath et al. 2020, Figs. 6 and 7). A flat curve "
    "means that the choice of the threshold hardly matters; a network whose edges are wide has a "
    "sloping one. Dashed: the threshold of the model.",
)
_NOT = (
    "a way to choose a threshold and score it at once: the best one is chosen on the very images "
    "it is scored on. On images that the network was trained on all scores flatter."
)


def section(
    models: list[TrainedNetwork],
    samples: Sequence[Sample],
    output: Output,
    progress: Progress | None = None,
) -> tuple[Section, dict[str, Curves]]:
    """Score images of `labelled`; writes ``thresholds.csv``. Also the curves by model."""
    of_model = _histograms(models, samples, progress)
    found = {name: curves(histograms) for name, histograms in of_model.items()}
    tables = [result.table.assign(model=name) for name, result in found.items()]
    joined = pd.concat(tables)
    output.table("thresholds.csv", joined[["model", *joined.columns.drop("model")]])
    charts = [
        Figure(
            output.chart(f"thresholds-{score}.svg", _chart(score, models, found)),
            f"{_NAMES[score]} of pixels against the threshold.",
        )
        for score in ("f1", "precision", "recall")
    ]
    rows = [_cells(model, found[model.name]) for model in models]
    table = Table(
        ("model", "images", "F1 at its threshold", "best F1", "at", "within 0.01 of it"), rows,
        "F1 is the mean over images, in brackets the "
        "standard deviation between them.",
    )  # fmt: skip
    return Section("thresholds", "Thresholds", _TEXT, [Group("", [table, *charts])], _NOT), found


_NAMES = dict(zip(SCORES, ("Precision", "Recall", "F1"), strict=True))


def labelled(data: Dataset) -> list[Sample]:
    """Images that have a mask, those that tell what particles look like first.

    Raises
    ------
    UsageError
        If no mask has both particles and support.
    """
    masks = [(one, one.mask()) for one in data]
    known = [(one, bool(mask.any() and not mask.all())) for one, mask in masks if mask is not None]
    if not any(both for _, both in known):
        raise UsageError(f"{data.path}: no image has a mask with particles and support in it")
    return [one for one, _ in sorted(known, key=lambda pair: not pair[1])]


def _histograms(
    models: Sequence[TrainedNetwork], samples: Sequence[Sample], progress: Progress | None
) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {model.name: [] for model in models}
    seen: Counter[Polarity] = Counter()
    for done, one in enumerate(samples, start=1):
        mask, ignore = one.mask(), one.ignore()
        assert mask is not None
        # An image of support alone is taken to be like most of the others: it must count, because
        # everything found in it is false.
        alone = mask.all() or not mask.any()
        subject = subject_from_data(one, seen.most_common(1)[0][0] if alone else None)
        seen[subject.polarity] += 1
        valid = None if ignore is None else ~ignore
        for model in models:
            view = view_of(subject, model, side=None)
            own = on_grid(view, model.probability(view.prepared), one.shape)
            found[model.name].append(probability_histogram(mask, own, valid=valid))
        if progress is not None:
            progress(done, len(samples))
    return found


def _cells(model: TrainedNetwork, result: Curves) -> list[str]:
    place = int(np.argmin(np.abs(result.table["threshold"].to_numpy() - model.threshold)))
    row = result.table.iloc[place]
    low, high = result.stable
    return [
        model.name, str(result.n_images),
        f"{row['f1_mean']:.3f} ({number(row['f1_std'], 2)}) at {model.threshold:.2f}",
        f"{result.best_f1:.3f}", f"{result.best_threshold:.2f}", f"{low:.2f} to {high:.2f}",
    ]  # fmt: skip


def _chart(score: str, models: Sequence[TrainedNetwork], found: dict[str, Curves]) -> Markup:
    marks: list[Mark] = []
    for index, model in enumerate(models):
        table, colour = found[model.name].table, LINES[index % len(LINES)]
        x = table["threshold"].to_numpy()
        mean = table[f"{score}_mean"].to_numpy()
        spread = table[f"{score}_std"].to_numpy()
        band = [np.clip(mean + sign * spread, 0, 1) for sign in (-1, 1)]
        marks += [
            Band(x, band[0], band[1], colour),
            Line(x, mean, colour, model.name),
            Rule(model.threshold, colour, dashed=True),
        ]
    return chart(
        marks, x_label="threshold of the probability", y_label=f"{_NAMES[score]} of pixels",
        x_limits=(0.0, 1.0), y_limits=(0.0, 1.0), title=f"{_NAMES[score]} against the threshold",
    )  # fmt: skip
