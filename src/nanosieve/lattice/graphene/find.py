"""From an image of graphene to its atoms, bonds, rings and grains: the steps in order."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.lattice.graphene.centres import find_centres
from nanosieve.lattice.graphene.grains import Boundaries, Grains, draw_grains, find_grains
from nanosieve.lattice.graphene.network import Network, dual_network
from nanosieve.lattice.graphene.order import ring_order
from nanosieve.lattice.graphene.refine import Fit, refine
from nanosieve.lattice.graphene.rings import Rings, bonds_within, find_rings
from nanosieve.lattice.graphene.scale import (
    BOND_NM,
    LATTICE_NM,
    LEAST_BOND_PX,
    LatticeScale,
    find_scale,
)
from nanosieve.lattice.graphene.waves import Waves, by_noise, lattice_waves

Contrast = Literal["white", "black"]

# Work goes on at about so many pixels a lattice constant; finer images are averaged.
_WORK_PX = 7
# A given pixel size farther from the lattice's than this cannot be that of graphene; one that is
# farther by less is told.
REFUSED, TOLD = 0.1, 0.01
# Neighbourhood, in lattice constants, in which rings between grains show.
_NARROW = 0.5
# Skewness of a perfect lattice's three waves, and of what is too near none to tell the contrast: of
# 77 simulated sheets two were told wrong, at 0.07 and 0.43.
_SKEW = 12 / 6**1.5
LEAST_SURE = 0.45
# At 0.15 to 0.17 3 to 4 % of the atoms of simulated sheets were wrong, at 0.36 11 % and nearly all
# rings of 5 and 7.
TOO_NOISY = 0.2
# An atom is none, but in a hole, where the energy of the waves is below a share of the usual one
# and some times what noise adds; or below a larger share while the heights around it are low, too.
# At boundaries the energy is a quarter of the usual one in one atom of a hundred.
_ENERGY_SHARE, _NOISES = 0.12, 2.0
_DOUBTED_SHARE, _DOUBTED_NOISES, _HEIGHT_SHARE = 0.2, 3.0, 0.4
# At low doses noise adds so much that it would take the sheet for a hole.
_MOST_NOISE = 0.05
_AROUND_NM = 0.4
_LEAST_PIECE = 6
# Of the median energy of the lattice. On simulated sheets at 1,000 to 9,500 electrons per square
# angstrom vacuum had 0.1 to 0.4 in the median (0.8 at worst), three quarters of the lattice more
# than 0.7.
_BARE = 0.5
# Rounds of taking away atoms that hang on one bond.
_PRUNED = 3


@dataclass(frozen=True)
class Graphene:
    """What was found in an image; places are ``(y, x)`` in px of the image.

    Parameters
    ----------
    scale
        The lattice in pixels, and the pixel size that follows.
    pixel_size_nm
        The given pixel size where there is one, else that of the lattice.
    contrast
        Whether atoms are white or black.
    sureness
        Of the contrast, where it was told from the image: 0 says nothing, 1 is a perfect lattice.
    neighbourhood
        Standard deviation, in lattice constants, of what the image was averaged over.
    chance
        Share of the lattice's energy, after that, that noise puts in.
    network
        Atoms and the bonds between them.
    height
        ``(n,)`` height of each atom above what is around it, relative to the mean image.
    rings
        Closed by the bonds.
    grains, boundaries
        Of one direction of bonds, and where they meet.
    excluded
        ``(e, 2)`` places of atoms in contamination; they have no bonds.
    order, orientation_deg
        ``(y, x)`` float32: order parameter, relative to the mean image, and direction of the bonds.
    """

    scale: LatticeScale
    pixel_size_nm: float
    contrast: Contrast
    sureness: float
    neighbourhood: float
    chance: float
    network: Network
    height: np.ndarray
    rings: Rings
    grains: Grains
    boundaries: Boundaries
    excluded: np.ndarray
    order: np.ndarray
    orientation_deg: np.ndarray


def find_graphene(
    image: np.ndarray,
    *,
    pixel_size_nm: float | None = None,
    contrast: Literal["auto", "white", "black"] = "auto",
    covered: np.ndarray | None = None,
    vacuum: np.ndarray | None = None,
    scale: LatticeScale | None = None,
) -> Graphene:
    """Find the atoms of a sheet of graphene.

    Parameters
    ----------
    image
        ``(y, x)`` finite floats, evenly lit, with a mean of about 1.
    pixel_size_nm
        Where it is known. The lattice is then only checked against it.
    contrast
        Whether atoms are white or black; ``auto`` tells it from the image.
    covered
        ``(y, x)`` bool, contamination: atoms there are kept apart.
    vacuum
        ``(y, x)`` bool, where there are no atoms, unless a lattice is seen there: a network
        mistakes a noisy lattice for none.
    scale
        The lattice, where it has been looked for already.

    Raises
    ------
    UsageError
        If a setting is none of those named, the image no ``(y, x)`` image of finite values, or a
        mask of another shape.
    RefusedInput
        If at the given pixel size the lattice is not that of graphene.
    FailedInput
        If no lattice or no atoms are found, or bonds have less than three pixels.

    Notes
    -----
    After Sadre et al., Microscopy and Microanalysis (2021), and Ophus et al., Phys. Rev. B 92,
    205402 (2015): order parameter, hexagons' middles, atoms as their dual. What is ours: the image
    is filtered for its lattice first, holes in the triangulation are filled, and the atoms are
    refined together, held by the sheet's stiffness.
    """
    _check(image, contrast, covered, vacuum)
    scale = scale or find_scale(image, near_px=expected_px(pixel_size_nm))
    _check_size(scale, pixel_size_nm)
    factor = max(1, int(scale.lattice_px / _WORK_PX))
    work = _averaged(image, factor)
    lattice = scale.lattice_px / factor
    clear = None if covered is None else ~_any(covered, factor)
    waves = lattice_waves(work, lattice, clear=_without(clear, vacuum, factor))
    told, sureness = _contrast(waves, clear)
    chosen: Contrast = told if contrast == "auto" else contrast
    order = ring_order(waves.image, lattice, white=chosen == "white")
    narrow = lattice_waves(work, lattice, neighbourhood=_NARROW).image
    local = ring_order(narrow, lattice, white=chosen == "white")
    dual = dual_network(find_centres(order, lattice, local=local, clear=clear), lattice)
    network, height = _atoms(refine(work, dual, lattice / 3**0.5), waves, lattice, clear)
    if len(network.positions) == 0:
        raise FailedInput(
            "no atoms found: the lattice shows in the transform only; give a sharper image or "
            "average more frames"
        )
    places = _own_pixels(network.positions, factor)
    hidden = _inside(covered, places)
    if vacuum is not None:
        bare = _without_lattice(waves, clear, _any(vacuum, factor))
        vacuum = vacuum & _enlarged(bare, factor, vacuum.shape)
    kept = ~hidden & ~_inside(vacuum, places)
    bonded = bonds_within(places[kept], scale.lattice_px / 3**0.5)
    rings = find_rings(bonded)
    grains = find_grains(rings, scale.lattice_px)
    shape = (image.shape[0], image.shape[1])
    boundaries, orientation = draw_grains(rings, grains, scale.lattice_px, shape)
    return Graphene(
        scale=scale,
        pixel_size_nm=pixel_size_nm or scale.pixel_size_nm,
        contrast=chosen,
        sureness=sureness,
        neighbourhood=waves.neighbourhood,
        chance=waves.chance,
        network=bonded,
        height=height[kept],
        rings=rings,
        grains=grains,
        boundaries=boundaries,
        excluded=places[hidden],
        order=_enlarged(order, factor, shape),
        orientation_deg=orientation,
    )


def _check(
    image: np.ndarray, contrast: str, covered: np.ndarray | None, vacuum: np.ndarray | None
) -> None:
    if contrast not in ("auto", "white", "black"):
        raise UsageError(f"contrast is one of auto, white, black, got {contrast!r}")
    if image.ndim != 2 or not np.isfinite(image).all():
        raise UsageError(f"give one (y, x) image of finite values, got shape {image.shape}")
    for mask in (covered, vacuum):
        if mask is not None and mask.shape != image.shape:
            raise UsageError(
                f"a mask has shape {mask.shape}, the image {image.shape}; they must agree"
            )


def expected_px(pixel_size_nm: float | None) -> float | None:
    """Return graphene's lattice constant in pixels of a known size.

    Raises
    ------
    UsageError
        If the size is not positive.
    FailedInput
        If the pixels are too coarse to look for atoms.

    Examples
    --------
    >>> expected_px(0.0246)
    10.0
    """
    if pixel_size_nm is None:
        return None
    if not 0 < pixel_size_nm < np.inf:
        raise UsageError(f"pixel size must be a positive number of nm, got {pixel_size_nm!r}")
    bond = BOND_NM / pixel_size_nm
    if bond < LEAST_BOND_PX:
        raise FailedInput(
            f"too coarse: at {pixel_size_nm:.4g} nm a pixel a bond of graphene has {bond:.2f} px, "
            f"and at least {LEAST_BOND_PX:g} are needed; give the image at "
            f"{BOND_NM / LEAST_BOND_PX:.4f} nm a pixel or finer"
        )
    return round(LATTICE_NM / pixel_size_nm, 9)


def _check_size(scale: LatticeScale, pixel_size_nm: float | None) -> None:
    if pixel_size_nm is None:
        return
    lattice = scale.lattice_px * pixel_size_nm
    if abs(lattice / LATTICE_NM - 1) > REFUSED:
        raise RefusedInput(
            f"at {pixel_size_nm:.4g} nm a pixel the lattice constant is {lattice:.4f} nm, not "
            f"graphene's {LATTICE_NM} nm; if it is graphene, give --pixel-size "
            f"{scale.pixel_size_nm:.5f}"
        )


def _averaged(image: np.ndarray, factor: int) -> np.ndarray:
    height, width = (n // factor * factor for n in image.shape)
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3)).astype(np.float32)


def _any(mask: np.ndarray, factor: int) -> np.ndarray:
    return _averaged(mask.astype(np.float32), factor) > 0


def _without(clear: np.ndarray | None, vacuum: np.ndarray | None, factor: int) -> np.ndarray | None:
    if vacuum is None:
        return clear
    lattice = ~_any(vacuum, factor)
    return lattice if clear is None else clear & lattice


def _own_pixels(places: np.ndarray, factor: int) -> np.ndarray:
    return (places + 0.5) * factor - 0.5


def _enlarged(values: np.ndarray, factor: int, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (
        np.minimum(np.arange(n) // factor, m - 1) for n, m in zip(shape, values.shape, strict=True)
    )
    return values[rows][:, columns]


def _without_lattice(waves: Waves, clear: np.ndarray | None, said: np.ndarray) -> np.ndarray:
    """Where the waves of the lattice are missing; usual is what they have outside said vacuum."""
    lattice = ~said if clear is None else clear & ~said
    energy = waves.energy
    return energy < _BARE * np.median(energy[lattice] if lattice.any() else energy)


def _contrast(waves: Waves, clear: np.ndarray | None) -> tuple[Contrast, float]:
    """White or black atoms: the middles of hexagons are what stands out, one for two atoms."""
    level = waves.image / np.sqrt(np.maximum(waves.energy, 1e-30))
    if clear is not None and clear.any():
        level = level[clear]
    skew = float((level**3).mean() / max(float((level**2).mean()) ** 1.5, 1e-30))
    return "black" if skew > 0 else "white", min(abs(skew) / _SKEW, 1.0)


def _atoms(
    fit: Fit, waves: Waves, lattice_px: float, clear: np.ndarray | None
) -> tuple[Network, np.ndarray]:
    """Without what was found in holes, and scraps."""
    places = fit.network.positions
    last = np.array(waves.image.shape) - 1
    within = np.asarray(((places > -0.5) & (places < last + 0.5)).all(axis=1))
    if not within.any():
        return fit.network.kept(within), fit.height[within]
    energy = map_coordinates(waves.energy, places.T, order=1, mode="nearest")
    reach = _AROUND_NM / LATTICE_NM * lattice_px
    pairs = cKDTree(places).query_pairs(reach, output_type="ndarray").reshape(-1, 2)
    total, count = fit.height.copy(), np.ones(len(places))
    for one, other in ((0, 1), (1, 0)):
        np.add.at(total, pairs[:, one], fit.height[pairs[:, other]])
        np.add.at(count, pairs[:, one], 1)
    around = total / count
    usual = within if clear is None else within & clear[tuple(_pixels(places, clear.shape))]
    usual = usual if usual.any() else within
    chance = by_noise(fit.noise**2, waves.neighbourhood * lattice_px)
    typical = float(np.median(energy[usual]))
    share, by_chance = energy / typical, min(chance / typical, _MOST_NOISE)
    doubted = share < _DOUBTED_SHARE + _DOUBTED_NOISES * by_chance
    doubted &= around / np.median(fit.height[usual]) < _HEIGHT_SHARE
    hole = doubted | (share < _ENERGY_SHARE + _NOISES * by_chance)
    kept = within & ~hole
    inner = np.asarray(((places > reach) & (places < last - reach)).all(axis=1))
    for _ in range(_PRUNED):
        network = fit.network.kept(kept)
        loose = network.coordination() < 2
        # At the rim of the image the rest of an atom's bonds may be cut off.
        kept[np.flatnonzero(kept)[loose]] &= ~inner[kept][loose]
    network = fit.network.kept(kept)
    large = _large_pieces(network)
    return network.kept(large), fit.height[kept][large]


def _large_pieces(network: Network) -> np.ndarray:
    """``(n,)`` bool: atoms of pieces that could be a ring at least."""
    first, second = network.bonds.T
    count = len(network.positions)
    graph = coo_matrix((np.ones(len(first)), (first, second)), (count, count))
    _, piece = connected_components(graph, directed=False)
    return np.asarray(np.bincount(piece, minlength=1)[piece] >= _LEAST_PIECE)


def _pixels(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(np.rint(places), 0, np.array(shape) - 1).astype(int).T


def _inside(mask: np.ndarray | None, places: np.ndarray) -> np.ndarray:
    if mask is None:
        return np.zeros(len(places), bool)
    return np.asarray(mask, bool)[tuple(_pixels(places, mask.shape))]
