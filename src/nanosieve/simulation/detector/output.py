"""From electrons to the numbers in a file: gain, black level, clipping, quantisation, JPEG."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Scaling = Literal["counts", "vacuum", "image"]
FORMATS: dict[str, tuple[type, int, int]] = {
    "uint8": (np.uint8, 0, 255),
    "uint12": (np.uint16, 0, 4095),
    "uint16": (np.uint16, 0, 65535),
    "int16": (np.int16, -32768, 32767),
}
"""dtype, least and greatest value of each format; values at and above 0 are its range."""

_TAILS = (0.005, 0.995)  # shares of pixels below black and above white, but for noise


@dataclass(frozen=True)
class Output:
    """The numbers that a detector writes.

    A value is ``offset + gain × electrons``, rounded to whole numbers and clipped. One grey level
    is thus 1 / gain electrons, and adds a variance of 1/12 grey levels².

    Parameters
    ----------
    format
        One of `FORMATS`.
    scaling
        ``counts``: `gain` is stated. ``vacuum``: it is chosen so that the incident beam gives
        `level`. ``image``: gain and offset are chosen as an operator does, so that the image
        spans the range from `black` to `white`.
    gain
        Grey levels an electron.
    level
        Share of the format's range that the incident beam takes: at 0.6 of 8 bits one grey level
        is 0.65 % of the beam.
    offset
        Share of the range at which no electrons lie, where scaling is ``counts`` or ``vacuum``.
    black, white
        Shares of the range between which the image lies, but for 0.5 % at either end; beyond 0
        and 1 it is clipped there.
    jpeg_quality
        ``None``: no JPEG.
    """

    format: str
    scaling: str
    gain: float
    level: float
    offset: float
    black: float
    white: float
    jpeg_quality: int | None = None

    def line(self, electrons: np.ndarray, std: np.ndarray, beam: float) -> tuple[float, float]:
        """Grey levels an electron, and the grey level of none.

        Parameters
        ----------
        electrons, std
            Expected electrons of some pixels of the image and their standard deviation.
        beam
            Electrons of a pixel that the incident beam alone gives.
        """
        top = FORMATS[self.format][2]
        if self.scaling == "counts":
            return self.gain, self.offset * top
        if self.scaling == "vacuum":
            return (self.level - self.offset) * top / beam, self.offset * top
        # Two standard deviations: that little of the noise is clipped at either end.
        low = float(np.quantile(electrons - 2 * std, _TAILS[0]))
        high = float(np.quantile(electrons + 2 * std, _TAILS[1]))
        gain = (self.white - self.black) * top / max(high - low, 1e-6 * beam)
        return gain, self.black * top - gain * low

    def write(self, values: np.ndarray) -> np.ndarray:
        """Round and clip grey levels to the format; compress and expand if asked."""
        dtype, low, high = FORMATS[self.format]
        image: np.ndarray = np.clip(np.rint(values), low, high).astype(dtype)
        return image if self.jpeg_quality is None else _through_jpeg(image, self.jpeg_quality)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    import imagecodecs

    decoded: np.ndarray = imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(image, level=quality))
    return decoded
