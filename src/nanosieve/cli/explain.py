"""``nanosieve explain``: how networks decide."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import print_table

if TYPE_CHECKING:
    from nanosieve.interpretation.explain import Explanation


def explain(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...", help="model.onnx with model.safetensors beside it, or the latter."
        ),
    ],
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", help="Micrograph to explain on (default: of --data, or simulated)."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data-set folder, for scores against the threshold."),
    ] = None,
    out: options.Out = Path("nanosieve-explain"),
    pixel_size: options.PixelSize = None,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="NAME", help="Layer to draw; may be repeated."),
    ] = None,
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="Y0,X0,Y1,X1",
            help="Profile across a border, px, from inside to outside; may be repeated.",
        ),
    ] = None,
    borders: Annotated[
        int, typer.Option(min=1, help="Borders to find where no --line is given.")
    ] = 6,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """Show how networks decide: kernels, activations, field of view, logits, edges, thresholds."""
    from nanosieve.interpretation.explain import Wanted
    from nanosieve.interpretation.explain import explain as run

    wanted = Wanted(image, data, pixel_size, tuple(layer or ()), tuple(line or ()), borders)
    _print(run(models, out, wanted))
    return 0


def _print(found: "Explanation") -> None:
    from rich.table import Table

    table = Table(
        "model",
        "field used / possible, px",
        "deciding logit shows",
        f"edge width here, {found.unit} (borders)",
    )
    for name in found.models:
        field, check = found.fields[name], found.checks.get(name)
        width = found.edge_widths.get(name)
        table.add_row(
            name,
            f"{field.effective_px} / {field.theoretical_px}",
            "–" if check is None else f"{check.verdict} ({check.score:.2f})",
            "–"
            if width is None or not width.n_fitted
            else f"{width.median:.3g} ({width.n_fitted} of {width.n_borders})",
        )
    print_table(table)
    print(f"Report: {found.report}")
