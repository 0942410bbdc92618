"""Weights in safetensors files: tensors, name and settings, nothing that runs on loading."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.networks.base import Network
from nanosieve.networks.registry import ADDED, build, default_settings

_KEY = "nanosieve_network"
_VERSION = 1


def save_weights(network: Network, path: str | Path, half: bool = False) -> None:
    """Write the weights of a network, with its name and settings in the file's metadata.

    Parameters
    ----------
    network
        Any network made by `nanosieve.networks.build`.
    path
        The file; one already there is replaced.
    half
        Store float16: half the size, and what `load_weights` gives differs by up to 0.05 %.

    Raises
    ------
    UsageError
        If a weight is too large for float16.
    """
    tensors = {key: _stored(key, value, half) for key, value in network.state_dict().items()}
    card = {"version": _VERSION, "name": network.name, "settings": network.settings}
    # Not save_file, whose files only their owner can read.
    Path(path).write_bytes(save(tensors, {_KEY: json.dumps(card), "note": network.note}))


def rounded(network: Network) -> Network:
    """Copy a network, its weights rounded to what ``save_weights(half=True)`` keeps of them.

    Raises
    ------
    UsageError
        If a weight is too large for float16.

    Examples
    --------
    >>> network = build("horwath-single")
    >>> _ = network.filter.weight.data.fill_(0.1)
    >>> rounded(network).filter.weight[0, 0, 0, 0].item()
    0.0999755859375
    """
    copy = deepcopy(network)
    kept = {key: _stored(key, value, half=True) for key, value in network.state_dict().items()}
    copy.load_state_dict(kept)
    return copy


def _stored(key: str, tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if not half or not tensor.is_floating_point():
        return tensor
    # A variance near 0 would be lost; batch norm divides by its root.
    if key.endswith("running_var"):
        return tensor
    if not bool(tensor.half().isfinite().all()):
        raise UsageError(f"{key} has values beyond float16; save it without half=True")
    return tensor.half()


def load_weights(path: str | Path) -> Network:
    """Build the network a file names, with its weights.

    The file is not trusted: nothing in it is run, and the network is only given memory once every
    tensor's shape is known to fit the file's own.

    Parameters
    ----------
    path
        A file written by `save_weights`.

    Returns
    -------
    Network
        In evaluation mode, float32, on the CPU.

    Raises
    ------
    FailedInput
        If the file is missing or broken.
    RefusedInput
        If it is no file of `save_weights`, of a later version, or its tensors do not fit.
    """
    card, tensors = _read(Path(path))
    network = _skeleton(path, card)
    _check_tensors(path, network, tensors)
    # Fixed weights stay fixed: assigning a tensor would make it a learned one or the reverse.
    learned = {key: parameter.requires_grad for key, parameter in network.named_parameters()}
    network.load_state_dict(tensors, assign=True)
    for key, parameter in network.named_parameters():
        parameter.requires_grad_(learned[key])
    return network.eval()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise FailedInput(f"{path}: cannot be read as safetensors ({reason})") from error
    if _KEY not in metadata:
        raise RefusedInput(f"{path}: no weights of nanosieve; its metadata lack {_KEY!r}")
    try:
        card = json.loads(metadata[_KEY])
        version, _, settings = card["version"], card["name"], card["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedInput(f"{path}: its metadata name no network and settings") from error
    if version != _VERSION or not isinstance(settings, dict):
        raise RefusedInput(
            f"{path}: weights of version {version!r}, this is for {_VERSION}; update nanosieve"
        )
    wide = {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}
    return card | {"note": metadata.get("note", "")}, wide


def _skeleton(path: str | Path, card: dict[str, Any]) -> Network:
    """Network without memory for its weights: a file's settings could ask for any size."""
    name = str(card["name"])
    settings = ADDED.get(name, {}) | card["settings"]
    try:
        missing = sorted(set(default_settings(name)) - set(settings))
        if missing:
            raise UsageError(f"{name} needs the setting {missing[0]!r}")
        if settings.get("pretrained"):
            raise UsageError("pretrained = True: weights from a file are never downloaded")
        with torch.device("meta"):
            network = build(name, **settings)
    except UsageError as error:
        raise RefusedInput(f"{path}: {error}") from error
    network.note = card["note"]
    return network


def _check_tensors(path: str | Path, network: Network, tensors: dict[str, Tensor]) -> None:
    expected = network.state_dict()
    for key in sorted(set(expected) - set(tensors)):
        raise RefusedInput(f"{path}: {network.name} needs {key}, which is not in the file")
    for key in sorted(set(tensors) - set(expected)):
        raise RefusedInput(f"{path}: {key} has no place in {network.name}")
    for key, tensor in expected.items():
        given = tensors[key]
        if given.shape != tensor.shape or given.dtype != tensor.dtype:
            raise RefusedInput(
                f"{path}: {key} is {given.dtype} {tuple(given.shape)}, "
                f"{network.name} needs {tensor.dtype} {tuple(tensor.shape)}"
            )
