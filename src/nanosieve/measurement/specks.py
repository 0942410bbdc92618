"""Specks: detections far smaller than the particles that hold the area; dirt, perhaps."""

import numpy as np

# Of the diameter at which half of the area lies in smaller particles.
_FAR = 0.25
_FEWEST, _SHARE = 3, 0.05


def specks(diameters: np.ndarray) -> tuple[int, float]:
    """Count particles that pull the number-weighted mean and hold next to no area.

    Two real populations look the same, so nothing is left out because of this; whoever reads the
    mean should know.

    Parameters
    ----------
    diameters
        ``(n,)`` in any unit.

    Returns
    -------
    int
        How many are narrower than a quarter of the diameter at which half of the area lies in
        smaller particles; 0 where they are fewer than three or than 5 % of all.
    float
        That quarter, in the unit of the diameters; NaN without particles.

    Examples
    --------
    >>> specks(np.array([80.0] * 20 + [4, 5, 6]))
    (3, 20.0)
    >>> specks(np.array([10.0, 8, 12, 7]))
    (0, 2.5)
    """
    if not diameters.size:
        return 0, np.nan
    ordered = np.sort(np.asarray(diameters, float))
    area = np.cumsum(ordered**2)
    limit = _FAR * float(ordered[np.searchsorted(area, area[-1] / 2)])
    count = int(np.searchsorted(ordered, limit))
    return (count if count >= max(_FEWEST, _SHARE * ordered.size) else 0), limit
