"""What a trained network says of images that it has not seen, kept as histograms of margins."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanosieve.core.errors import NanosieveError
from nanosieve.files.atomic import atomic_path
from nanosieve.networks import Network
from nanosieve.training.calibration import N_BINS, margin_histogram
from nanosieve.training.data import TrainingImage
from nanosieve.training.predict import image_margin
from nanosieve.training.scores import Judged, Role
from nanosieve.training.splits import Split
from nanosieve.training.targets import PARTICLE


def judge(
    network: Network,
    images: Sequence[TrainingImage],
    split: Split,
    seed: int,
    *,
    data_classes: Sequence[str],
) -> list[Judged]:
    """Run a network over the validation and test images of a split.

    Parameters
    ----------
    network
        In evaluation mode.
    images
        All images, in the order that the split counts.
    split, seed
        Which training it is.
    data_classes
        Names of the values of the masks.
    """
    judged = []
    for place, role in _roles(split):
        image = images[place]
        truth = truth_mask(image, network.foreground, data_classes)
        valid = None if image.ignore is None else ~image.ignore
        histogram = margin_histogram(truth, image_margin(network, image.image), valid=valid)
        judged.append(Judged(image.name, image.group, split.name, seed, role, histogram))
    return judged


def save_judged(path: Path, judged: Sequence[Judged]) -> None:
    """Keep the histograms, so that a resumed run need not predict again."""
    histograms = np.array([one.histogram for one in judged], np.uint32)
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, histograms=histograms)


def load_judged(
    path: Path, images: Sequence[TrainingImage], split: Split, seed: int
) -> list[Judged]:
    """Read what `save_judged` wrote.

    Raises
    ------
    NanosieveError
        If it is broken.
    """
    roles = _roles(split)
    try:
        with np.load(path, allow_pickle=False) as kept:
            histograms = kept["histograms"].astype(np.int64)
        if histograms.shape != (len(roles), 2, N_BINS):
            raise ValueError(f"its shape is {histograms.shape}")
    except (OSError, ValueError, KeyError) as error:
        raise NanosieveError(f"{path}: cannot be read ({error}); remove it") from error
    return [
        Judged(images[place].name, images[place].group, split.name, seed, role, histogram)
        for (place, role), histogram in zip(roles, histograms, strict=True)
    ]


def _roles(split: Split) -> list[tuple[int, Role]]:
    return [(place, "validation") for place in split.validation] + [
        (place, "test") for place in split.test
    ]


def truth_mask(
    image: TrainingImage, shown: Sequence[str], data_classes: Sequence[str]
) -> np.ndarray:
    """Which pixels are of a class that counts as particle."""
    if PARTICLE in shown:
        return image.classes > 0
    return np.isin(image.classes, [data_classes.index(name) for name in shown])
