"""A frame made ready for thresholds: particles bright, field flat, noise smoothed away."""

from dataclasses import dataclass

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.core.segmentation import Polarity
from nanosieve.prepare.flat_field import Background, fit_background
from nanosieve.segmentation.kernels import gaussian, shave, shrink
from nanosieve.segmentation.polarity import find_polarity
from nanosieve.segmentation.population import two_populations
from nanosieve.segmentation.sample import sample_windows
from nanosieve.segmentation.scale import Scale, choose_scale, choose_sparse, otsu_level

Tile = tuple[slice, slice]
# Share of the pixels above Otsu's threshold below which it may be a poor judge.
_FEW = 0.005
# Fits of the background after the first: enough to cross a frame.
_REFITS = 4
WHOLE: Tile = (slice(None), slice(None))


@dataclass(frozen=True)
class Choice:
    """What is chosen from the image once, for all of its tiles.

    Parameters
    ----------
    polarity, polarity_score
        See `nanosieve.segmentation.polarity`.
    background
        Illumination of the support.
    scale
        The smoothing and the noise that it leaves.
    level
        Global threshold of the smoothed frame, particles bright.
    separate
        Whether there are two populations of pixels at all.
    windows
        Where this was looked at.
    """

    polarity: Polarity
    polarity_score: float
    background: Background
    scale: Scale
    level: float
    separate: bool
    windows: list[Tile]

    def flat(self, image: np.ndarray, tile: Tile = WHOLE) -> np.ndarray:
        """Flatten a tile and turn it so that particles are bright; float32.

        Bright field is divided by the background, dark field has it subtracted; so has an image
        of which the support is not positive, since it cannot be divided by it.
        """
        part = np.asarray(image[tile], dtype=np.float32)
        surface = self.background.surface(image.shape, rows=tile[0])[:, tile[1]]
        mean = np.float32(self.background.mean)
        if self.polarity == "bright":
            return part - (surface - mean)
        if self.background.positive:
            return np.multiply(part, np.divide(-mean, surface, out=surface), out=surface)
        return (surface - mean) - part


@dataclass(frozen=True)
class Field:
    """A tile of a frame as every method gets it.

    Parameters
    ----------
    smooth
        ``(y, x)`` float32: flattened, particles brighter than the support, smoothed by
        ``scale.sigma``.
    valid
        ``(y, x)`` bool: pixels that count.
    scale, level
        As chosen for the whole frame.
    """

    smooth: np.ndarray
    valid: np.ndarray
    scale: Scale
    level: float


def choose(image: np.ndarray, valid: np.ndarray, polarity: str) -> Choice:
    """Choose polarity, flat field, smoothing and threshold, in the windows of most contrast.

    Parameters
    ----------
    image
        ``(y, x)`` float32, finite; not constant over the valid pixels.
    valid
        ``(y, x)`` bool.
    polarity
        ``auto``, ``dark`` or ``bright``.
    """
    windows = sample_windows(image, valid)
    chosen, score = _polarity(image, valid, windows, polarity)
    background = _background(image, valid, chosen)
    draft = Choice(chosen, score, background, Scale(1.0, 0.0, 0.0), 0.0, False, windows)
    views = [(draft.flat(image, window), valid[window]) for window in windows]
    scale = choose_scale(views)
    smooth = [gaussian(view, scale.sigma) for view, _ in views]
    level = _otsu(smooth, views)
    separate = any(
        two_populations(one, (one > level) & known, known, scale)
        for one, (_, known) in zip(smooth, views, strict=True)
    )
    share = float(np.mean(np.concatenate([(one > level).ravel() for one in smooth])))
    if (not separate or share < _FEW) and (sparse := choose_sparse(views)) is not None:
        # Where Otsu sees few particles it is at a scale that also blurs them.
        if not separate or sparse[0].sigma < scale.sigma:
            scale, level = sparse
        separate = True
    return Choice(chosen, score, background, scale, level, separate, windows)


def make_field(image: np.ndarray, valid: np.ndarray, choice: Choice, tile: Tile = WHOLE) -> Field:
    """Flatten and smooth one tile of ``image``."""
    smooth = gaussian(choice.flat(image, tile), choice.scale.sigma)
    return Field(smooth, valid[tile], choice.scale, choice.level)


def _otsu(smooth: list[np.ndarray], views: list[tuple[np.ndarray, np.ndarray]]) -> float:
    pixels = [one[known] for one, (_, known) in zip(smooth, views, strict=True)]
    return otsu_level(np.concatenate(pixels))


def _polarity(
    image: np.ndarray, valid: np.ndarray, windows: list[Tile], asked: str
) -> tuple[Polarity, float]:
    if asked != "auto":
        return ("dark", -1.0) if asked == "dark" else ("bright", 1.0)
    score = float(np.mean([find_polarity(image[w], valid[w]) for w in windows]))
    return ("dark" if score <= 0 else "bright"), score


def _background(image: np.ndarray, valid: np.ndarray, polarity: Polarity) -> Background:
    """Fit the illumination to the support, at a quarter of the size or less.

    The support is what Otsu takes for it, at first: on a gradient that is the brighter or darker
    half of the frame. It grows, from fit to fit, to all that is within three deviations of it.
    """
    factor = 4 if min(image.shape) >= 256 else 1
    coarse = gaussian(shrink(image, factor), 1)
    known = shrink(valid, factor) > 0.99
    if np.count_nonzero(known) < 9:
        return fit_background(coarse)
    above = -coarse if polarity == "dark" else coarse
    support = known & (above <= threshold_otsu(above[known]))
    background = fit_background(coarse, shave(support))
    for _ in range(_REFITS):
        surface = background.surface(coarse.shape)
        rest = above + surface if polarity == "dark" else above - surface
        spread = 1.4826 * float(np.median(np.abs(rest[support])))
        support = known & (rest <= 3 * spread)
        background = fit_background(coarse, shave(support))
    return background
