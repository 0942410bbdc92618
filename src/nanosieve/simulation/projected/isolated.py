"""Bodies that lie apart on an even film, without noise: what sizes are measured against."""

from typing import NamedTuple

import numpy as np

from nanosieve.simulation.detector.detect import expected
from nanosieve.simulation.presets import load
from nanosieve.simulation.projected.bodies import Scene
from nanosieve.simulation.projected.field import make_field
from nanosieve.simulation.projected.kind import Settings
from nanosieve.simulation.projected.modalities import Illumination, Modality, PhaseContrast
from nanosieve.simulation.projected.particle_contrast import Diffraction
from nanosieve.simulation.projected.particle_settings import PLATES, ParticleSettings
from nanosieve.simulation.projected.polyhedra import POLYHEDRA
from nanosieve.simulation.projected.support import SupportSettings
from nanosieve.simulation.ranges import Range, Weights, as_range

FAMILIES: dict[str, tuple[str, ...]] = {
    "spheres": ("sphere",),
    "polyhedra": POLYHEDRA,
    "plates": PLATES,
}
# By modality, the preset whose numbers are drawn.
PRESET_OF = {
    "bf-tem": "bf-supported",
    "bf-stem": "bf-stem",
    "haadf": "haadf-supported",
    "laadf": "laadf",
    "phase": "horwath-au",
}
# Shares of a particle's diameter: side of the field, least distance of two particles.
_FIELD, _GAP = 7.0, 0.35
_COVERAGE = 0.1
_SPREAD = 0.08


class Isolated(NamedTuple):
    """An image and its bodies.

    Parameters
    ----------
    image
        ``(y, x)`` float32: expected intensity over the incident beam.
    scene
        What lies there, all of it within the frame.
    """

    image: np.ndarray
    scene: Scene


def isolated_bodies(
    modality: str, family: str, *, diameter_px: float, seed: int, camera: bool = True
) -> Isolated:
    """Simulate an image as a preset does, but for noise, grain, diffraction and uneven light.

    Material, voltage, aperture, lens and detector are drawn as the preset says. Polyhedra lie in
    any orientation; plates have upright walls.

    Parameters
    ----------
    modality
        A key of `PRESET_OF`.
    family
        A key of `FAMILIES`; each body draws its shape from it.
    diameter_px
        Median; diameters spread by 8 %.
    camera
        Whether defocus and the blur of detector or probe are the preset's; without, there are none.

    Examples
    --------
    >>> image, scene = isolated_bodies("haadf", "spheres", diameter_px=20, seed=0)
    >>> image.shape, bool((abs(scene.diameters_px / 20 - 1) < 0.25).all())
    ((140, 140), True)
    """
    settings = load(PRESET_OF[modality]).settings
    assert isinstance(settings, Settings)
    rng = np.random.default_rng([seed, round(10 * diameter_px)])
    own = settings.modality.given[modality]
    pixel = settings.pixel_size_nm
    settings = settings.model_copy(
        update={
            "particles": _particles(settings, family, diameter_px),
            "support": _even(settings),
            "modality": settings.modality.model_copy(
                update=dict.fromkeys(type(settings.modality).model_fields)
                | {modality.replace("-", "_"): _quiet(own, camera)}
            ),
            "median_px": as_range(diameter_px) if pixel is None else None,
            "empty_share": 0.0,
        }
    )
    side = round(_FIELD * diameter_px)
    field = make_field(settings, (side, side), rng)
    image = field.exposure.intensity
    if camera:
        detector = field.modality.detector.draw(rng)
        image = expected(image, detector, pixel_size_nm=field.pixel_size_nm)
    return Isolated(image, field.scene)


def _particles(settings: Settings, family: str, diameter_px: float) -> ParticleSettings:
    diameter_nm: Range | None = settings.particles.diameter_nm
    if settings.pixel_size_nm is not None:
        diameter_nm = as_range(diameter_px * settings.pixel_size_nm.low)
    return ParticleSettings(
        diameter_nm=diameter_nm,
        spread=as_range(_SPREAD),
        shapes=Weights(dict.fromkeys(FAMILIES[family], 1.0)),
        mixed=1.0,
        arrangement=Weights({"isolated": 1}),
        coverage=as_range(_COVERAGE),
        second=0.0,
        tilt_deg=as_range(0),
        bevel=as_range(0),
        standing=as_range(0 if family == "plates" else 1),
        gap_px=as_range(min(_GAP * diameter_px, 100)),
        cut_by_frame=False,
    )


def _even(settings: Settings) -> SupportSettings:
    """The preset's film without thicker and thinner places."""
    return settings.support.model_copy(
        update=dict.fromkeys(("gradient", "roughness"), as_range(0))
        | dict.fromkeys(("edge_share", "fold_share", "dirt_share"), 0.0)
        | {"kind": Weights({"flat": 1})}
    )


def _quiet(modality: Modality, camera: bool) -> Modality:
    absent = ["support_grain", "particle_grain", "speckle"] + ([] if camera else ["defocus_px"])
    none = as_range(0)
    optics = {}
    if isinstance(modality, PhaseContrast) and not camera:
        optics["optics"] = modality.optics.model_copy(update={"defocus_nm": none})
    return modality.model_copy(
        update={name: none for name in absent if name in type(modality).model_fields}
        | optics
        | {
            "diffraction": Diffraction(spread=none, mottle=none),
            "illumination": Illumination(gradient=none, vignette=none),
        }
    )
