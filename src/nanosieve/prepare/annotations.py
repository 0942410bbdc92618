"""Burned-in scale bars and captions: letters, bars, boxes and banners that are not the sample.

What tells them from particles, in this order: edges as sharp as drawn ones, one flat grey value
near an extreme, and the shape of writing (winding strokes of one width in a row on quiet ground),
of a scale bar (a straight horizontal rectangle) or of a box (a flat upright rectangle). A letter
that is missed costs less than a particle that is taken for one: in doubt nothing is marked.
"""

import diplib as dip
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nanosieve.prepare.ink import Strokes, depth_of, extremes

Box = tuple[int, int, int, int]  # top, left, bottom, right; half open

_RIM = 3  # px added round what is found: anti-aliasing and JPEG ringing
_TOLERANCE = 12 / 255  # of the range of grey; what JPEG does to a flat patch
_HOLE = 0.002  # share of the frame; larger holes may be what was drawn round
_SMALLEST = 32  # px a side; no caption can be read on less
_SIDE = 640  # px of the shorter side that is looked at; larger images are averaged by blocks
_VACUUM = 0.3  # share of the frame; no writing covers that much
_CLEAR, _WRITTEN, _ENDED = 0.9, 0.5, 0.35  # share of a line that has a strip's grey: see `_strips`


