"""The tables of docs/benchmarks.md: each stands between two marks, and is put there anew."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
SHARES = frozenset({"diameter_bias"})


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Put a text between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.

    Raises
    ------
    ValueError
        If the page has no such marks.
    """
    written = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    between = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    new, n = between.subn(lambda _: f"{begin}{text.strip()}\n{end}", written)
    if n != 1:
        raise ValueError(
            f"{page}: needs the marks {begin.strip()} and {end} once, has them {n} times"
        )
    page.write_text(new, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def score(row: Mapping[Any, Any], name: str, *, mean: str = "") -> str:
    """Write a score with its interval; blank where there is none.

    Parameters
    ----------
    row
        With ``NAME`` (or as ``mean`` names it), ``NAME_low`` and ``NAME_high``.

    Examples
    --------
    >>> score({"dice": 0.9, "dice_low": 0.85, "dice_high": 0.94}, "dice")
    '0.900 (0.850–0.940)'
    """
    value, low, high = (row.get(key) for key in (mean or name, f"{name}_low", f"{name}_high"))
    if value is None or pd.isna(value):
        return ""
    if name in SHARES:
        text = signed(value)
        return text if pd.isna(low) else f"{text} ({signed(low)} to {signed(high)})"
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} ({low:.3f}–{high:.3f})"


def signed(share: float) -> str:
    """Write a share in percent with its sign; blank where there is none.

    >>> signed(-0.0123)
    '−1.2 %'
    """
    return "" if pd.isna(share) else f"{100 * share:+.1f} %".replace("-", "−")
