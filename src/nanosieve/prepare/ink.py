"""Drawn strokes: connected patches of near-extreme grey, described by shape and sharpness.

What is drawn on a micrograph afterwards (letters, bars) has one grey value and edges of one or two
pixels; what the microscope imaged is blurred by its optics and detector, and noisy.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy import ndimage

Colour = Literal["black", "white"]

_CELLS = 32  # cells along the shorter side; the local background is taken on their means
_WINDOW = 9  # cells; wider than letters and most particles, so that they do not become background
_MIN_AREA = 10  # px; a comma of the smallest legible caption
_MAX_SHARE = 0.05  # of the frame; a letter is smaller
_MIN_SPAN = 0.25  # of the range of grey; less contrast is not a caption meant to be read
_TAIL = 2e-4  # share of pixels allowed beyond an extreme: X-rays and dead pixels


def extremes(image: np.ndarray) -> tuple[float, float]:
    """Grey values that all but a share of 2e-4 of the pixels reach at most, lowest and highest."""
    k = int(image.size * _TAIL)
    if image.dtype.kind == "u" and image.dtype.itemsize <= 2:
        counts = np.cumsum(np.bincount(image.ravel()))
        low = np.searchsorted(counts, k, side="right")
        high = np.searchsorted(counts, image.size - k)
        return float(low), float(high)
    part = np.partition(image.ravel(), (k, image.size - 1 - k))
    return float(part[k]), float(part[image.size - 1 - k])


@dataclass(frozen=True)
class Strokes:
    """Connected patches at least half way from the local background to an extreme.

    All arrays but ``labels`` and ``depth`` hold one value per patch; patch ``i`` has label
    ``i + 1``.

    Parameters
    ----------
    depth
        ``(y, x)`` float32: 0 at the local background, 1 at the extreme.
    labels
        ``(y, x)`` int32, 0 where there is none.
    top, left, bottom, right
        Bounding box, half open, px.
    area
        Pixels.
    width
        Mean stroke width, twice the area over the length of the rim, px.
    sharpness
        Mean drop of depth over three pixels across the rim; 1 is a drawn edge.
    core
        Mean depth of the pixels not on the rim; 0 where all are.
    flatness
        Share of the pixels not on the rim that lie within 0.05 of ``core``; 0 where all are.
    """

    depth: np.ndarray
    labels: np.ndarray
    top: np.ndarray
    left: np.ndarray
    bottom: np.ndarray
    right: np.ndarray
    area: np.ndarray
    width: np.ndarray
    sharpness: np.ndarray
    core: np.ndarray
    flatness: np.ndarray

    @property
    def n(self) -> int:
        """Number of patches."""
        return len(self.area)

    @property
    def height(self) -> np.ndarray:
        """Height of the bounding box, px."""
        return self.bottom - self.top

    @property
    def length(self) -> np.ndarray:
        """Width of the bounding box, px."""
        return self.right - self.left

    @property
    def fill(self) -> np.ndarray:
        """Area over that of the bounding box."""
        return self.area / (self.height * self.length)

    @property
    def slimness(self) -> np.ndarray:
        """Stroke width over the smaller side: 0.55 for a disc, 0.8 for a rod, below 0.4 for 0."""
        return self.width / np.minimum(self.height, self.length)

    @classmethod
    def find(cls, depth: np.ndarray, *, level: float, without: np.ndarray) -> Self:
        """Find the patches deeper than ``level`` once the pixels ``without`` are taken away."""
        ink = (depth > level) & ~without
        labels, n = ndimage.label(ink, np.ones((3, 3)))
        at = np.flatnonzero(labels)
        which = labels.ravel()[at]
        area = np.bincount(which, minlength=n + 1)
        kept = (area >= _MIN_AREA) & (area <= _MAX_SHARE * ink.size)
        kept[0] = False
        number = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
        which = number[which]
        labels.ravel()[at] = which
        at, which = at[which > 0], which[which > 0]
        return cls(depth, labels, **_describe(depth, labels, at, which))


def depth_of(image: np.ndarray, colour: Colour, low: float, high: float) -> np.ndarray:
    """``(y, x)`` float32: 0 at the local background, 1 at the extreme of that colour."""
    sign, extreme = (-1.0, -low) if colour == "black" else (1.0, high)
    side = max(min(image.shape) // _CELLS, 1)
    ny, nx = (n // side for n in image.shape)
    means = sign * image[: ny * side, : nx * side].reshape(ny, side, nx, side).mean((1, 3))
    # Dark particles may be the local majority; the support, which bears the text, is brighter.
    percent = 30 if colour == "black" else 50
    background = ndimage.percentile_filter(means, percent, _WINDOW, mode="nearest")
    # Against a background near the extreme (an over-exposed support) ink cannot be told from noise.
    span = np.maximum(extreme - background, _MIN_SPAN * (high - low))
    x = np.minimum(np.arange(image.shape[1]) // side, nx - 1)
    scale, offset = (part.astype(np.float32)[:, x] for part in (sign / span, -background / span))
    depth = np.empty(image.shape, np.float32)
    for i in range(ny):  # the last cell takes the rows that are left over
        rows = slice(i * side, (i + 1) * side if i < ny - 1 else None)
        np.multiply(image[rows], scale[i], out=depth[rows])
        depth[rows] += offset[i]
    return depth


def _describe(
    depth: np.ndarray, labels: np.ndarray, at: np.ndarray, which: np.ndarray
) -> dict[str, np.ndarray]:
    """Measure the patches from the flat indices of their pixels and the patch of each."""
    boxes = ndimage.find_objects(labels)
    n = len(boxes)

    def total(patch: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(patch, values, minlength=n + 1)[1:]

    edges = [(b[0].start, b[1].start, b[0].stop, b[1].stop) for b in boxes]
    top, left, bottom, right = np.array(edges, dtype=int).reshape(n, 4).T
    drop, rim = _drop(depth, labels, at)
    n_rim = np.maximum(total(which[rim]), 1)
    inner, values = which[~rim], depth.ravel()[at[~rim]]
    n_core = np.maximum(total(inner), 1)
    core = total(inner, values) / n_core
    flat = total(inner, np.abs(values - core[inner - 1]) < 0.05) / n_core
    area = total(which)
    return {
        "top": top, "left": left, "bottom": bottom, "right": right,
        "area": area, "width": 2 * area / n_rim,
        "sharpness": total(which[rim], drop[rim]) / n_rim, "core": core, "flatness": flat,
    }  # fmt: skip


def _drop(depth: np.ndarray, labels: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest fall of depth from one pixel inside to two outside, over 4 directions; rim or not.

    Beyond the frame there is neither: the edge of the frame is rim without a fall.
    """
    ny, nx = depth.shape
    y, x = np.divmod(at, nx)
    values, inside = depth.ravel(), labels.ravel() > 0
    fall = np.zeros(len(at), np.float32)
    rim = np.zeros(len(at), bool)
    for along, n, step in ((y, ny, nx), (x, nx, 1)):
        for sign in (1, -1):
            last = along == (n - 1 if sign > 0 else 0)
            edge = np.flatnonzero(~last)
            edge = edge[~inside[at[edge] + sign * step]]
            rim[last] = True
            rim[edge] = True
            here = at[edge]
            deep = np.clip(along[edge] - sign, 0, n - 1) - along[edge]
            away = np.clip(along[edge] + 2 * sign, 0, n - 1) - along[edge]
            inner = np.maximum(values[here], values[here + deep * step])
            fall[edge] = np.maximum(fall[edge], inner - values[here + away * step])
    return fall, rim