def find_annotations(image: np.ndarray) -> np.ndarray:
    """Find what was drawn on a micrograph: scale bars, captions, panel letters, boxes, banners.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels in their original dtype.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` bool, ``True`` on annotations and 3 px round them. Beside it nothing of the
        image's size is allocated where its shorter side passes 960 px: blocks are averaged then,
        and "px" are those of the averaged image.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image = rng.normal(150, 10, (128, 128)).astype(np.uint8)
    >>> bool(find_annotations(image).any())
    False
    >>> image[110:114, 20:70] = 255
    >>> mask = find_annotations(image)
    >>> bool(mask[110:114, 20:70].all()), int(mask.sum())
    (True, 560)
    """
    if min(image.shape) < _SMALLEST:
        return np.zeros(image.shape, dtype=bool)
    step = max(round(min(image.shape) / _SIDE), 1)
    ny, nx = (n // step for n in image.shape)
    if step == 1:
        return _found(image)
    # One axis after the other: both at once take four times as long.
    means = image[: ny * step].reshape(ny, step, -1).mean(1, np.float32)
    means = means[:, : nx * step].reshape(ny, nx, step).mean(2)
    small = _found(means)
    if not small.any():
        return np.zeros(image.shape, dtype=bool)
    y = np.minimum(np.arange(image.shape[0]) // step, ny - 1)
    x = np.minimum(np.arange(image.shape[1]) // step, nx - 1)
    return small[y][:, x]


def _found(image: np.ndarray) -> np.ndarray:
    """The annotations of an image that is small enough to be looked at pixel by pixel."""
    found = np.zeros(image.shape, dtype=bool)
    low, high = extremes(image)
    if not high > low:
        return found
    values = image.astype(np.float32, copy=False)
    tolerance = _TOLERANCE * (high - low)
    flat = {"black": values <= low + tolerance, "white": values >= high - tolerance}
    found |= _marks(depth_of(values, "black", low, high), flat["black"], flat["white"])
    found |= _marks(depth_of(values, "white", low, high), flat["white"], flat["black"])
    grey = (values - low) / (high - low)
    for own in flat.values():
        found |= _plates(grey, own) | _margins(own)
    found |= _strips(grey)
    return _without_holes(_dilated(found, _RIM)) if found.any() else found


def _without_holes(found: np.ndarray) -> np.ndarray:
    """Fill what is enclosed and no larger than a letter: strokes of a banner's own writing."""
    holes = ndimage.binary_fill_holes(found) & ~found
    labels, n = ndimage.label(holes)
    small = np.bincount(labels.ravel(), minlength=n + 1) <= _HOLE * found.size
    small[0] = False
    return found | small[labels]


def _marks(depth: np.ndarray, own: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Bars and writing of one colour, with the boxes that the writing stands in.

    ``own`` are the pixels of that colour, ``ground`` those of the other.
    """
    found = _bars(depth)
    bars = found.copy()
    # Where vacuum has the colour of ink, a patch of it between particles looks like one letter.
    lettered = own.mean() < _VACUUM
    # Grain reaches the lower level; letters stand out of it at the higher one.
    for level in (0.5, 0.7):
        strokes = Strokes.find(depth, level=level, without=bars)
        rows = _lines(strokes)
        if lettered:
            rows += _letters(strokes, besides=rows)
        if rows:
            boxes = [_paint(found, strokes, patches) for patches in rows]
            drawn = ground | _dilated(found, 2)
            for box in boxes:
                found[_grown(box, ground, drawn)] = True
            break
    return found


def _glyphs(strokes: Strokes, tallest: float) -> np.ndarray:
    """Indices of the patches that may be characters."""
    h = strokes.height
    return np.flatnonzero(
        (h >= 6)
        & (h <= tallest)
        & (strokes.length <= 6 * h)
        & (strokes.sharpness >= 0.5)
        & (strokes.fill >= 0.15)
        & (strokes.width <= 0.5 * h)
    )


def _lines(strokes: Strokes) -> list[np.ndarray]:
    """Rows of at least three characters."""
    index = _glyphs(strokes, 0.15 * strokes.labels.shape[0])
    return [row for row in _rows(strokes, index) if len(row) >= 3 and _is_text(strokes, row)]


def _rows(strokes: Strokes, index: np.ndarray) -> list[np.ndarray]:
    """Group patches that follow one another in a row."""
    index = index[np.argsort(strokes.top[index], kind="stable")]
    top, bottom = strokes.top[index], strokes.bottom[index]
    left, right = strokes.left[index], strokes.right[index]
    h = bottom - top
    # Noise gives thousands of patches: only those at one height are compared.
    one, other = _pairs(np.searchsorted(top, bottom) - np.arange(len(index)) - 1)
    gap = np.maximum(left[one], left[other]) - np.minimum(right[one], right[other])
    overlap = np.minimum(bottom[one], bottom[other]) - top[other]
    smaller, larger = np.minimum(h[one], h[other]), np.maximum(h[one], h[other])
    near = (gap <= 1.3 * larger) & (overlap >= 0.5 * smaller) & (larger <= 2.2 * smaller)
    pairs = (near[near], (one[near], other[near]))
    n, group = connected_components(coo_array(pairs, shape=(len(index),) * 2), directed=False)
    return [index[group == i] for i in range(n)]


def _pairs(following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each place with as many of the places after it as ``following`` says.

    >>> [places.tolist() for places in _pairs(np.array([2, 0, 0]))]
    [[0, 0], [1, 2]]
    """
    one = np.repeat(np.arange(len(following)), following)
    step = np.arange(len(one)) - np.repeat(np.cumsum(following) - following, following)
    return one, one + 1 + step


def _is_text(strokes: Strokes, row: np.ndarray) -> bool:
    """Whether a row has two winding characters or more, of one stroke width, on one line."""
    tall = float(np.median(strokes.height[row]))
    winding = strokes.slimness[row] < 0.45
    if winding.sum() < 2:
        return False
    slack = max(1.5, 0.15 * tall)
    aligned = max(
        np.mean(np.abs(edge - np.median(edge)) <= slack)
        for edge in (strokes.top[row], strokes.bottom[row])
    )
    width = strokes.width[row][winding]
    return bool(
        aligned >= 0.6
        and width.std() <= 0.35 * width.mean()
        and width.mean() <= 0.35 * tall
        and _quiet(strokes, row, 0.9)
    )


def _quiet(strokes: Strokes, patches: np.ndarray, share: float) -> bool:
    """Whether that share of the ground between strokes is plainly not ink; in grain it is not."""
    y0, y1 = strokes.top[patches].min(), strokes.bottom[patches].max()
    x0, x1 = strokes.left[patches].min(), strokes.right[patches].max()
    margin = max(2, (y1 - y0) // 8)
    window = np.s_[max(y0 - margin, 0) : y1 + margin, max(x0 - margin, 0) : x1 + margin]
    ours = np.isin(strokes.labels[window], patches + 1)
    ground = strokes.depth[window][~ndimage.binary_dilation(ours, np.ones((3, 3)), 2)]
    return ground.size > 0 and float(np.quantile(ground, share)) < 0.4


def _letters(strokes: Strokes, *, besides: list[np.ndarray]) -> list[np.ndarray]:
    """Panel letters near a corner, not in a row already: flat, deep, of winding strokes."""
    ny, nx = strokes.labels.shape
    index = np.setdiff1d(_glyphs(strokes, 0.2 * ny), np.concatenate([*besides, [-1]]))
    h = strokes.height[index]
    dy = np.minimum(strokes.top[index], ny - strokes.bottom[index])
    dx = np.minimum(strokes.left[index], nx - strokes.right[index])
    slim, sharp = strokes.slimness[index], strokes.sharpness[index]
    good = (
        (h >= 12)
        & (dy <= 0.12 * ny)
        & (dx <= 0.12 * nx)
        & (strokes.core[index] >= 0.75)
        & (strokes.flatness[index] >= 0.55)
        & ((sharp >= 0.6) | (strokes.core[index] >= 0.95))
        & (slim < np.where(sharp >= 0.75, 0.45, 0.3))
        & (strokes.length[index] <= 2 * h)
    )
    return [
        np.array([i])
        for i in index[good]
        if _is_even(strokes, i) and _quiet(strokes, np.array([i]), 0.8)
    ]


def _is_even(strokes: Strokes, i: int) -> bool:
    """Whether a patch is nowhere much wider than its mean stroke, as one with a particle is."""
    box = np.s_[strokes.top[i] : strokes.bottom[i], strokes.left[i] : strokes.right[i]]
    inside = np.pad(strokes.labels[box] == i + 1, 1)
    return bool(2 * ndimage.distance_transform_edt(inside).max() <= 2 * strokes.width[i])


def _paint(found: np.ndarray, strokes: Strokes, patches: np.ndarray) -> Box:
    """Mark the characters and what else of their strokes fits into their row; its box."""
    y0, y1 = strokes.top[patches].min(), strokes.bottom[patches].max()
    x0, x1 = strokes.left[patches].min(), strokes.right[patches].max()
    tall = y1 - y0
    width = np.median(strokes.width[patches])
    theirs = (
        (strokes.top >= y0 - 0.5 * tall)
        & (strokes.bottom <= y1 + 0.5 * tall)
        & (strokes.left >= x0 - 1.2 * tall)
        & (strokes.right <= x1 + 1.2 * tall)
        & (strokes.sharpness >= 0.5)
        & (np.abs(np.log(strokes.width / width)) <= np.log(2.2))
        & (strokes.width <= 0.5 * tall)
    )
    theirs[patches] = True
    y0, y1 = strokes.top[theirs].min(), strokes.bottom[theirs].max()
    x0, x1 = strokes.left[theirs].min(), strokes.right[theirs].max()
    found[y0:y1, x0:x1] |= np.append(False, theirs)[strokes.labels[y0:y1, x0:x1]]
    return int(y0), int(x0), int(y1), int(x1)


def _grown(box: Box, ground: np.ndarray, drawn: np.ndarray) -> tuple[slice, slice]:
    """Rectangle of flat ground that the writing in ``box`` stands in; empty where there is none.

    ``drawn`` is the ground and the writing on it.
    """
    nothing = np.s_[0:0, 0:0]
    ny, nx = ground.shape
    y0, x0, y1, x1 = box
    if drawn[y0:y1, x0:x1].mean() < 0.97 or ground[y0:y1, x0:x1].mean() < 0.2:
        return nothing
    moved = True
    while moved:
        moved = False
        if y0 > 0 and drawn[y0 - 1, x0:x1].mean() >= 0.95:
            y0, moved = y0 - 1, True
        if y1 < ny and drawn[y1, x0:x1].mean() >= 0.95:
            y1, moved = y1 + 1, True
        if x0 > 0 and drawn[y0:y1, x0 - 1].mean() >= 0.95:
            x0, moved = x0 - 1, True
        if x1 < nx and drawn[y0:y1, x1].mean() >= 0.95:
            x1, moved = x1 + 1, True
    if (y1 - y0) * (x1 - x0) > 0.3 * ny * nx:  # an over-exposed support, not a box
        return nothing
    return np.s_[y0:y1, x0:x1]


def _bars(depth: np.ndarray) -> np.ndarray:
    """Straight horizontal bars: sharp above and below along their whole length."""
    ny, nx = depth.shape
    shortest = max(12, nx // 20)
    found = np.zeros(depth.shape, dtype=bool)
    runs = _opened(depth > 0.5, 1, shortest)
    if not runs.any():
        return found
    labels, _ = ndimage.label(runs)
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        h, w = box[0].stop - box[0].start, box[1].stop - box[1].start
        own = labels[box] == i
        if w >= 3 * h and h <= 0.08 * ny and own.mean() >= 0.85 and _is_bar(depth, own, box):
            found[box] |= own
    return found


def _is_bar(depth: np.ndarray, own: np.ndarray, box: tuple[slice, slice]) -> bool:
    """Whether a run of ink is a rectangle of one grey with sharp long sides."""
    ny, h = depth.shape[0], own.shape[0]
    y0, y1 = box[0].start, box[0].stop
    if h == 1 and (y0 == 0 or y1 == ny):  # resizing leaves such lines along the frame
        return False
    peak = depth[box].max(axis=0)
    outside = [depth[y, box[1]] for y in (y0 - 2, y1 + 1) if 0 <= y < ny]
    if not outside or any(np.mean(peak - side > 0.4) < 0.9 for side in outside):
        return False
    tops, bottoms = own.argmax(axis=0), h - own[::-1].argmax(axis=0)
    slack = max(1, 0.05 * h)
    level = np.abs(tops - np.median(tops)) <= slack
    level &= np.abs(bottoms - np.median(bottoms)) <= slack
    # A bar's ends are as high as the bar but for blunted corners; a rod's are round.
    ends = min(own[:, :2].sum(), own[:, -2:].sum())
    square = ends >= 2 * np.median(bottoms - tops) - 5
    return bool(square and level.mean() >= 0.92 and peak.std() <= 0.1)


def _plates(grey: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Flat upright rectangles: boxes, whatever is written in them, and thick bars."""
    ny, nx = flat.shape
    found = np.zeros(flat.shape, dtype=bool)
    # Every fifth row is enough to see that there is none, which is the common case.
    if not _opened(flat[::5], 1, 12).any():
        return found
    labels, _ = ndimage.label(_opened(flat, 5, 12))
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        h, w = box[0].stop - box[0].start, box[1].stop - box[1].start
        if h > ny / 3 or w > nx / 2 or h * w < 150:
            continue
        whole = ndimage.binary_fill_holes(labels[box] == i)
        square = whole[1, 1] and whole[1, -2] and whole[-2, 1] and whole[-2, -2]
        if square and whole.mean() >= 0.93 and _is_cut_out(grey, box):
            found[box] = True
    return found


def _is_cut_out(grey: np.ndarray, box: tuple[slice, slice]) -> bool:
    """Whether every side of a box within the frame is a step along its whole length."""
    level = float(np.median(grey[box]))
    for image, (across, along) in ((grey, box), (grey.T, box[::-1])):
        for line in (across.start - 2, across.stop + 1):
            if 0 <= line < len(image):
                step = np.abs(image[line, along] - level)
                if np.mean(step >= 0.12) < 0.85:
                    return False
    return True


def _margins(flat: np.ndarray) -> np.ndarray:
    """Banners and frame lines: flat rows and columns along the edges that end abruptly.

    Vacuum is as flat, but does not end along a line: there nothing is marked.
    """
    found = np.zeros(flat.shape, dtype=bool)
    for share, mask in ((flat.mean(axis=1), found), (flat.mean(axis=0), found.T)):
        n = len(share)
        for strip, band in ((share, mask), (share[::-1], mask[::-1])):
            depth = int(np.argmin(strip >= 0.7))
            if 0 < depth < n / 3 and strip[depth + 2 : depth + 8].max() < 0.35:
                band[:depth] = True
    return found


def _strips(grey: np.ndarray) -> np.ndarray:
    """Strips of any one grey along an edge that end along a line: rulers, grey caption lines.

    The outermost and the innermost line are clear of writing, and within two lines, which
    resizing blurs, the grey is gone. Support and vacuum vary more along a line or go on further.
    """
    found = np.zeros(grey.shape, dtype=bool)
    for image, mask in ((grey, found), (grey.T, found.T)):
        n = len(image)
        for strip, band in ((image, mask), (image[::-1], mask[::-1])):
            near = np.abs(strip[: n // 3 + 8] - np.median(strip[0])) <= _TOLERANCE
            share = near.mean(axis=1)
            clear = np.flatnonzero(share[: np.argmin(share >= _WRITTEN)] >= _CLEAR)
            if not len(clear) or share[0] < _CLEAR:
                continue
            depth = int(clear[-1]) + 1
            # Resizing leaves single lines along the frame.
            if 1 < depth < n / 3 and share[depth + 2 : depth + 8].max() < _ENDED:
                band[:depth] = True
    return found


def _dilated(mask: np.ndarray, px: int) -> np.ndarray:
    """Dilation by a square that reaches ``px`` pixels out."""
    square = dip.SE((2 * px + 1, 2 * px + 1), "rectangular")
    return np.asarray(dip.Dilation(mask.astype(np.uint8), square)) > 0


def _opened(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Opening by an upright rectangle; what touches the frame's edge may go on beyond it."""
    rectangle = dip.SE((width, height), "rectangular")
    return np.asarray(dip.Opening(mask.astype(np.uint8), rectangle)) > 0
