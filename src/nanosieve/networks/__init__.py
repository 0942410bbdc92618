"""The networks of the papers and our own: torch modules, tensors in, tensors out."""

from nanosieve.core.errors import UsageError, install

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise UsageError(f"networks need torch: {install('train')}") from None

from nanosieve.networks.base import CORE, Network, describe
from nanosieve.networks.registry import NAMES, build

__all__ = ["CORE", "NAMES", "Network", "build", "describe"]
