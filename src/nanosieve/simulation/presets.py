"""Presets: settings files that come with the package, and those that users make of them."""

import re
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ValidationError

from nanosieve.core.errors import UsageError
from nanosieve.core.settings_file import changed, faults, read_toml, suggestion, without_none
from nanosieve.core.toml_text import toml_text
from nanosieve.simulation.section import Section

PRESETS = Path(str(resources.files("nanosieve.simulation"))) / "presets"


@dataclass(frozen=True)
class Kind:
    """A way of simulating.

    Parameters
    ----------
    module
        Where its ``Settings`` and ``simulate`` are; imported when it is used.
    needs_extra
        Whether it needs abTEM and ASE.
    uses_gpu
        Whether it can compute on a GPU.
    """

    module: str
    needs_extra: bool = False
    uses_gpu: bool = False


# By the word after `kind =` in a settings file.
KINDS = {
    "crystals": Kind("nanosieve.simulation.crystals.kind", needs_extra=True, uses_gpu=True),
    "projected": Kind("nanosieve.simulation.projected.kind"),
    "graphene": Kind("nanosieve.simulation.graphene.kind", needs_extra=True),
    "coarsening": Kind("nanosieve.simulation.coarsening.kind"),
}


@dataclass(frozen=True)
class Preset:
    """What to simulate.

    Parameters
    ----------
    name
        Images are named after it: the name of its file.
    kind
        Which way of simulating.
    settings
        All settings, checked.
    """

    name: str
    kind: Kind
    settings: Section

    @property
    def per_structure(self) -> int:
        """Images of one structure; frames of one movie."""
        return int(getattr(self.settings, "per_structure"))  # noqa: B009 - each kind has its own

    @property
    def counts(self) -> Literal["images", "movies"]:
        """What ``-n`` counts."""
        return cast(Literal["images", "movies"], getattr(self.settings, "counts", "images"))

    def of_structure(self, index: int) -> Section:
        """Settings of one structure: those of its level where a kind knows of designs."""
        own = getattr(self.settings, "of_structure", None)
        return self.settings if own is None else cast(Section, own(index))

    @property
    def values(self) -> dict[str, Any]:
        """All settings, defaults included, as a settings file states them."""
        return without_none(self.settings.model_dump(mode="json", by_alias=True))

    def dump(self) -> str:
        """Write all settings as the text of a settings file; reading it gives equal settings."""
        return toml_text(self.values)


def names() -> list[str]:
    """Names of the presets that come with the package."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def description(name: str) -> str:
    """Say what a preset of the package is: the comment that its file begins with, up to a line."""
    first = text_of(name).split("\n", 1)[0]
    return first.lstrip("# ").strip()


def text_of(source: str | Path) -> str:
    """Read a preset's file as it is, comments included.

    Raises
    ------
    UsageError
        If there is no such preset or file.
    """
    path = _file(source)
    read_toml(path)
    return path.read_text(encoding="utf-8-sig")


def load(source: str | Path) -> Preset:
    """Load a preset by its name, or a settings file by its path.

    A file holds all settings, or a ``base``, another preset or file beside it, and the ``changes``
    to that, by their dotted names.

    Raises
    ------
    UsageError
        If there is none; or for the faults of all its settings at once, or, once each is right,
        for what does not go together.

    Examples
    --------
    >>> load("nowhere.toml")
    Traceback (most recent call last):
    nanosieve.core.errors.UsageError: nowhere.toml: cannot be read: No such file or directory
    """
    path = _file(source)
    where = str(path) if path.parent != PRESETS else f"preset {path.stem}"
    return check(_values(path), name=_name(path), where=where)


def check(values: dict[str, Any], *, name: str, where: str = "settings") -> Preset:
    """Check settings that are already Python objects.

    Parameters
    ----------
    values
        As `tomllib` gives them.
    name
        Of the images.
    where
        Named in errors.

    Raises
    ------
    UsageError
        As `load`.

    Examples
    --------
    >>> check({"kind": "crystal"}, name="a")
    Traceback (most recent call last):
    nanosieve.core.errors.UsageError: settings: kind: no kind 'crystal', did you mean crystals?
    """
    word = values.get("kind")
    if word is None:
        raise UsageError(f"{where}: kind: is missing; give one of {', '.join(KINDS)}")
    if not isinstance(word, str) or word not in KINDS:
        raise UsageError(f"{where}: kind: no kind {word!r}{suggestion(str(word), KINDS)}")
    kind = KINDS[word]
    model = import_module(kind.module).Settings
    try:
        return Preset(name, kind, model.model_validate(values))
    except ValidationError as error:
        raise UsageError(f"{where}: {'; '.join(faults(error, model))}") from error


def _values(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """All settings of a file: its own, or those of its base with its changes."""
    values = read_toml(path)
    if "base" not in values:
        return values
    above = (*above, path.resolve())
    base, changes = values["base"], values.get("changes", {})
    beside = ", ".join(sorted(values.keys() - {"base", "changes"}))
    if beside or not isinstance(base, str) or not isinstance(changes, dict):
        raise UsageError(
            f"{path}: beside base = 'PRESET|FILE.toml' stands a section [changes] and nothing else"
            + (f"; put {beside} there" if beside else "")
        )
    if base not in names() and not base.endswith(".toml"):
        raise UsageError(
            f"{path}: base: no preset {base!r}{suggestion(base, names())} (a file ends in .toml)"
        )
    below = _file(base if base in names() else path.parent / base)
    if below.resolve() in above:
        raise UsageError(f"{path}: base: {base} is based on this file")
    try:
        own = _values(below, above)
        # What is wrong there is not to be looked for here.
        check(own, name=below.stem, where=str(below))
    except UsageError as error:
        raise UsageError(f"{path}: base: {error}") from error
    return changed(own, changes, source=str(path))


def _file(source: str | Path) -> Path:
    if str(source) in names():
        return PRESETS / f"{source}.toml"
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return path
    raise UsageError(
        f"no preset {str(source)!r}{suggestion(str(source), names())} "
        "(nanosieve simulate --list shows them; a settings file ends in .toml)"
    )


def _name(path: Path) -> str:
    """Name of the images: such that it can stand in a table and in any file system.

    >>> _name(Path("my gold (2).toml"))
    'my-gold-2'
    """
    return re.sub(r"[^\w-]+", "-", path.stem).strip("-_") or "simulated"
