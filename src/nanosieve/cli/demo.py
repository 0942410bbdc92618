"""``nanosieve demo``: sample micrographs, segmented, with their truth beside what was found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import print_table, progress, tell

if TYPE_CHECKING:
    from nanosieve.batch.process import Outcome
    from nanosieve.simulation.samples import Sample


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for images and results.")] = Path(
        "nanosieve-demo"
    ),
    debug: options.Debug = False,
) -> int:
    """Segment sample micrographs that are simulated on the spot.

    Needs no input; what was found stands beside what is true.
    """
    from nanosieve.batch.discover import discover
    from nanosieve.batch.process import Job
    from nanosieve.batch.rebuild import Pooling, prepare_out, rebuild
    from nanosieve.batch.runner import run
    from nanosieve.core.settings import Settings
    from nanosieve.files.tiff_writer import write_tiff
    from nanosieve.simulation.samples import samples

    images = out / "images"
    prepare_out(images)
    simulated = {sample.name: sample for sample in samples()}
    for sample in simulated.values():
        image = sample.micrograph
        write_tiff(
            images / f"{sample.name}.tif", iter(image), image.shape, image.dtype,
            calibration=image.calibration,
        )  # fmt: skip
    found = discover([images / f"{name}.tif" for name in simulated], out)
    outcomes = []
    with progress(run(found.inputs, Job(out, Settings())), len(found.inputs)) as coming:
        for outcome in coming:
            outcomes.append(outcome)
            tell(outcome, debug=debug)
    pooling = Pooling(title="nanosieve demo")
    page = rebuild(out, pooling).page
    _compare(outcomes, simulated)
    print(f"Open the report: {page}")
    return int(any(outcome.failed for outcome in outcomes))


def _compare(outcomes: "list[Outcome]", simulated: "dict[str, Sample]") -> None:
    """Print numbers and mean diameters, found and true."""
    from rich.table import Table

    table = Table("sample")
    for name in ("found", "true", "mean d found, nm", "mean d true, nm"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        true = simulated[outcome.name].diameters_nm
        table.add_row(
            outcome.name,
            str(outcome.n),
            str(len(true)),
            "" if outcome.diameter is None else f"{outcome.diameter:.2f}",
            f"{true.mean():.2f}" if len(true) else "",
        )
    print_table(table)
