"""An evaluation as the results that a model card states: by material, size, dose and contrast."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.evaluation.by_image import means_by
from nanosieve.models.results import Result, Value
from nanosieve.simulation.records import RECORD

OF_IMAGES = (
    "dice", "dice_outside_band", "instance_f1_50", "instance_f1_centre", "box_centre_f1",
    "diameter_bias",
)  # fmt: skip
OF_PARTICLES = ("recall", "mean_iou", "diameter_bias")
# Columns of imaging.csv that name something, by what a card calls it.
_NAMED = {"material": ("particle_material", "materials"), "support": ("support",)}
# Those that hold numbers: unit, and edges of the classes.
_NUMBERS = {
    "dose": {
        "dose_e_per_A2": ("e/Å²", (0, 100, 300, 1000, 3000, np.inf)),
        "dose_e_per_px": ("e/px", (0, 100, 300, 1000, 3000, np.inf)),
    },
    "defocus": {"defocus_nm": ("nm", (-np.inf, -40, -10, 10, 40, np.inf))},
}
# Fewer say nothing of a material.
_LEAST_GROUPS = 3


def results_of(data: Path, evaluation: Path, model: Path) -> list[Result]:
    """Read an evaluation.

    Parameters
    ----------
    data
        The data set.
    evaluation
        What ``nanosieve evaluate`` wrote of it.
    model
        The file that was evaluated, as ``--method`` named it; where one method only was
        evaluated, it is taken.

    Raises
    ------
    UsageError
        If the evaluation has no such method.
    """
    name = name_of(data)
    scores, strata = (_read(evaluation / f"{table}.csv", model) for table in ("scores", "strata"))
    found = list(_of_images(name, "all", scores, dict.fromkeys(scores["image"], "")))
    imaging = data / "imaging.csv"
    if imaging.is_file():
        for kind, values in properties(pd.read_csv(imaging)).items():
            found += _of_images(name, kind, scores, values, least=_LEAST_GROUPS)
    return [*found, *_of_particles(name, strata)]


def name_of(data: Path) -> str:
    """Name a data set.

    >>> name_of(Path("data/emps_bf"))
    'emps_bf'
    """
    record = data / RECORD
    if not record.is_file():
        return data.name
    return f"{json.loads(record.read_text(encoding='utf-8'))['preset']}, simulated"


def properties(imaging: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Properties of images by kind: image -> value in words, in the order of the values.

    Examples
    --------
    >>> table = pd.DataFrame({"image": ["a", "b"], "dose_e_per_A2": [500.0, 80.0]})
    >>> properties(table)
    {'dose': {'b': 'below 100 e/Å²', 'a': '300 to 1000 e/Å²'}}
    """
    found: dict[str, dict[str, str]] = {}
    for kind, columns in _NAMED.items():
        for column in [one for one in columns if one in imaging]:
            named = imaging.dropna(subset=[column]).sort_values(column)
            found[kind] = dict(zip(named["image"], named[column].astype(str), strict=True))
    for kind, choices in _NUMBERS.items():
        for column, (unit, edges) in choices.items():
            if column in imaging and kind not in found and imaging[column].notna().any():
                found[kind] = _classes(imaging.dropna(subset=[column]), column, unit, edges)
    return {kind: values for kind, values in found.items() if values}


def _classes(
    table: pd.DataFrame, column: str, unit: str, edges: tuple[float, ...]
) -> dict[str, str]:
    words = [range_words(low, high, unit) for low, high in pairwise(edges)]
    table = table.sort_values(column)
    places = np.searchsorted(edges, table[column].to_numpy(float), side="right") - 1
    return dict(zip(table["image"], [words[place] for place in places], strict=True))


def range_words(low: float, high: float, unit: str) -> str:
    """Name a range.

    >>> range_words(0, 8, "px"), range_words(8, 16, "px"), range_words(64, np.inf, "px")
    ('below 8 px', '8 to 16 px', 'from 64 px')
    """
    if low in (0, -np.inf):
        return f"below {high:g} {unit}".strip()
    return (
        f"from {low:g} {unit}".strip() if np.isinf(high) else f"{low:g} to {high:g} {unit}".strip()
    )


def _read(path: Path, model: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UsageError(f"{path}: no such file; run nanosieve evaluate first")
    table = pd.read_csv(path)
    methods = list(table["method"].unique())
    wanted = methods[0] if len(methods) == 1 else str(model)
    if wanted not in methods:
        raise UsageError(
            f"{path}: has no method {wanted!r}, only {', '.join(map(str, methods))}; evaluate it"
        )
    return table[table["method"] == wanted]


def _of_images(
    data: str, kind: str, scores: pd.DataFrame, values: Mapping[str, str], *, least: int = 1
) -> Iterator[Result]:
    known = [name for name in OF_IMAGES if name in scores and scores[name].notna().any()]
    for row in means_by(scores, values, known).to_dict("records"):
        if row["n_groups"] >= least:
            yield Result(
                data=data, kind=kind, value=str(row["value"]), n=row["n"], of="images",
                n_groups=row["n_groups"], scores=_values(row, known),
            )  # fmt: skip


def _of_particles(data: str, strata: pd.DataFrame) -> Iterator[Result]:
    kinds = {"diameter_px": ("size", "px"), "contrast": ("contrast", "")}
    for row in strata[strata["n_true"] > 0].to_dict("records"):
        kind, unit = kinds[str(row["stratum"])]
        low, high = (float(f"{row[end]:.3g}") for end in ("low", "high"))
        yield Result(
            data=data, kind=kind, value=range_words(low, high, unit), n=row["n_true"],
            of="particles", n_groups=row["n_groups"], scores=_values(row, OF_PARTICLES),
        )  # fmt: skip


def _values(row: Mapping[Any, Any], names: tuple[str, ...] | list[str]) -> dict[str, Value]:
    found = {}
    for name in names:
        mean, *ends = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
        if pd.notna(mean):
            # One group's spread over images is no interval.
            whole = row["n_groups"] > 1 and all(map(pd.notna, ends))
            low, high = (round(float(end), 4) for end in ends) if whole else (None, None)
            found[name] = Value(mean=round(float(mean), 4), low=low, high=high)
    return found
