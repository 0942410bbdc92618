"""Write the reference pages from the code: ``make docs``. A test compares them."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel

from nanosieve.core.flags import FLAGS
from nanosieve.core.schema import PARTICLE_COLUMNS, SUMMARY_COLUMNS, Column
from nanosieve.core.settings_file import sections_in
from nanosieve.evaluation.scores import SCORES
from nanosieve.models.load import packaged, read_card
from nanosieve.models.words import facts, tables
from nanosieve.networks import NAMES, Network, build
from nanosieve.networks.registry import default_settings
from nanosieve.prepare.network_input import InputSpec
from nanosieve.simulation import presets
from nanosieve.simulation.atoms import settings as crystals
from nanosieve.simulation.atoms.lattices import LATTICES
from nanosieve.simulation.columns import IMAGING, OWN_TABLES
from nanosieve.simulation.projected.materials import MATERIALS
from nanosieve.simulation.projected.particle_settings import ARRANGEMENTS, SHAPES
from nanosieve.simulation.projected.support import KINDS as SUPPORTS
from nanosieve.simulation.ranges import as_range
from nanosieve.simulation.section import Section
from nanosieve.simulation.simulated import ParticleTruth
from nanosieve.simulation.visibility import LEAST_CONTRAST_CNR, LEAST_FRINGE_SNR
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

Expected calibration errors of the particles' confidence are in `summary.csv` only: `NAME_pooled`
with `NAME_low`, `NAME_high` from resampled groups, and the `NAME_n` particles. `instance_ece_50`: a
true particle has a partner at IoU 0.5; `box_centre_ece`: its centre lies inside a true box.
"""

CLI = """# Command line

Every error is one line on stderr: what, where, what to do; `--debug` adds a traceback. Exit codes:
0 all done; 1 some inputs failed or were refused, the others are complete; 2 wrong usage; 130
interrupted, what was finished stays. This page is made from the code by `make docs`.
"""


TRAINING = """# Training settings

What `nanosieve train CONFIG.toml` and `nanosieve search CONFIG.toml` read. Only `[data]` must be
given. Paths are relative to the file. A wrong file is refused with the faults of all its settings
at once. This page is made from the code by `make docs`.
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


MODELS = """# Models

