"""A micrograph: pixels in their own dtype, what the file says of them, and their history."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, Self

import numpy as np

from nanosieve.core.errors import FailedInput, UsageError

CalibrationSource = Literal["file", "user", "unknown"]


@dataclass(frozen=True)
class Calibration:
    """Pixel size of a square pixel, and where it comes from.

    Parameters
    ----------
    pixel_size_nm
        Side of a pixel in nm, or ``None`` where it is unknown (never a stand-in of 1).
    source
        ``file``, ``user`` or ``unknown``.
    in_file
        The file's own words, e.g. ``"0.1276 nm"`` or ``"y 3 nm, x 2 pm"``.
    anisotropic_nm
        ``(y, x)`` sides of a pixel that is not square, in nm; ``pixel_size_nm`` is then ``None``
        and the image must be resampled before anything is measured.
    """

    pixel_size_nm: float | None = None
    source: CalibrationSource = "unknown"
    in_file: str = ""
    anisotropic_nm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        size = self.pixel_size_nm
        if size is not None and self.anisotropic_nm is not None:
            raise UsageError("a pixel is square or not: give its size or its two sides, not both")
        for side in (size,) if self.anisotropic_nm is None else self.anisotropic_nm:
            if side is not None and not (np.isfinite(side) and side > 0):
                raise UsageError(f"pixel size must be a positive number of nm, got {side!r}")
        unknown = size is None and self.anisotropic_nm is None
        if unknown != (self.source == "unknown"):
            raise UsageError("a calibration has a pixel size exactly where its source is known")

    @property
    def unit(self) -> Literal["nm", "px"]:
        """Unit of lengths measured with this calibration."""
        return "px" if self.pixel_size_nm is None else "nm"

    @property
    def scale(self) -> float:
        """Factor from pixels to ``unit``."""
        return 1.0 if self.pixel_size_nm is None else self.pixel_size_nm


@dataclass(frozen=True)
class Acquisition:
    """What the file states about how the image was taken; ``None`` where it does not."""

    high_tension_kv: float | None = None
    mode: str | None = None
    dose_e_per_A2: float | None = None
    exposure_s: float | None = None
    magnification: float | None = None
    frame_times_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Step:
    """One step of an output's history: what was done, with which parameters, by which version."""

    name: str
    parameters: Mapping[str, Any]
    version: str


class Frames(Protocol):
    """A lazily read stack: ``shape`` is ``(t, y, x)``, ``stack[i]`` a 2-D array, own dtype."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __getitem__(self, index: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Micrograph:
    """One image or movie with its calibration.

    Parameters
    ----------
    frames
        ``(t, y, x)`` stack, original dtype; a NumPy array or a lazy reader. A still has ``t = 1``.
    name
        Name of the output folder and of the ``image`` column.
    calibration, acquisition
        What is known of the pixel size and of how the image was taken.
    is_movie
        Whether the first axis is time (a movie may have one frame).
    flags
        Codes of `nanosieve.core.flags.FLAGS` that reading gave rise to.
    notes
        Sentences for the report, e.g. which image of several was taken.
    metadata
        The file's original metadata, verbatim, as nested plain Python objects.
    history
        Steps so far.

    Examples
    --------
    >>> import numpy as np
    >>> image = Micrograph.from_array(np.zeros((4, 5), np.uint16), pixel_size_nm=0.2)
    >>> image.shape, image.dtype.name, image.calibration.unit
    ((1, 4, 5), 'uint16', 'nm')
    """

    frames: Frames
    name: str = "image"
    calibration: Calibration = field(default_factory=Calibration)
    acquisition: Acquisition = field(default_factory=Acquisition)
    is_movie: bool = False
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Step, ...] = ()

    @classmethod
    def from_array(
        cls, array: np.ndarray, *, pixel_size_nm: float | None = None, name: str = "image"
    ) -> Self:
        """Wrap a ``(y, x)`` image or a ``(t, y, x)`` movie.

        Raises
        ------
        FailedInput
            If the array is neither 2-D nor 3-D.
        """
        array = np.asarray(array)
        if array.ndim not in (2, 3):
            raise FailedInput(
                f"expected a (y, x) image or a (t, y, x) movie, got {array.ndim} dimensions"
            )
        calibration = Calibration() if pixel_size_nm is None else Calibration(pixel_size_nm, "user")
        return cls(
            frames=array if array.ndim == 3 else array[np.newaxis],
            name=name,
            calibration=calibration,
            is_movie=array.ndim == 3,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(t, y, x)``."""
        t, y, x = self.frames.shape
        return int(t), int(y), int(x)

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the pixels as stored."""
        return np.dtype(self.frames.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in range(len(self)):
            yield self.frames[index]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)
