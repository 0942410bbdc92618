"""Fields of particles: what was asked for is there, and nothing else."""

import numpy as np
import pytest
from pydantic import ValidationError

from nanosieve.core.errors import UsageError
from nanosieve.simulation.projected.packing import cells, fitting, hexagonal, relax
from nanosieve.simulation.projected.particle_settings import (
    ARRANGEMENTS,
    MOST_COVERED,
    SHAPES,
    ParticleSettings,
)
from nanosieve.simulation.projected.placement import place

SHAPE = (256, 300)
FLAT = ("isolated", "touching", "bundles", "packed", "dense", "facets")


def placed(seed=0, *, shape=SHAPE, allowed=None, **given):
    given = {"diameter_px": 18, "second": 0, "shapes": {"sphere": 1}} | given
    settings = ParticleSettings(**given)
    rng = np.random.default_rng(seed)
    return place(settings, shape, pixel_size_nm=0.5, allowed=allowed, rng=rng)


def crowd(scene):
    count = np.zeros(scene.shape, int)
    for body in scene.bodies:
        count[body.box] += body.outline
    return count


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("coverage", [0.05, 0.35])
def test_coverage_is_reached_within_one_particle(arrangement, coverage):
    for seed in range(3):
        scene = placed(seed, arrangement={arrangement: 1}, coverage=coverage)
        assert coverage <= scene.coverage <= coverage + 0.03


@pytest.mark.parametrize(
    ("arrangement", "least"),
    [
        ("isolated", 0.42),
        ("touching", 0.57),
        ("random", 0.44),
        ("aggregates", 0.54),
        ("packed", 0.8),
        ("dense", 0.72),
        ("facets", 0.84),
    ],
)
def test_as_much_is_covered_as_the_arrangement_can(arrangement, least):
    scene = placed(arrangement={arrangement: 1}, coverage=MOST_COVERED[arrangement], spread=0.05)
    assert least < scene.coverage < MOST_COVERED[arrangement] + 0.02


@pytest.mark.parametrize("arrangement", FLAT)
@pytest.mark.parametrize("shapes", ["sphere", "rod", "cube", "truncated_triangle", "rough"])
def test_nothing_overlaps_where_no_overlap_is_asked_for(arrangement, shapes):
    scene = placed(shapes={shapes: 1}, arrangement={arrangement: 1}, coverage=0.35)
    assert len(scene) > 3
    assert crowd(scene).max() == 1


@pytest.mark.parametrize("arrangement", ["random", "aggregates"])
def test_outlines_are_kept_whole_where_they_overlap(arrangement):
    scene = placed(arrangement={arrangement: 1}, coverage=0.45)
    assert (crowd(scene) > 1).any()
    within = [
        body
        for body in scene.bodies
        if all(10 < c < size - 11 for c, size in zip(body.centre_px, scene.shape, strict=True))
    ]
    for body in within:
        # Of whole spheres; the largest reach 10 px and more and may be cut.
        if body.diameter_px < 18:
            assert body.outline.sum() == pytest.approx(np.pi / 4 * body.diameter_px**2, rel=0.08)
    labels = scene.labels()
    assert ((labels > 0) == (crowd(scene) > 0)).all()


def test_isolated_particles_keep_their_gap():
    scene = placed(arrangement={"isolated": 1}, coverage=0.2, gap_px=5)
    radii, centres = scene.diameters_px / 2, scene.centres
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    # Outlines are sets of pixels: a pixel less at either side.
    assert (apart - radii[:, None] - radii[None]).min() > 3


def test_touching_particles_touch():
    scene = placed(arrangement={"touching": 1}, coverage=0.15, group=5, gap_px=6)
    radii, centres = scene.diameters_px / 2, scene.centres
    apart = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    nearest = (apart - radii[:, None] - radii[None]).min(axis=1)
    assert np.mean(nearest < 1.5) > 0.9
    assert nearest.min() > -1.5


def test_rods_of_a_bundle_are_parallel():
    scene = placed(
        3, diameter_px=40, shapes={"rod": 1}, aspect=6, mixed=0, group=8, spread=0.05,
        arrangement={"bundles": 1}, coverage=0.06,
    )  # fmt: skip
    angles = np.deg2rad(2 * np.array([body.angle_deg for body in scene.bodies]))
    assert len(scene) > 2
    assert np.hypot(np.cos(angles).mean(), np.sin(angles).mean()) > 0.95


