"""One row for each particle: where it is, how large, which shape, how it stands out."""

from typing import Literal

import numpy as np
import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.core.flags import join_flags
from nanosieve.core.micrograph import Calibration
from nanosieve.core.schema import PARTICLE_COLUMNS, Unit, particle_columns
from nanosieve.measurement.ring import ring_statistics
from nanosieve.measurement.shape import Shapes, shapes
from nanosieve.measurement.strips import ranks, strips

# Groom et al., Ultramicroscopy 194, 25 (2018) keep isolated particles only; the two limits are
# those of AutoDetect-mNP, which takes the same decision.
SOLIDITY_AT_MOST = 0.9
CONVEXITY_AT_MOST = 0.8

_DTYPES = {
    "image": "str",
    "frame": "int64",
    "label": "int64",
    "touches_border": "bool",
    "isolated": "bool",
    "flags": "str",
}


def measure(  # noqa: PLR0913 - two images, two masks, and the names of the first columns
    labels: np.ndarray,
    image: np.ndarray,
    *,
    pixel_size_nm: float | None = None,
    excluded: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    certainty: np.ndarray | None = None,
    split_labels: frozenset[int] = frozenset(),
    image_name: str = "image",
    frame: int = 0,
) -> pd.DataFrame:
    """Measure every particle of one frame.

    Parameters
    ----------
    labels
        ``(y, x)`` integers: 0 background; labels need not be consecutive.
    image
        ``(y, x)`` grey values as the file has them: intensities come in the same units. NaN and
        infinite pixels count towards shapes, not towards intensities.
    pixel_size_nm
        Side of a pixel in nm; ``None`` gives lengths in pixels.
    excluded
        ``(y, x)`` bool, pixels left out of the analysis.
    confidence
        ``(y, x)`` in [0, 1]: the column is its mean over the particle, blank (NaN) without it.
    certainty
        ``(n,)`` of labels 1..n, in [0, 1]; where given, it is the column instead.
    split_labels
        Labels that were split from a touching neighbour.
    image_name, frame
        Written in the first two columns.

    Returns
    -------
    DataFrame
        One row a particle, by label; columns `nanosieve.core.schema.particle_columns`. No
        particle gives an empty table with the same columns and dtypes.

    Raises
    ------
    UsageError
        If arrays differ in shape, ``labels`` are no non-negative integers, or the pixel size is
        not a positive number.

    Notes
    -----
    Conventions of calipers, perimeter and solidity: `nanosieve.measurement.shape.shapes`; of the
    ring: `nanosieve.measurement.ring.ring_statistics`. A particle is ``isolated`` if no border
    or excluded region cuts it, it was not split from a neighbour, and it is convex: solidity
    above 0.9 and convexity (hull perimeter / perimeter) above 0.8.

    Examples
    --------
    >>> labels = np.zeros((20, 20), np.int32)
    >>> labels[5:15, 5:9] = 3
    >>> table = measure(labels, np.where(labels, 40, 60), pixel_size_nm=0.5)
    >>> table.loc[0, ["label", "area_nm2", "orientation_deg", "contrast"]].tolist()
    [3.0, 10.0, 90.0, -0.2]
    """
    labels, image = np.asarray(labels), np.asarray(image)
    _same_shape(labels, image=image, excluded=excluded, confidence=confidence)
    calibration = Calibration(pixel_size_nm, "unknown" if pixel_size_nm is None else "user")
    found = shapes(labels)
    inside = _mean_inside(labels, image, found.labels)
    ring = ring_statistics(labels, image, found.extents, found.diameter, excluded=excluded)
    reasons = _reasons(found, labels, excluded, split_labels)
    difference, total = inside - ring.mean, inside + ring.mean
    blank = np.full(found.labels.size, np.nan)
    columns = {
        "image": image_name,
        "frame": frame,
        "label": found.labels,
        "y": found.y,
        "x": found.x,
        "area": found.area,
        "diameter": found.diameter,
        "feret_max": found.feret_max,
        "feret_min": found.feret_min,
        "perimeter": found.perimeter,
        "circularity": found.circularity,
        "solidity": found.solidity,
        "eccentricity": found.eccentricity,
        "orientation_deg": found.orientation_deg,
        "mean_intensity": inside,
        "contrast": np.divide(difference, total, out=blank.copy(), where=total > 0),
        "cnr": np.divide(difference, ring.std, out=blank.copy(), where=ring.std > 0),
        "touches_border": reasons["border"],
        "isolated": ~np.any(list(reasons.values()), axis=0),
        "confidence": _confidence(labels, found.labels, confidence, certainty),
        "flags": _flag_cells(reasons),
    }
    return _table(columns, found.labels.size, calibration)


