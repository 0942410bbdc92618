"""What a network is shown of a frame: the grid, the grey values, and how the particles look.

At each magnification the image is averaged down first and then brought to the network's input, as
an image taken with pixels of that size would be, in training and in use. Scaled after it was
normalised it would be one that no training saw: averaging takes noise away, and the noise of the
support is what the input counts in.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from nanosieve.core.errors import FailedInput
from nanosieve.core.segmentation import Polarity
from nanosieve.models.card import ModelCard
from nanosieve.prepare.network_input import network_input
from nanosieve.prepare.resample import resample

# Pixel sizes closer than this are one: resampling would only blur.
SAME_SIZE = 0.01
# Of a resampled image, which costs 4 bytes a pixel, its map of probability 2 more.
_LARGEST_RESAMPLED = 16384**2
# A pixel of a coarser grid counts where hardly any of it is left out.
_KNOWN = 0.99

Grid = tuple[float, float] | None


@dataclass(frozen=True)
class View:
    """A frame as a model is shown it.

    Parameters
    ----------
    image
        ``(y, x)`` finite grey values.
    valid
        ``(y, x)`` bool; ``None`` where every pixel counts.
    looks
        What particles look like; ``None`` where the network does not need to know.
    grid
        Pixel sizes of the frame and of the network's grid; ``None`` where they are one.
    """

    image: np.ndarray
    valid: np.ndarray | None
    looks: Polarity | None
    grid: Grid = None

    @property
    def shape(self) -> tuple[int, int]:
        """Of the frame."""
        return self.image.shape[0], self.image.shape[1]

    def at(self, scale: float) -> Grid:
        """Grid of the network's at a magnification.

        Examples
        --------
        >>> View(np.zeros((2, 2)), None, None).at(0.5)
        (1.0, 2.0)
        """
        if scale == 1:
            return self.grid
        own, wanted = self.grid or (1.0, 1.0)
        return own, wanted / scale

    def sides(self, scale: float = 1.0) -> tuple[float, float]:
        """Rows and columns of the network's grid at a magnification, not rounded."""
        own, wanted = self.at(scale) or (1.0, 1.0)
        return self.shape[0] * own / wanted, self.shape[1] * own / wanted

    def given(self, card: ModelCard, scale: float = 1.0) -> np.ndarray:
        """Input of the network at a magnification; ``(y, x)`` float32."""
        seen, known, grid = self.image, self.valid, self.at(scale)
        if grid is not None:
            seen = resample(seen, *grid)
            known = None if known is None else resample(known, *grid) > _KNOWN
        return network_input(seen, card.input, polarity=self.looks or "dark", valid=known)

    def window(self, part: tuple[slice, slice]) -> Self:
        """Only a part of the frame."""
        known = None if self.valid is None else self.valid[part]
        return replace(self, image=self.image[part], valid=known)


def grid_between(from_nm: float | None, to_nm: float | None) -> Grid:
    """Pixel sizes between which to resample; ``None`` where one is unknown or they agree.

    Examples
    --------
    >>> grid_between(0.5, 0.2), grid_between(0.5, 0.503), grid_between(None, 0.2)
    ((0.5, 0.2), None, None)
    """
    if from_nm is None or to_nm is None or abs(to_nm / from_nm - 1) <= SAME_SIZE:
        return None
    return from_nm, to_nm


def check_size(view: View, card: ModelCard) -> None:
    """Refuse what would fill the memory: an overview for a model of fine pixels.

    Raises
    ------
    FailedInput
        If the image would be larger than 16384 x 16384 px.
    """
    rows, columns = view.sides()
    if view.grid is not None and rows * columns > _LARGEST_RESAMPLED:
        own, wanted = view.grid
        raise FailedInput(
            f"{card.name} wants pixels of {wanted:.3g} nm, the image has {own:.3g} nm: "
            f"{rows:.0f} x {columns:.0f} px would be too many; use another model, or --resample"
        )
