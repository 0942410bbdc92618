"""The wave that leaves a specimen, by abTEM's multislice.

What is approximate: electrons that excite the specimen (plasmons) are imaged like all others, which
the contrast factor of the optics makes up for in part. Of those that one atom scatters beyond what
the grid keeps (33 mrad at 300 kV and 0.02 nm), the thermally scattered ones are lost, as in an
aperture of that size (`nanosieve.simulation.wave.absorption`), the others stay in the beam.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from nanosieve.core.errors import UsageError
from nanosieve.simulation.extra import need_extra
from nanosieve.simulation.section import Section
from nanosieve.simulation.wave.absorption import amplitude_passed
from nanosieve.simulation.wave.optics import (
    OpticsSettings,
    interaction_constant,
    wavelength_nm,
)
from nanosieve.simulation.wave.potential import (
    ANGSTROM,
    PASSED,
    Grid,
    potential_slices,
    projected,
    scattering_factors,
)

_REPEATABLE = {
    "precision": "float32",
    "fft": "fftw",
    "fftw.planning_effort": "FFTW_ESTIMATE",
    "fftw.threads": 1,
    "diagnostics.progress_bar": False,
    "diagnostics.task_progress": False,
    "dask.lazy": False,
}
"""Plans that FFTW times by trial differ from run to run, and so do the last bits."""

_CALCIUM = 20

# So many slices are held at a time: 26 MB at 640 x 640.
_BLOCK = 16


class MultisliceSettings(Section):
    """How finely waves are computed.

    Parameters
    ----------
    sampling_nm
        Upper limit of the grid's spacing; at 0.02 nm scattering up to 33 mrad is kept at 300 kV.
    slice_nm
        Upper limit of the slices' thickness where there are atoms heavier than calcium.
    light_slice_nm
        The same where there are only lighter ones.
    frozen_phonons
        If positive, so many configurations of displaced atoms instead of Debye-Waller damping.
    """

    sampling_nm: float = Field(default=0.02, gt=0, le=0.05)
    slice_nm: float = Field(default=0.2, gt=0, le=1)
    light_slice_nm: float = Field(default=0.4, gt=0, le=1)
    frozen_phonons: int = Field(default=0, ge=0)


def check_aperture(optics: OpticsSettings, how: MultisliceSettings, *, name: str) -> None:
    """Check that multislice keeps all beams that an aperture passes.

    Parameters
    ----------
    optics, how
        Settings of the lens and of the multislice.
    name
        Of the lens's table in a settings file.

    Raises
    ------
    ValueError
        If it does not, with the sampling that would.
    """
    kept = largest_angle_mrad(optics.energy_kv.high, how.sampling_nm)
    if optics.aperture_mrad is None or optics.aperture_mrad.high <= kept:
        return
    needed = how.sampling_nm * kept / optics.aperture_mrad.high
    raise ValueError(
        f"an aperture of {optics.aperture_mrad.high:g} mrad in {name} passes more than multislice "
        f"keeps ({kept:.3g} mrad at {optics.energy_kv.high:g} kV): make sampling_nm "
        f"{np.floor(1e4 * needed) / 1e4:g} or less, or the aperture smaller"
    )


class Atoms(Protocol):
    """What is needed of a specimen."""

    @property
    def positions(self) -> np.ndarray:
        """``(n, 3)`` x, y, z in nm; y grows downwards, the beam runs along +z."""

    @property
    def numbers(self) -> np.ndarray:
        """``(n,)`` atomic numbers."""

    @property
    def cell(self) -> tuple[float, float, float]:
        """Lengths along x, y, z in nm; periodic in x and y."""


@dataclass(frozen=True)
class Wave:
    """A wave behind a specimen.

    Parameters
    ----------
    values
        complex64 ``(y, x)``, or ``(k, y, x)`` of as many frozen phonons; incident amplitude 1.
    sampling_nm
        Of rows and columns; the first sample lies at the cell's corner.
    energy_kv
        Of the electrons.
    """

    values: np.ndarray
    sampling_nm: tuple[float, float]
    energy_kv: float


def largest_angle_mrad(energy_kv: float, sampling_nm: float) -> float:
    """Half-angle up to which a multislice keeps scattered electrons.

    Examples
    --------
    >>> round(largest_angle_mrad(300, 0.02), 1)
    32.8
    """
    return 1000 * wavelength_nm(energy_kv) * PASSED / (2 * sampling_nm)


def check_device(device: str) -> None:
    """Check that a device can be computed on.

    Raises
    ------
    UsageError
        If it is neither ``cpu`` nor ``gpu``, or the GPU's package is missing.
    """
    if device not in ("cpu", "gpu"):
        raise UsageError(f"unknown device {device}: give cpu or gpu")
    if device == "gpu" and find_spec("cupy") is None:
        raise UsageError(
            "multislice on a GPU needs CuPy: pip install the cupy wheel of your CUDA version, "
            "such as cupy-cuda12x, or choose --device cpu"
        )


def exit_wave(
    atoms: Atoms,
    *,
    energy_kv: float,
    debye_waller: Mapping[int, float],
    settings: MultisliceSettings | None = None,
    rng: np.random.Generator | None = None,
    device: str = "cpu",
) -> Wave:
    """Propagate a plane wave through atoms.

    The same input gives the same bits on one machine: one thread, FFTW's plans estimated rather
    than timed.

    Parameters
    ----------
    atoms
        Positions, numbers and the cell, periodic in x and y.
    energy_kv
        Of the electrons.
    debye_waller
        Factors B in square angstrom by atomic number; others do not vibrate.
    settings
        How fine; by default 0.02 nm and slices of 0.2 nm, of 0.4 nm where all atoms are light.
    rng
        Draws the displacements of frozen phonons.
    device
        ``cpu``, or ``gpu`` where CuPy is installed.

    Returns
    -------
    Wave
        Behind the last atom.

    Raises
    ------
    UsageError
        If abTEM or, for a GPU, CuPy is missing.
    """
    need_extra()
    check_device(device)
    how = settings if settings is not None else MultisliceSettings()
    grid = Grid.over(atoms.cell, how.sampling_nm)
    if how.frozen_phonons:
        drawn = rng if rng is not None else np.random.default_rng(0)
        configurations = [_displaced(atoms, debye_waller, drawn) for _ in range(how.frozen_phonons)]
        factors = scattering_factors(atoms.numbers, grid, {})
    else:
        configurations = [atoms.positions]
        factors = scattering_factors(atoms.numbers, grid, debye_waller)
    waves = []
    for positions in configurations:
        if not len(positions):
            waves.append(np.ones(grid.shape, np.complex64))
            continue
        edges = _edges(positions[:, 2], atoms.numbers, how)
        slices = potential_slices(positions, atoms.numbers, edges, grid, factors)
        waves.append(_multislice(slices, np.diff(edges), grid, energy_kv=energy_kv, device=device))
    if how.frozen_phonons:
        values = np.stack(waves)
    else:
        passed = amplitude_passed(atoms.positions, atoms.numbers, grid, debye_waller, energy_kv)
        values = waves[0] * passed
    return Wave(values, grid.sampling_nm, energy_kv)


def particle_phase(
    atoms: Atoms,
    *,
    energy_kv: float,
    debye_waller: Mapping[int, float],
    sampling_nm: float = 0.02,
) -> tuple[np.ndarray, tuple[float, float]]:
    """Phase that atoms alone would add to the wave: projected potential times sigma.

    Parameters
    ----------
    atoms
        Those of the particles, without the support.
    energy_kv, debye_waller, sampling_nm
        As for `exit_wave`.

    Returns
    -------
    phase
        ``(y, x)`` float32 in rad.
    sampling_nm
        Of its rows and columns.
    """
    grid = Grid.over(atoms.cell, sampling_nm)
    factors = scattering_factors(atoms.numbers, grid, debye_waller)
    potential = projected(atoms.positions, atoms.numbers, grid, factors)
    return potential * np.float32(interaction_constant(energy_kv)), grid.sampling_nm


def _edges(depths: np.ndarray, numbers: np.ndarray, how: MultisliceSettings) -> np.ndarray:
    """Slices from the first atom to the last: vacuum before and behind changes nothing."""
    first, last = float(depths.min()), float(depths.max())
    heavy = depths[numbers > _CALCIUM]
    if len(heavy):
        parts = [
            (first, float(heavy.min()), how.light_slice_nm),
            (float(heavy.min()), float(heavy.max()), how.slice_nm),
            (float(heavy.max()), last, how.light_slice_nm),
        ]
    else:
        parts = [(first, last, how.light_slice_nm)]
    edges = [first]
    for low, high, limit in parts:
        if high > low:
            count = int(np.ceil((high - low) / limit - 1e-9))
            edges.extend(np.linspace(low, high, count + 1)[1:])
    return np.array(edges if len(edges) > 1 else [first, first + how.slice_nm])


def _displaced(
    atoms: Atoms, debye_waller: Mapping[int, float], rng: np.random.Generator
) -> np.ndarray:
    """Positions of one moment: each coordinate's variance is B / (8 pi^2)."""
    found, inverse = np.unique(atoms.numbers, return_inverse=True)
    variance = np.array([debye_waller.get(int(number), 0.0) for number in found]) / (8 * np.pi**2)
    deviation = ANGSTROM * np.sqrt(variance)[inverse, None]
    return atoms.positions + deviation * rng.standard_normal(atoms.positions.shape)


def _multislice(
    slices: Iterator[np.ndarray],
    thicknesses_nm: np.ndarray,
    grid: Grid,
    *,
    energy_kv: float,
    device: str,
) -> np.ndarray:
    """Hand the slices to abTEM in blocks, so that memory stays bounded."""
    import abtem

    sampling = (grid.sampling_nm[0] / ANGSTROM, grid.sampling_nm[1] / ANGSTROM)
    waves: Any = abtem.PlaneWave(energy=energy_kv * 1000, device=device)
    # Rounded, so that slices of one part share a propagator.
    thicknesses = iter(np.round(thicknesses_nm / ANGSTROM, 9).tolist())
    with abtem.config.set(_REPEATABLE):
        while block := list(islice(slices, _BLOCK)):
            potential = abtem.PotentialArray(
                np.stack(block) / np.float32(ANGSTROM),
                tuple(islice(thicknesses, len(block))),
                sampling=sampling,
            )
            if isinstance(waves, abtem.PlaneWave):
                waves = waves.multislice(potential, lazy=False)
            else:
                waves = waves.multislice(potential)
        return np.asarray(waves.to_cpu().array, dtype=np.complex64)
