"""Row strips of bounded size, so that a frame of any size is measured in little memory."""

from collections.abc import Iterator

import numpy as np

# Pixels in one strip: keeps the working memory at some 100 MB whatever the size of the frame.
_STRIP_PX = 4_000_000


def strips(shape: tuple[int, ...], halo: int = 0) -> Iterator[tuple[slice, slice, slice]]:
    """Cut the rows of an image into strips of bounded size.

    Parameters
    ----------
    shape
        ``(y, x)``.
    halo
        Rows that a strip needs above and below itself.

    Yields
    ------
    rows, wide, inner
        Rows of the strip; the same widened by ``halo`` within the image; and the rows of the
        strip counted within the widened one.

    Examples
    --------
    >>> list(strips((3, 10), halo=2))
    [(slice(0, 3, None), slice(0, 3, None), slice(0, 3, None))]
    """
    height, width = shape
    step = max(1, _STRIP_PX // max(width, 1))
    for start in range(0, height, step):
        stop = min(start + step, height)
        wide = slice(max(start - halo, 0), min(stop + halo, height))
        yield slice(start, stop), wide, slice(start - wide.start, stop - wide.start)


def ranks(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Index of each of ``labels`` in the ascending ``values``, which hold them all.

    >>> ranks(np.array([3, 7, 9]), np.array([9, 3, 3])).tolist()
    [2, 0, 0]
    """
    if values.size and values[-1] == values.size:  # 1..n without gaps
        return labels.astype(np.int64) - 1
    return np.searchsorted(values, labels)
