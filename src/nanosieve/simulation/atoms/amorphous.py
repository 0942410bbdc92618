"""Amorphous carbon and silicon nitride: random networks without any hidden lattice.

Atoms start at random. Again and again, each atom's nearest partners, as many as it has bonds, are
drawn to the bond length and all others pushed beyond the second neighbours' distance; at last close
pairs are pushed apart. This gives the first peak of the pair distribution, the gap behind it and
the second peak; rings and medium-range order are not modelled.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Self

import numpy as np
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError

# A block is made once per process from this seed; structures differ by how it is cut and joined.
_BLOCK_SEED = 7
_BLOCK_NM = 6.0
_NETWORK_ROUNDS = 25
_PUSH_ROUNDS = 10
# Films are joined of pieces about this wide, their faces uneven by up to the reach; a piece with
# its faces fits the block.
_PIECE_NM = 4.8
_REACH_NM = 0.6
_WAVE_NM = 2.5
_WAVES = 4
# Atoms that are moved where pieces are joined lie this near to the seam.
_SEAM_NM = 0.35


@dataclass(frozen=True, eq=False)
class Glass:
    """What an amorphous material is made of.

    Parameters
    ----------
    numbers
        ``(k,)`` atomic numbers.
    shares
        ``(k,)`` shares of the atoms.
    bonds
        ``(k,)`` bonds an atom of each kind has.
    bond_nm
        Bond length.
    bonded
        ``(k, k)`` which kinds bond to each other.
    apart_nm, closest_nm
        ``(k, k)`` distances that atoms without a bond keep while the network forms, and below
        which any two are pushed apart at last.
    densest_g_cm3
        Density of the blocks. Lower ones are had by leaving atoms out at random, which changes
        nothing in the pair distribution.
    grams_per_mole
        ``(k,)`` molar masses.
    """

    numbers: np.ndarray
    shares: np.ndarray
    bonds: np.ndarray
    bond_nm: float
    bonded: np.ndarray
    apart_nm: np.ndarray
    closest_nm: np.ndarray
    densest_g_cm3: float
    grams_per_mole: np.ndarray

    @property
    def atoms_per_nm3(self) -> float:
        """Number density of the blocks."""
        return self.densest_g_cm3 * 602.214 / float(self.shares @ self.grams_per_mole)


# First peak of g(r) near 0.142 nm, second near 0.25 nm: Li and Lannin, Phys. Rev. Lett. 65 (1990)
# 1905 (evaporated carbon). Si-N 0.173 nm, Si-Si 0.30 nm, N-N 0.28 nm: Misawa et al., J. Non-Cryst.
# Solids 34 (1979) 313.
GLASSES: dict[str, Glass] = {
    "carbon": Glass(
        numbers=np.array([6]), shares=np.array([1.0]), bonds=np.array([3]), bond_nm=0.142,
        bonded=np.array([[True]]), apart_nm=np.array([[0.235]]), closest_nm=np.array([[0.136]]),
        densest_g_cm3=2.2, grams_per_mole=np.array([12.011]),
    ),
    "nitride": Glass(
        numbers=np.array([14, 7]), shares=np.array([3 / 7, 4 / 7]), bonds=np.array([4, 3]),
        bond_nm=0.173, bonded=np.array([[False, True], [True, False]]),
        apart_nm=np.array([[0.27, 0.25], [0.25, 0.25]]),
        closest_nm=np.array([[0.25, 0.169], [0.169, 0.23]]),
        densest_g_cm3=3.2, grams_per_mole=np.array([28.085, 14.007]),
    ),
}  # fmt: skip
"""Amorphous supports by name."""


def slab(
    material: str, size_nm: tuple[float, float, float], *, density_g_cm3: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Fill a box with an amorphous material, periodic in x and y.

    Pieces of one block, each shifted, flipped and turned at random, are joined along uneven faces
    and close pairs at the seams pushed apart, so that nothing repeats.

    Parameters
    ----------
    material
        ``carbon`` or ``nitride``.
    size_nm
        x, y, z.
    density_g_cm3
        At most that of the blocks, see `GLASSES`.

    Returns
    -------
    ``(n, 3)`` positions in nm and ``(n,)`` atomic numbers.

    Raises
    ------
    UsageError
        If the material is unknown or the density beyond the blocks'.

    Examples
    --------
    >>> positions, numbers = slab(
    ...     "carbon", (4.0, 4.0, 4.0), density_g_cm3=2.0, rng=np.random.default_rng(0)
    ... )
    >>> bool(np.isclose(len(positions) * 12.011 / 602.214 / 64, 2.0, rtol=0.02))
    True
    """
    if material not in GLASSES:
        raise UsageError(f"unknown support {material}; there are {', '.join(GLASSES)}")
    glass = GLASSES[material]
    if not 0 < density_g_cm3 <= glass.densest_g_cm3:
        raise UsageError(
            f"{material} is made up to {glass.densest_g_cm3} g/cm3, not {density_g_cm3}; "
            "lower the density"
        )
    size = np.array(size_nm, float)
    seams = _Seams.draw(size, rng)
    pieces = [
        _piece(material, np.array(corner), seams, rng)
        for corner in product(*[range(count) for count in seams.counts])
    ]
    positions, kind, apart = (np.concatenate(each) for each in zip(*pieces, strict=True))
    kept = rng.random(len(kind)) < density_g_cm3 / glass.densest_g_cm3
    positions, kind, apart = positions[kept], kind[kept], apart[kept]
    _heal(positions, kind, glass, near=apart < _SEAM_NM, size=size)
    inside = (positions[:, 2] >= 0) & (positions[:, 2] < size[2])
    return positions[inside], glass.numbers[kind[inside]]


