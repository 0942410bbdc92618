"""One frame on its way to a method: averaged, on square pixels, finite, captions masked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanosieve._version import __version__
from nanosieve.core.errors import FailedInput, RefusedInput
from nanosieve.core.micrograph import Calibration, Micrograph, Step
from nanosieve.core.settings import Settings
from nanosieve.prepare.annotations import find_annotations
from nanosieve.prepare.invalid import fill_invalid
from nanosieve.prepare.outliers import remove_outliers
from nanosieve.prepare.resample import resample

# A particle of four pixels' diameter with half as much bare support on either side.
SMALLEST_SIDE = 8
SATURATED_SHARE = 0.5


@dataclass(frozen=True)
class Place:
    """Which frames of which micrograph are averaged, and the number of their mean."""

    micrograph: Micrograph
    index: int
    frames: range

    @property
    def time_s(self) -> float | None:
        """Mean time of the frames, where the file states it."""
        times = self.micrograph.acquisition.frame_times_s
        return None if times is None else float(np.mean([times[frame] for frame in self.frames]))


@dataclass
class Trail:
    """What is noted on the way: codes about the image, sentences, steps with their parameters.

    ``dead`` tells that the frame has no finite pixel.
    """

    flags: list[str]
    notes: list[str]
    steps: list[Step]
    dead: bool = False

    @classmethod
    def of(cls, micrograph: Micrograph) -> "Trail":
        """Begin with what reading noted."""
        return cls(list(micrograph.flags), list(micrograph.notes), list(micrograph.history))

    def step(self, name: str, **parameters: Any) -> None:
        """Note a step."""
        self.steps.append(Step(name, parameters, __version__))


def take(
    place: Place, exclude: np.ndarray | None, settings: Settings, trail: Trail
) -> tuple[np.ndarray, Calibration, np.ndarray | None]:
    """Take a frame as it is measured: the mean of its group, on square pixels.

    Parameters
    ----------
    place
        Which frames.
    exclude
        ``(y, x)`` bool on the frames' own grid, or ``None``.
    settings
        ``average_frames`` and ``resample_nm`` count here.
    trail
        Takes flags and steps.

    Returns
    -------
    image
        ``(y, x)`` in the file's own dtype, float32 where averaged or resampled.
    calibration
        Its pixel size.
    exclude
        The mask on the grid of ``image``.

    Raises
    ------
    RefusedInput
        If the pixels are not square and no pixel size to resample to is set.
    FailedInput
        If no pixel of a still is finite.
    """
    frames = place.micrograph.frames
    if settings.average_frames == 1:
        image = frames[place.frames[0]]
    else:
        image = _mean(place, trail)
        trail.step("average_frames", frames=len(place.frames))
    if image.dtype.kind == "f" and not np.isfinite(image).any():
        image = _dead(image, place, trail)
    calibration = place.micrograph.calibration
    sides = calibration.anisotropic_nm
    if sides is not None:
        if settings.resample_nm is None:
            raise RefusedInput(
                f"{place.micrograph.name}: pixels are not square ({calibration.in_file}); "
                "say what to do with --pixel-size or --resample"
            )
        image = resample(_finite(image, trail), sides, settings.resample_nm)
        # A pixel that is left out in part is left out.
        exclude = None if exclude is None else resample(exclude, sides, settings.resample_nm) > 0
        trail.flags.append("resampled")
        trail.step("resample", from_nm=sides, to_nm=settings.resample_nm)
        calibration = Calibration(settings.resample_nm, calibration.source, calibration.in_file)
    if exclude is not None:
        trail.flags.append("excluded_by_user")
        trail.step("exclude", pixels=int(np.count_nonzero(exclude)))
    return image, calibration, exclude


def finite_pixels(image: np.ndarray, trail: Trail) -> np.ndarray | None:
    """Fill what is not finite; ``None`` for a frame that cannot hold a particle.

    Parameters
    ----------
    image
        ``(y, x)``, any real dtype.
    trail
        Takes ``tiny``, ``constant``, ``saturated`` and ``invalid_pixels``. A frame that is mostly
        saturated is told, not given up: overexposed support is such a frame.

    Examples
    --------
    >>> trail = Trail([], [], [])
    >>> finite_pixels(np.zeros((1, 100)), trail) is None, trail.flags
    (True, ['tiny'])
    """
    if min(image.shape) < SMALLEST_SIDE:
        trail.flags.append("tiny")
        return None
    filled = _finite(image, trail)
    low, high = filled.min(), filled.max()
    if low == high:
        trail.flags.append("constant")
        if filled.dtype.kind in "iu" and high == np.iinfo(filled.dtype).max:
            trail.flags.append("saturated")
        return None
    most = max(np.count_nonzero(filled == low), np.count_nonzero(filled == high))
    if most > SATURATED_SHARE * filled.size:
        trail.flags.append("saturated")
    return filled


def no_image(micrograph: Micrograph) -> FailedInput:
    """Say that no frame of a micrograph has a finite pixel."""
    return FailedInput(
        f"{micrograph.name}: every pixel is NaN or infinite; there is no image in it"
    )


def with_annotations(
    filled: np.ndarray, exclude: np.ndarray | None, trail: Trail
) -> np.ndarray | None:
    """Join scale bars and captions that are found to what is left out, ``(y, x)`` bool."""
    drawn = find_annotations(filled)
    if not drawn.any():
        return exclude
    trail.flags.append("annotation_masked")
    trail.step("find_annotations", pixels=int(np.count_nonzero(drawn)))
    return drawn if exclude is None else drawn | exclude


def without_outliers(image: np.ndarray, trail: Trail) -> np.ndarray:
    """Take X-rays and dead pixels out; ``(y, x)`` float32."""
    clean, replaced = remove_outliers(image.astype(np.float32, copy=False))
    if replaced:
        trail.flags.append("xray_outliers")
        trail.step("remove_outliers", pixels=int(replaced))
    return clean


def smallest_px(
    settings: Settings, place: Place, *, grid_nm: float | None, own_nm: float | None
) -> float | None:
    """Smallest diameter in pixels of the grid that is segmented, ``None`` where none is set.

    Raises
    ------
    FailedInput
        If a setting is in nm and the image's own pixel size ``own_nm`` is not known.
    """
    if settings.resample_nm is not None and own_nm is None:
        raise FailedInput(
            f"{place.micrograph.name}: --resample is in nm but the pixel size is unknown; "
            "give --pixel-size too"
        )
    try:
        return settings.min_diameter_px(grid_nm)
    except ValueError as error:
        raise FailedInput(f"{place.micrograph.name}: {error}") from error


def _mean(place: Place, trail: Trail) -> np.ndarray:
    """Mean of the finite values of each pixel, NaN where there is none, float32."""
    _, height, width = place.micrograph.shape
    total, count = np.zeros((2, height, width), np.float32)
    for index in place.frames:
        frame = place.micrograph.frames[index]
        finite = np.isfinite(frame)
        total += np.where(finite, frame, 0)
        count += finite
    if (count < len(place.frames)).any():
        trail.flags.append("invalid_pixels")
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _dead(image: np.ndarray, place: Place, trail: Trail) -> np.ndarray:
    """A frame without a finite pixel: black in a movie, which it does not spoil."""
    if len(place.micrograph) == 1:
        raise no_image(place.micrograph)
    trail.dead = True
    trail.flags.append("invalid_pixels")
    trail.notes.append(f"Frame {place.index}: every pixel is NaN or infinite.")
    return np.zeros_like(image)


def _finite(image: np.ndarray, trail: Trail) -> np.ndarray:
    filled, invalid = fill_invalid(image)
    if invalid is not None:
        trail.flags.append("invalid_pixels")
        trail.step("fill_invalid", pixels=int(np.count_nonzero(invalid)))
    return filled
