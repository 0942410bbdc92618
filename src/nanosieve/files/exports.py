"""Particles for other programs: ImageJ ROIs, COCO, and GeoJSON for QuPath.

All in pixels, x to the right, y down, origin at the upper left corner of the first pixel, with
the pixel size beside them. Outlines follow pixel edges: their area is the label's, exactly.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.atomic import atomic_path
from nanosieve.files.outlines import Polygon, label_boxes, outline

if TYPE_CHECKING:
    import pandas as pd

# The same archive from run to run: ZIP has no date before this one.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_NOT_MEASURED = frozenset({"image", "frame", "label", "flags"})


def write_rois(path: str | Path, labels: np.ndarray, calibration: Calibration) -> None:
    """Write one ImageJ ROI for each particle, as the ZIP that ImageJ's ROI Manager opens.

    A particle with holes, or in several parts, is one composite ROI. A ROI is named after its
    label (``00012``), in a movie after frame and label (``0003-00012``; frames from 0), and then
    lies on its frame. Its property ``pixel_size_nm`` holds the pixel size where it is known.

    Parameters
    ----------
    path
        Where to write; ends in ``.zip``.
    labels
        ``(y, x)`` or ``(t, y, x)`` integers; 0 is background.
    calibration
        Pixel size.

    Raises
    ------
    UsageError
        If the labels are neither 2-D nor 3-D.
    OutputError
        If the file cannot be written.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for frame, label, polygons in _particles(labels):
            name = f"{label:05d}" if labels.ndim == 2 else f"{frame:04d}-{label:05d}"
            entry = zipfile.ZipInfo(f"{name}.roi", _NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            position = None if labels.ndim == 2 else frame
            archive.writestr(entry, _roi(name, polygons, position, calibration))


def _roi(name: str, polygons: list[Polygon], frame: int | None, calibration: Calibration) -> bytes:
    import roifile

    rings = [ring[:, ::-1] for polygon in polygons for ring in polygon]
    # From points rather than field by field: it knows ImageJ's limits on integer coordinates.
    roi = roifile.ImagejRoi.frompoints(np.concatenate(rings), name=name, position=frame)
    # frompoints counts pixels for the box, these are corners.
    roi.right -= 1
    roi.bottom -= 1
    if len(rings) == 1:
        roi.roitype = roifile.ROI_TYPE.TRACED
    else:
        roi.roitype = roifile.ROI_TYPE.RECT
        path = np.concatenate([_path(ring) for ring in rings]).astype(np.float32)
        roi.multi_coordinates = path
        roi.shape_roi_size = len(path)
        roi.integer_coordinates = roi.subpixel_coordinates = None
        roi.n_coordinates = 0
        roi.options &= ~roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    if calibration.pixel_size_nm is not None:
        roi.props = f"pixel_size_nm: {calibration.pixel_size_nm!r}\n"
    return roi.tobytes()


def _path(ring: np.ndarray) -> np.ndarray:
    """Write a ring as java.awt.geom.PathIterator does: 0 move, 1 line, 4 close."""
    steps = np.column_stack([np.ones(len(ring)), ring])
    steps[0, 0] = 0
    return np.append(steps.ravel(), 4)


def coco_images(
    file_name: str, labels: np.ndarray, calibration: Calibration
) -> list[dict[str, Any]]:
    """Describe the particles of one input for `write_coco`: one entry, or one for each frame.

    Parameters
    ----------
    file_name
        The input's file name.
    labels
        ``(y, x)`` or ``(t, y, x)`` integers; 0 is background.
    calibration
        Pixel size; stored as ``pixel_size_nm``, ``null`` where unknown.

    Returns
    -------
    list of dict
        Plain values, each with ``image`` and ``annotations``; identifiers are given on writing.

    Raises
    ------
    UsageError
        If the labels are neither 2-D nor 3-D.

    Examples
    --------
    >>> [entry] = coco_images("a.tif", np.array([[0, 5], [0, 5]]), Calibration())
    >>> entry["annotations"][0]["bbox"], entry["annotations"][0]["area"]
    ([1, 0, 1, 2], 2)
    """
    entries = []
    for frame, plane in _frames(labels):
        image: dict[str, Any] = {
            "file_name": file_name,
            "height": plane.shape[0],
            "width": plane.shape[1],
            "pixel_size_nm": calibration.pixel_size_nm,
        }
        if labels.ndim == 3:
            image["frame"] = frame
        annotations = [
            coco_annotation(label, plane[box] == label, (box[0].start, box[1].start), plane.shape)
            for label, box in label_boxes(plane)
        ]
        entries.append({"image": image, "annotations": annotations})
    return entries


def coco_annotation(
    label: int, mask: np.ndarray, corner: tuple[int, int], shape: tuple[int, ...]
) -> dict[str, Any]:
    """Write one particle as a COCO annotation, still without ids.

    Parameters
    ----------
    label
        Its number.
    mask
        ``(y, x)`` bool: the box that just holds it.
    corner
        ``(y, x)`` of the box's first pixel.
    shape
        ``(y, x)`` of the image.

    Examples
    --------
    >>> one = coco_annotation(7, np.ones((1, 2), bool), (1, 0), (2, 3))
    >>> one["label"], one["bbox"], one["area"]
    (7, [0, 1, 2, 1], 2)
    """
    from pycocotools import mask as coco

    counts = _run_lengths(mask, corner, shape)
    code = coco.frPyObjects({"size": list(shape), "counts": counts}, *shape)
    return {
        "category_id": 1,
        "label": label,
        "bbox": [corner[1], corner[0], mask.shape[1], mask.shape[0]],
        "area": int(np.count_nonzero(mask)),
        "segmentation": {"size": list(shape), "counts": code["counts"].decode("ascii")},
        "iscrowd": 0,
    }


def _run_lengths(mask: np.ndarray, corner: tuple[int, int], shape: tuple[int, ...]) -> list[int]:
    """Count background and particle pixels in turn, down the columns of the whole image.

    Made from the particle's box alone: encoding whole images takes 5 ms a particle at 2048².
    """
    padded = np.pad(mask.T, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    column, start = np.nonzero(steps == 1)
    _, stop = np.nonzero(steps == -1)
    first = (column + corner[1]) * shape[0] + corner[0]
    bounds = np.column_stack([first + start, first + stop]).ravel()
    # Runs that meet (the foot of a column and the head of the next) give a count of 0: legal.
    return np.diff(bounds, prepend=0, append=shape[0] * shape[1]).tolist()


def write_coco(
    path: str | Path, entries: Iterable[dict[str, Any]], *, about: str = "particles found"
) -> None:
    """Write a COCO instance file from the entries of all inputs, numbered in their order.

    Parameters
    ----------
    path
        Where to write; ends in ``.json``.
    entries
        What `coco_images` returned, all inputs in one sequence.
    about
        What they are.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, entry in enumerate(entries, start=1):
        images.append({"id": image_id, **entry["image"]})
        for annotation in entry["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **annotation})
    document = {
        "info": {"description": f"{about} by nanosieve {__version__}"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "particle"}],
    }
    _write_json(path, document)


def write_geojson(
    path: str | Path,
    labels: np.ndarray,
    calibration: Calibration,
    particles: "pd.DataFrame | None" = None,
    *,
    object_type: Literal["annotation", "detection"] = "annotation",
) -> None:
    """Write particles as GeoJSON that QuPath opens (0.4 and later), with their measurements.

    Parameters
    ----------
    path
        Where to write; ends in ``.geojson``.
    labels
        ``(y, x)`` or ``(t, y, x)`` integers; 0 is background. Each label is one ``Polygon``, with
        holes, or one ``MultiPolygon`` where it has several parts.
    calibration
        Pixel size; stored in ``metadata`` as ``pixel_size_nm``, ``null`` where unknown.
    particles
        Rows of ``particles.csv`` for this input: numbers become measurements. A label without a
        row has none.
    object_type
        QuPath's word: annotations can be edited there, detections are faster in large numbers.

    Raises
    ------
    UsageError
        If the labels are neither 2-D nor 3-D.
    OutputError
        If the file cannot be written.
    """
    measured = {} if particles is None else _measurements(particles)
    features = []
    for frame, label, polygons in _particles(labels):
        geometry = _geometry(polygons)
        if labels.ndim == 3:
            geometry["plane"] = {"c": -1, "z": 0, "t": frame}
        properties = {
            "objectType": object_type,
            "name": str(label),
            "classification": {"name": "particle", "color": [230, 159, 0]},
            "measurements": measured.get((frame, label), {}),
        }
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    document = {
        "type": "FeatureCollection",
        "metadata": {
            "software": f"nanosieve {__version__}",
            "pixel_size_nm": calibration.pixel_size_nm,
        },
        "features": features,
    }
    _write_json(path, document)


def _geometry(polygons: list[Polygon]) -> dict[str, Any]:
    # A GeoJSON ring ends where it began.
    coordinates = [
        [np.vstack([ring, ring[:1]])[:, ::-1].tolist() for ring in polygon] for polygon in polygons
    ]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _measurements(particles: "pd.DataFrame") -> dict[tuple[int, int], dict[str, float]]:
    numbers = particles.drop(columns=list(_NOT_MEASURED), errors="ignore")
    numbers = numbers.select_dtypes(["number", "bool"]).astype(float)
    keys = zip(particles["frame"], particles["label"], strict=True)
    rows = numbers.to_dict("records")
    return {
        (int(frame), int(label)): {
            str(name): value for name, value in row.items() if np.isfinite(value)
        }
        for (frame, label), row in zip(keys, rows, strict=True)
    }


def _frames(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    if labels.ndim not in (2, 3):
        raise UsageError(f"labels must be (y, x) or (t, y, x), got shape {labels.shape}")
    yield from enumerate(labels if labels.ndim == 3 else labels[np.newaxis])


def _particles(labels: np.ndarray) -> Iterator[tuple[int, int, list[Polygon]]]:
    for frame, plane in _frames(labels):
        for label, box in label_boxes(plane):
            corner = (box[0].start, box[1].start)
            yield frame, label, outline(plane[box] == label, offset=corner)


def _write_json(path: str | Path, document: dict[str, Any]) -> None:
    with (
        atomic_path(path, keep_equal=True) as temporary,
        temporary.open("w", encoding="utf-8") as stream,
    ):
        json.dump(document, stream, separators=(",", ":"), allow_nan=False)
        stream.write("\n")