What comes with nanosieve: `nanosieve segment FILE --method NAME` runs one by its name, `auto`
chooses between them ([how to](../how-to/run-a-model.md)). The commands that made them are in
`recipes/`. In brackets 95 % intervals over groups: what shares a specimen or a structure is one
group. Means are over images, or over particles, as each table says; scores are those of
[scores.csv](tables.md#scorescsv). This page is made from the model files by `make docs`.
"""


SIMULATION = """# Simulation: presets and settings

What `nanosieve simulate PRESET|FILE.toml` reads ([how to](../how-to/simulate.md)). `nanosieve
simulate PRESET --show` prints a preset, to copy and change; a file may also hold a `base`, a preset
or another file, and the `[changes]` to it. A wrong file is refused with the faults
of all its settings at once; whether settings go together is looked at once each is right. This page
is made from the code by `make docs`.

{presets}

`-n` counts images; for `coarsening`, movies. *A structure gives* that many images, which share
their atoms or bodies and are one group.

A setting that is drawn is written as a number, which stands for itself; `[low, high]`, drawn
evenly; `{{ log = [low, high] }}`, evenly in its logarithm; `{{ normal = [mean, deviation] }}`, cut
at three deviations; `{{ log_normal = [median, factor] }}`, cut at the factor's third power; or
`{{ choice = [...] }}`. Names with weights, `{{ sphere = 3, rod = 1 }}`, are
drawn in proportion to them.

## Names

{names}

## truth.csv

One row a particle and image, after `image`, `group` and `frame`. For `graphene`, particles are the
patches of contamination.

{truth}

A particle is `visible` from a `fringe_snr` of {least_snr:g} or a `contrast_cnr` of {least_cnr:g}
on.

## imaging.csv

One row an image. Columns are those that the preset has a use for; what does not apply is blank.
Columns named like a setting below hold what was drawn for it.

{imaging}

## tables/

One CSV file an image, or a movie. Positions are in nm, `y_nm` downwards and `x_nm` to the right of
the middle of the image's first pixel; angles in degrees, counter-clockwise from +x.

{tables}
"""


def pages() -> dict[Path, str]:
    """Text of every page that is made from the code."""
    return {FOLDER / "tables.md": _tables(), FOLDER / "cli.md": _cli(),
            FOLDER / "training.md": _training(), FOLDER / "networks.md": _networks(),
            FOLDER / "simulation.md": _simulation(), FOLDER / "models.md": _models()}  # fmt: skip


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
    for name, command in _commands(group):
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        usage = " ".join(["nanosieve", name, *map(_argument, arguments), "[OPTIONS]"])
        parts.append(f"## {name}\n\n`{usage}`\n\n{' '.join((command.help or '').split())}\n")
        rows = [(_names(param), _default(param), _help(param)) for param in options]
        rows = [(_argument(p), "", _help(p)) for p in arguments] + rows
        if rows:
            parts.append(_table(("option", "default", "meaning"), rows) + "\n")
    return "\n".join(parts)


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands with their names, those of groups after the group's own."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


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


def _models() -> str:
    """One part a model: its card."""
    parts = [MODELS]
    for name, path in packaged().items():
        card = read_card(path)[0]
        told = facts(card)
        fails, notes = told.pop("fails"), told.pop("notes")
        # What the heading says, and what follows in full.
        for name_of_fact in ("name", "groups", "elsewhere"):
            told.pop(name_of_fact)
        parts.append(f"## {name}\n\n{notes}\n\nWhere it fails: {fails}\n")
        parts.append(_table((name, ""), told.items()) + "\n")
        for kind, head, rows in tables(card.results):
            title = "On images it was not trained on" if kind == "all" else f"By {kind}"
            parts.append(f"### {title}: {name}\n\n{_table(head, rows)}\n")
    if len(parts) == 1:
        parts.append("No model comes with this version.\n")
    return "\n".join(parts)


def _first_sentence(network: Network) -> str:
    return _markdown((inspect.getdoc(type(network)) or "").split("\n\n")[0].replace("\n", " "))


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
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


def _simulation() -> str:
    """One table of the presets; then a part a kind: its settings and those of its sections."""
    rows = []
    for name in presets.names():
        preset = presets.load(name)
        unit = "frames" if preset.counts == "movies" else "images"
        given = f"{preset.per_structure} {unit if preset.per_structure > 1 else unit[:-1]}"
        rows.append((f"`{name}`", preset.values["kind"], given, presets.description(name)))
    head = ("preset", "kind", "a structure gives", "what it makes")
    truth = [(f"`{name}`", words) for name, words in _described(ParticleTruth).items()]
    parts = [
        SIMULATION.format(
            presets=_table(head, rows),
            names=_table(("kind", "of", "names"), _known_names()),
            truth=_table(("column", "meaning"), truth),
            least_snr=LEAST_FRINGE_SNR,
            least_cnr=LEAST_CONTRAST_CNR,
            imaging=_table(("columns", "meaning"), _imaging()),
            tables=_table(("table", "of", "columns"), OWN_TABLES),
        )
    ]
    shown: dict[type[BaseModel], str] = {}
    for word, kind in presets.KINDS.items():
        settings = import_module(kind.module).Settings
        parts.append(f'## kind = "{word}"\n\n{_summary(settings)}\n')
        parts += _part(settings, word, "", shown)
    return "\n".join(parts)


def _known_names() -> list[tuple[str, str, str]]:
    """What may stand where a setting takes names."""
    names: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("crystals", "materials", LATTICES),
        ("crystals", "shapes", crystals.SHAPES),
        ("crystals", "defects", crystals.DEFECTS),
        ("crystals", "supports (`kinds`)", crystals.SUPPORTS),
        ("projected, coarsening", "materials", MATERIALS),
        ("projected", "shapes", SHAPES),
        ("projected", "arrangements", ARRANGEMENTS),
        ("projected, coarsening", "supports (`kind`)", SUPPORTS),
    )
    return [(kind, of, ", ".join(f"`{name}`" for name in known)) for kind, of, known in names]


def _imaging() -> list[tuple[str, str]]:
    return [
        (", ".join(f"`{name}`" for name in names.split(", ")), meaning)
        for names, meaning in IMAGING.items()
    ]


def _part(
    section: type[BaseModel], kind: str, place: str, shown: dict[type[BaseModel], str]
) -> list[str]:
    """Settings of a section, then its own sections; what several kinds share stands once."""
    inner = {name: _sections(field.annotation) for name, field in section.model_fields.items()}
    hidden = {name for name, own in inner.items() if own} | ({"kind"} if not place else set())
    plain = section.model_fields.keys() - hidden
    parts = [_settings(section, *_named_classes(section), without=hidden)] if plain else []
    for name, forms in inner.items():
        for form in forms:
            key = section.model_fields[name].alias or name
            at = f"{place}.{key}".removeprefix(".")
            written = {tuple: "[[{}]]", dict: "[{}.NAME]"}
            several = get_origin(section.model_fields[name].annotation)
            head = written.get(several, "[{}]").format(at)
            parts.append(f"### {head} of {kind}\n\n{_summary(form)}\n")
            if form in shown:
                parts.append(f"Settings as those of {shown[form]}.\n")
                continue
            shown[form] = f"`{head}` of {kind}"
            parts += _part(form, kind, at, shown)
    return parts


def _named_classes(section: type[BaseModel]) -> list[type]:
    """Classes that a section is made from or names: settings are described where they are used."""
    first = (inspect.getdoc(section) or "").split("\n\n")[0]
    found: list[Any] = [one for one in section.__mro__[1:] if issubclass(one, Section)]
    for name in re.findall(r"`([\w.]+)`", first):
        module, _, own = name.rpartition(".")
        found.append(getattr(import_module(module or section.__module__), own, None))
    return [one for one in found if inspect.isclass(one)]


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """Sections that a setting is made of; a range is a value."""
    ranges = type(as_range(0))
    found = sections_in(annotation)
    return [one for one in found if issubclass(one, Section) and one is not ranges]


def _summary(section: type[BaseModel]) -> str:
    first = (inspect.getdoc(section) or "").split("\n\n")[0]
    words = _markdown(" ".join(first.split()))
    if words.startswith("`["):
        words = words.partition(": ")[2]
    # Names of classes tell readers of a settings file nothing.
    words = re.sub(r"(; see|:) `[A-Z\w.]*[A-Z]\w*`[^.]*\.$", ".", words)
    return words[:1].upper() + words[1:]


def _settings(section: type[BaseModel], *bases: type, without: Iterable[str] = ()) -> str:
    own = _described(section)
    meant = {name: text for base in bases for name, text in _described(base).items()}
    words = (
        meant | own | {name: meant[name] for name in meant if own.get(name, "").startswith("See `")}
    )
    if silent := section.model_fields.keys() - words.keys() - set(without):
        raise ValueError(f"{section.__name__} says nothing of {', '.join(sorted(silent))}")
    rows = [
        (f"`{name}`", _plain(field.get_default(call_default_factory=True)), words[name])
        for name, field in section.model_fields.items()
        if name not in set(without)
    ]
    return _table(("setting", "default", "meaning"), rows) + "\n"


def _described(section: type) -> dict[str, str]:
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
    if isinstance(value, BaseModel):
        return f"`{_toml(value.model_dump(mode='json'))}`"
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
    return "" if value is None or value is False or value == "" else f"`{value}`"


def _help(param: Any) -> str:
    return " ".join((param.help or "").split()).replace("<", "&lt;")


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
