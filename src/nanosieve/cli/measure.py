"""``nanosieve measure``: sizes of a label image made or corrected elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import closing, overview, tell
from nanosieve.core.errors import UsageError


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
    debug: options.Debug = False,
) -> int:
    """Size a label image that was corrected by hand or made elsewhere.

    Writes what segment writes; the particles are flagged as edited.
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

    from nanosieve.batch.process import Job, measure_input, without_mask
    from nanosieve.batch.rebuild import Pooling, prepare_out, rebuild

    without_mask(exclude, [image.stem])
    prepare_out(out)
    job = Job(out, settings, exclude, exports)
    outcome = measure_input(labels, image, job)
    tell(outcome, debug=debug)
    page = None
    if not outcome.failed:
        page = rebuild(out, Pooling(exports=exports)).page
    overview([outcome])
    closing([outcome], page)
    return int(outcome.failed)
