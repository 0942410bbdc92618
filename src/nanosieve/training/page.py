"""A run as its page shows it."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from nanosieve._version import __version__
from nanosieve.models.card import ModelCard
from nanosieve.report.training import (
    CurveView,
    ReliabilityView,
    SummaryRow,
    TrainView,
    write_training,
)
from nanosieve.report.view import Estimate
from nanosieve.training.calibration import calibration_doubt, reliability
from nanosieve.training.config import TrainConfig

_COLUMNS = {
    "dice": "Dice", "jaccard": "Jaccard", "precision": "precision", "recall": "recall",
    "calibration_error": "calibration error",
}  # fmt: skip
_SCORED = ("dice", "jaccard", "precision", "recall", "pixel_accuracy", "balanced_accuracy")
_FILES = (
    "scores.csv", "summary.csv", "history.csv", "splits.csv", "settings.toml", "model.onnx",
    "model.safetensors", "sheet.png",
)  # fmt: skip


def write_run_page(
    out: Path,
    config: TrainConfig,
    card: ModelCard,
    groups: Mapping[str, Mapping[str, Sequence[str]]],
    result: Mapping[str, Any],
    margins: tuple[np.ndarray, np.ndarray],
) -> None:
    """Write ``report.html`` from the tables that lie in the folder of the run.

    Parameters
    ----------
    out
        Folder of the run.
    config
        Its settings.
    card
        Of its model.
    groups
        Split -> part -> names of groups.
    result
        What ``run.json`` says of the outcome.
    margins
        ``(2, N_BINS)`` of the images that are scored, before and after calibration.
    """
    tables = (pd.read_csv(out / f"{name}.csv") for name in ("scores", "summary", "history"))
    scores, summary, history = tables
    before, after = map(reliability, margins)
    errors = result["calibration_error_before"], result["calibration_error"]
    view = TrainView(
        name=config.name,
        version=__version__,
        role=result["role"],
        interval="; ".join(summary["interval"].unique()),
        warnings=result["warnings"],
        summary=_summary(summary),
        curves=_curves(history),
        reliability=ReliabilityView(before, after, *errors, calibration_doubt(*errors)),
        threshold=_span(scores["threshold"]),
        splits=groups,
        images=_images(scores),
        image_columns=_COLUMNS,
        model=_facts(card, result),
        settings=config.dump(),
        sheets=[_smaller(path) for path in sorted(out.glob("sheet*.png"))],
        files={name: name for name in _FILES if (out / name).exists()},
    )
    write_training(out / "report.html", view)


def _span(values: pd.Series) -> str:
    """From the least to the largest, where they differ.

    >>> _span(pd.Series([0.4, 0.25])), _span(pd.Series([0.4]))
    ('0.25 to 0.4', '0.4')
    """
    return " to ".join(dict.fromkeys(f"{end:.3g}" for end in (values.min(), values.max())))


def _summary(summary: pd.DataFrame) -> list[SummaryRow]:
    by_name = {row["score"]: row for row in summary.to_dict("records")}
    return [
        SummaryRow(
            name,
            Estimate(row["mean"], row["low"], row["high"]),
            row["pooled"],
            row["seed_std"],
            row["n_images"],
            row["n_groups"],
        )
        for name in _SCORED
        if (row := by_name[name])["n_images"]
    ]


def _curves(history: pd.DataFrame) -> list[CurveView]:
    return [
        CurveView(
            name=f"{split}, seed {seed}",
            epoch=rows["epoch"].to_numpy(float),
            loss=rows["loss"].to_numpy(float),
            dice=rows["dice"].to_numpy(float),
            validation_loss=rows["validation_loss"].to_numpy(float),
            validation_dice=rows["validation_dice"].to_numpy(float),
            best=int(rows.loc[rows["best"] == 1, "epoch"].iloc[-1]),
        )
        for (split, seed), rows in history.groupby(["split", "seed"], sort=False)
    ]


def _images(scores: pd.DataFrame) -> list[tuple[str, str, dict[str, float | None]]]:
    """Each image once, its scores averaged over trainings; the worst first."""
    means = scores.groupby(["image", "group"], as_index=False)[list(_COLUMNS)].mean()
    ordered = means.sort_values(["dice", "image"])
    return [
        (
            str(row["image"]),
            str(row["group"]),
            {name: None if pd.isna(row[name]) else float(row[name]) for name in _COLUMNS},
        )
        for row in ordered.to_dict("records")
    ]


def _facts(card: ModelCard, result: Mapping[str, Any]) -> dict[str, str]:
    settings = ", ".join(f"{name} = {value}" for name, value in card.settings.items())
    size = card.pixel_size_nm
    field = f"{card.receptive_field_px} px"
    if card.pixel_size_range_nm is not None:
        low, high = (card.receptive_field_px * end for end in card.pixel_size_range_nm)
        field += f" ({low:.3g} nm)" if low == high else f" ({low:.3g} to {high:.3g} nm)"
    diameters = card.diameter_range_px
    return {
        "network": f"{card.network} ({settings})",
        "weights": f"{card.n_parameters:,}",
        "receptive field": field,
        "trained at": "the images' own pixels" if size is None else f"{size:g} nm a pixel",
        "diameters seen": "–"
        if diameters is None
        else f"{diameters[0]:.3g} to {diameters[1]:.3g} px",
        "polarity": card.polarity,
        "threshold": f"{card.threshold:.4g}",
        "temperature": f"{card.temperature:.4g}",
        "how it was chosen": result["final"],
        "confidence of particles": result["trust"],
        "images": f"{card.data.n_images} of {card.data.description}",
        "licence": card.licence,
    }


def _smaller(path: Path) -> bytes:
    """A tenth of the bytes: noise does not compress without loss."""
    stream = io.BytesIO()
    with Image.open(path) as sheet:
        sheet.convert("RGB").save(stream, "WEBP", quality=70)
    return stream.getvalue()
