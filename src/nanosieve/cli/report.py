"""``nanosieve report``: pooled tables and page of what is in an output folder."""

from pathlib import Path
from typing import Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import line


def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The -o of earlier runs.")],
    group_by: options.GroupBy = options.Grouping.file,
    export: options.Export = "",
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Rebuild pooled tables and page from what is in OUT.

    For after shards and corrections: labels changed by hand are measured again.
    """
    exports = options.exports_from(export)

    from nanosieve.batch.rebuild import Pooling, rebuild

    rebuilt = rebuild(out, Pooling(group_by.value, exports))
    for warning in rebuilt.warnings:
        line(f"warning: {warning}")
    for record in rebuilt.failed:
        line(f"{record.status}: {record.name}: {record.message}")
    done = len(rebuilt.records) - len(rebuilt.failed)
    print(f"{done} results pooled; {len(rebuilt.failed)} failed or refused")
    print(f"Report: {rebuilt.page}")
    return int(bool(rebuilt.failed))
