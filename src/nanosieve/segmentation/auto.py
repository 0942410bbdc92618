"""``auto``: which method suits a frame, and why. The same frame always gives the same answer.

The rules, in their order, and the figures that each was taken from: `docs/decisions/0010`.

1. ``edge`` asks for a classical method, ``threshold`` for a network.
2. A lattice is resolved, in more than a few of the bodies: ``graphene`` where a hexagon of peaks at
   its spacing fills the field, else ``hrtem``.
3. Pixels so fine that an amorphous support shows its grain, nothing stands out of it without
   strong smoothing, and hardly any contrast is coarse: ``hrtem`` too, though no lattice is seen.
4. All else: ``particles``.
5. Frames too small for a network go to ``hybrid``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Edge, Segmentation
from nanosieve.lattice.phases import GRAPHENE_NM
from nanosieve.segmentation.look import CLEAR_PX, COARSE_PX, GRAINY_PX, Bodies, Look, look
from nanosieve.segmentation.methods import CLASSICAL, METHODS

PARTICLES, HRTEM, GRAPHENE = "particles", "hrtem", "graphene"
# Pixel sizes at which an amorphous support is seen to be grainy, nm.
_FINE_NM = (0.008, 0.065)
# Width (standard deviation) of an amorphous film's grain at lattice resolution, nm, and the least
# share of the variance that is too coarse for it: of 60 simulated HRTEM images without peaks at
# most 0.07 was coarse, of nine scanned images at such pixels seven had more than 0.09.
_GRAIN_NM, _TOO_COARSE = 0.07, 0.08
# A hexagon fills the field where three of four large tiles show it. Pixel sizes are a few percent
# off, and palladium's (111) is 5 % wider.
_FILLED, _SAME_SPACING = 0.75, 0.04
# Smaller bodies are atoms.
_ATOM_NM = 0.5
# A layer of particles covers more than this.
_LAYER = 0.1
# Down to this side a network was still better than thresholds; smaller ones were not tried.
_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Chosen:
    """A method, and why.

    Parameters
    ----------
    method
        A packaged model, or a classical method.
    reasons
        Parts of a sentence that follow "because"; empty where there was no choice.
    figures
        The figures that decided, plain values.
    flags
        ``out_of_domain`` where the image is too small for a network,
        ``lattice_resolved`` where there is no model for a lattice.
    """

    method: str
    reasons: tuple[str, ...] = ()
    figures: Mapping[str, float | str | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For the report.

        Examples
        --------
        >>> Chosen("particles", ("no lattice is resolved", "particles are dark")).sentence
        'particles (a network), because no lattice is resolved and particles are dark'
        """
        kind = "classical" if self.method in METHODS else "a network"
        return f"{self.method} ({kind}), because {' and '.join(self.reasons)}"

    def told(self, found: Segmentation) -> Segmentation:
        """Add to a segmentation by this method why it was taken."""
        if not self.reasons:
            return found
        why = {"chosen_because": self.sentence, "chosen_from": dict(self.figures)}
        return found.replace(settings={**why, **found.settings}, flags=(*found.flags, *self.flags))


def choose_method(
    image: np.ndarray,
    models: Collection[str],
    *,
    pixel_size_nm: float | None = None,
    exclude: np.ndarray | None = None,
    polarity: str = "auto",
    network: bool | None = None,
    mode: str | None = None,
) -> Chosen:
    """Choose between the packaged models and the classical method.

    Parameters
    ----------
    image
        ``(y, x)`` finite grey values of any real dtype.
    models
        Names of the packaged models.
    pixel_size_nm
        ``None`` where unknown.
    exclude
        ``(y, x)`` bool, pixels that do not count.
    polarity
        As set by the user: ``dark``, ``bright`` or ``auto``.
    network
        ``False`` where only a classical method will do, ``True`` where only a network will.
    mode
        How the image was taken, as its file says: a scanned image has no phase contrast.

    Raises
    ------
    UsageError
        If only a network will do and there is none.

    Examples
    --------
    >>> choose_method(np.zeros((64, 64)), []).method
    'hybrid'
    """
    if network and not models:
        raise UsageError(
            "--threshold is a network's probability and no model is packaged: name one with "
            "--method FILE.onnx, or leave it out"
        )
    if not models:
        return Chosen(CLASSICAL)
    if network is False:
        return Chosen(CLASSICAL, ("an edge rule was asked for, which networks do not take",))
    seen = look(image, pixel_size_nm=pixel_size_nm, exclude=exclude, polarity=polarity)
    if seen is None:
        return Chosen(CLASSICAL, ("nothing in the sampled windows differs",))
    figures = _figures(seen)
    name, reasons = _suited(seen, pixel_size_nm, scanned="STEM" in (mode or "").upper())
    if name not in models:
        reasons.append(f"the network {name}, which would suit it, is not packaged")
        if not network:
            flags = ("lattice_resolved",) if seen.lattice.resolved else ()
            return Chosen(CLASSICAL, tuple(reasons), figures, flags)
        name = PARTICLES if PARTICLES in models else min(models)
    if min(image.shape) < _SMALLEST_SIDE and not network:
        rows, columns = image.shape
        reasons.append(f"the image, {rows} x {columns} px, is too small for a network")
        return Chosen(CLASSICAL, tuple(reasons), figures, ("out_of_domain",))
    return Chosen(name, tuple(reasons), figures)


