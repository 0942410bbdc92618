"""Images of particles on supports from projected thickness: no multislice, exact outlines.

What is approximate stands in `contrast` and `particle_contrast`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nanosieve.simulation.detector.detect import detect, expected, noise_spectrum, noise_std
from nanosieve.simulation.detector.detector import Detector
from nanosieve.simulation.detector.output import FORMATS
from nanosieve.simulation.detector.scan import shear
from nanosieve.simulation.projected.annotations import annotate
from nanosieve.simulation.projected.contrast import Imaged
from nanosieve.simulation.projected.field import Field, make_field
from nanosieve.simulation.projected.modalities import MOST_RAISED
from nanosieve.simulation.projected.oversampling import bend, detector_shape
from nanosieve.simulation.projected.settings import Settings
from nanosieve.simulation.projected.textures import enlarge
from nanosieve.simulation.projected.truth import Outlines, Placed, in_frame, overlapped
from nanosieve.simulation.simulated import ParticleTruth, Simulated
from nanosieve.simulation.visibility import Visibility, ignore_mask, visibility

__all__ = ["Settings", "simulate"]

# A particle of which more than this is printed over cannot be labelled.
MOST_COVERED = 0.5


class _Camera(NamedTuple):
    """What is the same for all frames of a scene.

    Parameters
    ----------
    shape
        Of the detector's pixels behind the image.
    pixel_size_nm
        Of those.
    gamma
        Of the grey levels.
    margin
        Of the field around each frame, in px.
    """

    detector: Detector
    shape: tuple[int, int]
    pixel_size_nm: float
    gamma: float
    margin: int


class _Frame(NamedTuple):
    """Intensities and truth of one frame."""

    intensity: np.ndarray
    bare: np.ndarray
    instances: np.ndarray
    amount: np.ndarray
    placed: list[Placed]


def simulate(
    settings: Settings,
    *,
    name: str,
    rng: np.random.Generator,
    device: str = "cpu",  # noqa: ARG001 - every kind takes one
) -> Iterator[Simulated]:
    """Simulate the images of one scene.

    Parameters
    ----------
    settings
        Of one structure: `Settings.of_structure`.
    name
        Of the scene; frames are numbered.
    device
        Not used: there is nothing to gain from a GPU.
    """
    path = _drift(settings, rng)
    path -= path.min(axis=0) - _margin(settings)
    height, width = path.max(axis=0) + settings.shape + _margin(settings)
    field = make_field(settings, (int(height), int(width)), rng)
    labels = field.scene.labels()
    camera = _camera(settings, field, rng)
    for number, corner in enumerate(path):
        frame = _cut(field, labels, (int(corner[0]), int(corner[1])), settings.shape, camera)
        own = name if settings.frames == 1 else f"{name}_{number}"
        yield _simulated(frame, field, camera, settings, (own, name, number), rng)


def _drift(settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Where each frame begins, ``(n, 2)`` whole pixels."""
    if settings.frames == 1:
        return np.zeros((1, 2), int)
    turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.3, settings.frames))
    steps = np.array([settings.drift_px.draw(rng) for _ in turns])
    path = np.cumsum(
        steps[:, np.newaxis] * np.stack([np.sin(turns), np.cos(turns)], axis=1), axis=0
    )
    return np.rint(path).astype(int)


def _margin(settings: Settings) -> int:
    """How far beyond the frame a scan that drifts can look, in px, splines included."""
    drifts = [
        one.detector.stem.drift.high
        for one in settings.modality.given.values()
        if "stem" in one.detector.model.names
    ]
    most = max(drifts, default=0.0)
    return int(np.ceil(most * max(settings.shape) / 2)) + 2 if most else 0


def _camera(settings: Settings, field: Field, rng: np.random.Generator) -> _Camera:
    detector = field.modality.detector.draw(rng)
    shape = detector_shape(settings.shape, settings.oversampling.draw_factor(rng))
    pixel = field.pixel_size_nm * settings.shape[0] / shape[0]
    if field.modality.electrons_per_px is not None:
        detector = detector.exposed(field.modality.electrons_per_px.draw(rng), pixel)
    least = field.modality.least_cnr.draw(rng)
    # Contrast over noise grows with the root of the exposure.
    raised = (least / max(_typical_cnr(field, detector), 1e-9)) ** 2 if field.scene.bodies else 1.0
    dose = detector.dose_e_per_A2 * min(max(raised, 1.0), MOST_RAISED)
    detector = replace(detector, dose_e_per_A2=dose)
    gamma = settings.oversampling.gamma.draw(rng)
    return _Camera(detector, shape, pixel, gamma, _margin(settings))


def _typical_cnr(field: Field, detector: Detector) -> float:
    """Contrast of a typical particle over the shot noise of its area and of as large a ring."""
    change, below = [], []
    for body in field.scene.bodies:
        inside = body.outline
        bare = field.exposure.bare[body.box][inside]
        change.append(float(np.abs(field.exposure.intensity[body.box][inside] - bare).mean()))
        below.append(float(bare.mean()))
    px = np.pi / 4 * float(np.median(field.scene.diameters_px)) ** 2
    electrons = detector.beam_e(field.pixel_size_nm) * px
    return float(np.median(change) * np.sqrt(electrons / (2 * max(np.median(below), 1e-6))))


