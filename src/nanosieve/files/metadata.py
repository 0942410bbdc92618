"""A file's own metadata as plain nested Python objects, and how to look things up in it."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

_LARGEST = 256  # elements; longer arrays are pixels or lookup tables, not metadata
_LONGEST = 4096  # items of a list, bytes of a blob
_DEEPEST = 40


def plain(value: Any, depth: int = 0) -> Any:
    """Copy metadata into dicts, lists, strings, numbers, booleans and ``None``.

    Arrays of more than 256 elements are named, not copied.

    Examples
    --------
    >>> plain({"a": np.float32(0.5), "b": (np.uint8(1), b"x"), "c": np.zeros(1000)})
    {'a': 0.5, 'b': [1, 'x'], 'c': '<float64 array of shape (1000,)>'}
    """
    if depth > _DEEPEST:
        return "<too deep>"
    if isinstance(value, Mapping):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, np.ndarray) and value.size > _LARGEST:
        return f"<{value.dtype} array of shape {value.shape}>"
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        inside = [plain(inner, depth + 1) for inner in list(value)[:_LONGEST]]
        left_out = len(value) - len(inside)
        return [*inside, f"<{left_out} more>"] if left_out else inside
    return _leaf(value)


def item(metadata: Any, *keys: str) -> Any:
    """Follow keys into nested mappings; ``None`` where one is missing or empty.

    Examples
    --------
    >>> item({"a": {"b c": 3}}, "a", "b c"), item({"a": 1}, "a", "b")
    (3, None)
    """
    for key in keys:
        if not isinstance(metadata, Mapping):
            return None
        metadata = metadata.get(key)
    return None if isinstance(metadata, str | list | dict) and not metadata else metadata


def positive(value: Any, factor: float = 1.0) -> float | None:
    """Read a positive finite number times ``factor``, or ``None``.

    Examples
    --------
    >>> positive("200000", 1e-3), positive(0), positive("n/a")
    (200.0, None, None)
    """
    try:
        number = float(value) * factor
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def text(value: Any) -> str | None:
    """Read a word or phrase, or ``None`` where there is none."""
    if not isinstance(value, str):
        return None
    return " ".join(value.replace("\0", "").split()) or None


def _leaf(value: Any) -> Any:
    """Strip subclasses (enums, ``str_``) down to what JSON knows; the rest is written out."""
    if isinstance(value, bytes):
        return value[:_LONGEST].decode("utf-8", "replace").rstrip("\0")
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value.isoformat() if isinstance(value, date) else str(value)
