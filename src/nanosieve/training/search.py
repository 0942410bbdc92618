"""``nanosieve search``: every combination of some settings, trained and validated alike."""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import pandas as pd

from nanosieve._version import __version__
from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.core.settings import Device
from nanosieve.core.workers import worker_pool
from nanosieve.files.atomic import atomic_path, output_errors
from nanosieve.report.search import SearchView, Series, write_search_page
from nanosieve.training.config import TrainConfig
from nanosieve.training.run import train

RUNS = "runs"
_MANY = 10_000
# From this ratio of largest to smallest value on, an axis is logarithmic.
_DECADES = 20


@dataclass(frozen=True)
class Search:
    """What a search found.

    Parameters
    ----------
    table
        One row a combination, in the order of the grid: ``run``, the settings by their dotted
        names, ``status`` (``ok``, ``failed``), ``message``, ``validation_dice`` (of all pixels of
        the validation images at the threshold, mean over folds and seeds), its standard deviation
        ``validation_dice_std``, ``validation_loss``, ``best_epoch``, ``n_trainings``,
        ``n_parameters``, and ``dice`` with ``dice_low`` and ``dice_high`` of images of ``role``.
    settings
        Names of the settings that were varied.
    """

    table: pd.DataFrame
    settings: tuple[str, ...]

    @property
    def best(self) -> int | None:
        """Place of the largest ``validation_dice``; ``None`` if nothing could be trained."""
        dice = self.table["validation_dice"].to_numpy(float)
        return None if np.isnan(dice).all() else int(np.nanargmax(dice))