def _cut(
    field: Field,
    labels: np.ndarray,
    corner: tuple[int, int],
    shape: tuple[int, int],
    camera: _Camera,
) -> _Frame:
    """Cut a frame out of the field, sheared as its scan was, and number its bodies anew."""
    drift, margin = camera.detector.drift, camera.margin
    ends = zip(corner, shape, strict=True)
    window = tuple(slice(start - margin, start + n + margin) for start, n in ends)
    inner = tuple(slice(margin, margin + n) for n in shape)
    placed = in_frame(field.scene.bodies, corner, shape, drift)
    numbers = np.zeros(len(field.scene.bodies) + 1, np.int32)
    index = {id(body): k for k, body in enumerate(field.scene.bodies, start=1)}
    for number, one in enumerate(placed, start=1):
        numbers[index[id(one.body)]] = number
    intensity, bare, amount = (
        np.clip(shear(whole[window], drift)[inner], 0, None)
        for whole in (field.exposure.intensity, field.exposure.bare, field.thickness_nm)
    )
    instances = numbers[shear(labels[window], drift)[inner]]
    return _Frame(intensity, bare, instances, amount, placed)


def _simulated(
    frame: _Frame,
    field: Field,
    camera: _Camera,
    settings: Settings,
    names: tuple[str, str, int],
    rng: np.random.Generator,
) -> Simulated:
    coarse = _at_detector(frame.intensity, camera)
    recorded = detect(
        coarse,
        replace(camera.detector, output=replace(camera.detector.output, jpeg_quality=None)),
        pixel_size_nm=camera.pixel_size_nm,
        rng=rng,
    )
    values = bend(enlarge(recorded.astype(np.float32), settings.shape), camera.gamma)
    low, high = FORMATS[camera.detector.output.format][1:]
    printed = annotate(
        values,
        settings.annotations,
        limits=(max(low, 0), high if high == 255 else max(float(values.max()), 1.0)),
        pixel_size_nm=field.pixel_size_nm,
        rng=rng,
    )
    seen = _seen(frame, field, coarse, camera)
    rows, ignore = _truth(frame, field, seen, printed.covered)
    name, group, number = names
    return Simulated(
        name=name,
        group=group,
        image=camera.detector.output.write(printed.values),
        pixel_size_nm=field.pixel_size_nm,
        instances=frame.instances,
        particles=rows,
        imaging=field.imaged | _imaged(camera, settings),
        outlines=_outlines(frame, rows),
        ignore=ignore,
        amount=frame.amount,
        amount_unit="nm",
        frame=number,
    )


def _at_detector(intensity: np.ndarray, camera: _Camera) -> np.ndarray:
    return enlarge(intensity, camera.shape) if intensity.shape != camera.shape else intensity


def _seen(frame: _Frame, field: Field, coarse: np.ndarray, camera: _Camera) -> list[Visibility]:
    """How well each body can be seen, at the image's pixels."""
    if not frame.placed:
        return []
    detector, pixel, shape = camera.detector, camera.pixel_size_nm, frame.instances.shape
    std = noise_std(coarse, detector, pixel_size_nm=pixel)
    # A mean over an area has the noise of the lowest frequencies, and of the detector's pixels.
    lowest = float(noise_spectrum(detector, (64, 64))[0, 0])
    std *= np.float32(np.sqrt(lowest * frame.instances.size / coarse.size))
    clean, bare = (
        expected(one, detector, pixel_size_nm=pixel)
        for one in (coarse, _at_detector(frame.bare, camera))
    )
    clean, bare, std = (enlarge(one, (shape[0], shape[1])) for one in (clean, bare, std))
    return visibility(
        clean,
        std,
        [one.at for one in frame.placed],
        pixel_size_nm=field.pixel_size_nm,
        without=bare,
    )


def _truth(
    frame: _Frame, field: Field, seen: list[Visibility], covered: np.ndarray
) -> tuple[tuple[ParticleTruth, ...], np.ndarray]:
    """Rows of the particles, and what nobody could label.

    Print on the bare support stays support, so that networks learn that it is no particle; print
    on a particle is ignored.
    """
    shape = frame.instances.shape
    pixel = field.pixel_size_nm
    hidden = np.bincount(frame.instances[covered], minlength=len(frame.placed) + 1)[1:]
    areas = np.bincount(frame.instances.ravel(), minlength=len(frame.placed) + 1)[1:]
    printed = hidden > MOST_COVERED * np.maximum(areas, 1)
    shared = overlapped(frame.placed, (shape[0], shape[1]))
    rows = tuple(
        ParticleTruth(
            particle=k + 1,
            y_nm=one.centre_px[0] * pixel,
            x_nm=one.centre_px[1] * pixel,
            diameter_nm=one.diameter_px * pixel,
            area_nm2=float(np.pi / 4 * (one.diameter_px * pixel) ** 2),
            shape=one.body.shape_name,
            material=field.material,
            angle_deg=float(one.body.angle_deg),
            contrast_cnr=seen[k].contrast_cnr,
            # Under others lies what nobody could point at.
            visible=bool(seen[k].visible and not printed[k] and areas[k]),
            touches_border=one.at.touches_frame(shape),
            overlapped=shared[k],
        )
        for k, one in enumerate(frame.placed)
    )
    lost = ignore_mask(frame.instances, [row.visible for row in rows])
    return rows, lost | (covered & (frame.instances > 0))


def _outlines(frame: _Frame, rows: tuple[ParticleTruth, ...]) -> Sequence[np.ndarray]:
    if not any(row.overlapped for row in rows):
        return ()
    shape = frame.instances.shape
    return Outlines((shape[0], shape[1]), [one.at for one in frame.placed])


def _imaged(camera: _Camera, settings: Settings) -> Imaged:
    return {
        "enlarged": settings.shape[0] / camera.shape[0],
        "gamma": camera.gamma,
        "detector_pixel_size_nm": camera.pixel_size_nm,
    } | camera.detector.parameters(pixel_size_nm=camera.pixel_size_nm)
