"""Atoms moved to where Gaussians on them explain the image, held by the stiffness of the sheet.

At 4 000 e/A^2 a single atom's Gaussian fits to some 0.02 nm, no better than noise allows. Bonds in
a sheet differ by less than a tenth of that: the fit therefore counts a stretched bond and a bent
angle as it counts a misfit of the image, by the elastic energy of the flat sheet.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from nanosieve.lattice.graphene.network import Network

# Stretching and bending of the flat sheet in eV/nm^2 (Jain et al., J. Phys. Chem. C 119, 9646
# (2015), eq. 1): their ratio says how far an angle gives where a bond gives.
_STRETCHING, _BENDING = 2606.0, 551.1
# Standard deviation of a bond's length, in bonds, that the springs allow for.
_LENGTH_SPREAD = 0.015
_WIDTHS = (0.3, 0.4, 0.5)
# Of pairs whose Gaussians overlap, in widths.
_REACH = 5.0
_STEPS = 60
_FARTHEST = 0.05
# Slow changes that are no atoms: smoothed over so many bonds.
_SLOW = 4.0


@dataclass(frozen=True)
class Fit:
    """Atoms as they explain the image.

    Parameters
    ----------
    network
        At refined positions.
    height
        ``(n,)`` mean of the image under each atom's Gaussian, above what is around it, in units of
        the image: about half its peak. Negative for black atoms.
    width_px
        Standard deviation of the Gaussians.
    noise
        Standard deviation of what the Gaussians do not explain.
    """

    network: Network
    height: np.ndarray
    width_px: float
    noise: float


def refine(image: np.ndarray, network: Network, bond_px: float) -> Fit:
    """Fit Gaussians of one width and height to an image, at atoms held together by springs.

    Parameters
    ----------
    image
        ``(y, x)`` floats, evenly lit.
    network
        Atoms to start from, and the bonds along which springs act.
    bond_px
        Length of a bond at rest.
    """
    flat = (image - gaussian_filter(image, _SLOW * bond_px)).astype(np.float64)
    width, height, noise = _look(flat, network.positions, bond_px)
    gaussians = _Gaussians.of(flat, width)
    image_term = _image_term(gaussians, network.positions, height, noise)
    springs = _Springs.of(network, bond_px)

    def slope(places: np.ndarray) -> np.ndarray:
        return springs.slope(places) + bond_px * image_term(places * bond_px)

    positions = bond_px * _descend(slope, network.positions / bond_px)
    heights = gaussians.at(positions) / (2 * np.pi * width**2)
    return Fit(network.moved(positions), heights, width, noise)


def _descend(slope: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Go down a nearly quadratic energy by steps of Barzilai and Borwein, IMA J. Numer. Anal. 8,
    141 (1988); without matrix products, whose threads wait for each other on a busy machine."""
    here, pull = start, slope(start)
    steepest = float(np.abs(pull).max(initial=0))
    if steepest == 0:
        return here
    step = 1e-3 / steepest
    best, least = here, float((pull**2).sum())
    for _ in range(_STEPS):
        moved = -step * pull
        # No atom goes farther at once than the energy is nearly quadratic.
        moved *= min(1.0, _FARTHEST / max(float(np.abs(moved).max()), 1e-30))
        here = here + moved
        before, pull = pull, slope(here)
        change = pull - before
        bend, size = float((moved * change).sum()), float((change**2).sum())
        step = bend / size if bend > 0 else step / 2
        # Single steps may go up.
        if (pull**2).sum() < least:
            best, least = here, float((pull**2).sum())
        if np.abs(moved).max() < 1e-4:
            break
    return best


@dataclass(frozen=True)
class _Gaussians:
    """The image smoothed by the atoms' Gaussian, from which any misfit follows.

    Written out, the squared misfit is the image's own square, less twice the smoothed image at the
    atoms, plus the overlap of all pairs: nothing has to be drawn.

    Parameters
    ----------
    smoothed
        ``(y, x)`` image times Gaussian, summed about each pixel.
    slopes
        Its derivatives along y and x.
    width
        Standard deviation of the Gaussian in px.
    """

    smoothed: np.ndarray
    slopes: tuple[np.ndarray, ...]
    width: float

    @classmethod
    def of(cls, flat: np.ndarray, width: float, *, slopes: bool = True) -> "_Gaussians":
        area = 2 * np.pi * width**2
        orders = ((0, 0), (1, 0), (0, 1)) if slopes else ((0, 0),)
        smoothed, *found = (
            area * gaussian_filter(flat, width, order=order, mode="constant") for order in orders
        )
        return cls(smoothed, tuple(found), width)

    def at(self, positions: np.ndarray) -> np.ndarray:
        """``(n,)``: sum of the image under the Gaussian at each place."""
        return _between(self.smoothed, positions)

    def slope_at(self, positions: np.ndarray) -> np.ndarray:
        """``(n, 2)``: its derivatives."""
        return np.stack([_between(slope, positions) for slope in self.slopes], axis=1)

    def overlaps(self, apart: np.ndarray) -> np.ndarray:
        """Sum of the product of two Gaussians so far apart, ``(..., 2)``."""
        area = np.pi * self.width**2
        return area * np.exp(-(apart**2).sum(axis=-1) / (4 * self.width**2))


