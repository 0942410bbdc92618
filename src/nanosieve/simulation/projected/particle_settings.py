"""Settings of particles in a field: sizes, shapes, arrangement, coverage."""

from typing import Annotated, Self

from pydantic import model_validator

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.polyhedra import POLYHEDRA
from nanosieve.simulation.ranges import Range, Weights, as_range, named
from nanosieve.simulation.section import Section

PLATES = ("hexagon", "triangle", "truncated_triangle")
SHAPES = ("sphere", "ellipsoid", "rough", "rod", "flat_rod", *PLATES, *POLYHEDRA)
# Share of the field that outlines cover at most, by arrangement: what there is room for, and where
# particles overlap what a person could still tell apart.
MOST_COVERED = {
    "isolated": 0.45,
    "touching": 0.6,
    "bundles": 0.6,
    "random": 0.45,
    "aggregates": 0.55,
    "packed": 0.85,
    "dense": 0.8,
    "facets": 0.9,
}
ARRANGEMENTS = tuple(MOST_COVERED)
LAYERS = ("packed", "dense", "facets")
LEAST_PX = 3.0


def _usual_shapes() -> Weights:
    return Weights(
        {"sphere": 4, "ellipsoid": 3, "rough": 4, "rod": 1, "flat_rod": 0.7}
        | dict.fromkeys(PLATES, 0.5)
        | dict.fromkeys(POLYHEDRA, 0.5)
    )


def _usual_arrangements() -> Weights:
    return Weights(
        {"isolated": 4, "touching": 2.5, "random": 1, "aggregates": 1.5, "packed": 0.7}
        | {"dense": 0.6, "facets": 0.5, "bundles": 0.4}
    )


