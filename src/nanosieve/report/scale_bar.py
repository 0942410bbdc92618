"""Scale bars of a round length."""

import math
from dataclasses import dataclass

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration


@dataclass(frozen=True)
class ScaleBar:
    """A bar of ``length`` ``unit``, drawn ``pixels`` long."""

    length: float
    unit: str
    pixels: int

    @property
    def label(self) -> str:
        """Text beside the bar, in plain decimals.

        >>> ScaleBar(0.5, "nm", 80).label, ScaleBar(5000.0, "nm", 80).label
        ('0.5 nm', '5000 nm')
        """
        decimals = max(0, -math.floor(math.log10(self.length)))
        return f"{self.length:.{decimals}f} {self.unit}"


def round_length(longest: float) -> float:
    """Return the largest of ... 0.5, 1, 2, 5, 10, 20 ... that is not above ``longest``.

    Raises
    ------
    UsageError
        If ``longest`` is not a positive number.

    Examples
    --------
    >>> round_length(99), round_length(0.7), round_length(20)
    (50.0, 0.5, 20.0)
    """
    if not (math.isfinite(longest) and longest > 0):
        raise UsageError(f"a scale bar needs a positive length to fit into, got {longest!r}")
    # The tiny factor keeps 20 from becoming 10 where log10 or the division falls just short.
    longest *= 1 + 1e-9
    decade = math.floor(math.log10(longest))
    digit = max(d for d in (1, 2, 5) if d <= longest / 10.0**decade)
    return float(f"{digit}e{decade}")


def scale_bar(calibration: Calibration, *, canvas_px: int, pixels_per_canvas_px: float) -> ScaleBar:
    """Choose the bar for a picture: the longest round length within a quarter of its width.

    Parameters
    ----------
    calibration
        Pixel size of the micrograph; unknown gives a bar in ``px`` of the micrograph.
    canvas_px
        Width of the picture in its own pixels.
    pixels_per_canvas_px
        Micrograph pixels that one pixel of the picture stands for.

    Examples
    --------
    >>> scale_bar(Calibration(0.2, "file"), canvas_px=1000, pixels_per_canvas_px=2)
    ScaleBar(length=100.0, unit='nm', pixels=250)
    """
    per_canvas_px = calibration.scale * pixels_per_canvas_px
    length = round_length(canvas_px / 4 * per_canvas_px)
    return ScaleBar(length, calibration.unit, max(1, round(length / per_canvas_px)))
