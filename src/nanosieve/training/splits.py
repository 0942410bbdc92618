"""Which images are trained on, which choose, which test: divided by group, with no frame between.

Two images of one group never lie on two sides, unless the settings say ``ungrouped = true``. Then
the units that are divided are the images themselves; frames whose times or numbers are known are
divided into stretches, so that neighbours stay together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.training.config import TrainConfig
from nanosieve.training.config_sections import ValidationConfig
from nanosieve.training.data import TrainingImage

_LEAK = "images of one group then lie on both sides, and scores may leak from training"


@dataclass(frozen=True)
class Split:
    """One division of the images.

    Parameters
    ----------
    name
        ``all``, ``dataset``, ``fold-1``, ``repeat-2-fold-1`` or ``without-<group>``.
    train, validation, test
        Places in the list of images, ascending. Test may be empty.
    left_out
        Frames too close in time to validation or test to be trained on.
    leaks
        Whether parts share groups.
    movies
        Movies whose frames lie in several parts, with no gap between them.
    """

    name: str
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    leaks: bool = False
    movies: tuple[str, ...] = ()

    def groups(self, images: Sequence[TrainingImage]) -> dict[str, list[str]]:
        """Names of the groups of each part, for the report."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: sorted({images[i].group for i in own}) for part, own in parts.items()}

    def warning(self) -> str:
        """What the report must say of the scores; empty where no group or movie is divided."""
        if self.leaks:
            return "Ungrouped split: images of one group lie on both sides; scores may leak."
        if self.movies:
            names = ", ".join(self.movies[:3]) + (", ..." if len(self.movies) > 3 else "")
            return (
                f"Frames of one movie ({names}) lie on both sides, in groups of their own, without "
                "validation.time_gap_s; scores may leak."
            )
        return ""


def splits(images: Sequence[TrainingImage], config: TrainConfig) -> list[Split]:
    """Divide the images as ``[validation]`` says.

    Parameters
    ----------
    images
        From `nanosieve.training.data.load_images`.
    config
        ``validation``, and ``data.ungrouped``.

    Returns
    -------
    list of Split
        One for each fold and repeat; the same for the same seed, whatever else is set.

    Raises
    ------
    UsageError
        If there are too few groups, ``dataset.csv`` names no split for an image or divides a
        group, a time gap is asked for and times are unknown, or a part is left without images or
        without particles.
    """
    validation, ungrouped = config.validation, config.data.ungrouped
    if validation.from_dataset:
        found = [_from_dataset(images, ungrouped=ungrouped)]
    else:
        orders = _orders(images, validation, ungrouped=ungrouped)
        if validation.leave_one_group_out:
            found = _without_each(images, orders[0], validation)
        elif validation.folds:
            found = [split for order in _numbered(orders) for split in _folds(order, validation)]
        else:
            found = [_once(orders[0], validation)]
    found = [_finished(split, images, validation.time_gap_s) for split in found]
    for split in found:
        _check(split, images)
    return found


Order = list[list[int]]  # units, each the places of its images


def _orders(
    images: Sequence[TrainingImage], validation: ValidationConfig, *, ungrouped: bool
) -> list[Order]:
    """Units in an order to cut them in, one order a repeat."""
    groups: dict[str, list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.group, []).append(place)
    if ungrouped and validation.leave_one_group_out:
        raise UsageError(
            "leave_one_group_out keeps groups together, data.ungrouped divides them; give one"
        )
    timed = ungrouped and all(_is_frame(image) for image in images)
    if timed:
        units = [[i] for i in sorted(range(len(images)), key=lambda i: _when(images[i]))]
    elif ungrouped:
        units = [[place] for place in range(len(images))]
    else:
        units = [groups[name] for name in sorted(groups)]
    needed = _needed(validation)
    if len(units) < needed:
        _refuse_few(len(units), needed, sorted(groups), ungrouped=ungrouped)
    rng = np.random.default_rng(validation.seed)
    orders = []
    for _ in range(validation.repeats):
        # Turned, not shuffled, where neighbours in time are to stay together.
        order = (
            np.roll(np.arange(len(units)), int(rng.integers(len(units))))
            if timed
            else rng.permutation(len(units))
        )
        orders.append([units[i] for i in order])
    return orders


def _is_frame(image: TrainingImage) -> bool:
    return image.moment.time_s is not None or image.moment.frame is not None


def _when(image: TrainingImage) -> tuple[str, float, str]:
    """Place in its movie, from what is known: the time, else the number of the frame."""
    moment = image.moment
    return moment.movie, moment.frame or 0 if moment.time_s is None else moment.time_s, image.name


def _needed(validation: ValidationConfig) -> int:
    """Least number of units: one to train on, one to choose on, one to test on where asked."""
    if validation.folds:
        return max(validation.folds, 3) if validation.folds != 2 else 4
    return 3 if validation.leave_one_group_out or validation.test_share > 0 else 2


def _refuse_few(n: int, needed: int, groups: list[str], *, ungrouped: bool) -> None:
    what = "images" if ungrouped else "groups"
    names = ", ".join(groups[:5]) + (", ..." if len(groups) > 5 else "")
    hint = "add images, or ask for fewer parts"
    if not ungrouped:
        hint = (
            'name groups in dataset.csv or data.groups; write groups = "image" in [data], each '
            "image its own group, where each is of a session of its own; or write "
            f"ungrouped = true in [data]: {_LEAK}"
        )
    raise UsageError(
        f"this split needs {needed} {what}, there {'is' if n == 1 else 'are'} {n} "
        f"(groups: {names}); {hint}"
    )