@lru_cache(maxsize=4)
def block(material: str) -> tuple[np.ndarray, np.ndarray]:
    """Make the cubic block of a material, periodic on all sides; made once per process.

    Returns
    -------
    ``(3, n)`` float32 positions in nm and ``(n,)`` indices of the kinds of atoms.
    """
    glass = GLASSES[material]
    rng = np.random.default_rng(_BLOCK_SEED)
    box = np.full(3, _BLOCK_NM)
    total = round(glass.atoms_per_nm3 * _BLOCK_NM**3)
    kind = np.repeat(np.arange(len(glass.shares)), np.round(glass.shares * total).astype(int))
    positions = rng.uniform(0, 1, (len(kind), 3)) * box
    for _ in range(_NETWORK_ROUNDS):
        _form_network(positions, kind, glass, box)
    _push_apart(positions, kind, glass, box)
    # Static disorder of bond lengths, and no two atoms at exactly one distance.
    positions += rng.normal(0, 0.003, positions.shape)
    return np.ascontiguousarray((positions % box).T, np.float32), kind


def _form_network(positions: np.ndarray, kind: np.ndarray, glass: Glass, box: np.ndarray) -> None:
    """Draw each atom's nearest partners to the bond length and push all others away."""
    pairs, away, distance = _pairs(positions, box, float(glass.apart_nm.max()))
    first, second = kind[pairs[:, 0]], kind[pairs[:, 1]]
    allowed = glass.bonded[first, second]
    rank_first, rank_second = _ranks(pairs, np.where(allowed, distance, np.inf))
    bond = allowed & (rank_first < glass.bonds[first]) & (rank_second < glass.bonds[second])
    goal = np.where(bond, glass.bond_nm, glass.apart_nm[first, second])
    # Bonds are stiff; a far partner is not drawn in at once; many others push, so each a little.
    stiffness = np.where(bond, np.where(distance > 1.4 * glass.bond_nm, 0.3, 0.5), 0.15)
    wrong = np.where(bond, goal - distance, np.maximum(goal - distance, 0))
    _move(positions, pairs, away * (wrong * stiffness / np.maximum(distance, 1e-6))[:, None])
    positions %= box


def _push_apart(positions: np.ndarray, kind: np.ndarray, glass: Glass, box: np.ndarray) -> None:
    """Move pairs that are too close to their least distance, in place."""
    # Neighbours are looked up once: few atoms move by as much as 0.04 nm.
    pairs, away, distance = _pairs(positions, box, float(glass.closest_nm.max()) + 0.04)
    least = glass.closest_nm[kind[pairs[:, 0]], kind[pairs[:, 1]]]
    near = distance < least + 0.04
    pairs, away, least = pairs[near], away[near], least[near]
    around = positions[pairs[:, 0]] - positions[pairs[:, 1]] - away
    for _ in range(_PUSH_ROUNDS):
        away = positions[pairs[:, 0]] - positions[pairs[:, 1]] - around
        distance = np.sqrt(np.einsum("ij,ij->i", away, away))
        factor = np.maximum(least - distance, 0) * 0.5 / np.maximum(distance, 1e-6)
        _move(positions, pairs, away * factor[:, np.newaxis])
    positions %= box


