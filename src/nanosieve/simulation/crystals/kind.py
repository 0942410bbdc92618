"""Images of one structure at lattice resolution: one multislice, many microscopes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanosieve.simulation.atoms.build import build_specimen
from nanosieve.simulation.atoms.lattices import DEBYE_WALLER_A2
from nanosieve.simulation.atoms.specimen import Specimen
from nanosieve.simulation.crystals.settings import Settings
from nanosieve.simulation.crystals.truth import Truth, tell_truth
from nanosieve.simulation.detector.detect import detect, expected, noise_spectrum, noise_std
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.simulated import Simulated
from nanosieve.simulation.visibility import ignore_mask, visibility
from nanosieve.simulation.wave.exit_wave import Wave, exit_wave, particle_phase
from nanosieve.simulation.wave.transfer import Optics, image, resample

__all__ = ["Settings", "Structure", "images_of", "simulate", "structure_of"]


@dataclass(frozen=True)
class Structure:
    """What all images of a structure share: see `structure_of`."""

    specimen: Specimen
    wave: Wave
    truth: Truth
    amount: np.ndarray
    pixel_size_nm: float
    microscope: str


def simulate(
    settings: Settings, *, name: str, rng: np.random.Generator, device: str = "cpu"
) -> Iterator[Simulated]:
    """Simulate one structure.

    Parameters
    ----------
    settings
        Of the preset.
    name
        Of the structure; its images are numbered where there are several.
    rng
        All random numbers come from it.
    device
        ``cpu`` or ``gpu``, for the multislice.

    Yields
    ------
    Simulated
        ``settings.images`` of them.

    Raises
    ------
    UsageError
        If abTEM, ASE or, for a GPU, CuPy is missing.
    """
    yield from images_of(_draw(settings, rng, device), settings, name=name, rng=rng)


def images_of(
    structure: Structure, settings: Settings, *, name: str, rng: np.random.Generator
) -> Iterator[Simulated]:
    """Expose a structure ``settings.images`` times, each by a microscope of its own."""
    for index in range(settings.images):
        optics = settings.optics[structure.microscope].draw(rng, energy_kv=structure.wave.energy_kv)
        detector = settings.detector.draw(rng)
        made = _expose(structure, optics, detector, settings=settings, rng=rng)
        own = f"{name}_{index}" if settings.images > 1 else name
        yield replace(made, name=own, group=name)


def _draw(settings: Settings, rng: np.random.Generator, device: str) -> Structure:
    pixel_size_nm, shape = settings.draw_grid(rng)
    microscope = settings.microscopes.draw(rng)
    energy_kv = settings.optics[microscope].energy_kv.draw(rng)
    field_nm = (shape[0] * pixel_size_nm, shape[1] * pixel_size_nm)
    specimen = build_specimen(settings.specimen, field_nm=field_nm, rng=rng)
    wave = exit_wave(
        specimen,
        energy_kv=energy_kv,
        debye_waller=DEBYE_WALLER_A2,
        settings=settings.multislice,
        rng=rng,
        device=device,
    )
    return structure_of(
        specimen, wave, settings, pixel_size_nm=pixel_size_nm, microscope=microscope
    )


def structure_of(
    specimen: Specimen, wave: Wave, settings: Settings, *, pixel_size_nm: float, microscope: str
) -> Structure:
    """Tell the truth of a specimen, and put it with the wave behind it.

    Parameters
    ----------
    specimen, wave
        As `build_specimen` and `exit_wave` give them, or a specimen made otherwise.
    settings
        Whose multislice it is.
    pixel_size_nm
        Of the images; their shape is that of the specimen's field.
    microscope
        One of the settings'.
    """
    rows, columns = (round(side / pixel_size_nm) for side in specimen.field_nm)
    shape = (rows, columns)
    of_particles = specimen.owner > 0
    alone = replace(
        specimen,
        positions=specimen.positions[of_particles],
        numbers=specimen.numbers[of_particles],
        owner=specimen.owner[of_particles],
    )
    phase, sampling_nm = particle_phase(
        alone,
        energy_kv=wave.energy_kv,
        debye_waller=DEBYE_WALLER_A2,
        sampling_nm=settings.multislice.sampling_nm,
    )
    amount = resample(phase, sampling_nm, pixel_size_nm, shape, start_nm=specimen.margin_nm)
    truth = tell_truth(specimen, shape, pixel_size_nm)
    return Structure(specimen, wave, truth, amount, pixel_size_nm, microscope)


def _expose(
    structure: Structure,
    optics: Optics,
    detector: Detector,
    *,
    settings: Settings,
    rng: np.random.Generator,
) -> Simulated:
    truth, pixel_size_nm = structure.truth, structure.pixel_size_nm
    wave = structure.wave
    sharp = image(wave.values, wave.sampling_nm, optics, sum_foci=True)
    intensity = resample(
        sharp,
        wave.sampling_nm,
        pixel_size_nm,
        truth.instances.shape,
        start_nm=structure.specimen.margin_nm,
    )
    # The spectrum is cut at the camera's Nyquist frequency, which can overshoot by a little.
    intensity = np.maximum(intensity, 0)
    seen = visibility(
        expected(intensity, detector, pixel_size_nm=pixel_size_nm),
        noise_std(intensity, detector, pixel_size_nm=pixel_size_nm),
        truth.outlines,
        pixel_size_nm=pixel_size_nm,
        bands=truth.bands or None,
        spectrum=noise_spectrum(detector, intensity.shape),
    )
    # Under others lies what nobody could point at.
    shown = set(np.unique(truth.instances).tolist())
    particles = tuple(
        replace(
            row,
            fringe_snr=one.fringe_snr,
            contrast_cnr=one.contrast_cnr,
            visible=one.visible and row.particle in shown,
        )
        for row, one in zip(truth.particles, seen, strict=True)
    )
    return Simulated(
        name="",
        group="",
        image=detect(intensity, detector, pixel_size_nm=pixel_size_nm, rng=rng),
        pixel_size_nm=pixel_size_nm,
        instances=truth.instances,
        particles=particles,
        imaging=_imaging(structure, optics, detector, settings),
        outlines=truth.outlines if truth.overlapping else (),
        ignore=ignore_mask(truth.instances, [one.visible for one in seen]),
        amount=structure.amount,
        amount_unit="rad",
    )


def _imaging(
    structure: Structure, optics: Optics, detector: Detector, settings: Settings
) -> dict[str, Any]:
    specimen, multislice = structure.specimen, settings.multislice
    materials = {particle.lattice for particle in specimen.particles}
    return {
        "microscope": structure.microscope,
        **optics.parameters(),
        "materials": " ".join(sorted(materials)),
        "support": specimen.support,
        "support_nm": specimen.support_nm,
        "atoms": len(specimen.numbers),
        "sampling_nm": max(structure.wave.sampling_nm),
        "slice_nm": multislice.slice_nm,
        "light_slice_nm": multislice.light_slice_nm,
        "frozen_phonons": multislice.frozen_phonons,
        **detector.parameters(pixel_size_nm=structure.pixel_size_nm),
    }
