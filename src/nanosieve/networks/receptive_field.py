"""Receptive fields from the layers: by the published formula, and exactly, row by row.

The formula (Sytwu et al. 2022, after Koutini et al. 2019) adds ``(kernel - 1) x dilation x jump``
for each layer, the jump being the product of the poolings before it. It is what papers state, and
a mean over positions where an upsampling repeats pixels. How far one output pixel really sees
depends on where it lies in its block of pooled pixels; a tile needs the furthest of them as halo.

Everything here is along one axis: all layers are square.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import fx, nn


@dataclass(frozen=True)
class Step:
    """One layer: which steps it reads, and how its rows belong to theirs.

    Attributes
    ----------
    inputs
        Indices of the steps it reads; empty for the image.
    kernel, stride, dilation, padding
        As of a convolution; the identity by default.
    kind
        ``window`` (convolution, pooling), ``transposed`` (its convolution), ``repeat`` (nearest
        upsampling by ``stride``), ``linear`` (bilinear upsampling by ``stride``).
    """

    inputs: tuple[int, ...]
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    kind: str = "window"


_LAYERS = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.MaxPool2d,
    nn.Upsample,
    nn.PixelUnshuffle,
    nn.PixelShuffle,
)
_POINTWISE = (
    nn.BatchNorm2d,
    nn.ReLU,
    nn.LeakyReLU,
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
)
_POINTWISE_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    torch.cat,
    torch.zeros_like,
    operator.add,
    operator.getitem,
)


class _Tracer(fx.Tracer):
    """Follows `logits`, the part of a network that has no checks of the input."""

    traced_func_name = "logits"

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _LAYERS) or super().is_leaf_module(m, module_qualified_name)


def trace(network: nn.Module) -> list[Step]:
    """List the layers of a network in the order they run; the last one is its output.

    Parameters
    ----------
    network
        A module with a method ``logits`` that takes one image.

    Raises
    ------
    TypeError
        If it has a layer that no rule is written for.

    Examples
    --------
    >>> from nanosieve.networks import build
    >>> trace(build("horwath-single"))[1]
    Step(inputs=(0,), kernel=9, stride=1, dilation=1, padding=4, kind='window')
    """
    steps: list[Step] = []
    index: dict[fx.Node, int] = {}
    for node in _Tracer().trace(network).nodes:
        if node.op == "output":
            break
        index[node] = len(steps)
        sources = tuple(index[source] for source in node.all_input_nodes)
        if node.op == "call_module":
            steps.append(_step(network.get_submodule(str(node.target)), sources))
        elif node.op == "placeholder" or node.target in _POINTWISE_FUNCTIONS:
            steps.append(Step(sources))
        else:
            raise TypeError(f"no receptive field is known for {node.target}; add a rule for it")
    return steps


def _step(layer: nn.Module, inputs: tuple[int, ...]) -> Step:
    if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.ConvTranspose2d):
        kernel, stride, dilation, padding = (
            _side(getattr(layer, name)) for name in ("kernel_size", "stride", "dilation", "padding")
        )
        kind = "transposed" if isinstance(layer, nn.ConvTranspose2d) else "window"
        return Step(inputs, kernel, stride, dilation, padding, kind)
    if isinstance(layer, nn.PixelUnshuffle):
        return Step(inputs, layer.downscale_factor, layer.downscale_factor)
    if isinstance(layer, nn.PixelShuffle):
        return Step(inputs, stride=layer.upscale_factor, kind="repeat")
    if isinstance(layer, nn.Upsample) and layer.mode in ("nearest", "bilinear"):
        kind = "repeat" if layer.mode == "nearest" else "linear"
        return Step(inputs, stride=int(layer.scale_factor), kind=kind)  # type: ignore[arg-type]
    if isinstance(layer, _POINTWISE):
        return Step(inputs)
    raise TypeError(f"no receptive field is known for {layer}; add a rule for it")


def _side(value: Any) -> int:
    sides = set(value) if isinstance(value, tuple) else {value}
    if len(sides) != 1 or not isinstance(side := sides.pop(), int):
        raise TypeError(f"no receptive field is known for a layer of {value}; make it square")
    return side


def nominal(steps: list[Step]) -> int:
    """Side (px) of the receptive field by the formula.

    A transposed convolution counts as many input pixels as one output pixel can touch.

    Parameters
    ----------
    steps
        Layers, from `trace`.

    Examples
    --------
    >>> nominal([Step(()), Step((0,), kernel=3), Step((1,), kernel=2, stride=2), Step((2,), 3)])
    8
    """
    fields: list[Fraction] = []
    for step, jump in zip(steps, _jumps(steps), strict=True):
        field = max((fields[i] for i in step.inputs), default=Fraction(1))
        # `jump` is that of the output; the pixels a layer reads lie this far apart.
        apart = jump / step.stride if step.kind == "window" else jump * step.stride
        field += (_touched(step) - 1) * step.dilation * apart
        fields.append(field)
    return int(fields[-1])


def _touched(step: Step) -> int:
    """Most input pixels along one axis that one output pixel reads."""
    return {
        "window": step.kernel,
        "transposed": -(-step.kernel // step.stride),
        "repeat": 1,
        "linear": 2,
    }[step.kind]


def _jumps(steps: list[Step]) -> list[Fraction]:
    """Distance (px of the image) between neighbouring pixels of each step's output."""
    jumps: list[Fraction] = []
    for step in steps:
        jump = max((jumps[i] for i in step.inputs), default=Fraction(1))
        jumps.append(jump * step.stride if step.kind == "window" else jump / step.stride)
    return jumps


