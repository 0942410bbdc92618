"""Phases and zone axes against patterns drawn from the crystals' own geometry."""

import numpy as np
import pytest

from drawn_fringes import at_angles, disc, waves
from nanosieve.core.errors import UsageError
from nanosieve.lattice.matching import match_phases, plane_words
from nanosieve.lattice.particles import columns, lattice_table
from nanosieve.lattice.phases import get_phase
from nanosieve.lattice.spacings import Spacings

# Planes of zone axes, worked out by hand: name, zone, spacings in nm and angles from the first.
PATTERNS = [
    ("Au", (1, 1, 0), [0.23546, 0.23546, 0.20391], [0, 70.53, 125.26]),
    ("Au", (1, 0, 0), [0.20391, 0.20391, 0.14419], [0, 90, 45]),
    ("Pt", (1, 1, 1), [0.13874, 0.13874, 0.13874], [0, 60, 120]),
    ("CeO2", (1, 1, 0), [0.31241, 0.31241, 0.27055, 0.19131], [0, 70.53, 125.26, 35.26]),
    ("graphene", (0, 0, 1), [0.21304, 0.21304, 0.21304, 0.123], [0, 60, 120, 30]),
]


def spacings(d, angles, *, turn=0.0, error=0.002, scale_error=0.0) -> Spacings:
    d = np.array(d, float)
    angles = (np.array(angles, float) + turn) % 180
    errors = d * np.hypot(error, scale_error)
    z = np.linspace(100, 50, len(d))
    return Spacings(d, errors, angles, np.full(len(d), np.rad2deg(error)), z, "nm", scale_error)


@pytest.mark.parametrize("turn", [0.0, 33.0, 171.0])
@pytest.mark.parametrize(("name", "zone", "d", "angles"), PATTERNS)
def test_a_pattern_is_read_as_its_phase_and_zone(name, zone, d, angles, turn):
    match = match_phases(spacings(d, angles, turn=turn), [get_phase(name)])
    best = match.candidates[0]
    assert best.phase == name
    assert sorted(np.abs(best.zone)) == sorted(zone)
    assert (best.explained, best.missing) == (len(d), 0)
    assert best.misfit_percent < 0.2
    np.testing.assert_allclose(best.d_nm, d, rtol=1e-3)
    planes = np.array(best.planes)
    assert (planes @ best.zone == 0).all()


def test_a_phase_that_the_strongest_peak_contradicts_is_not_named():
    # Gold along [110], and before it a stronger spacing that gold has not.
    d, angles = [0.27, 0.23546, 0.23546, 0.20391], [20, 0, 70.53, 125.26]
    assert match_phases(spacings(d, angles), [get_phase("Au")]).candidates == ()
    assert match_phases(spacings(d[1:], angles[1:]), [get_phase("Au")]).candidates


def test_a_phase_that_explains_a_few_peaks_of_many_is_not_named():
    d, angles = [0.23546, 0.27, 0.31, 0.35, 0.255], [0, 33, 62, 101, 140]
    assert match_phases(spacings(d, angles), [get_phase("Au")]).candidates == ()


def test_peaks_on_a_line_are_read_beside_an_unsound_zone():
    # (111) and (222) of gold, then two peaks of which one alone would do for a zone with the first.
    d, angles = [0.23546, 0.11773, 0.20391, 0.26], [0, 0, 35, 100]
    best = match_phases(spacings(d, angles), [get_phase("Au")]).candidates[0]
    assert best.explained == 2
    assert best.planes[2:] == (None, None)


def test_wurtzite_along_a_is_not_zincblende():
    d, angles = [0.37230, 0.35050, 0.32881], [0, 90, 27.96]
    match = match_phases(
        spacings(d, angles), [get_phase("CdSe-zincblende"), get_phase("CdSe-wurtzite")]
    )
    assert match.candidates[0].phase == "CdSe-wurtzite"
    assert match.candidates[0].explained == 3
    assert not match.ambiguous


def test_mirrored_patterns_are_the_same_crystal_seen_from_below():
    d, angles = [0.37230, 0.35050, 0.32881], [0, 90, -27.96]
    match = match_phases(spacings(d, angles), [get_phase("CdSe-wurtzite")])
    assert match.candidates[0].explained == 3


def test_gold_and_silver_cannot_be_told_apart_and_copper_can():
    _, _, d, angles = PATTERNS[0]
    match = match_phases(spacings(d, angles), [get_phase(name) for name in ("Cu", "Ag", "Au")])
    assert [one.phase for one in match.candidates] == ["Au", "Ag"]
    assert match.ambiguous
    assert match.candidates[0].words.startswith("Au [")


