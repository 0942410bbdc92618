"""``nanosieve rank``: images sorted by how much they show of what is wanted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import (
    closing,
    device_for,
    line,
    print_table,
    run_all,
    tell_skipped,
)

if TYPE_CHECKING:
    from nanosieve.batch.discover import Found
    from nanosieve.batch.process import Job, Outcome
    from nanosieve.selection.rank import Ranked

# The rest is in rank.csv.
_ROWS = 30

Keep = Annotated[
    float | None,
    typer.Option(
        "--keep",
        metavar="SHARE",
        min=0,
        max=1,
        help="Write keep.txt: the files of which at least this share is wanted, 0 to 1.",
    ),
]


def rank(
    inputs: options.Inputs,
    out: options.Out = Path("nanosieve-out"),
    method: options.Method = "auto",
    wanted: options.Wanted = "",
    keep: Keep = None,
    polarity: options.Polarity = "auto",
    pixel_size: options.PixelSize = None,
    resample: options.Resample = None,
    threshold: options.Threshold = None,
    edge: options.Edge = "base",
    min_diameter: options.MinDiameter = None,
    form: options.Form = None,
    foreground: options.Foreground = None,
    preset: options.Preset = None,
    d_spacings: options.DSpacings = None,
    average: options.Average = 1,
    exclude: options.Exclude = None,
    device: options.Device = "auto",
    jobs: options.Jobs = 1,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> int:
    """Sort images by the share of their area that is wanted: rank.csv and rank.png.

    Segments as segment does, into the same folders of OUT: results that are there already are
    used. A movie counts as one file, by the mean of its frames.
    """
    settings = options.method_settings(
        method,
        polarity=polarity,
        edge=edge,
        pixel_size_nm=pixel_size,
        resample_nm=resample,
        threshold=threshold,
        min_diameter=min_diameter,
        average_frames=average,
        bragg=options.bragg_from([method], form, foreground, preset, d_spacings),
    )

    from nanosieve.batch.discover import discover
    from nanosieve.batch.process import Job, without_mask
    from nanosieve.selection.rank_sheet import SHEET
    from nanosieve.selection.tinted import without_sheet
    from nanosieve.selection.wanted import check_wanted, wanted_from

    names = wanted_from(wanted)
    check_wanted(names, settings)
    where = device_for(device, settings)
    found = without_sheet(discover(inputs, out), out / SHEET)
    bare = without_mask(exclude, [item.name for item in found.inputs])
    if bare:
        line(f"no mask in {exclude}, so nothing is excluded, for: {', '.join(bare)}")
    job = Job(out, settings, exclude, overwrite=overwrite, device=where)
    outcomes = run_all(found, job, jobs=jobs, debug=debug)
    ranking = _write(found, outcomes, job, names, keep, jobs)
    failed = any(not one.shares for one in ranking)
    return int(failed or bool(found.unmatched or found.unreadable))


def _write(
    found: "Found",
    outcomes: "list[Outcome]",
    job: "Job",
    names: tuple[str, ...],
    least: float | None,
    jobs: int,
) -> "list[Ranked]":
    from nanosieve.selection.rank import KEEP, TABLE, rank, write_keep, write_table
    from nanosieve.selection.rank_sheet import SHEET, write_sheet

    ranking = rank(found.inputs, outcomes, job.out, names)
    for one in ranking:
        if not one.shares and one.status == "refused" and one.method:
            line(f"refused: {one.item.path}: {one.message}")
    write_table(job.out / TABLE, ranking, least)
    n_kept = write_keep(job.out / KEEP, ranking, least)
    pages = write_sheet(job.out / SHEET, ranking, job, least=least, jobs=jobs)
    _print(ranking, least)
    tell_skipped(found)
    closing(outcomes, None)
    if least is not None:
        ranked = sum(bool(one.shares) for one in ranking)
        print(f"{n_kept} of {ranked} show {least:g} or more: {job.out / KEEP}")
    print(f"Table: {job.out / TABLE}")
    more = f" and {len(pages) - 1} more" if len(pages) > 1 else ""
    print(f"Look at {pages[0]}{more}")
    return ranking


def _print(ranking: "list[Ranked]", least: float | None) -> None:
    from rich.table import Table

    table = Table("rank", "input", "wanted")
    table.add_column("share", justify="right")
    table.add_column("frames", justify="right")
    table.add_column("keep")
    for number, one in enumerate(ranking[:_ROWS], start=1):
        if one.share is None:
            table.add_row("", one.item.name, one.status, "", "", "")
            continue
        kept = "" if least is None else ("yes" if one.is_kept(least) else "no")
        table.add_row(
            str(number), one.item.name, " + ".join(one.wanted), f"{one.share:.3f}",
            str(len(one.shares)), kept,
        )  # fmt: skip
    print_table(table)
    if len(ranking) > _ROWS:
        print(f"... and {len(ranking) - _ROWS} more in rank.csv")
