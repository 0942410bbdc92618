"""Relaxation against springs worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from nanosieve.simulation.graphene.relax import STRETCHING, _energy, _springs, relax
from nanosieve.simulation.graphene.sheet import BOND_NM, Sheet


def test_a_stretched_bond_relaxes_to_its_length() -> None:
    pair = Sheet(np.array([[0, 0], [0, 0.17]]), np.array([[0, 1]]), np.zeros(2, int), np.full(2, 6))
    moved = relax(pair, np.array([False, True]))
    assert moved.lengths() == pytest.approx([BOND_NM], abs=1e-5)
    assert moved.positions[0].tolist() == [0, 0]


def test_a_bent_angle_opens_to_120_degrees() -> None:
    corner = np.radians(95)
    bent = Sheet(
        BOND_NM * np.array([[0, 1], [0, 0], [np.sin(corner), np.cos(corner)]]),
        np.array([[0, 1], [1, 2]]),
        np.zeros(3, int),
        np.full(3, 6),
    )
    moved = relax(bent, np.array([False, False, True]))
    one, other = moved.positions[[0, 2]] - moved.positions[1]
    cosine = one @ other / np.hypot(*one) / np.hypot(*other)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(120, abs=0.05)


def test_the_gradient_is_that_of_the_energy(crystal: Sheet) -> None:
    rng = np.random.default_rng(0)
    near = np.hypot(*(crystal.positions - 3).T) < 0.5
    patch = crystal.kept(near)
    springs = _springs(patch, np.ones(len(patch.positions), bool))
    places = patch.positions / BOND_NM + rng.normal(0, 0.05, patch.positions.shape)
    _, gradient = _energy(places, springs)
    for atom, axis in [(0, 0), (3, 1), (len(places) - 1, 0)]:
        step = np.zeros_like(places)
        step[atom, axis] = 1e-6
        slope = (_energy(places + step, springs)[0] - _energy(places - step, springs)[0]) / 2e-6
        assert gradient[atom, axis] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_perfect_lattice_has_no_energy_and_the_stiffness_of_graphene(crystal: Sheet) -> None:
    springs = _springs(crystal, np.ones(len(crystal.positions), bool))
    places = crystal.positions / BOND_NM
    assert _energy(places, springs)[0] == pytest.approx(0, abs=1e-15)
    # A sheet strained alike in all directions by e has 2 B e^2 an area; graphene's B is about
    # 200 N/m (340 N/m over 2 (1 - 0.17)), and 1 eV/nm^2 is 0.1602 N/m.
    strain = 1e-3
    energy = _energy(places * (1 + strain), springs)[0] * STRETCHING * BOND_NM**2
    bonds_a_nm2 = 1.5 / (0.75 * 3**0.5 * BOND_NM**2)
    modulus = energy / len(crystal.bonds) * bonds_a_nm2 / (2 * strain**2) * 0.1602
    assert modulus == pytest.approx(200, rel=0.15)


def test_atoms_displaced_from_the_lattice_return(crystal: Sheet) -> None:
    rng = np.random.default_rng(1)
    inner = ((crystal.positions > 1) & (crystal.positions < 5)).all(axis=1)
    shaken = crystal.positions + np.where(inner[:, None], rng.normal(0, 0.01, (len(inner), 2)), 0)
    relaxed = relax(replace(crystal, positions=shaken), inner)
    assert np.abs(relaxed.positions - crystal.positions).max() < 5e-4


def test_nothing_moves_where_nothing_may(crystal: Sheet) -> None:
    assert relax(crystal, np.zeros(len(crystal.positions), bool)) is crystal
