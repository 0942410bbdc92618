"""Make the simulated images that models are judged on: ``python -m recipes.test_sets [NAME...]``.

Sets are those of ``test-sets.toml``; what is there already stays, what is missing is made.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanosieve.core.errors import UsageError
from nanosieve.core.settings_file import changed, read_toml
from nanosieve.files.dataset import Dataset
from nanosieve.report.labelled import write_dataset_sheet
from nanosieve.simulation import presets
from nanosieve.simulation.records import SHEET, SimulationFolder
from nanosieve.simulation.run import Outcome, Status, simulate

HERE = Path(__file__).parent
SETS = HERE / "sets" / "test"


@dataclass(frozen=True)
class SimulatedSet:
    """A set of images of one preset.

    Parameters
    ----------
    name
        Of the set, and of its folder below `SETS`.
    base
        The preset it is made of.
    n
        Images.
    seed
        Of all random numbers.
    changes
        Settings that differ from the preset's, by their dotted names.
    """

    name: str
    base: str
    n: int
    seed: int
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return SETS / self.name

    def load(self) -> presets.Preset:
        """Give its settings."""
        values = changed(presets.load(self.base).values, self.changes, source=self.name)
        return presets.check(values, name=self.name.replace("/", "-"), where=self.name)

    def has(self, n: int) -> bool:
        """Whether the tables name so many images, and these are there."""
        folder = SimulationFolder(self.folder, self.load(), self.seed)
        return (self.folder / "truth.csv").is_file() and sum(folder.complete().values()) >= n

    def make(self, *, n: int | None = None, jobs: int = 1) -> tuple[Outcome, ...]:
        """Make what is missing of the first ``n`` images; all of them by default.

        Returns
        -------
        tuple
            Structures that could not be made.
        """
        n = n or self.n
        if self.has(n):
            return ()
        made = simulate(self.load(), n, self.folder, seed=self.seed, jobs=jobs, watch=self._tell)
        sheet = made.folder / SHEET
        write_dataset_sheet(sheet, Dataset.open(made.folder), classes=made.classes)
        return made.failed

    def _tell(self, status: Status) -> None:
        told = "" if status.outcome is None else status.outcome.message
        print(f"{self.name}: {status.done} of {status.wanted} {told}", file=sys.stderr, flush=True)


def known(path: Path = HERE / "test-sets.toml") -> dict[str, SimulatedSet]:
    """All sets, by name."""
    return {name: SimulatedSet(name, **values) for name, values in read_toml(path).items()}


def main() -> int:
    """Parse, make."""
    parser = argparse.ArgumentParser(prog="python -m recipes.test_sets", description=__doc__)
    parser.add_argument("name", nargs="*", help="sets, or what their names begin with; else all")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--list", action="store_true", help="only name them")
    options = parser.parse_args()
    wanted = [
        one for one in known().values() if not options.name or one.name.startswith((*options.name,))
    ]
    if not wanted:
        parser.error(f"no such set; there are {', '.join(known())}")
    if options.list:
        print("\n".join(one.name for one in wanted))
        return 0
    try:
        failed = [outcome for one in wanted for outcome in one.make(jobs=options.jobs)]
    except UsageError as error:
        parser.error(str(error))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
