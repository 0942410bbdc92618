"""Where the edge of a particle is put: the decision that every size depends on.

The depth of a pixel is its distance from the local support in grey value, after smoothing. Along a
line from outside to inside a particle the depth rises from 0 to the particle's plateau, the mean
depth inside it. The edge is where the depth passes a level:

``base``
    near the foot of the profile, where a sphere of projected thickness ends: at the share
    ``0.87 sqrt(s / r)`` of the plateau, at least 0.2 and at most 0.5; lower where noise lets the
    foot be seen and the rim thins out like a wedge, as polyhedra do (see `base_share`, `taper`);
``half``
    half of the plateau, what is right for a particle of one thickness and sharp walls;
``otsu``
    Otsu's threshold between the particle and the support around it (Allen's masked-object
    threshold).

A sphere of projected thickness has no walls: at half of its greatest depth its outline is 13 % too
small in diameter, hence the default (see `docs/conventions.md` for the bias of each rule).
"""

import math
from dataclasses import dataclass

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.core.segmentation import Edge
from nanosieve.segmentation import kernels
from nanosieve.segmentation.field import Field

_HALF = 0.5
# Otsu's level of the frame, but not above this share of a pale particle's own plateau.
_OTSU_CAP = 0.75
_LEAST_SHARE = 0.2
_LEAST_OF_WEDGE = 0.05
_FIRST_SHARE = 0.25
# Lowest of the levels that tell a rim's shape.
_FOOT_SHARE = 0.1
# A foot of this length over the flank is blur for the most part; below the first all is shape.
_FOOT_OF_BLUR = (0.8, 0.95)
# Narrowing beyond this many times a wedge's is an uneven inside, not a rim.
_UNEVEN = 1.5
# Blur of a camera that is not known, beside the smoothing that is: standard deviation in px.
_CAMERA_BLUR = 0.7
# A level below this many noise widths would follow the noise, not the particle.
_NOISE_FLOOR = 2.5
# With less bare support than this share of the frame, support is looked for nearer to the seeds.
_LEAST_SUPPORT = 0.02
# Seeds shallower than this share of the typical plateau are stains of the support.
_SHALLOW = 1 / 3


@dataclass(frozen=True)
class Edges:
    """Particles with their edges in place, touching ones not yet split.

    Parameters
    ----------
    mask
        ``(y, x)`` bool at the chosen level, holes filled.
    tight
        The part of ``mask`` above half depth: what splitting looks at.
    depth
        ``(y, x)`` float32, above the local support, in grey values.
    level
        ``(y, x)`` float32, the depth at which the edge of the nearest particle is put.
    noise
        Robust standard deviation of the depth on bare support.
    reference
        What was taken from the whole frame.
    """

    mask: np.ndarray
    tight: np.ndarray
    depth: np.ndarray
    level: np.ndarray
    noise: float
    reference: "Reference"


@dataclass(frozen=True)
class _Near:
    """The pixels in and next to the seeds, as flat vectors: most of a frame is neither.

    ``at`` index into the frame, ``owner`` the seed 1..n that each belongs to, its ``depth``,
    whether it is ``seed`` itself.
    """

    at: np.ndarray
    owner: np.ndarray
    depth: np.ndarray
    seed: np.ndarray
    n: int

    def mean(self, where: np.ndarray) -> np.ndarray:
        """Mean depth of each seed's pixels; 0 where there are none."""
        total = np.bincount(self.owner[where], self.depth[where], self.n + 1)
        return total / np.maximum(self.area(where), 1)

    def area(self, where: np.ndarray) -> np.ndarray:
        """Number of each seed's pixels."""
        return np.bincount(self.owner[where], minlength=self.n + 1)


@dataclass(frozen=True)
class Reference:
    """What the edges of one tile take from the whole frame.

    ``typical`` is the usual plateau, by which stains are told; ``otsu`` Otsu's threshold of the
    depth.
    """

    typical: float
    otsu: float


