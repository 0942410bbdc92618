"""Electrons that thermal vibrations scatter out of the image.

Debye-Waller damping alone leaves them in the transmitted beam, so that heavy particles off a zone
axis would be no darker than their support. Here those scattered beyond the angle that multislice
keeps are taken out; those below it stay in the beam. For an atom of an Einstein crystal their
cross-section is the integral of ``(sigma V(k))^2 (1 - exp(-B k^2 / 2))`` over the plane of k, to
first order (Bird and King, Acta Cryst. A46 (1990) 202). What is approximate: all of it is taken out
at once behind the specimen, over a Gaussian of 0.05 nm around each atom; channelling along columns
makes no difference.
"""

from collections.abc import Mapping

import numpy as np

from nanosieve.simulation.extra import need_extra
from nanosieve.simulation.wave.optics import interaction_constant
from nanosieve.simulation.wave.potential import ANGSTROM, Grid, projected, transfer_of_spline

_WIDTH_NM = 0.05

# Beyond, at 1/nm, no element scatters noticeably.
_FURTHEST = 300.0


def lost_area_nm2(
    number: int, *, debye_waller: float, energy_kv: float, kept_per_nm: float
) -> float:
    """Cross-section of an atom for thermal scattering beyond a spatial frequency.

    Parameters
    ----------
    number
        Atomic number.
    debye_waller
        Factor B in square angstrom.
    energy_kv
        Of the electrons.
    kept_per_nm
        Up to which frequency electrons stay.

    Returns
    -------
    float
        In nm^2.
    """
    need_extra()
    from abtem.parametrizations import LobatoParametrization
    from ase.data import chemical_symbols

    k = np.linspace(kept_per_nm, _FURTHEST, 4000)
    # abTEM annotates its functions wrongly.
    factor = LobatoParametrization().projected_scattering_factor(chemical_symbols[number])
    squared = (k * ANGSTROM) ** 2
    amplitude = interaction_constant(energy_kv) * factor(squared) * ANGSTROM**3  # type: ignore[misc]
    thermal = 1 - np.exp(-debye_waller * squared / 2)
    return float(np.trapezoid(2 * np.pi * k * amplitude**2 * thermal, k))


def amplitude_passed(
    positions: np.ndarray,
    numbers: np.ndarray,
    grid: Grid,
    debye_waller: Mapping[int, float],
    energy_kv: float,
) -> np.ndarray:
    """Share of the amplitude that is left behind all atoms.

    Parameters
    ----------
    positions, numbers
        ``(n, 3)`` x, y, z in nm; ``(n,)`` atomic numbers.
    grid
        Of the wave.
    debye_waller
        Factor B in square angstrom by atomic number; elements left out absorb nothing.
    energy_kv
        Of the electrons.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32, at most 1: the intensity that each atom takes is its cross-section.
    """
    ky, kx = grid.frequencies()
    area = grid.sampling_nm[0] * grid.sampling_nm[1]
    shape = np.exp(-2 * (np.pi * _WIDTH_NM) ** 2 * (ky**2 + kx**2)) / transfer_of_spline(grid)
    factors = {}
    for number in map(int, np.unique(numbers)):
        lost = lost_area_nm2(
            number,
            debye_waller=debye_waller.get(number, 0.0),
            energy_kv=energy_kv,
            kept_per_nm=grid.kept_per_nm,
        )
        factors[number] = (0.5 * lost / area * shape).astype(np.float32)
    # Rounding leaves some -1e-8 of vacuum.
    return np.exp(-np.maximum(projected(positions, numbers, grid, factors), 0))
