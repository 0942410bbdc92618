"""Scores of images by a property of theirs: material, dose, defocus."""

from collections.abc import Mapping, Sequence

import pandas as pd

from nanosieve.evaluation.scores import SCORES
from nanosieve.measurement.agreement.intervals import group_interval

_BOUNDS = {score.name: score.bounds for score in SCORES}


def means_by(scores: pd.DataFrame, values: Mapping[str, str], names: Sequence[str]) -> pd.DataFrame:
    """Give the mean score of the images of each value, with its interval over groups.

    Parameters
    ----------
    scores
        ``scores.csv``: one row an image and method.
    values
        Image -> the value of the property; images that are not in it are left out.
    names
        Scores, by their columns.

    Returns
    -------
    pandas.DataFrame
        ``method, value, n, n_groups`` and, of each score, ``NAME, NAME_low, NAME_high``; methods in
        their order, values in the order in which they first come in ``values``.

    Examples
    --------
    >>> scores = pd.DataFrame({"method": "a", "image": ["i", "j"], "group": ["g", "h"],
    ...                        "dice": [0.5, 1.0]})
    >>> means_by(scores, {"i": "Au", "j": "Au"}, ["dice"]).iloc[0].to_dict()
    {'method': 'a', 'value': 'Au', 'n': 2, 'n_groups': 2, 'dice': 0.75, 'dice_low': 0.0, \
'dice_high': 1.0}
    """
    valued = scores.assign(value=scores["image"].map(values)).dropna(subset=["value"])
    rows = []
    for method in scores["method"].unique():
        for value in dict.fromkeys(values.values()):
            chosen = valued[(valued["method"] == method) & (valued["value"] == value)]
            if chosen.empty:
                continue
            row: dict[str, object] = {
                "method": method, "value": value, "n": len(chosen),
                "n_groups": chosen["group"].nunique(),
            }  # fmt: skip
            for name in names:
                one, groups = chosen[name].to_numpy(float), chosen["group"].to_numpy()
                interval = group_interval(one, groups, bounds=_BOUNDS[name])
                row |= {
                    name: pd.Series(one).mean(),
                    f"{name}_low": interval.low,
                    f"{name}_high": interval.high,
                }
            rows.append(row)
    columns = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["method", "value", "n", "n_groups", *columns])
