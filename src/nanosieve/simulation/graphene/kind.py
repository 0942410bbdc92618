"""The kind ``graphene``: a sheet at lattice resolution, 80 kV, with contamination."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from nanosieve.simulation.detector.detect import detect, expected, noise_spectrum, noise_std
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.detector.settings import DetectorSettings
from nanosieve.simulation.detector.transfer import Camera
from nanosieve.simulation.graphene.frame import Canvas, Frame
from nanosieve.simulation.graphene.settings import (
    ContaminationSettings,
    FrameSettings,
    IlluminationSettings,
    SheetSettings,
)
from nanosieve.simulation.graphene.structure import Structure, build
from nanosieve.simulation.graphene.tables import tables
from nanosieve.simulation.graphene.truth import CLASS_NAMES, Truth, find_truth
from nanosieve.simulation.section import Section
from nanosieve.simulation.simulated import ParticleTruth, Simulated
from nanosieve.simulation.visibility import Visibility, ignore_mask, visibility
from nanosieve.simulation.wave.exit_wave import MultisliceSettings, Wave, check_aperture, exit_wave
from nanosieve.simulation.wave.optics import Optics, OpticsSettings
from nanosieve.simulation.wave.transfer import image as form_image
from nanosieve.simulation.wave.transfer import resample

# Texture of contamination between shadows and the lattice's own fringes at 4.7 per nm.
_TEXTURE_PER_NM = (0.4, 3.6)


class Settings(Section):
    """All settings of the kind ``graphene``.

    Parameters
    ----------
    images
        Images of each structure, each with its own optics and detector.
    margin_nm
        Simulated around the image and cut off: the cell is periodic.
    boundary_width_nm
        Of the class ``boundary`` along the centre lines.
    debye_waller_A2
        Factor B of all atoms, in the plane.
    frames
        Sizes of images to draw from.
    sheet, contamination, multislice, optics, illumination, detector
        Their own settings.
    """

    kind: Literal["graphene"] = "graphene"
    images: int = Field(ge=1)
    margin_nm: float = Field(ge=0.5, le=5)
    boundary_width_nm: float = Field(gt=0, le=3)
    debye_waller_A2: float = Field(ge=0, le=5)
    frames: tuple[FrameSettings, ...] = Field(min_length=1)
    sheet: SheetSettings
    contamination: ContaminationSettings
    multislice: MultisliceSettings
    optics: OpticsSettings
    illumination: IlluminationSettings
    detector: DetectorSettings

    @property
    def per_structure(self) -> int:
        """Images of one structure."""
        return self.images

    @model_validator(mode="after")
    def _whole_waves(self) -> Self:
        check_aperture(self.optics, self.multislice, name="optics")
        if "stem" in self.detector.model.names:
            raise ValueError("detector.model: these are TEM images; give counting or scintillator")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        sheet = self.sheet
        drawn = (sheet.holes, sheet.hole_radius_nm), (sheet.islands, sheet.island_radius_nm)
        widest = max(2 * radius.high if number.high > 0 else 0.0 for number, radius in drawn)
        for frame in self.frames:
            least = min(frame.shape_px) * frame.pixel_size_nm.low
            if least < 2:
                raise ValueError(
                    f"frames: {min(frame.shape_px)} px of {frame.pixel_size_nm.low:g} nm show "
                    f"{least:.2g} nm; at least 2 nm are needed: give more or larger pixels"
                )
            if widest > least + 2 * self.margin_nm:
                raise ValueError(
                    f"sheet: holes and islands up to {widest:g} nm across do not fit in a field "
                    f"of {least + 2 * self.margin_nm:.3g} nm: make them smaller or the image wider"
                )
        return self


def simulate(
    settings: Settings, *, name: str, rng: np.random.Generator, device: str = "cpu"
) -> Iterator[Simulated]:
    """Simulate all images of one structure.

    ``instances`` numbers the connected patches of contamination; those that nobody could see are
    marked in ``ignore``.

    Parameters
    ----------
    settings
        From a preset.
    name
        Of the structure.
    rng
        Random numbers; nothing else is drawn from.
    device
        For the multislice.

    Yields
    ------
    Simulated
        One image, with the tables of `nanosieve.simulation.graphene.tables.tables`.
    """
    weights = np.array([one.weight for one in settings.frames])
    chosen = settings.frames[rng.choice(len(weights), p=weights / weights.sum())]
    frame = Frame(chosen.shape_px, chosen.pixel_size_nm.draw(rng), settings.margin_nm)
    structure = build(settings.sheet, settings.contamination, size_nm=frame.cell_nm, rng=rng)
    canvas = Canvas.over(frame)
    truth = find_truth(structure, canvas, boundary_width_nm=settings.boundary_width_nm)
    wave = _wave(structure, settings, rng, device)
    known = _known(structure, truth, canvas)
    for index in range(settings.images):
        optics = settings.optics.draw(rng, energy_kv=wave.energy_kv)
        detector = _binned(settings.detector.draw(rng), chosen.binning)
        light, lit = _illumination(settings.illumination, frame.shape, rng)
        clean = _clean(wave, optics, frame)
        recorded = detect(clean * light, detector, pixel_size_nm=frame.pixel_size_nm, rng=rng)
        seen = _seen(clean, detector, known["instances"], frame)
        yield Simulated(
            name=name if settings.images == 1 else f"{name}_{index}",
            group=name,
            image=recorded,
            pixel_size_nm=frame.pixel_size_nm,
            particles=_patches(truth, canvas, seen),
            ignore=ignore_mask(known["instances"], [one.visible for one in seen]),
            imaging={
                **optics.parameters(),
                **detector.parameters(pixel_size_nm=frame.pixel_size_nm),
                **lit,
                "atom_contrast": contrast_of_atoms(clean, structure, frame),
            },
            **known,
        )


def _wave(structure: Structure, settings: Settings, rng: np.random.Generator, device: str) -> Wave:
    found = np.unique(structure.numbers).tolist()
    return exit_wave(
        structure,
        energy_kv=settings.optics.energy_kv.draw(rng),
        debye_waller=dict.fromkeys(found, settings.debye_waller_A2),
        settings=settings.multislice,
        rng=rng,
        device=device,
    )


def _binned(detector: Detector, binning: int) -> Detector:
    # Settings refuse detectors that scan.
    assert isinstance(detector.transfer, Camera)
    return replace(detector, transfer=replace(detector.transfer, binning=binning))


def _clean(wave: Wave, optics: Optics, frame: Frame) -> np.ndarray:
    intensity = resample(
        form_image(wave.values, wave.sampling_nm, optics),
        wave.sampling_nm,
        frame.pixel_size_nm,
        frame.shape,
        start_nm=frame.margin_nm,
    )
    return np.maximum(intensity, 0)


def _known(structure: Structure, truth: Truth, canvas: Canvas) -> dict[str, Any]:
    """What all images of a structure share."""
    patches = canvas.image(truth.patches)
    found = np.unique(patches[patches > 0])
    number = np.zeros(int(truth.patches.max(initial=0)) + 1, np.int32)
    number[found] = np.arange(1, len(found) + 1)
    thickness = structure.contamination.thickness_at(canvas.points()).reshape(canvas.shape)
    return {
        "instances": number[patches],
        "classes": canvas.image(truth.classes),
        "class_names": CLASS_NAMES,
        "amount": canvas.image(thickness).astype(np.float32),
        "amount_unit": "nm",
        "tables": tables(structure, truth, canvas),
    }


def _seen(
    clean: np.ndarray, detector: Detector, instances: np.ndarray, frame: Frame
) -> list[Visibility]:
    """Whether patches can be seen, by their shadow or by their texture."""
    size = frame.pixel_size_nm
    return visibility(
        expected(clean, detector, pixel_size_nm=size),
        noise_std(clean, detector, pixel_size_nm=size),
        [instances == patch for patch in range(1, int(instances.max(initial=0)) + 1)],
        pixel_size_nm=size,
        bands=_TEXTURE_PER_NM if instances.any() else None,
        spectrum=noise_spectrum(detector, frame.shape),
    )


def _patches(truth: Truth, canvas: Canvas, seen: list[Visibility]) -> tuple[ParticleTruth, ...]:
    """One row for each patch that reaches into the image; measured as far as the cell goes."""
    inside = canvas.image(truth.patches)
    y, x = canvas.frame.seen(canvas.points()).T.reshape(2, *canvas.shape)
    found = []
    for number, (patch, one) in enumerate(
        zip(np.unique(inside[inside > 0]).tolist(), seen, strict=True), start=1
    ):
        area = truth.patches == patch
        mine = inside == patch
        area_nm2 = float(area.sum()) * canvas.step_nm**2
        found.append(
            ParticleTruth(
                particle=number,
                y_nm=float(y[area].mean()),
                x_nm=float(x[area].mean()),
                diameter_nm=float(np.sqrt(4 * area_nm2 / np.pi)),
                area_nm2=area_nm2,
                shape="patch",
                material="amorphous carbon",
                fringe_snr=one.fringe_snr,
                contrast_cnr=one.contrast_cnr,
                visible=one.visible,
                touches_border=bool(
                    mine[0].any() or mine[-1].any() or mine[:, 0].any() or mine[:, -1].any()
                ),
            )
        )
    return tuple(found)


def _illumination(
    settings: IlluminationSettings, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, float]]:
    """A smooth field of mean 1, and what it was drawn as."""
    slope, curvature = settings.slope.draw(rng), settings.curvature.draw(rng)
    turn = float(rng.uniform(0, 360))
    centre = rng.uniform(-0.3, 0.3, 2)
    y, x = (np.linspace(-0.5, 0.5, n) for n in shape)
    along = np.cos(np.radians(turn)) * x - np.sin(np.radians(turn)) * y[:, None]
    away = (y[:, None] - centre[0]) ** 2 + (x - centre[1]) ** 2
    light = np.maximum(1 + slope * along - 2 * curvature * away, 0.05)
    drawn = {
        "illumination_slope": slope,
        "illumination_deg": turn,
        "illumination_curvature": curvature,
    }
    return light / light.mean(), drawn


def contrast_of_atoms(clean: np.ndarray, structure: Structure, frame: Frame) -> str:
    """Tell whether atoms are white or black in a noise-free image.

    Parameters
    ----------
    clean
        ``(y, x)`` intensity.
    structure, frame
        Where the atoms and rings lie.

    Returns
    -------
    str
        ``white`` where atoms are brighter than the middles of rings, else ``black``; ``none``
        where no hexagon is seen.
    """
    hexagons = structure.rings.centre[structure.rings.size == 6]
    points = [structure.sheet.positions, hexagons]
    means = []
    for places in points:
        place = np.round(frame.seen(places[frame.inside(places)]) / frame.pixel_size_nm).astype(int)
        if len(place) == 0:
            return "none"
        means.append(float(clean[tuple(np.clip(place, 0, np.array(frame.shape) - 1).T)].mean()))
    return "white" if means[0] > means[1] else "black"
