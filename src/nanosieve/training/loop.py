"""The one loop that trains every network; `train_one` reads from top to bottom."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn, optim

from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import output_errors
from nanosieve.networks import Network
from nanosieve.training.bad_batch import check_finite
from nanosieve.training.batches import Batches, Tiles
from nanosieve.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from nanosieve.training.config import TrainConfig
from nanosieve.training.config_sections import OptimiserConfig, StopConfig
from nanosieve.training.finetune import frozen_parts
from nanosieve.training.hardware import reproducible, seed_torch, sum_over_processes
from nanosieve.training.history import write_history
from nanosieve.training.losses import make_loss
from nanosieve.training.schedule import learning_rate
from nanosieve.training.tally import Tally, validate

Row = dict[str, float]


@dataclass(frozen=True)
class Task:
    """One training: what is learned from, and where its state is kept.

    Parameters
    ----------
    name
        For people.
    folder
        ``checkpoint.safetensors`` and ``history.csv`` are written there, after every epoch.
    train, validation
        Tiles; without validation the last epoch is the best.
    seed
        Of everything random.
    epochs
        Where it ends, if not at ``[stop] epochs``; the schedule is that of the whole.
    class_weights
        Of the losses that take them.
    """

    name: str
    folder: Path
    train: Tiles
    validation: Tiles | None
    seed: int
    epochs: int | None = None
    class_weights: tuple[float, ...] | None = None

    @property
    def checkpoint(self) -> Path:
        """State after the last epoch."""
        return self.folder / "checkpoint.safetensors"

    def bad_batch(self, process: int) -> Path:
        """Where a process keeps its share of the batch on which the training fails."""
        return self.folder / f"bad-batch{f'-{process}' if process else ''}.safetensors"


@dataclass(frozen=True)
class Status:
    """How far a training is: epoch and step from 1, loss and Dice of the epoch so far.

    ``validation`` is the row of the epoch before, empty in the first one.
    """

    task: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    dice: float
    validation: Row = field(default_factory=dict)


Watch = Callable[[Status], None]


def unwatched(_: Status) -> None:
    """Do nothing with it."""


@dataclass(frozen=True)
class Trained:
    """Weights of the best epoch, on the CPU, and what every epoch brought."""

    weights: dict[str, Tensor]
    history: tuple[Row, ...]

    @property
    def best(self) -> Row:
        """Row of the epoch that the weights are of."""
        return self.history[best_epoch(self.history) - 1]


def train_one(
    network: Network,
    task: Task,
    config: TrainConfig,
    accelerator: Accelerator,
    *,
    resume: bool = False,
    watch: Watch = unwatched,
) -> Trained:
    """Train one network.

    Parameters
    ----------
    network
        With the weights it starts from; it is trained in place.
    task
        See `Task`.
    config
        All settings; those of data and network have been used already.
    accelerator
        See `nanosieve.training.hardware.accelerator`.
    resume
        Go on from the checkpoint in the folder, if there is one. On the CPU the weights then
        become, to the last bit, those of a training that was not interrupted.
    watch
        Called after every step.

    Raises
    ------
    DivergedError
        If loss or gradient is no number; the batch is named and kept.
    """
    device, epochs = accelerator.device, task.epochs or config.stop.epochs
    network = _placed(network, accelerator)
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = make_optimiser(learned, config.optimiser)
    loss_of = make_loss(config.loss, task.class_weights)
    batches = _batches(task.train, task, config, accelerator)
    checks = task.validation and _batches(task.validation, task, config, accelerator)
    history, best = _begin(task, network, optimiser, accelerator, resume=resume)
    model, stepper = accelerator.prepare(network, optimiser)
    bad = task.bad_batch(accelerator.process_index)
    board = _Board(task, config, accelerator, len(history))
    with reproducible(device):
        while len(history) < epochs and not out_of_patience(history, config.stop):
            epoch = len(history) + 1
            seed_torch(task.seed, epoch, accelerator.process_index)
            _training_mode(network, config)
            tally = Tally(network, device)
            for step, drawn in enumerate(batches.training(epoch), start=1):
                batch = drawn.to(device)
                part_done = epoch - 1 + (step - 1) / batches.steps
                rate = _set_rate(optimiser, config, part_done, history)
                logits = model(batch.image)
                loss = loss_of(logits, batch.target, batch.weight, sum_over_processes)
                check_finite(loss, drawn, bad, what="loss", at=(epoch, step))
                optimiser.zero_grad()
                accelerator.backward(loss)
                norm = accelerator.clip_grad_norm_(learned, config.clip or math.inf)
                # Where losses are scaled, the scaler leaves out steps that overflow.
                if accelerator.scaler is None:
                    check_finite(norm, drawn, bad, what="gradient", at=(epoch, step))
                stepper.step()
                tally.add(loss, logits, batch, weight=1.0)
                at = (epoch, epochs, step, batches.steps)
                watch(Status(task.name, *at, *tally.means(), history[-1] if history else {}))
            mean_loss, dice = tally.means(accelerator)
            row = {"epoch": epoch, "step": epoch * batches.steps, "learning_rate": rate,
                   "loss": mean_loss, "dice": dice}  # fmt: skip
            if checks:
                row |= validate(network, checks.validation(), loss_of, accelerator)
            history.append(row)
            row["best"] = int(best_epoch(history) == epoch)
            if row["best"]:
                best = {name: value.cpu().clone() for name, value in network.state_dict().items()}
            if accelerator.is_main_process:
                _keep(task, network, optimiser, best, history, accelerator)
            board.show(row)
    accelerator.free_memory()
    return Trained(best, tuple(history))


def best_epoch(history: Sequence[Row]) -> int:
    """Epoch (from 1) of the least validation loss; the last one where nothing was validated.

    Examples
    --------
    >>> best_epoch([{"validation_loss": 0.5}, {"validation_loss": 0.2}, {"validation_loss": 0.2}])
    2
    """
    losses = [row.get("validation_loss", math.nan) for row in history]
    known = [loss for loss in losses if not math.isnan(loss)]
    return losses.index(min(known)) + 1 if known else len(history)


def out_of_patience(history: Sequence[Row], config: StopConfig) -> bool:
    """Whether the validation loss has not become less by ``min_delta`` for ``patience`` epochs.

    Examples
    --------
    >>> history = [{"validation_loss": loss} for loss in (0.5, 0.4, 0.3999, 0.41)]
    >>> [out_of_patience(history, StopConfig(patience=n, min_delta=0.001)) for n in (2, 3)]
    [True, False]
    """
    if config.patience is False:
        return False
    reference, waited = math.inf, 0
    for row in history:
        if "validation_loss" not in row:
            return False
        if row["validation_loss"] < reference - config.min_delta:
            reference, waited = row["validation_loss"], 0
        else:
            waited += 1
    return waited >= config.patience


def make_optimiser(learned: list[nn.Parameter], config: OptimiserConfig) -> optim.Optimizer:
    """Make the optimiser; its rate is set before every step.

    Raises
    ------
    UsageError
        If there is no weight to learn.
    """
    if not learned:
        raise UsageError("nothing is left to train: all weights are frozen; see [start] freeze")
    kind = {"adam": optim.Adam, "adamw": optim.AdamW}[config.name]
    return kind(learned, lr=config.lr, weight_decay=config.weight_decay)


def _placed(network: Network, accelerator: Accelerator) -> Network:
    """Onto the device; batch norms over several GPUs take the statistics of the whole batch."""
    if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    # Convolutions of few channels are up to twice as fast with the channels innermost.
    return network.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _batches(tiles: Tiles, task: Task, config: TrainConfig, accelerator: Accelerator) -> Batches:
    return Batches(
        tiles, config.batch, task.seed, accelerator.process_index, accelerator.num_processes,
        config.workers,
    )  # fmt: skip


def _training_mode(network: Network, config: TrainConfig) -> None:
    """Batch norms of frozen parts keep their statistics."""
    network.train()
    for part in frozen_parts(network, config.start.freeze):
        part.eval()


def _set_rate(
    optimiser: optim.Optimizer, config: TrainConfig, done: float, history: Sequence[Row]
) -> float:
    rate = learning_rate(config.optimiser, done, epochs=config.stop.epochs, history=history)
    for group in optimiser.param_groups:
        group["lr"] = rate
    return rate


def _begin(
    task: Task,
    network: Network,
    optimiser: optim.Optimizer,
    accelerator: Accelerator,
    *,
    resume: bool,
) -> tuple[list[Row], dict[str, Tensor]]:
    """Put back what was kept, and give history and best weights."""
    with output_errors(task.folder):
        task.folder.mkdir(parents=True, exist_ok=True)
    if not (resume and task.checkpoint.exists()):
        return [], {}
    kept = load_checkpoint(task.checkpoint)
    network.load_state_dict(kept.network)
    restore_optimiser(optimiser, kept.optimiser)
    if accelerator.scaler is not None and "scaler" in kept.state:
        accelerator.scaler.load_state_dict(kept.state["scaler"])
    return kept.state["history"], kept.best


def _keep(
    task: Task,
    network: Network,
    optimiser: optim.Optimizer,
    best: dict[str, Tensor],
    history: list[Row],
    accelerator: Accelerator,
) -> None:
    state: dict[str, Any] = {"history": history}
    if accelerator.scaler is not None:
        state["scaler"] = accelerator.scaler.state_dict()
    kept = Checkpoint(network.state_dict(), best, optimiser_tensors(optimiser), state)
    save_checkpoint(task.checkpoint, kept)
    write_history(task.folder / "history.csv", history)


class _Board:
    """TensorBoard's file of events, where it is asked for."""

    def __init__(
        self, task: Task, config: TrainConfig, accelerator: Accelerator, done: int
    ) -> None:
        self._writer: Any = None
        if config.tensorboard and accelerator.is_main_process:
            from torch.utils.tensorboard import SummaryWriter

            # What a killed training wrote of epochs that it did not end is not shown.
            self._writer = SummaryWriter(task.folder / "tensorboard", purge_step=done + 1)

    def show(self, row: Row) -> None:
        if self._writer is not None:
            for name, value in row.items():
                self._writer.add_scalar(name, value, int(row["epoch"]))
            self._writer.flush()
