"""What every form of Bragg segmentation is given, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.core.bragg import Foreground
from nanosieve.core.errors import FailedInput
from nanosieve.prepare.flat_field import fit_background, flatten
from nanosieve.segmentation import kernels

# Otsu's threshold cuts a normal distribution in halves whose means are 2.65 of their own deviations
# apart. Of simulated graphene, 4 images without contamination gave 2.8 to 3.0, and 12 with it 2.8
# to 4.6, below 3 where no threshold found it.
_APART = 3.0
# Of white noise, the standard deviation of its smoothed absolute value is the mean times 0.75 over
# the root of the pixels in a Gaussian, 4 pi sigma^2. The halves of it are 1.6 of these apart; the
# noise of a camera is not white.
_NOISE, _WHITE = 4.0, 0.75


@dataclass(frozen=True)
class Scene:
    """A frame for a Bragg filter.

    Parameters
    ----------
    deviation
        ``(y, x)`` float32: the mean-1 image less 1; 0 where pixels do not count.
    valid
        ``(y, x)`` bool: pixels that count.
    pixel_size_nm
        ``None`` where unknown.
    """

    deviation: np.ndarray
    valid: np.ndarray
    pixel_size_nm: float | None


@dataclass(frozen=True)
class Strength:
    """What a form answers: how much of a crystal, or of anything else, there is in each place.

    Parameters
    ----------
    values
        ``(y, x)`` float32, not negative.
    level
        Value from which on the pixel counts; ``None`` where values are of one population.
    of
        What has large values.
    grain_px
        Standard deviation of the smoothing that ``values`` went through.
    facts
        What was found on the way, plain values.
    """

    values: np.ndarray
    level: float | None
    of: Foreground
    grain_px: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def make_scene(image: np.ndarray, valid: np.ndarray, pixel_size_nm: float | None) -> Scene:
    """Bring a frame to mean 1 by its illumination.

    Parameters
    ----------
    image
        ``(y, x)`` finite, float32.
    valid
        ``(y, x)`` bool.
    pixel_size_nm
        ``None`` where unknown.

    Raises
    ------
    FailedInput
        If the illumination is not positive.

    Examples
    --------
    >>> tilt = np.linspace(90, 110, 64, dtype=np.float32) * np.ones((64, 1), np.float32)
    >>> scene = make_scene(1.1 * tilt, np.ones(tilt.shape, bool), None)
    >>> bool(np.abs(scene.deviation).max() < 1e-4)
    True
    """
    background = fit_background(image)
    if background.mean <= 0:
        raise FailedInput(
            "bragg divides by the mean intensity, which is not positive here; give the image as it "
            "was recorded, in counts, without its mean taken off"
        )
    # Where vacuum is near zero, as in dark field, illumination cannot be divided out.
    mode = "divide" if background.positive else "subtract"
    deviation = flatten(image, background, mode=mode)  # type: ignore[arg-type]
    deviation /= np.float32(background.mean)
    deviation -= 1
    deviation[~valid] = 0
    return Scene(deviation, valid, pixel_size_nm)


def low_pass(values: np.ndarray, valid: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian of the pixels that count over the Gaussian of where they are.

    Parameters
    ----------
    values
        ``(y, x)`` float32, 0 where pixels do not count.
    valid
        ``(y, x)`` bool. The outside of the frame does not count either.
    sigma
        Standard deviation, px.

    Returns
    -------
    np.ndarray
        ``(y, x)`` float32, 0 where pixels do not count.

    Examples
    --------
    >>> even = low_pass(np.ones((20, 20), np.float32), np.ones((20, 20), bool), 3)
    >>> bool(np.allclose(even, 1))
    True
    """
    total = kernels.gaussian(values, sigma, zeros_around=True)
    if valid.all():
        # Of a whole frame it is the product of those of its sides.
        along_y, along_x = (
            kernels.gaussian(np.ones(side, np.float32), sigma, zeros_around=True)
            for side in valid.shape
        )
        total /= along_y[:, np.newaxis]
        total /= along_x
        return total
    weight = kernels.gaussian(valid.astype(np.float32), sigma, zeros_around=True)
    return np.divide(total, weight, out=np.zeros_like(total), where=valid)


def otsu_level(values: np.ndarray, valid: np.ndarray, times: float, *, blur: float) -> float | None:
    """Otsu's threshold of the pixels that count, ``times`` over; ``None`` of one population.

    Parameters
    ----------
    values
        ``(y, x)``, absolute values smoothed by ``blur`` px.
    valid
        ``(y, x)`` bool.
    times
        What to multiply the threshold by.
    blur
        Standard deviation: the less was smoothed, the more noise alone makes two populations.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> everywhere = np.ones((64, 64), bool)
    >>> otsu_level(rng.normal(5, 1, (64, 64)), everywhere, 1, blur=5) is None
    True
    >>> two = rng.normal(np.repeat([5, 15], 32), 1, (64, 64))
    >>> 7 < otsu_level(two, everywhere, 1, blur=5) < 13
    True
    """
    inside = values[valid]
    if inside.size == 0 or inside.min() == inside.max():
        return None
    level = float(threshold_otsu(inside))
    above = inside > level
    lower, upper = inside[~above], inside[above]
    noise = _WHITE * float(lower.mean()) / (np.sqrt(4 * np.pi) * blur)
    if upper.mean() - lower.mean() < max(_APART * float(lower.std()), _NOISE * noise):
        return None
    return times * level
