"""Large frames in tiles, so that memory does not grow with the frame.

Polarity, flat field, smoothing, thresholds and the usual depth of a particle are those of the whole
frame (`nanosieve.segmentation.field.Choice`, `nanosieve.segmentation.edge.Reference`). A particle
belongs to the tile in whose core the middle of its box lies, and is taken from there whole. The
local background of a tile may differ a little from that of the untiled frame, and with it an edge,
by a fraction of a pixel; a particle wider than the halo may be cut, and is reported.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.segmentation.edge import Reference, place_edges
from nanosieve.segmentation.field import Choice, make_field
from nanosieve.segmentation.particles import Particles, Recipe, find_particles, find_seeds

CORE = 3072
HALO = 768
# Two tiles may see the middle of a particle a pixel apart; what both take is kept once.
_SLACK = 2.0
# Below this many pixels a frame is one tile.
WHOLE_PIXELS = 5120**2


@dataclass(frozen=True)
class _Tile:
    core: tuple[slice, slice]
    halo: tuple[slice, slice]

    @property
    def origin(self) -> tuple[int, int]:
        """Upper left of the halo in the frame."""
        return self.halo[0].start, self.halo[1].start

    @property
    def inner(self) -> tuple[slice, slice]:
        """The core within the halo."""
        return tuple(
            slice(core.start - halo.start, core.stop - halo.start)
            for core, halo in zip(self.core, self.halo, strict=True)
        )  # type: ignore[return-value]


def find_in_tiles(
    image: np.ndarray, valid: np.ndarray, choice: Choice, recipe: Recipe
) -> Particles:
    """Find the particles of a frame, tile by tile; the confidence is float16."""
    labels = np.zeros(image.shape, np.int32)
    confidence = np.zeros(image.shape, np.float16)
    parted, shifts, steep = [np.zeros(1, bool)], [np.zeros(1)], [np.zeros(1)]
    count, cut = 0, False
    reference = _reference(image, valid, choice, recipe)
    for tile in _tiles(image.shape):
        found = find_particles(make_field(image, valid, choice, tile.halo), recipe, reference)
        confidence[tile.core] = found.confidence[tile.inner]
        here = labels[tile.halo]
        kept = _new(_owned(found.labels, tile), found.labels, here)
        cut |= bool(np.isin(kept, _reaching_out(found.labels, tile, image.shape)).any())
        number = np.zeros(len(found.parted), np.int32)
        number[kept] = np.arange(count + 1, count + 1 + len(kept))
        numbered = number[found.labels]
        np.copyto(here, numbered, where=(numbered > 0) & (here == 0))
        parted.append(found.parted[kept])
        shifts.append(found.shift[kept])
        steep.append(found.steep[kept])
        count += len(kept)
    return Particles(
        labels,
        confidence,
        np.concatenate(parted),
        np.concatenate(shifts),
        np.concatenate(steep),
        cut,
    )


def _reference(
    image: np.ndarray, valid: np.ndarray, choice: Choice, recipe: Recipe
) -> Reference | None:
    """Usual depth and Otsu's level, from the window of most contrast."""
    field = make_field(image, valid, choice, choice.windows[0])
    seeds = find_seeds(field, recipe)
    return place_edges(field, seeds, recipe.edge).reference if seeds.any() else None


def _new(owned: np.ndarray, labels: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Of the labels that a tile owns, those that an earlier tile has not painted."""
    boxes = ndimage.find_objects(labels)
    kept = []
    for number in owned:
        inside = labels[boxes[number - 1]] == number
        if np.count_nonzero(taken[boxes[number - 1]][inside]) < 0.5 * np.count_nonzero(inside):
            kept.append(number)
    return np.array(kept, np.intp)


def _reaching_out(labels: np.ndarray, tile: _Tile, shape: tuple[int, int]) -> np.ndarray:
    """Labels at a side of the halo that is not a side of the frame: they go on beyond it."""
    rows, columns = tile.halo
    sides = [
        side
        for side, inner in (
            (labels[0], rows.start > 0),
            (labels[-1], rows.stop < shape[0]),
            (labels[:, 0], columns.start > 0),
            (labels[:, -1], columns.stop < shape[1]),
        )
        if inner
    ]
    return np.unique(np.concatenate(sides)) if sides else np.zeros(0, np.int32)


def _tiles(shape: tuple[int, int]) -> Iterator[_Tile]:
    for top in range(0, shape[0], CORE):
        for left in range(0, shape[1], CORE):
            core = tuple(
                slice(start, min(start + CORE, size))
                for start, size in zip((top, left), shape, strict=True)
            )
            halo = tuple(
                slice(max(part.start - HALO, 0), min(part.stop + HALO, size))
                for part, size in zip(core, shape, strict=True)
            )
            yield _Tile(core, halo)  # type: ignore[arg-type]


def _owned(labels: np.ndarray, tile: _Tile) -> np.ndarray:
    """Labels the middle of whose box lies in the tile's core."""
    kept = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        middle = [
            (part.start + part.stop - 1) / 2 + at for part, at in zip(box, tile.origin, strict=True)
        ]
        if all(
            core.start - 0.5 - _SLACK <= at < core.stop - 0.5 + _SLACK
            for at, core in zip(middle, tile.core, strict=True)
        ):
            kept.append(number)
    return np.array(kept, np.intp)
