"""What methods are judged on: real folders, and simulated sets that nothing was trained on."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from nanosieve.files.dataset import Dataset
from recipes.test_sets import known

DATA = Path(os.environ.get("NANOSIEVE_DATA", "../shared/data"))
Kind = Literal["particles", "hrtem", "graphene"]
REAL = {"emps_bf": "image", "catalyst_boxes": "image", "sinter800": None}


@dataclass(frozen=True)
class Judged:
    """A data set.

    Parameters
    ----------
    name
        In the tables.
    path
        Its folder.
    kind
        The packaged model that is meant for it.
    groups
        As ``nanosieve evaluate --groups``.
    everything
        Count what nobody could label, too.
    """

    name: str
    path: Path
    kind: Kind
    groups: str | None = None
    everything: bool = False

    def dataset(self, limit: int | None = None) -> Dataset:
        """Open it, or the first images of it."""
        found = Dataset.open(self.path, groups=self.groups)
        samples = found.samples[:limit]
        if self.everything:
            samples = tuple(
                replace(
                    one, files={key: file for key, file in one.files.items() if key != "ignore"}
                )
                for one in samples
            )
        return replace(found, samples=samples)


def real() -> Iterator[Judged]:
    """Give the real data sets that are at hand."""
    for name, groups in REAL.items():
        if (DATA / name).is_dir():
            yield Judged(name, DATA / name, "particles", groups)


def simulated(prefix: str, *, limit: int | None = None, jobs: int = 1) -> Iterator[Judged]:
    """Give the test sets whose names begin so; what is missing of them is made."""
    for name, one in known().items():
        if name.startswith(prefix):
            one.make(n=limit, jobs=jobs)
            kind: Kind = "particles"
            if name.startswith("hrtem/"):
                kind = "hrtem"
            elif name.startswith(("graphene/", "atoms/")):
                kind = "graphene"
            yield Judged(name, one.folder, kind)
