"""``nanosieve measure``: sizes of a label image made or corrected elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import closing, line, overview, tell
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.lattice.phases import Phase

Phases = Annotated[
    list[str] | None,
    typer.Option(
        "--phases",
        metavar="NAME|FILE.cif",
        help="Measure the lattice planes of each particle and match them with these, such as "
        "Au,CeO2; may be repeated.",
    ),
]
PhaseTolerance = Annotated[
    float,
    typer.Option(
        "--phase-tolerance",
        metavar="PERCENT",
        min=0.1,
        max=20,
        help="By how much spacings may be off.",
    ),
]


def measure(
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help="Label image: 0 background, else particle.")
    ],
    image: Annotated[Path, typer.Option("--image", metavar="FILE", help="The micrograph.")],
    out: options.Out = Path("nanosieve-out"),
    pixel_size: options.PixelSize = None,
    pixel_size_uncertainty: options.PixelSizeUncertainty = None,
    resample: options.Resample = None,
    average: options.Average = 1,
    isolated_only: options.IsolatedOnly = False,
    exclude: options.Exclude = None,
    export: options.Export = "",
    phases: Phases = None,
    phase_tolerance: PhaseTolerance = 3.0,
    debug: options.Debug = False,
) -> int:
    """Size a label image that was corrected by hand or made elsewhere.

    Writes what segment writes; the particles are flagged as edited. With --phases also
    lattice.csv: a row for each set of lattice planes.
    """
    settings = options.settings_from(
        pixel_size_nm=pixel_size,
        pixel_size_uncertainty_percent=pixel_size_uncertainty,
        resample_nm=resample,
        average_frames=average,
        isolated_only=isolated_only,
    )
    exports = options.exports_from(export)
    for path in (labels, image):
        if not path.exists():
            raise UsageError(f"{path}: no such file")

    sought = _phases(phases or [])

    from nanosieve.batch.process import Job, measure_input, without_mask
    from nanosieve.batch.rebuild import Pooling, prepare_out, rebuild

    without_mask(exclude, [image.stem])
    prepare_out(out)
    job = Job(out, settings, exclude, exports)
    outcome = measure_input(labels, image, job)
    tell(outcome, debug=debug)
    page = None
    if not outcome.failed:
        if sought:
            _lattice(out, outcome.name, sought, phase_tolerance / 100)
        page = rebuild(out, Pooling(exports=exports)).page
    overview([outcome])
    closing([outcome], page)
    return int(outcome.failed)


def _phases(words: list[str]) -> "list[Phase]":
    """Look phases up before anything is done."""
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    if not names:
        return []
    from nanosieve.lattice.phases import load_phases

    return load_phases(names)


def _lattice(out: Path, name: str, phases: "list[Phase]", tolerance: float) -> None:
    from nanosieve.batch.lattices import write_lattice
    from nanosieve.batch.store import LATTICE

    table = write_lattice(out, name, phases, tolerance=tolerance)
    if "d_px" in table.columns:
        line(
            f"{name}: its pixel size is unknown: spacings are in px, and phases are told by nm "
            "alone; give --pixel-size"
        )
    else:
        particle = ["frame", "label"]
        named = table[table["phase"].fillna("") != ""].drop_duplicates(particle)
        counts = named["phase"].value_counts()
        words = ", ".join(f"{count} {phase}" for phase, count in counts.items()) or "none"
        shown = len(table.drop_duplicates(particle))
        print(f"{shown} particles show lattice planes; of them may be: {words}")
    print(f"Lattice planes: {out / name / LATTICE}")
