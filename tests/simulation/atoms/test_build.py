"""Whole specimens: where particles are, what the support does, what is refused."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.spatial import cKDTree

from nanosieve.core.errors import UsageError
from nanosieve.simulation.atoms.build import build_specimen, check_fits
from nanosieve.simulation.atoms.outline import label, project
from nanosieve.simulation.atoms.settings import SpecimenSettings

FIELD = (8.0, 9.0)


def _settings(*, particles=None, arrangement=None, support=None, margin_nm=1.5):
    return SpecimenSettings(
        particles={"materials": {"Au": 1}, "diameter_nm": 2.5, **(particles or {})},
        arrangement=arrangement or {"count": 3},
        support=support or {"kinds": {"none": 1}},
        margin_nm=margin_nm,
    )


def _made(seed=0, **parts):
    return build_specimen(_settings(**parts), field_nm=FIELD, rng=np.random.default_rng(seed))


def test_a_specimen_is_whole_and_repeats_with_its_seed():
    parts = {
        "particles": {"materials": {"Au": 1, "CdSe-wurtzite": 1, "TiO2": 1}, "mixed": 1.0},
        "support": {"kinds": {"carbon": 1}, "carbon_nm": 3},
    }
    one, two, other = _made(1, **parts), _made(1, **parts), _made(2, **parts)
    np.testing.assert_array_equal(one.positions, two.positions)
    assert one.positions.shape != other.positions.shape
    assert one.cell[:2] == (12.0, 11.0)
    assert one.field_nm == FIELD
    assert one.positions.dtype == np.float64
    assert one.numbers.dtype == one.owner.dtype == np.int32
    assert (one.positions >= 0).all()
    assert (one.positions <= one.cell).all()
    assert set(one.owner.tolist()) == set(range(len(one.particles) + 1))
    assert set(one.numbers[one.owner == 0].tolist()) == {6}
    for number, particle in enumerate(one.particles, start=1):
        elements = set(one.numbers[one.owner == number].tolist())
        assert elements == {"Au": {79}, "CdSe": {48, 34}, "TiO2": {22, 8}}[particle.material]


def test_the_support_fills_the_cell_and_the_particles_are_on_the_asked_side():
    for place, beyond in (("top", -1), ("bottom", 1)):
        made = _made(
            3,
            arrangement={"count": 2, "places": {place: 1}},
            support={"kinds": {"carbon": 1}, "carbon_nm": 3, "roughness_nm": 0},
        )
        film = made.positions[made.owner == 0]
        assert np.ptp(film[:, 2]) == pytest.approx(3, abs=0.05)
        assert made.support_nm == pytest.approx(3)
        for side in (0, 1):
            np.testing.assert_allclose(film[:, side].min(), 0, atol=0.1)
            np.testing.assert_allclose(film[:, side].max(), made.cell[side], atol=0.1)
        for number, particle in enumerate(made.particles, start=1):
            assert particle.place == place
            z = made.positions[made.owner == number, 2]
            if beyond < 0:
                assert z.max() < film[:, 2].min() + 0.05
                assert z.max() > film[:, 2].min() - 0.3
            else:
                assert z.min() > film[:, 2].max() - 0.05
        assert made.positions[:, 2].min() == pytest.approx(0.3)
        assert made.cell[2] == pytest.approx(made.positions[:, 2].max() + 0.3)


@pytest.mark.parametrize("material", ["Au", "CdSe-zincblende", "CeO2", "PbS"])
def test_no_atom_of_the_support_is_left_within_a_particle(material):
    made = _made(
        4,
        particles={"materials": {material: 1}, "diameter_nm": 3},
        arrangement={"count": 1, "places": {"inside": 1}, "overhang": -1},
        support={"kinds": {"carbon": 1}, "carbon_nm": 5},
    )
    film = made.positions[made.owner == 0]
    body = made.positions[made.owner == 1]
    assert cKDTree(body).query(film)[0].min() >= 0.2
    centre = body.mean(axis=0)
    assert np.linalg.norm(film - centre, axis=1).min() > 1.3
    # All around it there is carbon.
    ring = np.linalg.norm(film - centre, axis=1) < 2.5
    assert {-1, 1} == set(np.sign((film - centre)[ring, 2]).tolist())


def test_rough_films_have_the_deviation_asked_for():
    made = _made(
        5,
        arrangement={"count": 0},
        support={"kinds": {"carbon": 1}, "carbon_nm": 6, "roughness_nm": 0.5},
    )
    columns = (made.positions[:, :2] // 0.5).astype(int)
    key = columns[:, 0] * 1000 + columns[:, 1]
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    tops = np.minimum.reduceat(made.positions[order, 2], starts)
    assert tops.std() == pytest.approx(0.5, rel=0.3)


def test_graphene_has_its_bonds_and_layers():
    made = _made(
        6, arrangement={"count": 0}, support={"kinds": {"graphene": 1}, "graphene_layers": 2}
    )
    assert made.particles == ()
    z = np.unique(made.positions[:, 2].round(6))
    np.testing.assert_allclose(np.diff(z), [0.335])
    inner = (np.abs(made.positions[:, :2] - np.array(made.cell[:2]) / 2) < 4).all(axis=1)
    distances, _ = cKDTree(made.positions).query(made.positions[inner], k=4)
    np.testing.assert_allclose(distances[:, 1:], 0.246 / np.sqrt(3), rtol=1e-6)
    # 38.2 atoms per nm2 and layer.
    assert len(made.positions) / (made.cell[0] * made.cell[1] * 2) == pytest.approx(38.2, rel=0.05)


def _outlines(made, pixel=0.03):
    shape = (int(FIELD[0] / pixel), int(FIELD[1] / pixel))
    return project(made, shape, pixel), shape, pixel


def test_particles_apart_keep_their_gap():
    for seed in range(6):
        made = _made(seed, arrangement={"count": 5, "gap_nm": 0.5})
        found, _, _ = _outlines(made)
        for i in range(len(found)):
            for j in range(i):
                distance = cKDTree(made.particles[i].atoms_xy_nm).query(
                    made.particles[j].atoms_xy_nm
                )[0]
                assert distance.min() > 0.5 + 0.28


def test_touching_particles_touch_and_overlapping_ones_overlap_without_clashing():
    overlaps = 0
    for seed in range(8):
        made = _made(seed, arrangement={"count": 2, "contacts": {"touching": 1}})
        first, second = (each.atoms_xy_nm for each in made.particles)
        distance = cKDTree(first).query(second)[0].min()
        assert 0.15 < distance < 1.2
        over = _made(
            seed,
            arrangement={
                "count": 2,
                "contacts": {"overlapping": 1},
                "overlap": [0.3, 0.6],
                "places": {"top": 1, "bottom": 1},
            },
            support={"kinds": {"graphene": 1}},
        )
        found, shape, _ = _outlines(over)
        both = found[0].outline & found[1].outline
        overlaps += both.any()
        bodies = [over.positions[over.owner == number] for number in (1, 2)]
        if all(len(body) for body in bodies):
            assert cKDTree(bodies[0]).query(bodies[1])[0].min() > 0.19
        labels = label(found, shape)
        np.testing.assert_array_equal(labels > 0, found[0].outline | found[1].outline)
    assert overlaps >= 6


def test_coverage_is_met_on_average_and_most_fields_are_empty_where_asked():
    settings = _settings(
        particles={"diameter_nm": 2.0, "zone_share": 0.0},
        arrangement={"coverage": [0.1, 0.5], "empty_share": 0.6},
    )
    shares = []
    for seed in range(40):
        made = build_specimen(settings, field_nm=FIELD, rng=np.random.default_rng([9, seed]))
        found, shape, _ = _outlines(made, pixel=0.08)
        shares.append(np.mean(label(found, shape) > 0))
    shares = np.array(shares)
    assert np.mean(shares == 0) == pytest.approx(0.6, abs=0.2)
    assert shares[shares > 0].mean() == pytest.approx(0.3, abs=0.06)


def test_particles_cut_by_the_frame_go_on_in_the_margin():
    for seed in range(20):
        made = _made(seed, arrangement={"count": 1}, margin_nm=3.0)
        (found,), _, _ = _outlines(made)
        if found.touches_border:
            break
    assert found.touches_border
    xy = made.positions[:, :2] - made.margin_nm
    beyond = (xy < 0).any(axis=1) | (xy > [FIELD[1], FIELD[0]]).any(axis=1)
    assert beyond.any()
    # With so wide a margin, nothing of it is lost, and the truth is of all of it.
    assert len(made.positions) == len(made.particles[0].atoms_xy_nm)
    narrow = build_specimen(
        _settings(arrangement={"count": 1}, margin_nm=0.0),
        field_nm=FIELD,
        rng=np.random.default_rng(seed),
    )
    assert len(narrow.positions) < len(narrow.particles[0].atoms_xy_nm)
    assert len(narrow.positions) == np.count_nonzero(~beyond)
    assert narrow.cell[:2] == (FIELD[1], FIELD[0])


def test_truth_of_a_sphere():
    made = _made(
        7,
        particles={"diameter_nm": 5, "diameter_spread": 0, "shapes": {"sphere": 1}},
        arrangement={"count": 1, "overhang": -0.9},
    )
    (truth,) = made.particles
    (found,), _, _ = _outlines(made)
    assert truth.diameter_nm == pytest.approx(5, rel=0.02)
    # The outline lies between the sphere that holds the atoms' centres and that of their discs.
    assert 5 < found.diameter_nm < 5 + 2 * truth.disc_nm
    assert truth.centre_nm[0] - made.margin_nm == pytest.approx(found.x_nm, abs=0.1)
    assert truth.centre_nm[1] - made.margin_nm == pytest.approx(found.y_nm, abs=0.1)


def test_zone_share_is_kept():
    near = {True: 0, False: 0}
    for share in (0.0, 1.0):
        for seed in range(12):
            made = _made(
                seed,
                particles={"zone_share": share, "zone_tilt_deg": [0, 2], "diameter_nm": 1.5},
                arrangement={"count": 2},
            )
            near[share == 1.0] += sum(each.tilt_deg <= 2 for each in made.particles)
    assert near[True] == 24
    assert near[False] < 8


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("particles", {"materials": {"Gold": 1}}, "no material 'Gold'; there are Au, Pd"),
        ("particles", {"shapes": {"cube": 1}}, "no shape 'cube'; there are sphere"),
        ("particles", {"defects": {"hole": 1}}, "no defect 'hole'; there are none, twin"),
        ("particles", {"diameter_nm": [0.1, 3]}, "diameter_nm lies between 0.8 and 60, not 0.1"),
        (
            "particles",
            {"materials": {"Au": 1, "PbS": 1}, "shapes": {"decahedron": 1}},
            "PbS forms no decahedron: add another shape",
        ),
        ("arrangement", {"count": 1, "places": {"above": 1}}, "no place 'above'"),
        ("arrangement", {"count": 1, "contacts": {"near": 1}}, "no contact 'near'"),
        ("arrangement", {"count": 1, "coverage": 0.3}, "give either count or coverage"),
        ("arrangement", {"empty_share": 1}, "give either count or coverage"),
        ("support", {"kinds": {"ice": 1}}, "no support 'ice'; there are carbon, nitride"),
        ("support", {"carbon_g_cm3": 3}, "carbon_g_cm3 lies between 1.2 and 2.2, not 3 to 3"),
    ],
)
def test_bad_settings_get_one_line(part, values, message):
    with pytest.raises(ValidationError, match=message):
        _settings(**{part: values})


def test_particles_larger_than_the_field_are_refused_before_anything_is_made():
    settings = _settings(particles={"diameter_nm": [2, 8], "diameter_spread": 0.1})
    message = r"particles up to 10.6 nm are larger than the field of 9 x 8 nm: lower diameter_nm"
    with pytest.raises(UsageError, match=message):
        check_fits(settings, FIELD)
    with pytest.raises(UsageError, match=message):
        build_specimen(settings, field_nm=FIELD, rng=np.random.default_rng(0))
