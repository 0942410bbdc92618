"""Simulated images as files of a data-set folder, with all that is true of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.micrograph import Calibration, Step
from nanosieve.files.atomic import atomic_path, output_errors
from nanosieve.files.dataset_writer import NewSample, write_sample
from nanosieve.files.exports import coco_annotation, write_coco
from nanosieve.files.read import read
from nanosieve.files.tiff_writer import write_tiff
from nanosieve.simulation.simulated import Simulated
from nanosieve.simulation.tables import DIGITS


def write_simulated(out: Path, one: Simulated, *, movie: str = "") -> dict[str, Any]:
    """Write the files of one image, each whole or not at all.

    Parameters
    ----------
    out
        The data set.
    one
        Becomes ``images/<name>.tif``, ``masks/<name>.png`` (classes where there are more than two),
        ``instances/<name>.png``, and as far as there are any ``ignore/<name>.png``,
        ``outlines/<name>.json``, ``amount/<name>.tif`` and ``tables/<table>/<name>.csv``.
    movie
        Name of the movie that it is a frame of, after which tables are named; blank for stills.

    Returns
    -------
    dict
        Its record, of plain values: what its rows of the tables are made from, and its files.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    nm = Calibration(one.pixel_size_nm, "user")
    sample = NewSample(one.name, one.image, one.instances, nm, one.group, one.ignore, one.classes)
    files = write_sample(out, sample)
    if one.outlines:
        files.append(_room(out / "outlines" / f"{one.name}.json"))
        _write_outlines(files[-1], one)
    if one.amount is not None:
        files.append(_room(out / "amount" / f"{one.name}.tif"))
        _write_amount(files[-1], one.amount, nm, unit=one.amount_unit)
    for name, table in sorted(one.tables.items()):
        files.append(_room(out / "tables" / name / f"{movie or one.name}.csv"))
        with atomic_path(files[-1]) as temporary:
            table.to_csv(temporary, index=False, float_format=DIGITS, lineterminator="\n")
    unit = {"amount_unit": one.amount_unit} if one.amount is not None else {}
    return {
        "name": one.name,
        "group": one.group,
        "frame": one.frame,
        "pixel_size_nm": float(one.pixel_size_nm),
        "classes": [] if one.classes is None else list(one.class_names),
        "imaging": plain({**one.imaging, **unit}),
        # Without their names, which a thousand particles would repeat.
        "particles": [list(plain(vars(particle)).values()) for particle in one.particles],
        "files": [file.relative_to(out).as_posix() for file in files],
    }


def write_movie(out: Path, name: str, images: Sequence[str]) -> str:
    """Join the frames of a movie, which are there as images, in ``movies/<name>.tif``.

    One frame is held at a time.

    Returns
    -------
    str
        The file, as seen from ``out``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = _room(out / "movies" / f"{name}.tif")
    first = read(out / images[0])
    write_tiff(
        path,
        _frames(out, images),
        (len(images), *first.shape[1:]),
        first.dtype,
        calibration=first.calibration,
    )
    return path.relative_to(out).as_posix()


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make values plain for JSON: NumPy's scalars become Python's, what is no number ``None``.

    Examples
    --------
    >>> plain({"dose": np.float32(0.5), "tilt": float("nan"), "corrected": np.True_})
    {'dose': 0.5, 'tilt': None, 'corrected': True}
    """
    found = {}
    for key, value in values.items():
        one = value.item() if isinstance(value, np.generic) else value
        found[key] = None if isinstance(one, float) and not math.isfinite(one) else one
    return found


def _room(path: Path) -> Path:
    """Make the folder of a file."""
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _frames(out: Path, images: Sequence[str]) -> Iterator[np.ndarray]:
    for image in images:
        yield read(out / image).frames[0]


def _write_outlines(path: Path, one: Simulated) -> None:
    """Write each particle's full outline; one that lies outside the image has none."""
    annotations = []
    for particle, outline in zip(one.particles, one.outlines, strict=True):
        rows, columns = (np.flatnonzero(outline.any(axis=axis)).tolist() for axis in (1, 0))
        if rows:
            box = outline[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            corner = (rows[0], columns[0])
            annotations.append(coco_annotation(particle.particle, box, corner, outline.shape))
    image = {
        "file_name": f"images/{one.name}.tif",
        "height": one.image.shape[0],
        "width": one.image.shape[1],
        "pixel_size_nm": float(one.pixel_size_nm),
    }
    write_coco(path, [{"image": image, "annotations": annotations}], about="particles simulated")


def _write_amount(path: Path, amount: np.ndarray, nm: Calibration, *, unit: str) -> None:
    what = {"of": "particles alone", "unit": unit}
    write_tiff(
        path,
        [amount],
        (1, *amount.shape),
        np.float32,
        calibration=nm,
        history=(Step("amount", what, __version__),),
    )
