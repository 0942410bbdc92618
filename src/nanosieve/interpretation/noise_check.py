"""Does a logit show particles, or noise?

Horwath et al. (2020, Fig. 3) found a network whose output looked perfect while its two activation
maps showed "no features of particles", only noise of the support. Here that is a number, by
intervention: the image is taken apart into structure and noise, the noise is drawn anew several
times, and the variance of each logit is divided by what it comes from.

Let ``x = s + n``, where ``s`` is the image smoothed within the particles (Gaussian, 3 px) and
within the support (8 px) apart, so that edges stay, and ``n`` the rest. Noise is drawn anew by
taking each pixel's ``n`` from elsewhere in the same class, in patches: its strength, spectrum and
distribution stay. Over draws and pixels, with particles and support weighted equally (so that
coverage does not matter) and a band around the borders left out, the variance of a logit ``z`` is
exactly the sum of

- particle: that between the mean of ``E[z]`` on particles and on support, ``(difference / 2)²``;
- noise: the mean over pixels of the variance of ``z`` over draws;
- other: that of ``E[z]`` within particles and within support: shading, thickness, edges.

A logit may also tell particles by the texture of the noise around them. So the difference between
particles and support is measured on ``s`` alone too (`without_noise`, as a share of the whole
difference), and on the noise alone over a level ground (`from_noise_alone`). The score is the
particle share times `without_noise`, cut to 0 ... 1: 1 means that the logit shows particles and
would without noise; 0 that it shows none, or only where noise is.

The words for the score are cut at 0.75 and 0.5. These cuts are a convention: nobody has validated
them against how networks do on other images.

Limits: lattice fringes and the grain of the support, finer than the smoothing, count as noise, and
an image without noise is unlike what the network was trained on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError

CLEAR, ENOUGH = 0.75, 0.5  # cuts of the words: a convention, not validated
# Particles have structure down to their thickness profiles, support only shading: its grain is
# noise.
PARTICLE_PX, SUPPORT_PX = 3.0, 8.0
BAND_PX = 2.0
DRAWS = 6
_FEWEST_PIXELS = 30
_PATCHES = 40
_CONSTANT = 1e-10  # variance over mean square: rounding of float32

Logits = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class NoiseCheck:
    """What one logit map shows.

    Parameters
    ----------
    particle_share, noise_share, other_share
        Of the variance; they add up to 1. NaN for a map that is constant.
    without_noise, from_noise_alone
        Difference of particles and support on the structure alone, and on the noise alone, over
        that on the whole image.
    difference, noise_inside, noise_outside
        Mean on particles minus mean on support, and the standard deviation over draws of the
        noise in each, in units of the logit.
    """

    particle_share: float
    noise_share: float
    other_share: float
    without_noise: float
    from_noise_alone: float
    difference: float
    noise_inside: float
    noise_outside: float

    @property
    def score(self) -> float:
        """0 (noise, or nothing) to 1 (particles); NaN for a constant map."""
        kept = min(self.without_noise, 1.0) if self.without_noise > 0 else 0.0
        return self.particle_share * kept

    @property
    def verdict(self) -> str:
        """Say the score in words, cut at 0.75 and 0.5 by convention; the cuts are not validated.

        ``particles`` from 0.75; ``particles, but much noise``, ``particles, but less without
        noise`` or ``particles, but much other structure`` from 0.5, whichever takes the most from
        the score; ``noise`` or ``other structure`` below; ``constant``.
        """
        if math.isnan(self.particle_share):
            return "constant"
        if self.score >= CLEAR:
            return "particles"
        lost = self.particle_share - self.score
        if self.score < ENOUGH:
            # What goes without noise was made by it.
            by_noise = self.noise_share + lost >= self.other_share
            return "noise" if by_noise else "other structure"
        taken = {
            "much noise": self.noise_share,
            "less without noise": lost,
            "much other structure": self.other_share,
        }
        return f"particles, but {max(taken, key=taken.__getitem__)}"


def noise_check(
    logits: Logits, image: np.ndarray, mask: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> list[NoiseCheck]:
    """Divide the variance of each logit map between particles, noise and other structure.

    Parameters
    ----------
    logits
        From a ``(y, x)`` float32 network input to ``(c, y, x)`` maps.
    image
        ``(y, x)`` network input.
    mask
        ``(y, x)`` bool, true on particles; not from the network that is checked.
    draws
        How often the noise is drawn anew, at least 2.
    seed
        Of the draws.

    Returns
    -------
    list of NoiseCheck
        One a map.

    Raises
    ------
    UsageError
        If the shapes differ, or fewer than 30 pixels of a class lie off the borders.

    Examples
    --------
    >>> mask = np.hypot(*np.mgrid[-32:32, -32:32]) < 16
    >>> noise = np.random.default_rng(0).normal(size=mask.shape)
    >>> image = 4 * mask + noise
    >>> smooth, rough = noise_check(
    ...     lambda x: np.stack([ndimage.uniform_filter(x, 5), np.gradient(x)[0]]), image, mask)
    >>> smooth.verdict, rough.verdict
    ('particles', 'noise')
    """
    mask = np.asarray(mask, bool)
    if image.ndim != 2 or image.shape != mask.shape:
        raise UsageError(
            f"the check needs an image and a mask of one shape, got {image.shape} and {mask.shape}"
        )
    if draws < 2:
        raise UsageError(f"the check needs at least 2 draws of the noise, got {draws}")
    inside, outside = _cores(mask)
    if min(inside.sum(), outside.sum()) < _FEWEST_PIXELS:
        raise UsageError(
            f"the check needs {_FEWEST_PIXELS} pixels of particles and of support off their "
            f"borders, got {inside.sum()} and {outside.sum()}; give an image with both"
        )
    structure = _structure(image, mask)
    noise = (image - structure).astype(np.float32)
    rng = np.random.default_rng(seed)
    level = np.full_like(structure, structure[outside].mean())
    clean = logits(structure).astype(np.float64)
    # About the clean maps, so that squares of large logits do not cancel.
    total, square, alone = (np.zeros_like(clean) for _ in range(3))
    for _ in range(draws):
        drawn = _redrawn(noise, mask, rng)
        change = logits(structure + drawn) - clean
        total += change
        square += change**2
        alone += logits(level + drawn) / draws
    variance = np.maximum(square - total**2 / draws, 0) / (draws - 1)
    mean = clean + total / draws
    return [
        _shares(
            (mean[index], variance[index]), draws, inside, outside,
            (_difference(clean[index], inside, outside),
             _difference(alone[index], inside, outside)),
        )
        for index in range(len(mean))
    ]  # fmt: skip


def _cores(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Particles and support, without the band around their borders."""
    inside = ndimage.distance_transform_edt(mask) > BAND_PX
    outside = ndimage.distance_transform_edt(~mask) > BAND_PX
    return inside, outside


