"""Splitting of touching particles by four methods, on one mask: ``-m bench.splitting``.

Not split; the watershed of the distance transform from its h-maxima (scikit-image); ultimate
erosion for convex sets (UECS); `nanosieve.segmentation.split`. The first two rivals are run at
three settings each and the best of the three, over all drawn sets, is shown.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from bench.page import put, table
from nanosieve.files.dataset import Dataset
from nanosieve.measurement.agreement.instances import Detections, overlaps
from nanosieve.prepare.annotations import find_annotations
from nanosieve.segmentation.edge import place_edges
from nanosieve.segmentation.field import choose, make_field
from nanosieve.segmentation.hybrid import hybrid
from nanosieve.segmentation.kernels import opening
from nanosieve.segmentation.split import split_touching
from nanosieve.simulation.projected.plain import Imaging, draw, support
from nanosieve.simulation.projected.spheres import clusters, ellipsoids

ROOT = Path(__file__).resolve().parents[1]
EIGHT = np.ones((3, 3), bool)
H_PX = (0.5, 1.0, 1.5)
# Least area of a marker, px; 30 is the published constant.
MARKER_PX = (5, 12, 30)
# Published: a component is convex enough above this share of its hull.
CONVEX = 0.95

# Mask, its part above half depth, the depth above the support.
Scene = tuple[np.ndarray, np.ndarray, np.ndarray]
Split = Callable[[Scene], np.ndarray]


def unsplit(scene: Scene) -> np.ndarray:
    """Connected components."""
    return ndimage.label(scene[0], EIGHT)[0]


def by_maxima(scene: Scene, h: float) -> np.ndarray:
    """Watershed of the distance transform from its h-maxima."""
    distance = ndimage.distance_transform_edt(scene[0])
    markers, _ = ndimage.label(h_maxima(distance, h), EIGHT)
    return watershed(-distance, markers, mask=scene[0])


def by_erosion(scene: Scene, least_px: int) -> np.ndarray:
    """UECS: erode what is not convex until it is, keep it as a marker, then flood.

    Erosions alternate between a 2 x 2 square and a cross. What falls apart goes on in its parts; a
    part below ``least_px`` is given up, unless it is all that is left of its component.
    """
    mask = scene[0]
    markers = np.zeros(mask.shape, np.int32)
    components, n = ndimage.label(mask, EIGHT)
    count = 0
    for number, box in enumerate(ndimage.find_objects(components, n), start=1):
        for part in _eroded(np.pad(components[box] == number, 1), least_px, 0):
            count += 1
            markers[box][part[1:-1, 1:-1]] = count
    return watershed(-ndimage.distance_transform_edt(mask), markers, mask=mask)


def _eroded(part: np.ndarray, least_px: int, step: int) -> list[np.ndarray]:
    if _solidity(part) > CONVEX:
        return [part]
    shape = np.ones((2, 2), bool) if step % 2 == 0 else None
    labels, n = ndimage.label(ndimage.binary_erosion(part, shape), EIGHT)
    pieces = [labels == k for k in range(1, n + 1) if np.sum(labels == k) >= least_px]
    found = [marker for piece in pieces for marker in _eroded(piece, least_px, step + 1)]
    return found or [part]


def _solidity(part: np.ndarray) -> float:
    pixels = np.argwhere(part)
    corners = np.concatenate(
        [pixels + np.array([dy, dx]) for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)]
    )
    try:
        return len(pixels) / ConvexHull(corners).volume
    except QhullError:
        return 1.0


def ours(scene: Scene) -> np.ndarray:
    """`nanosieve.segmentation.split.split_touching`."""
    return split_touching(*scene)


METHODS: dict[str, list[tuple[str, Split]]] = {
    "not split": [("", unsplit)],
    "h-maxima": [(f"h = {h} px", lambda scene, h=h: by_maxima(scene, h)) for h in H_PX],
    "UECS": [(f"markers ≥ {k} px", lambda scene, k=k: by_erosion(scene, k)) for k in MARKER_PX],
    "nanosieve": [("", ours)],
}


def drawn(radius: float, closeness: float, *, aspect: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of 1 to 5 bodies of about one size: the image and its labels."""
    rng = np.random.default_rng(int(100 * radius + 1000 * closeness))
    sizes = [rng.lognormal(np.log(radius), 0.2, n).tolist() for n in (1, 1, 1, 2, 2, 2, 3, 3, 4, 5)]
    side = int(radius * 28) + 60
    bodies = clusters((side, side), sizes, rng=rng, closeness=closeness)
    if aspect != 1.0:
        axes = np.outer(bodies.diameters_px / 2, [aspect, 1.0])
        centres = bodies.centres * 1.35
        shape = (int(1.35 * side) + 1,) * 2
        bodies = ellipsoids(shape, centres, axes, rng.uniform(0, 180, len(bodies)))
    bare = support(bodies.shape, "textured", rng=rng)
    truth = draw(bodies, Imaging("dark", counts=1500), support=bare, rng=rng)
    return truth.image, truth.labels


