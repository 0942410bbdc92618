"""What every network has: a name, settings that rebuild it, classes, and figures that follow."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from nanosieve.core.errors import UsageError
from nanosieve.networks import receptive_field

CLASSES = ("support", "particle")
# The class that marks the inner part of a particle: it splits particles, it is none by itself.
CORE = "core"
# A settings file is not trusted: no width or depth beyond these is ever built.
_LARGEST_WIDTH = 1024


class Network(nn.Module):
    """A fully convolutional network from grey images to logits.

    Attributes
    ----------
    name, settings
        ``build(network.name, **network.settings)`` makes the same network, weights apart. The
        settings are plain values (numbers, words, lists) and complete, defaults included.
    classes
        Names of the output channels.
    activation
        What makes probabilities of the logits: ``softmax`` over exclusive classes, or ``sigmoid``
        for each class by itself.
    foreground
        Classes that count as particle: of exclusive ones all but the first, of independent ones
        all but ``support`` and ``core``, unless a training says otherwise.
    tile_exact
        False if a layer sees statistics of the whole tile, so that tiles and whole image differ.
    note
        One sentence a user should know about the weights, else empty.
    resolved
        Settings that the constructor decided itself (where None was given), for `settings`.
    """

    name: str = ""
    tile_exact: bool = True
    note: str = ""

    def __init__(
        self, classes: Sequence[str], activation: Literal["softmax", "sigmoid"] = "softmax"
    ) -> None:
        super().__init__()
        self.classes = checked_classes(classes, activation)
        self.activation = activation
        self.foreground = (
            self.classes[1:]
            if activation == "softmax"
            else tuple(name for name in self.classes if name not in (CLASSES[0], CORE))
        )
        self.settings: dict[str, Any] = {}
        self.resolved: dict[str, Any] = {}

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @cached_property
    def _steps(self) -> list[receptive_field.Step]:
        return receptive_field.trace(self)

    @property
    def receptive_field(self) -> int:
        """Side (px) of the square that one output pixel sees, by the formula of Sytwu et al."""
        return receptive_field.nominal(self._steps)

    @property
    def reach(self) -> int:
        """Furthest row or column (px) any output pixel sees on one side: the least exact halo."""
        return receptive_field.reach(self._steps)

    @cached_property
    def stride(self) -> int:
        """Product of the poolings: height and width of the input must be multiples of it."""
        return receptive_field.stride(self._steps)

    def logits(self, image: Tensor) -> Tensor:
        """Compute the logits of images whose size fits; `forward` checks that it does."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor:
        """Compute the logits of images.

        Parameters
        ----------
        image
            ``(n, 1, h, w)`` float, ``h`` and ``w`` multiples of ``stride``.

        Returns
        -------
        torch.Tensor
            ``(n, len(classes), h, w)``.

        Raises
        ------
        UsageError
            If the shape does not fit.
        """
        self._check(image)
        return self.logits(image)

    def probabilities(self, image: Tensor) -> Tensor:
        """Compute ``(n, len(classes), h, w)`` probabilities: logits through ``activation``."""
        logits = self(image)
        return logits.softmax(1) if self.activation == "softmax" else logits.sigmoid()

    def _check(self, image: Tensor) -> None:
        shape = tuple(image.shape)
        if len(shape) != 4 or shape[1] != 1:
            raise UsageError(f"{self.name} takes (n, 1, h, w), not {shape}; add the missing axes")
        if shape[2] % self.stride or shape[3] % self.stride:
            raise UsageError(
                f"{self.name} takes heights and widths that are multiples of {self.stride}, "
                f"not {shape[2]} x {shape[3]}; pad or crop the image"
            )


def describe(network: Network, pixel_size_nm: float | None = None) -> dict[str, Any]:
    """Say what a network is, for tables and reports.

    Parameters
    ----------
    network
        Any network.
    pixel_size_nm
        Pixel size (nm) of its images, if known.

    Returns
    -------
    dict
        ``name``, ``parameters``, ``receptive_field_px``, ``receptive_field_nm`` (None without a
        pixel size), ``reach_px``, ``stride``, ``classes``.

    Raises
    ------
    UsageError
        If the pixel size is not positive.

    Examples
    --------
    >>> from nanosieve.networks import build
    >>> figures = describe(build("horwath-unet1024"), 0.18)
    >>> figures["parameters"], figures["receptive_field_px"], figures["receptive_field_nm"]
    (86590, 78, 14.04)
    """
    if pixel_size_nm is not None and not pixel_size_nm > 0:
        raise UsageError(f"a pixel size of {pixel_size_nm} nm is not positive; give one that is")
    field = network.receptive_field
    return {
        "name": network.name,
        "parameters": network.n_parameters,
        "receptive_field_px": field,
        "receptive_field_nm": None if pixel_size_nm is None else round(field * pixel_size_nm, 6),
        "reach_px": network.reach,
        "stride": network.stride,
        "classes": network.classes,
    }


def padded(image: np.ndarray, stride: int) -> Tensor:
    """Fill up to whole strides at the lower right by mirroring: ``(1, 1, y, x)`` float32."""
    missing = [(0, math.ceil(size / stride) * stride - size) for size in image.shape]
    whole = np.pad(np.asarray(image, np.float32), missing, mode="symmetric")
    return torch.from_numpy(np.ascontiguousarray(whole))[None, None]


def checked_classes(classes: Sequence[str], activation: str) -> tuple[str, ...]:
    """Return the class names as a tuple.

    Raises
    ------
    UsageError
        If they are no list of distinct names, or fewer than the activation can tell apart.
    """
    least = 2 if activation == "softmax" else 1
    names = () if isinstance(classes, str) else tuple(classes)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        names = ()
    if not least <= len(names) <= 255:
        raise UsageError(
            f"classes = {classes!r}: give a list of {least} to 255 names, all different"
        )
    return names


def one_of(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a setting that is none of ``choices``.

    Raises
    ------
    UsageError
        Names the setting, its value and the choices.
    """
    # True == 1: a number where a switch belongs, or the other way round, is a mistake.
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        words = ", ".join(repr(choice) for choice in choices)
        raise UsageError(f"{name} = {value!r}: choose one of {words}")


def whole(name: str, value: Any, least: int = 1, most: int = _LARGEST_WIDTH) -> None:
    """Refuse a setting that is no whole number from ``least`` to ``most``.

    Raises
    ------
    UsageError
        Names the setting, its value and the limits.
    """
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} = {value!r}: give a whole number from {least} to {most}")


def switch(name: str, value: Any) -> None:
    """Refuse a setting that is neither true nor false.

    Raises
    ------
    UsageError
        Names the setting and its value.
    """
    one_of(name, value, (False, True))


def share(name: str, value: Any) -> None:
    """Refuse a setting that is no number from 0 to below 1.

    Raises
    ------
    UsageError
        Names the setting and its value.
    """
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise UsageError(f"{name} = {value!r}: give a number from 0 to below 1")
