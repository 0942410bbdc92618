"""Classes of pixels of simulated graphene: lattice, boundary, vacuum, contamination."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from bench.judged import Judged
from bench.page import score, table
from nanosieve.core.settings import METHODS, Settings
from nanosieve.files.dataset import Sample
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.measurement.agreement.intervals import group_interval
from nanosieve.measurement.agreement.pixels import confusion
from nanosieve.models.load import find_model, read_card
from nanosieve.pipeline import analyse

SCORES = ("precision", "recall", "dice", "jaccard")
HEADS = ("precision", "recall", "F1", "Jaccard")


def classes(judged: Judged, methods: Mapping[str, str], limit: int | None) -> str:
    """Scores of each class, the mean over images that show it or were said to."""
    rows = []
    for name, method in methods.items():
        if method not in METHODS and len(read_card(find_model(method))[0].kinds) > 2:
            rows += list(_rows(judged, name, method, limit))
    return table(["method", "class", "images, sheets", *HEADS], rows)


def _rows(judged: Judged, name: str, method: str, limit: int | None) -> Iterator[list[str]]:
    found = pd.DataFrame(row for sample in judged.dataset(limit) for row in _scores(sample, method))
    for kind, part in found.groupby("class", sort=False):
        row: dict[str, float] = {}
        for key in SCORES:
            ends = group_interval(part[key].to_numpy(), part["group"].to_numpy(), bounds=(0, 1))
            row |= {key: part[key].mean(), f"{key}_low": ends.low, f"{key}_high": ends.high}
        counts = f"{len(part)}, {part['group'].nunique()}"
        yield [f"`{name}`", str(kind), counts, *(score(row, key) for key in SCORES)]


def _scores(sample: Sample, method: str) -> Iterator[dict[str, object]]:
    [found] = analyse(sample.micrograph(), Settings(method=method), device="cpu").segmentations
    truth = read_label_pixels(sample.files["masks"]).reshape(sample.shape)
    ignored = sample.ignore()
    valid = np.ones(sample.shape, bool) if ignored is None else ~ignored
    for number, kind in enumerate(found.class_names):
        assert found.classes is not None
        counts = confusion(truth == number, found.classes == number, valid=valid)
        if counts.tp + counts.fp + counts.fn:
            yield {"class": kind, "group": sample.group, **counts.scores()}
