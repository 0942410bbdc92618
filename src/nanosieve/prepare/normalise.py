"""Grey values on a common scale: per image, or by the maximum of a data set."""

import numpy as np

from nanosieve.core.errors import UsageError


def standardise(image: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Shift and scale an image to mean 0 and standard deviation 1.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels.
    valid
        ``(y, x)`` bool, pixels over which mean and deviation are taken; all where ``None``.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, the one array allocated; zeros where the image is constant.

    Examples
    --------
    >>> standardise(np.array([[1, 3]], np.uint8))
    array([[-1.,  1.]], dtype=float32)
    """
    where = np.True_ if valid is None else valid
    mean = float(image.mean(dtype=float, where=where))
    result = image.astype(np.float32)
    result -= np.float32(mean)
    std = float(np.sqrt(np.mean(np.square(result), dtype=float, where=where)))
    if std > 0:
        result /= np.float32(std)
    return result


def scale_to_maximum(image: np.ndarray, maximum: float) -> np.ndarray:
    """Divide by the largest grey value of the whole data set, so that images stay comparable.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels.
    maximum
        Largest value of the data set, in the image's own units.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, at most 1 where ``maximum`` is the data set's.

    Raises
    ------
    UsageError
        If ``maximum`` is not a positive number.

    Examples
    --------
    >>> scale_to_maximum(np.array([[50, 200]]), 200)
    array([[0.25, 1.  ]], dtype=float32)
    """
    if not (np.isfinite(maximum) and maximum > 0):
        raise UsageError(f"the maximum of the data set must be a positive number, got {maximum!r}")
    return np.divide(image, np.float32(maximum), dtype=np.float32)
