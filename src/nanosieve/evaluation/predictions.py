"""Where predictions come from: a method that is run, or a folder of label images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Interface

import numpy as np
import pandas as pd

from nanosieve.core.errors import FailedInput, InputError, UsageError
from nanosieve.core.settings import Device, Settings
from nanosieve.files.dataset import Sample, instances_from_mask
from nanosieve.files.labels import read_labels
from nanosieve.files.read import read
from nanosieve.pipeline import analyse


class MissingPrediction(InputError):
    """A folder of predictions has none for this image."""

    status = "missing"


@dataclass(frozen=True)
class Prediction:
    """What a method, or someone, says of one image.

    Parameters
    ----------
    mask
        ``(y, x)`` bool: particle or not.
    labels
        ``(y, x)`` integers, 0 background: the particles.
    probability
        ``(y, x)`` in [0, 1], ``None`` where there is none.
    certainty
        ``(largest label + 1,)`` in [0, 1] by label: confidence of each particle; ``None`` where
        it is the mean of its pixels' probability.
    """

    mask: np.ndarray
    labels: np.ndarray
    probability: np.ndarray | None = None
    certainty: np.ndarray | None = None


class Source(Interface):
    """Gives a prediction for each sample."""

    @property
    def name(self) -> str:
        """Name in the tables."""

    @property
    def words(self) -> str:
        """What it is, in words."""

    def predict(self, sample: Sample) -> Prediction:
        """Predict one sample; raises `InputError` where that is not possible."""


@dataclass(frozen=True)
class Method:
    """A method run with settings, exactly as ``nanosieve segment`` runs it."""

    name: str
    settings: Settings
    device: Device = "auto"

    @property
    def n_parameters(self) -> int | None:
        """Weights of the network, if it is one and its card says."""
        if not self.settings.has_model:
            return None
        from nanosieve.models.load import find_model, read_card

        return read_card(find_model(self.settings.method))[0].n_parameters

    @property
    def words(self) -> str:
        """Method and every setting that is not the default."""
        hidden = {"method", "model_hash", "model_hashes"}
        changed = self.settings.model_dump(exclude_defaults=True, exclude=hidden)
        return ", ".join(
            [
                f"method {self.settings.method}",
                *(f"{key} {value}" for key, value in changed.items()),
            ]
        )

    def predict(self, sample: Sample) -> Prediction:
        """Segment the sample's image."""
        found = analyse(sample.micrograph(), self.settings, device=self.device).segmentations[0]
        certainty = None if found.certainty is None else np.append(0.0, found.certainty)
        return Prediction(found.mask, found.labels, found.confidence, certainty)


@dataclass(frozen=True)
class Folder:
    """Label images made elsewhere: ``<name>/labels.tif`` or ``<name>.tif|png`` in a folder.

    Beside ``labels.tif``, ``probability.tif`` and ``confidence`` in ``particles.csv`` count too.

    A file with a single value beside 0 is a mask: its particles are the 4-connected components of
    at least 12 px, as in a data set.

    Raises
    ------
    UsageError
        If the folder does not exist.
    """

    name: str
    path: Path

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise UsageError(f"--predictions {self.name}={self.path}: there is no such folder")

    @property
    def words(self) -> str:
        """Name of the folder."""
        return f"label images in {self.path.name or self.path}"

    def predict(self, sample: Sample) -> Prediction:
        """Read the prediction of this sample, its probability and confidences if they are there.

        Raises
        ------
        MissingPrediction
            If the folder has none for it.
        FailedInput
            If it is a movie.
        """
        file = self._file(sample.name)
        labels, _ = read_labels(file)
        if labels.ndim != 2:
            raise FailedInput(f"{file}: expected a (y, x) label image, got shape {labels.shape}")
        mask = labels != 0
        # Many prediction folders hold masks of 0 and 255, in which all particles bear one label.
        if np.count_nonzero(mask) and len(np.unique(labels[mask])) == 1:
            labels = instances_from_mask(mask)
        path = self.path / sample.name / "probability.tif"
        return Prediction(
            mask,
            labels,
            _read_probability(path) if path.is_file() else None,
            _read_confidence(path.with_name("particles.csv"), labels),
        )

    def _file(self, name: str) -> Path:
        candidates = [self.path / name / "labels.tif"]
        candidates += [self.path / f"{name}{suffix}" for suffix in (".tif", ".png")]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise MissingPrediction(
            f"{self.path}: no {name}/labels.tif, {name}.tif or {name}.png; predictions are sought "
            "by the name of the data set's image"
        )


def _read_confidence(path: Path, labels: np.ndarray) -> np.ndarray | None:
    """Confidence by label from ``particles.csv``; ``None`` where it is not of these labels."""
    if not path.is_file():
        return None
    table = pd.read_csv(path)
    if not {"label", "confidence"} <= set(table.columns):
        return None
    known = table["label"].to_numpy(int)
    confidence = np.zeros(int(labels.max(initial=0)) + 1)
    if not np.array_equal(np.sort(known), np.unique(labels[labels > 0])):
        return None
    confidence[known] = table["confidence"].to_numpy(float)
    return confidence if ((confidence >= 0) & (confidence <= 1)).all() else None


def _read_probability(path: Path) -> np.ndarray:
    """Read ``probability.tif``: 8 bits of which 255 is 1, or floats from 0 to 1."""
    pixels = read(path).frames[0]
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 255
    if pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1:
        return pixels.astype(np.float32)
    raise FailedInput(
        f"{path}: a probability is 8 bits (255 for 1) or floats from 0 to 1, got {pixels.dtype} "
        f"from {pixels.min()} to {pixels.max()}"
    )