def place_edges(
    field: Field, seeds: np.ndarray, rule: Edge, reference: Reference | None = None
) -> Edges:
    """Move the edge of every seed to where ``rule`` puts it.

    Parameters
    ----------
    field
        The prepared frame.
    seeds
        ``(y, x)`` bool, at least one pixel: the particles as a method found them.
    rule
        ``base``, ``half`` or ``otsu``.
    reference
        Of the frame that ``field`` is a tile of; its own where ``None``.
    """
    labels, n = kernels.label(seeds)
    sigma, diameter = field.scale.sigma, _typical_diameter(labels, n)
    owner = kernels.grow(labels, round(3 + 2 * sigma + 0.1 * diameter))
    support = field.valid & (owner == 0)
    if np.count_nonzero(support) < _LEAST_SUPPORT * seeds.size:
        support = field.valid & (kernels.grow(labels, math.ceil(2 + 1.5 * sigma)) == 0)
    if np.count_nonzero(support) < _LEAST_SUPPORT * seeds.size:
        support = field.valid & ~seeds
    depth = field.smooth - local_background(field.smooth, support, max(8.0, diameter))
    bare = depth[::2, ::2][support[::2, ::2]]
    noise = 1.4826 * float(np.median(np.abs(bare))) if bare.size else 0.0
    near = _near(owner, seeds, depth, field.valid, n)
    if reference is None:
        reference = Reference(_typical(near), float(threshold_otsu(depth[field.valid])))
    plateau, area = _plateaus(near, reference.typical, noise)
    if rule == "otsu":
        level = np.minimum(reference.otsu, _OTSU_CAP * plateau)
    else:
        share = _HALF if rule == "half" else _shares(field, near, plateau, area, noise)
        level = np.maximum(share * plateau, np.minimum(_NOISE_FLOOR * noise, _HALF * plateau))
    above = near.at[near.depth > level[near.owner]]
    mask = _touching(_painted(above, seeds.shape), seeds)
    half = near.at[near.depth > np.maximum(_HALF * plateau, level)[near.owner]]
    tight = _painted(half, seeds.shape) & mask
    levels = _everywhere(level, owner)
    filled = _fill(mask, depth, levels) & field.valid
    return Edges(filled, tight | (filled & ~mask), depth, levels, noise, reference)


def _near(
    owner: np.ndarray, seeds: np.ndarray, depth: np.ndarray, valid: np.ndarray, n: int
) -> _Near:
    at = np.flatnonzero(owner)
    own, deep, seed = owner.ravel()[at], depth.ravel()[at], seeds.ravel()[at]
    use = seed | (valid.ravel()[at] & (deep > 0))
    return _Near(at[use], own[use], deep[use], seed[use], n)


