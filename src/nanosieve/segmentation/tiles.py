"""Large frames in tiles, so that memory does not grow with the frame.

All that depends on the whole frame is chosen before (`nanosieve.segmentation.field.Choice`). A
particle belongs to the tile in whose core the middle of its box lies, and is taken from there
whole; the halo is wide enough that its surroundings are the same as in the untiled frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.segmentation.field import Choice, make_field
from nanosieve.segmentation.particles import Particles, Recipe, find_particles

CORE = 3072
HALO = 512
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
    joined, shifts = [np.zeros(1, np.intp)], [np.zeros(1)]
    count = components = 0
    for tile in _tiles(image.shape):
        found = find_particles(make_field(image, valid, choice, tile.halo), recipe)
        confidence[tile.core] = found.confidence[tile.inner]
        kept = _owned(found.labels, tile)
        number = np.zeros(len(found.joined), np.int32)
        number[kept] = np.arange(count + 1, count + 1 + len(kept))
        here = labels[tile.halo]
        numbered = number[found.labels]
        np.copyto(here, numbered, where=(numbered > 0) & (here == 0))
        joined.append(found.joined[kept] + components)
        shifts.append(found.shift[kept])
        count += len(kept)
        components += int(found.joined.max(initial=0))
    return Particles(labels, confidence, np.concatenate(joined), np.concatenate(shifts))


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
            core.start - 0.5 <= at < core.stop - 0.5
            for at, core in zip(middle, tile.core, strict=True)
        ):
            kept.append(number)
    return np.array(kept, np.intp)
