"""Tables as CSV: whole or not at all, the same bytes on every machine."""

from pathlib import Path

import pandas as pd

from nanosieve.files.atomic import atomic_path


def write_table(path: str | Path, table: pd.DataFrame, *, digits: int = 6) -> None:
    r"""Write a table without its index; a file with the same content stays as it is.

    Parameters
    ----------
    path
        CSV in UTF-8. Names of files that are no UTF-8 keep their bytes as ``\xff``.
    table
        What is missing is left blank.
    digits
        Significant ones of numbers that are not whole.

    Raises
    ------
    OutputError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sizes.csv"
    ...     write_table(path, pd.DataFrame({"n": [3], "d_nm": [2 / 3]}), digits=3)
    ...     path.read_text()
    'n,d_nm\n3,0.667\n'
    """
    with atomic_path(path, keep_equal=True) as temporary:
        table.to_csv(
            temporary, index=False, float_format=f"%.{digits}g", lineterminator="\n",
            encoding="utf-8", errors="backslashreplace",
        )  # fmt: skip
