"""Settings of images of particles on supports."""

from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nanosieve.simulation.projected.annotations import AnnotationSettings
from nanosieve.simulation.projected.materials import MATERIALS, check_material
from nanosieve.simulation.projected.modalities import Modalities
from nanosieve.simulation.projected.oversampling import Oversampling
from nanosieve.simulation.projected.particle_settings import ParticleSettings
from nanosieve.simulation.projected.support import KINDS, SupportSettings
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section


class Design(Section):
    """A full factorial design: structure i has level i modulo the number of levels.

    The last list runs fastest: with four values in each of four lists there are 256 levels, so
    ``-n 256`` gives one image of each and ``-n 5120`` twenty.

    Parameters
    ----------
    diameter_nm
        Median diameters.
    material
        Names of materials.
    support
        Names of supports.
    modality
        Names of ways of imaging; each has its table ``[modality.NAME]``.
    """

    diameter_nm: tuple[float, ...]
    material: tuple[str, ...]
    support: tuple[str, ...]
    modality: tuple[str, ...]

    @property
    def levels(self) -> list[tuple[float, str, str, str]]:
        """All combinations in their order."""
        return list(product(self.diameter_nm, self.material, self.support, self.modality))

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.levels:
            raise ValueError("every list of a design holds at least one value")
        if min(self.diameter_nm) <= 0:
            raise ValueError(f"diameters are positive: {min(self.diameter_nm):g}")
        for name in self.material:
            check_material(name)
        unknown = sorted(set(self.support) - set(KINDS))
        if unknown:
            raise ValueError(f"no support {unknown[0]!r}; there are {', '.join(KINDS)}")
        return self


class Settings(Section):
    """Images of particles on supports.

    Parameters
    ----------
    shape
        ``(y, x)`` of the image in px.
    pixel_size_nm
        Pixel size of the image. This or ``median_px``.
    median_px
        Median diameter of the particles in px: the pixel size follows from it and from the
        diameter in nm that is drawn, as an operator chooses the magnification by the particles.
        Give this or ``pixel_size_nm``.
    least_pixel_nm
        Smaller pixels are not made: few microscopes show a 2 nm particle 200 px wide.
    empty_share
        Share of structures without any particle.
    material
        Weights of what particles are made of: one material an image.
    particles, support, modality, oversampling, annotations
        Tables of their own.
    frames
        Consecutive images of one scene.
    drift_px
        How far the scene moves between two of them, in whole pixels (rounded), in a direction that
        turns slowly.
    design
        Takes the place of diameters, materials, supports and modalities that are drawn.
    """

    kind: Literal["projected"]
    shape: tuple[int, int] = (512, 512)
    pixel_size_nm: Range | None = None
    median_px: Range | None = None
    least_pixel_nm: float = Field(default=0.0, ge=0)
    empty_share: float = Field(default=0.0, ge=0, le=1)
    material: Annotated[Weights, named("material", MATERIALS)] = Weights({"Au": 1})
    particles: ParticleSettings
    support: SupportSettings
    modality: Modalities
    oversampling: Oversampling = Oversampling()
    annotations: AnnotationSettings = AnnotationSettings()
    frames: int = Field(default=1, ge=1)
    drift_px: Range = as_range(0)
    design: Design | None = None

    @property
    def per_structure(self) -> int:
        """Images of one scene."""
        return self.frames

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.pixel_size_nm is None) == (self.median_px is None):
            raise ValueError("give one of pixel_size_nm and median_px: either sets the other")
        if min(self.shape) < 32:
            raise ValueError(f"shape has at least 32 px a side, got {list(self.shape)}")
        if self.particles.diameter_nm is None:
            raise ValueError("particles: give diameter_nm; pixels follow from median_px")
        pixel = self.pixel_size_nm
        if pixel is not None and pixel.low <= 0:
            raise ValueError("pixel_size_nm is more than 0")
        if self.median_px is not None and self.median_px.low < 2:
            raise ValueError("median_px is at least 2: smaller particles are noise")
        self._fits_the_field()
        if self.design is not None:
            missing = sorted(set(self.design.modality) - set(self.modality.given))
            if missing:
                raise ValueError(
                    f"the design has {missing[0]!r}: add a table [modality.{missing[0]}]"
                )
        return self

    def _fits_the_field(self) -> None:
        if self.median_px is not None:
            largest_px = self.median_px.high
        else:
            assert self.pixel_size_nm is not None
            assert self.particles.diameter_nm is not None
            largest = self.particles.diameter_nm.high
            if self.design is not None:
                largest = max(self.design.diameter_nm)
            largest_px = largest / self.pixel_size_nm.low
        if largest_px > min(self.shape):
            raise ValueError(
                f"particles of up to {largest_px:.0f} px do not fit in {min(self.shape)} px: "
                "give smaller particles, larger pixels or a larger shape"
            )

    def of_structure(self, index: int) -> "Settings":
        """Settings of one structure: those of its level where there is a design."""
        if self.design is None:
            return self
        diameter, stuff, support, modality = self.design.levels[index % len(self.design.levels)]
        others = [name for name in self.modality.given if name != modality]
        alone: dict[str, Any] = {name.replace("-", "_"): None for name in others}
        return self.model_copy(
            update={
                "design": None,
                "particles": self.particles.model_copy(update={"diameter_nm": as_range(diameter)}),
                "material": Weights({stuff: 1}),
                "support": self.support.model_copy(update={"kind": Weights({support: 1})}),
                "modality": self.modality.model_copy(update=alone),
            }
        )
