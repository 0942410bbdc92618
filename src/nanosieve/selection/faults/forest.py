"""A random forest of faults: how it is grown, and how well it tells crops it has not seen."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from nanosieve.core.errors import UsageError, install

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

Weights = Literal["balanced", "equal", "paper"]

TREES = 500
"""Trees of Groschner et al."""

FOLDS = 5


@dataclass(frozen=True)
class Growth:
    """How a forest is grown.

    Parameters
    ----------
    trees
        How many; 500 as Groschner et al.
    weights
        Of a crop: ``balanced`` inverse to how many there are of its class, ``equal``, or ``paper``:
        proportional to it, which is what the published code does and which favours the classes
        that are frequent anyway.
    seed
        Of drawing crops and figures for each tree, and of the folds.
    """

    trees: int = TREES
    weights: Weights = "balanced"
    seed: int = 0


@dataclass(frozen=True)
class Judged:
    """What was predicted of each crop by trees that had not seen it.

    Parameters
    ----------
    kind
        ``out of bag`` or ``grouped cross-validation``.
    classes
        In the order of the columns.
    probabilities
        ``(n, len(classes))``; a row of NaN where nothing could be predicted.
    """

    kind: str
    classes: tuple[str, ...]
    probabilities: np.ndarray

    def predicted(self) -> list[str]:
        """Most probable class of each crop; blank where there is none."""
        return most_probable(self.classes, self.probabilities)


def need_extra() -> None:
    """Check that scikit-learn and skops are installed.

    Raises
    ------
    UsageError
        If one is missing, with the command that installs both.
    """
    missing = [
        words
        for module, words in (("sklearn", "scikit-learn"), ("skops", "skops"))
        if find_spec(module) is None
    ]
    if missing:
        raise UsageError(f"faults need {' and '.join(missing)}: {install('faults')}")


def grow(
    values: np.ndarray, classes: Sequence[str], growth: Growth, *, out_of_bag: bool = False
) -> "RandomForestClassifier":
    """Grow a forest.

    Parameters
    ----------
    values
        ``(n, k)`` figures; NaN where one does not apply.
    classes
        ``(n,)`` class of each.
    growth
        How.
    out_of_bag
        Whether each crop is also predicted by the trees that did not draw it.

    Raises
    ------
    UsageError
        If there are fewer than two classes, or scikit-learn is missing.
    """
    need_extra()
    from sklearn.ensemble import RandomForestClassifier

    if len(set(classes)) < 2:
        raise UsageError(
            f"all particles are of the class {classes[0]}: label some of another class"
            if len(classes)
            else "no particle has a class: fill the column class"
        )
    forest = RandomForestClassifier(
        growth.trees, criterion="gini", oob_score=out_of_bag, random_state=growth.seed
    )
    with warnings.catch_warnings():
        # A crop that every tree drew: `out_of_bag` leaves it out.
        warnings.filterwarnings("ignore", "Some inputs do not have OOB scores", UserWarning)
        forest.fit(values, np.asarray(classes), sample_weight=_weights(classes, growth.weights))
    return forest


def out_of_bag(forest: "RandomForestClassifier") -> Judged:
    """What the trees that did not draw a crop say of it; they drew other crops of its image."""
    probabilities = np.array(forest.oob_decision_function_, float)
    probabilities[probabilities.sum(axis=1) == 0] = np.nan
    return Judged("out of bag", _names(forest), probabilities)


def cross_validate(
    values: np.ndarray,
    classes: Sequence[str],
    groups: Sequence[str],
    growth: Growth,
    *,
    folds: int = FOLDS,
) -> Judged | None:
    """Predict each group's crops by a forest grown on the other groups.

    Parameters
    ----------
    values, classes
        As for `grow`.
    groups
        ``(n,)`` what is never divided: an image, a session.
    growth
        How.
    folds
        Into how many parts groups are divided, at most as many as there are groups.

    Returns
    -------
    Judged or None
        ``None`` where there is one group: nothing is then known of an image not seen.
    """
    folds = min(folds, len(set(groups)))
    if folds < 2:
        return None
    names = tuple(sorted(set(classes)))
    probabilities = np.full((len(classes), len(names)), np.nan)
    fold = assign_folds(classes, groups, folds, seed=growth.seed)
    of_class = np.asarray(classes)
    for number in range(folds):
        held = fold == number
        if len(set(of_class[~held])) < 2:
            continue
        forest = grow(values[~held], of_class[~held].tolist(), growth)
        columns = [names.index(name) for name in _names(forest)]
        probabilities[held] = 0
        probabilities[np.ix_(held, columns)] = forest.predict_proba(values[held])
    return Judged("grouped cross-validation", names, probabilities)


def assign_folds(
    classes: Sequence[str], groups: Sequence[str], folds: int, *, seed: int
) -> np.ndarray:
    """Divide groups into folds that resemble each other in their classes.

    Groups go, those with most crops first and equal ones in an order that is drawn, each to the
    fold in which its classes are the scarcest so far.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` fold of each crop.

    Examples
    --------
    >>> assign_folds("aabbaabb", "11223344", 2, seed=0).tolist()
    [1, 1, 0, 0, 0, 0, 1, 1]
    """
    kinds, of_class = np.unique(np.asarray(list(classes)), return_inverse=True)
    names, of_group = np.unique(np.asarray(list(groups)), return_inverse=True)
    table = np.zeros((len(names), len(kinds)))
    np.add.at(table, (of_group, of_class), 1)
    # A rare class counts as much as a frequent one, and how many there are of all as much.
    table = np.column_stack([table, table.sum(axis=1)])
    table /= table.sum(axis=0)
    drawn = np.random.default_rng(seed).permutation(len(names))
    order = drawn[np.argsort(-table[drawn].sum(axis=1), kind="stable")]
    held = np.zeros((folds, table.shape[1]))
    fold = np.zeros(len(names), np.intp)
    for group in order:
        # How uneven the folds would be with the group in each of them.
        after = ((held + table[group]) ** 2 - held**2).sum(axis=1)
        fold[group] = int(np.argmin(after))
        held[fold[group]] += table[group]
    return fold[of_group]


def most_probable(classes: Sequence[str], probabilities: np.ndarray) -> list[str]:
    """Most probable class of each row; blank for a row of NaN.

    >>> most_probable(("a", "b"), np.array([[0.2, 0.8], [np.nan, np.nan]]))
    ['b', '']
    """
    known = np.isfinite(probabilities).all(axis=1)
    best = np.nan_to_num(probabilities).argmax(axis=1) if len(probabilities) else []
    return [classes[place] if here else "" for place, here in zip(best, known, strict=True)]


def _weights(classes: Sequence[str], kind: Weights) -> np.ndarray:
    _, place, count = np.unique(np.asarray(classes), return_inverse=True, return_counts=True)
    share = count[place] / count.mean()
    return {"balanced": 1 / share, "equal": np.ones(len(place)), "paper": share}[kind]


def _names(forest: "RandomForestClassifier") -> tuple[str, ...]:
    return tuple(str(name) for name in forest.classes_)
