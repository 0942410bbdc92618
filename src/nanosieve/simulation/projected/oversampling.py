"""Images that were enlarged after recording, as many figures are: their noise is correlated."""

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from nanosieve.simulation.ranges import Range, as_range
from nanosieve.simulation.section import Section


class Oversampling(Section):
    """How many images are enlarged, and how far; and their grey levels bent.

    Parameters
    ----------
    share
        Of images that are enlarged.
    factor
        How many pixels of the image there are to one of the detector, along a side.
    gamma
        Exponent of the grey levels, between the darkest and the brightest of the image.
    """

    share: float = Field(default=0.0, ge=0, le=1)
    factor: Range = as_range([1.2, 3.2])
    gamma: Range = as_range(1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.factor.low < 1:
            raise ValueError("factor is at least 1: images are enlarged, not reduced")
        if self.gamma.low <= 0:
            raise ValueError("gamma is more than 0")
        return self

    def draw_factor(self, rng: np.random.Generator) -> float:
        """Factor of one image: 1 where it is not enlarged."""
        factor = self.factor.draw(rng)
        return factor if rng.random() < self.share else 1.0


def detector_shape(shape: tuple[int, int], factor: float) -> tuple[int, int]:
    """Pixels of the detector behind an image of ``shape`` that was enlarged ``factor`` times.

    Examples
    --------
    >>> detector_shape((512, 512), 2.0)
    (256, 256)
    """
    return max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor))


def bend(values: np.ndarray, gamma: float) -> np.ndarray:
    """Raise grey levels to a power between their own limits, which stay where they are.

    Examples
    --------
    >>> bend(np.array([0.0, 0.5, 1.0]), 2.0).tolist()
    [0.0, 0.25, 1.0]
    """
    low, high = float(values.min()), float(values.max())
    if gamma == 1 or high <= low:
        return values
    return low + (high - low) * ((values - low) / (high - low)) ** gamma
