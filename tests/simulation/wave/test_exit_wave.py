"""Multislice: potentials against sums written out, waves against plain abTEM and kinematics."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.wave.absorption import amplitude_passed, lost_area_nm2
from nanosieve.simulation.wave.exit_wave import (
    MultisliceSettings,
    _edges,
    exit_wave,
    largest_angle_mrad,
    particle_phase,
)
from nanosieve.simulation.wave.optics import Optics, interaction_constant, wavelength_nm
from nanosieve.simulation.wave.potential import (
    Grid,
    grid_shape,
    potential_slices,
    scattering_factors,
)
from nanosieve.simulation.wave.transfer import image

pytestmark = pytest.mark.skipif(
    find_spec("abtem") is None or find_spec("ase") is None, reason="needs abTEM and ASE"
)
B = {6: 0.5, 79: 0.62}


@dataclass
class Cell:
    positions: np.ndarray
    numbers: np.ndarray
    cell: tuple[float, float, float]


def _atoms(n=60, cell=(1.5, 1.2, 0.9), seed=0):
    rng = np.random.default_rng(seed)
    return Cell(rng.uniform(size=(n, 3)) * cell, rng.choice([6, 79], n), cell)


def test_grid_is_fine_enough_and_transforms_fast():
    assert grid_shape((12.5, 11.9, 8.0), 0.02) == (600, 640)
    for side in np.linspace(1, 20, 40):
        (rows, _) = grid_shape((side, side, 1), 0.02)
        assert side / rows <= 0.02
        assert rows % 8 == 0


@pytest.mark.parametrize("smeared", [False, True])
def test_potential_is_the_sum_over_atoms_in_fourier_space(smeared):
    from abtem.parametrizations import LobatoParametrization

    atoms = _atoms(12)
    grid = Grid.over(atoms.cell, 0.02)
    damping = B if smeared else {}
    factors = scattering_factors(atoms.numbers, grid, damping)
    edges = np.array([-1.0, 2.0])
    (found,) = potential_slices(atoms.positions, atoms.numbers, edges, grid, factors)
    ky = np.fft.fftfreq(grid.shape[0], grid.sampling_nm[0])[:, None]
    kx = np.fft.fftfreq(grid.shape[1], grid.sampling_nm[1])[None]
    squared = ky**2 + kx**2
    expected = np.zeros(grid.shape, complex)
    for (x, y, _), number in zip(atoms.positions, atoms.numbers, strict=True):
        symbol = {6: "C", 79: "Au"}[int(number)]
        # V angstrom^3 at frequencies in 1/angstrom.
        factor = LobatoParametrization().projected_scattering_factor(symbol)(squared / 100) / 1000
        factor *= np.exp(-damping.get(int(number), 0) * squared / 400)
        expected += factor * np.exp(-2j * np.pi * (ky * y + kx * x))
    expected /= atoms.cell[0] * atoms.cell[1] / found.size
    spectrum = np.fft.fft2(found)
    low = squared <= (1 / (3 * max(grid.sampling_nm))) ** 2 * 0.999
    scale = np.abs(expected[low]).max()
    assert np.abs(spectrum - expected)[low].max() < 0.01 * scale
    assert np.abs(spectrum - expected)[squared < 36].max() < 1e-3 * scale
    assert np.abs(spectrum[~low]).max() < 0.02 * scale


def test_debye_waller_smears_each_slice_with_the_vibrations_gaussian():
    one = Cell(np.array([[0.6, 0.6, 0.1]]), np.array([79]), (1.2, 1.2, 0.2))
    grid = Grid.over(one.cell, 0.01)
    edges = np.array([0, 0.2])

    def slice_with(factor):
        factors = scattering_factors(one.numbers, grid, {79: factor})
        return next(potential_slices(one.positions, one.numbers, edges, grid, factors))

    from scipy.ndimage import gaussian_filter

    # B = 8 pi^2 times the mean square displacement along one direction.
    deviation = 0.1 * np.sqrt(0.8 / (8 * np.pi**2)) / np.array(grid.sampling_nm)
    still = slice_with(0.2)
    moved = gaussian_filter(still, deviation, mode="wrap")
    np.testing.assert_allclose(slice_with(1.0), moved, atol=0.01 * still.max())


def test_all_atoms_are_in_a_slice():
    atoms = _atoms()
    grid = Grid.over(atoms.cell, 0.02)
    factors = scattering_factors(atoms.numbers, grid, B)
    edges = np.linspace(atoms.positions[:, 2].min(), atoms.positions[:, 2].max(), 6)
    slices = list(potential_slices(atoms.positions, atoms.numbers, edges, grid, factors))
    ends = np.array([-np.inf, np.inf])
    (whole,) = potential_slices(atoms.positions, atoms.numbers, ends, grid, factors)
    assert len(slices) == 5
    np.testing.assert_allclose(np.sum(slices, axis=0), whole, atol=1e-3)


def test_wave_agrees_with_plain_abtem(monkeypatch):
    import abtem
    import ase

    monkeypatch.setattr("nanosieve.simulation.wave.exit_wave.amplitude_passed", lambda *_: 1)
    atoms = _atoms(n=90)
    # abTEM blurs atoms between grid points: on them both are exact.
    steps = np.array(Grid.over(atoms.cell, 0.02).sampling_nm[::-1])
    atoms.positions[:, :2] = np.round(atoms.positions[:, :2] / steps) * steps
    found = exit_wave(atoms, energy_kv=200, debye_waller=B)
    deviation = {name: np.sqrt(B[z] / (8 * np.pi**2)) for name, z in (("C", 6), ("Au", 79))}
    depths = atoms.positions[:, 2]
    shifted = 10 * (atoms.positions[:, [1, 0, 2]] - [0, 0, depths.min()])
    height = 10 * np.ptp(depths)
    plain = ase.Atoms(
        numbers=atoms.numbers,
        # Rows first, as here; and no atom on the upper edge.
        positions=shifted - [0, 0, 1e-4] * (shifted[:, 2:] >= height),
        cell=[10 * atoms.cell[1], 10 * atoms.cell[0], height],
        pbc=True,
    )
    potential = abtem.Potential(
        plain,
        gpts=found.values.shape,
        slice_thickness=height / np.ceil(height / 2),
        parametrization=abtem.parametrizations.LobatoParametrization(sigmas=deviation),
        projection="infinite",
    )
    with abtem.config.set({"diagnostics.progress_bar": False}):
        wave = abtem.PlaneWave(energy=200e3).multislice(potential, lazy=False).array
    assert np.abs(found.values - wave).max() < 0.05 * np.abs(wave - 1).max()
    assert np.abs(found.values - wave).std() < 0.05 * np.abs(wave - 1).std()
    np.testing.assert_allclose(np.mean(np.abs(found.values) ** 2), 1, atol=0.1)


def test_thin_specimen_is_a_phase_object_and_atoms_add_phase():
    one = Cell(np.array([[0.7, 0.5, 0.1]]), np.array([6]), (1.2, 1.0, 0.2))
    wave = exit_wave(one, energy_kv=80, debye_waller=B)
    phase, sampling = particle_phase(one, energy_kv=80, debye_waller=B)
    assert sampling == wave.sampling_nm
    row, column = np.unravel_index(np.argmax(phase), phase.shape)
    assert row * sampling[0] == pytest.approx(0.5, abs=sampling[0])
    assert column * sampling[1] == pytest.approx(0.7, abs=sampling[1])
    np.testing.assert_allclose(np.angle(wave.values), phase, atol=0.03)
    # The mean is the forward scattering factor: 2.5 angstrom for carbon, 47.878 V angstrom^2 each.
    expected = interaction_constant(80) * 2.5 * 47.878e-3 / 1.2
    assert phase.mean() == pytest.approx(expected, rel=0.02)


def test_defocus_counts_from_the_last_atom_and_an_underfocus_looks_before_it():
    layer = _atoms(n=40, cell=(1.5, 1.2, 0.1))
    layer.numbers[:] = 6
    # One atom of hydrogen 4 nm behind the layer.
    with_last = Cell(
        np.concatenate([layer.positions, [[0.75, 0.6, 4.0]]]),
        np.append(layer.numbers, 1),
        (1.5, 1.2, 4.1),
    )

    def seen(atoms, defocus_nm):
        wave = exit_wave(atoms, energy_kv=300, debye_waller=B)
        return image(wave.values, wave.sampling_nm, Optics(300, defocus_nm, aperture_mrad=15))

    found, expected = seen(with_last, 9.0), seen(layer, 5.0)
    assert np.std(found - expected) < 0.2 * np.std(expected)
    assert np.std(found - seen(layer, 13.0)) > 0.5 * np.std(expected)


def test_slices_are_thin_where_heavy_atoms_are():
    depths = np.array([0.0, 1.0, 2.0, 2.1, 3.0, 4.1])
    numbers = np.array([6, 14, 79, 6, 79, 6])
    edges = _edges(depths, numbers, MultisliceSettings())
    np.testing.assert_allclose(edges[[0, -1]], [0, 4.1])
    middle = (edges[:-1] + edges[1:]) / 2
    thickness = np.diff(edges)
    within = (middle > 2) & (middle < 3)
    assert thickness.min() > 0
    assert thickness[within].max() <= 0.2 + 1e-9
    assert 0.3 < thickness[~within].max() <= 0.4 + 1e-9
    light = _edges(depths, np.full(6, 6), MultisliceSettings())
    assert len(light) == 12
    assert len(_edges(depths[:1], numbers[:1], MultisliceSettings())) == 2


def test_thicker_slices_of_carbon_change_little():
    rng = np.random.default_rng(3)
    carbon = Cell(rng.uniform(size=(600, 3)) * (1.5, 1.5, 4.0), np.full(600, 6), (1.5, 1.5, 4.0))
    coarse, fine = (
        exit_wave(
            carbon,
            energy_kv=200,
            debye_waller=B,
            settings=MultisliceSettings(light_slice_nm=thickness),
        ).values
        for thickness in (0.4, 0.2)
    )
    assert np.abs(coarse - fine).mean() < 0.08 * np.abs(fine - fine.mean()).mean()


def test_same_atoms_give_the_same_bits():
    atoms = _atoms()
    first, second = (exit_wave(atoms, energy_kv=300, debye_waller=B).values for _ in range(2))
    assert first.dtype == np.complex64
    assert first.tobytes() == second.tobytes()


def test_blocks_of_slices_change_nothing(monkeypatch):
    atoms = _atoms()
    whole = exit_wave(atoms, energy_kv=300, debye_waller=B).values
    monkeypatch.setattr("nanosieve.simulation.wave.exit_wave._BLOCK", 2)
    assert exit_wave(atoms, energy_kv=300, debye_waller=B).values.tobytes() == whole.tobytes()


def test_atoms_take_their_cross_section_out_of_the_intensity():
    grid = Grid((96, 96), (0.02, 0.02))
    place = np.array([[1.003, 0.917, 0.0]])
    passed = amplitude_passed(place, np.array([79]), grid, B, 300)
    taken = np.sum(1 - passed.astype(float) ** 2) * 0.02**2
    expected = lost_area_nm2(79, debye_waller=0.62, energy_kv=300, kept_per_nm=grid.kept_per_nm)
    assert taken == pytest.approx(expected, rel=0.05)
    assert passed.max() <= 1
    np.testing.assert_array_equal(amplitude_passed(place, np.array([79]), grid, {}, 300), 1)


def test_cross_section_of_gold_is_rutherfords_far_out():
    # Far from the axis the nucleus alone scatters: d sigma / d Omega = (2 Z / (a0 q^2))^2 gamma^2,
    # q = 2 pi k, and all of it is thermal. The angle theta = wavelength k.
    far = 150.0
    found = lost_area_nm2(79, debye_waller=0.62, energy_kv=300, kept_per_nm=far)
    bohr, gamma = 0.0529177, 1 + 300 / 510.99895
    amplitude = 2 * 79 * gamma / bohr / (2 * np.pi) ** 2  # times k^-2, in nm
    cross_section = wavelength_nm(300) ** 2 * np.pi * amplitude**2 * (far**-2 - 300**-2)
    assert found == pytest.approx(cross_section, rel=0.15)


def test_heavy_particles_are_darker_than_light_ones():
    rng = np.random.default_rng(0)
    positions = rng.uniform(size=(1200, 3)) * (2.0, 2.0, 5.0)
    means = [
        np.mean(
            np.abs(
                exit_wave(
                    Cell(positions, np.full(1200, number), (2.0, 2.0, 5.0)),
                    energy_kv=300,
                    debye_waller=B,
                ).values
            )
            ** 2
        )
        for number in (6, 79)
    ]
    assert means[0] > 0.98
    assert means[1] < 0.93


def test_frozen_phonons_come_close_to_the_damping_on_the_mean(monkeypatch):
    monkeypatch.setattr("nanosieve.simulation.wave.exit_wave.amplitude_passed", lambda *_: 1)
    atoms = _atoms(n=20)
    settings = MultisliceSettings(frozen_phonons=60)
    rng = np.random.default_rng(1)
    moving = exit_wave(atoms, energy_kv=300, debye_waller=B, settings=settings, rng=rng)
    assert moving.values.shape == (60, 64, 80)
    still = exit_wave(atoms, energy_kv=300, debye_waller={}).values
    damped = exit_wave(atoms, energy_kv=300, debye_waller=B).values
    mean = moving.values.mean(axis=0)
    assert np.abs(mean - damped).mean() < 0.5 * np.abs(still - damped).mean()
    again = exit_wave(
        atoms, energy_kv=300, debye_waller=B, settings=settings, rng=np.random.default_rng(1)
    )
    assert again.values.tobytes() == moving.values.tobytes()


def test_vacuum_leaves_the_wave_alone():
    nothing = Cell(np.zeros((0, 3)), np.zeros(0, int), (1.0, 1.0, 1.0))
    wave = exit_wave(nothing, energy_kv=300, debye_waller=B)
    np.testing.assert_array_equal(wave.values, 1)
    phase, _ = particle_phase(nothing, energy_kv=300, debye_waller=B)
    np.testing.assert_array_equal(phase, 0)


def test_angle_kept_at_the_default_sampling():
    assert largest_angle_mrad(300, 0.02) == pytest.approx(32.8, abs=0.1)
    # What is written of 0.06 nm: scattering beyond 11 mrad is lost.
    assert largest_angle_mrad(300, 0.06) == pytest.approx(11, abs=0.1)


@pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is installed")
def test_gpu_without_cupy_is_one_plain_line():
    with pytest.raises(UsageError, match="multislice on a GPU needs CuPy"):
        exit_wave(_atoms(2), energy_kv=300, debye_waller=B, device="gpu")


def test_unknown_device():
    with pytest.raises(UsageError, match="unknown device tpu: give cpu or gpu"):
        exit_wave(_atoms(2), energy_kv=300, debye_waller=B, device="tpu")