class ParticleSettings(Section):
    """Particles in a field. What is a range is drawn once an image unless said otherwise.

    Diameters are those of the circle with the area of the projected outline.

    Parameters
    ----------
    diameter_px
        Median diameter of the particles in px; in settings files give ``diameter_nm`` instead.
    diameter_nm
        Median diameter of the particles in nm.
    spread
        Standard deviation of the logarithm of the diameters: they are log-normal, cut at 2.5
        deviations.
    shapes
        Weights of the shapes.
    mixed
        Share of images in which each particle draws its own shape.
    arrangement
        Weights: ``isolated`` lie apart from each other, ``random`` fall on each other at will,
        ``touching`` form groups in the plane, ``bundles`` groups side by side in parallel,
        ``aggregates`` chains and clumps in three dimensions, ``packed`` islands in hexagonal
        order, ``dense`` islands without order, ``facets`` islands of plates face to face.
    coverage
        Share of the field, or of where there is support, that outlines cover. What the drawn
        arrangement cannot reach is cut: to 0.45 (isolated, random), 0.55 (aggregates), 0.6
        (touching, bundles), 0.8 (dense), 0.85 (packed), 0.9 (facets).
    layer_coverage
        Takes the place of ``coverage`` for ``packed``, ``dense`` and ``facets``.
    second
        Share of images with a second population, of other size and shape.
    second_ratio
        Its median diameter over that of the first; never below 6 px, in layers never below 0.4.
    second_share
        Its share of what is covered.
    aspect
        Length over width of rods.
    tilt_deg
        Of rods and plates out of the image plane; drawn for each.
    elongation
        Longest over shortest axis of ellipsoids and rough bodies.
    roughness
        Standard deviation of the outline of rough bodies as a share of its radius.
    plate_ratio
        Thickness over width of plates.
    bevel
        How much smaller the faces of plates are than their outline.
    standing
        Share of plates that stand on an edge, and of polyhedra in any orientation instead of on
        one of their facets.
    gap_px
        Least distance between particles that do not touch; less where they would find no room.
    group
        Particles of a touching group, bundle or aggregate; drawn for each.
    closeness
        Distance of neighbouring centres in an aggregate over that of touching.
    core
        Share of aggregates that begin with a rough core.
    core_ratio
        Its diameter over the median.
    overhang
        Share of a particle's outline that may lie beyond the support.
    cut_by_frame
        Whether the frame may cut particles.

    Examples
    --------
    >>> settings = ParticleSettings(diameter_px=20, arrangement={"packed": 1}, coverage=0.7)
    >>> settings.diameter_px.high, settings.arrangement.names
    (20.0, ('packed',))
    """

    diameter_px: Range | None = None
    diameter_nm: Range | None = None
    spread: Range = as_range([0.05, 0.35])
    shapes: Annotated[Weights, named("shape", SHAPES)] = _usual_shapes()
    mixed: float = 0.1
    arrangement: Annotated[Weights, named("arrangement", ARRANGEMENTS)] = _usual_arrangements()
    coverage: Range = as_range({"log": [0.01, 0.85]})
    layer_coverage: Range | None = None
    second: float = 0.12
    second_ratio: Range = as_range({"log": [0.12, 0.6]})
    second_share: Range = as_range([0.1, 0.5])
    aspect: Range = as_range({"log": [1.5, 10]})
    tilt_deg: Range = as_range({"choice": [0, 0, 0, 5, 15, 40]})
    elongation: Range = as_range([1.05, 1.8])
    roughness: Range = as_range([0.02, 0.09])
    plate_ratio: Range = as_range([0.12, 0.45])
    bevel: Range = as_range([0, 0.25])
    standing: Range = as_range({"choice": [0, 0, 0.1, 0.4]})
    gap_px: Range = as_range([1, 6])
    group: Range = as_range({"log": [2, 14]})
    closeness: Range = as_range([0.75, 1])
    core: float = 0.15
    core_ratio: Range = as_range([1.5, 3.5])
    overhang: float = 0.35
    cut_by_frame: bool = True

    @model_validator(mode="after")
    def _possible(self) -> Self:
        sizes = [size for size in (self.diameter_px, self.diameter_nm) if size is not None]
        if len(sizes) != 1:
            raise ValueError("give either diameter_px or diameter_nm")
        if sizes[0].low <= 0:
            raise ValueError(f"diameters are positive: {sizes[0].low:g}")
        beyond = []
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if value is None:
                continue
            low, high = (value, value) if isinstance(value, float) else (value.low, value.high)
            if low < least or high > most:
                beyond.append(f"{name} lies from {least:g} to {most:g}, got {low:g} to {high:g}")
        if beyond:
            raise ValueError("; ".join(beyond))
        for name in ("coverage", "layer_coverage"):
            if name in self.model_fields_set:
                self._reachable(name)
        return self

    def _reachable(self, name: str) -> None:
        wanted: Range | None = getattr(self, name)
        laid = [
            one
            for one in self.arrangement.names
            if (one in LAYERS and self.layer_coverage is not None) == (name == "layer_coverage")
        ]
        reached = max((MOST_COVERED[one] for one in laid), default=1.0)
        if wanted is not None and wanted.high > reached:
            raise ValueError(
                f"{name} of {wanted.high:g} is beyond what {' or '.join(laid)} can reach, "
                f"{reached:g}: lower it, or give packed or facets a weight"
            )

    def coverage_of(self, arrangement: str) -> Range:
        """Share that an arrangement covers."""
        if arrangement in LAYERS and self.layer_coverage is not None:
            return self.layer_coverage
        return self.coverage

    def median_px(self, pixel_size_nm: float) -> tuple[float, float]:
        """Least and greatest median diameter in px."""
        if self.diameter_px is not None:
            return self.diameter_px.low, self.diameter_px.high
        assert self.diameter_nm is not None
        return self.diameter_nm.low / pixel_size_nm, self.diameter_nm.high / pixel_size_nm

    def check_field(self, shape: tuple[int, int], pixel_size_nm: float) -> None:
        """Check that particles fit a field before anything is drawn.

        Raises
        ------
        UsageError
            If particles may be larger than the field, or all would be smaller than 3 px.
        """
        low, high = self.median_px(pixel_size_nm)
        if high > min(shape):
            raise UsageError(
                f"particles of {high:g} px do not fit a field of {shape[0]} x {shape[1]} px: lower "
                "their diameter, or enlarge the field or its pixels"
            )
        if low < LEAST_PX:
            raise UsageError(
                f"particles of {low:.2g} px are not resolved, {LEAST_PX:g} px is the least: raise "
                "their diameter or make the pixels smaller"
            )


_LIMITS = {
    "spread": (0.0, 0.8),
    "mixed": (0.0, 1.0),
    "coverage": (0.0, 1.0),
    "layer_coverage": (0.0, 1.0),
    "second": (0.0, 1.0),
    "second_ratio": (0.02, 50.0),
    "second_share": (0.0, 1.0),
    "aspect": (1.0, 30.0),
    "tilt_deg": (0.0, 80.0),
    "elongation": (1.0, 10.0),
    "roughness": (0.0, 0.15),
    "plate_ratio": (0.02, 1.0),
    "bevel": (0.0, 0.8),
    "standing": (0.0, 1.0),
    "gap_px": (0.0, 100.0),
    "group": (1.0, 1000.0),
    "closeness": (0.4, 1.0),
    "core": (0.0, 1.0),
    "core_ratio": (0.5, 20.0),
    "overhang": (0.0, 1.0),
}
