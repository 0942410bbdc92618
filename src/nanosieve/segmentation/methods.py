"""The methods by name. To add one: write a function `Field -> (y, x) bool seeds`, name it here.

A method only says where particles are; the edge rule then says where they end, and splitting which
of them touch, the same for all. `bragg` does not go this way: it looks at the lattice of the frame
as it is, and has its own edges (`nanosieve.segmentation.bragg`).
"""

from collections.abc import Callable

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.segmentation.field import Field
from nanosieve.segmentation.hybrid import hybrid
from nanosieve.segmentation.reconstruction import reconstruction
from nanosieve.segmentation.thresholds import local, otsu

Method = Callable[[Field], np.ndarray]

METHODS: dict[str, Method] = {
    "otsu": otsu,
    "local": local,
    "hybrid": hybrid,
    "reconstruction": reconstruction,
}
BRAGG = "bragg"
# What stands in where no model is packaged, or none knows such images.
CLASSICAL = "hybrid"


def check(name: str) -> str:
    """Give back the name of a method.

    Raises
    ------
    UsageError
        If there is no such method.

    Examples
    --------
    >>> check("local")
    'local'
    """
    if name not in METHODS and name != BRAGG:
        known = ", ".join(["auto", *METHODS, BRAGG])
        raise UsageError(
            f"no segmentation method is called {name!r}; choose {known}, or a model: its name or "
            "FILE.onnx"
        )
    return name
