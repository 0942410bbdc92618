"""Exact halo tiles: an image of any size through a network of fixed reach, part by part.

A pixel of the output depends on no pixel of the input further off than the reach of the network:
half its receptive field, and where pooling cells begin less than one stride more. With a halo of
that width around what is kept of each tile, and tiles that begin on multiples of the stride, the
parts put together are the output of the whole image; at the image's own borders a tile ends where
the image ends, so that the network pads it as it would pad the whole.
"""

from dataclasses import dataclass

import numpy as np

# An image up to this size is one tile: halos cost more than its memory.
WHOLE_PIXELS = 2048**2
# Of larger ones: smaller tiles spend more on their halos, larger ones more memory.
SMALLEST_SIDE = 1280
LARGEST_SIDE = 2048
_HALOS_A_SIDE = 8


@dataclass(frozen=True)
class Tile:
    """One tile.

    Parameters
    ----------
    source
        Pixels that the network sees; may go beyond the image by less than a stride.
    core
        Pixels of the image that are kept.
    inner
        The same, counted in the tile.
    """

    source: tuple[slice, slice]
    core: tuple[slice, slice]
    inner: tuple[slice, slice]


def halo_of(receptive_field: int, stride: int, reach: int | None = None) -> int:
    """Width of the halo in px, in whole strides; never less than half the receptive field.

    Where the reach is not known, half the receptive field and one stride.

    >>> halo_of(44, 4), halo_of(44, 4, reach=23), halo_of(1, 1)
    (28, 24, 2)
    """
    half = -(-receptive_field // 2)
    return _up(half + stride if reach is None else max(half, reach), stride)


def side_of(halo: int, stride: int) -> int:
    """Largest side of a tile in px: eight halos, 1280 to 2048 px as far as the halo allows.

    >>> side_of(28, 4), side_of(200, 8), side_of(1200, 16)
    (1280, 1600, 4800)
    """
    wanted = min(max(_HALOS_A_SIDE * halo, SMALLEST_SIDE), LARGEST_SIDE)
    return _up(max(wanted, 4 * halo), stride)


def tiles(shape: tuple[int, int], *, halo: int, stride: int, side: int | None) -> list[Tile]:
    """Divide an image; all tiles have one shape.

    Parameters
    ----------
    shape
        ``(y, x)`` of the image.
    halo, stride
        Whole strides; px.
    side
        Largest side of a tile, in whole strides and more than two halos; ``None`` for one tile.

    Examples
    --------
    >>> [(t.source[1], t.core[1]) for t in tiles((8, 30), halo=4, stride=4, side=28)]
    [(slice(0, 20, None), slice(0, 16, None)), (slice(12, 32, None), slice(16, 30, None))]
    """
    rows, columns = (_parts(size, halo, stride, side) for size in shape)
    return [
        Tile((y[0], x[0]), (y[1], x[1]), (y[2], x[2]))  # one axis each
        for y in rows
        for x in columns
    ]


def cut(image: np.ndarray, tile: Tile) -> np.ndarray:
    """Pixels of a tile, mirrored beyond the image; ``(y, x)`` float32, contiguous."""
    part = np.ascontiguousarray(image[tile.source], dtype=np.float32)
    missing = [
        (0, want.stop - want.start - have)
        for want, have in zip(tile.source, part.shape, strict=True)
    ]
    return np.pad(part, missing, mode="symmetric") if any(map(any, missing)) else part


def _parts(size: int, halo: int, stride: int, side: int | None) -> list[tuple[slice, slice, slice]]:
    """Source, core and inner of each tile along one axis."""
    padded = _up(size, stride)
    if side is None or side >= padded:
        side = padded
    else:
        # As few tiles as the largest side allows, all as small as that many allow.
        count = -(-(padded - 2 * halo) // (side - 2 * halo))
        side = _up(-(-(padded - 2 * halo) // count), stride) + 2 * halo
    starts = [0]
    while starts[-1] + side < padded:
        starts.append(min(starts[-1] + side - 2 * halo, padded - side))
    edges = [0, *(start + halo for start in starts[1:]), size]
    return [
        (
            slice(start, start + side),
            slice(first, last),
            slice(first - start, last - start),
        )
        for start, first, last in zip(starts, edges[:-1], edges[1:], strict=True)
    ]


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
