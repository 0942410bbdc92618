"""``nanosieve simulate``: micrographs with their truth, from a preset or a settings file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import line, print_table
from nanosieve.core.errors import InterruptedRun, UsageError, install

if TYPE_CHECKING:
    from nanosieve.simulation.presets import Preset
    from nanosieve.simulation.run import Made, Status

# A fault of the settings can fail thousands of structures alike.
_LINES = 10

Source = Annotated[
    str, typer.Argument(metavar="PRESET|FILE.toml", help="What to simulate; --list shows presets.")
]
Number = Annotated[
    int | None, typer.Option("-n", metavar="N", help="Images; of coarsening, movies.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="The data set.")]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Of all random numbers.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Processes of one thread each.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|gpu",
        help="Where waves are computed; auto takes a GPU that is at hand.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove the simulated images that are in DIR first.")
]
Show = Annotated[bool, typer.Option("--show", help="Print the settings file, to copy and change.")]
List = Annotated[bool, typer.Option("--list", help="List the presets.")]


def simulate(
    preset: Source = "",
    n: Number = None,
    out: Out = None,
    seed: Seed = 0,
    jobs: Jobs = 1,
    device: Device = "auto",
    overwrite: Overwrite = False,
    show: Show = False,
    list_: List = False,
    debug: options.Debug = False,
) -> int:
    """Simulate labelled micrographs into a data-set folder, to train on and to test with.

    The same command again makes what is missing, a larger -n more of the same.
    """
    from nanosieve.simulation import presets

    if list_:
        return _list()
    if not preset:
        raise UsageError(f"name a preset or a settings file; presets: {', '.join(presets.names())}")
    if show:
        print(presets.text_of(preset), end="")
        return 0
    if n is None or out is None:
        raise UsageError(
            f"give -n, how many images, and -o, where to: nanosieve simulate {preset} -n 20 -o DIR"
        )
    loaded = presets.load(preset)
    from nanosieve.simulation.records import clear
    from nanosieve.simulation.run import check_order
    from nanosieve.simulation.run import simulate as run

    where = options.device_from(device)
    if overwrite:
        check_order(loaded, n, seed=seed, jobs=jobs, device=where)
        clear(out)
    began = time.monotonic()
    try:
        with _watching(debug=debug) as watch:
            made = run(loaded, n, out, seed=seed, jobs=jobs, device=where, watch=watch)
    except KeyboardInterrupt:
        raise InterruptedRun(
            f"interrupted: structures that are complete stay, and {out} is a data set of them; "
            "the same command again does the rest"
        ) from None
    _close(made, loaded, time.monotonic() - began)
    return int(bool(made.failed))


def _list() -> int:
    from rich.table import Table

    from nanosieve.simulation import presets

    table = Table("preset", "a structure gives", "extra", "what it makes")
    for name in presets.names():
        preset = presets.load(name)
        extra = "simulate" if preset.kind.needs_extra else ""
        given = f"{preset.per_structure} {_unit(preset, preset.per_structure)}"
        table.add_row(name, given, extra, presets.description(name))
    print_table(table)
    print(f"extra: what needs {install('simulate')}.")
    print("nanosieve simulate PRESET --show prints its settings, to copy and change.")
    return 0


def _unit(preset: "Preset", number: int = 2) -> str:
    word = "frame" if preset.counts == "movies" else "image"
    return word if number == 1 else f"{word}s"


def _close(made: "Made", preset: "Preset", seconds: float) -> None:
    more = len(made.failed) - _LINES
    if more > 0:
        line(f"failed: structures besides: {more}")
    unit = _unit(preset)
    if made.made:
        rate = 60 * made.made / seconds
        print(f"Made {unit}: {made.made}, {rate:.3g} a minute; {made.images} in {made.folder}")
    elif not made.failed:
        print(f"Nothing to do: {unit} in {made.folder}: {made.images}")
    if made.images and made.empty == made.images:
        print(
            f"None of the {unit} ({made.images}) holds a particle: the settings leave fields "
            "empty (empty_share); a larger -n brings some"
        )
    _sheet(made)


def _sheet(made: "Made") -> None:
    """Write the sheet where images are new, or where an interrupted run has left none."""
    from nanosieve.files.dataset import Dataset
    from nanosieve.report.labelled import write_dataset_sheet
    from nanosieve.simulation.records import SHEET

    sheet = made.folder / SHEET
    if made.made or (made.images and not sheet.exists()):
        try:
            write_dataset_sheet(sheet, Dataset.open(made.folder), classes=made.classes)
        except UsageError as error:  # what its user has added or struck out
            line(f"no sheet: {error}")
        else:
            print(f"Look at {sheet}")


@contextmanager
def _watching(*, debug: bool) -> "Iterator[Callable[[Status], None]]":
    """Tell failures; show a bar with rate and time left on a terminal."""
    failed = 0

    def tell(status: "Status") -> None:
        nonlocal failed
        outcome = status.outcome
        if outcome is None or not outcome.message:
            return
        failed += 1
        if debug and outcome.trace:
            print(outcome.trace, file=sys.stderr, flush=True)
        if failed <= _LINES:
            line(f"failed: {outcome.name}: {outcome.message}")

    if not sys.stderr.isatty():
        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, pace="")
        began = time.monotonic()

        def watch(status: "Status") -> None:
            tell(status)
            pace = _pace(status.made, status.wanted - status.done, time.monotonic() - began)
            bar.update(task, completed=status.done, total=status.wanted, pace=pace)

        yield watch


def _pace(made: int, left: int, seconds: float) -> str:
    """Rate so far, and the time that the rest takes at it.

    >>> _pace(30, 90, 60.0), _pace(0, 90, 60.0)
    ('30 a minute, 0:03:00 left', '')
    """
    if not made or seconds <= 0:
        return ""
    rest = round(left * seconds / made)
    hours, minutes = divmod(rest // 60, 60)
    return f"{60 * made / seconds:.3g} a minute, {hours}:{minutes:02d}:{rest % 60:02d} left"
