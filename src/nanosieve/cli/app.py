"""The ``nanosieve`` command: its subcommands, and how it ends."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from nanosieve._version import __version__
from nanosieve.cli.atoms import atoms
from nanosieve.cli.console import line
from nanosieve.cli.demo import demo
from nanosieve.cli.doctor import doctor
from nanosieve.cli.evaluate import evaluate
from nanosieve.cli.explain import explain
from nanosieve.cli.faults import faults
from nanosieve.cli.measure import measure
from nanosieve.cli.models import models
from nanosieve.cli.pack import pack, unpack
from nanosieve.cli.rank import rank
from nanosieve.cli.report import report
from nanosieve.cli.search import search
from nanosieve.cli.segment import segment
from nanosieve.cli.simulate import simulate
from nanosieve.cli.train import train
from nanosieve.core.errors import InterruptedRun, NanosieveError, UsageError

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="nanosieve",
    help="Separate the particles from the support in electron micrographs, and size them.",
    epilog="Exit codes: 0 all done; 1 some inputs failed, the others are complete; "
    "2 wrong usage; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Rich's boxes cut long option names on 80 columns, and take a quarter of the start.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    demo, segment, measure, report, rank, pack, unpack, evaluate, simulate, train, search, explain,
    atoms, models, doctor,
):  # fmt: skip
    app.command()(_command)
app.add_typer(faults)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nanosieve {__version__}")
        raise typer.Exit


@app.callback()
def _nanosieve(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every error is one line on stderr, a traceback only with --debug."""
    _never_fail_on_letters()
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(prog_name="nanosieve", standalone_mode=False)
        if code == EXIT_INTERRUPTED:  # as newer Typer turns Ctrl-C into
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        line("interrupted: what was finished stays; the same command again does the rest")
        return EXIT_INTERRUPTED
    except NanosieveError as error:
        return _ended_by(error)
    except BrokenPipeError:
        # The reader of our output has left (`nanosieve ... | head`): nothing to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if _is_wrong_usage(error):
            return EXIT_USAGE
        _show_traceback()
        line(f"error: unexpected {type(error).__name__}: {error}; --debug shows where")
        return EXIT_FAILED
    return int(code or 0)


def _ended_by(error: NanosieveError) -> int:
    """Say in one line what ended the program, and give its exit code."""
    if isinstance(error, InterruptedRun):
        line(str(error))
        return EXIT_INTERRUPTED
    _show_traceback()
    line(f"error: {error}")
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED


def _is_wrong_usage(error: Exception) -> bool:
    """Tell wrong usage, as Typer's own copy of Click or Click itself words it, in one line."""
    wording: Callable[[], str] | None = getattr(error, "format_message", None)
    if wording is None:
        return False
    if type(error).__name__ == "NoArgsIsHelpError":
        # Its wording is the help, whose lines stay as they are.
        print(wording(), file=sys.stderr)
    else:
        line(f"error: {wording()} (nanosieve --help shows the options)")
    return True


def _show_traceback() -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()


def _never_fail_on_letters() -> None:
    """A terminal that cannot show a letter (Å, µ, a file's name) gets a stand-in, not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
