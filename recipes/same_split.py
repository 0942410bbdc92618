"""Divide data sets as a training did: ``python -m recipes.same_split RUN SET...``.

A second training must not learn from what the first was validated on. This writes the column
``split`` of each ``dataset.csv``; images that the run did not have are trained on.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from nanosieve.core.errors import UsageError


def divide(run: Path, sets: list[Path]) -> None:
    """Write the roles of ``splits.csv`` of a run into the tables of data sets.

    Raises
    ------
    UsageError
        If an image of the run is in none of the sets, or two have one name: what it was validated
        on could be learned from.
    """
    table = pd.read_csv(run / "splits.csv")
    # Of several data sets, images are named with theirs.
    names = table["image"].str.rpartition("/")[2]
    tables = {
        path / "dataset.csv": pd.read_csv(path / "dataset.csv", dtype=str, keep_default_na=False)
        for path in sets
    }
    lost = set(names) - {name for index in tables.values() for name in index["name"]}
    if lost:
        raise UsageError(f"{run}: {len(lost)} of its images are in none of the sets: {min(lost)}")
    if not names.is_unique:
        raise UsageError(
            f"{run}: {names[names.duplicated()].iloc[0]} is the name of several images"
        )
    roles = dict(zip(names, table["role"], strict=True))
    for path, index in tables.items():
        index["split"] = index["name"].map(roles).fillna("train")
        index.to_csv(path, index=False)


def main() -> int:
    """Parse, divide."""
    parser = argparse.ArgumentParser(prog="python -m recipes.same_split", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of nanosieve train, on several sets")
    parser.add_argument("sets", type=Path, nargs="+", help="data-set folders")
    options = parser.parse_args()
    try:
        divide(options.run, options.sets)
    except UsageError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
