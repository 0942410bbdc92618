"""``nanosieve evaluate``: methods and label images against a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanosieve.cli import options
from nanosieve.cli.console import counting_bar, line, print_table, score_with_ends
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.core.bragg import BraggSettings
    from nanosieve.evaluation import Evaluation

_BRAGG = "bragg"
# Options that not every method takes, by the names of settings.
_Given = dict[str, str | float | None]

_Predictions = Annotated[
    list[str] | None,
    typer.Option(
        "--predictions",
        metavar="NAME=DIR",
        help="Label images made elsewhere: DIR/<name>/labels.tif or DIR/<name>.tif|png; "
        "may be repeated.",
    ),
]
_Band = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Half-width, px, of the band that dice_outside_band leaves out "
        "(default: the larger of 1.5 px and 12 % of a particle's diameter).",
    ),
]
_Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        metavar="image|FILE.csv",
        help="What is independent: each image, or a table of name, group "
        "(default: dataset.csv, else all images are one group).",
    ),
]


def evaluate(
    data: Annotated[Path, typer.Option("--data", help="Data-set folder (images/, masks/, ...).")],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="Method or model (FILE.onnx) to run; may be repeated."),
    ] = None,
    predictions: _Predictions = None,
    out: options.Out = Path("nanosieve-out"),
    groups: _Groups = None,
    split: Annotated[
        str | None, typer.Option("--only", help="Score only this split of dataset.csv.")
    ] = None,
    ignore_margin: Annotated[
        int, typer.Option(min=0, help="Pixels along the image borders that do not count.")
    ] = 0,
    band: _Band = None,
    polarity: options.Polarity = "auto",
    edge: options.Edge = "base",
    threshold: options.Threshold = None,
    min_diameter: options.MinDiameter = None,
    form: options.Form = None,
    foreground: options.Foreground = None,
    preset: options.Preset = None,
    d_spacings: options.DSpacings = None,
    do_split: options.Split = True,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    development: Annotated[
        bool, typer.Option(help="Say that these are development data, not a test.")
    ] = False,
    jobs: options.Jobs = 1,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Score methods and label images side by side: scores.csv, summary.csv, report.html."""
    from nanosieve.evaluation import Protocol, write_evaluation
    from nanosieve.evaluation import evaluate as run
    from nanosieve.files.dataset import Dataset

    wanted, every = method or [], {"min_diameter": min_diameter, "split": do_split}
    given = {"polarity": polarity, "edge": edge, "threshold": threshold, "precision": precision}
    _check_own(wanted, given)
    bragg = options.bragg_from(wanted, form, foreground, preset, d_spacings)
    methods = {
        name: options.method_settings(name, **every, **_own(name, given, bragg)) for name in wanted
    }
    protocol = Protocol(
        ignore_margin=ignore_margin, band=band, split=split, development=development
    )
    with counting_bar("evaluating") as advance:
        evaluation = run(
            Dataset.open(data, groups=groups),
            methods=methods,
            predictions=_folders(predictions or []),
            protocol=protocol,
            device=options.device_from(device),
            jobs=jobs,
            progress=advance,
        )
    report = write_evaluation(evaluation, out)
    _print(evaluation, report)
    return 1 if len(evaluation.problems) else 0


def _own(method: str, given: _Given, bragg: "BraggSettings | None") -> dict[str, Any]:
    """Settings of this kind of method alone: side by side, each takes what is its own."""
    from nanosieve.core.settings import METHODS

    if method == "auto":
        return dict(given)
    if method == _BRAGG:
        return {"bragg": bragg}
    own = ("polarity", "edge") if method in METHODS else ("polarity", "threshold", "precision")
    return {name: given[name] for name in own}


def _check_own(methods: list[str], given: _Given) -> None:
    """Refuse what none of the methods takes: ignored, it would seem to change nothing."""
    from nanosieve.core.settings import METHODS

    # auto may be either.
    models = [name for name in methods if name == "auto" or name not in METHODS]
    asked = {
        "--threshold": given["threshold"] is not None,
        "--precision": given["precision"] != "auto",
    }
    for option in [name for name, is_asked in asked.items() if is_asked and not models]:
        raise UsageError(f"{option} is for networks, and no --method here is one; leave it out")
    if given["edge"] != "base" and not ({*METHODS} - {_BRAGG}) & {*methods}:
        raise UsageError(
            "--edge is for classical methods, and no --method here is one; leave it out"
        )
    if given["polarity"] != "auto" and {*methods} == {_BRAGG}:
        raise UsageError(
            "--polarity is not for bragg, which goes by the lattice; leave it out, and say what is "
            "wanted with --foreground crystal|amorphous"
        )


def _folders(pairs: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"--predictions takes NAME=DIR, got {pair!r}")
        if name in folders:
            raise UsageError(f"--predictions {name!r} is given twice; give each its own name")
        folders[name] = Path(folder)
    return folders


def _print(evaluation: "Evaluation", report: Path) -> None:
    from rich.table import Table

    from nanosieve.evaluation.cost import cost_lines

    shown = {
        "dice": "Dice", "instance_f1_50": "F1 (IoU 0.5)",
        "diameter_bias": "size bias", "box_centre_f1": "F1 (centre)", "box_iou_f1": "F1 (box IoU)",
    }  # fmt: skip
    summary = evaluation.summary
    columns = [name for name in shown if (summary[f"{name}_n"] > 0).any()]
    table = Table("method", "images", *(shown[name] for name in columns))
    for row in summary.to_dict("records"):
        cells = (
            score_with_ends(
                *(row[f"{name}_{end}"] for end in ("mean", "low", "high")), between="\n"
            )
            for name in columns
        )
        table.add_row(row["method"], f"{row['n_scored']} of {row['n_images']}", *cells)
    print_table(table)
    kinds = "; ".join(dict.fromkeys(summary["interval"]))
    development = "Development data. " if evaluation.protocol.development else ""
    print(f"{development}Means over images; in brackets {kinds}.")
    for text in cost_lines(evaluation.costs):
        print(text)
    for problem in evaluation.problems.to_dict("records"):
        line(f"{problem['image']}, {problem['method']}: {problem['status']}: {problem['message']}")
    print(f"Report: {report}")
