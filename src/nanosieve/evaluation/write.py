"""Put an evaluation into its folder."""

from pathlib import Path

import pandas as pd

from nanosieve.evaluation.page import page
from nanosieve.evaluation.run import Evaluation
from nanosieve.files.atomic import output_errors
from nanosieve.files.table import write_table
from nanosieve.report.agreement import write_agreement


def write_evaluation(evaluation: Evaluation, out: str | Path) -> Path:
    """Write the tables ``scores``, ``summary``, ``strata``, ``thresholds``, ``costs`` and the page.

    Parameters
    ----------
    evaluation
        What to write.
    out
        Folder, made if it is not there.

    Returns
    -------
    pathlib.Path
        The page, ``OUT/report.html``.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    out = Path(out)
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    tables: dict[str, pd.DataFrame] = {
        "scores.csv": evaluation.scores,
        "summary.csv": evaluation.summary,
        "strata.csv": evaluation.strata,
        "thresholds.csv": evaluation.thresholds,
        "costs.csv": evaluation.costs,
    }
    for name, table in tables.items():
        write_table(out / name, table)
    report = out / "report.html"
    write_agreement(report, page(evaluation, {name: name for name in tables}))
    return report
