"""The command line run in this process, and in one of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import diplib
import pytest

from nanosieve.cli import app
from nanosieve.measurement import distribution


class Ended(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Threads for images of 128 x 128 cost more than they bring."""
    diplib.SetNumberOfThreads(1)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    """Bootstrap with few resamples in this process: intervals are tested elsewhere."""
    monkeypatch.setattr(distribution, "RESAMPLES", 20)


@pytest.fixture
def nanosieve(monkeypatch, capsys) -> Callable[..., Ended]:
    """Run ``nanosieve ARGUMENTS`` in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nanosieve", *map(str, arguments)])
        capsys.readouterr()
        code = app._run()
        return Ended(code, *capsys.readouterr())

    return run


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def process() -> Callable[..., subprocess.Popen]:
    """Start ``python -m nanosieve ARGUMENTS`` in a process (and a group) of its own."""
    started = []

    def start(*arguments: object, **environment: str) -> subprocess.Popen:
        child = subprocess.Popen(
            [sys.executable, "-m", "nanosieve", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=os.environ | environment,
            start_new_session=True,
            # A background job of a shell passes on that it ignores Ctrl-C.
            preexec_fn=_heed_interrupts if os.name == "posix" else None,  # noqa: PLW1509
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
