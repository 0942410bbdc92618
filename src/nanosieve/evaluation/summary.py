"""One row a method: means over images with intervals over groups, and pooled scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nanosieve.evaluation.confidence import ConfidenceCheck, confidence_columns
from nanosieve.evaluation.protocol import Protocol
from nanosieve.evaluation.scores import ANY_RANGE, COUNTS, SCORES, Score
from nanosieve.evaluation.tally import Tally, pool
from nanosieve.measurement.agreement.intervals import group_interval, interval_kind

# Compared with the first method image by image: differences between methods vary far less than
# images do.
PAIRED = ("dice", "instance_f1_50", "box_centre_f1")


def summarise(
    scores: pd.DataFrame,
    tallies: Mapping[str, Sequence[Tally]],
    protocol: Protocol,
    confidence: Mapping[str, Mapping[str, ConfidenceCheck]],
) -> pd.DataFrame:
    """Summarise ``scores.csv``, one row a method in the order of ``tallies``.

    For each score NAME: ``NAME_mean`` over the ``NAME_n`` images, of ``NAME_groups`` groups, where
    it is defined, ``NAME_low`` and ``NAME_high`` (column ``interval`` says what they are for a
    score that is defined in all ``n_groups``), ``NAME_group_mean`` (mean of the means of the
    groups) and, from the sums over all images, ``NAME_pooled``. Counts are sums.
    Calibration errors of the particles' ``confidence`` are pooled only, and so is their interval.
    ``NAME_difference`` with its interval is the mean over images of this method less the first one.
    """
    first = next(iter(tallies))
    reference = scores[scores["method"] == first].set_index("image")
    rows = []
    for method, parts in tallies.items():
        of_method = scores[scores["method"] == method]
        row = _head(method, of_method, protocol)
        pooled = pool(parts).scores()
        row |= {name: pooled.get(name, np.nan) for name in COUNTS}
        for score in SCORES:
            row |= _columns(score, of_method, protocol.seed)
            if score.pooled:
                row[f"{score.name}_pooled"] = pooled.get(score.name, np.nan)
        row |= confidence_columns(confidence[method])
        if method != first:
            row |= _differences(of_method.set_index("image"), reference, protocol.seed)
        rows.append(row)
    return pd.DataFrame(rows)


def _head(method: str, of_method: pd.DataFrame, protocol: Protocol) -> dict[str, Any]:
    status = of_method["status"].value_counts()
    scored = of_method[of_method["status"] == "ok"]
    empty = scored[(scored["tp_px"] + scored["fn_px"]) == 0]
    empty_area = empty["n_pixels"].sum()
    n_groups = scored["group"].nunique()
    return {
        "method": method,
        "data": "development data" if protocol.development else "",
        "n_images": len(of_method),
        "n_scored": len(scored),
        "n_unlabelled": int(status.get("unlabelled", 0)),
        "n_missing": int(status.get("missing", 0)),
        "n_failed": int(status.get("failed", 0) + status.get("refused", 0)),
        "n_groups": n_groups,
        "interval": interval_kind(n_groups),
        "n_empty": len(empty),
        "n_empty_with_particles": int((empty["n_predicted"] > 0).sum()),
        "empty_false_positive_nm2_per_um2": 1e6 * empty["fp_px"].sum() / empty_area
        if empty_area
        else np.nan,
    }


def _columns(score: Score, of_method: pd.DataFrame, seed: int) -> dict[str, float]:
    defined = of_method[["group", score.name]].dropna()
    values = defined[score.name].to_numpy(float)
    interval = group_interval(values, defined["group"].to_numpy(), bounds=score.bounds, seed=seed)
    by_group = defined.groupby("group")[score.name].mean()
    return {
        f"{score.name}_mean": values.mean() if len(values) else np.nan,
        f"{score.name}_low": interval.low,
        f"{score.name}_high": interval.high,
        f"{score.name}_n": len(values),
        f"{score.name}_groups": len(by_group),
        f"{score.name}_group_mean": by_group.mean() if len(by_group) else np.nan,
    }


def _differences(of_method: pd.DataFrame, reference: pd.DataFrame, seed: int) -> dict[str, float]:
    row: dict[str, float] = {}
    for name in PAIRED:
        difference = (of_method[name] - reference[name]).dropna()
        groups = of_method.loc[difference.index, "group"].to_numpy()
        interval = group_interval(difference.to_numpy(float), groups, bounds=ANY_RANGE, seed=seed)
        row[f"{name}_difference"] = difference.mean() if len(difference) else np.nan
        row[f"{name}_difference_low"] = interval.low
        row[f"{name}_difference_high"] = interval.high
    return row
