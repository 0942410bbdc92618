"""Which files a run takes: files, folders (not walked) and globs, in natural order."""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nanosieve.batch.names import output_names
from nanosieve.core.errors import UsageError
from nanosieve.files.suffixes import SUFFIXES

RECORD = "result.json"
# A folder of this suffix is one data set; any other is a folder of files.
_FOLDER_SUFFIX = ".zspy"


@dataclass(frozen=True)
class Input:
    """One file to analyse, and the name of its folder in OUT."""

    path: Path
    name: str


@dataclass(frozen=True)
class Found:
    """What a run takes.

    Parameters
    ----------
    inputs
        In natural order of their paths.
    skipped
        Files passed over for their suffix.
    unmatched
        Arguments that match no file at all.
    unreadable
        Folders that cannot be read, and why.
    """

    inputs: tuple[Input, ...]
    skipped: tuple[Path, ...] = ()
    unmatched: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def shard(self, index: int, count: int) -> "Found":
        """Return every ``count``-th input, from the ``index``-th on (from 1); names stay."""
        if not 1 <= index <= count:
            raise UsageError(
                f"--shard {index}/{count}: shards count from 1/{count} to {count}/{count}"
            )
        return replace(self, inputs=self.inputs[index - 1 :: count])


def discover(arguments: Sequence[str | Path], out: str | Path) -> Found:
    """Find the inputs that the arguments of a command name.

    A folder gives its files, not those of its subfolders; hidden files and what nanosieve itself
    wrote are left out. A file that is named but does not exist is an input all the same: it
    becomes a failed row, and the others go on.

    Parameters
    ----------
    arguments
        Files, folders, or globs (``**`` walks folders).
    out
        The output folder.

    Raises
    ------
    UsageError
        If nothing at all matches.
    """
    out = Path(out)
    taken: dict[str, Path] = {}
    skipped: dict[str, Path] = {}
    unmatched: list[str] = []
    unreadable: list[str] = []
    for argument in arguments:
        try:
            found = _expand(argument, out)
        except OSError as error:
            unreadable.append(f"{argument}: cannot be read: {error.strerror or error}")
            continue
        if not found:
            unmatched.append(str(argument))
        for path in found:
            place = taken if path.suffix.lower() in SUFFIXES else skipped
            place.setdefault(_identity(path), path)
    _drop_series_of_emi(taken)
    if not any(path.exists() for path in taken.values()):
        raise UsageError(_nothing(arguments, skipped.values(), unreadable))
    names = output_names([Path(identity) for identity in taken])
    inputs = [Input(path, names[Path(identity)]) for identity, path in taken.items()]
    return Found(
        tuple(sorted(inputs, key=lambda one: (natural(one.name), one.name))),
        tuple(skipped.values()),
        tuple(unmatched),
        tuple(unreadable),
    )


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that reads numbers as numbers and ignores letter case.

    >>> sorted(["b10", "B9", "a"], key=natural)
    ['a', 'B9', 'b10']
    """
    parts = re.split(r"([0-9]+)", text.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _expand(argument: str | Path, out: Path) -> list[Path]:
    path = Path(argument)
    if path.is_dir() and path.suffix.lower() != _FOLDER_SUFFIX:
        return _ours_left_out(sorted(path.iterdir()), out)
    if not path.exists() and glob.has_magic(str(argument)):
        matches = glob.glob(os.path.expanduser(argument), recursive=True)
        return _ours_left_out([Path(match) for match in sorted(matches)], out)
    return [path]


def _ours_left_out(paths: Iterable[Path], out: Path) -> list[Path]:
    """Files (and folders that are one data set, as .zspy is) that a user can have meant."""
    return [
        path
        for path in paths
        if not path.name.startswith(".")
        and (path.is_file() or path.suffix.lower() == _FOLDER_SUFFIX)
        and not (path.parent / RECORD).exists()
        and not path.absolute().is_relative_to((out / "dataset").absolute())
    ]


def _identity(path: Path) -> str:
    """Real folder, own name: a link to a file keeps the name that the user gave it."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _drop_series_of_emi(taken: dict[str, Path]) -> None:
    """A .emi is read through its .ser files: these are not inputs of their own beside it."""
    for identity in [one for one in taken if one.lower().endswith(".emi")]:
        series = re.compile(re.escape(identity[:-4]) + r"_[0-9]+\.ser", re.IGNORECASE)
        for other in [one for one in taken if series.fullmatch(one)]:
            del taken[other]


def _nothing(
    arguments: Sequence[str | Path], skipped: Iterable[Path], unreadable: Iterable[str]
) -> str:
    gone = [
        str(one) for one in arguments if not Path(one).exists() and not glob.has_magic(str(one))
    ]
    missing = f"no such file or folder: {', '.join(gone)}"
    if gone and len(gone) == len(arguments):
        return missing
    asked = ", ".join(str(argument) for argument in arguments)
    passed = sorted({path.suffix.lower() or "(no suffix)" for path in skipped})
    why = f"; files of unknown suffix were passed over: {', '.join(passed)}" if passed else ""
    why += "".join(f"; {one}" for one in unreadable)
    why += f"; {missing}" if gone else ""
    return f"nothing to analyse in {asked}{why}; give files, folders or globs of images"
