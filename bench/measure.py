"""Wall time and peak memory of functions and of whole processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one process took. ``peak_mb`` is the resident memory of its largest member."""

    seconds: float
    peak_mb: float


def nanosieve(*arguments: str | Path) -> list[str]:
    """Command line of the installed program beside this interpreter."""
    return [str(Path(sys.executable).parent / "nanosieve"), *map(str, arguments)]


def run(command: Sequence[str], *, log: Path) -> Cost:
    """Run a process to its end; its output goes to ``log``.

    Raises
    ------
    RuntimeError
        If it fails, with the end of its output.
    """
    with log.open("w") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = log.read_text()[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def best(action: Callable[[], object], *, repeats: int) -> float:
    """Shortest wall time of several calls in s, after one call to warm up."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)