def test_ellipsoids_lie_in_any_direction_and_make_no_bundles():
    given = {"shapes": {"ellipsoid": 1}, "coverage": 0.1, "elongation": 1.5}
    bundled, touching = (placed(arrangement={one: 1}, **given) for one in ("bundles", "touching"))
    np.testing.assert_array_equal(bundled.centres, touching.centres)


def test_layers_have_a_coverage_of_their_own():
    given = {"coverage": 0.05, "layer_coverage": 0.6}
    apart, layer = (placed(arrangement={one: 1}, **given) for one in ("isolated", "packed"))
    assert apart.coverage == pytest.approx(0.05, abs=0.03)
    assert layer.coverage == pytest.approx(0.6, abs=0.03)


def test_rods_are_as_long_as_asked():
    scene = placed(
        shape=(512, 512), diameter_px=40, shapes={"rod": 1}, aspect=10, spread=0, tilt_deg=0,
        arrangement={"isolated": 1}, coverage=0.05, cut_by_frame=False,
    )  # fmt: skip
    for body in scene.bodies:
        rows, columns = np.nonzero(body.outline)
        length = np.ptp(np.cov(rows, columns).trace() ** 0.5 * np.sqrt(12) * np.array([0, 1]))
        width = np.count_nonzero(body.outline) / length
        assert 6 < length / width < 15


def test_heights_tell_what_lies_on_top():
    flat = placed(arrangement={"isolated": 1}, coverage=0.2)
    for body in flat.bodies:
        assert body.height_px == pytest.approx(body.diameter_px / 2)
    piled = placed(arrangement={"random": 1}, coverage=0.45)
    assert max(body.height_px for body in piled.bodies) > 30


def test_particles_lie_on_the_support_alone():
    allowed = np.zeros(SHAPE, bool)
    allowed[:, 100:220] = True
    for arrangement in ARRANGEMENTS:
        scene = placed(arrangement={arrangement: 1}, coverage=0.3, allowed=allowed, overhang=0.3)
        labels = scene.labels()
        beyond = np.count_nonzero((labels > 0) & ~allowed) / np.count_nonzero(labels)
        assert beyond < 0.12
        covered = np.count_nonzero((labels > 0) & allowed) / np.count_nonzero(allowed)
        assert 0.29 < covered < 0.36
        assert (np.abs(scene.centres[:, 1] - 159.5) <= 61).all()


def test_nothing_is_laid_where_there_is_no_support():
    assert len(placed(allowed=np.zeros(SHAPE, bool))) == 0


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_the_frame_cuts_particles_only_if_it_may(arrangement):
    for cut in (True, False):
        scene = placed(arrangement={arrangement: 1}, coverage=0.4, cut_by_frame=cut)
        assert len(scene) > 20
        # Half a pixel beyond the middle of the last one is the end of the field.
        reach = scene.diameters_px[:, np.newaxis] / 2
        over = (scene.centres - reach < -1.2) | (scene.centres + reach > np.array(SHAPE) + 0.2)
        if arrangement != "facets":
            assert over.any() == cut


def test_diameters_are_log_normal():
    scene = placed(
        diameter_px=9, spread=0.25, coverage=0.4, arrangement={"random": 1}, shape=(512, 512)
    )
    logs = np.log(scene.diameters_px)
    assert len(logs) > 1000
    # Larger ones are cut by the frame a little more often.
    assert np.median(logs) == pytest.approx(np.log(9), abs=0.04)
    assert logs.std() == pytest.approx(0.25, abs=0.03)


def test_two_populations_share_what_is_covered():
    scene = placed(
        diameter_px=50, spread=0.05, second=1, second_ratio=0.2, second_share=0.4, coverage=0.3,
        arrangement={"isolated": 1}, shape=(512, 512),
    )  # fmt: skip
    sizes = scene.diameters_px
    small, large = sizes[sizes < 20], sizes[sizes > 30]
    assert len(small) + len(large) == len(sizes)
    share = np.sum(small**2) / np.sum(sizes**2)
    assert share == pytest.approx(0.4, abs=0.12)


