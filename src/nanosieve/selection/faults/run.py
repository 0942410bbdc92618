"""Train a forest of faults on a labelled folder, and tell the particles of others by it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from nanosieve.batch.labelled_frames import LabelledFrame, images_in, labelled_frames
from nanosieve.core.errors import UsageError
from nanosieve.selection.faults.classes import CLASSES, read_classes
from nanosieve.selection.faults.crops import LEAST_PX
from nanosieve.selection.faults.features import Described, FeatureSet, describe
from nanosieve.selection.faults.forest import (
    FOLDS,
    Growth,
    Judged,
    cross_validate,
    grow,
    most_probable,
    out_of_bag,
)
from nanosieve.selection.faults.model_file import Card, FaultModel, describe_sizes
from nanosieve.selection.faults.samples import Samples, cutter_of, gather
from nanosieve.selection.faults.scores import FaultScores, score

# A pixel size is like that of the training within this factor.
_LIKE = 1.5

Told = Callable[[int, int], None] | None
"""Called with how many images are done and how many there are."""


@dataclass(frozen=True)
class TrainOptions:
    """How a forest is trained.

    Parameters
    ----------
    features
        ``all`` or the five of the ``paper``.
    growth
        Trees, weights, seed.
    folds
        Of the cross-validation by groups.
    background
        Squares of bare support to add as ``empty``.
    """

    features: FeatureSet = "all"
    growth: Growth = field(default_factory=Growth)
    folds: int = FOLDS
    background: int = 0


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training.

    Parameters
    ----------
    model
        Grown from all crops.
    samples, described
        What it was grown from.
    judged, scores
        What trees that had not seen a crop say of it: by cross-validation over groups where there
        are several, else out of bag; scores of both.
    """

    model: FaultModel
    samples: Samples
    described: Described
    judged: Judged
    scores: tuple[FaultScores, ...]


def train(out: str | Path, classes: str | Path, options: TrainOptions | None = None) -> Trained:
    """Train on particles of a segmented folder that someone has given a class.

    Parameters
    ----------
    out
        Folder of ``nanosieve segment`` or ``measure``.
    classes
        Table for `read_classes`.
    options
        How.

    Raises
    ------
    UsageError
        If the table does not fit the folder, gives one class only, or scikit-learn or skops is
        missing.
    InputError
        If an image or its labels cannot be read.
    """
    options = options or TrainOptions()
    samples = gather(
        Path(out),
        read_classes(classes),
        background=options.background,
        seed=options.growth.seed,
    )
    return train_crops(samples, options)


def train_crops(samples: Samples, options: TrainOptions | None = None) -> Trained:
    """Train on crops that are already cut out; see `train`."""
    options = options or TrainOptions()
    _check_sizes(samples)
    described = describe(samples.crops, which=options.features)
    values, growth = described.values, options.growth
    forest = grow(values, samples.classes, growth, out_of_bag=True)
    held_out = cross_validate(values, samples.classes, samples.groups, growth, folds=options.folds)
    bag = out_of_bag(forest)
    every = [judged for judged in (held_out, bag) if judged is not None]
    scores = tuple(score(judged, samples.classes, samples.groups) for judged in every)
    names, counts = np.unique(samples.classes, return_counts=True)
    card = Card(
        features=options.features,
        unit=described.unit,
        names=described.names,
        classes=tuple(str(name) for name in names),
        counts=tuple(int(count) for count in counts),
        groups=len(set(samples.groups)),
        pixel_sizes_nm=describe_sizes([crop.pixel_size_nm for crop in samples.crops]),
        accuracy=scores[0].accuracy,
        accuracy_kind=scores[0].kind,
    )
    return Trained(FaultModel(card, forest), samples, described, every[0], scores)


def _check_sizes(samples: Samples) -> None:
    """Name the images whose pixel size is unknown where that of others is known."""
    known = {
        row.image: crop.pixel_size_nm is not None
        for row, crop in zip(samples.rows, samples.crops, strict=True)
    }
    unknown = [image for image, there in known.items() if not there]
    if 0 < len(unknown) < len(known):
        raise UsageError(
            f"the pixel size is unknown of {', '.join(unknown[:5])}"
            f"{' and others' if len(unknown) > 5 else ''}, and known of the other images: segment "
            "them again with --pixel-size, or leave their rows out"
        )


def predict(out: str | Path, model: FaultModel, *, progress: Told = None) -> pd.DataFrame:
    """Tell the class of every particle of a segmented folder.

    Parameters
    ----------
    out
        Folder of ``nanosieve segment`` or ``measure``.
    model
        As `nanosieve.selection.faults.model_file.load_model` gives it.
    progress
        Is told how far it is.

    Returns
    -------
    pandas.DataFrame
        ``image, frame, label, class, probability``, the probability of each class (``p_fault``)
        and ``note``. A particle of fewer than 24 px has no class; the note says so.

    Raises
    ------
    UsageError
        If the folder holds no result, or pixel sizes are unknown where the model needs them.
    InputError
        If an image or its labels cannot be read.
    """
    out = Path(out)
    names = images_in(out)
    tables: list[pd.DataFrame] = []
    for number, image in enumerate(names):
        tables.extend(_of_frame(frame, model) for frame in labelled_frames(out, image))
        if progress is not None:
            progress(number + 1, len(names))
    return pd.concat(tables, ignore_index=True)


def _of_frame(frame: LabelledFrame, model: FaultModel) -> pd.DataFrame:
    if model.card.unit == "nm" and frame.pixel_size_nm is None:
        raise UsageError(
            f"{frame.image}: its pixel size is unknown, and the model was trained on frequencies "
            "in 1/nm: segment it again with --pixel-size, or leave it out"
        )
    cutter = cutter_of(frame)
    crops = [cutter.crop(label) for label in cutter.labels]
    large = [place for place, crop in enumerate(crops) if crop is not None]
    card = model.card
    described = describe(
        [crop for crop in crops if crop is not None], which=card.features, unit=card.unit
    )
    probabilities = np.full((len(crops), len(card.classes)), np.nan)
    probabilities[large] = model.probabilities(described.values)
    small = np.isnan(probabilities).all(axis=1)
    columns = {
        "image": frame.image,
        "frame": frame.frame,
        "label": cutter.labels,
        "class": most_probable(card.classes, probabilities),
        "probability": probabilities.max(axis=1, initial=0, where=~np.isnan(probabilities)),
        **{
            f"p_{name.replace(' ', '_')}": probabilities[:, card.classes.index(name)]
            for name in CLASSES
            if name in card.classes
        },
        "note": np.where(small, f"smaller than {LEAST_PX} px", _unlike(frame, card)),
    }
    table = pd.DataFrame(columns, index=range(len(crops)))
    table.loc[small, "probability"] = np.nan
    return table


def _unlike(frame: LabelledFrame, card: Card) -> str:
    """Words for a pixel size far from those of the training; blank for one like them."""
    if card.pixel_sizes_nm is None or frame.pixel_size_nm is None:
        return ""
    low, high = card.pixel_sizes_nm
    if low / _LIKE <= frame.pixel_size_nm <= high * _LIKE:
        return ""
    return f"pixels of {frame.pixel_size_nm:.3g} nm, trained on {low:.3g} to {high:.3g}"