def _structure(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Smooth particles and support apart: weights of the other class are 0."""
    result = np.empty(image.shape, np.float32)
    for one, sigma in ((mask, PARTICLE_PX), (~mask, SUPPORT_PX)):
        weight = ndimage.gaussian_filter(one.astype(np.float32), sigma)
        values = ndimage.gaussian_filter(np.where(one, image, 0).astype(np.float32), sigma)
        result[one] = (values[one] / weight[one]).astype(np.float32)
    return result


def _redrawn(noise: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill each class with patches of its own noise, from wherever a shift meets that class."""
    result = np.empty_like(noise)
    for one in (mask, ~mask):
        places = np.argwhere(one)
        missing = one.copy()
        for _ in range(_PATCHES):
            # A shift that brings one pixel of the class to another brings many with them.
            here, there = places[rng.integers(len(places), size=2)]
            shift = tuple(there - here)
            fits = missing & np.roll(one, shift, (0, 1))
            result[fits] = np.roll(noise, shift, (0, 1))[fits]
            missing &= ~fits
            if not missing.any():
                break
        result[missing] = rng.choice(noise[one], int(missing.sum()))
    return result


def _difference(map_: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> float:
    return float(map_[inside].mean() - map_[outside].mean())


def _shares(
    statistics: tuple[np.ndarray, np.ndarray],
    draws: int,
    inside: np.ndarray,
    outside: np.ndarray,
    differences: tuple[float, float],
) -> NoiseCheck:
    """From mean and variance over draws, and differences without noise and of noise alone."""
    mean, variance = statistics
    difference = _difference(mean, inside, outside)
    noise = [float(variance[where].mean()) for where in (inside, outside)]
    # A mean of few draws still holds that share of the noise.
    other = [
        max(float(mean[where].var()) - left / draws, 0.0)
        for where, left in zip((inside, outside), noise, strict=True)
    ]
    parts = difference**2 / 4, sum(noise) / 2, sum(other) / 2
    whole = sum(parts)
    scale = float(np.square(mean[inside | outside]).mean())
    if whole <= _CONSTANT * scale:
        return NoiseCheck(math.nan, math.nan, math.nan, math.nan, math.nan, difference, 0.0, 0.0)
    clean, alone = (part / difference if difference else math.nan for part in differences)
    return NoiseCheck(
        parts[0] / whole, parts[1] / whole, parts[2] / whole, clean, alone, difference,
        math.sqrt(noise[0]), math.sqrt(noise[1]),
    )  # fmt: skip
