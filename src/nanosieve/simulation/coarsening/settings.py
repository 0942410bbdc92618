"""What particles of a movie do, as a settings file states it."""

from typing import Annotated, Self, cast

import numpy as np
from pydantic import Field, model_validator

from nanosieve.simulation.coarsening.ripening import POWERS, Law
from nanosieve.simulation.coarsening.sheet import Process
from nanosieve.simulation.projected.materials import MATERIALS
from nanosieve.simulation.projected.modalities import Modalities
from nanosieve.simulation.projected.support import SupportSettings
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section

# Steps between two frames beyond which a movie would take hours.
MOST_STEPS = 500


class MovieSettings(Section):
    """Frames of a movie.

    Parameters
    ----------
    frames
        How many.
    frame_time_s
        Time between two frames.
    shape
        ``(y, x)`` of a frame, px.
    pixel_size_nm
        Drawn once a movie.
    margin_nm
        How far the simulated region reaches beyond what any frame shows, at each side: particles
        come in from there. A body may not be larger.
    """

    frames: int = Field(ge=2)
    frame_time_s: float = Field(gt=0)
    shape: tuple[int, int]
    pixel_size_nm: Range
    margin_nm: float = Field(gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.shape) < 32:
            raise ValueError(f"shape: a frame has at least 32 px a side, got {list(self.shape)}")
        if self.pixel_size_nm.low <= 0:
            raise ValueError("pixel_size_nm: expected a size above 0")
        return self