def _painted(at: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask.ravel()[at] = True
    return mask


def _everywhere(level: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Level of the nearest particle; where none is near, the typical one."""
    known = np.isfinite(level)
    known[0] = False
    usual = float(np.median(level[known])) if known.any() else 0.0
    return np.where(known, level, usual).astype(np.float32)[owner]


def local_background(smooth: np.ndarray, support: np.ndarray, reach: float) -> np.ndarray:
    """Support under the particles: mean of bare support within about ``reach`` px.

    Where none is that near, farther support is taken, octave by octave. Worked out on a grid of
    ``reach / 4`` px, since nothing finer is left after the mean.
    """
    factor = int(np.clip(reach / 4, 1, min(16, *smooth.shape)))
    weight = kernels.shrink(support, factor)
    values = kernels.shrink(np.where(support, smooth, 0), factor)
    inside = smooth[::4, ::4][support[::4, ::4]]
    start = float(np.median(inside)) if inside.size else float(smooth.min())
    background = np.full_like(weight, start)
    for octave in (8, 4, 2, 1):
        sigma = reach * octave / factor
        near = kernels.gaussian(weight, sigma)
        mean = kernels.gaussian(values, sigma) / np.maximum(near, 1e-6)
        trust = np.clip(near / 0.1, 0, 1)
        background += trust * (mean - background)
    return kernels.enlarge(background, smooth.shape, factor)


def _typical_diameter(labels: np.ndarray, n: int) -> float:
    """Diameter of the seed in which a random particle pixel lies, in px."""
    area = kernels.sums(labels, n)[1:]
    return 2 * float(np.sqrt(np.average(area, weights=area) / np.pi))


def _typical(near: _Near) -> float:
    """Median depth of the seeds, small ones counting less."""
    first = near.mean(near.seed)[1:]
    weight = np.clip(near.area(near.seed)[1:], 1, 50)
    order = np.argsort(first)
    at = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(first[order][at])


def _plateaus(near: _Near, typical: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Plateau and area (px) within a first outline; an infinite plateau for a stain to leave out.

    Entries 0..n, the first unused.
    """
    first = near.mean(near.seed)
    base = np.maximum(_FIRST_SHARE * first, min(_NOISE_FLOOR * noise, _HALF * typical))
    outline = near.depth > base[near.owner]
    plateau = near.mean(outline | near.seed)
    plateau[1:][first[1:] <= _SHALLOW * typical] = np.inf
    return plateau, near.area(outline)


def base_share(radius: np.ndarray, blur: float, wedge: np.ndarray | float = 0.0) -> np.ndarray:
    """Share of the plateau at which the outline of a blurred body has the body's own radius.

    Near its rim the projected thickness of a sphere of radius ``r`` is ``2 sqrt(2 r x)`` at the
    distance ``x`` from the outline. A Gaussian of standard deviation ``s`` leaves
    ``1.16 sqrt(r s)`` of it on the outline itself; the mean thickness inside is ``4 r / 3``. Of a
    cone of height ``h``, which is a wedge at its rim, ``0.40 h s / r`` are left of a plateau of
    ``0.4 h``.

    Parameters
    ----------
    radius
        In px.
    blur
        Standard deviation ``s`` of all blur, in px.
    wedge
        Shape of the rim, from 0, a sphere's, to 1, a cone's.

    Examples
    --------
    >>> base_share(np.array([4.0, 16.0, 500.0]), 1.0).round(2)
    array([0.44, 0.22, 0.2 ])
    >>> base_share(np.array([4.0, 16.0, 500.0]), 1.0, wedge=1.0).round(2)
    array([0.25, 0.06, 0.05])
    """
    across = blur / np.maximum(radius, 0.5)
    of_sphere = np.clip(0.872 * np.sqrt(across), _LEAST_SHARE, _HALF)
    of_cone = np.clip(across, _LEAST_OF_WEDGE, _HALF)
    return of_sphere + wedge * (of_cone - of_sphere)


def taper(radii: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Tell from the outlines at three levels whether a body thins out like a wedge.

    From a quarter to half of the plateau an outline narrows by 4 % of its radius on a sphere, by
    11 % on a cone. So it does on a sphere that is blurred more than is known; but then it widens
    almost as much again down to a tenth of the plateau, where a wedge is at its end.

    Parameters
    ----------
    radii
        ``(3, n)`` of the areas above a tenth, a quarter and half of the plateau.
    across
        ``(n,)`` known blur over the radius.

    Returns
    -------
    ndarray
        ``(n,)`` from 0, a sphere's rim or not known, to 1, a cone's.

    Examples
    --------
    >>> sphere, cone, blurred = [0.997, 0.984, 0.939], [0.963, 0.902, 0.805], [1.20, 1.08, 0.96]
    >>> taper(np.array([sphere, cone, blurred]).T, np.full(3, 0.01)).round(1)
    array([0., 1., 0.])
    """
    foot, quarter, half = radii
    narrowing = 1 - half / np.maximum(quarter, 1e-6)
    tail = (foot - quarter) / np.maximum(quarter - half, 1e-6)
    # Both lines fit drawn spheres and cones, blurred by up to 0.15 of their radius.
    of_sphere, of_cone = 0.044 + 0.34 * across, 0.105 + 0.1 * across
    wedge = np.clip((narrowing - of_sphere) / np.maximum(of_cone - of_sphere, 0.01), 0, 1)
    sharp = np.clip((_FOOT_OF_BLUR[1] - tail) / (_FOOT_OF_BLUR[1] - _FOOT_OF_BLUR[0]), 0, 1)
    return np.where(narrowing < _UNEVEN * of_cone, wedge * sharp, 0.0)


def _shares(
    field: Field, near: _Near, plateau: np.ndarray, area: np.ndarray, noise: float
) -> np.ndarray:
    """Share of the plateau at the edge of each particle 1..n by ``base`` (entry 0 unused)."""
    blur = float(np.hypot(field.scale.sigma, _CAMERA_BLUR))
    radius = np.sqrt(area / np.pi)
    levels = [share * plateau for share in (_FOOT_SHARE, _FIRST_SHARE, _HALF)]
    areas = [near.area(near.depth > level[near.owner]) for level in levels]
    wedge = taper(np.sqrt(np.array(areas) / np.pi), blur / np.maximum(radius, 0.5))
    seen = np.isfinite(plateau) & (levels[0] > _NOISE_FLOOR * noise)
    return base_share(radius, blur, np.where(seen, wedge, 0.0))


def _touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Components of ``mask`` that hold a pixel of a seed."""
    labels, n = kernels.label(mask)
    keep = np.zeros(n + 1, bool)
    keep[labels[seeds & mask]] = True
    keep[0] = False
    return keep[labels]


def _fill(mask: np.ndarray, depth: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Fill holes that are smaller than the wall around them is thick, or deeper than the edge.

    A hole within a hollow or diffracting particle is filled; bare support that a ring of particles
    encloses is not.
    """
    labels, n = kernels.holes(mask)
    if n == 0:
        return mask
    area = np.maximum(kernels.sums(labels, n), 1)
    deep = kernels.means(labels, n, depth) > kernels.means(labels, n, level)
    walls, m = kernels.label(mask)
    thickness = np.zeros(m + 1)
    inside = kernels.depth_inside(mask)
    np.maximum.at(thickness, walls[mask], inside[mask])
    around = np.zeros(n + 1)
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        shifted = np.roll(walls, (dy, dx), (0, 1))
        beside = (labels > 0) & (shifted > 0)
        np.maximum.at(around, labels[beside], thickness[shifted[beside]])
    small = 2 * np.sqrt(area / np.pi) < 1.2 * around
    keep = small | deep
    keep[0] = False
    return mask | keep[labels]
