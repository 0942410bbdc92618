"""``nanosieve train`` from settings to model: check, divide, train, judge, package, report."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from nanosieve.core.errors import UsageError, install
from nanosieve.core.settings import Device
from nanosieve.training import run_folder
from nanosieve.training.conclude import finish
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage, load_images
from nanosieve.training.finetune import make_network
from nanosieve.training.hardware import accelerator, seed_torch
from nanosieve.training.judge import judge, load_judged, save_judged
from nanosieve.training.loop import Task, Trained, Watch, train_one, unwatched
from nanosieve.training.losses import balanced_weights
from nanosieve.training.outcome import Final, Outcome, RunData, trained_network, write_table
from nanosieve.training.sheet import write_sheet
from nanosieve.training.splits import Split, splits
from nanosieve.training.targets import Target, class_counts


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
    how = {"resume": resume, "overwrite": overwrite, "scores_only": scores_only}
    if run_folder.is_complete(out, config, **how):
        return Run(out, was_complete=True, is_main=first)
    network, classes = make_network(config), config.data.classes
    target = Target(network.classes, network.activation, classes, config.data.core_depth)
    images = load_images(config)
    divided = splits(images, config)
    data = RunData(config, images, target, out, hardware, resume, watch if first else unwatched)
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
        finish(data, outcomes, final)
    hardware.wait_for_everyone()
    return Run(out, is_main=first)


def _check_settings(config: TrainConfig) -> None:
    """What would only fail after hours."""
    if config.tensorboard and find_spec("tensorboard") is None:
        raise UsageError(
            f"tensorboard = true needs TensorBoard: {install('tensorboard')}; or set it to false"
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


def _train_split(data: RunData, split: Split, seed: int) -> Outcome:
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
        return Outcome(split, seed, trained, [])
    kept = folder / "judged.npz"
    if data.resume and kept.exists():
        return Outcome(split, seed, trained, load_judged(kept, data.images, split, seed))
    network = trained_network(data.config, trained).to(data.hardware.device)
    classes = data.config.data.classes
    judged = judge(network, data.images, split, seed, data_classes=classes)
    save_judged(kept, judged)
    return Outcome(split, seed, trained, judged)


def _trained(data: RunData, task: Task) -> Trained:
    seed_torch(task.seed)
    network = make_network(data.config)
    return train_one(
        network, task, data.config, data.hardware, resume=data.resume, watch=data.watch
    )


def _class_weights(data: RunData, places: Sequence[int]) -> tuple[float, ...] | None:
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


def _final(data: RunData, outcomes: Sequence[Outcome]) -> Final:
    """With folds, one training on all groups; else the best epoch of the best seed."""
    if len({outcome.split.name for outcome in outcomes}) == 1:
        best = min(outcomes, key=lambda outcome: outcome.trained.best["validation_loss"])
        chosen = [one for one in best.judged if one.role == "validation"]
        words = (
            f"Weights of epoch {best.trained.best['epoch']:.0f} of seed {best.seed}, where the "
            "validation loss was least; threshold and temperature from the validation groups."
        )
        return Final(best.trained, best.split.train, chosen, words)
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
    return Final(trained, places, judged, words)


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
    write_table(path, pd.DataFrame(rows))