class PopulationSettings(Section):
    """Particles at the start.

    Parameters
    ----------
    diameter_nm
        Drawn for each particle; raised to 1.2 times ``smallest_nm`` where it would be below.
    coverage
        Share of the area under particles. Beyond 0.35 there is no room to place them at random.
    smallest_nm
        Diameter below which a particle vanishes.
    gap_nm
        Least distance of outlines at the start.
    height
        Height of a particle over its diameter: 1 a sphere, 0.5 the projected thickness of a
        hemisphere. All particles of a movie have the same, so that d^3 stays a measure of volume.
    nuclei_per_s
        New particles a second in the whole region, a little larger than the critical size;
        their volume is taken from all others.
    """

    diameter_nm: Range
    coverage: Range
    smallest_nm: float = Field(gt=0)
    gap_nm: float = Field(default=0.5, ge=0)
    height: Range = as_range(1)
    nuclei_per_s: Range = as_range(0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not 0 < self.coverage.low <= self.coverage.high <= 0.35:
            raise ValueError(
                "coverage: expected a share above 0 and up to 0.35, "
                f"got {self.coverage.low:g} to {self.coverage.high:g}"
            )
        if self.diameter_nm.high <= self.smallest_nm:
            raise ValueError(
                f"diameter_nm: all particles are below smallest_nm = {self.smallest_nm:g}; "
                "lower smallest_nm"
            )
        if not 0 < self.height.low <= self.height.high <= 1:
            raise ValueError("height: expected a share of the diameter above 0 and up to 1")
        if self.nuclei_per_s.low < 0:
            raise ValueError("nuclei_per_s: expected 0 or more")
        return self


class RipeningSettings(Section):
    """Mean-field ripening: dr/dt = K / r^m (1 / r_c - 1 / r), the volume conserved.

    Parameters
    ----------
    law
        Weights of ``diffusion`` (m = 1; Lifshitz, Slyozov and Wagner), ``interface`` (m = 0;
        Wagner) and ``surface`` (m = 2; Chakraverty). One is drawn a movie.
    diffusion_nm3_s
        K of ``diffusion`` in nm^3/s; 0 for particles that do not ripen.
    interface_nm2_s
        K of ``interface`` in nm^2/s; likewise.
    surface_nm4_s
        K of ``surface`` in nm^4/s; likewise.
    """

    law: Annotated[Weights, named("law", POWERS)]
    diffusion_nm3_s: Range = as_range(0)
    interface_nm2_s: Range = as_range(0)
    surface_nm4_s: Range = as_range(0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for constant in (self.diffusion_nm3_s, self.interface_nm2_s, self.surface_nm4_s):
            if constant.low < 0:
                raise ValueError("constants of ripening are 0 or more")
        return self


class MigrationSettings(Section):
    """Brownian walk of whole particles: D = D_ref (d_ref / d)^power, <r^2> = 4 D t.

    Parameters
    ----------
    diffusivity_nm2_s
        D_ref, of a particle of the reference diameter.
    reference_nm
        d_ref; the coalescence time is stated for it too.
    power
        4 where atoms walking over a particle's surface make it move (Gruber, J. Appl. Phys. 38,
        243 (1967)).
    """

    diffusivity_nm2_s: Range
    reference_nm: float = Field(gt=0)
    power: float = Field(default=4, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.diffusivity_nm2_s.low < 0:
            raise ValueError("diffusivity_nm2_s: expected 0 or more")
        return self


class CoalescenceSettings(Section):
    """Particles that touch become one: their centres approach as exp(-t / tau).

    At first the neck's radius therefore grows as the root of time (Frenkel, J. Phys. USSR 9, 385
    (1945)).

    Parameters
    ----------
    time_s
        tau of a pair that makes one particle of the reference diameter.
    power
        tau grows as the diameter to this power; 4 for surface diffusion (Nichols and Mullins,
        J. Appl. Phys. 36, 1826 (1965)).
    """

    time_s: Range
    power: float = Field(default=4, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.time_s.low <= 0:
            raise ValueError("time_s: expected a time above 0")
        return self


class DriftSettings(Section):
    """Movement of the stage.

    Parameters
    ----------
    speed_nm_s
        Linear drift, in a random direction.
    jitter_nm
        Standard deviation of a displacement drawn anew for each frame, along each axis.
    """

    speed_nm_s: Range = as_range(0)
    jitter_nm: Range = as_range(0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.speed_nm_s.low < 0 or self.jitter_nm.low < 0:
            raise ValueError("speed_nm_s and jitter_nm: expected 0 or more")
        return self


class CourseSettings(Section):
    """All that happens in a movie before it is imaged."""

    movie: MovieSettings
    population: PopulationSettings
    ripening: RipeningSettings
    migration: MigrationSettings
    coalescence: CoalescenceSettings
    drift: DriftSettings = DriftSettings()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        largest = self.population.diameter_nm.high
        field_nm = min(self.movie.shape) * self.movie.pixel_size_nm.low
        if largest >= field_nm:
            raise ValueError(
                f"population.diameter_nm: {largest:g} nm do not fit into a frame of "
                f"{field_nm:g} nm; enlarge movie.shape or movie.pixel_size_nm"
            )
        if largest > self.movie.margin_nm:
            raise ValueError(
                f"movie.margin_nm: {self.movie.margin_nm:g} nm are less than the largest "
                f"particle of {largest:g} nm; widen the margin"
            )
        coarsest = self.movie.pixel_size_nm.high
        if self.population.smallest_nm < 2 * coarsest:
            raise ValueError(
                f"population.smallest_nm: {self.population.smallest_nm:g} nm are less than two "
                f"pixels of {coarsest:g} nm: such a particle could lie between the pixels; "
                "raise it or lower movie.pixel_size_nm"
            )
        self._quick_enough()
        return self

    def _quick_enough(self) -> None:
        """Small particles walk fast, and every step of theirs is followed."""
        population, migration = self.population, self.migration
        area = np.pi / 4 * population.diameter_nm.low**2 / population.coverage.high
        spacing = np.sqrt(max(area, population.smallest_nm**2))
        quickening = (migration.reference_nm / population.smallest_nm) ** migration.power
        fastest = migration.diffusivity_nm2_s.high * quickening
        steps = self.movie.frame_time_s * 2 * fastest / (spacing / 4) ** 2
        if steps > MOST_STEPS:
            raise ValueError(
                f"migration: particles of {population.smallest_nm:g} nm would walk at "
                f"{fastest:.3g} nm2/s, {steps:.0f} steps a frame; lower "
                "migration.diffusivity_nm2_s or raise population.smallest_nm"
            )

    def draw_process(self, rng: np.random.Generator) -> Process:
        """Draw what particles of one movie do."""
        law = cast(Law, self.ripening.law.draw(rng))
        constants = {
            "diffusion": self.ripening.diffusion_nm3_s,
            "interface": self.ripening.interface_nm2_s,
            "surface": self.ripening.surface_nm4_s,
        }
        return Process(
            law=law,
            constant=constants[law].draw(rng),
            smallest_nm=self.population.smallest_nm,
            diffusivity_nm2_s=self.migration.diffusivity_nm2_s.draw(rng),
            diffusivity_power=self.migration.power,
            neck_time_s=self.coalescence.time_s.draw(rng),
            neck_power=self.coalescence.power,
            reference_nm=self.migration.reference_nm,
            nuclei_per_s=self.population.nuclei_per_s.draw(rng),
        )


class ImagingSettings(Section):
    """How a movie is imaged.

    Parameters
    ----------
    material
        Weights of what particles are made of: one material a movie.
    support
        A whole film, for particles walk everywhere.
    modality
        Tables ``[modality.bf-tem]``, ``bf-stem``, ``haadf``, ``laadf``; doses are those of a frame.
    turns_per_s
        How often a particle shows another orientation, and with it another contrast.
    """

    material: Annotated[Weights, named("material", MATERIALS)]
    support: SupportSettings
    modality: Modalities
    turns_per_s: Range = as_range(0)

    @model_validator(mode="after")
    def _can_be_imaged(self) -> Self:
        if self.support.kind.names != ("flat",) or self.support.edge_share > 0:
            raise ValueError(
                "support: particles walk everywhere, so it is a whole film: give "
                "kind = {flat = 1} and edge_share = 0"
            )
        if self.modality.phase is not None:
            raise ValueError(
                "modality.phase: movies are bf-tem, bf-stem, haadf or laadf; leave it out"
            )
        for name, modality in self.modality.given.items():
            detector = modality.detector
            if "stem" in detector.model.names and detector.stem.drift.high > 0:
                raise ValueError(
                    f"modality.{name}.detector.stem.drift: nothing moves while a frame of a movie "
                    "is exposed; give 0"
                )
            if modality.least_cnr.high > 0:
                raise ValueError(
                    f"modality.{name}.least_cnr: the dose of a movie's frames is stated; leave it "
                    "out"
                )
        if self.turns_per_s.low < 0:
            raise ValueError("turns_per_s: expected 0 or more")
        return self
