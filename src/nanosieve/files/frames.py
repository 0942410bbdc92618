"""Stacks that read one frame from disk at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nanosieve.core.errors import FailedInput
from nanosieve.files.guard import guarded

Colour = Literal["", "rgb", "bgr"]
"""Order of the first three samples of a colour image; empty for grey."""

_REC709 = {"rgb": (0.2126, 0.7152, 0.0722), "bgr": (0.0722, 0.7152, 0.2126)}
_BAND = 256  # rows turned to luminance at a time, so that float64 copies stay small


@dataclass(frozen=True)
class LazyFrames:
    """A ``(t, y, x)`` stack behind a function that reads frame ``t``.

    Nothing is kept open and nothing cached: each access reads one frame, and the object can be
    pickled and sent to another process.

    Parameters
    ----------
    path
        File, for messages.
    shape, dtype
        ``(t, y, x)`` and the dtype of the frames, native byte order.
    load
        Module-level function or partial of one; gives the ``(y, x)`` or ``(y, x, samples)`` array
        of a frame.
    colour
        Order of samples that are reduced to luminance.
    """

    path: Path
    shape: tuple[int, int, int]
    dtype: np.dtype
    load: Callable[[int], np.ndarray]
    colour: Colour = ""

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in range(len(self)):
            yield self[index]

    def __getitem__(self, index: int) -> np.ndarray:
        """Read one frame.

        Raises
        ------
        IndexError
            If there is no such frame.
        FailedInput
            If the file is damaged there.
        """
        position = range(len(self))[index]
        with guarded(self.path):
            frame = np.asarray(self.load(position))
            if self.colour:
                frame = luminance(frame, self.colour)
            if frame.shape != self.shape[1:]:
                raise FailedInput(
                    f"{self.path.name}: frame {position} has shape {frame.shape} where "
                    f"{self.shape[1:]} was announced; the file is damaged"
                )
            return frame.astype(self.dtype, copy=False)


def luminance(image: np.ndarray, order: Colour = "rgb") -> np.ndarray:
    """Reduce colours to the luminance of ITU-R BT.709, alpha ignored, dtype kept.

    Parameters
    ----------
    image
        ``(y, x, 3 or more)``; integers are rounded.
    order
        Order of the first three samples.

    Returns
    -------
    numpy.ndarray
        ``(y, x)``. Where the three channels are equal it is that channel, exactly.

    Examples
    --------
    >>> luminance(np.array([[[255, 0, 0], [7, 7, 7]]], np.uint8))
    array([[54,  7]], dtype=uint8)
    """
    first = image[..., 0]
    if np.array_equal(first, image[..., 1]) and np.array_equal(first, image[..., 2]):
        return np.ascontiguousarray(first)
    result = np.empty(image.shape[:2], image.dtype)
    weights = np.array(_REC709[order])
    for start in range(0, len(image), _BAND):
        band = image[start : start + _BAND, :, :3] @ weights
        if image.dtype.kind in "ui":
            band = np.rint(band)
        result[start : start + _BAND] = band
    return result


def raw_frame(
    index: int, *, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    """Read frame ``index`` of frames that lie one after the other from ``offset`` on.

    Parameters
    ----------
    shape, dtype
        Of one frame; the result is in native byte order.

    Raises
    ------
    FailedInput
        If the file ends before the frame does.
    """
    count = int(np.prod(shape))
    frame = np.fromfile(
        path, dtype=dtype, count=count, offset=offset + index * count * dtype.itemsize
    )
    if frame.size != count:
        raise FailedInput(
            f"{path.name}: truncated, it ends inside frame {index}; copy it again from its source"
        )
    return to_native(frame).reshape(shape)


def no_frame(index: int) -> np.ndarray:
    """Stand where refused data has nothing to load."""
    raise FailedInput(f"frame {index} of refused data cannot be read")


def to_native(array: np.ndarray) -> np.ndarray:
    """Give an array that we own native byte order, in place."""
    if array.dtype.isnative:
        return array
    return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
