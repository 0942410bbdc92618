"""Settings of images at lattice resolution."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from nanosieve.simulation.atoms.settings import SpecimenSettings
from nanosieve.simulation.detector.settings import DetectorSettings
from nanosieve.simulation.ranges import Range, Weights
from nanosieve.simulation.section import Section
from nanosieve.simulation.wave.exit_wave import MultisliceSettings, check_aperture
from nanosieve.simulation.wave.optics import OpticsSettings

COARSEST_NM = 0.1
"""Pixels beyond which the fringes of metals (0.2 nm) are not sampled."""

Side = Annotated[int, Field(ge=16, le=8192)]


class Settings(Section):
    """Images of crystalline particles at lattice resolution.

    Parameters
    ----------
    images
        Images of one structure: they share the multislice, and draw optics and detector each anew.
    pixel_size_nm
        Pixels of the camera, drawn per structure.
    shape
        Rows and columns of an image; this or ``field_nm``.
    field_nm
        Side of a square image in nm, drawn per structure; this or ``shape``.
    specimen
        Particles and support.
    multislice
        How finely the wave is computed.
    microscopes
        Weights of the entries of ``optics``; one is drawn per structure, with its energy.
    optics
        Ranges of each microscope.
    detector
        Ranges of the detector.
    """

    kind: Literal["crystals"] = "crystals"
    images: int = Field(default=4, ge=1, le=1000)
    pixel_size_nm: Range
    shape: tuple[Side, Side] | None = None
    field_nm: Range | None = None
    specimen: SpecimenSettings
    multislice: MultisliceSettings = MultisliceSettings()
    microscopes: Weights
    optics: dict[str, OpticsSettings]
    detector: DetectorSettings

    @property
    def per_structure(self) -> int:
        """Images of one structure."""
        return self.images

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.shape is None) == (self.field_nm is None):
            raise ValueError("give either shape or field_nm, not both and not neither")
        self._check_pixels()
        self._check_field()
        self._check_microscopes()
        if "stem" in self.detector.model.names:
            raise ValueError(
                "these waves are not scanned: detector.model is counting or scintillator"
            )
        return self

    def _check_pixels(self) -> None:
        if self.pixel_size_nm.low <= 0:
            raise ValueError("pixel_size_nm is positive")
        if self.pixel_size_nm.high > COARSEST_NM:
            raise ValueError(
                f"pixels of {self.pixel_size_nm.high:g} nm cannot show lattice fringes of 0.2 nm "
                f'(Nyquist): stay below {COARSEST_NM:g} nm, or use kind = "projected"'
            )

    def _check_field(self) -> None:
        if self.shape is not None:
            smallest = min(self.shape) * self.pixel_size_nm.low
        else:
            assert self.field_nm is not None
            smallest = self.field_nm.low
            if smallest < 16 * self.pixel_size_nm.high:
                raise ValueError(
                    f"a field of {smallest:g} nm is less than 16 pixels: make field_nm larger"
                )
        largest = self.specimen.particles.largest_nm
        if largest > smallest:
            raise ValueError(
                f"particles of up to {largest:.3g} nm are larger than the smallest field of "
                f"{smallest:.3g} nm: make particles smaller or the field larger"
            )

    def _check_microscopes(self) -> None:
        missing = [name for name in self.microscopes.names if name not in self.optics]
        if missing:
            raise ValueError(f"microscope {missing[0]} has no settings: add [optics.{missing[0]}]")
        for name in self.microscopes.names:
            check_aperture(self.optics[name], self.multislice, name=f"optics.{name}")

    def draw_grid(self, rng: np.random.Generator) -> tuple[float, tuple[int, int]]:
        """Draw pixel size and shape of a structure's images."""
        pixel_size_nm = self.pixel_size_nm.draw(rng)
        if self.shape is not None:
            return pixel_size_nm, self.shape
        assert self.field_nm is not None
        side = int(np.ceil(self.field_nm.draw(rng) / pixel_size_nm))
        return pixel_size_nm, (side, side)
