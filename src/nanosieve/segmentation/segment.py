"""Segment one frame: ready the field, find particles by a method, put the edge, split."""

import math

import numpy as np
from scipy import special

from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.segmentation import Edge, Segmentation
from nanosieve.segmentation import kernels
from nanosieve.segmentation.edge import Edges, place_edges
from nanosieve.segmentation.field import Field, make_field
from nanosieve.segmentation.methods import resolve
from nanosieve.segmentation.population import two_populations
from nanosieve.segmentation.split import split_touching


def segment(
    image: np.ndarray,
    *,
    method: str = "auto",
    polarity: str = "auto",
    edge: Edge = "base",
    min_diameter_px: float | None = None,
    split: bool = True,
    exclude: np.ndarray | None = None,
) -> Segmentation:
    image = np.asarray(image)
    name, find_seeds = resolve(method)
    valid = np.ones(image.shape, bool) if exclude is None else ~exclude
    field = make_field(image.astype(np.float32), valid, polarity)
    whole = (field.smooth > field.level) & valid
    if not two_populations(field.smooth, whole, valid, field.scale):
        return _empty(field, name, exclude)
    seeds = kernels.opening(find_seeds(field))
    smallest = min_diameter_px or max(3.0, 2.355 * field.scale.sigma)
    seeds = _large(seeds, smallest / 2)
    if not seeds.any():
        return _empty(field, name, exclude)
    edges = place_edges(field, seeds, edge)
    mask = _large(kernels.opening(edges.mask), smallest)
    labels = split_touching(mask, edges.tight & mask, edges.depth) if split else kernels.label(mask)[0]
    noise = max(edges.noise, field.scale.noise, 1e-30)
    confidence = special.ndtr((edges.depth - edges.level) / noise).astype(np.float32)
    return Segmentation(labels, confidence, name, field.polarity, excluded=exclude)


def _empty(field, name, exclude):
    zero = np.zeros(field.smooth.shape, np.int32)
    return Segmentation(zero, zero.astype(np.float32), name, field.polarity, excluded=exclude, flags=("one_population",))


def _large(mask: np.ndarray, diameter: float) -> np.ndarray:
    labels, n = kernels.label(mask)
    keep = kernels.sums(labels, n) >= math.pi / 4 * diameter**2
    keep[0] = False
    return keep[labels]
