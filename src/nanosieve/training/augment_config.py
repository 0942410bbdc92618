"""Which changes a tile undergoes before the network sees it: one key each, with its range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer

Range = tuple[float, float]


@dataclass(frozen=True)
class _Kind:
    """How a key is written: a pair, one number, ``true`` or ``false``.

    Parameters
    ----------
    default
        What ``true`` stands for.
    single
        What one number ``v`` stands for: ``-v..v``, ``0..v``, ``1/v..v``, or ``v..v``.
    low, high
        Ends that no range may pass.
    """

    default: Range
    single: Literal["both", "up", "factor", "same"]
    low: float = -1e6
    high: float = 1e6

    def parse(self, value: Any) -> Range | None:
        """Give the range, or ``None`` where it is off."""
        if value is False or value is None:
            return None
        if value is True:
            return self.default
        ends = self._ends(value)
        if not self.low <= ends[0] <= ends[1] <= self.high:
            raise ValueError(
                f"must be a range low <= high within {self.low:g} to {self.high:g}, "
                f"or false, got {value!r}"
            )
        return ends

    def _ends(self, value: Any) -> Range:
        if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_number, value)):
            return float(value[0]), float(value[1])
        if not _number(value):
            raise ValueError(f"must be a pair, one number, true or false, got {value!r}")
        if self.single == "both":
            return -abs(float(value)), abs(float(value))
        if self.single == "up":
            return 0.0, float(value)
        if self.single == "same":
            return float(value), float(value)
        if value <= 0:
            raise ValueError(f"must be a positive factor, got {value!r}")
        return min(1 / value, float(value)), max(1 / value, float(value))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class AugmentConfig(BaseModel):
    """``[augment]``: each change off (``false``), on (``true``: its usual range) or a range.

    A range is a pair, ``[low, high]``; one number means what is noted.

    Parameters
    ----------
    share
        How often each of the changes below is made to a tile; ``dihedral`` and ``translation``
        always are. Tiles that are left as they are keep the noise of the camera, which resampling
        smooths.
    dihedral
        The eight turns and mirror images, exactly: pixels are moved, never interpolated.
    rotation
        Degrees, counter-clockwise; v: -v to v. Like all that resample, the image is linearly
        interpolated and its truth taken from the nearest pixel; beyond the frame the image is
        mirrored and the truth does not count.
    shear
        Degrees; v: -v to v.
    scale
        Magnification; v: 1/v to v.
    translation
        Shares of the tile's side, rounded to whole pixels; v: -v to v. The tile stays in the frame.
    contrast
        Factor on the deviations from 0, log-uniform; v: 1/v to v.
    brightness
        Added, in units of the network's input; v: -v to v.
    invert
        Dark becomes bright in ``share`` of the tiles: for a network of ``polarity = "any"``.
    noise
        Gaussian noise rho added as (x + rho n) / sqrt(1 + rho²), so that an image brought to
        deviation 1 stays there (Sytwu 2024): a range, since one value sells high doses for low
        ones; v: 0 to v.
    poisson
        Counts a pixel, on average, from which the image is drawn again, log-uniform; v: v alone.
    blur
        Standard deviation of a Gaussian, px; v: 0 to v.
    defocus
        Change of the transfer of a weak amplitude object, cos(pi a q²) with q in cycles a pixel;
        a in px² (wavelength × defocus / pixel size²); v: -v to v.
    illumination
        Slope across the tile, in units of the network's input, in any direction; v: 0 to v.
    paper_exact
        Rotation, shear and scale as in published code, to compare with: beyond the tile it is
        wrapped round, which breaks lattices, and counts (Groschner 2021); masks are interpolated
        and cut to whole numbers, which makes particles smaller (Sytwu 2024).

    Examples
    --------
    >>> AugmentConfig(rotation=30, noise=[0.1, 1.0], blur=True).rotation
    (-30.0, 30.0)
    >>> AugmentConfig.none().dihedral
    False
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    share: float = Field(default=0.5, ge=0, le=1)
    dihedral: bool = True
    rotation: Annotated[
        Range | None, BeforeValidator(_Kind((-180, 180), "both", -180, 180).parse)
    ] = None
    shear: Annotated[Range | None, BeforeValidator(_Kind((-10, 10), "both", -45, 45).parse)] = None
    scale: Annotated[Range | None, BeforeValidator(_Kind((0.8, 1.25), "factor", 0.1, 10).parse)] = (
        0.8,
        1.25,
    )
    translation: Annotated[
        Range | None, BeforeValidator(_Kind((-0.5, 0.5), "both", -1, 1).parse)
    ] = (-0.5, 0.5)
    contrast: Annotated[
        Range | None, BeforeValidator(_Kind((0.8, 1.25), "factor", 0.05, 20).parse)
    ] = (0.8, 1.25)
    brightness: Annotated[
        Range | None, BeforeValidator(_Kind((-0.2, 0.2), "both", -10, 10).parse)
    ] = (-0.2, 0.2)
    invert: bool = False
    noise: Annotated[Range | None, BeforeValidator(_Kind((0, 0.75), "up", 0, 10).parse)] = (
        0.0,
        0.75,
    )
    poisson: Annotated[Range | None, BeforeValidator(_Kind((20, 2000), "same", 0.1, 1e6).parse)] = (
        None
    )
    blur: Annotated[Range | None, BeforeValidator(_Kind((0, 1.5), "up", 0, 50).parse)] = (0.0, 1.0)
    defocus: Annotated[Range | None, BeforeValidator(_Kind((-4, 4), "both", -1000, 1000).parse)] = (
        None
    )
    illumination: Annotated[Range | None, BeforeValidator(_Kind((0, 0.5), "up", 0, 10).parse)] = (
        None
    )
    paper_exact: bool = False

    @field_serializer("*")
    def _off(self, value: Any) -> Any:
        # TOML has no null: what is off is written as it is read.
        return False if value is None else value

    @classmethod
    def none(cls) -> "AugmentConfig":
        """Everything off: tiles as they are."""
        off: Mapping[str, Any] = {name: False for name in cls.model_fields if name != "share"}
        return cls(**off)
