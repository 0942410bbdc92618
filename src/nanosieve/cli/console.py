"""What the commands print: one line an event on stderr, a progress bar, the closing table."""

import math
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING, Protocol
from unicodedata import category

from nanosieve.cli.options import device_from
from nanosieve.core.flags import FLAGS

if TYPE_CHECKING:
    from nanosieve.batch.discover import Found
    from nanosieve.batch.process import Job, Outcome
    from nanosieve.core.settings import Device, Settings

# More rows would push what matters off the screen; summary.csv has all of them.
_ROWS = 30
# Inputs named to be looked at, of each flag.
_NAMED = 3


def line(text: str) -> None:
    """Print one line on stderr, whatever the text holds."""
    print(f"nanosieve: {' '.join(plain(text).split())}", file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """Text without codes that would steer the terminal: a file can bring any.

    >>> plain("gold\\x1b[2J")
    'gold?[2J'
    """
    return "".join(c if c.isspace() or category(c) != "Cc" else "?" for c in text)


def tell(outcome: "Outcome", *, debug: bool) -> None:
    """Print the line of an input that failed, or whose labels were kept."""
    if outcome.failed:
        if debug and outcome.trace:
            print(outcome.trace, file=sys.stderr, flush=True)
        line(f"{outcome.status}: {outcome.source}: {outcome.message}")
    elif outcome.state == "kept":
        line(
            f"kept: {outcome.source}: its labels are the user's; they were measured as they are "
            "(--overwrite replaces them)"
        )


def tell_unmatched(found: "Found") -> None:
    """Print a line for each argument that matches nothing, and for each folder that is shut."""
    for argument in found.unmatched:
        line(f"failed: {argument}: nothing matches")
    for sentence in found.unreadable:
        line(f"failed: {sentence}")


def device_for(name: str, settings: "Settings") -> "Device":
    """Check ``--device``: say before the first image that there is no GPU, or no use for it.

    Raises
    ------
    UsageError
        If there is no such device.
    """
    device = device_from(name)
    if device == "gpu" and settings.may_have_model:
        from nanosieve.models.load import shared_model

        first = settings.method if settings.has_model else next(iter(settings.model_hashes or {}))
        shared_model(first, device=device, precision=settings.precision)
    elif device == "gpu":
        line(f"--device gpu: method {settings.method} uses none; the processor does the work")
    return device


@contextmanager
def progress(outcomes: "Iterator[Outcome]", total: int) -> "Iterator[Iterator[Outcome]]":
    """Show a bar on a terminal while outcomes come; nothing where output is not watched."""
    if not sys.stderr.isatty():
        yield outcomes
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("segmenting", total=total)

        def counted() -> "Iterator[Outcome]":
            for outcome in outcomes:
                yield outcome
                bar.advance(task)

        yield counted()


@contextmanager
def counting_bar(words: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar that is told what is done, on a terminal; nothing where output is not watched."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def overview(outcomes: "Sequence[Outcome]") -> None:
    """Print the table of what came of each input, failures first where it gets long."""
    from rich.table import Table

    shown = list(outcomes)
    if len(shown) > _ROWS:
        shown = sorted(shown, key=lambda one: not one.failed)[:_ROWS]
    table = Table("input", "status")
    table.add_column("n", justify="right")
    table.add_column("mean diameter", justify="right")
    table.add_column("method")
    table.add_column("result")
    for one in shown:
        size = "" if one.diameter is None else f"{one.diameter:.4g} {one.unit}"
        count = "" if one.failed else str(one.n)
        state = "" if one.failed else one.state
        table.add_row(one.name, one.status, count, size, one.method, state)
    print_table(table)
    if len(shown) < len(outcomes):
        print(f"... and {len(outcomes) - len(shown)} more in summary.csv")


def print_table(table: object) -> None:
    """Print a rich table on stdout; not narrower than 100 columns where nobody watches."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 100
    Console(width=width, highlight=False, markup=False).print(table)


@contextmanager
def stopping_told() -> Iterator[None]:
    """Answer Ctrl-C at once: what is in progress may take a while to end."""

    def answered(number: int, frame: FrameType | None) -> None:
        line("stopping; this may take a moment")
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    # Other threads may not set it, and another program's own answer stays.
    ours = current_thread() is main_thread() and before is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, answered)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


def run_all(found: "Found", job: "Job", *, jobs: int, debug: bool) -> "list[Outcome]":
    """Segment all inputs into the folder of the job, telling what fails as it comes."""
    from nanosieve.batch.rebuild import prepare_out
    from nanosieve.batch.runner import run

    tell_unmatched(found)
    prepare_out(job.out)
    outcomes = []
    done = run(found.inputs, job, jobs=jobs)
    with stopping_told(), progress(done, len(found.inputs)) as coming:
        for outcome in coming:
            outcomes.append(outcome)
            tell(outcome, debug=debug)
    return outcomes


def tell_skipped(found: "Found") -> None:
    """Say which files a run passed over."""
    if found.skipped:
        names = _some([path.name for path in found.skipped])
        print(f"Skipped for the suffix: {len(found.skipped)} ({names})")


class Ended(Protocol):
    """What came of one input, whatever was done with it."""

    @property
    def name(self) -> str: ...
    @property
    def failed(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def flags(self) -> Sequence[str]: ...


def closing(outcomes: Sequence[Ended], page: Path | None) -> None:
    """Print how many inputs came to which end, and where the report is."""
    failed = sum(one.failed for one in outcomes)
    counts = {
        "made": sum(one.state == "made" and not one.failed for one in outcomes),
        "unchanged": sum(one.state == "unchanged" for one in outcomes),
        "kept": sum(one.state == "kept" for one in outcomes),
        "failed or refused": failed,
    }
    print("; ".join(f"{n} {what}" for what, n in counts.items() if n))
    doubts = defaultdict[str, list[str]](list)
    for one in outcomes:
        for code in one.flags:
            if code in FLAGS and FLAGS[code].doubt:
                doubts[code].append(one.name)
    for code, names in sorted(doubts.items(), key=lambda pair: -len(pair[1])):
        of = f"{len(names)} of {len(outcomes)} ({_some(names)})"
        print(f"Look at {of}: {code}. {FLAGS[code].meaning}")
    if page is not None:
        print(f"Report: {page}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(plain(name) for name in names[:_NAMED]) + (
        ", ..." if len(names) > _NAMED else ""
    )


def score_with_ends(mean: float, low: float, high: float, *, between: str = " ") -> str:
    """Write a score and the ends of its interval, as far as there are any.

    >>> score_with_ends(0.9, 0.8512, 0.95), score_with_ends(0.9, math.nan, math.nan)
    ('0.900 (0.851–0.950)', '0.900')
    >>> score_with_ends(math.nan, math.nan, math.nan)
    '–'
    """
    if math.isnan(mean):
        return "–"
    return f"{mean:.3f}" if math.isnan(low) else f"{mean:.3f}{between}({low:.3f}–{high:.3f})"
