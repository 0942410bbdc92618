"""NaN and infinite pixels: filled from their surroundings before a method sees them."""

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import FailedInput


def fill_invalid(image: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Replace NaN and infinite pixels by the mean of the finite ones around them.

    The window is the smallest of 3, 9, 27, ... pixels that holds a finite one.

    Parameters
    ----------
    image
        ``(y, x)``, any real dtype, with at least one finite pixel.

    Returns
    -------
    image
        The same array where nothing is invalid, else a float32 copy.
    invalid
        ``(y, x)`` bool; ``None`` where nothing is invalid.

    Raises
    ------
    FailedInput
        If no pixel is finite.

    Examples
    --------
    >>> fill_invalid(np.array([[1.0, np.nan, 3.0]]))[0].tolist()
    [[1.0, 2.0, 3.0]]
    """
    if image.dtype.kind != "f":
        return image, None
    invalid = ~np.isfinite(image)
    if not invalid.any():
        return image, None
    if invalid.all():
        raise FailedInput("every pixel is NaN or infinite; there is no image in it")
    # Values relative to a finite one: a window's sum then loses no digits to a large offset.
    offset = image.flat[int(np.argmin(invalid))]
    values = np.where(invalid, 0, image - offset).astype(np.float32)
    weight = (~invalid).astype(np.float32)
    left, size = invalid.copy(), 3
    while left.any():
        share = ndimage.uniform_filter(weight, size, mode="constant")
        total = ndimage.uniform_filter(values * weight, size, mode="constant")
        # Half a pixel's weight: running sums leave rounding errors where there is nothing.
        near = left & (share * float(size) ** 2 > 0.5)
        values[near] = total[near] / share[near]
        left &= ~near
        size *= 3
    return values + np.float32(offset), invalid
