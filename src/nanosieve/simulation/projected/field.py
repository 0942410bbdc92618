"""A scene and how it looks: support, particles and the noise-free image of a whole field."""

from dataclasses import dataclass

import numpy as np

from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.contrast import (
    Exposure,
    Imaged,
    Optical,
    bright_field,
    dark_field,
    phase_contrast,
    strengths,
)
from nanosieve.simulation.projected.modalities import (
    BrightField,
    DarkField,
    Modality,
    PhaseContrast,
)
from nanosieve.simulation.projected.particle_contrast import Particles, particle_maps
from nanosieve.simulation.projected.particle_settings import ParticleSettings
from nanosieve.simulation.projected.placement import place
from nanosieve.simulation.projected.settings import Settings
from nanosieve.simulation.projected.support import Grid, Support, make_support, thin
from nanosieve.simulation.ranges import as_range

# Mean chord of a sphere over its diameter.
MEAN_CHORD = 2 / 3


@dataclass(frozen=True)
class Field:
    """A scene, imaged without noise.

    Parameters
    ----------
    pixel_size_nm
        Of all arrays.
    material
        Of the particles.
    modality
        Settings of how it was imaged.
    scene
        Its bodies.
    thickness_nm
        ``(y, x)`` float32 of the particles alone.
    exposure
        Intensities.
    imaged
        What was drawn.
    """

    pixel_size_nm: float
    material: str
    modality: Modality
    scene: Scene
    thickness_nm: np.ndarray
    exposure: Exposure
    imaged: Imaged


def make_field(settings: Settings, shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Lay a scene of ``shape`` px and image it."""
    name = settings.modality.weights.draw(rng)
    modality = settings.modality.given[name]
    stuff = settings.material.draw(rng)
    particle_settings, median_nm, pixel = _sizes(settings, rng)
    empty = bool(rng.random() < settings.empty_share)
    support = make_support(settings.support, Grid(shape, pixel, median_nm), rng=rng)
    optical = strengths(modality, support.material, (stuff, median_nm), pixel, rng)
    support = thin(
        support,
        settings.support,
        particle_px=median_nm / pixel,
        particle_depth=optical.particle_per_nm * MEAN_CHORD * median_nm,
        per_nm=optical.support_per_nm,
        rng=rng,
    )
    scene = Scene(shape, ())
    if not empty and support.exists.any():
        allowed = None if support.exists.all() else support.exists
        scene = place(particle_settings, shape, pixel_size_nm=pixel, allowed=allowed, rng=rng)
    particles = particle_maps(scene, modality.diffraction, pixel_size_nm=pixel, rng=rng)
    exposure = _expose(modality, support, particles, optical, rng)
    imaged: Imaged = {
        "modality": name,
        "support": support.kind,
        "support_material": support.material,
        "support_nm": float(support.thickness_nm.mean()),
        "particle_material": stuff,
        "median_diameter_nm": median_nm,
    }
    return Field(
        pixel, stuff, modality, scene, particles.thickness_nm, exposure, imaged | exposure.imaged
    )


def _sizes(settings: Settings, rng: np.random.Generator) -> tuple[ParticleSettings, float, float]:
    """Particle settings with one median diameter, that diameter, and the pixel size."""
    assert settings.particles.diameter_nm is not None
    diameter = settings.particles.diameter_nm.draw(rng)
    if settings.pixel_size_nm is not None:
        pixel = settings.pixel_size_nm.draw(rng)
    else:
        assert settings.median_px is not None
        pixel = max(diameter / settings.median_px.draw(rng), settings.least_pixel_nm)
    one = settings.particles.model_copy(update={"diameter_nm": as_range(diameter)})
    return one, diameter, pixel


def _expose(
    modality: BrightField | DarkField | PhaseContrast,
    support: Support,
    particles: Particles,
    optical: Optical,
    rng: np.random.Generator,
) -> Exposure:
    if isinstance(modality, DarkField):
        return dark_field(support, particles, optical, modality, rng)
    if isinstance(modality, BrightField):
        return bright_field(support, particles, optical, modality, rng)
    return phase_contrast(support, particles, optical, modality, rng)
