"""An evaluation as the page shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nanosieve._version import __version__
from nanosieve.evaluation.confidence import CALIBRATION
from nanosieve.evaluation.cost import COST_COLUMNS
from nanosieve.evaluation.run import Evaluation
from nanosieve.evaluation.scores import SCORES, Score
from nanosieve.evaluation.summary import PAIRED
from nanosieve.measurement.agreement.intervals import same_kind
from nanosieve.report.agreement import (
    AgreementView,
    ConfidenceView,
    Curve,
    ImageRow,
    MethodView,
    ScoreCell,
    ScoreRow,
    StratumRow,
)
from nanosieve.report.view import Estimate

_HEADLINE = {"dice": "Dice", "instance_f1_50": "F1 of particles (IoU 0.5)",
             "box_centre_f1": "F1 of boxes (centre inside)"}  # fmt: skip

# A page of 2,000 images must open: the worst are looked at, the others are in the table.
MOST_PICTURES = 40

_TABLES = {
    "Pixels": ("pixel_accuracy", "balanced_accuracy", "dice", "jaccard", "precision", "recall",
               "pixel_ap", "false_positive_nm2_per_um2"),
    "Edges": ("dice_outside_band", "boundary_mean_px", "boundary_p95_px", "matched_boundary_px",
              "boundary_mean_nm", "boundary_p95_nm", "matched_boundary_nm"),
    "Particles": tuple(
        score.name for score in SCORES
        if score.name.startswith("instance_") or score.name == "false_particles_per_um2"
    ),
    "Sizes": ("diameter_bias", "diameter_difference_px", "diameter_difference_nm", "ks_distance"),
    "Boxes": tuple(score.name for score in SCORES if score.name.startswith("box_")),
}  # fmt: skip
_IMAGE_COLUMNS = {"dice": "Dice", "jaccard": "Jaccard", "instance_f1_50": "F1 at IoU 0.5",
                  "box_centre_f1": "F1 of centres"}  # fmt: skip


def page(evaluation: Evaluation, files: Mapping[str, str]) -> AgreementView:
    """Put everything into plain values.

    Parameters
    ----------
    evaluation
        What to show.
    files
        Data next to the page: text -> link.
    """
    summary = evaluation.summary
    rows = [{str(key): value for key, value in row.items()} for _, row in summary.iterrows()]
    methods = [_method(evaluation, row) for row in rows]
    images, note = _images(evaluation)
    return AgreementView(
        data=evaluation.data.resolve().name,
        version=__version__,
        development=evaluation.protocol.development,
        interval="; ".join(dict.fromkeys(summary["interval"])),
        has_intervals=bool((summary["n_groups"] > 1).all()),
        facts=_facts(evaluation),
        methods=methods,
        tables=_tables(rows),
        costs=_costs(evaluation),
        image_columns=_shown_columns(evaluation.scores),
        images=images,
        warnings=evaluation.warnings,
        problems=[
            (row["image"], row["method"], row["status"], row["message"])
            for row in evaluation.problems.to_dict("records")
        ],
        diameter_strata=_strata(evaluation.strata, "diameter_px"),
        contrast_strata=_strata(evaluation.strata, "contrast"),
        pictures_note=note,
        has_boxes=bool(evaluation.scores["n_true_boxes"].notna().any()),
        files=files,
    )


def _facts(evaluation: Evaluation) -> dict[str, str]:
    protocol, scores = evaluation.protocol, evaluation.scores
    groups = scores["group"].unique()
    named = ", ".join(map(str, groups[:12])) + (" ..." if len(groups) > 12 else "")
    facts = {
        "images": str(scores["image"].nunique()),
        "groups": f"{len(groups)}: {named}",
        "ignored": f"{protocol.ignore_margin} px along the image borders, and the ignore/ masks",
        "border band": f"dice_outside_band leaves out {protocol.band_words} on either side of the "
        "true edge",
        "empty images": "where there is nothing to find, overlap scores are blank: see "
        "false_positive_nm2_per_um2",
    }
    if protocol.split is not None:
        facts["split"] = protocol.split
    return facts


def _tables(summary: Sequence[Mapping[str, Any]]) -> dict[str, list[ScoreRow]]:
    by_name = {score.name: score for score in SCORES}
    tables = {}
    for heading, names in _TABLES.items():
        rows = [
            ScoreRow(name, by_name[name].meaning, _cells(by_name[name], summary))
            for name in names
            if any(row[f"{name}_n"] > 0 for row in summary)
        ]
        if rows:
            tables[heading] = rows
    return tables


def _costs(evaluation: Evaluation) -> list[ScoreRow]:
    """Costs as rows like those of scores, in the order of the methods."""
    costs = evaluation.costs.set_index("method")
    rows = []
    for column, meaning in COST_COLUMNS.items():
        values = costs[column].astype(float).reindex(list(evaluation.methods))
        counts = costs["n_images"].reindex(list(evaluation.methods), fill_value=0)
        if values.notna().any():
            cells = (
                ScoreCell(None if np.isnan(value) else Estimate(float(value)), int(n))
                for value, n in zip(values, counts, strict=True)
            )
            rows.append(ScoreRow(column, meaning, tuple(cells)))
    return rows


def _cells(score: Score, summary: Sequence[Mapping[str, Any]]) -> tuple[ScoreCell, ...]:
    return tuple(
        ScoreCell(
            _mean(row, score.name),
            int(row[f"{score.name}_n"]),
            float(row[f"{score.name}_pooled"]) if score.pooled else None,
        )
        for row in summary
    )


def _mean(row: Mapping[str, Any], stem: str) -> Estimate:
    """The mean; with its range only if that is of the kind that the page names."""
    if same_kind(row[f"{stem}_groups"], row["n_groups"]):
        return _estimate(row, f"{stem}_mean", stem)
    return Estimate(float(row[f"{stem}_mean"]))


def _estimate(row: Mapping[str, Any], value: str, stem: str) -> Estimate:
    return Estimate(float(row[value]), float(row[f"{stem}_low"]), float(row[f"{stem}_high"]))


def _method(evaluation: Evaluation, row: Mapping[str, Any]) -> MethodView:
    name = row["method"]
    jaccard = evaluation.scores.loc[evaluation.scores["method"] == name, "jaccard"]
    curve = evaluation.thresholds[evaluation.thresholds["method"] == name]
    sizes = evaluation.sizes.get(name)
    return MethodView(
        name=name,
        words=evaluation.methods[name],
        n_scored=int(row["n_scored"]),
        n_images=int(row["n_images"]),
        headline={label: _mean(row, stem) for stem, label in _HEADLINE.items() if row[f"{stem}_n"]},
        confusion=_confusion(row),
        jaccard=jaccard.dropna().to_numpy(float),
        curve=Curve(
            *(curve[c].to_numpy(float) for c in ("threshold", "precision", "recall", "dice"))
        )
        if len(curve)
        else None,
        unit="px" if sizes is None else sizes[0],
        true=np.zeros(0) if sizes is None else sizes[1].true,
        predicted=np.zeros(0) if sizes is None else sizes[1].predicted,
        confidence=[
            ConfidenceView(
                truth=CALIBRATION[stem],
                error=Estimate(one.bins.error, one.interval.low, one.interval.high),
                brier=one.brier,
                mean_said=one.said,
                mean_found=one.found,
                count=one.bins.count,
                said=one.bins.said,
                found=one.bins.found,
            )
            for stem, one in evaluation.confidence[name].items()
        ],
        differences={
            stem: _estimate(row, f"{stem}_difference", f"{stem}_difference")
            for stem in PAIRED
            if f"{stem}_difference" in row and np.isfinite(row[f"{stem}_difference"])
        },
    )


def _confusion(row: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    if pd.isna(row["tp_px"]):
        return None
    return int(row["tp_px"]), int(row["fp_px"]), int(row["fn_px"]), int(row["tn_px"])


def _strata(table: pd.DataFrame, kind: str) -> list[StratumRow]:
    of_kind = table[table["stratum"] == kind]
    rows = []
    for low, stratum in of_kind.groupby("low", sort=True):
        high = float(stratum["high"].iloc[0])
        label = f"{low:.3g} to {high:.3g}" if np.isfinite(high) else f"from {low:.3g}"
        cells = {
            row["method"]: (
                row["recall"], row["mean_iou"], row["diameter_bias"], row["precision"]
            )
            for row in stratum.to_dict("records")
        }  # fmt: skip
        rows.append(StratumRow(label, int(stratum["n_true"].max()), cells))
    return rows


def _shown_columns(scores: pd.DataFrame) -> dict[str, str]:
    return {
        column: heading
        for column, heading in _IMAGE_COLUMNS.items()
        if scores[column].notna().any()
    }


def _images(evaluation: Evaluation) -> tuple[list[ImageRow], str]:
    """All images, those whose maps are shown first and the worst of them foremost."""
    columns = _shown_columns(evaluation.scores)
    first = next(iter(evaluation.methods))
    order = _worst_first(evaluation.scores[evaluation.scores["method"] == first])
    rows = []
    for number, name in enumerate(order):
        of_image = evaluation.scores[evaluation.scores["image"] == name]
        pictures = {
            method: evaluation.pictures[name, method]
            for method in evaluation.methods
            if number < MOST_PICTURES and (name, method) in evaluation.pictures
        }
        values = {
            row["method"]: {
                column: None if pd.isna(row[column]) else float(row[column]) for column in columns
            }
            for _, row in of_image.iterrows()
        }
        rows.append(ImageRow(name, str(of_image["group"].iloc[0]), values, pictures))
    shown = (
        f"The {MOST_PICTURES} worst of {len(order)} images" if len(order) > MOST_PICTURES else ""
    )
    return rows, f"{shown or 'Images'}, worst first by {first}."


def _worst_first(scores: pd.DataFrame) -> Sequence[str]:
    """By Jaccard, or where there is none by boxes; what has neither comes last."""
    by = scores["jaccard"].fillna(scores["box_centre_f1"])
    return scores.assign(by=by).sort_values(["by", "image"])["image"].tolist()
