"""Write the reference pages from the code: ``make docs``. A test compares them."""

import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nanosieve.core.flags import FLAGS
from nanosieve.core.schema import PARTICLE_COLUMNS, SUMMARY_COLUMNS, Column
from nanosieve.evaluation.scores import SCORES
from nanosieve.networks import NAMES, Network, build
from nanosieve.networks.registry import default_settings
from nanosieve.prepare.network_input import InputSpec
from nanosieve.training.config import TrainConfig
from nanosieve.training.config_sections import StackConfig

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


TRAINING = """# Training settings

What `nanosieve train CONFIG.toml` and `nanosieve search CONFIG.toml` read. Only `[data]` must be
given. Paths are relative to the file. A wrong file is refused with all its faults at once. This
page is made from the code by `make docs`.
"""


NETWORKS = """# Networks

Built by `nanosieve.networks.build(name, **settings)`, named in `[network]` of a training file. The
receptive field is the side of the square that one output pixel sees, by the formula of Sytwu et al.
(2022); figures are those of the default settings. `classes`, the names of the outputs, is free for
all. This page is made from the code by `make docs`.

{table}

| network | settings and their defaults |
| --- | --- |
{settings}
"""


def pages() -> dict[Path, str]:
    """Text of every page that is made from the code."""
    return {FOLDER / "tables.md": _tables(), FOLDER / "cli.md": _cli(),
            FOLDER / "training.md": _training(), FOLDER / "networks.md": _networks()}  # fmt: skip


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


def _networks() -> str:
    rows, settings = [], []
    for name in NAMES:
        given = default_settings(name)
        # Downloads nothing.
        network = build(name, **({"pretrained": False} if "pretrained" in given else {}))
        rows.append((
            f"`{name}`", f"{network.n_parameters:,}".replace(",", " "),
            str(network.receptive_field), str(network.stride), _first_sentence(network),
        ))  # fmt: skip
        own = network.settings | {k: value for k, value in given.items() if value is not None}
        words = ", ".join(f"`{k} = {_toml(own[k])}`" for k in own if k != "classes")
        settings.append(f"| `{name}` | {words} |")
    head = ("network", "parameters", "receptive field, px", "sides are multiples of", "what it is")
    return NETWORKS.format(table=_table(head, rows), settings="\n".join(settings))


def _first_sentence(network: Network) -> str:
    return _markdown((inspect.getdoc(type(network)) or "").split("\n\n")[0].replace("\n", " "))


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _training() -> str:
    """One table for the top of the file and one a section."""
    sections = {
        name: field.annotation
        for name, field in TrainConfig.model_fields.items()
        if inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)
    }
    parts = [TRAINING, _settings(TrainConfig, without=set(sections))]
    for name, section in sections.items():
        parts.append(f"## [{name}]\n\n{_summary(section)}\n")
        owners = [InputSpec, section] if issubclass(section, InputSpec) else [section]
        parts.append(_settings(section, *owners[:-1]))
    parts.append(f"## [[data.stacks]]\n\n{_summary(StackConfig)}\n")
    parts.append(_settings(StackConfig))
    return "\n".join(parts)


def _summary(section: type[BaseModel]) -> str:
    first = (inspect.getdoc(section) or "").split("\n\n")[0]
    _, _, words = _markdown(" ".join(first.split())).partition(": ")
    return words[:1].upper() + words[1:]


def _settings(
    section: type[BaseModel], *bases: type[BaseModel], without: Iterable[str] = ()
) -> str:
    words = _described(section)
    for base in bases:
        words |= _described(base)
    rows = [
        (f"`{name}`", _plain(field.get_default(call_default_factory=True)), words[name])
        for name, field in section.model_fields.items()
        if name not in set(without)
    ]
    return _table(("setting", "default", "meaning"), rows) + "\n"


def _described(section: type[BaseModel]) -> dict[str, str]:
    """What the docstring says of each parameter."""
    _, _, text = (inspect.getdoc(section) or "").partition("Parameters\n----------\n")
    text = re.split(r"\n\n\w+\n-{3,}\n", text)[0]
    found = {}
    for names, body in re.findall(r"^(\w[\w, ]*)\n((?:(?: {4}.*)?(?:\n|$))+)", text, re.MULTILINE):
        for name in names.split(", "):
            found[name] = _markdown(" ".join(body.split()))
    return found


def _markdown(text: str) -> str:
    return text.replace("``", "`")


def _plain(value: Any) -> str:
    if value is None or repr(value) == "PydanticUndefined":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


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
