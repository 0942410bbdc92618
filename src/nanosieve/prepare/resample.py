"""Images at another pixel size, and labels back on the image's own grid."""

import math

import numpy as np
from PIL import Image

from nanosieve.core.errors import RefusedInput, UsageError

PixelSize = float | tuple[float, float]


def resample(image: np.ndarray, from_nm: PixelSize, to_nm: float) -> np.ndarray:
    """Resample an image to square pixels of a given size.

    The pixel size is met exactly: the first pixel's outer corner stays, and what is left of the
    last row and column when no whole pixel of the new size fits is dropped. The kernel is a
    triangle as wide as two pixels of the coarser grid: linear interpolation where pixels become
    smaller; where they become larger, an average that lets no finer detail fold back. It is
    positive, so that edges do not ring.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels.
    from_nm
        Pixel size of the image in nm, or ``(y, x)`` of unequal ones.
    to_nm
        Pixel size wanted, in nm.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32. One float32 copy of the image lives while it is made.

    Raises
    ------
    UsageError
        If a pixel size is not a positive number.
    RefusedInput
        If the image is smaller than one pixel of the new size.

    Examples
    --------
    >>> image = np.array([[0, 0, 6, 6], [0, 0, 6, 6]], np.uint16)
    >>> resample(image, (2.0, 1.0), 2.0).shape
    (2, 2)
    >>> resample(image, 1.0, 1.0)
    array([[0., 0., 6., 6.],
           [0., 0., 6., 6.]], dtype=float32)
    """
    ratios = _ratios(from_nm, to_nm)
    # 1e-6 of a pixel: a whole number of pixels must survive the rounding of the ratio.
    ny, nx = (int(n / ratio + 1e-6) for n, ratio in zip(image.shape, ratios, strict=True))
    if min(ny, nx) < 1:
        extent = " x ".join(
            f"{n / r * to_nm:.4g}" for n, r in zip(image.shape, ratios, strict=True)
        )
        raise RefusedInput(
            f"the image is {extent} nm (y, x), less than one pixel of {to_nm:g} nm; "
            "resample to a smaller pixel size"
        )
    within = (
        min(n * r, full)
        for n, r, full in zip((nx, ny), ratios[::-1], image.shape[::-1], strict=True)
    )
    values = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32))
    resized = values.resize((nx, ny), Image.Resampling.BILINEAR, box=(0.0, 0.0, *within))
    return np.array(resized)


def resample_labels_back(
    labels: np.ndarray, shape: tuple[int, int], from_nm: PixelSize, to_nm: float
) -> np.ndarray:
    """Bring labels of a resampled image back to the grid of the image itself.

    Parameters
    ----------
    labels
        ``(y, x)`` integers on the grid that ``resample(image, from_nm, to_nm)`` gave.
    shape
        Shape of ``image``.
    from_nm, to_nm
        As given to `resample`.

    Returns
    -------
    numpy.ndarray
        ``shape``, dtype of ``labels``: the label of the resampled pixel that holds each pixel's
        centre, or the nearest one in the rows and columns that `resample` dropped.

    Raises
    ------
    UsageError
        If a pixel size is not a positive number.

    Examples
    --------
    >>> resample_labels_back(np.array([[0, 7]]), (2, 5), 1.0, 2.0)
    array([[0, 0, 7, 7, 7],
           [0, 0, 7, 7, 7]])
    """
    y, x = (
        np.minimum((np.arange(n) + 0.5) / ratio, last - 1).astype(int)
        for n, ratio, last in zip(shape, _ratios(from_nm, to_nm), labels.shape, strict=True)
    )
    return labels[y][:, x]


def resample_back(
    values: np.ndarray,
    shape: tuple[int, int],
    from_nm: PixelSize,
    to_nm: float,
    *,
    rows: slice | None = None,
) -> np.ndarray:
    """Bring values that vary smoothly, as a probability does, back to the grid of the image.

    Parameters
    ----------
    values
        ``(y, x)`` floats on the grid that ``resample(image, from_nm, to_nm)`` gave.
    shape
        Shape of ``image``.
    from_nm, to_nm
        As given to `resample`.
    rows
        Only these rows of the result, for which nothing of the size of the image is allocated.

    Returns
    -------
    numpy.ndarray
        ``shape`` float32, by linear interpolation between pixel centres; beyond the outermost
        ones, and in the rows and columns that `resample` dropped, the nearest value.

    Raises
    ------
    UsageError
        If a pixel size is not a positive number.

    Examples
    --------
    >>> resample_back(np.array([[0.0, 1.0]]), (2, 4), 1.0, 2.0)[0]
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    first, last, _ = (rows or slice(None)).indices(shape[0])
    ratio_y, ratio_x = _ratios(from_nm, to_nm)
    # `resample` rounds whole numbers of pixels down by up to a millionth.
    height, width = (
        math.ceil(n / ratio - 1e-6) for n, ratio in zip(shape, (ratio_y, ratio_x), strict=True)
    )
    # The kernel reaches one pixel of the coarser grid beyond the rows that are asked for.
    reach = math.ceil(max(1, 1 / ratio_y)) + 1
    above = max(0, math.floor(first / ratio_y) - reach)
    below = min(height, math.ceil(last / ratio_y) + reach)
    part = np.asarray(values[above:below], np.float32)
    missing = (below - above - part.shape[0], max(0, width - values.shape[1]))
    whole = Image.fromarray(np.pad(part, [(0, n) for n in missing], mode="edge"))
    box = (
        0.0,
        first / ratio_y - above,
        min(shape[1] / ratio_x, whole.width),
        min(last / ratio_y - above, whole.height),
    )
    resized = whole.resize((shape[1], last - first), Image.Resampling.BILINEAR, box=box)
    return np.array(resized)


def _ratios(from_nm: PixelSize, to_nm: float) -> tuple[float, float]:
    """New pixel size over the old one, along y and x."""
    old = from_nm if isinstance(from_nm, tuple) else (from_nm, from_nm)
    if not all(np.isfinite(size) and size > 0 for size in (*old, to_nm)):
        raise UsageError(f"pixel sizes must be positive numbers of nm, got {from_nm} and {to_nm}")
    return to_nm / old[0], to_nm / old[1]
