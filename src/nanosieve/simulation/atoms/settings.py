"""Settings of particles on a support."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from nanosieve.simulation.atoms.lattices import LATTICES
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section

SHAPES = ("sphere", "ellipsoid", "faceted", "wulff", "decahedron", "icosahedron")
FCC_ONLY = ("decahedron", "icosahedron")
DEFECTS = ("none", "twin", "stacking_fault")
PLACES = ("top", "bottom", "inside")
CONTACTS = ("apart", "touching", "overlapping")
SUPPORTS = ("carbon", "nitride", "graphene", "none")

Share = Annotated[float, Field(ge=0, le=1)]
# Diameters are cut at this many deviations, so that there is a largest one.
SPREAD_LIMIT = 3.0


def _between(what: str, values: Range, low: float, high: float) -> None:
    if values.low < low or values.high > high:
        raise ValueError(
            f"{what} lies between {low:g} and {high:g}, not {values.low:g} to {values.high:g}"
        )


class CrystalSettings(Section):
    """What particles are made of.

    Parameters
    ----------
    materials
        Weights of the materials; one is drawn per structure.
    mixed
        Share of structures in which each particle draws a material of its own.
    diameter_nm
        Mean diameter of a structure's particles, by volume.
    diameter_spread
        One standard deviation of their logarithm is a factor of 1 plus this.
    shapes
        Shape of each particle. Decahedra and icosahedra are for fcc metals: for other materials
        the other shapes are drawn by their weights.
    aspect
        Longest over shortest axis of ellipsoids and faceted bodies.
    facet_jitter
        Relative deviation of the facets' distances from the equilibrium shape.
    zone_share
        Share of particles with a low-index zone axis near the beam; all others stand anyhow.
    zone_tilt_deg
        Angle between that axis and the beam.
    defects
        Planar defects of each particle; what a structure cannot have counts as none.
    defect_planes
        On how many planes a particle has its defect.
    """

    materials: Annotated[Weights, named("material", LATTICES)]
    mixed: Share = 0.0
    diameter_nm: Range
    diameter_spread: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    shapes: Annotated[Weights, named("shape", SHAPES)] = Weights(
        {"sphere": 1, "ellipsoid": 1, "faceted": 1, "wulff": 1}
    )
    aspect: Range = as_range([1, 1.5])
    facet_jitter: Range = as_range([0, 0.12])
    zone_share: Share = 0.5
    zone_tilt_deg: Range = as_range([0, 4])
    defects: Annotated[Weights, named("defect", DEFECTS)] = Weights({"none": 1})
    defect_planes: Range = as_range([1, 3])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _between("diameter_nm", self.diameter_nm, 0.8, 60)
        _between("aspect", self.aspect, 1, 4)
        _between("facet_jitter", self.facet_jitter, 0, 0.4)
        _between("zone_tilt_deg", self.zone_tilt_deg, 0, 45)
        _between("defect_planes", self.defect_planes, 1, 20)
        others = [name for name in self.materials.names if LATTICES[name].structure != "fcc"]
        if others and set(self.shapes.names) <= set(FCC_ONLY):
            raise ValueError(
                f"{others[0]} forms no {' or '.join(self.shapes.names)}: "
                "add another shape or leave the material out"
            )
        return self

    @property
    def largest_nm(self) -> float:
        """Greatest diameter that can be drawn."""
        return self.diameter_nm.high * (1 + self.diameter_spread) ** SPREAD_LIMIT


class ArrangementSettings(Section):
    """Where particles are.

    Parameters
    ----------
    empty_share
        Share of structures without any particle.
    count
        How many there are in a structure that has any; this or ``coverage``.
    coverage
        Share of the image's pixels that they cover, up to which they are added. Where no room is
        left, there are fewer. This or ``count``.
    places
        On ``top`` of the support (where the beam enters), at its ``bottom`` or ``inside`` it.
    contacts
        Whether each particle after the first stands apart from all others, touches one in
        projection or overlaps one in projection.
    overlap
        Distance of the centres of overlapping particles over the sum of their radii.
    gap_nm
        Least distance in projection of particles that stand apart.
    overhang
        How far a particle's centre may lie beyond the frame, over its radius.
    """

    empty_share: Share = 0.0
    count: Range | None = None
    coverage: Range | None = None
    places: Annotated[Weights, named("place", PLACES)] = Weights({"top": 1})
    contacts: Annotated[Weights, named("contact", CONTACTS)] = Weights({"apart": 1})
    overlap: Range = as_range([0.3, 0.9])
    gap_nm: Annotated[float, Field(ge=0)] = 0.4
    overhang: Annotated[float, Field(ge=-1, le=0.9)] = 0.6

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.count is None) == (self.coverage is None):
            raise ValueError("give either count or coverage, not both and not neither")
        if self.count is not None:
            _between("count", self.count, 0, 500)
        if self.coverage is not None:
            _between("coverage", self.coverage, 0, 0.9)
        _between("overlap", self.overlap, 0, 1)
        return self


class SupportSettings(Section):
    """What particles stand on.

    Parameters
    ----------
    kinds
        ``carbon`` (amorphous), ``nitride`` (amorphous Si3N4), ``graphene`` or ``none``.
    carbon_nm
        Thickness of a carbon film.
    carbon_g_cm3
        Its density.
    nitride_nm
        Thickness of a nitride film.
    nitride_g_cm3
        Its density.
    graphene_layers
        How many layers of graphene.
    roughness_nm
        Standard deviation of both surfaces of an amorphous support.
    """

    kinds: Annotated[Weights, named("support", SUPPORTS)] = Weights({"carbon": 1})
    carbon_nm: Range = as_range([2, 10])
    carbon_g_cm3: Range = as_range([1.8, 2.2])
    nitride_nm: Range = as_range([5, 15])
    nitride_g_cm3: Range = as_range([3.0, 3.2])
    graphene_layers: Range = as_range([1, 4])
    roughness_nm: Range = as_range([0, 0.3])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _between("carbon_nm", self.carbon_nm, 0.5, 60)
        _between("carbon_g_cm3", self.carbon_g_cm3, 1.2, 2.2)
        _between("nitride_nm", self.nitride_nm, 0.5, 60)
        _between("nitride_g_cm3", self.nitride_g_cm3, 2.0, 3.2)
        _between("graphene_layers", self.graphene_layers, 1, 10)
        _between("roughness_nm", self.roughness_nm, 0, 2)
        return self


class SpecimenSettings(Section):
    """Particles, where they are, and what they stand on.

    Parameters
    ----------
    margin_nm
        By how much the cell is wider than the image at each side: waves are periodic, and beyond
        the image lie carbon and cut particles as well.

    Examples
    --------
    >>> settings = SpecimenSettings(
    ...     particles={"materials": {"Au": 1}, "diameter_nm": 5}, arrangement={"count": 2}
    ... )
    >>> settings.support.kinds.names
    ('carbon',)
    """

    particles: CrystalSettings
    arrangement: ArrangementSettings
    support: SupportSettings = SupportSettings()
    margin_nm: Annotated[float, Field(ge=0, le=10)] = 1.5
