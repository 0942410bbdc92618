"""``nanosieve search``: settings tried in all combinations."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from nanosieve.cli import options
from nanosieve.cli.console import counting_bar, line, print_table
from nanosieve.cli.train import Config, RunFolder, need_training

if TYPE_CHECKING:
    from nanosieve.training.search import Search


def search(
    config: Config,
    out: RunFolder,
    device: options.Device = "auto",
    jobs: options.Jobs = 1,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Train every combination of the settings in [search]: search.csv, report.html.

    The same command again does what is not done yet.
    """
    need_training()
    from nanosieve.training.config import TrainConfig
    from nanosieve.training.search import search as run

    settings = TrainConfig.read(config)
    with counting_bar("searching") as advance:
        found = run(settings, out, jobs=jobs, device=options.device_from(device), progress=advance)
    _print(found, out)
    print(f"Table: {out / 'search.csv'}\nReport: {out / 'report.html'}")
    return int((found.table["status"] != "ok").any())


def _print(found: "Search", out: Path) -> None:
    from rich.table import Table

    table = Table(*found.settings, "validation Dice", "weights")
    for row in found.table.to_dict("records"):
        if row["status"] != "ok":
            line(f"failed: {row['run']}: {row['message']}")
            continue
        spread = row["validation_dice_std"]
        dice = f"{row['validation_dice']:.4f}" + ("" if math.isnan(spread) else f" ± {spread:.4f}")
        cells = (str(row[name]) for name in found.settings)
        table.add_row(*cells, dice, f"{row['n_parameters']:,.0f}")
    print_table(table)
    best = found.best
    if best is not None:
        chosen = found.table.iloc[best]
        print("Best: " + ", ".join(f"{name} = {chosen[name]}" for name in found.settings))
        folder = out / chosen["run"]
        print(f"Its model: nanosieve train {folder / 'settings.toml'} -o {folder} --resume")
