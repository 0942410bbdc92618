"""Tiles of the images, each with what the network is to answer and which pixels count."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.training.augment import draw
from nanosieve.training.augment_geometry import take
from nanosieve.training.augment_grey import change
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage
from nanosieve.training.targets import Target, counted, particles

# 25 steps of 8, so that 100 epochs at the usual rate are enough to learn from a few images.
LEAST_PER_EPOCH = 200


@dataclass(frozen=True)
class _Tile:
    """One tile: its image, its upper left pixel, and the rows and columns before ``first`` that
    the tile above or on the left holds too.
    """

    image: int
    corner: tuple[int, int]
    first: tuple[int, int]
    empty: bool


class TileSet:
    """The tiles of some images.

    For validation all tiles are as they are, in order, each pixel of each image counting once. For
    training they are changed at random (`nanosieve.training.augment`), and drawn as ``[tiles]``
    says; empty ones are left out there only.

    Parameters
    ----------
    images
        Of one part of a split.
    config
        Sections ``tiles`` and ``augment``.
    target
        What the network answers.
    training
        Whether they are for training.

    Raises
    ------
    UsageError
        If there is no tile to train on.

    Examples
    --------
    >>> image = TrainingImage("a", "a", *[np.zeros((40, 72), kind) for kind in "fBi"])
    >>> config = TrainConfig.from_dict({"data": {"path": "set"}, "tiles": {"size": 32}})
    >>> target = Target(("support", "particle"), "softmax")
    >>> tiles = TileSet([image], config, target, training=False)
    >>> len(tiles), tiles.where(5)
    (6, 'a at y 8, x 40')
    >>> picture, answer, weight = tiles.item(5, np.random.default_rng(0))
    >>> picture.shape, answer.dtype.name, int(weight.sum())  # rows 32 to 39, columns 52 to 71
    ((1, 32, 32), 'int64', 160)
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        config: TrainConfig,
        target: Target,
        *,
        training: bool,
    ) -> None:
        self.images = tuple(images)
        self.target = target
        self.size = _fitting(config.tiles.size, images)
        self._config = config
        self._training = training
        self._codes = [target.encode(image) for image in images]
        tiles = [tile for place in range(len(images)) for tile in self._tiles_of(place)]
        if training and config.tiles.drop_empty:
            tiles = [tile for tile in tiles if not tile.empty]
        if not tiles:
            raise UsageError(
                "no tile is left to train on; set tiles.drop_empty = false or lower empty_px"
            )
        self._tiles = tiles
        self._chances = self._weights() if training else None

    def __len__(self) -> int:
        """Tiles in an epoch."""
        if not self._training:
            return len(self._tiles)
        return self._config.tiles.per_epoch or max(len(self._tiles), LEAST_PER_EPOCH)

    def order(self, rng: np.random.Generator) -> list[int]:
        """Numbers of the tiles of one epoch.

        In order for validation. For training shuffled, each as often as any other (or once more,
        where an epoch is no multiple of them); or, balanced, drawn at random.
        """
        if not self._training:
            return list(range(len(self._tiles)))
        if self._chances is not None:
            return rng.choice(len(self._tiles), len(self), p=self._chances).tolist()
        rounds = -(-len(self) // len(self._tiles))
        drawn = np.concatenate([rng.permutation(len(self._tiles)) for _ in range(rounds)])
        return drawn[: len(self)].tolist()

    def item(
        self, number: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Make a tile.

        Parameters
        ----------
        number
            From `order`.
        rng
            The tile's own, so that it does not depend on who makes it, and when.

        Returns
        -------
        image
            ``(1, h, w)`` float32.
        target
            ``(h, w)`` int64 class numbers, or ``(c, h, w)`` float32 of 0 and 1.
        weight
            ``(h, w)`` float32: 0 where truth is unknown or the pixel beyond the frame; for
            validation also where another tile counts it.
        """
        tile = self._tiles[number]
        source, codes = self.images[tile.image], self._codes[tile.image]
        if not self._training:
            image, truth, weight = take(source.image, codes, tile.corner, self.size)
            weight[: tile.first[0]] = weight[:, : tile.first[1]] = False
        else:
            geometry, grey = draw(self._config.augment, rng, size=self.size)
            image, truth, weight = take(source.image, codes, tile.corner, self.size, geometry)
            image = change(image, grey, rng, relative=source.relative)
        weight &= counted(truth)
        return image[np.newaxis], self.target.decode(truth), weight.astype(np.float32)

    def where(self, number: int) -> str:
        """Name of a tile's image, and the tile's place in it before it is moved."""
        tile = self._tiles[number]
        return f"{self.images[tile.image].name} at y {tile.corner[0]}, x {tile.corner[1]}"

    def _tiles_of(self, place: int) -> list[_Tile]:
        sides = [_starts(length, self.size) for length in self.images[place].shape]
        found = particles(self._codes[place])
        tiles = []
        for y, first_y in sides[0]:
            for x, first_x in sides[1]:
                part = found[max(y, 0) : y + self.size, max(x, 0) : x + self.size]
                empty = int(np.count_nonzero(part)) < self._config.tiles.empty_px
                tiles.append(_Tile(place, (y, x), (first_y, first_x), empty))
        return tiles

    def _weights(self) -> np.ndarray | None:
        """How likely each tile is drawn, or ``None`` where each is taken once."""
        balance = self._config.tiles.balance
        if balance == "none":
            return None
        kinds = [
            self.images[tile.image].group if balance == "groups" else str(tile.empty)
            for tile in self._tiles
        ]
        _, kind, counts = np.unique(kinds, return_inverse=True, return_counts=True)
        return 1 / counts[kind] / len(counts)


def _fitting(size: int, images: Sequence[TrainingImage]) -> int:
    """Halve the side while it holds the largest image whole: what is mirrored only costs time.

    It stays a multiple of 128, and so of every network's stride.
    """
    longest = max((max(image.shape) for image in images), default=size)
    while size % 256 == 0 and size // 2 >= longest:
        size //= 2
    return size


def _starts(length: int, size: int) -> list[tuple[int, int]]:
    """Where tiles begin along a side, evenly spread, and how much the one before covers of each.

    Examples
    --------
    >>> _starts(72, 32), _starts(20, 32)
    ([(0, 0), (20, 12), (40, 12)], [(-6, 0)])
    """
    if length <= size:
        return [(-((size - length) // 2), 0)]
    starts = np.linspace(0, length - size, -(-length // size)).round().astype(int).tolist()
    covered = [0] + [before + size - start for before, start in pairwise(starts)]
    return list(zip(starts, covered, strict=True))
