"""Whether images are alike enough for one mean of their sizes to mean anything."""

from collections.abc import Sequence

import numpy as np

from nanosieve.batch.sizes import Sizes
from nanosieve.batch.store import Record
from nanosieve.report.text import number

_FACTOR = 2.0
# Fewer particles do not tell a specimen's sizes from chance.
_FEWEST = 10


def differences(records: Sequence[Record], sizes: Sequence[Sizes]) -> tuple[str, ...]:
    """Say in what images differ so much that pooling them mixes unlike samples.

    Magnification: pixel sizes that differ by more than a factor of 2. Mode: more than one stated.
    Particles: dark in some and bright in others. Diameter: medians that differ by more than a
    factor of 2 between two images (of at least 10 particles each) whose middle halves do not
    overlap.

    Parameters
    ----------
    records, sizes
        The results and their sizes, in one order and one unit.

    Returns
    -------
    tuple of str
        E.g. ``("magnification (pixel size 0.1 to 2 nm)",)``; empty where all are alike.
    """
    rows = [record.rows[0] for record in records]
    found = []
    pixels = [row["pixel_size_nm"] for row in rows if row["pixel_size_nm"] is not None]
    if pixels and max(pixels) > _FACTOR * min(pixels):
        found.append(f"magnification (pixel size {_range(min(pixels), max(pixels))} nm)")
    modes = sorted({row["mode"] for row in rows if row["mode"]})
    if len(modes) > 1:
        found.append(f"mode ({', '.join(modes)})")
    if len({row["polarity"] for row in rows if row["polarity"]}) > 1:
        found.append("contrast (dark and bright particles)")
    ends = _unlike_diameters([one.diameter for one in sizes])
    if ends:
        found.append(f"particle size (median diameter {_range(*ends)} {sizes[0].unit})")
    return tuple(found)


def _unlike_diameters(diameters: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """Smallest and largest median of the images, if these two are unlike."""
    quartiles = [np.quantile(one, (0.25, 0.5, 0.75)) for one in diameters if len(one) >= _FEWEST]
    if not quartiles:
        return None
    low = min(quartiles, key=lambda three: three[1])
    high = max(quartiles, key=lambda three: three[1])
    unlike = high[1] > _FACTOR * low[1] and high[0] > low[2]
    return (float(low[1]), float(high[1])) if unlike else None


def _range(low: float, high: float) -> str:
    return f"{number(low)} to {number(high)}"
