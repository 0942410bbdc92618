"""What a run prints at its end."""

from pathlib import Path

from nanosieve.batch.process import Outcome
from nanosieve.cli.console import closing, overview


def test_files_to_look_at_are_named_the_commonest_reason_first(capsys):
    """Up to three by name; codes that are no reason for doubt are not told."""
    flags = (("specks", "resampled"), ("out_of_domain", "specks"), ("specks",), ("specks",))
    outcomes = [Outcome(name, "", "ok", flags=own) for name, own in zip("abcd", flags, strict=True)]
    closing(outcomes, Path("report.html"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 made"
    assert lines[1].startswith("Look at 4 of 4 (a, b, c, ...): specks. ")
    assert lines[2].startswith("Look at 1 of 4 (b): out_of_domain. ")
    assert lines[3:] == ["Report: report.html"]


def test_the_table_says_what_made_the_labels(capsys):
    made = Outcome("a", "", "ok", n=3, diameter=7.5, method="hybrid")
    overview([made, Outcome("b", "", "failed", "damaged")])
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if "│" in line
    ]
    assert rows == [["a", "ok", "3", "7.5 nm", "hybrid", "made"], ["b", "failed", "", "", "", ""]]
