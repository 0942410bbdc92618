"""From thickness to intensity without noise: bright field, HAADF, LAADF, phase contrast.

What is approximate: electrons scatter independently in every layer (absorption, single numbers
for each material); diffraction is drawn, not computed (`particle_contrast`); the lens acts on a
weak phase, its rims cut off at ``rim_limit``; nothing is channelled and the probe does not widen.
`phase_contrast` has the aberrations of a real lens instead, for fields too large for multislice
(hundreds of nm wide): all layers act in one plane, amorphous grain is that of atoms at random,
crystals have no lattice.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from nanosieve.simulation.projected.materials import MATERIALS, Material
from nanosieve.simulation.projected.modalities import (
    BrightField,
    DarkField,
    Illumination,
    PhaseContrast,
)
from nanosieve.simulation.projected.particle_contrast import Particles
from nanosieve.simulation.projected.support import Support
from nanosieve.simulation.projected.textures import (
    FRAME_PX,
    filtered,
    frequencies,
    random_field,
    slope,
    unframed,
)
from nanosieve.simulation.wave.optics import wavelength_nm
from nanosieve.simulation.wave.transfer import Optics, image

Imaged = dict[str, str | float | int | bool]

# Widest first Fresnel fringe as a share of a particle's diameter: beyond it, particles are rings.
WIDEST_FRINGE = 0.15


class Exposure(NamedTuple):
    """An image without noise.

    Parameters
    ----------
    intensity, bare
        ``(y, x)`` float32 as a share of the beam, with and without the particles.
    imaged
        What was drawn.
    """

    intensity: np.ndarray
    bare: np.ndarray
    imaged: Imaged


class Optical(NamedTuple):
    """What the beam meets, resolved: numbers of one image.

    Parameters
    ----------
    energy_kv
        Of the electrons.
    support, particle
        Materials.
    support_per_nm, particle_per_nm
        Events in a nanometre that count for this image.
    particle_nm
        Median diameter.
    pixel_size_nm
        Of all maps.
    imaged
        What was drawn.
    """

    energy_kv: float
    support: Material
    particle: Material
    support_per_nm: float
    particle_per_nm: float
    particle_nm: float
    pixel_size_nm: float
    imaged: Imaged


def strengths(
    settings: BrightField | DarkField | PhaseContrast,
    support: str,
    particle: tuple[str, float],
    pixel_size_nm: float,
    rng: np.random.Generator,
) -> Optical:
    """Draw how strongly a nanometre of support and of particle counts.

    Parameters
    ----------
    support
        Material.
    particle
        Material and median diameter in nm.
    """
    energy = settings.energy_kv.draw(rng)
    imaged: Imaged = {"energy_kv": energy}
    below, above = MATERIALS[support], MATERIALS[particle[0]]
    if isinstance(settings, DarkField):
        exponent, of_gold = settings.exponent.draw(rng), settings.of_gold.draw(rng)
        imaged |= {"z_exponent": exponent, "collected_of_gold": of_gold}
        per_nm = [
            one.annular_per_nm(energy, exponent=exponent, of_gold=of_gold) for one in (below, above)
        ]
    else:
        stopped = settings.stopped.draw(rng)
        imaged["stopped"] = stopped
        per_nm = [stopped * one.elastic_per_nm(energy) for one in (below, above)]
    return Optical(energy, below, above, per_nm[0], per_nm[1], particle[1], pixel_size_nm, imaged)


def bright_field(
    support: Support,
    particles: Particles,
    optical: Optical,
    settings: BrightField,
    rng: np.random.Generator,
) -> Exposure:
    """Absorption, then what a defocused lens makes of the phase, then the illumination."""
    veil = settings.veil.draw(rng)
    lens = _Lens.drawn(settings, support.thickness_nm.shape, optical, rng)
    ground, raised = layer_phases(support, particles, optical, settings, rng)
    depth = np.float32(optical.support_per_nm) * support.thickness_nm
    bare = _absorbed(depth, veil) * (1 + lens.contrast(ground))
    depth += np.float32(optical.particle_per_nm) * particles.effective_nm
    intensity = _absorbed(depth, veil) * (1 + lens.contrast(ground + raised) + particles.ripples)
    light = illuminate(bare.shape, settings.illumination, rng)
    blur = settings.blur_px.draw(rng)
    imaged = optical.imaged | lens.imaged(optical) | {"veil": veil, "blur_px": blur}
    return finished(intensity, bare, light, blur, imaged)


def dark_field(
    support: Support,
    particles: Particles,
    optical: Optical,
    settings: DarkField,
    rng: np.random.Generator,
) -> Exposure:
    """Scattering adds up, nearly in proportion to thickness; thick parts saturate."""
    veil = settings.veil.draw(rng)
    depth = np.float32(optical.support_per_nm) * support.thickness_nm
    speckle = settings.speckle.draw(rng)
    if speckle > 0:
        depth = depth * np.clip(1 + speckle * random_field(depth.shape, 1.0, rng=rng), 0, None)
    total = depth + np.float32(optical.particle_per_nm) * particles.effective_nm
    bare = veil + (1 - veil) * -np.expm1(-depth)
    intensity = veil + (1 - veil) * -np.expm1(-total)
    intensity *= 1 + particles.ripples
    light = illuminate(bare.shape, settings.illumination, rng)
    blur = settings.blur_px.draw(rng)
    imaged = optical.imaged | {"veil": veil, "speckle": speckle, "blur_px": blur}
    return finished(intensity, bare, light, blur, imaged)


def illuminate(
    shape: tuple[int, ...], settings: Illumination, rng: np.random.Generator
) -> np.ndarray:
    """Relative brightness of the field, ``(y, x)`` float32, about 1."""
    height, width = shape
    light = 1 + np.float32(settings.gradient.draw(rng)) * slope((height, width), rng=rng)
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis]
    u = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :]
    light *= 1 - np.float32(settings.vignette.draw(rng) / 2) * (u**2 + v**2)
    charging = settings.charging.draw(rng)
    if charging > 0:
        length = height / rng.uniform(4, 40)
        drift = ndimage.gaussian_filter1d(rng.standard_normal(3 * height), length)[height:-height]
        light *= 1 + np.float32(charging) * (drift / drift.std())[:, np.newaxis].astype(np.float32)
    if rng.random() < settings.shade_share:
        angle = rng.uniform(0, 2 * np.pi)
        middle = rng.uniform(0.6, 1.2) + 2.0
        centre = middle * np.sin(angle), middle * np.cos(angle)
        radius = rng.uniform(2.4, 2.7) + 0.3
        off = np.hypot(v - np.float32(centre[0]), u - np.float32(centre[1])) - radius
        light *= 1 - np.float32(rng.uniform(0.5, 0.95)) * np.clip(off / 0.05 + 0.5, 0, 1)
    return np.clip(light, 0.02, None)


class _Lens(NamedTuple):
    """A defocused lens: even transfer of a weak phase."""

    transfer: np.ndarray
    width_px: float
    over: bool
    limit: float

    @classmethod
    def drawn(
        cls,
        settings: BrightField,
        shape: tuple[int, ...],
        optical: Optical,
        rng: np.random.Generator,
    ) -> "_Lens":
        particle_px = optical.particle_nm / optical.pixel_size_nm
        width = min(settings.defocus_px.draw(rng), WIDEST_FRINGE * particle_px)
        over = bool(rng.random() < settings.overfocus_share)
        fringes = settings.fringes.draw(rng)
        framed = shape[0] + 2 * FRAME_PX, shape[1] + 2 * FRAME_PX
        squared = (width * frequencies(framed)) ** 2
        # Coherence ends where the phase of the lens has turned by pi for each fringe.
        transfer = np.sin(np.pi * squared) * np.exp(-squared / fringes)
        return cls(-transfer if over else transfer, width, over, settings.rim_limit.draw(rng))

    def contrast(self, phase: np.ndarray) -> np.ndarray:
        """Relative change of the intensity: minus twice the transferred phase, limited."""
        change = -2 * filtered(phase, self.transfer)
        return self.limit * np.tanh(change / self.limit)

    def imaged(self, optical: Optical) -> Imaged:
        """The defocus in nm, positive for an underfocus."""
        size = (self.width_px * optical.pixel_size_nm) ** 2 / wavelength_nm(optical.energy_kv)
        return {"defocus_nm": -size if self.over else size, "rim_limit": self.limit}


def layer_phases(
    support: Support,
    particles: Particles,
    optical: Optical,
    settings: BrightField | PhaseContrast,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Phases in rad of support and of particles, ``(y, x)`` each, with their grain."""
    layers = (
        (support.thickness_nm, optical.support, settings.support_grain.draw(rng)),
        (particles.thickness_nm, optical.particle, settings.particle_grain.draw(rng)),
    )
    first, second = (
        _phase(thickness, stuff, optical, grain, rng) for thickness, stuff, grain in layers
    )
    return first, second


