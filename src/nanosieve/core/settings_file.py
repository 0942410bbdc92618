"""Settings that people write as TOML: read, and every fault told at once in plain words."""

import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from nanosieve.core.errors import UsageError

# Forms of a value, as pydantic names them.
_SCALARS = frozenset({"bool", "float", "int", "str"})
# What pydantic calls a fault, and what to say of it; the names in braces are its own.
_PLAIN = {
    "missing": "is missing; give it",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "string_type": "give text in quotes",
    "model_type": "give a table of settings",
    "dict_type": "give a table",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "too_short": "give {min_length} or more values",
    "too_long": "give {max_length} values at most",
}


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    UsageError
        If it cannot be read or is no TOML.

    Examples
    --------
    >>> read_toml("nowhere.toml")
    Traceback (most recent call last):
    nanosieve.core.errors.UsageError: nowhere.toml: cannot be read: No such file or directory
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no TOML file: {error}") from error


def faults(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Say in one sentence a setting what is wrong; what has several forms fails in each of them.

    Entries of lists count from 1.

    Parameters
    ----------
    error
        What the model raised.
    model
        The settings: names close to a misspelt one are looked for in it.

    Examples
    --------
    >>> class Grid(BaseModel, extra="forbid"):
    ...     size: int
    >>> try:
    ...     Grid.model_validate({"size": "a", "sise": 3})
    ... except ValidationError as error:
    ...     faults(error, Grid)  # doctest: +NORMALIZE_WHITESPACE
    ["size: give a whole number, got 'a'",
     'sise: no such setting, did you mean size?']
    """
    found: dict[str, list[tuple[Any, list[str]]]] = {}
    for fault in error.errors():
        loc = fault["loc"]
        unknown = loc[-1:] if fault["type"] == "extra_forbidden" else ()
        place, models = _place(loc[: len(loc) - len(unknown)], model)
        keys = [key for one in models for key in _fields(one)]
        found.setdefault(".".join([*place, *map(str, unknown)]), []).append((fault, keys))
    return [_sentence(place, fault) for place, fault in found.items()]


def suggestion(word: str, known: Iterable[str]) -> str:
    """Name what may have been meant, or all there is to choose from.

    Examples
    --------
    >>> suggestion("sise", ["size", "seed"]), suggestion("x", ["size", "seed"])
    (', did you mean size?', '; there are seed, size')
    """
    known = sorted(known)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f", did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known else ""


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is ``None``, for which TOML has no word.

    Examples
    --------
    >>> without_none({"a": None, "b": {"c": None, "d": 1}, "e": [{"f": None}]})
    {'b': {'d': 1}, 'e': [{}]}
    """
    kept = {key: value for key, value in values.items() if value is not None}
    for key, value in kept.items():
        if isinstance(value, dict):
            kept[key] = without_none(value)
        elif isinstance(value, list):
            kept[key] = [without_none(one) if isinstance(one, dict) else one for one in value]
    return kept


def changed(
    values: Mapping[str, Any], changes: Mapping[str, Any], *, source: str
) -> dict[str, Any]:
    """Replace settings, named by their places; what is new is added.

    Parameters
    ----------
    values
        Sections in sections. They stay as they are.
    changes
        By dotted names. A section or a table that is given replaces the old one as a whole.
    source
        Named in errors.

    Raises
    ------
    UsageError
        If something within a place is no section.

    Examples
    --------
    >>> changed({"a": {"b": 1, "c": {"d": 2}}}, {"a.b": 3, "a.c": {"e": 4}}, source="x.toml")
    {'a': {'b': 3, 'c': {'e': 4}}}
    """
    new = deepcopy(dict(values))
    for name, value in changes.items():
        *sections, key = name.split(".")
        place = new
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise UsageError(f"{source}: {name}: {section} is no section")
        place[key] = deepcopy(value)
    return new


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """List the settings classes that a type is made of: ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in sections_in(part)]


def _place(loc: tuple[Any, ...], model: type[BaseModel]) -> tuple[list[str], list[type[BaseModel]]]:
    """Names that lead to a setting, and the settings classes it may be of.

    pydantic adds which of several forms it tried, in words that are no names of settings.
    """
    models: list[type[BaseModel]] = [model]
    place: list[str] = []
    for part in loc:
        fields = [_fields(one) for one in models]
        if any(part in own for own in fields):
            annotations = [own[part].annotation for own in fields if part in own]
            models = [one for annotation in annotations for one in sections_in(annotation)]
        elif forms := [one for one in models if _is_form(one, part)]:
            models = forms
            continue
        elif not isinstance(part, int) and (not part.isidentifier() or part in _SCALARS):
            continue
        place.append(str(part + 1 if isinstance(part, int) else part))
    return place, models


def _fields(model: type[BaseModel]) -> dict[Any, FieldInfo]:
    """Fields of a settings class by their names in a file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_form(model: type[BaseModel], word: Any) -> bool:
    """Tell whether a word names this class among several: by its name, or by a key's value."""
    values = [
        value
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for value in get_args(field.annotation)
    ]
    return word == model.__name__ or word in values


def _plain(fault: ErrorDetails) -> str:
    """Say a fault in the words of a settings file, not in those of its programmer."""
    kind, given = fault["type"], fault["input"]
    if kind in ("tuple_type", "list_type"):
        # Of a side or a size, there are mostly two.
        number = isinstance(given, int | float) and not isinstance(given, bool)
        return "give a list in brackets" + (f", such as [{given}, {given}]" if number else "")
    if kind == "literal_error":
        # TOML writes them in lower case.
        words = {"True": "true", "False": "false"}
        return f"give {words.get(fault['ctx']['expected'], fault['ctx']['expected'])}"
    if kind in _PLAIN:
        return _PLAIN[kind].format(**fault.get("ctx", {}))
    return fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _sentence(place: str, found: list[tuple[Any, list[str]]]) -> str:
    first = found[0][0]
    if first["type"] == "extra_forbidden":
        keys = {key for _, of_form in found for key in of_form}
        return f"{place}: no such setting" + suggestion(str(first["loc"][-1]), keys)
    message = " or: ".join(dict.fromkeys(_plain(fault) for fault, _ in found))
    where = f"{place}: " if place else ""
    if first["type"] in ("value_error", "missing"):
        return f"{where}{message}"
    return f"{where}{message}, got {first['input']!r}"
