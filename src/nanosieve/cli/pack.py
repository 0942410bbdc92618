"""``nanosieve pack`` and ``unpack``: wanted pixels kept as they are, the rest coarse."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanosieve.cli import options
from nanosieve.cli.console import (
    closing,
    counting_bar,
    device_for,
    line,
    print_table,
    tell_skipped,
    tell_unmatched,
)
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.batch.discover import Found
    from nanosieve.core.settings import Settings
    from nanosieve.selection.packing.pack import PackJob, PackOutcome

# The rest is in pack.csv.
_ROWS = 30

Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Packed files, folders or globs.")
]
Mask = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        help="In place of a method: non-zero is wanted; one file for all, or a folder of "
        "<name>.png|tif or <name>/labels.tif, as segment writes it.",
    ),
]
Margin = Annotated[
    int,
    typer.Option("--margin", metavar="PX", help="Pixels this near to a wanted one are exact too."),
]
Rest = Annotated[
    str,
    typer.Option(
        "--rest",
        metavar="PX|mean",
        help="What the rest becomes: means of blocks of so many pixels, or one mean a region.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there, whatever it holds.")
]


def pack(
    inputs: options.Inputs,
    out: options.Out = Path("nanosieve-out"),
    method: options.Method = "auto",
    wanted: options.Wanted = "",
    mask: Mask = None,
    margin: Margin = 8,
    rest: Rest = "8",
    polarity: options.Polarity = "auto",
    pixel_size: options.PixelSize = None,
    threshold: options.Threshold = None,
    edge: options.Edge = "base",
    min_diameter: options.MinDiameter = None,
    form: options.Form = None,
    foreground: options.Foreground = None,
    preset: options.Preset = None,
    d_spacings: options.DSpacings = None,
    exclude: options.Exclude = None,
    device: options.Device = "auto",
    jobs: options.Jobs = 1,
    overwrite: Overwrite = False,
    debug: options.Debug = False,
) -> int:
    """Keep the pixels that are wanted as they are, and the rest coarsely: <name>.packed.h5.

    Only what lies in the mask and its margin can be had back: look at pack.png. pack.csv tells how
    much smaller each file became.
    """
    from nanosieve.batch.discover import discover
    from nanosieve.batch.rebuild import prepare_out
    from nanosieve.selection.packing.coarse import Packing, block_from
    from nanosieve.selection.packing.pack import PackJob, check_job
    from nanosieve.selection.packing.sheet import SHEET
    from nanosieve.selection.tinted import without_sheet
    from nanosieve.selection.wanted import check_wanted, wanted_from

    packing = Packing(wanted_from(wanted), margin, block_from(rest))
    bragg = options.bragg_from([method], form, foreground, preset, d_spacings)
    values = {"polarity": polarity, "edge": edge, "threshold": threshold,
              "min_diameter": min_diameter, "bragg": bragg}  # fmt: skip
    settings = _settings(method, mask, pixel_size, values)
    if mask is None:
        check_wanted(packing.wanted, settings)
    where = device_for(device, settings)
    job = PackJob(out, packing, settings, mask, exclude, where, overwrite)
    check_job(job)
    found = without_sheet(discover(inputs, out), out / SHEET)
    tell_unmatched(found)
    prepare_out(out)
    return _close(found, job, _run(found, job, jobs=jobs, debug=debug))


def unpack(
    files: Files,
    out: options.Out = Path("nanosieve-out"),
    overwrite: Overwrite = False,
    debug: options.Debug = False,
) -> int:
    """Write packed files as TIFF again, with their masks.

    Per file: <name>.tif, masks/<name>.tif (what was wanted), exact/<name>.tif (which pixels are
    exactly the original's) and metadata/<name>.json.
    """
    from nanosieve.batch.rebuild import prepare_out
    from nanosieve.selection.packing.unpack import packed_files, unpack

    found = packed_files(files)
    prepare_out(out)
    outcomes = []
    with counting_bar("unpacking") as advance:
        for number, file in enumerate(found, start=1):
            one = unpack(file, out, overwrite=overwrite)
            outcomes.append(one)
            if one.failed:
                _tell_failure(one.status, one.source, one.message, one.trace, debug=debug)
            if advance is not None:
                advance(number, len(found))
    for one in outcomes:
        if not one.failed:
            print(f"{one.path}: {one.exact_share:.1%} of its pixels are the original's")
    closing(outcomes, None)
    return int(any(one.failed for one in outcomes))


def _settings(
    method: str, mask: Path | None, pixel_size: float | None, values: dict[str, Any]
) -> "Settings":
    if mask is None:
        return options.method_settings(method, pixel_size_nm=pixel_size, **values)
    defaults = {"method": "auto", "polarity": "auto", "edge": "base"}
    for name, value in {"method": method, **values}.items():
        if value != defaults.get(name):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is for finding what is wanted, which --mask says: give one of them"
            )
    return options.settings_from(pixel_size_nm=pixel_size)


def _run(found: "Found", job: "PackJob", *, jobs: int, debug: bool) -> "list[PackOutcome]":
    from nanosieve.selection.packing.run import pack_all

    outcomes = []
    with counting_bar("packing") as advance:
        for one in pack_all(found.inputs, job, jobs=jobs):
            outcomes.append(one)
            if one.failed:
                _tell_failure(one.status, one.item.path, one.message, one.trace, debug=debug)
            for text in one.lost:
                line(f"warning: {one.item.path}: {text}; keep the original if that counts")
            if advance is not None:
                advance(len(outcomes), len(found.inputs))
    order = {item.name: place for place, item in enumerate(found.inputs)}
    return sorted(outcomes, key=lambda one: order[one.item.name])


def _tell_failure(status: str, path: Path, message: str, trace: str, *, debug: bool) -> None:
    if debug and trace:
        print(trace, file=sys.stderr, flush=True)
    line(f"{status}: {path}: {message}")


def _close(found: "Found", job: "PackJob", outcomes: "list[PackOutcome]") -> int:
    from rich.table import Table

    from nanosieve.selection.packing.run import TABLE, write_table
    from nanosieve.selection.packing.sheet import SHEET, write_sheet

    write_table(job.out / TABLE, outcomes)
    table = Table("input", "wanted")
    for head in ("exact", "file, kB", "packed, kB", "ratio"):
        table.add_column(head, justify="right")
    made = [one for one in outcomes if not one.failed]
    for one in made[:_ROWS]:
        table.add_row(
            one.item.name, " + ".join(one.about["wanted"]), f"{one.about['exact_share']:.1%}",
            f"{one.source_bytes / 1e3:.0f}", f"{one.packed_bytes / 1e3:.0f}",
            f"{one.source_bytes / one.packed_bytes:.2f}",
        )  # fmt: skip
    print_table(table)
    if len(made) > _ROWS:
        print(f"... and {len(made) - _ROWS} more in {TABLE}")
    tell_skipped(found)
    closing(outcomes, None)
    if made:
        before, after = (sum(sizes) for sizes in zip(*_sizes(made), strict=True))
        sizes = f"{before / 1e6:.3g} MB became {after / 1e6:.3g} MB"
        print(f"{sizes}, a ratio of {before / after:.2f}")
        page, *others = write_sheet(job.out / SHEET, made)
    print(f"Table: {job.out / TABLE}")
    if made:
        more = f" and {len(others)} more" if others else ""
        print(f"Look at {page}{more} before you let go of the originals: what is tinted is lost")
    lost = found.unmatched or found.unreadable
    return int(bool(lost) or len(made) < len(outcomes))


def _sizes(outcomes: "Sequence[PackOutcome]") -> list[tuple[int, int]]:
    return [(one.source_bytes, one.packed_bytes) for one in outcomes]
