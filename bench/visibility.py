"""Simulated particles at lattice resolution by how well they can be seen: where a method ends."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from bench.judged import Judged
from bench.page import score, table
from nanosieve.core.settings import Settings
from nanosieve.files.dataset import Sample
from nanosieve.files.label_pixels import read_label_pixels
from nanosieve.measurement.agreement.intervals import group_interval
from nanosieve.pipeline import analyse
from nanosieve.simulation.visibility import LEAST_CONTRAST_CNR, LEAST_FRINGE_SNR

# Visibility in multiples of the least that counts as visible.
EDGES = (0, 0.5, 1, 1.5, 2.5, 5, np.inf)
# A few pixels at the frame are no particle.
_LEAST_PX = 50


def by_visibility(judged: Judged, methods: Mapping[str, str], limit: int | None) -> str:
    """Share of the particles, and of their area, that was found."""
    rows = []
    truth = pd.read_csv(judged.path / "truth.csv")
    for name, method in methods.items():
        found = pd.DataFrame(
            row for sample in judged.dataset(limit) for row in _particles(sample, truth, method)
        )
        rows += list(_rows(judged, name, found))
    head = ["method", "particles of", "times the limit", "particles, structures",
            "found by half or more", "of their area"]  # fmt: skip
    return table(head, rows)


def _particles(sample: Sample, truth: pd.DataFrame, method: str) -> Iterator[dict[str, object]]:
    """Visibility and covered share of each particle of an image."""
    [found] = analyse(sample.micrograph(), Settings(method=method), device="cpu").segmentations
    instances = read_label_pixels(sample.files["instances"]).reshape(sample.shape)
    for row in truth[truth["image"] == sample.name].to_dict("records"):
        own = instances == row["particle"]
        if own.sum() < _LEAST_PX:
            continue
        seen = np.fmax(
            row["fringe_snr"] / LEAST_FRINGE_SNR, row["contrast_cnr"] / LEAST_CONTRAST_CNR
        )
        share = float(found.mask[own].mean())
        yield {"group": sample.group, "times": seen, "found": float(share >= 0.5), "area": share}


def _rows(judged: Judged, name: str, found: pd.DataFrame) -> Iterator[list[str]]:
    bins = pd.cut(found["times"], EDGES, right=False)
    for ends, part in found.groupby(bins, observed=True):
        row: dict[str, float] = {}
        for key in ("found", "area"):
            interval = group_interval(part[key].to_numpy(), part["group"].to_numpy(), bounds=(0, 1))
            row |= {key: part[key].mean(), f"{key}_low": interval.low, f"{key}_high": interval.high}
        words = f"{ends.left:g}–{ends.right:g}".replace("–inf", " and more")
        counts = f"{len(part)}, {part['group'].nunique()}"
        yield [f"`{name}`", f"`{judged.name}`", words, counts, score(row, "found"),
               score(row, "area")]  # fmt: skip
