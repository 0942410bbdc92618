"""Bright field as a wave: projected phase and absorption, then the aberrations of the lens.

For fields too large for multislice (a camera's whole frame, hundreds of nm wide). Approximate: all
layers act in one plane, amorphous grain is that of atoms at random, crystals have no lattice.
"""

import numpy as np

from nanosieve.simulation.projected.contrast import (
    Exposure,
    Optical,
    finished,
    illuminate,
    layer_phases,
)
from nanosieve.simulation.projected.modalities import PhaseContrast
from nanosieve.simulation.projected.particle_contrast import Particles
from nanosieve.simulation.projected.support import Support
from nanosieve.simulation.projected.textures import FRAME_PX, unframed
from nanosieve.simulation.wave.transfer import Optics, image


def phase_contrast(
    support: Support,
    particles: Particles,
    optical: Optical,
    settings: PhaseContrast,
    rng: np.random.Generator,
) -> Exposure:
    """Image a wave that support and particles have turned and weakened."""
    optics = settings.optics.draw(rng, energy_kv=optical.energy_kv)
    ground, raised = layer_phases(support, particles, optical, settings, rng)
    depth = np.float32(optical.support_per_nm) * support.thickness_nm
    bare = _imaged(ground, depth, optical.pixel_size_nm, optics)
    depth += np.float32(optical.particle_per_nm) * particles.effective_nm
    intensity = _imaged(ground + raised, depth, optical.pixel_size_nm, optics)
    intensity *= 1 + particles.ripples
    light = illuminate(bare.shape, settings.illumination, rng)
    return finished(intensity, bare, light, 0.0, optical.imaged | optics.parameters())


def _imaged(
    phase: np.ndarray, depth: np.ndarray, pixel_size_nm: float, optics: Optics
) -> np.ndarray:
    phase, depth = (np.pad(layer, FRAME_PX, mode="symmetric") for layer in (phase, depth))
    amplitude = np.exp(-depth / 2)
    wave = np.empty(phase.shape, np.complex64)
    np.multiply(amplitude, np.cos(phase), out=wave.real)
    np.multiply(amplitude, np.sin(phase), out=wave.imag)
    return unframed(image(wave, pixel_size_nm, optics))
