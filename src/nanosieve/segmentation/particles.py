"""One tile from field to labels: seeds by the method, edges by the rule, touching ones split."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from nanosieve.core.segmentation import Edge
from nanosieve.segmentation import kernels
from nanosieve.segmentation.edge import Edges, Reference, place_edges
from nanosieve.segmentation.field import Field
from nanosieve.segmentation.methods import METHODS
from nanosieve.segmentation.population import particles_only, steepness
from nanosieve.segmentation.split import split_touching

# Seeds may be smaller than the particles that grow from them.
_SEED_SHARE = 0.5
_FWHM = 2.355
_LEAST_DIAMETER = 3.0
# Confidence of what is no particle is below one half.
_BELOW = np.float32(0.499)
# The normal law to six widths in 64ths of one: within 0.004 of it, at a quarter of the time.
_WIDEST, _STEPS = 6, 64
_NORMAL = np.array(
    [
        (1 + math.erf((step / _STEPS - _WIDEST) / math.sqrt(2))) / 2
        for step in range(2 * _STEPS * _WIDEST + 1)
    ],
    np.float32,
)


@dataclass(frozen=True)
class Recipe:
    """What is the same for every tile of a frame."""

    method: str
    edge: Edge
    split: bool
    min_diameter_px: float


@dataclass(frozen=True)
class Particles:
    """Labels of a tile.

    Parameters
    ----------
    labels
        ``(y, x)`` int32, 1..n.
    confidence
        ``(y, x)`` float32.
    parted
        ``(n + 1,)`` bool: whether the label was split from a neighbour.
    shift
        ``(n + 1,)`` float: half the change of each diameter, px, when its level moves by a quarter.
    steep
        ``(n + 1,)`` float: see `nanosieve.segmentation.population.steepness`.
    cut
        Whether a particle reached out of what was looked at around its tile.
    """

    labels: np.ndarray
    confidence: np.ndarray
    parted: np.ndarray
    shift: np.ndarray
    steep: np.ndarray
    cut: bool = False

    def distinct(self) -> Self:
        """Without those that are pieces of the support, numbered anew."""
        n = len(self.steep) - 1
        area = kernels.sums(self.labels, n)
        keep = particles_only(self.steep, kernels.solidity(self.labels, n), area)
        if keep[1:].all():
            return self
        number = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
        labels = number[self.labels]
        gone = (self.labels > 0) & (labels == 0)
        kept = np.concatenate([[0], np.flatnonzero(keep)])
        return replace(
            self,
            labels=labels,
            confidence=np.where(gone, np.minimum(self.confidence, _BELOW), self.confidence),
            parted=self.parted[kept],
            shift=self.shift[kept],
            steep=self.steep[kept],
        )


def noise_diameter(sigma: float) -> float:
    """Diameter in px of the largest speck that noise makes after smoothing by ``sigma`` px.

    One grain of noise is smoothed to a blob of 2.355 sigma full width at half maximum; below three
    pixels nothing has a shape.
    """
    return max(_LEAST_DIAMETER, _FWHM * sigma)


def find_particles(field: Field, recipe: Recipe, reference: Reference | None = None) -> Particles:
    """Run the corridor's segmentation on one tile; ``reference`` is that of the whole frame."""
    smallest = recipe.min_diameter_px
    seeds = find_seeds(field, recipe)
    if not seeds.any():
        return nothing(seeds.shape)
    edges = place_edges(field, seeds, recipe.edge, reference)
    mask = _large(kernels.opening(edges.mask), smallest)
    whole, _ = kernels.label(mask)
    tight = edges.tight & mask
    labels = split_touching(mask, tight, edges.depth) if recipe.split else whole
    n = int(labels.max(initial=0))
    return Particles(
        labels,
        _confidence(edges, mask, field),
        _parted(labels, n, whole),
        _shift(edges, labels, n),
        steepness(labels, tight, field.smooth, field.valid, 2 + field.scale.sigma),
    )


def nothing(shape: tuple[int, ...]) -> Particles:
    """No particle in a frame of ``shape``."""
    labels = np.zeros(shape, np.int32)
    return Particles(labels, labels.astype(np.float16), np.zeros(1, bool), np.zeros(1), np.zeros(1))


def _parted(labels: np.ndarray, n: int, whole: np.ndarray) -> np.ndarray:
    """Labels that share a component with another one."""
    inside = labels > 0
    component = np.zeros(n + 1, np.intp)
    component[labels[inside]] = whole[inside]
    shared = np.bincount(component)[component] > 1
    shared[0] = False
    return shared


def find_seeds(field: Field, recipe: Recipe) -> np.ndarray:
    """Where the method sees particles; ``(y, x)`` bool."""
    seeds = kernels.opening(METHODS[recipe.method](field))
    return _large(seeds, _SEED_SHARE * recipe.min_diameter_px)


def _confidence(edges: Edges, mask: np.ndarray, field: Field) -> np.ndarray:
    """Probability that noise has not carried the pixel over the edge's level.

    On the label's side of one half throughout: opening and filling decide where noise does not.
    """
    noise = max(edges.noise, field.scale.noise, 1e-30)
    steps = edges.depth - edges.level
    steps *= np.float32(_STEPS / noise)
    steps += np.float32(_STEPS * _WIDEST + 0.5)
    np.clip(steps, 0, 2 * _STEPS * _WIDEST, out=steps)
    confidence = _NORMAL[steps.astype(np.uint16)]
    np.maximum(confidence, 0.5, out=confidence, where=mask)
    np.minimum(confidence, _BELOW, out=confidence, where=~mask)
    confidence[~field.valid] = 0
    return confidence


def _shift(edges: Edges, labels: np.ndarray, n: int) -> np.ndarray:
    """Half the change of diameter when the edge's level moves by a quarter either way."""
    owner = kernels.grow(labels, 3)
    diameters = [
        2 * np.sqrt(kernels.sums(np.where(edges.depth > share * edges.level, owner, 0), n) / np.pi)
        for share in (0.75, 1.25)
    ]
    return np.maximum(diameters[0] - diameters[1], 0) / 2


def _large(mask: np.ndarray, diameter: float) -> np.ndarray:
    """Components of at least the area of a disc of ``diameter`` px."""
    labels, n = kernels.label(mask)
    keep = kernels.sums(labels, n) >= math.pi / 4 * diameter**2
    keep[0] = False
    return keep[labels]
