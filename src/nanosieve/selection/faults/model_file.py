"""A forest of faults as a file without pickle: skops, looked through before it is loaded."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import atomic_path
from nanosieve.selection.faults.features import FeatureSet
from nanosieve.selection.faults.forest import most_probable, need_extra

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

_FORMAT = 1
# Types beside those that skops trusts. A tree is arrays; what could go wrong with forged ones,
# places outside of them, is looked for before it is used.
_TRUSTED = ("sklearn.tree._tree.Tree",)
# Rows of figures that travel with a forest, and how far their probabilities may be off.
_CHECKED, _TOLERANCE = 8, 1e-6


@dataclass(frozen=True)
class Card:
    """What must be known of a forest to use it.

    Parameters
    ----------
    features, unit
        Which figures it takes, and the unit of their frequencies.
    names
        Of the figures, in order.
    classes
        In the order of its probabilities.
    counts
        Crops of each class it was grown from.
    groups
        From how many groups.
    pixel_sizes_nm
        Smallest and largest pixel size of these; ``None`` where unknown.
    accuracy, accuracy_kind
        Share of crops told right that it had not seen, and how that was found.
    version, scikit_learn
        Versions it was made with.
    """

    features: FeatureSet
    unit: Literal["nm", "px"]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    groups: int
    pixel_sizes_nm: tuple[float, float] | None
    accuracy: float
    accuracy_kind: str
    version: str = __version__
    scikit_learn: str = ""


@dataclass(frozen=True)
class FaultModel:
    """A forest with its card.

    Parameters
    ----------
    card
        What it takes and gives.
    forest
        Of scikit-learn.
    """

    card: Card
    forest: "RandomForestClassifier"

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """``(n, classes)`` of ``(n, k)`` figures."""
        if not len(values):
            return np.zeros((0, len(self.card.classes)))
        return np.asarray(self.forest.predict_proba(values))

    def predict(self, values: np.ndarray) -> list[str]:
        """Most probable class of each row."""
        return most_probable(self.card.classes, self.probabilities(values))


def save_model(path: str | Path, model: FaultModel, values: np.ndarray) -> None:
    """Write a forest, its card, and some rows with what it says of them.

    Parameters
    ----------
    path
        File to write (atomically), usually ``.skops``.
    model
        What to write.
    values
        ``(n, k)`` figures it was grown from; the first few are kept to check the file by.

    Raises
    ------
    OutputError
        If it cannot be written.
    UsageError
        If skops is missing.
    """
    need_extra()
    import sklearn
    from skops.io import dump

    rows = np.asarray(values[:_CHECKED], np.float32)
    card = asdict(model.card) | {"scikit_learn": sklearn.__version__}
    content = {
        "format": _FORMAT,
        "card": json.dumps(card),
        "forest": model.forest,
        "rows": rows,
        "probabilities": model.probabilities(rows),
    }
    with atomic_path(path) as temporary:
        dump(content, temporary, compression=zipfile.ZIP_DEFLATED)


def load_model(path: str | Path) -> FaultModel:
    """Read a forest: only what skops trusts, nothing that runs, and only if it still says the same.

    Parameters
    ----------
    path
        As `save_model` writes it.

    Raises
    ------
    UsageError
        If there is no such file, it is no forest of faults, holds a type that is not to be trusted,
        was made by another scikit-learn that does not agree with this one, or skops is missing.
    """
    need_extra()
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give a model that nanosieve faults train wrote")
    content = _trusted(path)
    try:
        if content["format"] != _FORMAT:
            raise UsageError(f"{path}: of a newer nanosieve; update this one")
        card, forest = _card(content["card"]), content["forest"]
        model = FaultModel(card, forest)
        _check_trees(model)
        error = np.abs(model.probabilities(content["rows"]) - content["probabilities"]).max()
    except (KeyError, TypeError, AttributeError, ValueError) as broken:
        raise UsageError(
            f"{path}: not a model of nanosieve faults, or damaged; train it again"
        ) from broken
    if not error <= _TOLERANCE:
        raise UsageError(
            f"{path}: made with scikit-learn {card.scikit_learn}, it gives other probabilities "
            "here; train it again"
        )
    return model


def _trusted(path: Path) -> dict[str, Any]:
    from skops.io import get_untrusted_types, load

    try:
        unknown = [kind for kind in get_untrusted_types(file=path) if kind not in _TRUSTED]
        if unknown:
            raise UsageError(
                f"{path}: holds {unknown[0]}, which a model of nanosieve faults does not; it is "
                "not loaded"
            )
        content = load(path, trusted=list(_TRUSTED))
    except UsageError:
        raise
    # A file that is no zip, or whose content is not what skops writes, fails in many ways.
    except Exception as error:
        raise UsageError(f"{path}: not a model of nanosieve faults, or damaged") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not a model of nanosieve faults")
    return content


def _check_trees(model: FaultModel) -> None:
    """Check that no tree leads outside of its nodes or figures, nor round in a circle.

    Raises
    ------
    ValueError
        If one does.
    """
    if model.forest.n_features_in_ != len(model.card.names):
        raise ValueError("the forest takes other figures than its card says")
    for one in model.forest.estimators_:
        tree = one.tree_
        own = np.arange(tree.node_count)
        leaf = tree.children_left == -1
        inner = np.concatenate([tree.children_left[~leaf], tree.children_right[~leaf]])
        later = inner > np.tile(own[~leaf], 2)
        figures = tree.feature[~leaf]
        if not (
            (leaf == (tree.children_right == -1)).all()
            and later.all()
            and (inner < tree.node_count).all()
            and ((figures >= 0) & (figures < len(model.card.names))).all()
            and tree.value.shape == (tree.node_count, 1, len(model.card.classes))
        ):
            raise ValueError("a tree leads outside of itself")


def _card(text: str) -> Card:
    values = json.loads(text)
    for name in ("names", "classes", "counts"):
        values[name] = tuple(values[name])
    sizes = values["pixel_sizes_nm"]
    values["pixel_sizes_nm"] = None if sizes is None else (sizes[0], sizes[1])
    return Card(**values)


def describe_sizes(sizes: Sequence[float | None]) -> tuple[float, float] | None:
    """Smallest and largest of the known pixel sizes; ``None`` without one.

    >>> describe_sizes([0.02, None, 0.03])
    (0.02, 0.03)
    """
    known = [size for size in sizes if size is not None]
    return (min(known), max(known)) if known else None
