"""What a network is to answer: class numbers, or one channel for each class and the cores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.networks import CORE
from nanosieve.training.data import TrainingImage

PARTICLE = "particle"

# One byte a pixel, so that all truth is sampled at once: class number, core, ignored.
CLASS_BITS, CORE_BIT, IGNORED_BIT = 0x3F, 0x40, 0x80


@dataclass(frozen=True)
class Target:
    """The answers of one network.

    Parameters
    ----------
    classes, activation
        Of the network. With ``softmax`` the classes are those of the data; with ``sigmoid`` each is
        ``particle`` (whatever is not support), ``core``, or a class of the data.
    data_classes
        Names of the values of the masks.
    core_depth
        See `core_map`.

    Raises
    ------
    UsageError
        If the network's classes cannot be told from the data.

    Examples
    --------
    >>> Target(("particle", "core"), "sigmoid").decode(np.array([[0, 1, 65, 129]], np.uint8))[1]
    array([[0., 0., 1., 0.]], dtype=float32)
    """

    classes: tuple[str, ...]
    activation: Literal["softmax", "sigmoid"]
    data_classes: tuple[str, ...] = ("support", PARTICLE)
    core_depth: float = 0.5

    def __post_init__(self) -> None:
        if self.activation == "softmax":
            if tuple(self.classes) != tuple(self.data_classes):
                raise UsageError(
                    f"the network's classes are {', '.join(self.classes)}, those of the data "
                    f"{', '.join(self.data_classes)}; make data.classes and "
                    "network.settings.classes the same"
                )
            return
        unknown = set(self.classes) - {PARTICLE, CORE, *self.data_classes}
        if unknown:
            raise UsageError(
                f"the network's class {min(unknown)!r} is not in the data, which tell "
                f"{', '.join(dict.fromkeys((PARTICLE, CORE, *self.data_classes)))}"
            )

    def encode(self, image: TrainingImage) -> np.ndarray:
        """Put all truth of an image into one ``(y, x)`` uint8, that tiles are sampled from."""
        codes = image.classes.astype(np.uint8)
        if CORE in self.classes:
            codes[core_map(image.instances, self.core_depth)] |= CORE_BIT
        if image.ignore is not None:
            codes[image.ignore] |= IGNORED_BIT
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Give ``(y, x)`` int64 class numbers (softmax), or ``(c, y, x)`` float32 of 0 and 1."""
        numbers = codes & CLASS_BITS
        if self.activation == "softmax":
            return numbers.astype(np.int64)
        return np.stack([self._channel(name, numbers, codes) for name in self.classes])

    def _channel(self, name: str, numbers: np.ndarray, codes: np.ndarray) -> np.ndarray:
        if name == CORE:
            return (codes & CORE_BIT > 0).astype(np.float32)
        if name == PARTICLE:
            return (numbers > 0).astype(np.float32)
        return (numbers == self.data_classes.index(name)).astype(np.float32)


def counted(codes: np.ndarray) -> np.ndarray:
    """Which pixels count, bool, from `Target.encode`."""
    return codes < IGNORED_BIT


def particles(codes: np.ndarray) -> np.ndarray:
    """Which pixels are particle and count, bool, from `Target.encode`."""
    return ((codes & CLASS_BITS) > 0) & counted(codes)


def core_map(instances: np.ndarray, depth: float) -> np.ndarray:
    """Find the core of each particle: what lies deep in it, by its own measure.

    Cores of touching particles never touch, so that they tell the particles apart. The share is of
    each particle's own inradius: a fixed depth would leave small ones without a core.

    Parameters
    ----------
    instances
        ``(y, x)`` integers, 0 where no particle.
    depth
        Pixels count that are farther from the particle's edge than this share of its inradius. A
        touching neighbour is an edge, the frame is none.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` bool.

    Examples
    --------
    >>> cut_by_the_frame = np.zeros((5, 7), int)
    >>> cut_by_the_frame[1:, 1:6] = 1
    >>> core_map(cut_by_the_frame, 0.5).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 0, 0]])
    """
    labels = _numbered(instances)
    core = np.zeros(labels.shape, bool)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        own = labels[around] == number
        if own.all():
            core[around] = True
            continue
        distance = ndimage.distance_transform_edt(own)
        core[around] |= distance > depth * distance.max()
    core[_meeting(labels)] = False
    return core


def _numbered(instances: np.ndarray) -> np.ndarray:
    """Number instances from 1 without gaps: 0 stays 0."""
    if instances.min(initial=0) >= 0 and instances.max(initial=0) <= instances.size:
        # Much faster than a search, which sorts all pixels.
        there = np.zeros(int(instances.max(initial=0)) + 1, bool)
        there[instances] = True
        there[0] = False
        return np.cumsum(there, dtype=np.int32)[instances]
    values = np.unique(instances[instances != 0])
    return np.where(instances == 0, 0, np.searchsorted(values, instances) + 1)


def _meeting(labels: np.ndarray) -> np.ndarray:
    """Pixels of a particle that touch another one, along edges or corners."""
    highest = ndimage.maximum_filter(labels, 3)
    # 0 must not win: turned round, the lowest of the particles is the highest.
    top = int(labels.max(initial=0)) + 1
    lowest = top - ndimage.maximum_filter(np.where(labels > 0, top - labels, 0), 3)
    return (labels > 0) & ((highest != labels) | (lowest != labels))


def class_counts(images: Sequence[TrainingImage], target: Target) -> np.ndarray:
    """Count pixels of each answer over images, for balanced weights.

    Returns
    -------
    numpy.ndarray
        ``(len(target.classes),)``; with ``sigmoid``, pixels where the channel is 1.
    """
    total = np.zeros(len(target.classes))
    for image in images:
        codes = target.encode(image)
        answers = target.decode(codes[counted(codes)])
        if target.activation == "softmax":
            total += np.bincount(answers, minlength=len(total))
        else:
            total += answers.sum(1)
    return total
