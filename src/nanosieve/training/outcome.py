"""What the parts of a run hand to each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from accelerate import Accelerator

from nanosieve.files.atomic import atomic_path
from nanosieve.networks import Network
from nanosieve.training.config import TrainConfig
from nanosieve.training.data import TrainingImage
from nanosieve.training.finetune import make_network
from nanosieve.training.loop import Trained, Watch
from nanosieve.training.scores import Judged
from nanosieve.training.splits import Split
from nanosieve.training.targets import Target
from nanosieve.training.tiles import TileSet


@dataclass(frozen=True)
class RunData:
    """What all trainings of a run share."""

    config: TrainConfig
    images: list[TrainingImage]
    target: Target
    folder: Path
    hardware: Accelerator
    resume: bool
    watch: Watch

    def tiles(self, places: Sequence[int], *, training: bool) -> TileSet:
        images = [self.images[place] for place in places]
        return TileSet(images, self.config, self.target, training=training)


@dataclass(frozen=True)
class Outcome:
    """One training, and what it says of images it has not seen (on the main process)."""

    split: Split
    seed: int
    trained: Trained
    judged: list[Judged]


@dataclass(frozen=True)
class Final:
    """The model that is kept: its weights, what it learned from, and which margins it is set by."""

    trained: Trained
    places: tuple[int, ...]
    judged: list[Judged]
    words: str


def trained_network(config: TrainConfig, trained: Trained) -> Network:
    """Build a network with the weights of its best epoch, ready to be used."""
    network = make_network(config)
    network.load_state_dict(trained.weights)
    return network.eval()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
