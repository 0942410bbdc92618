"""The pixels that need not be exact: means of blocks, or one mean a connected region."""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.segmentation import kernels

MEAN = "mean"
_LARGEST = 4096
# Rows at a time: what is allocated does not grow with the frame.
_STRIP = 512


@dataclass(frozen=True)
class Packing:
    """What is kept exactly, and how coarse the rest becomes.

    Parameters
    ----------
    wanted
        As `nanosieve.selection.wanted.wanted_from` gives it.
    margin_px
        Pixels this near to a wanted one are exact too, so that outlines survive.
    block_px
        Side of the blocks whose means stand for the rest; ``None`` for one mean a connected region
        of it. With 1 all is exact.

    Raises
    ------
    UsageError
        If a length is out of range.
    """

    wanted: tuple[str, ...] = ()
    margin_px: int = 8
    block_px: int | None = 8

    def __post_init__(self) -> None:
        if not 0 <= self.margin_px <= _LARGEST:
            raise UsageError(f"--margin {self.margin_px}: give 0 to {_LARGEST} pixels")
        if self.block_px is not None and not 1 <= self.block_px <= _LARGEST:
            raise UsageError(f"--rest {self.block_px}: give blocks of 1 to {_LARGEST} pixels")


def block_from(text: str) -> int | None:
    """Read ``--rest``.

    Raises
    ------
    UsageError
        If it is neither ``mean`` nor a whole number.

    Examples
    --------
    >>> block_from("16"), block_from("mean")
    (16, None)
    """
    if text == MEAN:
        return None
    if text.isdecimal():
        return int(text)
    raise UsageError(f"--rest {text}: give the side of a block in pixels, or {MEAN}")


def exact_pixels(image: np.ndarray, wanted: np.ndarray, margin_px: int) -> np.ndarray:
    """Tell which pixels stay as they are: wanted, near to a wanted one, or not finite.

    Parameters
    ----------
    image, wanted
        ``(y, x)`` pixels, and bool.
    margin_px
        Euclidean distance up to which a pixel is near.

    Examples
    --------
    >>> wanted = np.arange(5) == 0
    >>> exact_pixels(np.array([[0, 1, 2, np.nan, 4]]), wanted[np.newaxis], 1).tolist()
    [[True, True, False, True, False]]
    """
    exact = wanted.copy()
    if margin_px:
        # DIPlib takes what is one pixel wide for a line.
        exact = kernels.dilate(np.pad(wanted, 1), margin_px)[1:-1, 1:-1]
    if image.dtype.kind == "f":
        exact |= ~np.isfinite(image)
    return exact


def coarsened(image: np.ndarray, exact: np.ndarray, block_px: int | None) -> np.ndarray:
    """Replace the pixels that are not exact by means of their like.

    Parameters
    ----------
    image
        ``(y, x)`` real numbers, finite where not exact.
    exact
        ``(y, x)`` bool.
    block_px
        As in `Packing`; blocks begin at the first pixel and take in only what is not exact.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` of the same dtype; means of integers are rounded.

    Examples
    --------
    >>> image = np.array([[1, 2, 9, 4]], np.uint8)
    >>> coarsened(image, image == 9, 4).tolist(), coarsened(image, image == 9, None).tolist()
    ([[2, 2, 9, 2]], [[2, 2, 9, 4]])
    """
    packed = image.copy()
    if block_px == 1:
        return packed
    if block_px is None:
        _replace(packed, ~exact, _region_means(image, ~exact))
        return packed
    rows = block_px * max(1, _STRIP // block_px)
    for start in range(0, len(image), rows):
        part, rest = packed[start : start + rows], ~exact[start : start + rows]
        _replace(part, rest, _block_means(part, rest, block_px))
    return packed


def _replace(image: np.ndarray, rest: np.ndarray, means: np.ndarray) -> None:
    """Put means, ``(n,)`` float64, in the place of the rest's n pixels."""
    if not means.size:
        return
    values = image[rest]
    if image.dtype.kind in "iu":
        means = np.rint(means)
    # Sums of the largest floats overflow: their mean is then the largest that is there.
    image[rest] = np.clip(np.nan_to_num(means), values.min(), values.max()).astype(image.dtype)


def _region_means(image: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Mean of the connected region of each pixel of the rest, ``(n,)`` float64."""
    labels, n = kernels.label(np.pad(rest, 1))
    labels = np.ascontiguousarray(labels[1:-1, 1:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        return kernels.means(labels, n, image)[labels[rest]]


def _block_means(image: np.ndarray, rest: np.ndarray, block_px: int) -> np.ndarray:
    """Mean of the block of each pixel of the rest, ``(n,)`` float64."""
    rows, columns = (np.arange(0, side, block_px) for side in image.shape)

    def total(values: np.ndarray) -> np.ndarray:
        along = np.add.reduceat(values, rows, axis=0, dtype=np.float64)
        return np.add.reduceat(along, columns, axis=1)

    with np.errstate(over="ignore", invalid="ignore"):
        means = total(np.where(rest, image, 0)) / np.maximum(total(rest), 1)
    each = means.repeat(block_px, axis=0)[: len(image)]
    return each.repeat(block_px, axis=1)[:, : image.shape[1]][rest]
