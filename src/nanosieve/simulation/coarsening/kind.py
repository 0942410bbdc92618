"""Movies of particles that ripen, migrate, coalesce and vanish, with the truth of every frame.

What is approximate: ripening is that of a mean field, so that neighbours do not feel each other
more than others do; particles are spheres, or such flattened along the beam, and lie in one plane;
necks of coalescing pairs are sharp (`clusters`); how they look is drawn (`projected.contrast`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from nanosieve.simulation.coarsening.course import Course, draw_course
from nanosieve.simulation.coarsening.drawing import View, view
from nanosieve.simulation.coarsening.film import Snapshot
from nanosieve.simulation.coarsening.imaging import (
    Microscope,
    expose,
    imaging_row,
    set_up,
    visible,
)
from nanosieve.simulation.coarsening.settings import CourseSettings, ImagingSettings
from nanosieve.simulation.coarsening.tables import events, track_rows
from nanosieve.simulation.detector.detect import detect
from nanosieve.simulation.projected.contrast import Exposure
from nanosieve.simulation.simulated import ParticleTruth, Simulated
from nanosieve.simulation.visibility import Boxed, Visibility, ignore_mask

__all__ = ["Settings", "simulate"]


class Settings(CourseSettings, ImagingSettings):
    """Movies of coarsening particles."""

    counts: ClassVar[str] = "movies"
    kind: Literal["coarsening"] = "coarsening"

    @property
    def per_structure(self) -> int:
        """Frames of a movie."""
        return self.movie.frames


def simulate(
    settings: Settings,
    *,
    name: str,
    rng: np.random.Generator,
    device: str = "cpu",  # noqa: ARG001 - every kind takes one
) -> Iterator[Simulated]:
    """Simulate the frames of one movie.

    A particle bears one number in all frames; who merges into a larger one, vanishes or walks far
    out of the frame gives its number up. The tables ``events`` and ``tracks`` are of the whole
    movie and come with its last frame.

    Parameters
    ----------
    settings
        Of the movie.
    name
        Of the movie and its group; frames are ``<name>_f000`` and so on.
    rng
        Source of all chance.
    device
        Not used: there is nothing to gain from a GPU.

    Raises
    ------
    UsageError
        If there is no room for the particles.
    """
    course = draw_course(settings, rng=rng)
    microscope = set_up(settings, course, rng=rng)
    seen: list[set[int]] = []
    tracks: list[dict[str, Any]] = []
    for snapshot in course.snapshots:
        frame = _frame(snapshot, course, microscope, name, rng)
        seen.append({row.particle for row in frame.particles})
        tracks += track_rows(frame.particles, snapshot, height=course.height)
        if snapshot.frame == len(course.snapshots) - 1:
            tables = {
                "events": events(course.snapshots, seen, height=course.height),
                "tracks": pd.DataFrame(tracks),
            }
            frame = replace(frame, tables=tables)
        yield frame


def _frame(
    snapshot: Snapshot,
    course: Course,
    microscope: Microscope,
    name: str,
    rng: np.random.Generator,
) -> Simulated:
    pixel = course.pixel_size_nm
    seen = view(snapshot, course.shape, pixel_size_nm=pixel, height=course.height)
    exposure = expose(microscope, snapshot, course)
    sights = visible(microscope, exposure, seen, pixel)
    return Simulated(
        name=f"{name}_f{snapshot.frame:0{_digits(course)}d}",
        group=name,
        image=detect(exposure.intensity, microscope.detector, pixel_size_nm=pixel, rng=rng),
        pixel_size_nm=pixel,
        instances=seen.instances(),
        particles=_truth(seen, sights, microscope.material, pixel),
        imaging=_imaging(snapshot, course, microscope, exposure),
        ignore=ignore_mask(seen.scene.labels(), [sight.visible for sight in sights]),
        amount=np.float32(pixel) * seen.scene.thickness(),
        amount_unit="nm",
        frame=snapshot.frame,
    )


def _digits(course: Course) -> int:
    """Three, or as many as sort the frames of a longer movie."""
    return max(3, len(str(len(course.snapshots) - 1)))


def _truth(
    seen: View, sights: list[Visibility], material: str, pixel_size_nm: float
) -> tuple[ParticleTruth, ...]:
    rows = []
    for particle, body, sight in zip(seen.ids, seen.scene.bodies, sights, strict=True):
        diameter = body.diameter_px * pixel_size_nm
        rows.append(
            ParticleTruth(
                particle=int(particle),
                y_nm=body.centre_px[0] * pixel_size_nm,
                x_nm=body.centre_px[1] * pixel_size_nm,
                diameter_nm=diameter,
                area_nm2=float(np.pi / 4 * diameter**2),
                shape=body.shape_name,
                material=material,
                angle_deg=body.angle_deg,
                contrast_cnr=sight.contrast_cnr,
                visible=sight.visible,
                touches_border=Boxed(body.box, body.outline).touches_frame(seen.scene.shape),
            )
        )
    return tuple(rows)


def _imaging(
    snapshot: Snapshot, course: Course, microscope: Microscope, exposure: Exposure
) -> dict[str, str | float | int | bool]:
    process = course.process
    return {
        **imaging_row(microscope, exposure, course.pixel_size_nm),
        "time_s": snapshot.time_s,
        "specimen_moved_down_nm": float(snapshot.drift_nm[0]),
        "specimen_moved_right_nm": float(snapshot.drift_nm[1]),
        "ripening_law": process.law,
        "ripening_constant": process.constant,
        "critical_diameter_nm": snapshot.critical_nm,
        "diffusivity_nm2_s": process.diffusivity_nm2_s,
        "coalescence_time_s": process.neck_time_s,
        "reference_diameter_nm": process.reference_nm,
        "height_over_diameter": course.height,
        "region_height_nm": float(course.region_nm[0]),
        "region_width_nm": float(course.region_nm[1]),
        "region_particles": len(snapshot.ids),
        "region_sum_d3_nm3": float(snapshot.cubes.sum()),
    }
