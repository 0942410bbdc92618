"""How a movie looks: support, particles that keep their look, drift, and the detector.

Support and particles are imaged on a field that holds all that any frame shows, with one state of
the random numbers for all frames, so that support and particles change only where they do so in
truth; the field is then cut at the drift of each frame, between pixels by cubic splines. Light and
detector stay with the camera. Nothing moves while a frame is exposed.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from nanosieve.simulation.coarsening.course import Course
from nanosieve.simulation.coarsening.drawing import View, view
from nanosieve.simulation.coarsening.film import Snapshot
from nanosieve.simulation.coarsening.settings import ImagingSettings
from nanosieve.simulation.detector.detect import expected, noise_spectrum, noise_std
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.contrast import (
    Exposure,
    Imaged,
    Optical,
    bright_field,
    dark_field,
    illuminate,
    strengths,
)
from nanosieve.simulation.projected.modalities import BrightField, DarkField, Illumination
from nanosieve.simulation.projected.particle_contrast import (
    Diffraction,
    Particles,
    particle_maps,
)
from nanosieve.simulation.projected.support import Grid, Support, make_support, thin
from nanosieve.simulation.ranges import as_range
from nanosieve.simulation.visibility import Boxed, Visibility, visibility

# Mean chord of a sphere over its diameter.
MEAN_CHORD = 2 / 3
# What splines and blurs reach beyond a frame, px.
MARGIN = 8
# Ranges of `Diffraction` that are drawn once an image; here once a movie.
_OF_THE_MOVIE = (
    "spread", "dark_share", "faint_share", "twin_share", "bend_share", "mottle", "fringe_share",
)  # fmt: skip


@dataclass(frozen=True)
class Microscope:
    """All that is settled for one movie.

    Parameters
    ----------
    modality, modality_name
        Settings of how it is imaged; ``bf-tem``, ``bf-stem``, ``haadf`` or ``laadf``.
    material
        Of the particles.
    support
        Of the whole field.
    optical
        Strengths of support and particles.
    detector
        With the dose of one frame.
    light
        ``(y, x)`` float32 relative brightness of a frame.
    corners_px
        ``(frames, 2)`` where the first pixel of each frame lies in the field.
    turns_per_s
        How often a particle shows another orientation.
    seed
        Of what stays the same in all frames.
    """

    modality: BrightField | DarkField
    modality_name: str
    material: str
    support: Support
    optical: Optical
    detector: Detector
    light: np.ndarray
    corners_px: np.ndarray
    turns_per_s: float
    seed: int


def set_up(settings: ImagingSettings, course: Course, *, rng: np.random.Generator) -> Microscope:
    """Settle everything that stays the same in all frames of a movie."""
    name = settings.modality.weights.draw(rng)
    modality = settings.modality.given[name]
    assert isinstance(modality, BrightField | DarkField)
    material = settings.material.draw(rng)
    pixel = course.pixel_size_nm
    drift_px = course.drift_nm / pixel
    corners_px = MARGIN + drift_px.max(axis=0) - drift_px
    field = np.array(course.shape) + np.ceil(np.ptp(drift_px, axis=0)).astype(int) + 2 * MARGIN
    median_nm = float(np.median(np.cbrt(course.snapshots[0].cubes)))
    shape = (int(field[0]), int(field[1]))
    support = make_support(settings.support, Grid(shape, pixel, median_nm), rng=rng)
    optical = strengths(modality, support.material, (material, median_nm), pixel, rng)
    support = thin(
        support,
        settings.support,
        particle_px=median_nm / pixel,
        particle_depth=optical.particle_per_nm * MEAN_CHORD * course.height * median_nm,
        per_nm=optical.support_per_nm,
        rng=rng,
    )
    return Microscope(
        modality=_settled(modality, rng),
        modality_name=name,
        material=material,
        support=support,
        optical=optical,
        detector=_detector(modality, pixel, rng),
        light=illuminate(course.shape, modality.illumination, rng),
        corners_px=corners_px,
        turns_per_s=settings.turns_per_s.draw(rng),
        seed=int(rng.integers(2**32)),
    )


def _settled(
    modality: BrightField | DarkField, rng: np.random.Generator
) -> BrightField | DarkField:
    """Without light, which does not move with the field, and with one law of diffraction."""
    drawn = {
        name: as_range(getattr(modality.diffraction, name).draw(rng)) for name in _OF_THE_MOVIE
    }
    return modality.model_copy(
        update={
            "diffraction": modality.diffraction.model_copy(update=drawn),
            "illumination": Illumination(gradient=as_range(0), vignette=as_range(0)),
        }
    )


def _detector(
    modality: BrightField | DarkField, pixel_size_nm: float, rng: np.random.Generator
) -> Detector:
    detector = modality.detector.draw(rng)
    if modality.electrons_per_px is None:
        return detector
    return detector.exposed(modality.electrons_per_px.draw(rng), pixel_size_nm)


def expose(microscope: Microscope, snapshot: Snapshot, course: Course) -> Exposure:
    """Image one frame without noise.

    Returns
    -------
    Exposure
        Intensities ``(y, x)`` of the frame as a share of the beam.
    """
    corner = microscope.corners_px[snapshot.frame]
    field = microscope.support.thickness_nm.shape
    seen = view(
        snapshot,
        (field[0], field[1]),
        pixel_size_nm=course.pixel_size_nm,
        height=course.height,
        corner_px=corner,
    )
    particles = _particles(microscope, seen, snapshot.time_s, course.pixel_size_nm)
    # The same state for all frames: lens, grain and speckle stay.
    rng = np.random.default_rng(microscope.seed)
    modality = microscope.modality
    if isinstance(modality, BrightField):
        whole = bright_field(microscope.support, particles, microscope.optical, modality, rng)
    else:
        whole = dark_field(microscope.support, particles, microscope.optical, modality, rng)
    intensity, bare = (
        np.clip(_cut(one, corner, course.shape), 0, None) * microscope.light
        for one in (whole.intensity, whole.bare)
    )
    return Exposure(intensity, bare, whole.imaged)


def _particles(
    microscope: Microscope, seen: View, time_s: float, pixel_size_nm: float
) -> Particles:
    """Lay the particles, each with a look of its own that it keeps until it turns."""
    shape = seen.scene.shape
    total = Particles(*(np.zeros(shape, np.float32) for _ in range(3)))
    diffraction: Diffraction = microscope.modality.diffraction
    for particle, body in zip(seen.ids, seen.scene.bodies, strict=True):
        phase = np.random.default_rng([microscope.seed, int(particle)]).random()
        turn = int(time_s * microscope.turns_per_s + phase)
        rows, columns = body.box
        own = replace(
            body,
            box=(slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start)),
            centre_px=(body.centre_px[0] - rows.start, body.centre_px[1] - columns.start),
        )
        maps = particle_maps(
            Scene(body.thickness.shape, (own,)),
            diffraction,
            pixel_size_nm=pixel_size_nm,
            rng=np.random.default_rng([microscope.seed, int(particle), turn]),
        )
        for whole, part in zip(total, maps, strict=True):
            whole[body.box] += part
    return total


def _cut(field: np.ndarray, corner: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cut a frame out of the field, between its pixels."""
    whole = np.floor(corner).astype(int)
    window = tuple(
        slice(start - MARGIN // 2, start + n + MARGIN // 2)
        for start, n in zip(whole, shape, strict=True)
    )
    moved = ndimage.shift(field[window], -(corner - whole), order=3, mode="nearest")
    inner = slice(MARGIN // 2, -(MARGIN // 2))
    return np.asarray(moved[inner, inner], np.float32)


def visible(
    microscope: Microscope, exposure: Exposure, seen: View, pixel_size_nm: float
) -> list[Visibility]:
    """Tell how well each particle of a frame can be seen."""
    detector = microscope.detector
    clean, bare = (
        expected(one, detector, pixel_size_nm=pixel_size_nm)
        for one in (exposure.intensity, exposure.bare)
    )
    return visibility(
        clean,
        noise_std(exposure.intensity, detector, pixel_size_nm=pixel_size_nm),
        [Boxed(body.box, body.outline) for body in seen.scene.bodies],
        pixel_size_nm=pixel_size_nm,
        without=bare,
        spectrum=noise_spectrum(detector, exposure.intensity.shape),
    )


def imaging_row(microscope: Microscope, exposure: Exposure, pixel_size_nm: float) -> Imaged:
    """All imaging parameters of a movie, flat."""
    support = microscope.support
    return {
        "modality": microscope.modality_name,
        "particle_material": microscope.material,
        "support": support.kind,
        "support_material": support.material,
        "support_nm": float(support.thickness_nm.mean()),
        "turns_per_s": microscope.turns_per_s,
        **exposure.imaged,
        **microscope.detector.parameters(pixel_size_nm=pixel_size_nm),
    }