def stride(steps: list[Step]) -> int:
    """Product of the poolings (px): images must have sides that are multiples of it.

    Examples
    --------
    >>> stride([Step(()), Step((0,), kernel=2, stride=2), Step((1,), stride=2, kind="repeat")])
    2
    """
    return int(max(_jumps(steps)))


def window(steps: list[Step], row: int) -> tuple[int, int]:
    """First and last row of the image that one row of the output sees, exactly.

    Parameters
    ----------
    steps
        Layers, from `trace`.
    row
        Row of the output, far enough from the image's border.

    Returns
    -------
    tuple of int
        First and last row, both included.

    Examples
    --------
    >>> window([Step(()), Step((0,), kernel=2, stride=2), Step((1,), stride=2, kind="repeat")], 5)
    (4, 5)
    """
    rows: dict[int, tuple[int, int]] = {len(steps) - 1: (row, row)}
    for i in range(len(steps) - 1, 0, -1):
        if i not in rows:
            continue
        first, last = _read(steps[i], *rows[i])
        for source in steps[i].inputs:
            known_first, known_last = rows.get(source, (first, last))
            rows[source] = min(first, known_first), max(last, known_last)
    return rows[0]


def _read(step: Step, first: int, last: int) -> tuple[int, int]:
    """First and last row that a step reads for rows ``first`` to ``last`` of its output."""
    s = step.stride
    if step.kind == "window":
        span = (step.kernel - 1) * step.dilation
        return first * s - step.padding, last * s - step.padding + span
    if step.kind == "transposed":
        return -((step.kernel - 1 - first - step.padding) // s), (last + step.padding) // s
    if step.kind == "repeat":
        return first // s, last // s
    # Bilinear: centres at (row + 1/2) / s - 1/2, between two rows of the input.
    return (2 * first + 1 - s) // (2 * s), -((s - 1 - 2 * last) // (2 * s))


def reach(steps: list[Step]) -> int:
    """Furthest that any output pixel sees to one side (px): the least exact halo of a tile.

    Examples
    --------
    >>> reach([Step(()), Step((0,), kernel=2, stride=2), Step((1,), stride=2, kind="repeat")])
    1
    """
    windows = ((row, *window(steps, row)) for row in range(stride(steps)))
    return max(max(row - first, last - row) for row, first, last in windows)
