"""Where the pixels of a tile are taken from: whole pixels exactly, or one resampling of the frame.

A turned tile shows what lies beside it in the frame; only beyond the frame is the image mirrored,
and there nothing counts. So no tile has borders of its own making, and no lattice jumps in phase.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from nanosieve.training.targets import CLASS_BITS, IGNORED_BIT


@dataclass(frozen=True)
class Geometry:
    """One draw of the changes that move pixels.

    Parameters
    ----------
    turns
        Quarter turns counter-clockwise, 0 to 3, after all else.
    mirrored
        Whether left and right are then exchanged.
    shift
        ``(y, x)`` whole pixels that the tile is moved by in its frame.
    matrix
        ``(2, 2)`` from offsets ``(y, x)`` in the tile to offsets in the frame; ``None`` leaves
        pixels as they are.
    wrapped
        Resample as in published code: see `nanosieve.training.augment_config.AugmentConfig`.
    """

    turns: int = 0
    mirrored: bool = False
    shift: tuple[int, int] = (0, 0)
    matrix: np.ndarray | None = None
    wrapped: bool = False


STRAIGHT = Geometry()


def frame_from_tile(rotation: float, shear: float, scale: float) -> np.ndarray:
    """Matrix of a rotation and a shear (degrees) and a magnification.

    Parameters
    ----------
    rotation
        Counter-clockwise, as the picture is looked at.
    shear
        Rows slide along x.
    scale
        Above 1 the picture becomes larger.

    Returns
    -------
    numpy.ndarray
        ``(2, 2)``, from offsets ``(y, x)`` in the changed picture to those in the original.

    Examples
    --------
    >>> frame_from_tile(90, 0, 2).round(6) + 0.0  # what is at the top was on the right
    array([[ 0. ,  0.5],
           [-0.5,  0. ]])
    """
    angle = np.deg2rad(rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slide = np.array([[1.0, 0.0], [np.tan(np.deg2rad(shear)), 1.0]])
    return np.linalg.inv(scale * turn @ slide)


def take(
    image: np.ndarray,
    codes: np.ndarray,
    corner: tuple[int, int],
    size: int,
    geometry: Geometry = STRAIGHT,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a tile, turned and stretched as drawn.

    Parameters
    ----------
    image
        ``(y, x)`` float32, the whole frame; linearly interpolated where resampled.
    codes
        ``(y, x)`` uint8 truth; always the nearest pixel's.
    corner
        ``(y, x)`` of the tile's upper left pixel before it is moved.
    size
        Side of the tile, px. The frame may be smaller.
    geometry
        What was drawn. A shift never moves a tile out of a frame that holds it.

    Returns
    -------
    image, codes, inside
        ``(size, size)`` float32, uint8, and bool: False beyond the frame.
    """
    rows, columns = (
        _moved(start, shift, size, length)
        for start, shift, length in zip(corner, geometry.shift, image.shape, strict=True)
    )
    if geometry.matrix is None or geometry.wrapped:
        tile, truth, inside = _cut(image, codes, (rows, columns), size)
        if geometry.matrix is not None:
            tile, truth, inside = _wrapped(tile, truth, inside, geometry.matrix)
    else:
        tile, truth, inside = _resampled(image, codes, (rows, columns), size, geometry.matrix)
    return (
        _turned(tile, geometry),
        _turned(truth, geometry),
        _turned(inside, geometry),
    )


def _moved(start: int, shift: int, size: int, length: int) -> int:
    return start if length <= size else min(max(start + shift, 0), length - size)


def _cut(
    image: np.ndarray, codes: np.ndarray, corner: tuple[int, int], size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, x = (np.arange(start, start + size) for start in corner)
    inside = _within(y, image.shape[0])[:, None] & _within(x, image.shape[1])
    at = np.ix_(_mirrored(y, image.shape[0]), _mirrored(x, image.shape[1]))
    return image[at], codes[at], inside


def _resampled(
    image: np.ndarray,
    codes: np.ndarray,
    corner: tuple[int, int],
    size: int,
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = image.shape
    middle = (size - 1) / 2
    offset = (np.arange(size) - middle).astype(np.float32)
    (yy, yx), (xy, xx) = matrix.astype(np.float32)
    y = np.float32(corner[0] + middle) + yy * offset[:, None] + yx * offset
    x = np.float32(corner[1] + middle) + xy * offset[:, None] + xx * offset
    # torch's place of a pixel's centre: -1 and 1 are the outer edges of the frame.
    grid = torch.from_numpy(np.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], axis=-1))
    tile = functional.grid_sample(
        torch.from_numpy(image)[None, None],
        grid[None],
        mode="bilinear",
        padding_mode="reflection",
        align_corners=False,
    )
    near_y, near_x = (np.floor(place + np.float32(0.5)).astype(np.int32) for place in (y, x))
    inside = _within(near_y, height) & _within(near_x, width)
    truth = codes[_mirrored(near_y, height), _mirrored(near_x, width)]
    return tile[0, 0].numpy(), truth, inside


def _wrapped(
    tile: np.ndarray, codes: np.ndarray, inside: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample a tile of itself alone, repeated beyond its borders."""
    middle = (np.array(tile.shape) - 1) / 2

    def resampled(plane: np.ndarray, order: int) -> np.ndarray:
        return ndimage.affine_transform(
            plane, matrix, middle - matrix @ middle, order=order, mode="grid-wrap"
        )

    truth = resampled(codes, 0)
    # A whole number is left only where all pixels that are interpolated are particle.
    particle = resampled((codes & CLASS_BITS > 0).astype(np.float32), 1) > 1 - 1e-4
    truth[~particle] &= IGNORED_BIT
    return resampled(tile, 1), truth, resampled(inside, 0)


def _within(places: np.ndarray, length: int) -> np.ndarray:
    return (places >= 0) & (places < length)


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Indices beyond the frame, mirrored about its outer edge as often as needed."""
    period = places % (2 * length)
    return np.where(period < length, period, 2 * length - 1 - period)


def _turned(tile: np.ndarray, geometry: Geometry) -> np.ndarray:
    turned = np.rot90(tile, geometry.turns)
    return np.ascontiguousarray(turned[:, ::-1] if geometry.mirrored else turned)
