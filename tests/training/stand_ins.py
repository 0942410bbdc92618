"""A network of a few weights and tiles drawn by formula, for tests of the loop."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from nanosieve.networks import Network
from nanosieve.training.config import TrainConfig

SIDE = 16


class TinyNet(Network):
    """Two convolutions with dropout between, so that the generator's state matters."""

    name = "tiny"

    def __init__(self, *, norm: bool = True, dropout: float = 0.2) -> None:
        super().__init__(("support", "particle"))
        self.encoder = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.rest = nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(4, 2, 3, padding=1))

    def logits(self, image: Tensor) -> Tensor:
        return self.rest(self.norm(self.encoder(image)))


class Discs:
    """Dark discs on noise; each epoch sees other noise."""

    def __init__(self, n: int = 10, *, broken: Sequence[int] = ()) -> None:
        self.n, self.broken = n, broken

    def __len__(self) -> int:
        return self.n

    def order(self, rng: np.random.Generator) -> Sequence[int]:
        return rng.permutation(self.n).tolist()

    def item(
        self, number: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y, x = np.mgrid[:SIDE, :SIDE]
        disc = np.hypot(y - 8, x - 4 - number % 8) < 4
        image = (rng.normal(0, 0.3, disc.shape) - 2 * disc).astype(np.float32)
        if number in self.broken:
            image[0, 0] = np.nan
        return image[None], disc.astype(np.int64), np.ones(disc.shape, np.float32)

    def where(self, number: int) -> str:
        return f"disc{number} at y 0, x 0"


def settings(**changes: object) -> TrainConfig:
    """Settings of a short training, some of them changed (dotted names with __ for the dot)."""
    base = TrainConfig.from_dict(
        {"data": {"path": "none"}, "batch": 4, "optimiser": {"lr": 0.01}, "stop": {"epochs": 3}}
    )
    return base.varied({name.replace("__", "."): value for name, value in changes.items()})
