"""Images in the order of how much they show of what is wanted, and those worth keeping."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nanosieve.batch import store
from nanosieve.batch.discover import Input, natural
from nanosieve.batch.process import Outcome
from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import atomic_path, output_errors
from nanosieve.files.table import write_table as write_csv
from nanosieve.selection.wanted import classes_of, settle, wanted_share

TABLE, KEEP = "rank.csv", "keep.txt"
COLUMNS = (
    "rank", "image", "source", "wanted", "share", "share_lowest", "share_highest", "frames",
    "keep", "method", "status", "message", "flags",
)  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """One file and its share of what is wanted.

    Parameters
    ----------
    item
        The file, and the name of its folder in OUT.
    status, message
        As in ``summary.csv``; ``refused`` too where the method that was chosen for it does not
        know what is wanted.
    wanted
        What was looked for, defaults filled in; empty where it failed.
    shares
        Share of each frame, 0 to 1; empty where it failed.
    method
        What it was segmented with.
    flags
        Codes about the image.
    """

    item: Input
    status: str
    message: str = ""
    wanted: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    method: str = ""
    flags: tuple[str, ...] = ()

    @property
    def share(self) -> float | None:
        """Mean over its frames."""
        return float(np.mean(self.shares)) if self.shares else None

    @property
    def typical(self) -> int:
        """The frame whose share lies in the middle."""
        return int(np.argsort(self.shares, kind="stable")[(len(self.shares) - 1) // 2])

    def is_kept(self, least: float) -> bool:
        """Whether its share is at least this."""
        return self.share is not None and self.share >= least


def rank(
    inputs: Sequence[Input], outcomes: Sequence[Outcome], out: Path, wanted: Sequence[str]
) -> list[Ranked]:
    """Sort segmented files by their share of what is wanted, the largest first.

    Equal shares are in natural order of their names; files without a result come last.

    Parameters
    ----------
    inputs
        The files.
    outcomes
        What came of each, in any order.
    out
        Folder that holds the results.
    wanted
        As `nanosieve.selection.wanted.wanted_from` gave it.
    """
    by_name = {outcome.name: outcome for outcome in outcomes}
    found = [_ranked(item, by_name[item.name], out, wanted) for item in inputs]
    return sorted(
        found, key=lambda one: (-(one.share or 0), not one.shares, natural(one.item.name))
    )


def write_table(path: Path, ranking: Sequence[Ranked], least: float | None) -> None:
    """Write ``rank.csv``: one row a file, best first, those without a result last.

    Parameters
    ----------
    path
        File to write.
    ranking
        As `rank` gave it.
    least
        Share from which a file is kept; ``None`` leaves the column ``keep`` blank.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    rows = [
        {
            "rank": number if one.shares else None,
            "image": one.item.name,
            "source": str(one.item.path),
            "wanted": "+".join(one.wanted),
            "share": one.share,
            "share_lowest": min(one.shares, default=None),
            "share_highest": max(one.shares, default=None),
            "frames": len(one.shares) or None,
            "keep": None if least is None else ("yes" if one.is_kept(least) else "no"),
            "method": one.method,
            "status": one.status,
            "message": one.message,
            "flags": ";".join(one.flags),
        }
        for number, one in enumerate(ranking, start=1)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype({"rank": "Int64", "frames": "Int64"})
    write_csv(path, table)


def write_keep(path: Path, ranking: Sequence[Ranked], least: float | None) -> int:
    """Write ``keep.txt``: paths of the files to keep as they were given, a line each, best first.

    Without a limit there is no list, and one of an earlier run is removed: it would be taken for
    that of this ranking.

    Returns
    -------
    int
        How many are kept.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if least is None:
        with output_errors(path):
            path.unlink(missing_ok=True)
        return 0
    kept = [one.item.path for one in ranking if one.is_kept(least)]
    with atomic_path(path, keep_equal=True) as temporary:
        temporary.write_bytes(b"".join(os.fsencode(one) + b"\n" for one in kept))
    return len(kept)


def _ranked(item: Input, outcome: Outcome, out: Path, wanted: Sequence[str]) -> Ranked:
    record = store.load(out / item.name)
    if outcome.failed or record is None:
        return Ranked(item, outcome.status, outcome.message)
    # A frame in which nothing can be seen has no shares of classes.
    classes = dict.fromkeys(name for row in record.rows for name in classes_of(row))
    method = str(record.rows[0]["method"])
    try:
        settled = settle(wanted, [*classes])
    except UsageError as error:
        message = f"segmented by {method}: {error}"
        return Ranked(item, "refused", message, method=method, flags=tuple(record.flags))
    shares = tuple(wanted_share(row, settled) for row in record.rows)
    return Ranked(
        item, record.status, "", settled, shares, method=method, flags=tuple(record.flags)
    )
