"""On what a training runs: device, processes, number formats, all behind one accelerator."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor
from torch.autograd import Function

from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Device

# Other processes wait while the first one predicts whole images and writes files.
_PATIENCE = timedelta(days=1)


def accelerator(device: Device = "auto", *, mixed_precision: bool = False) -> Accelerator:
    """Make the accelerator that a training runs on.

    Several processes (``accelerate launch``, ``torchrun``) are told by the environment and need
    no setting here.

    Parameters
    ----------
    device
        ``auto`` takes a GPU where there is one.
    mixed_precision
        Compute in bfloat16, or in float16 with scaled losses on GPUs that lack it; weights stay
        float32.

    Raises
    ------
    UsageError
        If there is no GPU where one is asked for.

    Examples
    --------
    >>> accelerator("cpu").device
    device(type='cpu')
    """
    has_gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    if device == "gpu" and not has_gpu:
        raise UsageError(
            "--device gpu: torch finds no GPU here (nanosieve doctor shows what there is); "
            "use --device cpu"
        )
    on_cpu = device == "cpu" or not has_gpu
    # Accelerate keeps one state for the process: what an earlier training chose must not stay.
    AcceleratorState._reset_state(not torch.distributed.is_initialized())
    precision = _number_format(on_cpu) if mixed_precision else "no"
    return Accelerator(
        cpu=on_cpu,
        mixed_precision=precision,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )


def _number_format(on_cpu: bool) -> Literal["bf16", "fp16"]:
    if on_cpu or not torch.cuda.is_available() or torch.cuda.is_bf16_supported():
        return "bf16"
    return "fp16"


@contextmanager
def reproducible(on: torch.device) -> Iterator[None]:
    """Refuse operations whose result varies from run to run, where there are others: on the CPU."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or on.type == "cpu")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def seed_torch(*numbers: int) -> None:
    """Seed torch's generators on all devices from several numbers.

    Each epoch begins so: a training that is resumed draws what it would have drawn.

    Examples
    --------
    >>> seed_torch(0, 3)
    >>> first = torch.rand(1)
    >>> seed_torch(0, 3)
    >>> bool(torch.rand(1) == first)
    True
    """
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


class _SumOverProcesses(Function):
    """Sum that gradients pass through: `torch.distributed.all_reduce` alone stops them."""

    @staticmethod
    def forward(_: Any, part: Tensor) -> Tensor:
        whole = part.clone()
        torch.distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        whole = gradient.clone()
        torch.distributed.all_reduce(whole)
        return whole


def sum_over_processes(part: Tensor) -> Tensor:
    """Sum a tensor over all processes, with gradients; as it is where there is one process.

    The loss of a quotient of such sums is that of the whole batch on every process, and its
    gradients, averaged over the processes, are those of the whole batch.
    """
    return _SumOverProcesses.apply(part) if PartialState().num_processes > 1 else part
