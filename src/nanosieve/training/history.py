"""What a training told of its epochs, as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from nanosieve.files.atomic import atomic_path

COLUMNS = (
    "epoch",
    "step",
    "learning_rate",
    "loss",
    "dice",
    "validation_loss",
    "validation_dice",
    "best",
)


def write_history(
    path: str | Path, rows: Sequence[Mapping[str, float | str]], leading: Sequence[str] = ()
) -> None:
    """Write ``history.csv``, one row an epoch.

    Parameters
    ----------
    path
        File to write (atomically).
    rows
        ``epoch`` from 1; ``step`` at its end; ``learning_rate`` of its last step; ``loss`` and
        ``dice`` over its batches as they came, augmented; the same of the validation tiles, blank
        where there are none; ``best``, whether its weights were the best so far.
    leading
        Columns before these.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_history(Path(folder) / "history.csv", [{"epoch": 1, "loss": 0.5}])
    ...     print((Path(folder) / "history.csv").read_text().splitlines()[1])
    1,,,0.5,,,,
    """
    table = pd.DataFrame(rows, columns=[*leading, *COLUMNS])
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.8g", lineterminator="\n")
