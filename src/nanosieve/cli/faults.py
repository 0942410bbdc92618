"""``nanosieve faults``: classes of segmented particles, stacking faults among them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from nanosieve.cli import options
from nanosieve.cli.console import counting_bar, line, print_table, score_with_ends
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.selection.faults.features import FeatureSet
    from nanosieve.selection.faults.forest import Weights
    from nanosieve.selection.faults.run import Trained

faults = typer.Typer(
    name="faults",
    help="Tell particles with stacking faults from others, by a random forest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Folder = Annotated[
    Path, typer.Argument(metavar="OUT", help="The -o of nanosieve segment or measure.")
]


@faults.command()
def train(
    out: _Folder,
    classes: Annotated[
        Path,
        typer.Option(
            "--classes",
            metavar="FILE.csv",
            help="Columns image, label, class (no fault, fault, no fringe, agglomerate, empty), "
            "and frame, group where there are any; particles.csv with a column class will do.",
        ),
    ],
    run: Annotated[
        Path, typer.Option("-o", "--out", metavar="RUN", help="Folder for model and report.")
    ] = Path("nanosieve-faults"),
    features: Annotated[
        str, typer.Option(metavar="all|paper", help="Figures of a crop: all, or the paper's five.")
    ] = "all",
    weights: Annotated[
        str,
        typer.Option(
            metavar="balanced|equal|paper",
            help="Of the classes; the paper's favour those that are frequent.",
        ),
    ] = "balanced",
    trees: Annotated[int, typer.Option(min=50, help="Trees of the forest.")] = 500,
    folds: Annotated[int, typer.Option(min=2, help="Parts that groups are divided into.")] = 5,
    background: Annotated[
        int, typer.Option(min=0, help="Squares of bare support to add to the class empty.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything drawn.")] = 0,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Train a random forest on particles that someone gave a class.

    Writes faults.skops (without pickle), confusion.csv, predictions.csv and report.html.
    """
    _one_of("--features", features, ("all", "paper"))
    _one_of("--weights", weights, ("balanced", "equal", "paper"))

    from nanosieve.selection.faults.forest import Growth
    from nanosieve.selection.faults.run import TrainOptions
    from nanosieve.selection.faults.run import train as fit
    from nanosieve.selection.faults.write import PAGE, write_training

    growth = Growth(trees, cast("Weights", weights), seed)
    trained = fit(
        out, classes, TrainOptions(cast("FeatureSet", features), growth, folds, background)
    )
    model = write_training(trained, run)
    if trained.samples.small:
        line(f"{trained.samples.small} labelled particles are too small and were left out")
    _print(trained)
    print(f"Model: {model}")
    print(f"Report: {run / PAGE}")
    return 0


@faults.command()
def predict(
    out: _Folder,
    model: Annotated[
        Path, typer.Option("--model", metavar="FILE.skops", help="As faults train wrote it.")
    ],
    table: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.csv", help="Table (default: OUT/faults.csv)."),
    ] = None,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Tell the class of every segmented particle, with its probability."""
    from nanosieve.files.table import write_table
    from nanosieve.selection.faults.model_file import load_model
    from nanosieve.selection.faults.run import predict as tell
    from nanosieve.selection.faults.write import DIGITS

    forest = load_model(model)
    with counting_bar("images") as progress:
        told = tell(out, forest, progress=progress)
    path = table or out / "faults.csv"
    write_table(path, told, digits=DIGITS)
    counts = told["class"].replace("", "no class").value_counts()
    print(", ".join(f"{count} {name}" for name, count in counts.items()) or "no particles")
    unlike = int(told["note"].str.startswith("pixels").sum())
    if unlike:
        line(
            f"{unlike} particles are of images with pixels unlike those of the training; "
            "column note says which"
        )
    print(f"Table: {path}")
    return 0


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{option} {value}: give {', '.join(allowed[:-1])} or {allowed[-1]}")


def _print(trained: "Trained") -> None:
    from rich.table import Table

    for scores in trained.scores:
        ends = scores.accuracy_ends
        print(f"{scores.kind}: accuracy {score_with_ends(scores.accuracy, ends.low, ends.high)}")
    best = trained.scores[0]
    table = Table("true \\ told", *best.confusion.columns, "recall", "precision")
    for row in best.table.to_dict("records"):
        counts = [str(count) for count in best.confusion.loc[row["class"]]]
        table.add_row(row["class"], *counts, f"{row['recall']:.3f}", f"{row['precision']:.3f}")
    print_table(table)
    if trained.model.card.groups == 1:
        line("all particles are of one group: how well it does on other images is not known")
