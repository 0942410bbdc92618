"""The frames of a result again, with their labels: for what is measured after the sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanosieve.batch import store
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.settings import Settings
from nanosieve.files.labels import read_labels
from nanosieve.files.read import read
from nanosieve.prepare.frame import Place, Trail, take
from nanosieve.prepare.invalid import fill_invalid
from nanosieve.prepare.outliers import remove_outliers


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One frame of a result.

    Parameters
    ----------
    image, frame
        As in ``particles.csv``.
    pixels
        ``(y, x)`` float32: averaged and resampled as it was segmented, X-rays removed, all finite.
    labels
        ``(y, x)`` integers, 0 background, those corrected by hand included.
    pixel_size_nm, pixel_size_uncertainty
        Of the frame, or ``None``, and its relative standard uncertainty.
    """

    image: str
    frame: int
    pixels: np.ndarray
    labels: np.ndarray
    pixel_size_nm: float | None
    pixel_size_uncertainty: float


def images_in(out: Path) -> list[str]:
    """Names of the results that a folder of ``nanosieve segment`` holds.

    Raises
    ------
    UsageError
        If it holds none.
    """
    names = [record.name for record in store.load_all(out) if record.done] if out.is_dir() else []
    if not names:
        raise UsageError(f"{out}: holds no result; give the -o of nanosieve segment")
    return names


def labelled_frames(out: Path, image: str) -> Iterator[LabelledFrame]:
    """Read the frames of one result, one at a time.

    Parameters
    ----------
    out
        Folder of ``nanosieve segment`` or ``measure``.
    image
        Name of the result.

    Raises
    ------
    UsageError
        If there is no such result, or image and labels do not fit together.
    InputError
        If the image or its labels cannot be read.
    """
    folder = out / image
    record = store.load(folder)
    if record is None or not record.done:
        raise UsageError(f"{out}: holds no result {image}; names are those of its folders")
    source = store.path_to(out, record.source)
    if not source.exists():
        raise FailedInput(f"{image}: the image {source} is no longer there; put it back")
    settings = Settings(**record.origin.settings)
    micrograph = read(source, pixel_size_nm=settings.pixel_size_nm, keep_anisotropic=True)
    labels, of_labels = read_labels(folder / store.LABELS)
    stack = labels if labels.ndim == 3 else labels[np.newaxis]
    step = settings.average_frames
    uncertainty = (settings.pixel_size_uncertainty_percent or 0) / 100
    n_frames = -(-len(micrograph) // step)
    for number in range(n_frames):
        frames = range(number * step, min((number + 1) * step, len(micrograph)))
        trail = Trail.of(micrograph)
        pixels, calibration, _ = take(Place(micrograph, number, frames), None, settings, trail)
        if len(stack) != n_frames or pixels.shape != stack[number].shape:
            raise UsageError(
                f"{image}: its labels are not those of {source.name}, {n_frames} x "
                f"{' x '.join(map(str, pixels.shape))}; segment it again"
            )
        filled, _ = fill_invalid(np.asarray(pixels))
        cleaned, _ = remove_outliers(np.asarray(filled, np.float32))
        size = calibration.pixel_size_nm or of_labels.pixel_size_nm
        yield LabelledFrame(image, number, cleaned, stack[number], size, uncertainty)