def _between(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return map_coordinates(values, positions.T, order=1, mode="nearest")


def _pairs(positions: np.ndarray, reach_px: float) -> np.ndarray:
    return cKDTree(positions).query_pairs(reach_px, output_type="ndarray").astype(np.int64)


def _look(flat: np.ndarray, positions: np.ndarray, bond_px: float) -> tuple[float, float, float]:
    """Width and height of the Gaussians that explain most, and the noise that is left."""
    marks = _marks(positions, flat.shape)
    best = (np.inf, 0.0, 0.0)
    for width in (share * bond_px for share in _WIDTHS):
        drawn = 2 * np.pi * width**2 * gaussian_filter(marks, width, mode="constant")
        drawn -= gaussian_filter(drawn, _SLOW * bond_px)
        height = float((drawn * flat).sum() / max(float((drawn**2).sum()), 1e-30))
        best = min(best, (float(np.std(flat - height * drawn)), width, height))
    noise, width, height = best
    return width, height, max(noise, 1e-3 * float(np.std(flat)), 1e-12)


def _marks(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """1 at each place, shared among the four pixels around it."""
    marks = np.zeros(shape)
    low = np.floor(positions).astype(np.intp)
    part = positions - low
    for down in (0, 1):
        for right in (0, 1):
            row, column = low[:, 0] + down, low[:, 1] + right
            share = np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
            np.add.at(marks, (row[inside], column[inside]), share[inside])
    return marks


def _image_term(
    gaussians: _Gaussians, positions: np.ndarray, height: float, noise: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Slope of half the squared misfit over the noise's variance."""
    first, second = _pairs(positions, _REACH * gaussians.width).T
    weight = height**2 / noise**2

    def slope(places: np.ndarray) -> np.ndarray:
        apart = places[second] - places[first]
        overlap = gaussians.overlaps(apart)
        push = (-weight / (2 * gaussians.width**2)) * overlap[:, None] * apart
        both = np.concatenate([second, first]), np.concatenate([push, -push])
        pull = height / noise**2 * gaussians.slope_at(places)
        return _scatter(*both, len(places)) - pull

    return slope


@dataclass(frozen=True)
class _Springs:
    """Bonds and angles; lengths in bonds, energy in units of the spread that is allowed for."""

    bonds: np.ndarray
    angles: np.ndarray
    stiffness: float

    @classmethod
    def of(cls, network: Network, bond_px: float) -> "_Springs":
        # What is no bond, where the dual is wrong, must not pull an atom away.
        bonds = network.bonds[network.lengths() < 1.7 * bond_px]
        return cls(bonds, _angles(bonds, len(network.positions)), 1 / (1.5 * _LENGTH_SPREAD**2))

    def slope(self, positions: np.ndarray) -> np.ndarray:
        """``(n, 2)`` slope of ``3/16 (r^2 - 1)^2`` of each bond and ``3/8 b/a (angle - 120)^2``."""
        count = len(positions)
        first, second = self.bonds.T
        along = positions[second] - positions[first]
        pull = 0.75 * ((along**2).sum(axis=1) - 1)[:, None] * along
        slope = _scatter(np.concatenate([second, first]), np.concatenate([pull, -pull]), count)
        left, corner, right = self.angles.T
        one, other = positions[left] - positions[corner], positions[right] - positions[corner]
        cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
        angle = np.arctan2(cross, (one * other).sum(axis=1))
        bent = np.abs(angle) - 2 * np.pi / 3
        turn = (0.75 * _BENDING / _STRETCHING * bent * np.sign(angle))[:, None]
        on_left, on_right = -turn * _turned(one), turn * _turned(other)
        slope += _scatter(
            np.concatenate([left, right, corner]),
            np.concatenate([on_left, on_right, -on_left - on_right]),
            count,
        )
        return self.stiffness * slope


def _angles(bonds: np.ndarray, count: int) -> np.ndarray:
    """Triples (one end, corner, other end) of all pairs of bonds that meet."""
    directed = np.concatenate([bonds, bonds[:, ::-1]])
    directed = directed[np.argsort(directed[:, 0], kind="stable")]
    degree = np.bincount(directed[:, 0], minlength=count)
    start = np.cumsum(degree) - degree
    triples = [np.zeros((0, 3), np.int64)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        corner = np.flatnonzero(degree > second)
        ends = directed[start[corner][:, None] + [first, second], 1]
        triples.append(np.stack([ends[:, 0], corner, ends[:, 1]], axis=1))
    return np.concatenate(triples)


def _turned(arm: np.ndarray) -> np.ndarray:
    """Slope of an arm's direction by the place of its end."""
    length = np.maximum((arm**2).sum(axis=1, keepdims=True), 1e-12)
    return np.stack([-arm[:, 1], arm[:, 0]], axis=1) / length


def _scatter(index: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(index, values[:, k], minlength=count) for k in (0, 1)], axis=1)
