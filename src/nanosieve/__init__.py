"""Separate particles from their support in (S)TEM micrographs, and size them.

The public surface is lazy: ``import nanosieve`` loads nothing but this file, each name loads what
it needs on first use.

>>> import nanosieve
>>> [name for name in nanosieve.__all__ if name.islower() and name.isalpha()]
['analyse', 'measure', 'read', 'segment']
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nanosieve._version import __version__

if TYPE_CHECKING:
    from nanosieve.core.micrograph import Micrograph
    from nanosieve.core.segmentation import Segmentation
    from nanosieve.files.read import read
    from nanosieve.measurement.particles import measure
    from nanosieve.pipeline import analyse
    from nanosieve.segmentation.segment import segment

__all__ = ["Micrograph", "Segmentation", "__version__", "analyse", "measure", "read", "segment"]

_HOMES = {
    "Micrograph": "nanosieve.core.micrograph",
    "Segmentation": "nanosieve.core.segmentation",
    "analyse": "nanosieve.pipeline",
    "measure": "nanosieve.measurement.particles",
    "read": "nanosieve.files.read",
    "segment": "nanosieve.segmentation.segment",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nanosieve' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