def _pairs(
    positions: np.ndarray, box: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs within a distance in a periodic box, the vectors between them, their lengths."""
    pairs = cKDTree(positions, boxsize=box, leafsize=8).query_pairs(reach, output_type="ndarray")
    away = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    away -= box * np.round(away / box)
    return pairs, away, np.sqrt(np.einsum("ij,ij->i", away, away))


def _ranks(pairs: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of an atom's other pairs are shorter, for both atoms of each pair."""
    atoms = pairs.T.reshape(-1)
    order = np.lexsort((np.tile(distance, 2), atoms))
    in_order = atoms[order]
    rank = np.empty(len(atoms), int)
    rank[order] = np.arange(len(atoms)) - np.searchsorted(in_order, in_order)
    return rank[: len(pairs)], rank[len(pairs) :]


def _move(positions: np.ndarray, pairs: np.ndarray, step: np.ndarray) -> None:
    """Move the first atom of each pair by a step and the second by its opposite."""
    for axis in range(3):
        positions[:, axis] += np.bincount(pairs[:, 0], step[:, axis], len(positions))
        positions[:, axis] -= np.bincount(pairs[:, 1], step[:, axis], len(positions))


@dataclass(frozen=True, eq=False)
class _Seams:
    """Uneven faces along which pieces are joined: even ones would show in a diffractogram.

    ``size`` and ``counts`` (3,) are the box and the pieces along each axis; a point belongs to
    the piece that it would lie in after a shift by a sum of waves that fit the box.
    """

    size: np.ndarray
    counts: np.ndarray
    waves: np.ndarray
    phases: np.ndarray

    @classmethod
    def draw(cls, size: np.ndarray, rng: np.random.Generator) -> Self:
        longest = np.maximum(1, np.floor(size / _WAVE_NM)).astype(int)
        orders = rng.integers(-longest, longest + 1, (3 * _WAVES, 3))
        phases = rng.uniform(0, 2 * np.pi, 3 * _WAVES)
        return cls(
            size,
            np.ceil(size / _PIECE_NM).astype(int),
            # Single precision: cosines are most of the work.
            (2 * np.pi * orders / size).astype(np.float32),
            phases.astype(np.float32)[:, np.newaxis],
        )

    def locate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell which piece ``(3, n)`` points belong to, and how near they are to a seam.

        Returns the piece's number along each axis, ``(3, n)``, and about the distance in nm.
        """
        waves = np.cos(self.waves @ points + self.phases).reshape(3, _WAVES, -1)
        window = (self.size / self.counts).astype(np.float32)[:, np.newaxis]
        steps = (points + waves.sum(axis=1) * np.float32(_REACH_NM / _WAVES)) / window
        faces = np.rint(steps)
        apart = np.abs(steps - faces) * window
        # The surfaces of the film are no seams.
        apart[2, (faces[2] < 1) | (faces[2] > self.counts[2] - 1)] = np.inf
        numbers = np.floor(steps)
        numbers[2] = np.clip(numbers[2], 0, self.counts[2] - 1)
        return numbers, apart.min(axis=0)


def _piece(
    material: str, corner: np.ndarray, seams: _Seams, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut one piece out of the block after shifting, flipping and transposing it at random.

    Returns ``(n, 3)`` positions, kinds, and distances from the seams.
    """
    positions, kind = block(material)
    turn, start = rng.permutation(3), rng.uniform(0, _BLOCK_NM, 3)
    signs = rng.choice([-1, 1], 3)
    window = seams.size / seams.counts
    moved = np.empty((3, len(kind)), np.float32)
    for axis in range(3):
        moved[axis] = positions[turn[axis]] * signs[axis] + start[axis]
    moved -= _BLOCK_NM * np.floor(moved / _BLOCK_NM)
    near = (moved < (window + 2 * _REACH_NM)[:, np.newaxis]).all(axis=0)
    placed = moved[:, near] + (corner * window - _REACH_NM).astype(np.float32)[:, np.newaxis]
    numbers, apart = seams.locate(placed)
    inside = (numbers == corner[:, np.newaxis]).all(axis=0)
    inside &= (placed[2] >= 0) & (placed[2] < seams.size[2])
    cut = placed[:, inside].astype(float).T
    cut[:, :2] %= seams.size[:2]
    return cut, kind[near][inside], apart[inside]


def _heal(
    positions: np.ndarray, kind: np.ndarray, glass: Glass, *, near: np.ndarray, size: np.ndarray
) -> None:
    """Push close pairs of those atoms that are ``near`` seams apart, in place."""
    # Room above and below, so that nothing wraps around in z.
    lift = np.array([0, 0, 0.5])
    part = positions[near] + lift
    _push_apart(part, kind[near], glass, np.array([size[0], size[1], size[2] + 1.0]))
    positions[near] = part - lift
