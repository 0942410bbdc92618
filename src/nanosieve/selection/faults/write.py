"""The files of a training: the model, what was told of each crop, the page."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from nanosieve._version import __version__
from nanosieve.files.atomic import output_errors
from nanosieve.files.table import write_table
from nanosieve.report.faults import (
    ClassRow,
    ConfusionView,
    CropView,
    FaultsView,
    write_faults_page,
)
from nanosieve.report.view import Estimate
from nanosieve.selection.faults.crops import Crop
from nanosieve.selection.faults.model_file import save_model
from nanosieve.selection.faults.run import Trained
from nanosieve.selection.faults.scores import FaultScores

MODEL, CONFUSION, PREDICTIONS, PAGE = (
    "faults.skops", "confusion.csv", "predictions.csv", "report.html",
)  # fmt: skip
DIGITS = 4
"""Significant digits of probabilities in tables."""

# Crops told wrong that the page shows, and their side there.
_SHOWN, _SIDE = 24, 160


def write_training(trained: Trained, out: str | Path) -> Path:
    """Write ``faults.skops``, ``confusion.csv``, ``predictions.csv`` and ``report.html``.

    Parameters
    ----------
    trained
        What to write.
    out
        Folder, made if it is not there.

    Returns
    -------
    pathlib.Path
        The model.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    out = Path(out)
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    best = trained.scores[0]
    write_table(out / CONFUSION, best.confusion.reset_index())
    write_table(out / PREDICTIONS, predictions(trained), digits=DIGITS)
    write_faults_page(out / PAGE, _view(trained))
    save_model(out / MODEL, trained.model, trained.described.values)
    return out / MODEL


def predictions(trained: Trained) -> pd.DataFrame:
    """What was told of each crop by trees that had not seen it.

    Returns
    -------
    pandas.DataFrame
        ``image, frame, label, group, true, told`` and the probability of each class.
    """
    judged, rows = trained.judged, trained.samples.rows
    table = pd.DataFrame(
        {
            "image": [row.image for row in rows],
            "frame": [row.frame for row in rows],
            "label": [row.label for row in rows],
            "group": [row.group for row in rows],
            "true": [row.of_class for row in rows],
            "told": judged.predicted(),
        }
    )
    for column, name in enumerate(judged.classes):
        table[f"p_{name.replace(' ', '_')}"] = judged.probabilities[:, column]
    return table


def _view(trained: Trained) -> FaultsView:
    card, samples = trained.model.card, trained.samples
    growth = ", ".join(
        f"{count} {name}" for name, count in zip(card.classes, card.counts, strict=True)
    )
    facts = {
        "crops": f"{len(samples.crops)}: {growth}",
        "groups": str(card.groups),
        "figures of a crop": f"{len(card.names)} ({card.features}), frequencies in 1/{card.unit}",
        "trees": str(trained.model.forest.n_estimators),
    }
    if samples.small:
        facts["left out"] = f"{samples.small} too small to be cut out"
    alone = card.groups == 1
    return FaultsView(
        version=__version__,
        facts=facts,
        judgements=[_judgement(one) for one in trained.scores],
        wrong=_wrong(trained),
        files=[MODEL, CONFUSION, PREDICTIONS],
        warning="All crops are of one group: nothing is known of other images." if alone else "",
    )


def _judgement(scores: FaultScores) -> ConfusionView:
    ends = [None if np.isnan(end) else float(end) for end in scores.accuracy_ends]
    return ConfusionView(
        kind=scores.kind,
        accuracy=Estimate(scores.accuracy, *ends),
        interval=scores.interval,
        balanced_accuracy=scores.balanced_accuracy,
        classes=[
            ClassRow(row["class"], int(row["n"]), row["recall"], row["precision"], row["f1"])
            for row in scores.table.to_dict("records")
        ],
        counts=scores.confusion.to_numpy().tolist(),
    )


def _wrong(trained: Trained) -> list[CropView]:
    judged, rows = trained.judged, trained.samples.rows
    sure = judged.probabilities.max(axis=1)
    told = judged.predicted()
    places = [n for n in np.argsort(-sure, kind="stable") if told[n] not in ("", rows[n].of_class)]
    return [
        CropView(
            picture=_picture(trained.samples.crops[n]),
            where=f"{rows[n].image} {rows[n].label}",
            true=rows[n].of_class,
            told=told[n],
            probability=float(sure[n]),
        )
        for n in places[:_SHOWN]
    ]


def _picture(crop: Crop) -> bytes:
    low, high = np.percentile(crop.pixels, [0.5, 99.5])
    grey = np.clip((crop.pixels - low) / max(float(high - low), 1e-6), 0, 1) * 255
    buffer = io.BytesIO()
    picture = Image.fromarray(grey.astype(np.uint8)).resize(
        (_SIDE, _SIDE), Image.Resampling.BICUBIC
    )
    picture.save(buffer, "PNG")
    return buffer.getvalue()
