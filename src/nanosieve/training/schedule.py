"""The learning rate as a function of where the training is: nothing to store or restore."""

import math
from collections.abc import Mapping, Sequence

from nanosieve.training.config_sections import OptimiserConfig


def learning_rate(
    config: OptimiserConfig,
    progress: float,
    *,
    epochs: int,
    history: Sequence[Mapping[str, float]] = (),
) -> float:
    """Learning rate of a step.

    Parameters
    ----------
    config
        Rate and schedule.
    progress
        Epochs done, with the share of the present one: 0 at the first step.
    epochs
        At which the cosine arrives at zero.
    history
        Rows of the epochs done, for ``plateau``: the validation loss, or the loss without one.

    Examples
    --------
    >>> config = OptimiserConfig(lr=1.0, schedule="step", step_epochs=10, factor=0.5)
    >>> [learning_rate(config, at, epochs=30) for at in (0, 9.9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """
    rate = config.lr
    if config.warmup_epochs and progress < config.warmup_epochs:
        return rate * progress / config.warmup_epochs
    if config.schedule == "step":
        return float(rate * config.factor ** (int(progress) // config.step_epochs))
    if config.schedule == "exponential":
        return float(rate * config.factor ** int(progress))
    if config.schedule == "cosine":
        length = max(epochs - config.warmup_epochs, 1)
        done = (progress - config.warmup_epochs) / length
        return rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    if config.schedule == "plateau":
        return float(rate * config.factor ** _plateaus(history, config.step_epochs))
    return rate


def _plateaus(history: Sequence[Mapping[str, float]], length: int) -> int:
    """How often ``length`` epochs passed without a new least loss."""
    best, waited, found = math.inf, 0, 0
    for row in history:
        loss = row.get("validation_loss", row["loss"])
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
            if waited == length:
                found, waited = found + 1, 0
    return found
