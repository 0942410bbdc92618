"""``nanosieve train`` from settings to model: check, divide, train, judge, package, report."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from accelerate import Accelerator

from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Device
from nanosieve.files.atomic import atomic_path
from nanosieve.networks import Network
from nanosieve.training import run_folder
from nanosieve.training.calibration import expected_calibration_error, fit_temperature
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage, load_images
from nanosieve.training.finetune import make_network
from nanosieve.training.hardware import accelerator, seed_torch
from nanosieve.training.history import write_history
from nanosieve.training.judge import judge, load_judged, save_judged
from nanosieve.training.loop import Task, Trained, Watch, train_one, unwatched
from nanosieve.training.losses import balanced_weights
from nanosieve.training.package import Findings, write_model
from nanosieve.training.page import write_run_page
from nanosieve.training.scores import Judged, pooled_histogram, score_row, summarise
from nanosieve.training.sheet import write_sheet
from nanosieve.training.splits import Split, splits
from nanosieve.training.targets import Target, class_counts
from nanosieve.training.threshold import choose_threshold
from nanosieve.training.tiles import TileSet


@dataclass(frozen=True)
class Run:
    """A complete run, as it lies in its folder.

    Parameters
    ----------
    folder
        ``RUN``.
    was_complete
        Whether it was so before: then nothing was done.
    is_main
        Whether this process is the one that tells of it, where there are several.
    """

    folder: Path
    was_complete: bool = False
    is_main: bool = True

    @property
    def summary(self) -> pd.DataFrame:
        """Scores with their intervals, one row each: see `nanosieve.training.scores.summarise`."""
        return pd.read_csv(self.folder / "summary.csv")

    @property
    def result(self) -> dict[str, Any]:
        """Threshold, temperature, calibration errors, best epochs and warnings."""
        record = run_folder.read_record(self.folder)
        assert record is not None
        return dict(record["result"])


@dataclass(frozen=True)
class _Data:
    """What all trainings of a run share."""

    config: TrainConfig
    images: list[TrainingImage]
    target: Target
    folder: Path
    hardware: Accelerator
    resume: bool
    watch: Watch

    def tiles(self, places: Sequence[int], *, training: bool) -> TileSet:
        images = [self.images[place] for place in places]
        return TileSet(images, self.config, self.target, training=training)


@dataclass(frozen=True)
class _Outcome:
    """One training, and what it says of images it has not seen (on the main process)."""

    split: Split
    seed: int
    trained: Trained
    judged: list[Judged]


def train(
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: Device = "auto",
    scores_only: bool = False,
    watch: Watch = unwatched,
) -> Run:
    """Train and validate as the settings say, and write all of it into a folder.

    Parameters
    ----------
    config
        Settings.
    out
        Folder, made if it is not there.
    resume
        Go on with a run that was interrupted; every training goes on from its last epoch.
    overwrite
        Train anew where the folder holds a run.
    device
        Where to train.
    scores_only
        Leave out the final model, the sheet and the page: what a search needs.
    watch
        Called after every step.

    Raises
    ------
    UsageError
        If settings, data and network do not fit together, or the folder holds another run.
    DivergedError
        If a training came to a loss that is no number.
    OutputError
        If something cannot be written.
    """
    out = Path(out)
    _check_settings(config)
    hardware = accelerator(device, mixed_precision=config.mixed_precision)
    first = hardware.is_main_process
    if run_folder.is_complete(out, config, resume=resume, overwrite=overwrite):
        return Run(out, was_complete=True, is_main=first)
    network, classes = make_network(config), config.data.classes
    target = Target(network.classes, network.activation, classes, config.data.core_depth)
    images = load_images(config)
    divided = splits(images, config)
    data = _Data(config, images, target, out, hardware, resume, watch if first else unwatched)
    # All processes have looked at the folder before the first one changes it.
    hardware.wait_for_everyone()
    if first:
        run_folder.begin(out, config, images, overwrite=overwrite)
        _write_splits(out / "splits.csv", images, divided)
        if not scores_only:
            write_sheet(out / "sheet.png", data.tiles(divided[0].train, training=True),
                        seed=config.seeds[0])  # fmt: skip
    hardware.wait_for_everyone()
    outcomes = [_train_split(data, split, seed) for split in divided for seed in config.seeds]
    final = None if scores_only else _final(data, outcomes)
    if first:
        _finish(data, outcomes, final)
    hardware.wait_for_everyone()
    return Run(out, is_main=first)


def _check_settings(config: TrainConfig) -> None:
    """What would only fail after hours."""
    if config.tensorboard and find_spec("tensorboard") is None:
        raise UsageError(
            'tensorboard = true needs TensorBoard: pip install "nanosieve[tensorboard]", or set it '
            "to false"
        )
    network = make_network(config)
    if config.tiles.size % network.stride:
        raise UsageError(
            f"tiles.size = {config.tiles.size}: {network.name} takes multiples of {network.stride}"
        )
    given = config.loss.class_weights
    if isinstance(given, tuple) and len(given) != len(network.classes):
        raise UsageError(
            f"loss.class_weights has {len(given)} numbers, but {network.name} has the classes "
            f"{', '.join(network.classes)}; give one each"
        )


def _train_split(data: _Data, split: Split, seed: int) -> _Outcome:
    """Train one network and let it judge what it has not seen."""
    name = f"{split.name}-seed-{seed}"
    folder = data.folder / "trainings" / name
    task = Task(
        name,
        folder,
        data.tiles(split.train, training=True),
        data.tiles(split.validation, training=False),
        seed,
        class_weights=_class_weights(data, split.train),
    )
    trained = _trained(data, task)
    if not data.hardware.is_main_process:
        return _Outcome(split, seed, trained, [])
    kept = folder / "judged.npz"
    if data.resume and kept.exists():
        return _Outcome(split, seed, trained, load_judged(kept, data.images, split, seed))
    network = _network(data.config, trained).to(data.hardware.device)
    classes = data.config.data.classes
    judged = judge(network, data.images, split, seed, data_classes=classes)
    save_judged(kept, judged)
    return _Outcome(split, seed, trained, judged)


def _trained(data: _Data, task: Task) -> Trained:
    seed_torch(task.seed)
    network = make_network(data.config)
    return train_one(
        network, task, data.config, data.hardware, resume=data.resume, watch=data.watch
    )


def _network(config: TrainConfig, trained: Trained) -> Network:
    network = make_network(config)
    network.load_state_dict(trained.weights)
    return network.eval()


def _class_weights(data: _Data, places: Sequence[int]) -> tuple[float, ...] | None:
    choice = data.config.loss.class_weights
    if isinstance(choice, tuple):
        return choice
    if choice == "none":
        return None
    images = [data.images[place] for place in places]
    counts = class_counts(images, data.target)
    if data.target.activation == "softmax":
        return balanced_weights(counts.tolist())
    pixels = sum(int(image.class_counts(len(data.target.data_classes)).sum()) for image in images)
    # Of sigmoids each has two classes of its own: where it is 1, and where it is not.
    return tuple(
        positive / negative
        for negative, positive in (balanced_weights([pixels - n, n]) for n in counts)
    )


@dataclass(frozen=True)
class _Final:
    """The model that is kept: its weights, what it learned from, and which margins it is set by."""

    trained: Trained
    places: tuple[int, ...]
    judged: list[Judged]
    words: str


def _final(data: _Data, outcomes: Sequence[_Outcome]) -> _Final:
    """With folds, one training on all groups; else the best epoch of the best seed."""
    if len({outcome.split.name for outcome in outcomes}) == 1:
        best = min(outcomes, key=lambda outcome: outcome.trained.best["validation_loss"])
        chosen = [one for one in best.judged if one.role == "validation"]
        words = (
            f"Weights of epoch {best.trained.best['epoch']:.0f} of seed {best.seed}, where the "
            "validation loss was least; threshold and temperature from the validation groups."
        )
        return _Final(best.trained, best.split.train, chosen, words)
    epochs = max(1, round(median(outcome.trained.best["epoch"] for outcome in outcomes)))
    places = tuple(range(len(data.images)))
    task = Task(
        "final",
        data.folder / "final",
        data.tiles(places, training=True),
        None,
        data.config.seeds[0],
        epochs=epochs,
        class_weights=_class_weights(data, places),
    )
    trained = _trained(data, task)
    judged = [one for outcome in outcomes for one in outcome.judged if one.role == "test"]
    words = (
        f"Trained on all groups for {epochs} epochs, the median of the best epochs of "
        f"{len(outcomes)} trainings; threshold and temperature from their out-of-fold predictions."
    )
    return _Final(trained, places, judged, words)


def _finish(data: _Data, outcomes: Sequence[_Outcome], final: _Final | None) -> None:
    """Write tables, model and page; the run is complete once its record says so."""
    config, out = data.config, data.folder
    rows: list[Any] = [{"split": outcome.split.name, "seed": outcome.seed} | row
            for outcome in outcomes for row in outcome.trained.history]  # fmt: skip
    if final is not None and len({outcome.split.name for outcome in outcomes}) > 1:
        rows += [{"split": "final", "seed": config.seeds[0]} | row for row in final.trained.history]
    write_history(out / "history.csv", rows, leading=("split", "seed"))
    scores = _scores(data, outcomes)
    summary = summarise(scores)
    for name, table in (("scores.csv", scores), ("summary.csv", summary)):
        _write_table(out / name, table)
    best = [outcome.trained.best for outcome in outcomes]
    result: dict[str, Any] = {
        "role": scores["role"].iloc[0],
        "validation_loss": [row["validation_loss"] for row in best],
        "validation_dice": [row["validation_dice"] for row in best],
        "best_epochs": [row["epoch"] for row in best],
        "warnings": sorted({outcome.split.warning() for outcome in outcomes} - {""}),
        "n_parameters": sum(v.numel() for v in make_network(config).parameters()),
    }
    if final is not None:
        histogram = pooled_histogram(final.judged)
        temperature, threshold = _chosen(config, data.target, histogram)
        result |= {
            "threshold": threshold,
            "temperature": temperature,
            "calibration_error_before": expected_calibration_error(histogram),
            "calibration_error": expected_calibration_error(histogram, temperature),
            "final": final.words,
        }
        findings = Findings(threshold, temperature, _card_scores(summary, result),
                            [final.words, *result["warnings"]])  # fmt: skip
        images = [data.images[place] for place in final.places]
        card = write_model(out, _network(config, final.trained), config, images, findings)
        groups = {outcome.split.name: outcome.split.groups(data.images) for outcome in outcomes}
        write_run_page(out, config, card, groups, result, histogram)
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


def _scores(data: _Data, outcomes: Sequence[_Outcome]) -> pd.DataFrame:
    """Score each image that was kept from a training, by what that training's own validation set.

    Test images where there are any, else those of validation.
    """
    role = "test" if any(outcome.split.test for outcome in outcomes) else "validation"
    rows = []
    for outcome in outcomes:
        chosen = [one for one in outcome.judged if one.role == "validation"]
        temperature, threshold = _chosen(data.config, data.target, pooled_histogram(chosen))
        rows += [score_row(one, threshold, temperature)
                 for one in outcome.judged if one.role == role]  # fmt: skip
    return pd.DataFrame(rows).sort_values(["image", "split", "seed"], ignore_index=True)


def _card_scores(summary: pd.DataFrame, result: dict[str, Any]) -> dict[str, float]:
    prefix = "" if result["role"] == "validation" else "test_"
    means = summary.set_index("score")
    named = {prefix + str(name): value for name, value in means["mean"].items()}
    for end in ("low", "high"):
        named[f"{prefix}dice_{end}"] = means.loc["dice", end]
    for name in ("calibration_error_before", "calibration_error"):
        named[name] = result[name]
    return {name: round(float(value), 5) for name, value in named.items() if np.isfinite(value)}


def _write_splits(path: Path, images: Sequence[TrainingImage], divided: Sequence[Split]) -> None:
    """One row an image and split: where it stands."""
    rows = []
    for split in divided:
        parts = {"train": split.train, "validation": split.validation, "test": split.test,
                 "left out": split.left_out}  # fmt: skip
        rows += [
            {"split": split.name, "image": images[place].name, "group": images[place].group,
             "role": role}
            for role, places in parts.items() for place in places
        ]  # fmt: skip
    _write_table(path, pd.DataFrame(rows))


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
