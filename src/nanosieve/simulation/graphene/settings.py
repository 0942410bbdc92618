"""Settings of the graphene simulation."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from nanosieve.simulation.ranges import Range, Weights, named
from nanosieve.simulation.section import Section

LATTICE_SPACING_NM = 0.213

_ELEMENTS = {"H": 1, "N": 7, "O": 8, "Al": 13, "Si": 14, "Fe": 26, "Ni": 28, "Cu": 29, "Au": 79}


def _not_negative(value: Range) -> Range:
    if value.low < 0:
        raise ValueError(f"must not be negative, and goes down to {value.low:g}")
    return value


def _share(value: Range) -> Range:
    if value.low < 0 or value.high > 1:
        raise ValueError(f"a share lies between 0 and 1, not {value.low:g} to {value.high:g}")
    return value


def _leaves_a_sheet(value: Range) -> Range:
    if value.low < 0 or value.high > 0.8:
        raise ValueError(f"lies between 0 and 0.8, not {value.low:g} to {value.high:g}")
    return value


Amount = Annotated[Range, AfterValidator(_not_negative)]
Part = Annotated[Range, AfterValidator(_share)]


class SheetSettings(Section):
    """The sheet itself; numbers of defects are per 100 nm^2.

    Parameters
    ----------
    grains
        Number of grains over the simulated area; drawn and rounded, 1 is a single crystal.
    least_turn_deg
        Least misorientation between grains, where they are few enough to allow it.
    bend_nm
        How far, root mean square, borders of grains and holes leave straight lines and circles.
    bend_wavelength_nm
        Over what length borders wind.
    islands
        Number of small round grains within the others (the "flower" defect).
    island_radius_nm
        Radius of the islands.
    stone_wales
        Bonds turned by 90 degrees.
    monovacancies
        Places where one atom is missing.
    divacancies
        Places where two neighbours are missing.
    trivacancies
        Places where three neighbours are missing.
    silicon
        Atoms replaced by silicon.
    holes
        Number of holes.
    hole_radius_nm
        Radius of the holes.
    edge
        Probability that the sheet ends within the image.
    edge_share
        How much of the area lies beyond the edge where there is one.
    relax_reach_nm
        How far from the nearest odd ring or edge atoms are relaxed.
    """

    grains: Amount
    least_turn_deg: float = Field(ge=0, le=30)
    bend_nm: Amount
    bend_wavelength_nm: float = Field(gt=0.5)
    islands: Amount
    island_radius_nm: Amount
    stone_wales: Amount
    monovacancies: Amount
    divacancies: Amount
    trivacancies: Amount
    silicon: Amount
    holes: Amount
    hole_radius_nm: Amount
    edge: float = Field(ge=0, le=1)
    edge_share: Annotated[Range, AfterValidator(_leaves_a_sheet)]
    relax_reach_nm: float = Field(gt=0, le=5)


class ContaminationSettings(Section):
    """Amorphous matter on the sheet.

    Parameters
    ----------
    clean
        Probability that there is none.
    coverage
        Share of the simulated area that is covered otherwise.
    thickness_nm
        Greatest thickness.
    patch_nm
        Over what length thickness varies: patches are a few times as wide.
    edge_nm
        Over what width patches thin out.
    attraction
        How much rather it lies at grain boundaries and edges, in standard deviations of the
        random field that places it.
    heavy
        Share of its atoms that are no carbon.
    heavy_elements
        Weights of the elements that those atoms are of.
    """

    clean: float = Field(ge=0, le=1)
    coverage: Part
    thickness_nm: Amount
    patch_nm: Amount
    edge_nm: Amount
    attraction: Amount
    heavy: Part
    heavy_elements: Annotated[Weights, named("element", _ELEMENTS)]


def atomic_number(element: str) -> int:
    """Return the atomic number of an element that contamination may hold.

    Examples
    --------
    >>> atomic_number("Si")
    14
    """
    return _ELEMENTS[element]


class FrameSettings(Section):
    """A size of image and its pixel sizes.

    Parameters
    ----------
    weight
        How often it is drawn, relative to the others.
    shape_px
        Height and width.
    pixel_size_nm
        Drawn for each structure.
    binning
        Pixels of the camera along the side of one of the image's, as images are reduced.
    """

    weight: float = Field(gt=0)
    shape_px: tuple[int, int]
    pixel_size_nm: Range
    binning: int = Field(default=1, ge=1, le=8)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.shape_px) < 32:
            raise ValueError(f"shape_px: at least 32 each way, not {list(self.shape_px)}")
        if self.pixel_size_nm.low <= 0:
            raise ValueError(f"pixel_size_nm: above 0, not {self.pixel_size_nm.low:g}")
        # Coarser pixels pass no lattice at all: its spacing is 0.213 nm.
        if self.pixel_size_nm.high > LATTICE_SPACING_NM / 2:
            raise ValueError(
                f"pixel_size_nm: up to {self.pixel_size_nm.high:g} nm, but graphene's lattice "
                f"({LATTICE_SPACING_NM} nm) needs pixels of at most {LATTICE_SPACING_NM / 2:.3f} nm"
            )
        return self


class IlluminationSettings(Section):
    """How unevenly the beam lights the field.

    Parameters
    ----------
    slope
        Relative change of intensity across the image, at a random direction.
    curvature
        How much darker the corners are than the middle of the beam, which lies off centre.
    """

    slope: Part
    curvature: Part