def test_other_spacings_are_of_none():
    match = match_phases(spacings([0.26, 0.26], [0, 90]), [get_phase("Au"), get_phase("Pt")])
    assert (match.candidates, match.ambiguous) == ((), False)
    assert match_phases(spacings([], []), [get_phase("Au")]).candidates == ()


def test_an_angle_that_no_zone_has_leaves_one_set_of_planes():
    match = match_phases(spacings([0.2355, 0.2355], [0, 50]), [get_phase("Au")])
    best = match.candidates[0]
    assert (best.zone, best.explained, best.planes[1]) == (None, 1, None)
    assert best.words == "Au"


def test_planes_on_a_line_are_orders_of_one_and_fix_no_zone():
    match = match_phases(spacings([0.2969, 0.14845], [40, 40.2]), [get_phase("PbS")])
    best = match.candidates[0]
    assert (best.zone, best.explained) == (None, 2)
    first, second = np.array(best.planes)
    np.testing.assert_array_equal(second, 2 * first)


def test_a_peak_of_something_else_is_left_over():
    _, _, d, angles = PATTERNS[1]
    match = match_phases(spacings([*d, 0.26], [*angles, 20]), [get_phase("Au")])
    assert match.candidates[0].explained == 3
    assert match.candidates[0].planes[3] is None


def test_a_wrong_pixel_size_is_allowed_for_as_far_as_it_is_uncertain():
    _, _, d, angles = PATTERNS[0]
    off = np.array(d) * 1.05
    assert not match_phases(spacings(off, angles), [get_phase("Pd")]).candidates
    assert match_phases(spacings(off, angles, scale_error=0.02), [get_phase("Au")]).candidates
    assert match_phases(spacings(off, angles), [get_phase("Au")], tolerance=0.06).candidates


def test_a_coarse_plane_that_does_not_show_counts_against_a_zone():
    # Seen along [100], CeO2 would show (200) before (220); Fe has these as (110) and (200).
    d, angles = [0.2027, 0.2027, 0.1433], [0, 90, 45]
    match = match_phases(spacings(d, angles), [get_phase("CeO2"), get_phase("Fe")], tolerance=0.06)
    assert match.candidates[0].phase == "Fe"


def test_spacings_in_px_are_refused():
    d = np.ones(1)
    with pytest.raises(UsageError, match="spacings in nm: give --pixel-size"):
        match_phases(Spacings(d, d, d, d, d, "px"), [get_phase("Au")])


def test_the_table_reads_each_particle_of_an_image():
    shape = (150, 300)
    labels = np.zeros(shape, int)
    labels[disc(shape, (75, 75), 60)], labels[disc(shape, (75, 225), 60)] = 3, 5
    labels[0:6, 0:6] = 9
    gold = waves(shape, at_angles([11.773, 11.773, 10.196], [15, 85.53, 140.26]))
    other = waves(shape, at_angles([13.0, 13.0], [15, 105]))
    rng = np.random.default_rng(0)
    image = np.where(labels == 3, gold, other) + rng.normal(size=shape)
    table = lattice_table(
        image, labels, [get_phase("Au"), get_phase("Cu")], pixel_size_nm=0.02,
        pixel_size_uncertainty=0.01,
    )  # fmt: skip
    assert list(table.columns) == columns("nm")
    of_gold, of_other = table[table["label"] == 3], table[table["label"] == 5]
    assert len(table) == 5
    assert set(of_gold["phase"]) == {"Au"}
    assert set(of_gold["explained"]) == {3}
    assert of_gold["d_nm"].to_numpy() == pytest.approx(of_gold["d_phase_nm"].to_numpy(), rel=0.005)
    assert of_other["phase"].isna().all()
    assert set(of_other["explained"]) == {0}
    assert of_gold["ratio"].iloc[0] == 1


def test_without_a_pixel_size_the_table_is_in_px_and_without_phases():
    labels = disc((128, 128), (64, 64), 55).astype(int)
    image = waves((128, 128), at_angles([9.0], [30])) + np.random.default_rng(1).normal(
        size=(128, 128)
    )
    table = lattice_table(image, labels, [get_phase("Au")])
    assert list(table.columns) == columns("px")
    assert table.loc[0, "d_px"] == pytest.approx(9, rel=0.01)
    assert table["phase"].isna().all()
    assert lattice_table(image, 0 * labels).columns.tolist() == columns("px")


def test_image_and_labels_must_fit():
    with pytest.raises(UsageError, match="must have one shape"):
        lattice_table(np.ones((4, 4)), np.ones((5, 4), int))


def test_large_indices_are_set_apart():
    assert plane_words((12, -1, 0)) == "(12 -1 0)"
