"""Tiles in batches, the same whatever the number of processes and of workers.

What is drawn follows from seed, epoch and place in the epoch alone: a training that is resumed
sees what it would have seen, and needs no state of any generator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]
# Epoch, place in it, number of the tile, and whether it counts.
_Key = tuple[int, int, int, bool]


class Tiles(Protocol):
    """What the loop needs of `nanosieve.training.tiles.TileSet`."""

    def __len__(self) -> int:
        """Tiles in an epoch."""
        ...

    def order(self, rng: np.random.Generator) -> Sequence[int]:
        """Numbers of the tiles of one epoch."""
        ...

    def item(self, number: int, rng: np.random.Generator) -> Drawn:
        """Image, target and weight of one tile."""
        ...

    def where(self, number: int) -> str:
        """Name of its image, and its place there."""
        ...


@dataclass(frozen=True)
class Batch:
    """Tensors of one step, and where they are from.

    Parameters
    ----------
    image
        ``(n, 1, h, w)`` float32.
    target
        ``(n, h, w)`` int64, or ``(n, c, h, w)`` float32.
    weight
        ``(n, h, w)`` float32; all 0 for tiles that only fill up a process's share.
    where
        One sentence a tile.
    """

    image: Tensor
    target: Tensor
    weight: Tensor
    where: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        """Move the tensors."""
        moved = {name: getattr(self, name).to(device, non_blocking=True)
                 for name in ("image", "target", "weight")}  # fmt: skip
        return replace(self, **moved)


@dataclass
class Batches:
    """The batches of one process.

    Parameters
    ----------
    tiles
        Where they come from.
    size
        Tiles a batch, over all processes.
    seed
        Of order and changes.
    process, processes
        Number of this one, from 0, and how many there are.
    workers
        Processes beside this one that make tiles; they live as long as this object.
    """

    tiles: Tiles
    size: int
    seed: int
    process: int = 0
    processes: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        self._plan: list[list[_Key]] = []
        self._loader = DataLoader(
            _Items(self.tiles, self.seed),
            # Looked at anew at the start of each epoch.
            batch_sampler=self._plan,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            collate_fn=_collated,
            pin_memory=torch.cuda.is_available(),
            # A generator of its own: torch's is for the network alone.
            generator=torch.Generator(),
        )

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.tiles) // self.size)

    def training(self, epoch: int) -> Iterator[Batch]:
        """Give this process's share of each batch of an epoch (from 1), shuffled and changed."""
        rng = np.random.default_rng([self.seed, epoch])
        keys = [(epoch, place, tile, True) for place, tile in enumerate(self.tiles.order(rng))]
        # Every process takes part in every step: where tiles are too few, with one that does not
        # count.
        shares = [
            whole[self.process :: self.processes] or [(*whole[0][:3], False)]
            for whole in self._cut(keys)
        ]
        return self._load(shares)

    def validation(self) -> Iterator[Batch]:
        """Give the batches that are this process's, in order; their tiles are as they are."""
        order = self.tiles.order(np.random.default_rng(self.seed))
        whole = self._cut([(0, tile, tile, True) for tile in order])
        return self._load(whole[self.process :: self.processes])

    def _cut(self, keys: list[_Key]) -> list[list[_Key]]:
        return [keys[start : start + self.size] for start in range(0, len(keys), self.size)]

    def _load(self, shares: list[list[_Key]]) -> Iterator[Batch]:
        self._plan[:] = shares
        yield from self._loader


class _Items(Dataset):
    """Tiles by their keys."""

    def __init__(self, tiles: Tiles, seed: int) -> None:
        self.tiles, self.seed = tiles, seed

    def __getitem__(self, key: _Key) -> tuple[Any, ...]:
        epoch, place, number, counts = key
        rng = np.random.default_rng([self.seed, epoch, place])
        image, target, weight = self.tiles.item(number, rng)
        return image, target, weight * np.float32(counts), self.tiles.where(number)


def _collated(items: list[tuple[Any, ...]]) -> Batch:
    image, target, weight = (
        torch.from_numpy(np.stack([item[part] for item in items])) for part in range(3)
    )
    return Batch(image, target, weight, tuple(item[3] for item in items))
