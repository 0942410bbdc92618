"""Exports are read back by the libraries of the programs they are for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import roifile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from scipy import ndimage
from skimage.draw import polygon2mask

from nanosieve.core.errors import OutputError, UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.exports import coco_images, write_coco, write_geojson, write_rois
from nanosieve.files.outlines import label_boxes, outline

# pycocotools' own decode, which only these tests call, is behind NumPy 2's array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

UNKNOWN = Calibration()
NM = Calibration(0.25, "file")

# 1: a plain block. 2: a ring (hole). 4: two parts that touch by a corner. 9: cut by the edge.
LABELS = np.array(
    [
        [1, 1, 0, 0, 0, 0, 9],
        [1, 1, 0, 2, 2, 2, 9],
        [0, 0, 0, 2, 0, 2, 0],
        [4, 0, 0, 2, 2, 2, 0],
        [0, 4, 4, 0, 0, 0, 0],
    ]
)
AREAS = {1: 4, 2: 8, 4: 3, 9: 2}


def shoelace(ring: np.ndarray) -> float:
    """Area of a ring of (x, y), the reference formula."""
    x, y = np.asarray(ring, float).T
    return float((x @ np.roll(y, -1) - np.roll(x, -1) @ y) / 2)


def masks() -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


# Outlines


@given(mask=masks())
def test_outline_area_is_the_pixel_count(mask: np.ndarray) -> None:
    polygons = outline(mask)
    areas = [shoelace(ring[:, ::-1]) for polygon in polygons for ring in polygon]
    assert sum(areas) == np.count_nonzero(mask)


@given(mask=masks())
def test_outline_gives_each_part_its_own_simple_polygon(mask: np.ndarray) -> None:
    polygons = outline(mask, offset=(3, -2))
    parts, n = ndimage.label(mask)
    assert len(polygons) == n
    drawn = np.zeros(mask.shape, int)
    for exterior, *holes in polygons:
        assert shoelace(exterior[:, ::-1]) > 0
        assert all(shoelace(hole[:, ::-1]) < 0 for hole in holes)
        part = np.zeros(mask.shape, int)
        for ring in (exterior, *holes):
            corners = [tuple(corner) for corner in ring.tolist()]
            assert len(set(corners)) == len(corners)
            # Edges run along rows or columns, and turn at each corner.
            steps = np.diff(np.vstack([ring, ring[:1]]), axis=0)
            assert np.all(np.count_nonzero(steps, axis=1) == 1)
            # Pixel centres inside the ring, by another library's rule.
            part += polygon2mask(mask.shape, ring - [3.5, -1.5]) * (1 if ring is exterior else -1)
        assert len(np.unique(parts[part == 1])) == 1
        drawn += part
    np.testing.assert_array_equal(drawn, mask)


def test_outline_of_a_ring_by_hand() -> None:
    [[exterior, hole]] = outline(LABELS == 2)
    assert exterior.tolist() == [[1, 3], [1, 6], [4, 6], [4, 3]]
    assert sorted(hole.tolist()) == [[2, 4], [2, 5], [3, 4], [3, 5]]
    assert outline(np.zeros((2, 2), bool)) == []


@pytest.mark.parametrize("scale", [1, 10_000_000])
def test_boxes_whatever_the_labels(scale: int) -> None:
    labels = LABELS * scale
    found = {label: labels[box] for label, box in label_boxes(labels)}
    assert list(found) == [label * scale for label in AREAS]
    for label, part in found.items():
        assert np.count_nonzero(part == label) == AREAS[label // scale]


def test_boxes_of_a_full_image_of_large_labels() -> None:
    assert [label for label, _ in label_boxes(np.full((2, 2), 99))] == [99]
    assert list(label_boxes(np.zeros((2, 2), int))) == []


# ImageJ


def roi_area(roi: roifile.ImagejRoi) -> float:
    coordinates = roi.coordinates(multi=True)
    rings = coordinates if isinstance(coordinates, list) else [coordinates]
    return sum(shoelace(ring) for ring in rings)


def test_rois_have_the_labels_area(tmp_path: Path) -> None:
    write_rois(tmp_path / "rois.zip", LABELS, NM)
    rois = roifile.roiread(tmp_path / "rois.zip")
    assert {int(roi.name): roi_area(roi) for roi in rois} == AREAS
    assert [roi.composite for roi in rois] == [False, True, True, False]
    assert {roi.props for roi in rois} == {"pixel_size_nm: 0.25\n"}
    assert {roi.position for roi in rois} == {0}
    ring = rois[1]
    assert (ring.top, ring.left, ring.bottom, ring.right) == (1, 3, 4, 6)


def test_roi_of_a_block_by_hand(tmp_path: Path) -> None:
    write_rois(tmp_path / "rois.zip", LABELS, UNKNOWN)
    roi = roifile.roiread(tmp_path / "rois.zip")[3]
    assert roi.roitype == roifile.ROI_TYPE.TRACED
    # x, y corners: the first pixel of the image covers 0 to 1.
    assert roi.coordinates().tolist() == [[6, 0], [7, 0], [7, 2], [6, 2]]
    assert (roi.top, roi.left, roi.bottom, roi.right) == (0, 6, 2, 7)
    assert roi.props == ""


def test_rois_of_a_movie_lie_on_their_frames(tmp_path: Path) -> None:
    write_rois(tmp_path / "rois.zip", np.stack([LABELS, LABELS * 0, LABELS == 4]), NM)
    rois = roifile.roiread(tmp_path / "rois.zip")
    names = ["0000-00001", "0000-00002", "0000-00004", "0000-00009", "0002-00001"]
    assert [roi.name for roi in rois] == names
    assert [roi.position for roi in rois] == [1, 1, 1, 1, 3]


def test_rois_far_from_the_origin(tmp_path: Path) -> None:
    labels = np.zeros((3, 70_000), np.uint8)
    labels[1, 65_000:] = 1
    write_rois(tmp_path / "rois.zip", labels, NM)
    [roi] = roifile.roiread(tmp_path / "rois.zip")
    assert roi_area(roi) == 5000


@given(labels=hnp.arrays(np.int32, (6, 7), elements=st.integers(0, 3)))
def test_every_export_keeps_every_area(
    tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray
) -> None:
    folder = tmp_path_factory.getbasetemp()
    counts = np.bincount(labels.ravel(), minlength=4)
    expected = {label: int(counts[label]) for label in (1, 2, 3) if counts[label]}

    write_rois(folder / "rois.zip", labels, NM)
    rois = roifile.roiread(folder / "rois.zip")
    assert {int(roi.name): roi_area(roi) for roi in rois} == expected

    [entry] = coco_images("a.tif", labels, NM)
    for annotation in entry["annotations"]:
        decoded = coco_mask.decode(annotation["segmentation"])
        np.testing.assert_array_equal(decoded, labels == annotation["label"])
    assert {a["label"]: a["area"] for a in entry["annotations"]} == expected

    write_geojson(folder / "a.geojson", labels, NM)
    found = json.loads((folder / "a.geojson").read_text())["features"]
    assert {int(f["properties"]["name"]): geojson_area(f) for f in found} == expected


# COCO


def test_coco_is_read_by_pycocotools(tmp_path: Path) -> None:
    entries = coco_images("a b.tif", LABELS, NM)
    entries += coco_images("movie.mrc", np.stack([LABELS == 2, LABELS * 0]), UNKNOWN)
    write_coco(tmp_path / "coco.json", entries)
    coco = COCO(tmp_path / "coco.json")
    assert [image["file_name"] for image in coco.imgs.values()] == ["a b.tif"] + ["movie.mrc"] * 2
    assert [image["pixel_size_nm"] for image in coco.imgs.values()] == [0.25, None, None]
    assert [image.get("frame") for image in coco.imgs.values()] == [None, 0, 1]
    assert coco.imgs[1]["height"] == 5
    assert coco.imgs[1]["width"] == 7
    assert coco.cats == {1: {"id": 1, "name": "particle"}}
    assert len(coco.getAnnIds(imgIds=[1])) == 4
    assert coco.getAnnIds(imgIds=[3]) == []
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[1])):
        label = annotation["label"]
        np.testing.assert_array_equal(coco.annToMask(annotation), np.equal(LABELS, label))
        assert annotation["area"] == AREAS[label]
        assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()
        assert annotation["iscrowd"] == 0
    assert sorted(coco.anns) == [1, 2, 3, 4, 5]


def test_coco_counts_run_on_from_column_to_column() -> None:
    [entry] = coco_images("a.tif", np.ones((3, 4), int), NM)
    [annotation] = entry["annotations"]
    np.testing.assert_array_equal(coco_mask.decode(annotation["segmentation"]), np.ones((3, 4)))
    assert annotation["area"] == 12


def test_coco_without_particles(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco.json", coco_images("a.tif", np.zeros((3, 4), int), NM))
    document = json.loads((tmp_path / "coco.json").read_text())
    assert document["annotations"] == []
    assert len(document["images"]) == 1


# GeoJSON


def geojson_area(feature: dict[str, Any]) -> float:
    geometry = feature["geometry"]
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    for ring in (ring for polygon in polygons for ring in polygon):
        assert ring[0] == ring[-1]
    return sum(shoelace(np.array(ring[:-1])) for polygon in polygons for ring in polygon)


def test_geojson_for_qupath(tmp_path: Path) -> None:
    particles = pd.DataFrame(
        {
            "image": "a",
            "frame": 0,
            "label": [1, 2, 9],
            "diameter_nm": [2.5, 3.5, np.nan],
            "isolated": [True, False, True],
            "flags": ["", "overlap", "border"],
        }
    )
    write_geojson(tmp_path / "a.geojson", LABELS, NM, particles)
    document = json.loads((tmp_path / "a.geojson").read_text())
    assert document["type"] == "FeatureCollection"
    assert document["metadata"]["pixel_size_nm"] == 0.25
    features = {int(f["properties"]["name"]): f for f in document["features"]}
    assert {label: geojson_area(f) for label, f in features.items()} == AREAS
    kinds = {label: f["geometry"]["type"] for label, f in features.items()}
    assert kinds == {1: "Polygon", 2: "Polygon", 4: "MultiPolygon", 9: "Polygon"}
    assert len(features[2]["geometry"]["coordinates"]) == 2
    measured = {label: f["properties"]["measurements"] for label, f in features.items()}
    assert measured[1] == {"diameter_nm": 2.5, "isolated": 1.0}
    assert measured[9] == {"isolated": 1.0}
    assert measured[4] == {}
    assert features[1]["properties"]["objectType"] == "annotation"
    assert features[1]["properties"]["classification"]["name"] == "particle"
    assert "plane" not in features[1]["geometry"]


def test_geojson_of_a_movie_with_unknown_pixel_size(tmp_path: Path) -> None:
    movie = np.stack([LABELS * 0, LABELS])
    particles = pd.DataFrame({"frame": [1], "label": [9], "area_px2": [2]})
    write_geojson(tmp_path / "a.geojson", movie, UNKNOWN, particles, object_type="detection")
    document = json.loads((tmp_path / "a.geojson").read_text())
    assert document["metadata"]["pixel_size_nm"] is None
    assert {f["geometry"]["plane"]["t"] for f in document["features"]} == {1}
    assert {f["properties"]["objectType"] for f in document["features"]} == {"detection"}
    assert document["features"][-1]["properties"]["measurements"] == {"area_px2": 2.0}


# All of them


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        write_rois(folder / "rois.zip", LABELS, NM)
        write_coco(folder / "coco.json", coco_images("a.tif", LABELS, NM))
        write_geojson(folder / "a.geojson", LABELS, NM)
    for file in (tmp_path / "first").iterdir():
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes()


def test_labels_are_planes_or_movies(tmp_path: Path) -> None:
    line = np.ones(3, int)
    message = r"labels must be \(y, x\) or \(t, y, x\), got shape \(3,\)"
    with pytest.raises(UsageError, match=message):
        write_rois(tmp_path / "rois.zip", line, NM)
    with pytest.raises(UsageError, match=message):
        coco_images("a.tif", line, NM)
    with pytest.raises(UsageError, match=message):
        write_geojson(tmp_path / "a.geojson", line, NM)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="make the folder"):
        write_rois(tmp_path / "nowhere" / "rois.zip", LABELS, NM)
    with pytest.raises(OutputError, match="make the folder"):
        write_coco(tmp_path / "nowhere" / "coco.json", [])