def search(
    config: TrainConfig,
    out: str | Path,
    *,
    jobs: int = 1,
    device: Device = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Train and validate every combination of the settings in ``[search]``.

    What is done already in the folder is not done again, and what was interrupted goes on: lists
    may grow from one call to the next.

    Parameters
    ----------
    config
        Settings; ``search`` names those that vary.
    out
        Folder, made if it is not there: ``search.csv``, ``report.html``, and a run each in
        ``runs``.
    jobs
        Processes, which share the cores.
    device
        Where to train.
    progress
        Called with the number of combinations done, and of all.

    Raises
    ------
    UsageError
        If nothing is to be varied, or a name or value is not valid.
    NanosieveError
        If a process is killed.
    """
    out = Path(out)
    points = grid(config)
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}")
    with output_errors(out):
        (out / RUNS).mkdir(parents=True, exist_ok=True)
    rows: dict[int, dict[str, Any]] = {}
    for number, row in _rows(points, out, device, min(jobs, len(points))):
        rows[number] = row
        if progress is not None:
            progress(len(rows), len(points))
    found = Search(pd.DataFrame([rows[number] for number in sorted(rows)]), tuple(config.search))
    with atomic_path(out / "search.csv") as temporary:
        found.table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_search_page(out / "report.html", _view(found, config))
    return found


def grid(config: TrainConfig) -> list[tuple[dict[str, Any], TrainConfig]]:
    """Make the settings of every combination.

    Returns
    -------
    list of tuple
        What is varied, and all settings; the last one named varies fastest.

    Raises
    ------
    UsageError
        If there is nothing to vary, or a name or value is not valid.

    Examples
    --------
    >>> config = TrainConfig.from_dict({"data": {"path": "a"}, "search": {"batch": [2, 4]}})
    >>> [changes for changes, _ in grid(config)]
    [{'batch': 2}, {'batch': 4}]
    """
    if not config.search:
        raise UsageError(
            'nothing to search: name settings and their values in [search], such as "optimiser.lr" '
            "= [1e-4, 1e-3]"
        )
    if any(name.split(".")[0] == "start" for name in config.search):
        raise UsageError("search: what training starts from cannot vary; search each by itself")
    empty = [name for name, values in config.search.items() if not values]
    if empty:
        raise UsageError(f"search: {empty[0]} has no values; give some or leave it out")
    if math.prod(map(len, config.search.values())) > _MANY:
        raise UsageError(f"search: more than {_MANY:,} combinations; vary fewer settings")
    alone = config.varied({"search": {}})
    combinations = itertools.product(*config.search.values())
    changes = [dict(zip(config.search, values, strict=True)) for values in combinations]
    return [(change, alone.varied(change)) for change in changes]


def run_name(config: TrainConfig) -> str:
    """Name of the folder of a combination: the same for the same settings, whatever the grid."""
    return f"{zlib.crc32(repr(sorted(config.to_dict().items())).encode()):08x}"


def _rows(
    points: Sequence[tuple[dict[str, Any], TrainConfig]], out: Path, device: Device, jobs: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Results as they come, with their places in the grid."""
    work = partial(_row, out=out, device=device)
    if jobs == 1:
        for number, point in enumerate(points):
            yield number, work(point)
        return
    try:
        with worker_pool(jobs) as pool:
            futures = {pool.submit(work, point): number for number, point in enumerate(points)}
            for future in as_completed(futures):
                yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise NanosieveError(
            "a process was killed, most likely for want of memory; search with --jobs 1"
        ) from error
    except BaseException:
        # Ctrl-C: no training goes on alone.
        for child in active_children():
            child.terminate()
        raise


def _row(point: tuple[dict[str, Any], TrainConfig], *, out: Path, device: Device) -> dict[str, Any]:
    changes, config = point
    name = run_name(config)
    row: dict[str, Any] = {"run": f"{RUNS}/{name}", **changes}
    try:
        run = train(config, out / RUNS / name, resume=True, device=device, scores_only=True)
    except NanosieveError as error:
        return row | {"status": "failed", "message": str(error), "validation_dice": math.nan}
    result, summary = run.result, run.summary.set_index("score")
    dice = result["validation_dice"]
    return row | {
        "status": "ok",
        "message": "",
        "validation_dice": mean(dice),
        "validation_dice_std": stdev(dice) if len(dice) > 1 else math.nan,
        "validation_loss": mean(result["validation_loss"]),
        "best_epoch": median(result["best_epochs"]),
        "n_trainings": len(dice),
        "n_parameters": result["n_parameters"],
        "role": result["role"],
        "dice": summary.loc["dice", "mean"],
        "dice_low": summary.loc["dice", "low"],
        "dice_high": summary.loc["dice", "high"],
    }


def _view(found: Search, config: TrainConfig) -> SearchView:
    table = found.table
    axis, values = _axis(found)
    best = found.best
    others = [name for name in found.settings if name != axis]
    series = []
    for words, rows in _by_others(table, others):
        x = values[rows.index.to_numpy()]
        order = np.argsort(x)
        dice = rows["validation_dice"].to_numpy(float)[order]
        spread = rows.get("validation_dice_std", pd.Series(np.nan, rows.index)).to_numpy(float)
        spread = spread[order]
        series.append(Series(words, x[order], dice, dice - spread, dice + spread))
    logarithmic = axis is not None and not np.allclose(values, table[axis].to_numpy(float))
    label = "combination" if axis is None else axis
    return SearchView(
        name=config.name,
        version=__version__,
        x_label=f"log10 of {label}" if logarithmic else label,
        series=series,
        best={} if best is None else {n: str(table[n].iloc[best]) for n in found.settings},
        best_x=None if best is None else float(values[best]),
        columns=[name for name in table.columns if name != "message"],
        rows=[{str(k): v for k, v in row.items()} for row in table.to_dict("records")],
        settings=found.settings,
    )


def _axis(found: Search) -> tuple[str | None, np.ndarray]:
    """The first setting that is a number and varies, and its values (or their logarithms)."""
    for name in found.settings:
        column = found.table[name]
        numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in column)
        if numeric and column.nunique() > 1:
            values = column.to_numpy(float)
            if values.min() > 0 and values.max() / values.min() >= _DECADES:
                values = np.log10(values)
            return name, values
    return None, np.arange(1.0, len(found.table) + 1)


def _by_others(table: pd.DataFrame, others: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows that share all settings but the axis, and what they share."""
    if not others:
        yield "", table
        return
    words = table[others].apply(
        lambda row: ", ".join(f"{_last(name)} {row[name]}" for name in others), axis=1
    )
    for shared in words.unique():
        yield shared, table[words == shared]


def _last(name: str) -> str:
    return name.rpartition(".")[2]
