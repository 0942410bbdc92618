"""Scattering of materials against lattice constants, handbooks and the powers of Z they follow."""

import numpy as np
import pytest

from nanosieve.simulation.projected.materials import MATERIALS, check_material


@pytest.mark.parametrize(
    ("name", "edge_nm", "atoms"),
    [("Au", 0.40782, 4), ("Pt", 0.39242, 4), ("Pd", 0.38907, 4), ("Ag", 0.40853, 4)],
)
def test_number_of_atoms_is_that_of_the_unit_cell(name, edge_nm, atoms):
    assert MATERIALS[name].units_per_nm3 == pytest.approx(atoms / edge_nm**3, rel=0.01)


def test_mean_z_is_weighted_by_atoms():
    assert MATERIALS["silica"].mean_z == pytest.approx((14 + 2 * 8) / 3)
    assert MATERIALS["Pt3Co"].mean_z == pytest.approx((3 * 78 + 27) / 4)


def test_annular_signal_of_an_atom_goes_with_a_power_of_z():
    signal = {
        name: MATERIALS[name].annular_per_nm(200, exponent=1.7, of_gold=0.2)
        / MATERIALS[name].units_per_nm3
        for name in ("Au", "carbon", "Cu")
    }
    assert signal["Cu"] / signal["Au"] == pytest.approx((29 / 79) ** 1.7)
    assert signal["carbon"] / signal["Au"] == pytest.approx((6 / 79) ** 1.7)
    gold = MATERIALS["Au"]
    assert gold.annular_per_nm(200, exponent=1.7, of_gold=0.2) == pytest.approx(
        0.2 * gold.elastic_per_nm(200)
    )


def test_slower_electrons_are_scattered_more_and_heavy_atoms_scatter_more():
    for one in MATERIALS.values():
        assert one.elastic_per_nm(80) > one.elastic_per_nm(200) > one.elastic_per_nm(300)
    order = [MATERIALS[name].elastic_per_nm(200) for name in ("carbon", "alumina", "Cu", "Au")]
    assert (np.diff(order) > 0).all()


def test_phase_of_carbon_is_its_potential_times_the_interaction_constant():
    # 8 V x 0.00729 rad / (V nm) at 200 kV.
    assert MATERIALS["carbon"].phase_per_nm(200) == pytest.approx(0.0583, rel=0.01)


def test_an_unknown_material_is_an_error():
    with pytest.raises(ValueError, match="no material 'unobtainium'; there are Au, Pt"):
        check_material("unobtainium")
