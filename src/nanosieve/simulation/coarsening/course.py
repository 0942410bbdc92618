"""The course of one movie, drawn from its settings."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.coarsening.film import Snapshot, film, stage
from nanosieve.simulation.coarsening.placing import scatter
from nanosieve.simulation.coarsening.settings import CourseSettings, PopulationSettings
from nanosieve.simulation.coarsening.sheet import Process, Sheet


@dataclass(frozen=True)
class Course:
    """What happens in one movie.

    Parameters
    ----------
    shape
        ``(y, x)`` of a frame, px.
    pixel_size_nm
        Of a frame.
    height
        Height of a particle over its diameter.
    process
        How particles change.
    region_nm
        ``(2,)`` height and width of the periodic region.
    drift_nm
        ``(frames, 2)`` down and right since the first frame.
    snapshots
        The sheet at every frame.
    """

    shape: tuple[int, int]
    pixel_size_nm: float
    height: float
    process: Process
    region_nm: np.ndarray
    drift_nm: np.ndarray
    snapshots: list[Snapshot]


def draw_course(settings: CourseSettings, *, rng: np.random.Generator) -> Course:
    """Draw a movie's course: region, particles, drift, and all that happens.

    Raises
    ------
    UsageError
        If there is no room for the particles.
    """
    movie = settings.movie
    pixel_size_nm = movie.pixel_size_nm.draw(rng)
    field_nm = np.array(movie.shape) * pixel_size_nm
    speed = settings.drift.speed_nm_s.draw(rng) * movie.frame_time_s
    angle = rng.uniform(0, 2 * np.pi)
    drift_nm = stage(
        movie.frames,
        speed * np.array([np.sin(angle), np.cos(angle)]),
        settings.drift.jitter_nm.draw(rng),
        rng=rng,
    )
    region_nm = field_nm + np.ptp(drift_nm, axis=0) + 2 * movie.margin_nm
    diameters = _diameters(settings.population, float(region_nm.prod()), rng)
    places = scatter(region_nm, diameters, gap_nm=settings.population.gap_nm, rng=rng)
    process = settings.draw_process(rng)
    height = settings.population.height.draw(rng)
    sheet = Sheet(region_nm, process, places, diameters**3, rng)
    middle_nm = (np.array(movie.shape) - 1) / 2 * pixel_size_nm
    snapshots = film(sheet, drift_nm, middle_nm, frame_time_s=movie.frame_time_s)
    return Course(
        shape=movie.shape,
        pixel_size_nm=pixel_size_nm,
        height=height,
        process=process,
        region_nm=region_nm,
        drift_nm=drift_nm,
        snapshots=snapshots,
    )


def _diameters(
    population: PopulationSettings, area_nm2: float, rng: np.random.Generator
) -> np.ndarray:
    wanted = population.coverage.draw(rng) * area_nm2
    diameters: list[float] = []
    covered = 0.0
    while covered < wanted:
        drawn = max(population.diameter_nm.draw(rng), 1.2 * population.smallest_nm)
        diameters.append(drawn)
        covered += np.pi / 4 * drawn**2
    return np.array(diameters)
