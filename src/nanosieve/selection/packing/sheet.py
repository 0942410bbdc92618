"""What packing made of each image, as a contact sheet: missed particles are seen there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet
from nanosieve.report.labelled import encoded
from nanosieve.report.text import percent
from nanosieve.selection.packing.container import open_packed
from nanosieve.selection.packing.pack import PackOutcome
from nanosieve.selection.tinted import tinted_picture

SHEET = "pack.png"


def write_sheet(path: Path, outcomes: Sequence[PackOutcome]) -> list[Path]:
    """Write packed micrographs as they are now, what is no longer exact under a tint.

    Parameters
    ----------
    path
        PNG file; pages of 20 are numbered before the suffix.
    outcomes
        Files that were packed; of a movie the first frame is shown.

    Returns
    -------
    list of Path
        The pages.

    Raises
    ------
    OutputError
        If a page cannot be written.
    """
    items = [ContactItem(_caption(one), _picture(one.path)) for one in outcomes]
    instead = (
        "As packed; tinted: no longer exact. A particle under the tint was missed, and is lost."
    )
    return write_contact_sheet(path, items, instead=instead)


def _caption(one: PackOutcome) -> str:
    ratio = one.source_bytes / one.packed_bytes
    return f"{percent(one.about['exact_share'])} {one.item.name} ({ratio:.3g} x smaller)"


def _picture(path: Path) -> bytes:
    with open_packed(path) as packed:
        image, _, exact = next(iter(packed))
    # Half floats have no percentiles that would not overflow.
    wide = image.astype(np.float32) if image.dtype == np.float16 else image
    return encoded(tinted_picture(wide, exact))
