"""Frames of a sheet: what the microscope has in view while the stage drifts."""

from dataclasses import dataclass, replace

import numpy as np

from nanosieve.simulation.coarsening.clusters import Cluster
from nanosieve.simulation.coarsening.contact import nearest_image
from nanosieve.simulation.coarsening.ripening import critical_radius
from nanosieve.simulation.coarsening.sheet import Happening, Sheet


@dataclass(frozen=True)
class Snapshot:
    """The sheet at the time of one frame; places count from the middle of the first pixel.

    Parameters
    ----------
    frame, time_s
        Number, from 0, and time since the first frame.
    drift_nm
        ``(2,)`` how far down and right the specimen has moved in the image since the first frame.
    ids
        ``(n,)`` numbers of all particles of the region, ascending.
    places
        ``(n, 2)`` y and x of their centres in the image, nm; most lie outside it.
    cubes
        ``(n,)`` third powers of the diameters of spheres of their volumes, nm^3.
    shapes
        The spheres of each; one but for those that coalesce.
    critical_nm
        Critical diameter of ripening.
    happened
        What happened since the frame before, places in that frame's image.
    """

    frame: int
    time_s: float
    drift_nm: np.ndarray
    ids: np.ndarray
    places: np.ndarray
    cubes: np.ndarray
    shapes: tuple[Cluster, ...]
    critical_nm: float
    happened: tuple[Happening, ...] = ()


def stage(
    frames: int, velocity_nm: np.ndarray, jitter_nm: float, *, rng: np.random.Generator
) -> np.ndarray:
    """Drift of the specimen in the image: linear, and a jitter drawn anew for each frame.

    Parameters
    ----------
    frames
        How many.
    velocity_nm
        ``(2,)`` down and right, nm per frame.
    jitter_nm
        Standard deviation along each axis.
    rng
        Source of the jitter.

    Returns
    -------
    numpy.ndarray
        ``(frames, 2)`` down and right since the first frame, nm.

    Examples
    --------
    >>> stage(3, np.array([0.0, 0.5]), 0.0, rng=np.random.default_rng(0))[:, 1]
    array([0. , 0.5, 1. ])
    """
    linear = np.arange(frames)[:, np.newaxis] * velocity_nm
    jitter = jitter_nm * rng.standard_normal((frames, 2))
    return np.asarray(linear + jitter - jitter[0])


def film(
    sheet: Sheet, drift_nm: np.ndarray, middle_nm: np.ndarray, *, frame_time_s: float
) -> list[Snapshot]:
    """Let a sheet run and note its state at every frame.

    Parameters
    ----------
    sheet
        Ends at the last frame's time.
    drift_nm
        ``(frames, 2)`` as from `stage`. Its path is laid about the middle of the region.
    middle_nm
        ``(2,)`` y and x of the image's middle, from the middle of the first pixel.
    frame_time_s
        Time between frames.
    """
    path_middle = (drift_nm.min(axis=0) + drift_nm.max(axis=0)) / 2
    # What lies at the image's middle.
    middles = sheet.region / 2 + path_middle - drift_nm

    def in_image(places: np.ndarray, frame: int) -> np.ndarray:
        return nearest_image(places - middles[frame], sheet.region) + middle_nm

    snapshots = []
    for frame, drift in enumerate(drift_nm):
        known = len(sheet.happened)
        if frame:
            sheet.advance(frame_time_s)
        snapshots.append(
            Snapshot(
                frame,
                frame * frame_time_s,
                drift,
                sheet.ids.copy(),
                in_image(sheet.places, frame),
                sheet.cubes.copy(),
                tuple(sheet.members(index) for index in range(len(sheet.ids))),
                2 * critical_radius(sheet.cubes, sheet.process.law),
                tuple(
                    replace(happening, place=in_image(happening.place, frame - 1))
                    for happening in sheet.happened[known:]
                ),
            )
        )
    return snapshots
