"""What is wanted of an image: its particles, its bare support, or classes of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.core.schema import CLASS_SHARE, class_column
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings

PARTICLES, SUPPORT = "particles", "support"
# What is wanted of a model that knows it, where nothing is said.
_LATTICE = "lattice"
# Flags of frames in which nothing can be seen, whatever the wanted share is by their figures.
BLIND = frozenset({"tiny", "constant"})


def wanted_from(text: str) -> tuple[str, ...]:
    """Split the names of what is wanted; empty where the method decides.

    Examples
    --------
    >>> wanted_from("lattice, boundary"), wanted_from("")
    (('lattice', 'boundary'), ())
    """
    return tuple(name for part in text.split(",") if (name := part.strip()))


def check_wanted(wanted: Sequence[str], settings: Settings) -> None:
    """Say before the first image that a method does not know what is wanted.

    Of ``auto`` each image decides.

    Raises
    ------
    UsageError
        If it knows no class of such a name.
    """
    if settings.method == "auto":
        return
    classes: tuple[str, ...] = ()
    if settings.has_model:
        from nanosieve.models.load import find_model, read_card

        kinds = read_card(find_model(settings.method))[0].kinds
        classes = kinds if len(kinds) > 2 else ()
    settle(wanted, classes)


def settle(wanted: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Fill in what is wanted where nothing was said, and look whether it is known.

    Parameters
    ----------
    wanted
        ``particles``, ``support``, or names of classes; none for the class ``lattice`` where there
        is one, else the particles.
    classes
        Names that the method knows besides.

    Returns
    -------
    tuple of str
        Each name once, as columns have it: spaces are underscores.

    Raises
    ------
    UsageError
        If it knows no class of such a name.

    Examples
    --------
    >>> settle((), ("lattice", "vacuum")), settle((), ())
    (('lattice',), ('particles',))
    """
    known = dict.fromkeys([*map(_key, classes), PARTICLES, SUPPORT])
    if not wanted:
        return (_LATTICE,) if _LATTICE in known else (PARTICLES,)
    for name in wanted:
        if _key(name) not in known:
            raise UsageError(
                f"--wanted {name}: the method knows no such class; give {', '.join(known)}"
            )
    return tuple(dict.fromkeys(map(_key, wanted)))


def classes_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the classes whose shares a row of ``summary.csv`` holds.

    Examples
    --------
    >>> classes_of({"n": 3, "share_film": 0.2})
    ('film',)
    """
    return tuple(name.removeprefix(CLASS_SHARE) for name in row if name.startswith(CLASS_SHARE))


def wanted_share(row: Mapping[str, Any], wanted: Sequence[str]) -> float:
    """Share of a frame's analysed area that is wanted, 0 to 1; 0 where nothing can be seen.

    Parameters
    ----------
    row
        Of ``summary.csv``.
    wanted
        As `settle` gave it.

    Examples
    --------
    >>> wanted_share({"coverage": 0.25, "flags": ""}, ("support",))
    0.75
    """
    coverage = row["coverage"]
    if coverage is None or not np.isfinite(coverage) or BLIND & {*str(row["flags"]).split(";")}:
        return 0.0
    shares = {PARTICLES: float(coverage), SUPPORT: 1 - float(coverage)}
    # A model may have a class of the name "support": its own share is then meant.
    found = (row.get(class_column(name), shares.get(name)) for name in wanted)
    return min(1.0, sum(float(share or 0) for share in found))


def wanted_pixels(found: Segmentation, wanted: Sequence[str]) -> np.ndarray:
    """Pixels of a segmentation that are wanted, ``(y, x)`` bool; none of those left out.

    Parameters
    ----------
    found
        What the method found.
    wanted
        As `settle` gave it.

    Examples
    --------
    >>> labels = np.array([[0, 1]], np.int32)
    >>> found = Segmentation(labels, labels / 1.0, "otsu", "dark")
    >>> wanted_pixels(found, ("support",)).tolist()
    [[True, False]]
    """
    kept = np.zeros(found.labels.shape, bool)
    names = [_key(name) for name in found.class_names]
    for name in wanted:
        if found.classes is not None and name in names:
            kept |= found.classes == names.index(name)
        elif name == PARTICLES:
            kept |= found.mask
        elif name == SUPPORT:
            kept |= ~found.mask
    if found.excluded is not None:
        kept &= ~found.excluded
    return kept


def _key(name: str) -> str:
    return class_column(name).removeprefix(CLASS_SHARE)
