"""Names of output folders: the stem, made distinct, the same whichever shard or order."""

import hashlib
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

# Folders and files that a run itself writes into OUT, and names that Windows keeps for devices.
_TAKEN = {"dataset", "particles.csv", "summary.csv", "report.html", "run.json", "coco.json"}
_TAKEN |= {"con", "prn", "aux", "nul"}
_TAKEN |= {f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)}


def output_names(paths: Iterable[Path]) -> dict[Path, str]:
    """Name the output folder of each input.

    A name is the file's stem. Where two inputs share one (letter case counts for nothing: some
    file systems ignore it), the folders that tell them apart come before it and the suffix
    after it; where that is taken too, a short hash of these parts follows. The result
    depends on the set of paths alone, so that shards and reordered calls agree.

    Parameters
    ----------
    paths
        Distinct paths, absolute or all relative to one folder.

    Returns
    -------
    dict
        Path to name; the names differ even where letter case does not count.

    Examples
    --------
    >>> list(output_names([Path("a/1.tif"), Path("b/1.tif"), Path("b/2.dm4")]).values())
    ['a-1', 'b-1', '2']
    >>> list(output_names([Path("x.tif"), Path("x.dm3")]).values())
    ['x-tif', 'x-dm3']
    """
    paths = list(paths)
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[_key(_stem(path))].append(path)
    names: dict[Path, str] = {}
    for key, members in groups.items():
        if len(members) == 1 and key not in _TAKEN:
            names[members[0]] = _stem(members[0])
        else:
            names |= _distinct(members)
    count = Counter(_key(name) for name in names.values())
    return {
        path: names[path] if count[_key(names[path])] == 1 else _hashed(path, names[path], paths)
        for path in paths
    }


def _stem(path: Path) -> str:
    """Stem in composed, valid Unicode, without what a folder's name cannot hold on Windows."""
    readable = path.stem.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    stem = unicodedata.normalize("NFC", readable)
    # A leading dot would hide the folder.
    return re.sub(r"[\x00-\x1f]|^\.", "_", stem).rstrip(" .") or "_"


def _key(name: str) -> str:
    return name.casefold()


def _distinct(members: list[Path]) -> dict[Path, str]:
    """Names of inputs that share a stem: folders before it, then the suffix where needed."""
    common = _common_folder(members)
    named = {path: "-".join([*_folders(path, common), _stem(path)]) for path in members}
    count = Counter(_key(name) for name in named.values())
    return {
        path: name
        if count[_key(name)] == 1 and _key(name) not in _TAKEN
        else f"{name}-{path.suffix.lstrip('.')}"
        for path, name in named.items()
    }


def _hashed(path: Path, name: str, paths: list[Path]) -> str:
    parts = "/".join([*_folders(path, _common_folder(paths)), path.name])
    digest = hashlib.blake2b(parts.encode("utf-8", "surrogateescape"), digest_size=4)
    return f"{name}-{digest.hexdigest()}"


def _common_folder(paths: list[Path]) -> Path | None:
    """Folder that holds all, or ``None`` where they lie on two drives of Windows."""
    try:
        return Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:
        return None


def _folders(path: Path, common: Path | None) -> list[str]:
    """Names of the folders below the common one; without one all, the drive's letter first."""
    parts = path.parent.parts if common is None else path.parent.relative_to(common).parts
    return [name for part in parts if (name := re.sub(r"[:/\\]", "", part))]
