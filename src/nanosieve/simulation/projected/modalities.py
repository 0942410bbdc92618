"""Settings of the ways of imaging: bright field, annular dark field, and phase contrast."""

from typing import Self

from pydantic import Field, model_validator

from nanosieve.simulation.detector.settings import DetectorSettings
from nanosieve.simulation.projected.limits import check_numbers
from nanosieve.simulation.projected.particle_contrast import Diffraction
from nanosieve.simulation.ranges import Range, Weights, as_range
from nanosieve.simulation.section import Section
from nanosieve.simulation.wave.optics import OpticsSettings

# How many times an exposure is raised at most.
MOST_RAISED = 20.0


class Illumination(Section):
    """How unevenly the beam, or what it charges, lights the field.

    Parameters
    ----------
    gradient
        Change across the field as a share.
    vignette
        Loss in the corners as a share.
    shade_share
        Images that an aperture or the grid bar shades at one side.
    charging
        Standard deviation of the brightness that drifts from line to line, as a share of the mean
        intensity.
    """

    gradient: Range = as_range([0, 0.2])
    vignette: Range = as_range([0, 0.15])
    shade_share: float = 0.0
    charging: Range = as_range(0)

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        check_numbers(self)
        return self


class Modality(Section):
    """What all ways of imaging have.

    Parameters
    ----------
    weight
        How often it is drawn, beside others.
    detector
        Settings of the detector.
    electrons_per_px
        Electrons of the beam that fall on a pixel of the image: an operator sets the exposure by
        the noise on the screen. Without it the dose of the detector's settings holds.
    least_cnr
        The exposure is raised until a typical particle's contrast is this many times its shot
        noise, but at most 20 times: operators expose until they see particles.
    """

    weight: float = Field(default=1.0, ge=0)
    detector: DetectorSettings
    electrons_per_px: Range | None = None
    least_cnr: Range = as_range(0)
    diffraction: Diffraction = Diffraction()
    illumination: Illumination = Illumination()

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        check_numbers(self)
        return self


class BrightField(Modality):
    """BF-TEM and, with weaker phase contrast, BF-STEM.

    Parameters
    ----------
    energy_kv
        Of the electrons.
    stopped
        Share of elastically scattered electrons that the objective aperture stops.
    veil
        Share of the beam that arrives everywhere.
    defocus_px
        Width of the first Fresnel fringe, the square root of wavelength times defocus, in pixels:
        an operator focuses by what the screen shows.
    overfocus_share
        Images with the lens too strong (dark rims instead of bright ones).
    fringes
        Number of Fresnel fringes that the beam's coherence leaves.
    rim_limit
        Greatest relative brightening or darkening by the lens.
    support_grain
        Phase grain of supports as a share of that of atoms placed at random.
    particle_grain
        The same of particles; low for crystals.
    blur_px
        Standard deviation of what the lens blurs besides, before the detector.
    """

    energy_kv: Range = as_range(200)
    stopped: Range = as_range([0.3, 0.9])
    veil: Range = as_range([0, 0.1])
    defocus_px: Range = as_range({"log": [0.3, 4]})
    overfocus_share: float = 0.15
    fringes: Range = as_range([0.3, 2])
    rim_limit: Range = as_range([0.05, 0.4])
    support_grain: Range = as_range([0.2, 1])
    particle_grain: Range = as_range([0, 0.4])
    blur_px: Range = as_range([0.2, 1.2])


class DarkField(Modality):
    """HAADF and LAADF.

    Parameters
    ----------
    energy_kv
        Of the electrons.
    exponent
        Of the atomic number: 1.6 to 1.8 for HAADF, 1.2 to 1.5 for LAADF.
    of_gold
        Share of gold's elastic scattering that the detector collects.
    veil
        Signal of vacuum as a share of the beam.
    speckle
        Standard deviation of coherent speckle as a share of the support's signal.
    blur_px
        Standard deviation of what blurs besides the probe of the detector's settings.
    """

    energy_kv: Range = as_range(200)
    exponent: Range = as_range([1.6, 1.8])
    of_gold: Range = as_range([0.1, 0.3])
    veil: Range = as_range([0, 0.004])
    speckle: Range = as_range(0)
    blur_px: Range = as_range([0.2, 1.0])


class PhaseContrast(Modality):
    """Bright field with the phase and the aberrations of a real lens, for one magnification.

    Parameters
    ----------
    optics
        Settings of the lens: `nanosieve.simulation.wave.optics.OpticsSettings`.
    stopped
        Share of elastically scattered electrons that never reach the image.
    support_grain
        Phase grain of supports as a share of that of atoms placed at random.
    particle_grain
        The same of particles; low for crystals.
    """

    optics: OpticsSettings
    stopped: Range = as_range([0.3, 0.9])
    support_grain: Range = as_range([0.5, 1])
    particle_grain: Range = as_range([0, 0.2])

    @property
    def energy_kv(self) -> Range:
        """Of the electrons."""
        return self.optics.energy_kv


class Modalities(Section):
    """The ways of imaging of a preset: tables ``[modality.bf-tem]`` and so on."""

    bf_tem: BrightField | None = Field(default=None, alias="bf-tem")
    bf_stem: BrightField | None = Field(default=None, alias="bf-stem")
    haadf: DarkField | None = None
    laadf: DarkField | None = None
    phase: PhaseContrast | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.given:
            raise ValueError("give at least one of bf-tem, bf-stem, haadf, laadf, phase")
        return self

    @property
    def given(self) -> dict[str, BrightField | DarkField | PhaseContrast]:
        """Modalities by name."""
        found = {name.replace("_", "-"): getattr(self, name) for name in type(self).model_fields}
        return {name: one for name, one in found.items() if one is not None}

    @property
    def weights(self) -> Weights:
        """How often each is drawn."""
        return Weights({name: one.weight for name, one in self.given.items()})
