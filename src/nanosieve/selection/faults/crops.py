"""Square crops of segmented particles, in units of the bare support around them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nanosieve.core.errors import UsageError

LEAST_PX = 24
"""Side of the smallest crop whose spectrum says anything: a dozen fringes of two pixels."""

# From median absolute to standard deviation of a normal distribution.
_MAD = 1.4826


@dataclass(frozen=True, eq=False)
class Crop:
    """A square around one particle.

    Parameters
    ----------
    pixels
        ``(n, n)`` float32: grey level above the median of the bare support, in standard deviations
        of the support.
    inside
        ``(n, n)`` bool: the particle.
    pixel_size_nm
        Of the image, or ``None``.
    """

    pixels: np.ndarray
    inside: np.ndarray
    pixel_size_nm: float | None = None


class Cutter:
    """Cuts the particles of one frame out.

    Parameters
    ----------
    image
        ``(y, x)`` of any real dtype, all finite.
    labels
        ``(y, x)`` integers, 0 background.
    pixel_size_nm
        Of the image, or ``None`` where it is unknown.

    Raises
    ------
    UsageError
        If image and labels differ in shape.

    Examples
    --------
    >>> labels = np.zeros((64, 96), int)
    >>> labels[10:50, 20:50] = 7
    >>> crop = Cutter(np.random.default_rng(0).normal(size=labels.shape), labels).crop(7)
    >>> crop.pixels.shape, int(crop.inside.sum())
    ((40, 40), 1200)
    """

    def __init__(
        self, image: np.ndarray, labels: np.ndarray, *, pixel_size_nm: float | None = None
    ) -> None:
        if image.shape != labels.shape:
            raise UsageError(
                f"the image has {_size(image)} pixels and its labels {_size(labels)}: give the "
                "image that was segmented"
            )
        pixels = np.asarray(image, np.float32)
        bare = labels == 0
        support = pixels[bare] if bare.any() else pixels
        level = float(np.median(support))
        noise = _MAD * float(np.median(np.abs(support - level)))
        # A drawn support has no noise: its particles are then measured in their own grey levels.
        noise = noise or float(pixels.std()) or 1.0
        self._pixels = (pixels - np.float32(level)) / np.float32(noise)
        self._labels = labels
        self._boxes = ndimage.find_objects(labels)
        self._pixel_size_nm = pixel_size_nm

    @property
    def labels(self) -> tuple[int, ...]:
        """Values of the particles."""
        return tuple(n for n, box in enumerate(self._boxes, start=1) if box is not None)

    def crop(self, label: int) -> Crop | None:
        """Cut one particle out: the square about its bounding box, moved into the frame.

        ``None`` where that square has fewer than 24 pixels a side.

        Raises
        ------
        UsageError
            If there is no such label.
        """
        box = self._boxes[label - 1] if 1 <= label <= len(self._boxes) else None
        if box is None:
            raise UsageError(f"there is no particle {label} in the label image")
        side = min(max(part.stop - part.start for part in box), *self._labels.shape)
        if side < LEAST_PX:
            return None
        square = tuple(
            _moved_in((part.start + part.stop - side) // 2, side, n)
            for part, n in zip(box, self._labels.shape, strict=True)
        )
        return Crop(self._pixels[square], self._labels[square] == label, self._pixel_size_nm)

    def bare(self, like: Crop, *, rng: np.random.Generator, tries: int = 50) -> Crop | None:
        """Draw a square of bare support, outlined as if a particle were there.

        Parameters
        ----------
        like
            Gives size and outline: those must not tell bare support from particles.
        rng
            Draws its place.
        tries
            How often.

        Returns
        -------
        Crop or None
            ``None`` where no square without particles is found.
        """
        side = len(like.pixels)
        ny, nx = self._labels.shape
        for _ in range(tries if side <= min(ny, nx) else 0):
            top, left = (int(rng.integers(n - side + 1)) for n in (ny, nx))
            square = (slice(top, top + side), slice(left, left + side))
            if not self._labels[square].any():
                return Crop(self._pixels[square], like.inside, self._pixel_size_nm)
        return None


def _moved_in(start: int, side: int, n: int) -> slice:
    """Part of an axis of n pixels, moved so that it lies within."""
    start = min(max(start, 0), n - side)
    return slice(start, start + side)


def _size(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
