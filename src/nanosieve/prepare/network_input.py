"""What a network sees of an image: one function, for training and for running alike."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Polarity
from nanosieve.prepare.flat_field import fit_background, flatten
from nanosieve.prepare.normalise import scale_to_maximum, standardise

Normalisation = Literal["standardise", "support", "maximum"]

_SAMPLE = 1 << 16  # pixels from which the support is told
_BINS = 512
_TALL = 0.1  # of the tallest: a lower mode may be noise of the histogram
_FLOOR = 1 / 50  # of the range of grey values: an image without noise stays within ±50


class InputSpec(BaseModel):
    """How images are brought to a network; kept in the card of the model.

    Parameters
    ----------
    normalisation
        ``standardise``: mean 0, standard deviation 1 over the frame. ``support``: the support is
        0 and its noise 1, so that an image full of particles keeps its scale. ``maximum``: divided
        by ``maximum``.
    maximum
        Largest grey value of the data set, where ``normalisation`` is ``maximum``.
    flat_field
        Whether uneven illumination is taken out first.
    polarity
        What particles look like to the network: ``dark`` or ``bright``, other images being
        negated; or ``any``, where it was trained on both.

    Examples
    --------
    >>> InputSpec().normalisation, InputSpec().polarity
    ('standardise', 'dark')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    normalisation: Normalisation = "standardise"
    maximum: float | None = Field(default=None, gt=0)
    flat_field: bool = False
    polarity: Literal["dark", "bright", "any"] = "dark"

    @model_validator(mode="after")
    def _maximum_where_it_counts(self) -> Self:
        if (self.normalisation == "maximum") != (self.maximum is not None):
            raise ValueError(
                "maximum is the largest grey value of the data set: give it with "
                "normalisation = 'maximum', and only then"
            )
        return self


def network_input(
    image: np.ndarray, spec: InputSpec, *, polarity: Polarity, valid: np.ndarray | None = None
) -> np.ndarray:
    """Bring an image to the grey values that a network was, or is to be, trained on.

    The whole frame goes in, never a tile of it: a statistic of a tile would make the result
    depend on how the frame was cut.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels of any real dtype, X-ray outliers already taken out. It is left
        as it is; one float32 array of its size is allocated, which is returned.
    spec
        What the network wants.
    polarity
        What particles look like in this image. Where the network wants the other, grey values
        are turned round.
    valid
        ``(y, x)`` bool, ``False`` on captions and what else does not count. Those pixels get the
        median of the others and take part in no statistic.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, C-contiguous; zeros where the image is constant (``maximum`` aside).

    Raises
    ------
    UsageError
        If the image is not 2-D or ``valid`` has another shape.

    Examples
    --------
    >>> image = np.array([[1, 3]], np.uint8)
    >>> network_input(image, InputSpec(), polarity="dark")
    array([[-1.,  1.]], dtype=float32)
    >>> network_input(image, InputSpec(), polarity="bright")
    array([[ 1., -1.]], dtype=float32)
    """
    if image.ndim != 2 or (valid is not None and valid.shape != image.shape):
        raise UsageError(
            f"a network takes a (y, x) image and a mask of its shape, got {image.shape} and "
            f"{None if valid is None else valid.shape}"
        )
    if valid is not None and (valid.all() or not valid.any()):
        valid = None
    result = np.array(image, np.float32, order="C")
    if valid is not None:
        result[~valid] = np.median(result[valid])
    if spec.flat_field:
        _flatten(result, polarity)
    turned = spec.polarity not in ("any", polarity)
    if spec.maximum is not None:
        result = scale_to_maximum(result, spec.maximum)
        return np.subtract(1, result, out=result) if turned else result
    if turned:
        np.negative(result, out=result)
        polarity = "bright" if polarity == "dark" else "dark"
    if spec.normalisation == "standardise":
        return standardise(result, valid)
    level, spread = support_statistics(result if valid is None else result[valid], polarity)
    result -= np.float32(level)
    if spread > 0:
        result /= np.float32(spread)
    return result


def support_statistics(pixels: np.ndarray, polarity: Polarity) -> tuple[float, float]:
    """Grey value and noise of the support, whatever share of the frame it fills.

    The level is the tall mode of the grey values that is farthest from where particles lie: the
    brightest one where particles are dark. A mode is tall from a tenth of the tallest on. The
    noise is told from the side of the mode on which no particle lies: 1.4826 times the median
    distance from it.

    Parameters
    ----------
    pixels
        Finite grey values, any shape; some 65 000 of them, evenly spread, are looked at.
    polarity
        What particles look like.

    Returns
    -------
    level, spread
        In grey values. The spread is never less than a fiftieth of the range of grey values
        (0.5 to 99.5 %), so that images without noise do not blow up; 0 where all are equal.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pixels = rng.normal(100, 5, 50_000)
    >>> pixels[:40_000] -= 50  # four fifths of the frame are particle
    >>> level, spread = support_statistics(pixels, "dark")
    >>> bool(abs(level - 100) < 1), bool(abs(spread - 5) < 1)
    (True, True)
    """
    # An odd stride does not fall in step with rows of even length.
    values = pixels.ravel()[:: max(pixels.size // _SAMPLE, 1) | 1].astype(float)
    sign = 1.0 if polarity == "dark" else -1.0
    values *= sign
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        return float(np.median(values)) * sign, float(np.ptp(values)) * _FLOOR
    level = _farthest_mode(values, low, high)
    beyond = values[values > level] - level
    spread = 1.4826 * float(np.median(beyond)) if beyond.size else 0.0
    return level * sign, max(spread, (high - low) * _FLOOR)


def _farthest_mode(values: np.ndarray, low: float, high: float) -> float:
    """Largest grey value at which the smoothed histogram has a tall maximum."""
    quartiles = np.percentile(values, (25, 75))
    # Silverman's width; the interquartile range is 0 where most pixels are equal.
    scale = min(values.std(), np.ptp(quartiles) / 1.34 or np.inf)
    # Counts are whole numbers: a histogram finer than they are is a comb of modes.
    width = max(0.9 * scale * values.size**-0.2, float(np.median(np.diff(np.unique(values)))))
    margin = 3 * width
    counts, edges = np.histogram(values, _BINS, (low - margin, high + margin))
    step = edges[1] - edges[0]
    density = ndimage.gaussian_filter1d(counts.astype(float), max(width / step, 1), mode="constant")
    inner = density[1:-1]
    modes = (inner >= density[:-2]) & (inner > density[2:]) & (inner >= _TALL * density.max())
    places = np.flatnonzero(modes) + 1
    place = int(places[-1]) if places.size else int(density.argmax())
    return float(edges[place] + step / 2)


def _flatten(image: np.ndarray, polarity: Polarity) -> None:
    """Take the illumination out in place; divided in bright field, where particles are dark."""
    background = fit_background(image)
    divide = polarity == "dark" and background.positive
    flatten(image, background, mode="divide" if divide else "subtract", out=image)