def empty_table(unit: Unit) -> pd.DataFrame:
    """Particle table without a row: the columns and dtypes of `measure`.

    >>> len(empty_table("nm")), empty_table("px").columns[5]
    (0, 'area_px2')
    """
    return pd.DataFrame(
        {
            column.name(unit): pd.Series(dtype=_DTYPES.get(column.stem, "float64"))
            for column in PARTICLE_COLUMNS
        }
    )


def _table(columns: dict, n: int, calibration: Calibration) -> pd.DataFrame:
    """Scale lengths to the unit, name and order the columns."""
    unit = calibration.unit
    if n == 0:
        return empty_table(unit)
    scaled = {
        column.name(unit): columns[column.stem] * calibration.scale**column.length
        if column.length
        else columns[column.stem]
        for column in PARTICLE_COLUMNS
    }
    table = pd.DataFrame(scaled, index=pd.RangeIndex(n), columns=particle_columns(unit))
    return table.astype(
        {column.name(unit): _DTYPES.get(column.stem, "float64") for column in PARTICLE_COLUMNS}
    )


def _same_shape(labels: np.ndarray, **others: np.ndarray | None) -> None:
    for name, other in others.items():
        if other is not None and np.shape(other) != labels.shape:
            raise UsageError(
                f"{name} must have the labels' shape {labels.shape}, got {np.shape(other)}"
            )


def _confidence(
    labels: np.ndarray,
    values: np.ndarray,
    confidence: np.ndarray | None,
    certainty: np.ndarray | None,
) -> np.ndarray:
    """Confidence of the particles ``values``: their certainty, else the mean of their pixels."""
    if certainty is not None:
        largest = int(values.max(initial=0))
        if len(certainty) < largest:
            raise UsageError(
                f"certainty has {len(certainty)} values, but the largest label is {largest}; give "
                "one for each of the labels 1..n"
            )
        return np.asarray(certainty, float)[values - 1]
    if confidence is None:
        return np.full(values.size, np.nan)
    return _mean_inside(labels, np.asarray(confidence), values)


def _mean_inside(labels: np.ndarray, grey: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of the finite pixels of each particle, accumulated in float64; NaN if it has none."""
    n = values.size
    count, total = np.zeros(n), np.zeros(n)
    for rows, _, _ in strips(labels.shape):
        inside = labels[rows] > 0
        owner = ranks(values, labels[rows][inside])
        taken = grey[rows][inside].astype(np.float64)
        finite = np.isfinite(taken)
        if not finite.all():
            owner, taken = owner[finite], taken[finite]
        count += np.bincount(owner, minlength=n)
        total += np.bincount(owner, weights=taken, minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def _reasons(
    found: Shapes,
    labels: np.ndarray,
    excluded: np.ndarray | None,
    split_labels: frozenset[int],
) -> dict[Literal["border", "mask_edge", "overlap", "non_convex"], np.ndarray]:
    """Why a particle is not isolated: a bool array for each flag."""
    height, width = labels.shape
    border = (found.top == 0) | (found.left == 0)
    border |= (found.bottom == height - 1) | (found.right == width - 1)
    cut = np.zeros(found.labels.size, bool)
    if excluded is not None:
        cut[ranks(found.labels, _beside(labels, np.asarray(excluded, bool)))] = True
    return {
        "border": border,
        "mask_edge": cut,
        "overlap": np.isin(found.labels, list(split_labels)),
        "non_convex": (found.solidity <= SOLIDITY_AT_MOST) | (found.convexity <= CONVEXITY_AT_MOST),
    }


def _beside(labels: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Labels with a pixel in or next to (8 neighbours) an excluded pixel."""
    beside: list[np.ndarray] = [np.zeros(0, labels.dtype)]
    for _, wide, inner in strips(labels.shape, halo=1):
        if excluded[wide].any():
            padded = np.pad(excluded[wide], 1)
            wider = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
            wider = wider[:-2] | wider[1:-1] | wider[2:]
            beside.append(np.unique(labels[wide][inner][wider[inner]]))
    unique = np.unique(np.concatenate(beside))
    return unique[unique > 0]


def _flag_cells(reasons: dict) -> np.ndarray:
    """Codes joined by ``;`` for each particle."""
    codes = list(reasons)
    bits = sum(reasons[code].astype(np.int64) << i for i, code in enumerate(codes))
    cells = [
        join_flags(code for i, code in enumerate(codes) if number >> i & 1)
        for number in range(2 ** len(codes))
    ]
    return np.array(cells, object)[bits]
