"""Many files packed, one after another or in several processes, and their table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from nanosieve.batch.discover import Input
from nanosieve.core.errors import UsageError
from nanosieve.core.workers import in_processes
from nanosieve.files.table import write_table as write_csv
from nanosieve.selection.packing.container import SUFFIX
from nanosieve.selection.packing.pack import PackJob, PackOutcome, pack

TABLE = "pack.csv"
COLUMNS = (
    "image", "source", "packed", "wanted", "wanted_by", "wanted_share", "exact_share", "frames",
    "source_bytes", "pixel_bytes", "packed_bytes", "ratio_file", "ratio_pixels", "status",
    "message", "flags",
)  # fmt: skip


def pack_all(inputs: Sequence[Input], job: PackJob, *, jobs: int = 1) -> Iterator[PackOutcome]:
    """Pack files; yield what came of each as it is done.

    Raises
    ------
    UsageError
        If ``jobs`` is not positive.
    """
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}")
    jobs = min(jobs, len(inputs))
    if jobs <= 1:
        return (pack(item, job) for item in inputs)
    return in_processes(pack, inputs, (job,), jobs=jobs, died=lambda item: _died(item, job))


def write_table(path: Path, outcomes: Sequence[PackOutcome]) -> None:
    """Write ``pack.csv``, a row a file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    table = pd.DataFrame([_row(one) for one in outcomes], columns=list(COLUMNS))
    whole = ["frames", "source_bytes", "pixel_bytes", "packed_bytes"]
    table = table.astype(dict.fromkeys(whole, "Int64"))
    write_csv(path, table)


def _row(one: PackOutcome) -> dict[str, object]:
    row: dict[str, object] = {
        "image": one.item.name, "source": str(one.item.path), "status": one.status,
        "message": one.message,
    }  # fmt: skip
    if one.failed:
        return row
    about = one.about
    return row | {
        "packed": one.path.name,
        "wanted": "+".join(about["wanted"]),
        "wanted_by": about["wanted_by"],
        "wanted_share": about["wanted_share"],
        "exact_share": about["exact_share"],
        "frames": about["shape"][0],
        "source_bytes": one.source_bytes,
        "pixel_bytes": one.pixel_bytes,
        "packed_bytes": one.packed_bytes,
        "ratio_file": one.source_bytes / one.packed_bytes,
        "ratio_pixels": one.pixel_bytes / one.packed_bytes,
        "flags": ";".join(about["flags"]),
    }


def _died(item: Input, job: PackJob) -> PackOutcome:
    message = "its process was killed, most likely for want of memory; try it alone, with --jobs 1"
    return PackOutcome(item, job.out / f"{item.name}{SUFFIX}", "failed", message)
