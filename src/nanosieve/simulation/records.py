"""A folder of simulated images: which structures are complete, and the tables of them all."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from nanosieve._version import __version__
from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import atomic_path, output_errors, remove_leftovers
from nanosieve.files.dataset_index import read_index, update_index
from nanosieve.simulation.presets import Preset
from nanosieve.simulation.tables import TABLES, write_tables

RECORD = "simulation.json"
SETTINGS = "preset.toml"
SHEET = "sheet.png"
_FORMAT = 2
_STRUCTURES = "structures"
_FOLDERS = (
    "images", "masks", "instances", "ignore", "outlines", "amount", "movies", "tables", _STRUCTURES,
)  # fmt: skip
_HEAD = """\
# All settings of these images, defaults included: preset {name}, seed {seed}, nanosieve {version}.
# Copy and change it: nanosieve simulate COPY.toml -n N -o DIR
"""


class Content(NamedTuple):
    """What the complete structures of a folder hold.

    Parameters
    ----------
    images
        How many.
    empty
        How many of them show no particle; none where pixels have classes.
    classes
        Names of the classes 0, 1, ... where there are more than support and particle.
    """

    images: int
    empty: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class SimulationFolder:
    """A folder of images of one preset and seed.

    A structure is complete once its record lies in ``structures/``. Whatever a structure without a
    record has left is removed when the tables are written.

    Parameters
    ----------
    path
        The folder.
    preset
        What is simulated.
    seed
        Of all random numbers.
    """

    path: Path
    preset: Preset
    seed: int

    def begin(self, n: int) -> None:
        """Start the folder, or go on with one that was made with the same settings.

        Parameters
        ----------
        n
            Images, or movies, that it shall hold at least.

        Raises
        ------
        UsageError
            If it is a file, something else is in it, or images made with other settings.
        OutputError
            If it cannot be written.
        """
        _check_folder(self.path)
        old = _read(self.path / RECORD)
        if old is None and _holds_something(self.path):
            raise UsageError(
                f"{self.path} is not empty and holds no simulated images; choose another -o"
            )
        # What `clear` left says nothing.
        differing = _differing(old, self._identity()) if old else []
        if differing:
            raise UsageError(
                f"{self.path} was made with other settings ({_some(differing)}): "
                "choose another -o, or --overwrite to make it anew"
            )
        for name in ("images", _STRUCTURES):
            with output_errors(self.path / name):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        old = old or {}
        n = max(n, int(old.get("n", 0)))
        _write_json(self.path / RECORD, old | self._identity() | {"n": n})
        with atomic_path(self.path / SETTINGS, keep_equal=True) as temporary:
            head = _HEAD.format(name=self.preset.name, seed=self.seed, version=__version__)
            temporary.write_text(head + "\n" + self.preset.dump(), encoding="utf-8")

    def structure(self, index: int) -> str:
        """Name of a structure, from which those of its images start."""
        return f"{self.preset.name}_{index:05d}"

    def complete(self) -> dict[str, int]:
        """Structures of which no file is missing, and how many images each has."""
        there = {file.relative_to(self.path).as_posix() for file in _files(self.path)}
        return {
            record["name"]: len(record["images"])
            for record in self._records()
            if there.issuperset(_named(record))
        }

    def add(self, name: str, images: list[dict[str, Any]], *, movie: str = "") -> None:
        """Record a structure whose files are all there.

        Parameters
        ----------
        name
            Of the structure.
        images
            What `nanosieve.simulation.folder.write_simulated` returned.
        movie
            File of the movie, as seen from the folder; blank for stills.

        Raises
        ------
        OutputError
            If the record cannot be written.
        """
        record = {"name": name, "images": images, "movie": movie}
        _write_json(self.path / _STRUCTURES / f"{name}.json", record, indent=None)

    def conclude(self) -> Content:
        """Write the tables of all structures that have a record, and remove files of others.

        Returns
        -------
        Content
            Of all those structures.

        Raises
        ------
        UsageError
            If a ``dataset.csv`` is there that cannot be read.
        OutputError
            If a table cannot be written.
        """
        known: set[str] = set()
        classes: list[str] = []
        empty = 0

        def images() -> Iterator[Mapping[str, Any]]:
            nonlocal empty
            for record in self._records():
                known.update(_named(record))
                for image in record["images"]:
                    classes[:] = image["classes"] or classes
                    empty += not image["particles"] and not image["classes"]
                    yield image

        count = write_tables(self.path, images(), ours=self._ours)
        self._sweep(known)
        about = {"images": count} | ({"classes": classes} if classes else {})
        _write_json(self.path / RECORD, (_read(self.path / RECORD) or {}) | about)
        return Content(count, empty, tuple(classes))

    def _records(self) -> Iterator[dict[str, Any]]:
        """Records in the order of their names, one held at a time."""
        for path in sorted((self.path / _STRUCTURES).glob("*.json")):
            record = _read(path) if self._ours(path.stem) else None
            if record is not None:
                yield record

    def _sweep(self, known: set[str]) -> None:
        # What else bears the name of an image is its user's: a mask by hand, regions.
        images = {PurePosixPath(name).stem for name in known}
        for file in list(_files(self.path)):
            name = file.relative_to(self.path).as_posix()
            if name not in known and self._ours(file.stem) and file.stem not in images:
                with output_errors(file):
                    file.unlink(missing_ok=True)
        for folder in {file.parent for file in _files(self.path)}:
            remove_leftovers(folder)

    def _ours(self, name: str) -> bool:
        return _is_of(self.preset.name, name)

    def _identity(self) -> dict[str, Any]:
        """What decides on every image."""
        return {
            "format": _FORMAT,
            "preset": self.preset.name,
            "seed": self.seed,
            "version": __version__,
            # As JSON gives them back.
            "settings": json.loads(json.dumps(self.preset.values)),
        }


def clear(path: Path) -> None:
    """Remove all simulated images from a folder, and nothing else; what is not there is no error.

    Raises
    ------
    UsageError
        If it is a file, or holds something else than simulated images.
    OutputError
        If a file cannot be removed.
    """
    _check_folder(path)
    old = _read(path / RECORD)
    if old is None:
        if _holds_something(path):
            raise UsageError(
                f"{path} is not empty and holds no simulated images, so --overwrite leaves it "
                "alone; choose another -o"
            )
        return
    files = [file for file in _files(path) if _is_of(str(old.get("preset")), file.stem)]
    index, *tables = (path / name for name in (*TABLES, SETTINGS, SHEET))
    for file in [*files, *tables]:
        with output_errors(file):
            file.unlink(missing_ok=True)
    _clear_index(index, str(old.get("preset")))
    # The user may keep more in the folder: it stays known as one of simulated images.
    _write_json(path / RECORD, {})
    for folder in [*(path / "tables").glob("*"), *(path / name for name in _FOLDERS)]:
        with suppress(OSError):  # not there, or not empty
            folder.rmdir()


def _clear_index(path: Path, preset: str) -> None:
    """Remove the rows of simulated images; the file too, if its user has added none."""
    rows = read_index(path, []) or {}
    ours = [name for name in rows if _is_of(preset, name)]
    if len(ours) < len(rows):
        update_index(path, [], gone=ours)
        return
    with output_errors(path):
        path.unlink(missing_ok=True)


def _is_of(preset: str, name: str) -> bool:
    """Tell whether a name is one of those that a preset gives to images.

    >>> [_is_of("bf", name) for name in ("bf_00012_3", "bf_00012_f003")]
    [True, True]
    >>> [_is_of("bf", name) for name in ("bf_00012_corrected", "bf_mine", "my-bf_00012")]
    [False, False, False]
    """
    return re.fullmatch(rf"{re.escape(preset)}_\d{{5,}}(_f?\d+)?", name) is not None


def _named(record: Mapping[str, Any]) -> Iterator[str]:
    """Files that belong to a structure, its record included."""
    yield f"{_STRUCTURES}/{record['name']}.json"
    for image in record["images"]:
        yield from image["files"]
    if record["movie"]:
        yield record["movie"]


def _files(path: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from (file for file in (path / folder).rglob("*") if file.is_file())


def _check_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: give -o a folder, new or of simulated images")


def _holds_something(path: Path) -> bool:
    return path.is_dir() and any(not one.name.startswith(".") for one in path.iterdir())


def _read(path: Path) -> dict[str, Any] | None:
    """Read what `_write_json` wrote; ``None`` where there is nothing of the kind."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def _write_json(path: Path, values: Mapping[str, Any], *, indent: int | None = 1) -> None:
    with atomic_path(path, keep_equal=True) as temporary:
        temporary.write_text(
            json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say what of the identity has changed."""
    before = dict(_flat({name: old.get(name) for name in new}))
    after = dict(_flat(new))
    return [
        f"{name.removeprefix('settings.')} {before.get(name, 'not set')} → "
        f"{after.get(name, 'not set')}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def _some(sentences: Iterable[str]) -> str:
    shown = list(sentences)
    more = len(shown) - 3
    return "; ".join(shown[:3]) + (f"; and {more} more" if more > 0 else "")
