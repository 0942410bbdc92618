"""Scores of images whose margins were counted, one row an image, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from nanosieve.measurement.agreement.intervals import group_interval, interval_kind
from nanosieve.measurement.agreement.pixels import PIXEL_SCORES, Confusion
from nanosieve.training.calibration import expected_calibration_error
from nanosieve.training.threshold import confusion_at

Role = Literal["test", "validation"]
COUNTS = ("tp_px", "fp_px", "fn_px", "tn_px")
_NEED_PARTICLES = ("dice", "jaccard", "precision", "recall")


@dataclass(frozen=True)
class Judged:
    """One image that one trained network had not seen.

    Parameters
    ----------
    image, group
        Names.
    split, seed
        Which training it is from.
    role
        ``test``: it took part in nothing; ``validation``: the epoch, and perhaps the threshold,
        were chosen on it.
    histogram
        ``(2, N_BINS)`` of its margins.
    """

    image: str
    group: str
    split: str
    seed: int
    role: Role
    histogram: np.ndarray


def score_row(judged: Judged, threshold: float, temperature: float) -> dict[str, object]:
    """Score one image at a threshold of its calibrated probabilities.

    Returns
    -------
    dict
        Names, threshold and temperature, pixel counts, `PIXEL_SCORES`, ``calibration_error``.
        Scores that mean nothing without a particle are NaN where the truth has none.
    """
    counts = confusion_at(judged.histogram, threshold, temperature)
    scores = counts.scores()
    if counts.tp + counts.fn == 0:
        scores |= dict.fromkeys(_NEED_PARTICLES, float("nan"))
    return {
        "image": judged.image,
        "group": judged.group,
        "split": judged.split,
        "seed": judged.seed,
        "role": judged.role,
        "threshold": threshold,
        "temperature": temperature,
        **dict(zip(COUNTS, (counts.tp, counts.fp, counts.fn, counts.tn), strict=True)),
        **scores,
        "calibration_error": expected_calibration_error(judged.histogram, temperature),
    }


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarise ``scores.csv``, one row a score.

    Parameters
    ----------
    scores
        Rows of `score_row`, of one role. An image that several trainings judged (seeds, repeats)
        counts once, with its mean.

    Returns
    -------
    pandas.DataFrame
        ``score, mean, low, high, interval, n_images, n_groups, pooled, seed_std``: mean over
        images with its interval over groups; ``pooled`` from the counts of all pixels;
        ``seed_std`` the standard deviation of the mean between seeds, NaN with one.
    """
    rows = []
    pooled = Confusion(*(int(scores[name].sum()) for name in COUNTS)).scores()
    for name in PIXEL_SCORES:
        known = scores.dropna(subset=[name])
        images = known.groupby(["image", "group"], sort=True, as_index=False)[name].mean()
        groups = images["group"].to_numpy()
        interval = group_interval(images[name].to_numpy(float), groups, bounds=(0.0, 1.0))
        by_seed = known.groupby("seed")[name].mean()
        rows.append(
            {
                "score": name,
                "mean": images[name].mean(),
                "low": interval.low,
                "high": interval.high,
                "interval": interval_kind(len(set(groups))),
                "n_images": len(images),
                "n_groups": len(set(groups)),
                "pooled": pooled[name],
                "seed_std": by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def pooled_histogram(judged: Sequence[Judged]) -> np.ndarray:
    """Sum the histograms: ``(2, N_BINS)``."""
    return np.sum([one.histogram for one in judged], axis=0)
