"""The image that networks are explained on, and what is particle in it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.core.segmentation import Polarity
from nanosieve.files.dataset import Sample as DataSample
from nanosieve.files.dataset import instances_from_mask
from nanosieve.files.read import read
from nanosieve.interpretation.edges import Border
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.prepare.annotations import find_annotations
from nanosieve.prepare.invalid import fill_invalid
from nanosieve.prepare.outliers import remove_outliers
from nanosieve.prepare.resample import resample, resample_back, resample_labels_back
from nanosieve.segmentation.segment import segment
from nanosieve.simulation.samples import sample

WINDOW_PX = 512
_NO_TRUTH = (
    "The outlines of the particles on this page were found by the classical method 'hybrid' and "
    "are no truth. Whatever compares particles with support here, the check for noise and the "
    "choice of borders among them, is only as good as they are: look at the overlay that "
    "nanosieve segment writes of this image first, or explain on labelled images with --data alone."
)


@dataclass(frozen=True)
class Subject:
    """An image with its particles.

    Parameters
    ----------
    name
        Of the image.
    image
        ``(y, x)`` float32, finite, without X-ray outliers.
    labels
        ``(y, x)`` int32, 0 support.
    source
        Where the labels come from, in words; never from the network that is explained.
    polarity
        What particles look like in it.
    calibration
        Its pixel size.
    valid
        ``(y, x)`` bool, false on scale bars and captions, which networks are not shown; ``None``
        where there is none.
    caution
        What must be known of the labels before anything is read from them; empty where they are
        a truth.
    """

    name: str
    image: np.ndarray
    labels: np.ndarray
    source: str
    polarity: Polarity
    calibration: Calibration
    valid: np.ndarray | None = None
    caution: str = ""


@dataclass(frozen=True)
class View:
    """A subject as one network sees it: at its pixel size, normalised, cut to a window.

    Parameters
    ----------
    prepared
        ``(y, x)`` network input of the window; statistics are those of the whole image.
    labels
        ``(y, x)`` of the window.
    calibration
        Pixel size of the window's pixels.
    origin
        ``(y, x)`` of the window's first pixel, in pixels of the resampled image.
    factor
        Pixels of the resampled image a pixel of the subject's own.
    """

    prepared: np.ndarray
    labels: np.ndarray
    calibration: Calibration
    origin: tuple[int, int]
    factor: float

    def border(self, border: Border) -> Border:
        """Move a line from the subject's pixels to the window's."""
        start, end = (
            (
                (point[0] + 0.5) * self.factor - 0.5 - self.origin[0],
                (point[1] + 0.5) * self.factor - 0.5 - self.origin[1],
            )
            for point in (border.start, border.end)
        )
        return Border(border.name, start, end)


def subject_from_file(path: str | Path, *, pixel_size_nm: float | None = None) -> Subject:
    """Read an image; its particles are those that the ``hybrid`` method finds.

    Raises
    ------
    InputError
        If it cannot be read, or its pixels are not square.
    """
    micrograph = read(path, pixel_size_nm=pixel_size_nm)
    image = _clean(micrograph.frames[0])
    if image.min() == image.max():
        raise RefusedInput(f"{Path(path).name}: the image is constant; give one with particles")
    valid = _without_captions(image)
    found = segment(
        image, method="hybrid", exclude=None if valid is None else ~valid,
        pixel_size_nm=micrograph.calibration.pixel_size_nm,
    )  # fmt: skip
    return Subject(
        micrograph.name, image, found.labels, "found by the hybrid method, independent of the "
        "networks", found.polarity, micrograph.calibration, valid, _NO_TRUTH,
    )  # fmt: skip


def subject_from_sample(polarity: str) -> Subject:
    """Simulate one of the package's samples with particles as a network expects them.

    Parameters
    ----------
    polarity
        ``dark``, ``bright`` or ``any``, which takes dark ones.
    """
    made = sample("bright_touching" if polarity == "bright" else "dark")
    return Subject(
        f"simulated sample '{made.name}'", made.micrograph.frames[0].astype(np.float32),
        made.labels, "simulated: known exactly", "bright" if polarity == "bright" else "dark",
        made.micrograph.calibration,
    )  # fmt: skip


def subject_from_data(data: DataSample, polarity: Polarity | None = None) -> Subject:
    """Take an image of a data set with its mask.

    Parameters
    ----------
    data
        An image with a mask.
    polarity
        What particles look like; told from the mask where not given.

    Raises
    ------
    UsageError
        If it has no mask, or the mask no particle or no support that tell the polarity.
    """
    labels = data.instances()
    mask = data.mask()
    if mask is None or (polarity is None and (mask.all() or not mask.any())):
        raise UsageError(
            f"{data.name}: explain needs a mask with both particles and support; add "
            f"masks/{data.name}.png, or name another image with --image"
        )
    image = _clean(data.image())
    if polarity is None:
        darker = float(image[mask].mean()) < float(image[~mask].mean())
        polarity = "dark" if darker else "bright"
    return Subject(
        data.name, image, instances_from_mask(mask) if labels is None else labels,
        "the data set's mask", polarity, data.micrograph().calibration, _without_captions(image),
    )  # fmt: skip


def view_of(subject: Subject, model: TrainedNetwork, *, side: int | None = WINDOW_PX) -> View:
    """Bring a subject to a network.

    Parameters
    ----------
    subject
        The whole image: it is normalised whole.
    model
        What it is brought to.
    side
        Largest side of the window, px; that with the most border of particles is taken. ``None``
        for the whole image.
    """
    image, labels, calibration = subject.image, subject.labels, subject.calibration
    valid = subject.valid
    size, wanted, factor = calibration.pixel_size_nm, model.pixel_size_nm, 1.0
    if size is not None and wanted is not None and not math.isclose(size, wanted, rel_tol=1e-3):
        image = resample(image, size, wanted)
        shape = image.shape[0], image.shape[1]
        labels = resample_labels_back(labels, shape, wanted, size)
        valid = None if valid is None else resample(valid, size, wanted) > 0.99
        calibration = Calibration(wanted, calibration.source, calibration.in_file)
        factor = size / wanted
    prepared = model.prepared(image, subject.polarity, valid)
    rows, columns = _window(labels, side)
    return View(
        prepared[rows, columns], labels[rows, columns], calibration, (rows.start, columns.start),
        factor,
    )  # fmt: skip


def on_grid(view: View, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring a probability of a whole view back to the subject's own pixels, as `segment` does."""
    if view.factor == 1:
        return values
    return resample_back(values, shape, view.factor, 1.0)


def _without_captions(image: np.ndarray) -> np.ndarray | None:
    drawn = find_annotations(image)
    return ~drawn if drawn.any() else None


def _clean(pixels: np.ndarray) -> np.ndarray:
    finite, _ = fill_invalid(pixels)
    return remove_outliers(finite.astype(np.float32, copy=False))[0]


def _window(labels: np.ndarray, side: int | None) -> tuple[slice, slice]:
    """The window with the most border of particles; the middle where there is none."""
    height, width = labels.shape
    if side is None or max(height, width) <= side:
        return slice(0, height), slice(0, width)
    size = min(side, height), min(side, width)
    inside = labels > 0
    border = inside & ~ndimage.binary_erosion(inside)
    share = ndimage.uniform_filter(border.astype(np.float32), size, mode="constant")
    # Centres at which the window lies within the image; the first of equals.
    inner = share[
        size[0] // 2 : height - (size[0] - 1) // 2, size[1] // 2 : width - (size[1] - 1) // 2
    ]
    if inner.max() <= 0:
        top, left = (height - size[0]) // 2, (width - size[1]) // 2
    else:
        top, left = (int(i) for i in np.unravel_index(int(inner.argmax()), inner.shape))
    return slice(top, top + size[0]), slice(left, left + size[1])
