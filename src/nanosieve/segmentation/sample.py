"""Windows of a frame in which its settings are chosen, so that the choice costs no full pass."""

import numpy as np

from nanosieve.segmentation.kernels import shrink

_WINDOW = 512
_COUNT = 2
_SMALL = 1 << 20


def sample_windows(
    image: np.ndarray, valid: np.ndarray, *, whole: int = _SMALL
) -> list[tuple[slice, slice]]:
    """Choose the windows of most contrast, two of 512 px; all of a frame of at most ``whole`` px.

    A window without particles would say nothing of their size, so those where block means vary
    most come first. Ties go to the upper left, so the choice is reproducible.
    """
    if image.size <= whole:
        return [(slice(None), slice(None))]
    coarse = shrink(image, 4)
    known = shrink(valid, 4) > 0.99
    side = _WINDOW // 4
    found = []
    for top in range(0, coarse.shape[0] - side + 1, side):
        for left in range(0, coarse.shape[1] - side + 1, side):
            part = coarse[top : top + side, left : left + side]
            inside = part[known[top : top + side, left : left + side]]
            if inside.size > part.size // 2:
                found.append((-float(inside.std()), top * 4, left * 4))
    found.sort()
    return [
        (slice(top, top + _WINDOW), slice(left, left + _WINDOW)) for _, top, left in found[:_COUNT]
    ] or [(slice(None), slice(None))]
