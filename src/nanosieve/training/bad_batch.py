"""A loss or gradient that is no number: the training stops, and keeps the batch that made it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from nanosieve.core.errors import NanosieveError
from nanosieve.files.atomic import atomic_path
from nanosieve.training.batches import Batch

_SHOWN = 4


class DivergedError(NanosieveError):
    """The training came to a number that is none."""


def check_finite(
    value: Tensor, batch: Batch, path: Path, *, what: str, at: tuple[int, int]
) -> None:
    """Stop where a value is no number, and keep the batch that made it.

    Parameters
    ----------
    value, what
        The value, and what it is.
    batch
        As the network got it.
    path
        Where the batch is kept: tensors ``image``, ``target``, ``weight``; in the metadata where
        its tiles are from.
    at
        Epoch and step, from 1.

    Raises
    ------
    DivergedError
        Names the tiles, those first that hold pixels that are no numbers.
    """
    if torch.isfinite(value):
        return
    tensors = {name: getattr(batch, name).detach().cpu().contiguous()
               for name in ("image", "target", "weight")}  # fmt: skip
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"where": json.dumps(batch.where)})
    sound = batch.image.isfinite().flatten(1).all(1).tolist()
    suspects = [where for _, where in sorted(zip(sound, batch.where, strict=True))]
    shown = "; ".join(suspects[:_SHOWN])
    more = f"; and {len(batch.where) - _SHOWN} more" if len(batch.where) > _SHOWN else ""
    raise DivergedError(
        f"the {what} became {float(value.detach())} in epoch {at[0]}, step {at[1]}, on the tiles "
        f"{shown}{more} (kept in {path}); look at these, or lower optimiser.lr or clip"
    )
