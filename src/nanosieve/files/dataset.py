"""A data set: images with what is known of them, in a folder that people can read.

``images/<name>.<ext>`` with any of ``masks/<name>.png|tif``, ``instances/<name>.png|tif``,
``boxes/<name>.txt``, ``ignore/<name>.png|tif``, and ``dataset.csv``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import InputError, RefusedInput, UsageError
from nanosieve.core.micrograph import Micrograph
from nanosieve.files.dataset_index import IndexRow, read_groups, read_index
from nanosieve.files.label_pixels import LABEL_SUFFIXES, label_shape, read_label_pixels
from nanosieve.files.read import read
from nanosieve.files.suffixes import SUFFIXES

SMALLEST_INSTANCE_PX = 12
ONE_GROUP = "all"
_FAULTS_SHOWN = 5
_LABEL_FOLDERS = ("masks", "instances", "ignore")


@dataclass(frozen=True)
class Sample:
    """One image of a data set and the files that tell of it; pixels are read when asked for.

    Parameters
    ----------
    name
        Stem of the image file.
    path
        The image.
    shape
        ``(y, x)``.
    group
        What must not be divided between training and test.
    split
        As in ``dataset.csv``; empty where it says nothing.
    pixel_size_nm
        From ``dataset.csv``, else from the image; ``None`` where unknown.
    given_nm
        What ``dataset.csv`` says of it.
    files
        Paths by folder: ``masks``, ``instances``, ``ignore``, ``boxes``, as far as they exist.
    """

    name: str
    path: Path
    shape: tuple[int, int]
    group: str
    split: str
    pixel_size_nm: float | None
    given_nm: float | None
    files: dict[str, Path]

    def micrograph(self) -> Micrograph:
        """Open the image, with the pixel size of ``dataset.csv`` if it states one.

        Raises
        ------
        InputError
            As `nanosieve.files.read.read`.
        """
        return read(self.path, pixel_size_nm=self.given_nm).replace(name=self.name)

    def image(self) -> np.ndarray:
        """Read the ``(y, x)`` pixels in their own dtype."""
        return self.micrograph().frames[0]

    def mask(self) -> np.ndarray | None:
        """Read the ``(y, x)`` bool mask, from the instances where there is no mask.

        Whatever is not 0 is particle: classes are joined. Where a mask of several classes has
        instances beside it, they say which pixels are particles.

        Returns
        -------
        numpy.ndarray or None
            ``None`` where neither exists.

        Raises
        ------
        InputError
            If the file is broken or no mask.
        """
        pixels = self._pixels("masks")
        if pixels is None or ("instances" in self.files and len(np.unique(pixels)) > 2):
            pixels = self._pixels("instances")
        return None if pixels is None else pixels > 0

    def instances(self) -> np.ndarray | None:
        """Read the ``(y, x)`` int32 labels; errors as `mask`.

        Returns
        -------
        numpy.ndarray or None
            ``None`` where no file names them. `instances_from_mask` then makes them from a mask:
            on both sides of a comparison, which is why it is not done here.
        """
        return self._pixels("instances")

    def ignore(self) -> np.ndarray | None:
        """Read which pixels count neither for nor against, ``(y, x)`` bool; errors as `mask`."""
        pixels = self._pixels("ignore")
        return None if pixels is None else pixels > 0

    def boxes(self) -> np.ndarray | None:
        """Read the boxes.

        Returns
        -------
        numpy.ndarray or None
            ``(n, 4)`` float ``y0, x0, y1, x1`` in px from the upper left corner of the first
            pixel: a box around that pixel alone is ``0, 0, 1, 1``. ``None`` where no file exists.

        Raises
        ------
        InputError
            If a line is not ``class xc yc w h``.
        """
        path = self.files.get("boxes")
        if path is None:
            return None
        _, x, y, width, height = read_boxes(path).T
        edges = [y - height / 2, x - width / 2, y + height / 2, x + width / 2]
        return np.column_stack(edges) * np.array(self.shape * 2)

    def _pixels(self, folder: str) -> np.ndarray | None:
        path = self.files.get(folder)
        if path is None:
            return None
        return read_label_pixels(path).reshape(self.shape)


@dataclass(frozen=True)
class Dataset:
    """The samples of a data-set folder, by name.

    Parameters
    ----------
    path
        The folder.
    samples
        Sorted by name.
    left_out
        Names struck out in ``dataset.csv`` (``keep`` is ``no``).
    """

    path: Path
    samples: tuple[Sample, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @classmethod
    def open(cls, path: str | Path, *, groups: Literal["image"] | str | Path | None = None) -> Self:
        """Find and check all files of a data set; no pixels are read.

        Parameters
        ----------
        path
            Folder with ``images/``.
        groups
            ``"image"``: each image is a group. A CSV file with columns ``name, group``. ``None``:
            the column ``group`` of ``dataset.csv``, without which all images are one group.

        Raises
        ------
        UsageError
            If there is no image, or files do not fit together; all faults at once.

        Examples
        --------
        >>> Dataset.open("nowhere")
        Traceback (most recent call last):
        nanosieve.core.errors.UsageError: nowhere: there is no such folder
        """
        path = Path(path)
        faults: list[str] = []
        images = _images(path, faults)
        index = read_index(path / "dataset.csv", faults)
        _check_index(index, set(images), faults)
        files = {folder: _labels(path / folder, images, faults) for folder in _LABEL_FOLDERS}
        files["boxes"] = _boxes(path / "boxes", images, faults)
        kept = [name for name in images if index is None or index[name].keep]
        group_of = _groups(groups, kept, index, faults)
        samples = []
        for name in kept:
            row = IndexRow(name) if index is None else index[name]
            own = {folder: found[name] for folder, found in files.items() if name in found}
            sample = _sample(images[name], row, group_of.get(name, ""), own, faults)
            samples += [] if sample is None else [sample]
        if faults:
            raise UsageError(_joined(path, faults))
        if not samples:
            raise UsageError(f"{path}: every image is struck out (keep is no) in dataset.csv")
        return cls(path, tuple(samples), tuple(name for name in images if name not in kept))


def instances_from_mask(mask: np.ndarray, *, smallest_px: int = SMALLEST_INSTANCE_PX) -> np.ndarray:
    """Take a mask apart into its 4-connected components of at least ``smallest_px`` pixels.

    Parameters
    ----------
    mask
        ``(y, x)``; non-zero is particle.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` int32; 0 background, 1..n in reading order.

    Examples
    --------
    >>> instances_from_mask(np.array([[1, 1, 0], [0, 0, 1]]), smallest_px=2).tolist()
    [[1, 1, 0], [0, 0, 0]]
    """
    labels, _ = ndimage.label(np.asarray(mask) != 0)
    large = np.bincount(labels.ravel()) >= smallest_px
    large[0] = False
    return np.where(large, np.cumsum(large), 0).astype(np.int32)[labels]


def read_boxes(path: str | Path) -> np.ndarray:
    """Read boxes, one a line: ``class xc yc w h``, relative to width and height.

    Returns
    -------
    numpy.ndarray
        ``(n, 5)`` float, as in the file.

    Raises
    ------
    RefusedInput
        If a line is malformed; the line is named.
    """
    path = Path(path)
    boxes = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            label, x, y, width, height = (float(word) for word in line.split())
            sound = label.is_integer() and 0 <= x <= 1 and 0 <= y <= 1
            sound = sound and 0 < width <= 1 and 0 < height <= 1
        except ValueError:
            sound = False
        if not sound:
            raise RefusedInput(
                f"{path}: line {number} is not 'class xc yc w h' relative to the image, "
                f"but {line.strip()[:40]!r}"
            )
        boxes.append((label, x, y, width, height))
    return np.array(boxes, float).reshape(-1, 5)


def _images(path: Path, faults: list[str]) -> dict[str, Path]:
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such folder")
    folder = path / "images"
    images = _by_stem(folder, SUFFIXES, faults) if folder.is_dir() else {}
    if not images:
        raise UsageError(f"{path}: no image in {folder}; a data set is images/<name>.<ext>")
    return images


def _by_stem(folder: Path, suffixes: frozenset[str], faults: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in suffixes or file.name.startswith("."):
            continue
        if file.stem in found:
            faults.append(
                f"{folder.name}/{file.name} and {folder.name}/{found[file.stem].name} "
                "share one name; rename or remove one"
            )
        found[file.stem] = file
    return dict(sorted(found.items()))


def _check_index(index: dict[str, IndexRow] | None, images: set[str], faults: list[str]) -> None:
    if index is None:
        return
    faults += [
        f"dataset.csv: there is no image named {name!r} (names have no suffix)"
        for name in sorted(index.keys() - images)
    ]
    for name in sorted(images - index.keys()):
        faults.append(f"dataset.csv: the image {name!r} has no row")
        index[name] = IndexRow(name)


def _labels(folder: Path, images: dict[str, Path], faults: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    found = _by_stem(folder, frozenset(LABEL_SUFFIXES), faults)
    _check_names(folder, found, images, faults)
    return found


def _boxes(folder: Path, images: dict[str, Path], faults: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    found = _by_stem(folder, frozenset({".txt"}), faults)
    # Label tools write the names of the classes beside the boxes.
    if "classes" not in images:
        found.pop("classes", None)
    _check_names(folder, found, images, faults)
    for path in found.values():
        try:
            read_boxes(path)
        except RefusedInput as error:
            faults.append(str(error))
    return found


def _check_names(
    folder: Path, found: dict[str, Path], images: dict[str, Path], faults: list[str]
) -> None:
    faults += [
        f"{folder.name}/{found[name].name}: there is no image named {name!r}"
        for name in sorted(found.keys() - images.keys())
    ]


def _groups(
    groups: str | Path | None,
    names: list[str],
    index: dict[str, IndexRow] | None,
    faults: list[str],
) -> dict[str, str]:
    if groups == "image":
        return {name: name for name in names}
    if groups is not None:
        source = str(groups)
        given = read_groups(Path(groups), faults)
    else:
        source = "dataset.csv"
        given = {} if index is None else {row.name: row.group for row in index.values()}
        if not any(given.values()):
            return dict.fromkeys(names, ONE_GROUP)
    faults += [
        f"{source}: the image {name!r} has no group" for name in names if not given.get(name)
    ]
    return given


def _sample(
    path: Path, row: IndexRow, group: str, files: dict[str, Path], faults: list[str]
) -> Sample | None:
    try:
        micrograph = read(path, pixel_size_nm=row.pixel_size_nm)
    except InputError as error:
        faults.append(str(error))
        return None
    frames, *shape = micrograph.shape
    if frames != 1:
        faults.append(f"images/{path.name}: is a movie of {frames} frames; give each its own file")
    for folder in files.keys() & set(_LABEL_FOLDERS):
        _check_shape(files[folder], tuple(shape), faults)
    size = micrograph.calibration.pixel_size_nm
    return Sample(
        name=path.stem,
        path=path,
        shape=(shape[0], shape[1]),
        group=group,
        split=row.split,
        pixel_size_nm=size,
        given_nm=row.pixel_size_nm,
        files=files,
    )


def _check_shape(path: Path, shape: tuple[int, ...], faults: list[str]) -> None:
    try:
        found = label_shape(path)
    except InputError as error:
        faults.append(str(error))
        return
    if found != shape:
        faults.append(
            f"{path.parent.name}/{path.name}: has shape {found} where its image has {shape}"
        )


def _joined(path: Path, faults: list[str]) -> str:
    shown = "; ".join(faults[:_FAULTS_SHOWN])
    more = len(faults) - _FAULTS_SHOWN
    return f"{path}: {shown}" + (f"; and {more} more" if more > 0 else "")