def _once(order: Order, validation: ValidationConfig) -> Split:
    n_test = _number(validation.test_share, len(order), len(order) - 2)
    rest = order[n_test:]
    n = _number(validation.share, len(order), len(rest) - 1)
    return Split("all", _flat(rest[n:]), _flat(rest[:n]), _flat(order[:n_test]))


def _numbered(orders: list[Order]) -> list[tuple[str, Order]]:
    if len(orders) == 1:
        return [("", orders[0])]
    return [(f"repeat-{number}-", order) for number, order in enumerate(orders, start=1)]


def _folds(numbered: tuple[str, Order], validation: ValidationConfig) -> list[Split]:
    prefix, order = numbered
    cuts = np.linspace(0, len(order), validation.folds + 1).round().astype(int)
    return [
        _held_out(f"{prefix}fold-{fold + 1}", order, (cuts[fold], cuts[fold + 1]), validation.share)
        for fold in range(validation.folds)
    ]


def _without_each(
    images: Sequence[TrainingImage], order: Order, validation: ValidationConfig
) -> list[Split]:
    found = [
        _held_out(f"without-{images[unit[0]].group}", order, (i, i + 1), validation.share)
        for i, unit in enumerate(order)
    ]
    return sorted(found, key=lambda split: split.name)


def _held_out(name: str, order: Order, held: tuple[int, int], share: float) -> Split:
    """Test on a stretch of the order, choose on what follows it, train on the rest."""
    first, last = held
    rest = order[last:] + order[:first]
    n = _number(share, len(rest), len(rest) - 1)
    return Split(name, _flat(rest[n:]), _flat(rest[:n]), _flat(order[first:last]))


def _number(share: float, of: int, most: int) -> int:
    """How many units a share is: one at least, unless nothing was asked for."""
    return min(max(round(share * of), 1), most) if share > 0 else 0


def _flat(units: Order) -> tuple[int, ...]:
    return tuple(sorted(place for unit in units for place in unit))


def _from_dataset(images: Sequence[TrainingImage], *, ungrouped: bool) -> Split:
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    faults = []
    for place, image in enumerate(images):
        if image.split not in parts:
            faults.append(f"{image.name} has {image.split!r}")
        else:
            parts[image.split].append(place)
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise UsageError(
            "validation.from_dataset: the column split of dataset.csv must be train, validation "
            f"or test; {', '.join(faults[:3])}{more}"
        )
    train, validation, test = (tuple(places) for places in parts.values())
    split = Split("dataset", train, validation, test)
    divided = _divided(split, images)
    if divided and not ungrouped:
        raise UsageError(
            f"validation.from_dataset: dataset.csv divides the group {divided[0]!r}; keep it "
            f"together, or write ungrouped = true in [data]: {_LEAK}"
        )
    return split


def _divided(split: Split, images: Sequence[TrainingImage]) -> list[str]:
    """Groups that lie in several parts."""
    return _shared([set(own) for own in split.groups(images).values()])


def _shared(parts: Sequence[set[str]]) -> list[str]:
    """Names that are in several of the three parts."""
    train, validation, test = parts
    return sorted((train & validation) | (train & test) | (validation & test))


def _finished(split: Split, images: Sequence[TrainingImage], gap_s: float) -> Split:
    """Take out frames that are too close in time; note which groups and movies were divided."""
    train, validation = split.train, split.validation
    if gap_s > 0:
        validation = tuple(i for i in validation if not _near(i, split.test, images, gap_s))
        held = (*split.validation, *split.test)
        train = tuple(i for i in train if not _near(i, held, images, gap_s))
    gone = sorted({*split.train, *split.validation} - {*train, *validation})
    return replace(
        split,
        train=train,
        validation=validation,
        left_out=tuple(gone),
        leaks=bool(_divided(split, images)),
        movies=() if gap_s > 0 else _divided_movies(split, images),
    )


def _divided_movies(split: Split, images: Sequence[TrainingImage]) -> tuple[str, ...]:
    parts = (split.train, split.validation, split.test)
    return tuple(_shared([{images[i].moment.movie for i in own if _is_frame(images[i])}
                          for own in parts]))  # fmt: skip


def _near(place: int, others: Sequence[int], images: Sequence[TrainingImage], gap_s: float) -> bool:
    own = images[place].moment
    for other in others:
        moment = images[other].moment
        if moment.movie != own.movie:
            continue
        if own.time_s is None or moment.time_s is None:
            raise UsageError(
                f"validation.time_gap_s: the times of {images[place].name} and "
                f"{images[other].name}, of one movie, are not both known; give a column time_s in "
                "dataset.csv, or frame numbers and data.frame_interval_s"
            )
        if abs(own.time_s - moment.time_s) < gap_s:
            return True
    return False


def _check(split: Split, images: Sequence[TrainingImage]) -> None:
    for part, places in (("train", split.train), ("validation", split.validation)):
        if not places:
            because = " after the time gap" if split.left_out else ""
            raise UsageError(f"split {split.name!r}: no image is left for {part}{because}")
        if not any(images[i].class_counts(2)[1:].any() for i in places):
            groups = ", ".join(sorted({images[i].group for i in places})[:5])
            raise UsageError(
                f"split {split.name!r}: no particle in any image of {part} (groups: {groups}); "
                "take another validation.seed or share, or more groups"
            )
