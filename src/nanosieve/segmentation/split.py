"""Splitting of touching particles: divide freely, then join what belongs together.

Markers are the maxima of the distance to the edge, in the part of the particles above half depth,
where necks are narrower (h-maxima of the logarithm of the distance, so that 6 px and 130 px
particles are treated alike). The watershed from them divides too often; two neighbours are then
joined where their union is as convex as they are and no lighter gap runs between them, until
nothing is left to join: the idea of the ultimate erosion of convex sets, from the other end.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from nanosieve.segmentation import kernels

_DEPTH = 0.05  # h of the log distance: a neck 5 % narrower than the particle makes two markers
_CONVEX = 0.975  # union's solidity over the parts' own
_GAP = 0.75  # depth on the line between two parts over the shallower part's depth
_HOLLOW = 0.6  # a part less solid than this joins no other
_TINY = 0.08  # a part with less than this share of its neighbour's area is no particle


def split_touching(mask: np.ndarray, tight: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Label the particles of ``mask``, touching ones apart.

    Parameters
    ----------
    mask, tight
        ``(y, x)`` bool: the particles, and their part above half depth.
    depth
        ``(y, x)`` float32: above the support.

    Returns
    -------
    ndarray
        ``(y, x)`` int32, 0 background, 1..n.
    """
    components, n = kernels.label(mask)
    for number, box in enumerate(ndimage.find_objects(components), start=1):
        inside = components[box] == number
        if _is_round(inside):
            continue
        parts = _split(inside, tight[box] & inside, depth[box])
        extra = int(parts.max()) - 1
        if extra > 0:
            further = parts > 1
            components[box][further] = parts[further] + np.int32(n - 1)
            n += extra
    return components


def _is_round(inside: np.ndarray) -> bool:
    """Whether a component is one disc, as most are: nothing to divide."""
    height, width = inside.shape
    filled = np.count_nonzero(inside) / (np.pi / 4 * height * width)
    if max(height, width) > 1.2 * min(height, width) or not 0.9 < filled < 1.15:
        return False
    # Four discs in a square fill their box as one does, but leave its middle open.
    ys, xs = np.nonzero(~np.pad(inside, 1))
    nearest = np.hypot(ys - (height + 1) / 2, xs - (width + 1) / 2).min()
    return bool(2 * nearest > 0.8 * min(height, width))


