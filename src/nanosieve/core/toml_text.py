"""Plain values as the text of a TOML file, which Python reads but does not write."""

import json
from collections.abc import Mapping
from typing import Any


def toml_text(values: Mapping[str, Any]) -> str:
    """Write nested mappings of numbers, words, booleans and lists.

    Parameters
    ----------
    values
        Without ``None``: TOML has no word for it.

    Examples
    --------
    >>> print(toml_text({"batch": 8, "data": {"path": ["a b"], "stacks": [{"images": "x"}]}}))
    batch = 8
    <BLANKLINE>
    [data]
    path = ["a b"]
    stacks = [{images = "x"}]
    <BLANKLINE>
    """
    return "\n".join(_table(values, ())).lstrip("\n") + "\n"


def _table(values: Mapping[str, Any], place: tuple[str, ...]) -> list[str]:
    lines = [] if not place else ["", f"[{'.'.join(_key(part) for part in place)}]"]
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines += [f"{_key(key)} = {_value(values[key])}" for key in values if key not in tables]
    for key, table in tables.items():
        lines += _table(table, (*place, key))
    return lines


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    # JSON and TOML write numbers, booleans and (escaped) words alike; TOML has no escape for 127.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _value(key)
