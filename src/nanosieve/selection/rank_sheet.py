"""The ranking as a contact sheet: each image with what is not wanted under a tint."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nanosieve.batch import store
from nanosieve.batch.process import Job, mask_file
from nanosieve.core.errors import NanosieveError
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings
from nanosieve.core.workers import in_processes
from nanosieve.files.read import read
from nanosieve.models.load import find_model, read_card
from nanosieve.prepare.frame import Place, Trail, finite_pixels, take, with_annotations
from nanosieve.report.contact_sheet import ContactItem, write_contact_sheet
from nanosieve.report.labelled import encoded
from nanosieve.report.overlay import THUMBNAIL_SIDE
from nanosieve.report.text import percent
from nanosieve.selection.rank import Ranked
from nanosieve.selection.tinted import tinted_picture
from nanosieve.selection.wanted import wanted_pixels

SHEET = "rank.png"
_WORTH_A_PROCESS = 20


def write_sheet(
    path: Path, ranking: Sequence[Ranked], job: Job, *, least: float | None, jobs: int = 1
) -> list[Path]:
    """Write the contact sheet of a ranking, 20 images a page.

    Parameters
    ----------
    path
        PNG file; pages are numbered before the suffix.
    ranking
        As `nanosieve.selection.rank.rank` gave it; files without a result are left out.
    job
        What the results in OUT were made with.
    least
        Share from which a file is kept, for the heading.
    jobs
        Number of processes that draw.

    Returns
    -------
    list of Path
        The pages.

    Raises
    ------
    OutputError
        If a page cannot be written.
    """
    shown = [one for one in ranking if one.shares]
    drawn = dict(_drawn(shown, job, jobs))
    items = [ContactItem(_caption(one), drawn[one.item.name]) for one in shown]
    return write_contact_sheet(path, items, instead=_heading(ranking, least))


def _drawn(shown: Sequence[Ranked], job: Job, jobs: int) -> Iterator[tuple[str, bytes]]:
    # A process takes as long to start as many pictures to be drawn.
    jobs = min(jobs, len(shown) // _WORTH_A_PROCESS)
    if jobs <= 1:
        return (_named_picture(one, job) for one in shown)
    return in_processes(_named_picture, shown, (job,), jobs=jobs, died=_blank)


def _named_picture(one: Ranked, job: Job) -> tuple[str, bytes]:
    """Draw one; a picture that cannot be drawn any more is no reason to lose the others."""
    try:
        return one.item.name, encoded(_picture(one, job))
    except NanosieveError:
        return _blank(one)


def _blank(one: Ranked) -> tuple[str, bytes]:
    return one.item.name, encoded(Image.new("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), "grey"))


def _picture(one: Ranked, job: Job) -> Image.Image:
    """Take the typical frame as it was measured, and what was found in it."""
    folder, index, trail = job.out / one.item.name, one.typical, Trail([], [], [])
    settings = job.settings
    micrograph = read(one.item.path, pixel_size_nm=settings.pixel_size_nm, keep_anisotropic=True)
    first = index * settings.average_frames
    frames = range(first, min(first + settings.average_frames, len(micrograph)))
    mask = mask_file(job.exclude, one.item.name)
    exclude = None if mask is None else read(mask, keep_anisotropic=True).frames[0] != 0
    image, _, excluded = take(Place(micrograph, index, frames), exclude, settings, trail)
    filled = finite_pixels(image, trail)
    if filled is None:
        return tinted_picture(image, np.zeros(image.shape, bool), excluded)
    excluded = with_annotations(filled, excluded, trail)
    found = _found(folder, index, excluded, one.method, settings)
    return tinted_picture(filled, wanted_pixels(found, one.wanted), excluded)


def _found(
    folder: Path, index: int, excluded: np.ndarray | None, method: str, settings: Settings
) -> Segmentation:
    """What the result's files say of a frame."""
    labels = read(folder / store.LABELS, keep_anisotropic=True).frames[index].astype(np.int32)
    classes: np.ndarray | None = None
    names: tuple[str, ...] = ()
    path = folder / store.CLASSES
    if path.is_file():
        classes = read(path, keep_anisotropic=True).frames[index]
        name = settings.method if settings.has_model else method
        names = read_card(find_model(name))[0].kinds
    return Segmentation(
        labels, labels > 0, method, "dark", excluded=excluded, classes=classes, class_names=names
    )


def _caption(one: Ranked) -> str:
    frame = f" frame {one.typical}" if len(one.shares) > 1 else ""
    return f"{percent(one.share)} {one.item.name}{frame}"


def _heading(ranking: Sequence[Ranked], least: float | None) -> str:
    """Two lines' worth of words would not fit: only what the pictures do not say."""
    kinds = {"+".join(one.wanted) for one in ranking if one.shares}
    of = kinds.pop() if len(kinds) == 1 else "what is wanted"
    text = f"By the share of {of}; tinted: the rest; hatched: left out."
    if least is not None:
        n = sum(one.is_kept(least) for one in ranking)
        text += f" Kept (from {least:g} on): " + (f"1 to {n}." if n > 1 else "1." if n else "none.")
    return text
