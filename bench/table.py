"""Rows to a Markdown table."""

from typing import TypedDict


class Row(TypedDict):
    """One measured thing beside what it is compared with."""

    what: str
    measured: float
    unit: str
    against: str
    reference: float | None
    goal: str


def markdown(rows: list[Row], *, machine: str) -> str:
    """Write rows as a table with the ratio of each to its reference."""
    lines = [
        f"Measured on {machine}. A ratio compares two figures of the same run.",
        "",
        "| what | measured | compared with | ratio | goal |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        reference = row["reference"]
        against = row["against"]
        if reference is not None:
            against += f": {_number(reference)} {row['unit']}"
        ratio = "" if not reference else f"{row['measured'] / reference:.2f}"
        measured = f"{_number(row['measured'])} {row['unit']}"
        lines.append(f"| {row['what']} | {measured} | {against} | {ratio} | {row['goal']} |")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
