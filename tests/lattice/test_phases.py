"""Phases against powder files and against ASE."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.lattice.phases import PHASES, get_phase, load_phases, reflections
from nanosieve.lattice.structure_file import phase_of

# Coarsest strong lattice planes of powder files, nm; those of compounds are compared with the
# literature where they are simulated (tests/simulation/atoms).
POWDER = {
    "Au": {(1, 1, 1): 0.2355, (2, 0, 0): 0.2039, (2, 2, 0): 0.1442, (3, 1, 1): 0.1230},
    "Ni": {(1, 1, 1): 0.2034, (2, 0, 0): 0.1762},
    "Si": {(1, 1, 1): 0.3135, (2, 2, 0): 0.1920, (3, 1, 1): 0.1637},
    "CdSe-wurtzite": {(1, 0, 0): 0.372, (0, 0, 2): 0.351, (1, 0, 1): 0.329, (1, 1, 0): 0.215},
    "graphene": {(1, 0, 0): 0.213, (1, 1, 0): 0.123},
}


@pytest.mark.parametrize("name", POWDER)
def test_planes_are_those_of_powder_files(name):
    found = reflections(get_phase(name))
    spacings = {
        tuple(plane): d for plane, d in zip(found.indices.tolist(), found.d_nm, strict=True)
    }
    for plane, d in POWDER[name].items():
        assert spacings[plane] == pytest.approx(d, rel=4e-3)


def test_extinct_planes_are_left_out():
    assert (1, 0, 0) not in map(tuple, reflections(get_phase("Au")).indices.tolist())
    # Of diamond, not of zincblende alone.
    assert (2, 0, 0) not in map(tuple, reflections(get_phase("Si")).indices.tolist())
    assert (reflections(get_phase("graphene")).indices[:, 2] == 0).all()


def test_structure_factors_are_hand_made_ones():
    found = reflections(get_phase("PbS"))
    strength = dict(zip(map(tuple, found.indices.tolist()), found.strengths, strict=True))
    # (Pb - S) / (Pb + S) for odd indices, all together for even ones.
    assert strength[(1, 1, 1)] == pytest.approx((82 - 16) / (82 + 16))
    assert strength[(2, 0, 0)] == pytest.approx(1)


def test_an_unknown_phase_names_the_known_ones():
    with pytest.raises(UsageError, match=r"unknown phase Unobtainium: .*NAME\.cif.*Au, Pd, Pt"):
        load_phases(["Au", "Unobtainium"])


def test_phases_are_taken_once():
    assert [phase.name for phase in load_phases(["Au", "Ag", "Au"])] == ["Au", "Ag"]


@pytest.mark.parametrize("name", ["CdSe-wurtzite", "TiO2", "PbS"])
def test_a_cif_file_of_a_phase_gives_the_phase(name, tmp_path):
    ase = pytest.importorskip("ase")
    io = pytest.importorskip("ase.io")
    phase = PHASES[name]
    atoms = ase.Atoms(
        phase.numbers, scaled_positions=phase.fractional, cell=phase.cell * 10, pbc=True
    )
    io.write(tmp_path / "mine.cif", atoms)
    [found] = load_phases([str(tmp_path / "mine.cif")])
    assert (found.name, found.formula) == ("mine", phase.formula)
    np.testing.assert_allclose(found.lengths_nm, phase.lengths_nm, rtol=1e-4)
    ours, theirs = reflections(phase), reflections(found)
    np.testing.assert_allclose(np.sort(theirs.d_nm), np.sort(ours.d_nm), rtol=1e-3)
    assert len(theirs.indices) == len(ours.indices)


def test_symmetry_of_a_cif_file_is_applied(tmp_path):
    pytest.importorskip("ase")
    path = tmp_path / "perovskite.cif"
    path.write_text(
        "data_x\n_cell_length_a 3.905\n_cell_length_b 3.905\n_cell_length_c 3.905\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        "_symmetry_space_group_name_H-M 'P m -3 m'\n_symmetry_Int_Tables_number 221\n"
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\nSr Sr 0 0 0\nTi Ti 0.5 0.5 0.5\nO O 0.5 0.5 0\n"
    )
    [phase] = load_phases([str(path)])
    assert sorted(phase.numbers.tolist()) == [8, 8, 8, 22, 38]
    assert reflections(phase).d_nm[0] == pytest.approx(0.3905 / np.sqrt(2))  # (100) is weak


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"gone\.cif: no such file; give a CIF file or the name"),
        ("", r"gone\.cif: cannot be read as a CIF file with a crystal in it"),
        ("no crystal", r"gone\.cif: cannot be read as a CIF file with a crystal in it"),
    ],
)
def test_a_broken_cif_file_is_one_line(content, message, tmp_path):
    pytest.importorskip("ase")
    path = tmp_path / "gone.cif"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=message):
        load_phases([str(path)])


def test_without_ase_the_line_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "some.cif"
    path.touch()
    monkeypatch.setattr("nanosieve.lattice.structure_file.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'need ASE: pip install "nanosieve\[simulate\]"'):
        load_phases([str(path)])


def test_a_phase_may_come_from_ase():
    build = pytest.importorskip("ase.build")
    found = phase_of(build.bulk("Au", a=4.0782, cubic=True), "gold")
    assert (found.name, found.formula, found.source) == ("gold", "Au", "ASE")
    np.testing.assert_allclose(
        reflections(found).d_nm[:20], reflections(get_phase("Au")).d_nm[:20], rtol=1e-9
    )
    with pytest.raises(UsageError, match="ASE: holds no atoms in a unit cell"):
        phase_of(build.molecule("H2O"), "water")
