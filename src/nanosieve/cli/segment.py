"""``nanosieve segment``: micrographs in, labels, sizes and a report out."""

from pathlib import Path
from typing import TYPE_CHECKING

from nanosieve.cli import options
from nanosieve.cli.console import (
    closing,
    device_for,
    line,
    overview,
    print_table,
    run_all,
    tell_skipped,
    tell_unmatched,
)
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.batch.discover import Found
    from nanosieve.batch.process import Job, Outcome


def segment(
    inputs: options.Inputs,
    out: options.Out = Path("nanosieve-out"),
    method: options.Method = "auto",
    polarity: options.Polarity = "auto",
    pixel_size: options.PixelSize = None,
    pixel_size_uncertainty: options.PixelSizeUncertainty = None,
    resample: options.Resample = None,
    threshold: options.Threshold = None,
    edge: options.Edge = "base",
    min_diameter: options.MinDiameter = None,
    average: options.Average = 1,
    probability: options.Probability = False,
    split: options.Split = True,
    isolated_only: options.IsolatedOnly = False,
    paper_exact: options.PaperExact = False,
    form: options.Form = None,
    foreground: options.Foreground = None,
    preset: options.Preset = None,
    d_spacings: options.DSpacings = None,
    exclude: options.Exclude = None,
    group_by: options.GroupBy = options.Grouping.file,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    export: options.Export = "",
    as_dataset: options.AsDataset = False,
    shard: options.Shard = "",
    jobs: options.Jobs = 1,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    debug: options.Debug = False,
) -> int:
    """Segment micrographs and size their particles.

    A second run does what is missing or was made from another input, setting or version.
    Subfolders are not walked; files of unknown suffix are skipped and counted.
    """
    settings = options.method_settings(
        method, polarity=polarity, edge=edge, pixel_size_nm=pixel_size,
        pixel_size_uncertainty_percent=pixel_size_uncertainty, resample_nm=resample,
        threshold=threshold, min_diameter=min_diameter, average_frames=average, split=split,
        isolated_only=isolated_only, paper_exact=paper_exact, precision=precision,
        bragg=options.bragg_from([method], form, foreground, preset, d_spacings),
    )  # fmt: skip
    exports = options.exports_from(export)
    share, where = _share(shard), device_for(device, settings)

    from nanosieve.batch.discover import discover
    from nanosieve.batch.process import Job, without_mask

    found = discover(inputs, out)
    bare = without_mask(exclude, [item.name for item in found.inputs])
    if bare:
        line(f"no mask in {exclude}, so nothing is excluded, for: {', '.join(bare)}")
    if share is not None:
        found = found.shard(*share)
    job = Job(out, settings, exclude, exports, probability, as_dataset, overwrite, where)
    if dry_run:
        return _dry_run(found, job)
    outcomes = run_all(found, job, jobs=jobs, debug=debug)
    return _close(found, job, outcomes, pooled=share is None, group_by=group_by)


def _close(
    found: "Found",
    job: "Job",
    outcomes: "list[Outcome]",
    *,
    pooled: bool,
    group_by: options.Grouping,
) -> int:
    """Pool and tell what came of it; a shard leaves pooling to ``nanosieve report``."""
    overview(outcomes)
    page = _pool(found, job, outcomes, group_by) if pooled else None
    tell_skipped(found)
    closing(outcomes, page)
    if not pooled:
        print(f"When all shards are done: nanosieve report {job.out}")
    lost = found.unmatched or found.unreadable
    return int(bool(lost) or any(outcome.failed for outcome in outcomes))


def _pool(
    found: "Found", job: "Job", outcomes: "list[Outcome]", group_by: options.Grouping
) -> Path | None:
    from nanosieve.batch.rebuild import Pooling, rebuild

    try:
        rebuilt = rebuild(job.out, Pooling(group_by.value, job.exports, len(found.skipped)))
    except UsageError:
        # Not even the failures could be recorded, as on a full disk: their lines say why.
        if all(outcome.failed for outcome in outcomes):
            return None
        raise
    for warning in rebuilt.warnings:
        line(f"warning: {warning}")
    return rebuilt.page


def _share(text: str) -> tuple[int, int] | None:
    """Numbers of ``I/N``.

    >>> _share("2/3")
    (2, 3)
    """
    if not text:
        return None
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal()):
        raise UsageError(f"--shard {text}: give I/N, as 1/4")
    return int(index), int(count)


def _dry_run(found: "Found", job: "Job") -> int:
    from rich.table import Table

    from nanosieve.batch.process import plan

    tell_unmatched(found)
    table = Table("input", "folder in OUT", "would be")
    plans = [plan(item, job) for item in found.inputs]
    for item, planned in zip(found.inputs, plans, strict=True):
        table.add_row(str(item.path), item.name, planned)
    print_table(table)
    tell_skipped(found)
    print("Nothing was written (--dry-run).")
    lost = found.unmatched or found.unreadable
    return int(bool(lost) or any(planned.startswith("failed") for planned in plans))
