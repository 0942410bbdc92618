"""A frame made ready for thresholds: particles bright, field flat, noise smoothed away."""

from dataclasses import dataclass

import numpy as np
from skimage.filters import threshold_otsu

from nanosieve.core.segmentation import Polarity
from nanosieve.prepare.flat_field import fit_background, flatten
from nanosieve.segmentation.kernels import erode, gaussian
from nanosieve.segmentation.polarity import find_polarity, is_certain
from nanosieve.segmentation.sample import sample_windows
from nanosieve.segmentation.scale import Scale, choose_scale


@dataclass(frozen=True)
class Field:
    """What every method gets.

    Parameters
    ----------
    smooth
        ``(y, x)`` float32: flattened, particles brighter than the support, smoothed by
        ``scale.sigma``.
    valid
        ``(y, x)`` bool: pixels that count.
    scale
        The smoothing and the noise it leaves.
    level
        Otsu's threshold of ``smooth`` over the valid pixels.
    polarity, polarity_score
        Of the particles in the original image, and how clearly it was told (see
        `nanosieve.segmentation.polarity`).
    """

    smooth: np.ndarray
    valid: np.ndarray
    scale: Scale
    level: float
    polarity: Polarity
    polarity_score: float

    @property
    def polarity_certain(self) -> bool:
        """Whether the polarity is more than a guess."""
        return is_certain(self.polarity_score)


def make_field(image: np.ndarray, valid: np.ndarray, polarity: str) -> Field:
    """Choose polarity and scale from the image, flatten it, smooth it.

    Parameters
    ----------
    image
        ``(y, x)`` float32, finite, not constant.
    valid
        ``(y, x)`` bool.
    polarity
        ``auto``, ``dark`` or ``bright``.
    """
    image = _without_invalid(image, valid)
    windows = sample_windows(image, valid)
    chosen, score = _polarity(image, valid, windows, polarity)
    flat = _flat(image, valid, chosen)
    signed = -flat if chosen == "dark" else flat
    scale = choose_scale([(signed[w], valid[w]) for w in windows])
    smooth = gaussian(signed, scale.sigma)
    return Field(smooth, valid, scale, float(threshold_otsu(smooth[valid])), chosen, score)


def _without_invalid(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Put the median where a caption is, so that smoothing does not carry it outwards."""
    if valid.all():
        return image
    return np.where(valid, image, np.float32(np.median(image[valid])))


def _polarity(
    image: np.ndarray, valid: np.ndarray, windows: list[tuple[slice, slice]], asked: str
) -> tuple[Polarity, float]:
    if asked == "dark":
        return "dark", -1.0
    if asked == "bright":
        return "bright", 1.0
    scores = [find_polarity(image[w], valid[w])[1] for w in windows]
    score = float(np.mean(scores))
    return ("dark" if score <= 0 else "bright"), score


def _flat(image: np.ndarray, valid: np.ndarray, polarity: Polarity) -> np.ndarray:
    """Divide (bright field) or subtract (dark field) a Bezier surface fitted to the support."""
    smooth = gaussian(image, 2)
    level = threshold_otsu(smooth[valid])
    support = (smooth > level) if polarity == "dark" else (smooth < level)
    background = fit_background(image, erode(support & valid, 3))
    return flatten(image, background, mode="divide" if polarity == "dark" else "subtract")
