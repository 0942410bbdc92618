"""Write the reference pages from the code: ``make docs``. A test compares them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nanosieve.core.flags import FLAGS
from nanosieve.core.schema import PARTICLE_COLUMNS, SUMMARY_COLUMNS, Column
from nanosieve.evaluation.scores import SCORES

FOLDER = Path(__file__).parent / "reference"

TABLES = """# Tables

What stands in the CSV files, column by column. Where the pixel size is unknown, `_nm` reads `_px`
and `area_nm2` reads `area_px2`; a table of several inputs holds both sets where they mix, blank
where they do not apply. This page is made from the code by `make docs`.

## particles.csv

One row a particle: `OUT/<name>/particles.csv` for one input, `OUT/particles.csv` for all.

{particles}

## summary.csv

One row an image or frame. `status` is `ok`; `empty`: no particle found, which is a result;
`refused`: not a micrograph with square pixels, by name; `failed`: the file is broken. Refused and
failed inputs have a `message`.

{summary}

## Flags

A flag is a fact that a reader of the numbers must know. Several are joined by `;`.

{flags}

## scores.csv

Written by `nanosieve evaluate`, one row an image and method, after `image`, `group`, `split`,
`method`, `status`, `message`, `pixel_size_nm` and the counts that the scores are made from. In the
`summary.csv` beside it, one row a method, `NAME_mean` is the mean over images with its interval
and `NAME_pooled`, where there is one, is computed from the sums over all images.

{scores}
"""

CLI = """# Command line

Every error is one line on stderr: what, where, what to do; `--debug` adds a traceback. Exit codes:
0 all done; 1 some inputs failed or were refused, the others are complete; 2 wrong usage; 130
interrupted, what was finished stays. This page is made from the code by `make docs`.
"""


def pages() -> dict[Path, str]:
    """Text of every page that is made from the code."""
    return {FOLDER / "tables.md": _tables(), FOLDER / "cli.md": _cli()}


def _tables() -> str:
    flags = [(f"`{flag.code}`", flag.about, flag.meaning) for flag in FLAGS.values()]
    scores = [(f"`{score.name}`", score.meaning, "yes" if score.pooled else "") for score in SCORES]
    return TABLES.format(
        particles=_table(("column", "meaning"), _columns(PARTICLE_COLUMNS)),
        summary=_table(("column", "meaning"), _columns(SUMMARY_COLUMNS)),
        flags=_table(("code", "about", "meaning"), flags),
        scores=_table(("column", "meaning", "pooled too"), scores),
    )


def _columns(columns: Iterable[Column]) -> list[tuple[str, str]]:
    return [(f"`{column.name('nm')}`", column.meaning) for column in columns]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _cli() -> str:
    from typer.main import get_command

    from nanosieve.cli.app import app

    group: Any = get_command(app)
    parts = [CLI]
    for name, command in group.commands.items():
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        usage = " ".join(["nanosieve", name, *map(_argument, arguments), "[OPTIONS]"])
        parts.append(f"## {name}\n\n`{usage}`\n\n{' '.join((command.help or '').split())}\n")
        rows = [(_names(param), _default(param), _help(param)) for param in options]
        rows = [(_argument(p), "", _help(p)) for p in arguments] + rows
        if rows:
            parts.append(_table(("option", "default", "meaning"), rows) + "\n")
    return "\n".join(parts)


def _argument(param: Any) -> str:
    return param.metavar or param.name.upper()


def _names(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    return names if param.is_flag else f"{names} {param.metavar or param.name.upper()}"


def _default(param: Any) -> str:
    value = getattr(param.default, "value", param.default)
    if value is True:
        return f"`{param.opts[0]}`"
    return f"`{value}`" if value not in (None, False, "") else ""


def _help(param: Any) -> str:
    return " ".join((param.help or "").split()).replace("<", "&lt;")


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