@pytest.mark.parametrize("seed", range(4))
def test_one_seed_gives_one_scene(seed):
    settings = ParticleSettings(diameter_nm={"log": [4, 20]})
    first, again, other = (
        place(settings, SHAPE, pixel_size_nm=0.5, rng=np.random.default_rng(number)).thickness()
        for number in (seed, seed, seed + 50)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_usual_settings_give_every_shape_and_arrangement():
    settings = ParticleSettings(diameter_px=20)
    assert set(settings.shapes.names) == set(SHAPES)
    assert set(settings.arrangement.names) == set(ARRANGEMENTS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give either diameter_px or diameter_nm"),
        ({"diameter_px": 9, "diameter_nm": 2}, "give either diameter_px or diameter_nm"),
        ({"diameter_px": [-3, 9]}, "diameters are positive: -3"),
        ({"diameter_px": 9, "shapes": {"ball": 1}}, "no shape 'ball'; there are sphere, ellipsoid"),
        ({"diameter_px": 9, "arrangement": {"piled": 1}}, "no arrangement 'piled'; there are isol"),
        ({"diameter_px": 9, "aspect": 50}, "aspect lies from 1 to 30, got 50 to 50"),
        ({"diameter_px": 9, "mixed": 1.5}, "mixed lies from 0 to 1, got 1.5"),
        (
            {"diameter_px": 9, "coverage": [0.1, 0.7], "arrangement": {"isolated": 1}},
            "coverage of 0.7 is beyond what isolated can reach, 0.45: lower it, or give packed",
        ),
        (
            {"diameter_px": 9, "layer_coverage": 0.9, "arrangement": {"packed": 1, "random": 1}},
            "layer_coverage of 0.9 is beyond what packed can reach, 0.85",
        ),
        ({"diameter_px": 9, "layer_coverage": 2}, "layer_coverage lies from 0 to 1, got 2 to 2"),
    ],
)
def test_impossible_settings_are_one_line(given, message):
    with pytest.raises(ValidationError, match=message):
        ParticleSettings(**given)


def test_what_cannot_lie_in_the_field_is_one_line():
    with pytest.raises(UsageError, match="particles of 300 px do not fit a field of 256 x 300 px"):
        placed(diameter_px=300)
    with pytest.raises(
        UsageError, match=r"particles of 0.4 px are not resolved, 3 px is the least"
    ):
        placed(diameter_px=None, diameter_nm=0.2)
    with pytest.raises(UsageError, match=r"allowed has the shape \(9, 9\), the field \(256, 300\)"):
        placed(allowed=np.ones((9, 9), bool))


def test_a_hexagonal_lattice_has_six_neighbours_at_its_spacing():
    sites = hexagonal((200, 200), 12.0, np.random.default_rng(2))
    inner = sites[((sites > 30) & (sites < 170)).all(axis=1)]
    between = np.linalg.norm(inner[:, None] - sites[None], axis=2)
    assert (((between > 11.9) & (between < 12.1)).sum(axis=1) == 6).all()


def test_relaxing_takes_overlaps_away_and_fitting_the_rest():
    rng = np.random.default_rng(4)
    radii = rng.uniform(4, 7, 200)
    side = np.sqrt(np.pi * np.sum(radii**2) / 0.7)
    start = rng.uniform(0, side, (200, 2))
    moved = relax(start, radii, sweeps=60)
    assert fitting(moved, radii).mean() > 0.97 > fitting(start, radii).mean()
    final = radii * fitting(moved, radii)
    between = np.linalg.norm(moved[:, None] - moved[None], axis=2)
    np.fill_diagonal(between, np.inf)
    assert (between >= final[:, None] + final[None] - 1e-9).all()


def test_cells_hold_what_is_nearest_to_their_sites():
    sites = np.random.default_rng(0).uniform(0, 100, (60, 2))
    for cell in cells(sites):
        middle = cell.mean(axis=0)
        own = np.argmin(np.linalg.norm(sites - middle, axis=1))
        for corner in cell:
            distances = np.linalg.norm(sites - corner, axis=1)
            assert distances[own] == pytest.approx(distances.min())