def prepared(image: np.ndarray, exclude: np.ndarray | None = None) -> Scene | None:
    """What splitting is given in a run of ``hybrid`` with nothing set."""
    valid = np.ones(image.shape, bool) if exclude is None else ~exclude
    clean = np.where(valid, image, np.median(image[valid])).astype(np.float32)
    choice = choose(clean, valid, "auto")
    field = make_field(clean, valid, choice)
    seeds = opening(hybrid(field))
    if not choice.separate or not seeds.any():
        return None
    edges = place_edges(field, seeds, "base")
    mask = opening(edges.mask)
    return mask, edges.tight & mask, edges.depth


def scenes(quick: bool) -> Iterator[tuple[str, Scene, np.ndarray]]:
    """Named sets of scenes with their truth."""
    radii = (4.0, 8.0, 16.0) if quick else (4.0, 8.0, 16.0, 30.0, 50.0)
    for closeness in (1.0, 0.9, 0.8, 0.7):
        for radius in radii:
            image, labels = drawn(radius, closeness)
            yield f"spheres, centres at {closeness:g} of touching", prepared(image), labels
    for radius in radii[1:4]:
        image, labels = drawn(radius, 1.0, aspect=1.8)
        yield "rods 1.8 times as long as wide, as they fall", prepared(image), labels
    data = Path(os.environ.get("NANOSIEVE_DATA", ROOT.parent / "shared" / "data")) / "emps_bf"
    if data.is_dir():
        for sample in list(Dataset.open(data, groups="image"))[:: 6 if quick else 1]:
            image = sample.image()
            scene = prepared(image, find_annotations(image))
            if scene is not None:
                yield "`emps_bf` (development data)", scene, sample.instances()


def main() -> None:
    """Put F1 at IoU 0.5 by set and method, and times relative to ours, into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.splitting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes, every sixth image")
    quick = parser.parse_args().quick
    found: dict[tuple[str, str, str], list[Detections]] = {}
    seconds: dict[tuple[str, str], float] = {}
    sets: dict[str, None] = {}
    for name, scene, truth in scenes(quick):
        sets[name] = None
        for method, variants in METHODS.items():
            for setting, split in variants:
                start = time.perf_counter()
                labels = split(scene)
                spent = time.perf_counter() - start
                seconds[method, setting] = seconds.get((method, setting), 0) + spent
                counts = overlaps(truth, labels).counts()
                found.setdefault((name, method, setting), []).append(counts)
    text = _table(sets, found, seconds)
    print(text)
    if not quick:
        put("splitting", text)


def _table(
    sets: dict[str, None],
    found: dict[tuple[str, str, str], list[Detections]],
    seconds: dict[tuple[str, str], float],
) -> str:
    def f1(name: str, method: str, setting: str) -> float:
        return float(np.nanmean([counts.f1 for counts in found[name, method, setting]]))

    rows = []
    for name in sets:
        cells = []
        for method, variants in METHODS.items():
            best = max((f1(name, method, setting), setting) for setting, _ in variants)
            cells.append(f"{best[0]:.3f}" + (f" ({best[1]})" if best[1] else ""))
        rows.append([name, *cells])
    cells = []
    for method, variants in METHODS.items():
        spent = np.mean([seconds[method, setting] for setting, _ in variants])
        cells.append(f"{spent / seconds['nanosieve', '']:.2f}")
    rows.append(["time over that of nanosieve", *cells])
    return table(["mean F1 at IoU 0.5", *METHODS], rows)


if __name__ == "__main__":
    main()
