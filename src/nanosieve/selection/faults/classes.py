"""Classes of particles, and the table in which someone wrote them down."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nanosieve.core.errors import UsageError

CLASSES = ("no fault", "fault", "no fringe", "agglomerate", "empty")
"""Of Groschner et al.: fringes without a fault; with one, a twin among them; a particle without
fringes; several particles; no particle."""

_NEEDED = ("image", "label", "class")


@dataclass(frozen=True)
class Labelled:
    """One particle with its class.

    ``group`` is what is not divided between training and test; ``row`` the line in the file.
    """

    image: str
    frame: int
    label: int
    of_class: str
    group: str
    row: int


def read_classes(path: str | Path) -> list[Labelled]:
    """Read a table of particles and classes: ``particles.csv`` with a column ``class`` will do.

    Parameters
    ----------
    path
        CSV with ``image``, ``label`` and ``class``; ``frame`` (else 0) and ``group`` (else the
        image) where they are there. Rows without a class are left out; other columns too.

    Returns
    -------
    list of Labelled
        In the order of the rows.

    Raises
    ------
    UsageError
        If there is no such file, a column is missing, a row names no class there is, or two rows
        are of one particle.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file; give a table of image, label and class") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as CSV: {error}") from error
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise UsageError(f"{path}: has no column {missing[0]}; it needs {', '.join(_NEEDED)}")
    rows = [
        _labelled(path, number, row)
        for number, row in enumerate(table.to_dict("records"), start=2)
        if str(row["class"]).strip()
    ]
    if not rows:
        raise UsageError(f"{path}: no row has a class; fill the column class")
    seen: dict[tuple[str, int, int], int] = {}
    for row in rows:
        first = seen.setdefault((row.image, row.frame, row.label), row.row)
        if first != row.row:
            raise UsageError(
                f"{path}: rows {first} and {row.row} are both of particle {row.label} of "
                f"{row.image}"
            )
    return rows


def _labelled(path: Path, number: int, row: dict) -> Labelled:
    kind = " ".join(str(row["class"]).lower().replace("_", " ").replace("-", " ").split())
    if kind not in CLASSES:
        raise UsageError(
            f"{path}: row {number}: unknown class {row['class']!r}; give one of "
            f"{', '.join(CLASSES)}"
        )
    image = str(row["image"])
    return Labelled(
        image,
        _whole(path, number, "frame", row.get("frame") or "0"),
        _whole(path, number, "label", row["label"]),
        kind,
        str(row.get("group") or image),
        number,
    )


def _whole(path: Path, number: int, column: str, text: str) -> int:
    try:
        value = float(text)
        if value == int(value):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{path}: row {number}: {column} must be a whole number, got {text!r}")
