"""What is true of bodies in a frame: where they lie in it, and which of them overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from nanosieve.simulation.detector.scan import Drift, shear_points
from nanosieve.simulation.projected.bodies import Body
from nanosieve.simulation.visibility import Boxed


@dataclass(frozen=True)
class Placed:
    """A body as one frame shows it.

    Parameters
    ----------
    body
        In the scene.
    at
        Where it lies in the frame, and its outline there.
    centre_px, diameter_px
        Of the whole body, in the frame's pixels.
    """

    body: Body
    at: Boxed
    centre_px: tuple[float, float]
    diameter_px: float


class Outlines(Sequence[np.ndarray]):
    """Outlines as whole images, each made when it is asked for: thousands take no memory.

    Examples
    --------
    >>> one = Outlines((3, 4), [Boxed((slice(0, 1), slice(1, 3)), np.ones((1, 2), bool))])
    >>> one[0].astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    """

    def __init__(self, shape: tuple[int, int], boxed: list[Boxed]) -> None:
        self._shape, self._boxed = shape, boxed

    def __len__(self) -> int:
        return len(self._boxed)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> "Outlines": ...
    def __getitem__(self, index: int | slice) -> "np.ndarray | Outlines":
        if isinstance(index, slice):
            return Outlines(self._shape, self._boxed[index])
        box, outline = self._boxed[index]
        whole = np.zeros(self._shape, bool)
        whole[box] = outline
        return whole


def in_frame(
    bodies: Sequence[Body], corner: tuple[int, int], shape: tuple[int, int], drift: Drift
) -> list[Placed]:
    """Cut bodies to a frame that begins at ``corner`` of the field; those outside are left out.

    Parameters
    ----------
    drift
        Of a scanned frame: `nanosieve.simulation.detector.scan.shear`.
    """
    found = []
    for body in bodies:
        offset = body.box[0].start - corner[0], body.box[1].start - corner[1]
        at = _sheared(body.outline, offset, shape, drift)
        if not at.outline.any():
            continue
        centre = np.array([body.centre_px], float) - corner
        y, x = shear_points(centre, shape[0], drift)[0]
        diameter = float(body.diameter_px / np.sqrt(1 - drift[0]))
        found.append(Placed(body, at, (float(y), float(x)), diameter))
    return found


def overlapped(placed: Sequence[Placed], shape: tuple[int, int]) -> list[bool]:
    """Tell for each body whether its outline shares pixels with another's."""
    crowd = np.zeros(shape, np.uint16)
    for one in placed:
        crowd[one.at.box] += one.at.outline
    return [bool((crowd[one.at.box][one.at.outline] > 1).any()) for one in placed]


def _sheared(
    mask: np.ndarray, offset: tuple[int, int], shape: tuple[int, int], drift: Drift
) -> Boxed:
    """Mask at ``offset`` of the frame, cut to it; sheared as whole label images are."""
    if drift == (0.0, 0.0):
        return _cut(mask, offset, shape)
    down, right = drift
    middle = (shape[0] - 1) / 2
    corners = np.array([offset, (offset[0] + mask.shape[0], offset[1] + mask.shape[1])], float)
    reach = np.ceil(np.abs(np.array([down, right])) * shape[0] / 2 + 1)
    low = np.clip(corners[0] - reach, 0, shape).astype(int)
    high = np.clip(corners[1] + reach, low, shape).astype(int)
    box = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
    rows = np.arange(low[0], high[0])[:, np.newaxis]
    columns = np.arange(low[1], high[1])[np.newaxis, :]
    y = np.floor((1 - down) * rows + down * middle - offset[0] + 0.5).astype(int)
    x = np.floor(columns - right * (rows - middle) - offset[1] + 0.5).astype(int)
    y = np.broadcast_to(y, x.shape)
    within = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
    cut = np.zeros(x.shape, bool)
    cut[within] = mask[y[within], x[within]]
    return Boxed(box, cut)


def _cut(mask: np.ndarray, offset: tuple[int, int], shape: tuple[int, int]) -> Boxed:
    """Mask at ``offset`` of the frame, cut to it."""
    starts = [min(max(a, 0), full) for a, full in zip(offset, shape, strict=True)]
    stops = [
        max(min(a + n, full), start)
        for a, n, full, start in zip(offset, mask.shape, shape, starts, strict=True)
    ]
    rows, columns = (slice(start, stop) for start, stop in zip(starts, stops, strict=True))
    top, left = offset
    return Boxed(
        (rows, columns),
        mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left],
    )
