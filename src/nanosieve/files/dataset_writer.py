"""Write images with their labels as a data-set folder: pseudo-labels, and simulated truth."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.atomic import atomic_path, output_errors
from nanosieve.files.dataset_index import IndexRow, update_index
from nanosieve.files.label_pixels import LABEL_SUFFIXES
from nanosieve.files.labels import LARGEST_UINT16, write_labels
from nanosieve.files.tiff_writer import write_tiff


@dataclass(frozen=True)
class NewSample:
    """An image to be written into a data set, with its labels.

    Parameters
    ----------
    name
        Name of its files, without suffix.
    image
        ``(y, x)`` in its own dtype.
    labels
        ``(y, x)`` integers; 0 is background.
    calibration
        Pixel size.
    group
        What must not be divided between training and test, e.g. the movie's name for its frames.
    ignore
        ``(y, x)`` bool, pixels that nobody could label; ``None`` if there are none.
    classes
        ``(y, x)`` uint8 classes; ``None`` where there are support and particles alone.
    """

    name: str
    image: np.ndarray
    labels: np.ndarray
    calibration: Calibration
    group: str
    ignore: np.ndarray | None = None
    classes: np.ndarray | None = None

    @property
    def row(self) -> IndexRow:
        """Its row of ``dataset.csv``."""
        return IndexRow(self.name, self.group, pixel_size_nm=self.calibration.pixel_size_nm)


def write_sample(folder: str | Path, sample: NewSample) -> list[Path]:
    """Write one image with its mask and instances, but not its row of ``dataset.csv``.

    Processes may write different samples into one folder at the same time.

    Parameters
    ----------
    folder
        The data set; made if it does not exist.
    sample
        Becomes ``images/<name>.tif`` (own dtype, pixel size inside), ``masks/<name>.png`` (0 and
        255, or the classes as they are), ``instances/<name>.png`` (16 bits; ``.tif`` above 65 535
        particles) and, if any pixel is ignored, ``ignore/<name>.png``.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    UsageError
        If labels, classes or ignored pixels have another shape than the image.
    OutputError
        If a file cannot be written.
    """
    _check(sample)
    shape = sample.image.shape
    image = _place(folder, "images", sample.name, ".tif")
    write_tiff(
        image,
        [sample.image],
        (1, shape[0], shape[1]),
        sample.image.dtype,
        calibration=sample.calibration,
        compress=False,
    )
    mask = _place(folder, "masks", sample.name, ".png")
    _write_png(mask, _mask(sample))
    written = [image, mask]
    if sample.labels.max(initial=0) <= LARGEST_UINT16:
        written.append(_place(folder, "instances", sample.name, ".png"))
        _write_png(written[-1], sample.labels.astype(np.uint16))
    else:
        written.append(_place(folder, "instances", sample.name, ".tif"))
        write_labels(written[-1], sample.labels, sample.calibration)
    if sample.ignore is not None and sample.ignore.any():
        written.append(_place(folder, "ignore", sample.name, ".png"))
        _write_png(written[-1], _black_white(sample.ignore))
    else:
        # Of an earlier run, which ignored something.
        _remove(folder, "ignore", sample.name)
    return written


def remove_sample(folder: str | Path, name: str) -> None:
    """Remove what `write_sample` wrote of one image; what is not there is no error.

    Raises
    ------
    OutputError
        If a file cannot be removed.
    """
    for kind in ("images", "masks", "instances", "ignore"):
        _remove(folder, kind, name)


def write_dataset(folder: str | Path, samples: Iterable[NewSample]) -> None:
    """Write images one after the other, then their rows of ``dataset.csv``.

    A row that is there already keeps what its user wrote: group, split, ``keep`` and own columns.

    Parameters
    ----------
    folder
        The data set; made if it does not exist.
    samples
        May be a generator: one is held at a time.

    Raises
    ------
    UsageError
        As `write_sample`; or if a ``dataset.csv`` is there that cannot be read.
    OutputError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dataset(folder, [NewSample("a", image, image // 6, Calibration(), "a")])
    ...     sorted(path.name for path in Path(folder).rglob("*.*"))
    ['a.png', 'a.png', 'a.tif', 'dataset.csv']
    """
    rows = []
    for sample in samples:
        write_sample(folder, sample)
        rows.append(sample.row)
    update_index(Path(folder) / "dataset.csv", rows)


def _place(folder: str | Path, kind: str, name: str, suffix: str) -> Path:
    """Make the folder of a file, and room for it: no sibling of another suffix stays."""
    path = Path(folder) / kind / f"{name}{suffix}"
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in LABEL_SUFFIXES:
            if other != suffix and kind != "images":
                path.with_name(f"{name}{other}").unlink(missing_ok=True)
    return path


def _check(sample: NewSample) -> None:
    shape = sample.image.shape
    known = {"labels": sample.labels, "ignore": sample.ignore, "classes": sample.classes}
    for what, array in known.items():
        if array is not None and (array.shape != shape or array.ndim != 2):
            raise UsageError(
                f"{sample.name}: {what} must have the (y, x) shape of the image {shape}, "
                f"got {array.shape}"
            )


def _mask(sample: NewSample) -> np.ndarray:
    if sample.classes is not None:
        return sample.classes.astype(np.uint8)
    return _black_white(sample.labels > 0)


def _remove(folder: str | Path, kind: str, name: str) -> None:
    for suffix in (".tif",) if kind == "images" else LABEL_SUFFIXES:
        file = Path(folder, kind, f"{name}{suffix}")
        with output_errors(file):
            file.unlink(missing_ok=True)


def _black_white(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, np.uint8(255), np.uint8(0))


def _write_png(path: Path, pixels: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        # Masks made column by column keep that order in memory, which the encoder refuses.
        temporary.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
