"""What is checked before training: truth that fits its image, and images that are there once."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanosieve.core.errors import RefusedInput, UsageError

if TYPE_CHECKING:
    from nanosieve.training.data import TrainingImage

_FAULTS_SHOWN = 5
_VALUES_SHOWN = 6
# Pixels by which mask and instances may differ, as a share of the particles': thin seams drawn
# between touching instances.
_DISAGREE = 0.05


def class_numbers(values: np.ndarray, n_classes: int, *, where: str) -> np.ndarray:
    """Make class numbers of the values of a mask.

    Parameters
    ----------
    values
        ``(y, x)`` whole numbers. With two classes a mask holds 0 and one other value, whichever;
        with more, the class numbers.
    n_classes
        Number of classes.
    where
        Named in errors.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` uint8.

    Raises
    ------
    RefusedInput
        If the mask holds other values.

    Examples
    --------
    >>> class_numbers(np.array([[0, 255]]), 2, where="masks/a.png")
    array([[0, 1]], dtype=uint8)
    >>> class_numbers(np.array([[0, 3, 255]]), 2, where="masks/a.png")
    Traceback (most recent call last):
    nanosieve.core.errors.RefusedInput: masks/a.png: holds the values 0, 3, 255; a mask of 2 \
classes holds 0 and one other
    """
    found = np.unique(values)
    if n_classes == 2:
        if found.size > 2 or (found.size == 2 and found[0] != 0):
            raise RefusedInput(
                f"{where}: holds the values {_listed(found)}; a mask of 2 classes holds 0 and "
                "one other"
            )
        return (values != 0).astype(np.uint8)
    unexpected = found[(found < 0) | (found >= n_classes)]
    if unexpected.size:
        raise RefusedInput(
            f"{where}: holds the unexpected values {_listed(unexpected)}; with {n_classes} "
            f"classes they are 0 to {n_classes - 1}"
        )
    return values.astype(np.uint8)


def check_instances(particle: np.ndarray, instances: np.ndarray, *, where: str) -> None:
    """Compare a mask with the instances beside it.

    Parameters
    ----------
    particle
        ``(y, x)``, non-zero where the mask has a class that counts as particle.
    instances
        ``(y, x)``, non-zero where a particle is.
    where
        Named in errors.

    Raises
    ------
    RefusedInput
        If they differ by more than a twentieth of the pixels that either calls particle.
    """
    different = int(np.count_nonzero((particle != 0) != (instances != 0)))
    either = int(np.count_nonzero((particle != 0) | (instances != 0)))
    if different > _DISAGREE * either:
        raise RefusedInput(
            f"{where}: mask and instances do not match: they differ in {different} of the "
            f"{either} pixels that either calls particle"
        )


def content(image: np.ndarray) -> str:
    """Hash the grey values of an image, the same however it is stored, turned or mirrored.

    Examples
    --------
    >>> image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    >>> content(image) == content(np.rot90(image).astype(np.float32))
    True
    >>> content(image) == content(image + 1)
    False
    """
    values = np.asarray(image, np.float32)
    turns = [np.rot90(side, k) for side in (values, values.T) for k in range(4)]
    return min(
        hashlib.blake2b(f"{turn.shape}".encode() + turn.tobytes(), digest_size=16).hexdigest()
        for turn in turns
    )


def check_images(
    images: Sequence["TrainingImage"], *, classes: Sequence[str], ungrouped: bool = False
) -> list[str]:
    """Look for what only shows when images are seen together.

    Parameters
    ----------
    images
        All that are trained and validated on.
    classes
        Names of the classes.
    ungrouped
        Whether each image is divided from the others, whatever its group.

    Returns
    -------
    list of str
        Faults: the same image in two groups; a class without a pixel that counts.
    """
    faults = []
    first: dict[str, TrainingImage] = {}
    for image in images:
        other = first.setdefault(image.content, image)
        if other is image:
            continue
        if ungrouped or other.group != image.group:
            faults.append(
                f"{image.name} (group {image.group!r}) is the same image as {other.name} (group "
                f"{other.group!r}), perhaps turned; put them into one group or remove one"
            )
    counts = sum(image.class_counts(len(classes)) for image in images)
    faults += [
        f"no pixel of class {name!r} in any image; mend the masks or data.classes"
        for name, count in zip(classes, np.atleast_1d(counts), strict=True)
        if count == 0
    ]
    return faults


def refuse(faults: Iterable[str], *, what: str) -> None:
    """Raise one error for all faults.

    Parameters
    ----------
    faults
        Sentences; nothing happens if there are none.
    what
        What they are about.

    Raises
    ------
    UsageError
        With the first five and the number of those left out.
    """
    faults = list(faults)
    if faults:
        more = len(faults) - _FAULTS_SHOWN
        shown = "; ".join(faults[:_FAULTS_SHOWN])
        raise UsageError(f"{what}: {shown}" + (f"; and {more} more" if more > 0 else ""))


def _listed(values: np.ndarray) -> str:
    shown = ", ".join(str(value) for value in values[:_VALUES_SHOWN])
    return shown + (
        f" and {values.size - _VALUES_SHOWN} more" if values.size > _VALUES_SHOWN else ""
    )
