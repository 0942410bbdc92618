"""The end of a run: scores, threshold and temperature, the model's files, the page."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nanosieve.training import run_folder
from nanosieve.training.calibration import (
    TEMPERATURES,
    calibrated,
    calibration_doubt,
    expected_calibration_error,
    fit_temperature,
)
from nanosieve.training.config import TrainConfig
from nanosieve.training.finetune import make_network
from nanosieve.training.history import write_history
from nanosieve.training.outcome import Final, Outcome, RunData, trained_network, write_table
from nanosieve.training.package import Findings, write_model
from nanosieve.training.page import write_run_page
from nanosieve.training.scores import Role, pooled_histogram, score_row, summarise
from nanosieve.training.targets import Target
from nanosieve.training.threshold import choose_threshold, confusion_at
from nanosieve.training.trust import run_trust

# Dice over that of calling every pixel a particle, below which nothing was learned.
_LEAST_GAIN = 0.05


def finish(data: RunData, outcomes: Sequence[Outcome], final: Final | None) -> None:
    """Write tables, model and page; the run is complete once its record says so."""
    config, out = data.config, data.folder
    rows: list[Any] = [{"split": outcome.split.name, "seed": outcome.seed} | row
            for outcome in outcomes for row in outcome.trained.history]  # fmt: skip
    if final is not None and len({outcome.split.name for outcome in outcomes}) > 1:
        rows += [{"split": "final", "seed": config.seeds[0]} | row for row in final.trained.history]
    write_history(out / "history.csv", rows, leading=("split", "seed"))
    role: Role = "test" if any(outcome.split.test for outcome in outcomes) else "validation"
    scores, validation_dice = _scores(data, outcomes, role)
    before, after = _margins(data, outcomes, role)
    summary = summarise(scores)
    for name, table in (("scores.csv", scores), ("summary.csv", summary)):
        write_table(out / name, table)
    best = [outcome.trained.best for outcome in outcomes]
    result: dict[str, Any] = {
        "role": role,
        "validation_loss": [row["validation_loss"] for row in best],
        "validation_dice": validation_dice,
        "best_epochs": [row["epoch"] for row in best],
        "warnings": sorted({outcome.split.warning() for outcome in outcomes} - {""}),
        "n_parameters": sum(v.numel() for v in make_network(config).parameters()),
    }
    if final is not None:
        margins = pooled_histogram(final.judged)
        temperature, threshold = _chosen(config, data.target, margins)
        result["warnings"] += _doubts(margins, temperature, float(np.mean(validation_dice)))
        errors = [expected_calibration_error(one) for one in (before, after)]
        result["warnings"] += filter(None, [calibration_doubt(*errors)])
        result |= {
            "threshold": threshold,
            "temperature": temperature,
            "calibration_error_before": errors[0],
            "calibration_error": errors[1],
            "final": final.words,
        }
        trust, said = run_trust(data, outcomes, final, temperature=temperature, threshold=threshold)
        result["trust"] = said
        findings = Findings(threshold, temperature, _card_scores(summary, result),
                            [final.words, *result["warnings"]], trust)  # fmt: skip
        images = [data.images[place] for place in final.places]
        card = write_model(out, trained_network(config, final.trained), config, images, findings)
        groups = {outcome.split.name: outcome.split.groups(data.images) for outcome in outcomes}
        write_run_page(out, config, card, groups, result, (before, after))
    record = run_folder.read_record(out)
    assert record is not None
    run_folder.write_record(out, record | {"result": result, "complete": True})


def _chosen(config: TrainConfig, target: Target, histogram: np.ndarray) -> tuple[float, float]:
    """Temperature and threshold from margins."""
    # Of more than two exclusive classes margins do not scale with the logits' temperature.
    scalable = target.activation == "sigmoid" or len(target.classes) == 2
    temperature = fit_temperature(histogram) if scalable else 1.0
    threshold = choose_threshold(
        histogram, config.threshold.rule, temperature=temperature, fixed=config.threshold.value
    )
    return temperature, threshold


def _doubts(margins: np.ndarray, temperature: float, dice: float) -> list[str]:
    """Whether the network has learned anything: sentences for whoever would use it."""
    found = []
    share = float(margins[1].sum() / margins.sum())
    blind = 2 * share / (1 + share)
    if dice < blind + _LEAST_GAIN:
        found.append(
            f"Validation Dice {dice:.2f} is hardly more than that of calling every pixel a "
            f"particle, {blind:.2f}: the network has learned next to nothing; train longer or at "
            "a higher rate."
        )
    if not 1.01 * TEMPERATURES[0] < temperature < 0.99 * TEMPERATURES[1]:
        found.append(
            f"The temperature stands at its limit, {temperature:.3g}: the probabilities are not "
            "calibrated."
        )
    return found


def _scores(
    data: RunData, outcomes: Sequence[Outcome], role: Role
) -> tuple[pd.DataFrame, list[float]]:
    """Score each image that was kept from a training, by what that training's own validation set.

    Test images where there are any, else those of validation; and each training's Dice over the
    pixels of its validation images.
    """
    rows, dice = [], []
    for outcome in outcomes:
        histogram = _pooled(outcome, "validation")
        temperature, threshold = _chosen(data.config, data.target, histogram)
        dice.append(confusion_at(histogram, threshold, temperature).dice)
        rows += [score_row(one, threshold, temperature)
                 for one in outcome.judged if one.role == role]  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["image", "split", "seed"], ignore_index=True)
    return table, dice


def _margins(
    data: RunData, outcomes: Sequence[Outcome], role: Role
) -> tuple[np.ndarray, np.ndarray]:
    """Margins of the images that are scored, before and after calibration.

    Each training's temperature comes from its own validation groups: of test images, the error
    after it is that of images on which nothing was fitted.
    """
    before = [_pooled(outcome, role) for outcome in outcomes]
    temperatures = [
        _chosen(data.config, data.target, _pooled(outcome, "validation"))[0] for outcome in outcomes
    ]
    after = [calibrated(*pair) for pair in zip(before, temperatures, strict=True)]
    return np.sum(before, axis=0), np.sum(after, axis=0)


def _pooled(outcome: Outcome, role: Role) -> np.ndarray:
    return pooled_histogram([one for one in outcome.judged if one.role == role])


def _card_scores(summary: pd.DataFrame, result: dict[str, Any]) -> dict[str, float]:
    prefix = "" if result["role"] == "validation" else "test_"
    means = summary.set_index("score")
    named = {prefix + str(name): value for name, value in means["mean"].items()}
    for end in ("low", "high"):
        named[f"{prefix}dice_{end}"] = means.loc["dice", end]
    for name in ("calibration_error_before", "calibration_error"):
        named[name] = result[name]
    return {name: round(float(value), 5) for name, value in named.items() if np.isfinite(value)}
