"""Projected potential of atoms, slice by slice, with thermal smearing.

Every atom's infinite projection goes into the slice in which its centre lies. Its delta function
is spread over 4 x 4 grid points by the cubic B-spline, whose transfer is divided out again in
Fourier space, so that positions between grid points count exactly (to 1 % at the edge of the band
that multislice keeps, far better below). Debye-Waller damping multiplies the scattering factor by
``exp(-B k^2 / 4)``: each slice is smeared with the Gaussian of the atoms' vibration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft

from nanosieve.simulation.extra import need_extra

PASSED = 2 / 3
"""Share of the Nyquist frequency that multislice keeps, so that products do not alias."""

ANGSTROM = 0.1


def grid_shape(cell: tuple[float, float, float], sampling_nm: float) -> tuple[int, int]:
    """Rows and columns of a grid at most ``sampling_nm`` apart that Fourier transforms like.

    Examples
    --------
    >>> grid_shape((12.5, 11.9, 8.0), 0.02)
    (600, 640)
    """
    return _fast_length(cell[1] / sampling_nm), _fast_length(cell[0] / sampling_nm)


def _fast_length(least: float) -> int:
    """Smallest multiple of 8 of no prime factor above 7 that is not below ``least``.

    Multiples of 256 are left out: FFTW's estimated plans take several times as long for them.
    """
    length = 8 * max(1, int(np.ceil(least / 8 - 1e-9)))
    while _rest(length) > 1 or length % 256 == 0:
        length += 8
    return length


def _rest(number: int) -> int:
    """What is left of a number after dividing by 2, 3, 5 and 7; 1 if that is all."""
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number


@dataclass(frozen=True)
class Grid:
    """A periodic grid over a cell.

    Parameters
    ----------
    shape
        Rows and columns.
    sampling_nm
        Of rows and columns.
    """

    shape: tuple[int, int]
    sampling_nm: tuple[float, float]

    @classmethod
    def over(cls, cell: tuple[float, float, float], sampling_nm: float) -> "Grid":
        """Lay a grid over the cell ``(x, y, z)``."""
        shape = grid_shape(cell, sampling_nm)
        return cls(shape, (cell[1] / shape[0], cell[0] / shape[1]))

    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """ky ``(y, 1)`` and kx ``(1, x / 2 + 1)`` in 1/nm of a real image's transform."""
        ky = fft.fftfreq(self.shape[0], self.sampling_nm[0])
        return ky[:, None], fft.rfftfreq(self.shape[1], self.sampling_nm[1])[None]

    @property
    def kept_per_nm(self) -> float:
        """Highest frequency that multislice keeps on it."""
        return PASSED / (2 * max(self.sampling_nm))


def transfer_of_spline(grid: Grid) -> np.ndarray:
    """Transfer of the spline that spreads atoms over grid points, ``(y, x / 2 + 1)``."""
    ky, kx = grid.frequencies()
    product = np.sinc(ky * grid.sampling_nm[0]) * np.sinc(kx * grid.sampling_nm[1])
    return np.asarray(product**4)


def scattering_factors(
    numbers: np.ndarray, grid: Grid, debye_waller: Mapping[int, float]
) -> dict[int, np.ndarray]:
    """Spectrum of each element's projected potential on a grid, in V nm for one atom.

    Parameters
    ----------
    numbers
        Atomic numbers that occur.
    grid
        Of the slices.
    debye_waller
        Factor B in square angstrom by atomic number; elements left out are not smeared.

    Returns
    -------
    dict
        ``(y, x / 2 + 1)`` float32 by atomic number, zero beyond what multislice keeps, divided
        by the transfer of the spline that spreads the atoms.
    """
    need_extra()
    from abtem.parametrizations import LobatoParametrization
    from ase.data import chemical_symbols

    ky, kx = grid.frequencies()
    squared = ky**2 + kx**2
    kept = np.sqrt(squared) <= grid.kept_per_nm
    spline = transfer_of_spline(grid)
    # V angstrom^3, as abTEM gives it, to V nm^3, over the area of a pixel.
    unit = ANGSTROM**3 / (grid.sampling_nm[0] * grid.sampling_nm[1])
    # Lobato and Van Dyck, Acta Cryst. A70 (2014) 636.
    # abTEM annotates its functions wrongly.
    parametrisation: Any = LobatoParametrization()
    factors = {}
    for number in np.unique(numbers):
        factor = parametrisation.projected_scattering_factor(chemical_symbols[number])
        values = factor(squared * ANGSTROM**2)
        values *= np.exp(-debye_waller.get(int(number), 0.0) * squared * ANGSTROM**2 / 4)
        factors[int(number)] = (values * kept / spline * unit).astype(np.float32)
    return factors


def potential_slices(
    positions: np.ndarray,
    numbers: np.ndarray,
    edges: np.ndarray,
    grid: Grid,
    factors: Mapping[int, np.ndarray],
) -> Iterator[np.ndarray]:
    """Projected potential of each slice.

    Parameters
    ----------
    positions, numbers
        ``(n, 3)`` x, y, z in nm and ``(n,)`` atomic numbers; atoms outside the cell are wrapped
        in x and y.
    edges
        Of the slices in nm, ascending; all atoms lie between the first and the last.
    grid, factors
        As made by `scattering_factors`.

    Yields
    ------
    numpy.ndarray
        ``(y, x)`` float32, in the unit of the factors.
    """
    order = np.argsort(positions[:, 2], kind="stable")
    positions, numbers = positions[order], numbers[order]
    ends = np.searchsorted(positions[:, 2], edges[1:], side="left")
    ends[-1] = len(positions)
    begin = 0
    for end in ends:
        spectrum = np.zeros((grid.shape[0], grid.shape[1] // 2 + 1), np.complex64)
        within = numbers[begin:end]
        for number in np.unique(within):
            places = positions[begin:end][within == number]
            spectrum += factors[int(number)] * fft.rfft2(_spread(places, grid))
        yield fft.irfft2(spectrum, s=grid.shape)
        begin = end


def projected(
    positions: np.ndarray, numbers: np.ndarray, grid: Grid, factors: Mapping[int, np.ndarray]
) -> np.ndarray:
    """All atoms in one slice; see `potential_slices`."""
    edges = np.array([-np.inf, np.inf])
    return next(potential_slices(positions, numbers, edges, grid, factors))


def _spread(positions: np.ndarray, grid: Grid) -> np.ndarray:
    """Add up the atoms' delta functions as cubic B-splines; ``(y, x)`` float32."""
    rows, row_weights = _spline(positions[:, 1] / grid.sampling_nm[0], grid.shape[0])
    columns, column_weights = _spline(positions[:, 0] / grid.sampling_nm[1], grid.shape[1])
    places = rows[:, :, None] * grid.shape[1] + columns[:, None, :]
    weights = row_weights[:, :, None] * column_weights[:, None, :]
    size = grid.shape[0] * grid.shape[1]
    flat = np.bincount(places.ravel(), weights.ravel(), minlength=size)
    return flat.astype(np.float32).reshape(grid.shape)


def _spline(places: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Four grid points around each place, wrapped, and the cubic B-spline's weights on them."""
    below = np.floor(places)
    part = places - below
    rest = 1 - part
    weights = np.stack(
        [
            rest**3 / 6,
            2 / 3 - part**2 + part**3 / 2,
            2 / 3 - rest**2 + rest**3 / 2,
            part**3 / 6,
        ],
        axis=1,
    )
    points = (below.astype(np.int64)[:, None] + np.arange(-1, 3)) % length
    return points, weights
