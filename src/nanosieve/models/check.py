"""A small image with its output, kept in the model file: does the model still give what it gave?"""

import base64
import binascii
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import UsageError

CHECK_KEY = "nanosieve_check"
_MOST_PIXELS = 256 * 256
_MOST_SIDES = 3


@dataclass(frozen=True)
class Check:
    """A network input and what the model gave for it when it was exported.

    Parameters
    ----------
    image
        ``(y, x)`` float32, sides multiples of the stride.
    output
        ``(k, y, x)`` float32 probabilities.
    tolerance
        Largest difference that another machine's float32 may make.
    """

    image: np.ndarray
    output: np.ndarray
    tolerance: float = 2e-3

    def to_json(self) -> str:
        """As it stands in the file, in half precision."""
        return json.dumps(
            {
                "image": _packed(self.image),
                "output": _packed(self.output),
                "tolerance": self.tolerance,
            }
        )


def parse_check(text: str, where: str, *, n_channels: int) -> Check:
    """Read a check.

    Parameters
    ----------
    text
        JSON.
    where
        Name of the file, for errors.
    n_channels
        Channels of the model's output.

    Raises
    ------
    UsageError
        If it is not what `Check.to_json` writes.
    """
    try:
        values = json.loads(text)
        image, output = (_unpacked(values[name]) for name in ("image", "output"))
        tolerance = float(values["tolerance"])
        if image.ndim != 2 or output.shape != (n_channels, *image.shape):
            raise ValueError
        if not (0 < tolerance < 1 and np.isfinite(image).all() and np.isfinite(output).all()):
            raise ValueError
    except (
        ValueError, KeyError, TypeError, OverflowError, RecursionError, binascii.Error
    ) as error:  # fmt: skip
        raise UsageError(f"{where}: its test image is damaged; export the model again") from error
    return Check(image, output, tolerance)


def make_check(
    image: np.ndarray, run: Callable[[np.ndarray], np.ndarray], tolerance: float = 2e-3
) -> Check:
    """Make the check of a model.

    Parameters
    ----------
    image
        ``(y, x)`` network input; rounded to half precision, as the file stores it.
    run
        The network itself: ``(y, x)`` to ``(k, y, x)`` probabilities.
    tolerance
        As in `Check`.
    """
    rounded = np.asarray(image, np.float16).astype(np.float32)
    return Check(rounded, np.asarray(run(rounded), np.float32), tolerance)


def _packed(array: np.ndarray) -> dict[str, object]:
    data = base64.b64encode(np.ascontiguousarray(array, "<f2").tobytes()).decode()
    return {"shape": list(array.shape), "data": data}


def _unpacked(packed: dict[str, object]) -> np.ndarray:
    shape = [int(side) for side in packed["shape"]]  # type: ignore[attr-defined]
    # First their number: the product of very many would take for ever.
    if len(shape) > _MOST_SIDES or not all(0 < side <= _MOST_PIXELS for side in shape):
        raise ValueError
    if math.prod(shape) > 100 * _MOST_PIXELS:
        raise ValueError
    data = base64.b64decode(str(packed["data"]), validate=True)
    return np.frombuffer(data, "<f2").reshape(shape).astype(np.float32)
