"""What scanning does to positions: slow drift, which moves the truth too, and jitter of rows."""

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError

Drift = tuple[float, float]
"""How far the specimen moves down and to the right while a frame is scanned, over its height."""


def shear(array: np.ndarray, drift: Drift) -> np.ndarray:
    """Record an image, or its truth, row by row while the specimen drifts.

    The middle row is where it was. Intensity and truth of one image go through this function with
    the same ``drift``, so that they stay exact to each other.

    Parameters
    ----------
    array
        ``(y, x)``: floats are interpolated by cubic splines; bool and integers (labels) keep their
        values. Mirrored at the frame.
    drift
        See `Drift`; each below one half.

    Returns
    -------
    numpy.ndarray
        Of the same shape and dtype.

    Raises
    ------
    UsageError
        If the drift is half a frame or more.

    Examples
    --------
    >>> column = np.zeros((5, 5), bool)
    >>> column[:, 2] = True
    >>> shear(column, (0.0, 0.4)).argmax(axis=1).tolist()
    [1, 2, 2, 2, 3]
    """
    down, right = _checked(drift)
    if down == 0 and right == 0:
        return array
    middle = (array.shape[0] - 1) / 2
    matrix = np.array([[1 - down, 0.0], [-right, 1.0]])
    offset = np.array([down, right]) * middle
    is_float = np.issubdtype(array.dtype, np.floating)
    values = array if is_float else array.astype(np.int32)
    moved = ndimage.affine_transform(
        values, matrix, offset, order=3 if is_float else 0, mode="reflect"
    )
    return moved.astype(array.dtype, copy=False)


def shear_points(points: np.ndarray, height: int, drift: Drift) -> np.ndarray:
    """Where points of the specimen appear after `shear`.

    Parameters
    ----------
    points
        ``(n, 2)`` rows and columns in px.
    height
        Of the image in px.
    drift
        As given to `shear`.

    Raises
    ------
    UsageError
        If the drift is half a frame or more.

    Examples
    --------
    >>> shear_points(np.array([[4.0, 2.0]]), 5, (0.0, 0.4)).tolist()
    [[4.0, 2.8]]
    """
    down, right = _checked(drift)
    middle = (height - 1) / 2
    y = (points[:, 0] - down * middle) / (1 - down)
    return np.stack([y, points[:, 1] + right * (y - middle)], axis=1)


def displace_rows(image: np.ndarray, offsets_px: np.ndarray) -> np.ndarray:
    """Move each row to the right by its own offset, with cubic convolution (Keys, 1981).

    Parameters
    ----------
    image
        ``(y, x)`` float32, at the frame continued by its last pixel.
    offsets_px
        ``(y,)``.

    Examples
    --------
    >>> displace_rows(np.array([[0, 4, 0, 0]], np.float32), np.array([1.0])).tolist()
    [[0.0, 0.0, 4.0, 0.0]]
    """
    nx = image.shape[1]
    whole = np.floor(-offsets_px).astype(np.intp)
    t = (-offsets_px - whole).astype(np.float32)[:, np.newaxis]
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    most = int(np.abs(whole).max()) + 2
    padded = np.pad(image, ((0, 0), (most, most)), mode="edge")
    moved = np.zeros_like(image)
    # Few whole offsets differ, and rows that share one are cut out at once.
    for offset in np.unique(whole):
        rows = whole == offset
        for step, weight in enumerate(weights, start=-1):
            start = most + offset + step
            moved[rows] += weight[rows] * padded[rows, start : start + nx]
    return moved


def _checked(drift: Drift) -> Drift:
    if not (abs(drift[0]) < 0.5 and abs(drift[1]) < 0.5):
        raise UsageError(f"drift of {drift} frames: give less than half a frame")
    return drift
