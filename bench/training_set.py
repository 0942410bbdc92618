"""A training set of drawn images, each a group: ``python -m bench.training_set -n 200 -o DIR``.

Varied, but crude: ellipsoids and flat-topped bodies on drawn supports, in bright and dark field.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.dataset_writer import NewSample, write_dataset
from nanosieve.simulation.projected.plain import SUPPORT_KINDS, Imaging, expose, support
from nanosieve.simulation.projected.scene import Scene
from nanosieve.simulation.projected.spheres import clusters, ellipsoids, scatter, spheres

_SIDE = 384
_EMPTY = 0.08


def draw_one(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (uint16) and labels (int32), ``(384, 384)``, of one random scene."""
    rng = np.random.default_rng([seed, 9])
    # Real images are oversampled: their noise is correlated over some pixels.
    enlarged = rng.uniform(1.2, 2.5) if rng.random() < 0.45 else 1.0
    side = int(np.ceil(_SIDE / enlarged))
    bodies = _bodies((side, side), rng, enlarged)
    bare = support(bodies.shape, SUPPORT_KINDS[rng.integers(3)], rng=rng)
    # Below 1 the profile is flatter than a sphere's: plates and facets.
    thickness = bodies.thickness() ** rng.uniform(0.25, 1.0)
    thickest = float(thickness.max()) or 1.0
    image = expose(thickness, bare, _imaging(rng), thickest=thickest, rng=rng)
    labels = bodies.labels()
    if enlarged > 1:
        zoom = _SIDE / side
        image = np.clip(ndimage.zoom(image.astype(np.float32), zoom, order=1), 0, 65535)
        labels = ndimage.zoom(labels, zoom, order=0)
    return image.astype(np.uint16), labels


def _imaging(rng: np.random.Generator) -> Imaging:
    counts = float(np.exp(rng.uniform(np.log(20), np.log(3000))))
    blur = rng.uniform(0.4, 1.8)
    if rng.random() < 0.5:
        return Imaging("dark", contrast=rng.uniform(0.15, 0.8), counts=counts, blur_px=blur)
    contrast = float(np.exp(rng.uniform(np.log(0.4), np.log(6))))
    return Imaging("bright", contrast=contrast, counts=counts / 4 + 10, blur_px=blur)


def _bodies(shape: tuple[int, int], rng: np.random.Generator, enlarged: float) -> Scene:
    if rng.random() < _EMPTY:
        return spheres(shape, [], [])
    radius = float(np.exp(rng.uniform(np.log(4), np.log(70)))) / enlarged
    coverage = rng.uniform(0.02, 0.45)
    number = max(1, int(coverage * shape[0] * shape[1] / (np.pi * radius**2)))
    radii = rng.lognormal(np.log(radius), rng.uniform(0.05, 0.35), number)
    while True:
        try:
            placed = _placed(shape, radii, rng)
            break
        except UsageError:  # no room
            radii = radii[: max(1, int(0.7 * len(radii)))] * 0.95
    axes = np.outer(placed.diameters_px / 2, [1.0, 1.0])
    if rng.random() < 0.4:
        axes[:, 1] /= rng.uniform(1, 3.5, len(axes))
    return ellipsoids(shape, placed.centres, axes, rng.uniform(0, 180, len(axes)))


def _placed(shape: tuple[int, int], radii: np.ndarray, rng: np.random.Generator) -> Scene:
    if rng.random() < 0.5:
        return scatter(shape, radii, rng=rng, inside=False)
    ends = np.cumsum(rng.integers(1, 5, len(radii)))
    groups = [part.tolist() for part in np.split(radii, ends[ends < len(radii)])]
    return clusters(shape, groups, rng=rng, closeness=rng.uniform(0.82, 1.0), gap_px=3)


def _samples(number: int, start: int) -> Iterator[NewSample]:
    for seed in range(start, start + number):
        image, labels = draw_one(seed)
        name = f"drawn_{seed:05d}"
        yield NewSample(name, image, labels, Calibration(), name)


def main() -> None:
    """Write the data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200, help="number of images")
    parser.add_argument("-o", required=True, help="data-set folder")
    parser.add_argument("--start", type=int, default=0, help="first seed")
    asked = parser.parse_args()
    write_dataset(asked.o, _samples(asked.n, asked.start))
    print(f"{asked.n} images in {asked.o}")


if __name__ == "__main__":
    main()
