"""Divide data sets as a training did: ``python -m recipes.same_split RUN SET...``.

A second training must not learn from what the first was validated on. This writes the column
``split`` of each ``dataset.csv``; images that the run did not have are trained on.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd


def divide(run: Path, sets: list[Path]) -> None:
    """Write the roles of ``splits.csv`` of a run into the tables of data sets."""
    table = pd.read_csv(run / "splits.csv")
    roles = dict(zip(table["image"], table["role"], strict=True))
    for path in sets:
        index = pd.read_csv(path / "dataset.csv", dtype=str, keep_default_na=False)
        # Of several data sets, images are named with theirs.
        index["split"] = [roles.get(f"{path.name}/{name}", "train") for name in index["name"]]
        index.to_csv(path / "dataset.csv", index=False)


def main() -> int:
    """Parse, divide."""
    parser = argparse.ArgumentParser(prog="python -m recipes.same_split", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of nanosieve train, on several sets")
    parser.add_argument("sets", type=Path, nargs="+", help="data-set folders")
    options = parser.parse_args()
    divide(options.run, options.sets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