def _phase(
    thickness_nm: np.ndarray,
    stuff: Material,
    optical: Optical,
    grain: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Phase of a layer; the number of atoms at random in a pixel is Poisson's: its grain."""
    per_nm = stuff.phase_per_nm(optical.energy_kv)
    per_nm3 = stuff.units_per_nm3 * sum(stuff.formula.values())
    strength = grain * per_nm / optical.pixel_size_nm / np.sqrt(per_nm3)
    noise = rng.standard_normal(thickness_nm.shape, dtype=np.float32)
    return np.float32(per_nm) * thickness_nm + np.float32(strength) * np.sqrt(thickness_nm) * noise


def _absorbed(depth: np.ndarray, veil: float) -> np.ndarray:
    return np.float32(veil) + np.float32(1 - veil) * np.exp(-depth, dtype=np.float32)


def finished(
    intensity: np.ndarray, bare: np.ndarray, light: np.ndarray, blur: float, imaged: Imaged
) -> Exposure:
    """Light and blur an image with its particles and without."""
    both = [np.clip(one * light, 0, None).astype(np.float32) for one in (intensity, bare)]
    if blur > 0:
        both = [ndimage.gaussian_filter(one, blur, truncate=3) for one in both]
    return Exposure(both[0], both[1], imaged)


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