def _split(mask: np.ndarray, tight: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Parts of one component, 1..m."""
    margin = ((1, 1), (1, 1))
    mask, tight = np.pad(mask, margin), np.pad(tight, margin)
    distance = kernels.gaussian(kernels.depth_inside(tight), 1)
    markers, m = kernels.label(_markers(distance, tight))
    inner = np.s_[1:-1, 1:-1]
    if m < 2:
        return mask[inner].astype(np.int32)
    return _join(kernels.watershed(-distance, markers, mask)[inner], depth)


def _markers(distance: np.ndarray, tight: np.ndarray) -> np.ndarray:
    logarithm = np.log1p(np.where(tight, distance, 0)).astype(np.float32)
    lowered = kernels.reconstruct(logarithm - np.float32(_DEPTH), logarithm, "dilation")
    return kernels.regional_maxima(lowered) & tight


@dataclass
class _Part:
    """A region under construction; of the corners of its pixels only those of its hull stay."""

    area: int
    depth: float
    corners: np.ndarray
    solidity: float = 1.0

    def __post_init__(self) -> None:
        hull = ConvexHull(self.corners)
        self.corners = self.corners[hull.vertices]
        self.solidity = self.area / float(hull.volume)


class _Line:
    """Depths along the border of two parts, and what 80 % of them stay below."""

    def __init__(self, depths: np.ndarray) -> None:
        self.depths = depths
        self.level = float(np.percentile(depths, 80))


def _join(labels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Join neighbours whose union is one convex particle, best first."""
    lines = _borders(labels, depth)
    parts = _parts(labels, depth, {k for pair in lines for k in pair})
    beside: dict[int, set[int]] = {number: set() for number in parts}
    for a, b in lines:
        beside[a].add(b)
        beside[b].add(a)
    # Scores of pairs that have changed since stay in the heap; their stamps are out of date.
    stamp = dict.fromkeys(parts, 0)
    heap: list[tuple[float, tuple[int, int], tuple[int, int]]] = []

    def push(pair: tuple[int, int]) -> None:
        score = _score(parts, pair, lines[pair])
        if score > 0:
            heapq.heappush(heap, (-score, pair, (stamp[pair[0]], stamp[pair[1]])))

    for pair in lines:
        push(pair)
    target = np.arange(int(labels.max()) + 1)
    while heap:
        _, pair, seen = heapq.heappop(heap)
        if pair not in lines or seen != (stamp[pair[0]], stamp[pair[1]]):
            continue
        kept, gone = pair
        parts[kept] = _union(parts[kept], parts.pop(gone))
        target[target == gone] = kept
        stamp[kept] += 1
        _hand_over(lines, beside, gone, kept)
        for other in beside[kept]:
            push((min(kept, other), max(kept, other)))
    used = np.unique(target[labels])
    numbers = np.zeros(len(target), np.int32)
    numbers[used[used > 0]] = np.arange(1, np.count_nonzero(used) + 1)
    return numbers[target][labels]


def _hand_over(
    lines: dict[tuple[int, int], _Line], beside: dict[int, set[int]], gone: int, kept: int
) -> None:
    """Give the borders and neighbours of the joined part to what it was joined to."""
    del lines[min(kept, gone), max(kept, gone)]
    for other in beside.pop(gone):
        beside[other].discard(gone)
        if other == kept:
            continue
        line = lines.pop((min(gone, other), max(gone, other)))
        new = (min(kept, other), max(kept, other))
        if new in lines:
            line = _Line(np.concatenate([lines[new].depths, line.depths]))
        lines[new] = line
        beside[other].add(kept)
        beside[kept].add(other)


def _borders(labels: np.ndarray, depth: np.ndarray) -> dict[tuple[int, int], _Line]:
    """The line between each pair of neighbours (the shallower side of each step)."""
    firsts, seconds, depths = [], [], []
    rows, columns = labels.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(0, rows - dy), slice(max(0, -dx), columns - max(0, dx)))
        there = (slice(dy, rows), slice(max(0, dx), columns - max(0, -dx)))
        a, b = labels[here], labels[there]
        meet = (a != b) & (a > 0) & (b > 0)
        firsts.append(np.minimum(a[meet], b[meet]))
        seconds.append(np.maximum(a[meet], b[meet]))
        depths.append(np.minimum(depth[here][meet], depth[there][meet]))
    first, second, deep = map(np.concatenate, (firsts, seconds, depths))
    if first.size == 0:
        return {}
    order = np.lexsort((second, first))
    first, second, deep = first[order], second[order], deep[order]
    starts = np.flatnonzero(np.diff(first, prepend=-1) | np.diff(second, prepend=-1))
    ends = [*starts[1:], len(first)]
    return {
        (int(first[start]), int(second[start])): _Line(deep[start:end])
        for start, end in zip(starts, ends, strict=True)
    }


def _parts(labels: np.ndarray, depth: np.ndarray, wanted: set[int]) -> dict[int, _Part]:
    boxes = ndimage.find_objects(labels)
    found = {}
    for number in sorted(wanted):
        box = boxes[number - 1]
        inside = labels[box] == number
        ys, xs = np.nonzero(inside)
        at = np.array([box[0].start, box[1].start])
        found[number] = _Part(len(ys), float(np.median(depth[box][inside])), _corners(ys, xs) + at)
    return found


def _corners(ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """Corners of the first and last pixel of each row (rows come sorted): all a hull can need."""
    first = np.diff(ys, prepend=-1) != 0
    last = np.append(first[1:], True)
    ends = np.column_stack([np.r_[ys[first], ys[last]], np.r_[xs[first], xs[last]]])
    return np.concatenate([ends + np.array([dy, dx]) for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)])


def _union(a: _Part, b: _Part) -> _Part:
    area = a.area + b.area
    depth = (a.depth * a.area + b.depth * b.area) / area
    return _Part(area, depth, np.concatenate([a.corners, b.corners]))


def _score(parts: dict[int, _Part], pair: tuple[int, int], line: _Line) -> float:
    """How much two neighbours are one particle; 0 where they are two."""
    a, b = parts[pair[0]], parts[pair[1]]
    gap = line.level / max(min(a.depth, b.depth), 1e-30)
    if min(a.area, b.area) < _TINY * max(a.area, b.area):
        return min(gap, 1.0)
    # What is no particle itself would take in all that lies within its hull.
    if gap <= _GAP or min(a.solidity, b.solidity) < _HOLLOW:
        return 0.0
    own = (a.solidity * a.area + b.solidity * b.area) / (a.area + b.area)
    convex = _union(a, b).solidity / own
    return convex * min(gap, 1.0) if convex > _CONVEX else 0.0