def wanted(edge: Edge, threshold: float | None) -> bool | None:
    """Whether settings that are of one kind of method alone ask for a network; ``None``: neither.

    Examples
    --------
    >>> wanted("half", None), wanted("base", 0.6), wanted("base", None)
    (False, True, None)
    """
    if edge != "base":
        return False
    return None if threshold is None else True


def _figures(seen: Look) -> dict[str, float | str | None]:
    lattice, bodies = seen.lattice, seen.bodies
    finest = lattice.finest_px
    return {
        "lattice_share": round(lattice.share, 3),
        "finest_spacing_px": None if finest is None else round(finest, 2),
        "hexagonal_share": round(lattice.hexagonal, 2),
        "bodies_sigma_px": round(bodies.sigma_px, 2),
        "bodies_reach": round(bodies.reach, 2),
        "bodies_diameter_px": round(bodies.diameter_px, 1),
        "bodies_coverage": round(bodies.coverage, 3),
        "coarse_share": round(seen.coarse, 2),
        "polarity": bodies.polarity,
    }


def _suited(seen: Look, pixel_size_nm: float | None, *, scanned: bool) -> tuple[str, list[str]]:
    """The model for what is seen, and why."""
    if scanned:
        return PARTICLES, ["the file says that it is a scanned image", _about_bodies(seen.bodies)]
    if seen.lattice.resolved:
        return _with_lattice(seen, pixel_size_nm)
    if pixel_size_nm is not None and _is_grain(seen, pixel_size_nm):
        return HRTEM, [
            f"pixels of {pixel_size_nm:.3g} nm resolve a lattice though none is seen",
            "nothing stands out of the grain of the support",
        ]
    return PARTICLES, ["no lattice is resolved", _about_bodies(seen.bodies)]


def _with_lattice(seen: Look, pixel_size_nm: float | None) -> tuple[str, list[str]]:
    spacing = _spacing(seen, pixel_size_nm)
    if _is_graphene(seen, pixel_size_nm):
        return GRAPHENE, [f"a lattice is resolved ({spacing}) whose hexagons fill the field"]
    peaks = f"Bragg peaks are seen ({spacing}) but"
    if seen.of_mass:
        return PARTICLES, [f"{peaks} most contrast is of mass", _about_bodies(seen.bodies)]
    if seen.stands_out:
        return PARTICLES, [f"{peaks} not all over the particles", _about_bodies(seen.bodies)]
    return HRTEM, [f"a lattice is resolved ({spacing})"]


def _is_grain(seen: Look, pixel_size_nm: float) -> bool:
    """Whether an image without fringes is one of an amorphous support at lattice resolution."""
    bodies = seen.bodies
    stand_out = (
        bodies.separate
        and bodies.sigma_px < GRAINY_PX
        and bodies.diameter_px * pixel_size_nm > _ATOM_NM
    )
    fine = _FINE_NM[0] <= pixel_size_nm <= _FINE_NM[1]
    grain = (_GRAIN_NM / pixel_size_nm) ** 2
    # What is left of such grain, and half as much again, where pixels are fine.
    most = max(_TOO_COARSE, 1.5 * grain / (grain + COARSE_PX**2))
    return fine and not seen.of_mass and seen.coarse < most and not stand_out


def _is_graphene(seen: Look, pixel_size_nm: float | None) -> bool:
    lattice, bodies = seen.lattice, seen.bodies
    if lattice.hexagon_px is None or lattice.hexagonal < _FILLED:
        return False
    if pixel_size_nm is None:
        # A dense layer of particles has hexagons too.
        layer = bodies.sigma_px < CLEAR_PX and bodies.coverage > _LAYER
        return not (bodies.separate and layer)
    # Of the first-order spots.
    spacing = 3**0.5 / 2 * GRAPHENE_NM
    return abs(lattice.hexagon_px * pixel_size_nm / spacing - 1) < _SAME_SPACING


def _spacing(seen: Look, pixel_size_nm: float | None) -> str:
    spacing = seen.lattice.hexagon_px or float(np.median(seen.lattice.spacings_px))
    size = "" if pixel_size_nm is None else f", {spacing * pixel_size_nm:.3g} nm"
    return f"spacing {spacing:.3g} px{size}"


def _about_bodies(bodies: Bodies) -> str:
    # Their diameter at the smoothing that shows them best may be that of lumps of the support.
    if not bodies.separate:
        return "nothing stands out clearly"
    return f"particles are {bodies.polarity} on their support"
