"""A frame of the corridor through a model: what is set and known, to what the network needs."""

from collections.abc import Callable
from functools import partial

import numpy as np

from nanosieve.core.errors import FailedInput
from nanosieve.core.micrograph import Calibration
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Device, Settings
from nanosieve.models.load import shared_model
from nanosieve.prepare.frame import Place, Trail, smallest_px, without_outliers
from nanosieve.segmentation.network import particles_of, probability_maps


def infer(  # noqa: PLR0913 -- what a frame is, what is set, and what earlier frames told
    image: np.ndarray,
    exclude: np.ndarray | None,
    calibration: Calibration,
    settings: Settings,
    place: Place,
    trail: Trail,
    *,
    device: Device,
    base: float | None = None,
) -> tuple[Callable[[], Segmentation], float | None]:
    """Take outliers out of a frame and run the network on it.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels that differ.
    exclude
        ``(y, x)`` bool, or ``None``.
    calibration
        Pixel size of ``image``.
    settings
        ``method`` names the model.
    place, trail
        Where the frame comes from, and what takes flags and steps.
    device
        Where the network runs.
    base
        Magnification that was the base in the frames before.

    Returns
    -------
    find, base
        A callable that labels the particles in the network's probability: the half of the work that
        needs one core, for another thread. And the base for the frames that follow, ``None`` if
        this one holds nothing.

    Raises
    ------
    UsageError
        If there is no such model, or it is not to be trusted.
    FailedInput
        If the model's file is no longer the one that the settings were made with, or a setting is
        in nm and the pixel size is unknown.
    """
    clean = without_outliers(image, trail)
    size = calibration.pixel_size_nm
    smallest = smallest_px(settings, place, grid_nm=size, own_nm=size)
    model = shared_model(settings.method, device=device, precision=settings.precision)
    if settings.model_hash not in (None, model.digest):
        raise FailedInput(f"{settings.method} has changed since this run began; run it again")
    maps = probability_maps(
        clean,
        model,
        polarity=settings.polarity,
        threshold=settings.threshold,
        exclude=exclude,
        pixel_size_nm=size,
        at_nm=settings.resample_nm,
        base=base,
    )
    if "resampled_to_nm" in maps.settings:
        trail.step(
            "resample",
            from_nm=maps.settings.get("assumed_pixel_size_nm", size),
            to_nm=maps.settings["resampled_to_nm"],
        )
    find = partial(
        particles_of, image, maps, model,
        min_diameter_px=smallest, split=settings.split, exclude=exclude,
    )  # fmt: skip
    return find, base or maps.base
