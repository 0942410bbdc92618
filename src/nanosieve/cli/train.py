"""``nanosieve train``: from labelled images to a model."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanosieve.cli import options
from nanosieve.cli.console import print_table, score_with_ends
from nanosieve.core.errors import InterruptedRun, UsageError, install

if TYPE_CHECKING:
    from nanosieve.training.loop import Status
    from nanosieve.training.run import Run

# What `nanosieve[train]` brings.
_NEEDED = ("torch", "accelerate", "onnx", "safetensors")

Config = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Settings.")]
RunFolder = Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder of the run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Train anew where the folder holds a run.")
]


def train(
    config: Config,
    out: RunFolder,
    resume: Resume = False,
    overwrite: Overwrite = False,
    device: options.Device = "auto",
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Train and validate a network: model.onnx, model.safetensors, scores.csv, report.html."""
    need_training()
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other; give one")
    from nanosieve.training.config import TrainConfig
    from nanosieve.training.run import train as run

    settings = TrainConfig.read(config)
    try:
        with _bar() as watch:
            done = run(
                settings, out, resume=resume, overwrite=overwrite,
                device=options.device_from(device), watch=watch,
            )  # fmt: skip
    except KeyboardInterrupt:
        raise InterruptedRun(
            "interrupted: epochs that ended, if any, are kept; "
            "the same command with --resume does the rest"
        ) from None
    if done.is_main:
        _print(done)
    return 0


def need_training() -> None:
    """Refuse where the extra is not installed.

    Raises
    ------
    UsageError
        Says how to install it.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"training needs {missing[0]}: {install('train')}")


def _print(run: "Run") -> None:
    from rich.table import Table

    if run.was_complete:
        print(f"{run.folder} is complete already; --overwrite trains anew.")
    summary, result = run.summary, run.result
    table = Table("score", "mean per image", "pooled", "images", "groups")
    for row in summary.to_dict("records"):
        if row["n_images"]:
            table.add_row(
                row["score"],
                score_with_ends(row["mean"], row["low"], row["high"]),
                f"{row['pooled']:.3f}",
                str(row["n_images"]),
                str(row["n_groups"]),
            )
    print_table(table)
    chosen = ", which chose epoch and threshold too" if result["role"] == "validation" else ""
    print(
        f"On {result['role']} images{chosen}; in brackets "
        f"{'; '.join(summary['interval'].unique())}."
    )
    for warning in result["warnings"]:
        print(f"Warning: {warning}")
    print(
        f"Threshold {result['threshold']:.3f}; expected calibration error "
        f"{result['calibration_error']:.4f} ({result['calibration_error_before']:.4f} before "
        f"temperature {result['temperature']:.2f})."
    )
    print(f"Model: {run.folder / 'model.onnx'}\nReport: {run.folder / 'report.html'}")


@contextmanager
def _bar() -> "Iterator[Callable[[Status], None]]":
    """Show a bar on a terminal, with loss and Dice; nothing where output is not watched."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("epoch {task.fields[epoch]} of {task.fields[epochs]}"),
        TextColumn("{task.fields[measured]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(status: "Status") -> None:
            if status.task not in tasks:
                for other in tasks.values():
                    bar.update(other, visible=False)
                tasks[status.task] = bar.add_task(
                    status.task, total=status.epochs * status.steps, epoch=1, epochs=1, measured=""
                )
            bar.update(
                tasks[status.task],
                completed=(status.epoch - 1) * status.steps + status.step,
                epoch=status.epoch,
                epochs=status.epochs,
                measured=_measured(status),
            )

        yield watch


def _measured(status: "Status") -> str:
    """Loss and Dice of this epoch so far, and of validation after the one before.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> _measured(SimpleNamespace(loss=0.5, dice=0.8, validation={"validation_dice": 0.75}))
    'loss 0.5000  Dice 0.800  validation 0.750'
    """
    words = f"loss {status.loss:.4f}  Dice {status.dice:.3f}"
    dice = status.validation.get("validation_dice", math.nan)
    return words + ("" if math.isnan(dice) else f"  validation {dice:.3f}")
