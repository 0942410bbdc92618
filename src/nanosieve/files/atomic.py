"""Whole files or none: a file is written beside its place and moved there once it is complete."""

import errno
import filecmp
import itertools
import os
import platform
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nanosieve.core.errors import OutputError

_PREFIX = ".nanosieve-"
# Beyond a day a file cannot belong to a write that still goes on, on whatever machine it started.
_STALE_S = 86400.0
_counter = itertools.count()


@contextmanager
def atomic_path(path: str | Path, *, keep_equal: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to ``path`` once the block ends well.

    The temporary file lies in the folder of ``path`` (a move within one file system cannot be
    seen half done), is hidden, and ends in the same suffix, which some writers look at. It is
    removed on any exception, Ctrl-C included.

    Parameters
    ----------
    path
        Where the file shall be. Its folder must exist; a file already there is replaced.
    keep_equal
        Leave a file that holds the same bytes already as it is, its time included.

    Raises
    ------
    OutputError
        For any `OSError` of the block or of the move: full disk, no permission, no such folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "note.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     [p.name for p in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    temporary = path.with_name(f"{_PREFIX}{_host()}-{os.getpid()}-{next(_counter)}{path.suffix}")
    try:
        with output_errors(path):
            yield temporary
            if not (keep_equal and path.is_file() and filecmp.cmp(temporary, path, shallow=False)):
                os.replace(temporary, path)
    finally:
        # After a good move nothing is left; a failed removal must not hide the first error.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def output_errors(path: str | Path) -> Iterator[None]:
    """Turn any `OSError` of the block, which writes ``path``, into one line for the user.

    Raises
    ------
    OutputError
        What could not be written, why, and what to do.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(_explain(Path(path), error)) from error


def remove_leftovers(folder: str | Path) -> int:
    """Remove temporary files that killed processes left in ``folder`` (not in its subfolders).

    A file is a leftover if the process that wrote it ran on this machine and is gone, or if it
    has not changed for a day. Files of writes that go on, here or on another node of a cluster,
    stay.

    Returns
    -------
    int
        How many were removed.

    Examples
    --------
    >>> remove_leftovers(".")
    0
    """
    removed = 0
    for path in sorted(Path(folder).glob(f"{_PREFIX}*-*-*")):
        with suppress(OSError):
            if _is_leftover(path):
                path.unlink()
                removed += 1
    return removed


def _is_leftover(path: Path) -> bool:
    host, _, rest = path.name.removeprefix(_PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if host == _host() and pid.isdigit() and not _is_running(int(pid)):
        return True
    return time.time() - path.stat().st_mtime > _STALE_S


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        # os.kill(pid, 0) would send Ctrl-C there; the age decides instead.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _explain(path: Path, error: OSError) -> str:
    """Say in one line what could not be written, why, and what to do."""
    if error.errno is None:
        # NumPy's own short writes carry no number: "262144 requested and 4096 written".
        reason, advice = "not all of it could be written", "is the disk full?"
    else:
        reason = error.strerror or os.strerror(error.errno)
        advice = {
            errno.ENOSPC: "free some space or choose another -o",
            errno.EDQUOT: "free some space or choose another -o",
            errno.EACCES: "close it elsewhere, allow writing there or choose another -o",
            errno.EPERM: "close it elsewhere, allow writing there or choose another -o",
            errno.EROFS: "choose another -o",
            errno.ENOENT: f"make the folder {path.parent} or choose another -o",
            errno.ENAMETOOLONG: "give the input a shorter name",
        }.get(error.errno, "choose another -o")
    return f"cannot write {path}: {reason}; {advice}"
