"""The state of a training in one file: safetensors, the rest as JSON in its metadata.

Nothing in it is code, and it is written whole or not at all: a training that is killed at any
moment goes on from the last epoch that ended.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from nanosieve.core.errors import NanosieveError
from nanosieve.files.atomic import atomic_path

_KEY = "nanosieve_training"


@dataclass
class Checkpoint:
    """State after an epoch.

    Parameters
    ----------
    network, best
        Weights as they are, and those of the best epoch, by name.
    optimiser
        See `optimiser_tensors`.
    state
        Plain values: epoch, history, and what else the loop keeps.
    """

    network: dict[str, Tensor]
    best: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    state: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    parts = {"network": checkpoint.network, "best": checkpoint.best,
             "optimiser": checkpoint.optimiser}  # fmt: skip
    tensors = {
        # Safetensors stores no tensor twice, and takes two names of one memory for a mistake.
        f"{part}.{name}": tensor.detach().to("cpu", copy=True).contiguous()
        for part, named in parts.items()
        for name, tensor in named.items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={_KEY: json.dumps(checkpoint.state)})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint, onto the CPU.

    Raises
    ------
    NanosieveError
        If the file is broken, or no checkpoint.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "optimiser": {}}
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {})[_KEY])
            for key in file.keys():  # noqa: SIM118 - the file is no mapping
                part, _, name = key.partition(".")
                parts[part][name] = file.get_tensor(key)
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise NanosieveError(
            f"{path}: is no checkpoint of a training, or is broken ({error}); remove it, and "
            "--resume starts this part anew"
        ) from error
    return Checkpoint(**parts, state=state)


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Give the moments and counts of an optimiser as ``<number of parameter>.<name>``."""
    return {
        f"{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave; rates and other settings stay the optimiser's."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(
        {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
    )
