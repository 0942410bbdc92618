"""Walks, meetings and merges on a sheet against Einstein's law and the conservation of volume."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.coarsening.clusters import measure
from nanosieve.simulation.coarsening.contact import nearest_image
from nanosieve.simulation.coarsening.placing import free_place, scatter
from nanosieve.simulation.coarsening.sheet import Process, Sheet

STILL = Process("diffusion", constant=0.0, smallest_nm=0.5)


def _sheet(process, places, diameters, *, region=(60.0, 60.0), seed=0):
    return Sheet(
        np.array(region),
        process,
        np.array(places, float),
        np.array(diameters, float) ** 3,
        np.random.default_rng(seed),
    )


def _crowd(seed, **changes):
    rng = np.random.default_rng(seed)
    diameters = rng.normal(4, 1, 120).clip(1.5)
    region = np.array([90.0, 70.0])
    settings = {"constant": 0.3, "smallest_nm": 1.0, "diffusivity_nm2_s": 0.04, **changes}
    process = Process("diffusion", neck_time_s=2.0, **settings)
    places = scatter(region, diameters, gap_nm=0.3, rng=rng)
    return Sheet(region, process, places, diameters**3, rng)


@pytest.fixture(scope="module")
def run():
    """A sheet on which everything happens, and what was true after each second of it."""
    sheet = _crowd(0, nuclei_per_s=0.3)
    total, sums, overlaps = sheet.cubes.sum(), [], []
    for _ in range(20):
        sheet.advance(1.0)
        sums.append(sheet.cubes.sum() / total)
        overlaps.append(_deepest_overlap(sheet))
    return sheet, sums, overlaps


def _deepest_overlap(sheet):
    bodies = [sheet.members(index) for index in range(len(sheet.ids))]
    owners = np.repeat(np.arange(len(bodies)), [len(body.radii) for body in bodies])
    places = sheet.places[owners] + np.vstack([body.offsets for body in bodies])
    radii = np.concatenate([body.radii for body in bodies])
    between = places[:, np.newaxis] - places
    between -= sheet.region * np.round(between / sheet.region)
    depth = radii[:, np.newaxis] + radii - np.hypot(*np.moveaxis(between, -1, 0))
    return depth[owners[:, np.newaxis] != owners].max()


def test_volume_is_conserved_through_ripening_vanishing_merging_and_nucleation(run):
    sheet, sums, _ = run
    np.testing.assert_allclose(sums, 1, rtol=1e-12)
    kinds = {happening.kind for happening in sheet.happened}
    assert {"merge", "vanish", "appear"} <= kinds
    assert list(sheet.ids) == sorted(sheet.ids)
    assert sheet.clusters
    # What is drawn has the volume that is booked.
    for particle, cluster in sheet.clusters.items():
        booked = sheet.cubes[list(sheet.ids).index(particle)]
        assert measure(cluster).cube == pytest.approx(booked, rel=1e-3)


def test_nobody_overlaps_at_the_end_of_a_step(run):
    assert max(run[2]) < 1e-9


def test_lives_end_once_and_numbers_are_not_given_again(run):
    happened = run[0].happened
    ended = [h.particle for h in happened if h.kind != "appear"]
    born = set(range(1, 121))
    born |= {h.particle for h in happened if h.kind == "appear"}
    born |= {h.into for h in happened if h.kind == "wrap"}
    assert len(ended) == len(set(ended))
    assert set(run[0].ids) == born - set(ended)


def test_particles_walk_as_einstein_says():
    """<r^2> = 4 D t with D = D_ref (d_ref / d)^4, for two sizes."""
    count, seconds = 400, 3.0
    grid = np.stack(np.mgrid[0:20, 0:20], axis=-1).reshape(-1, 2) * 100.0 + 50
    diameters = np.where(np.arange(count) % 2 == 0, 4.0, 2.0)
    process = Process(
        "diffusion", constant=0.0, smallest_nm=0.5, diffusivity_nm2_s=0.8, reference_nm=4.0
    )
    sheet = _sheet(process, grid, diameters, region=(2000.0, 2000.0))
    for _ in range(3):
        sheet.advance(seconds / 3)
    assert len(sheet.ids) == count
    moved = ((sheet.places - grid) ** 2).sum(axis=1)
    for diameter, diffusivity in ((4.0, 0.8), (2.0, 0.8 * 16)):
        own = moved[diameters == diameter]
        # The mean of 200 squared distances is known to 1 / sqrt(200) = 7 %.
        assert own.mean() == pytest.approx(4 * diffusivity * seconds, rel=0.25)


def test_larger_of_two_that_touch_survives_where_their_mass_is():
    process = Process("diffusion", constant=0.0, smallest_nm=0.5, neck_time_s=1e-3)
    sheet = _sheet(process, [[20.0, 20.0], [20.0, 22.9]], [2.0, 4.0])
    sheet.advance(1.0)
    sheet.advance(1.0)
    assert list(sheet.ids) == [2]
    assert sheet.cubes[0] == 72.0
    assert not sheet.clusters
    np.testing.assert_allclose(sheet.places[0], [20.0, 20 + 2.9 * 64 / 72])
    [merge] = sheet.happened
    assert (merge.kind, merge.particle, merge.into) == ("merge", 1, 2)
    assert (merge.cube, merge.into_cube) == (8.0, 64.0)


def test_a_merge_across_the_edge_stays_there():
    process = Process("diffusion", constant=0.0, smallest_nm=0.5, neck_time_s=1e-3)
    sheet = _sheet(process, [[30.0, 0.5], [30.0, 58.5]], [3.0, 3.0])
    sheet.advance(1.0)
    assert len(sheet.ids) == 1
    np.testing.assert_allclose(sheet.places[0], [30.0, 59.5])


def test_a_neck_relaxes_in_its_time():
    """The distance of the centres falls by e in tau; the volume stays."""
    process = Process(
        "diffusion", constant=0.0, smallest_nm=0.5, neck_time_s=10.0, neck_power=4.0,
        reference_nm=4.0 * 2 ** (1 / 3),
    )  # fmt: skip
    sheet = _sheet(process, [[30.0, 28.0], [30.0, 32.0]], [4.0, 4.0])
    sheet.advance(1e-6)
    assert len(sheet.ids) == 1
    for _ in range(10):
        sheet.advance(1.0)
    [cluster] = sheet.clusters.values()
    distance = np.hypot(*(cluster.offsets[0] - cluster.offsets[1]))
    assert distance == pytest.approx(4 / np.e, rel=1e-4)
    assert measure(cluster).cube == pytest.approx(128, rel=1e-3)


def test_a_third_particle_joins_a_pair_that_still_relaxes():
    process = Process("diffusion", constant=0.0, smallest_nm=0.5, neck_time_s=1000.0)
    sheet = _sheet(process, [[30.0, 26.0], [30.0, 30.0], [30.0, 33.5]], [4.0, 4.0, 3.0])
    sheet.advance(1.0)
    assert len(sheet.ids) == 1
    [cluster] = sheet.clusters.values()
    assert len(cluster.radii) == 3
    np.testing.assert_allclose(np.sort(cluster.radii), [1.5, 2.0, 2.0], rtol=1e-2)


def test_who_walks_out_of_the_region_comes_in_as_another():
    process = Process(
        "diffusion", constant=0.0, smallest_nm=0.5, diffusivity_nm2_s=2.0, reference_nm=2.0
    )
    sheet = _sheet(process, [[30.0, 0.01]], [2.0], seed=3)
    for _ in range(20):
        sheet.advance(1.0)
    wraps = [happening for happening in sheet.happened if happening.kind == "wrap"]
    assert wraps
    assert wraps[0].particle == 1
    assert sheet.ids[0] == wraps[-1].into > 1
    assert ((sheet.places >= 0) & (sheet.places < 60)).all()


def test_nuclei_are_larger_than_the_critical_size():
    sheet = _crowd(4, nuclei_per_s=3.0, diffusivity_nm2_s=0.0)
    sheet.advance(1.0)
    nuclei = [happening for happening in sheet.happened if happening.kind == "appear"]
    assert nuclei
    assert min(n.cube for n in nuclei) > 3.0**3


def test_scattered_particles_keep_their_distance():
    rng = np.random.default_rng(0)
    diameters = rng.uniform(2, 5, 80)
    region = np.array([70.0, 50.0])
    places = scatter(region, diameters, gap_nm=0.5, rng=rng)
    for i in range(80):
        away = np.hypot(*nearest_image(places - places[i], region).T)
        away[i] = np.inf
        assert (away >= (diameters + diameters[i]) / 2 + 0.5).all()


def test_too_many_particles_are_refused():
    with pytest.raises(UsageError, match=r"no room for 9 particles .* lower population.coverage"):
        scatter(np.full(2, 10.0), np.full(9, 4.0), gap_nm=0.5, rng=np.random.default_rng(0))


def test_no_place_is_found_where_there_is_none():
    rng = np.random.default_rng(0)
    assert free_place(np.full(2, 10.0), np.full((1, 2), 5.0), np.array([9.0]), rng=rng) is None
