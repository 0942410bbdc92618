"""Drift that was applied against drift that is seen; events against instances and volumes."""

import numpy as np
import pytest

from nanosieve.simulation.coarsening.film import film, stage
from nanosieve.simulation.coarsening.placing import scatter
from nanosieve.simulation.coarsening.sheet import Process, Sheet
from nanosieve.simulation.coarsening.tables import EVENT_COLUMNS, events, volume_nm3

MIDDLE = np.array([20.0, 25.0])


def _film(process, drift, *, seed=0, count=60):
    rng = np.random.default_rng(seed)
    region = np.array([75.0, 85.0])
    diameters = rng.normal(4, 1, count).clip(1.5)
    places = scatter(region, diameters, gap_nm=0.3, rng=rng)
    sheet = Sheet(region, process, places, diameters**3, rng)
    return film(sheet, drift, MIDDLE, frame_time_s=1.0)


def _seen(snapshots):
    """Numbers of those whose centre lies within the image: enough to test the tables."""
    return [
        set(s.ids[((s.places >= 0) & (s.places <= 2 * MIDDLE)).all(axis=1)].tolist())
        for s in snapshots
    ]


def test_stage_moves_linearly_with_a_jitter():
    path = stage(4000, np.array([0.3, -0.1]), 0.5, rng=np.random.default_rng(0))
    assert (path[0] == 0).all()
    rest = path - np.arange(4000)[:, np.newaxis] * [0.3, -0.1]
    np.testing.assert_allclose(rest.std(axis=0), 0.5, rtol=0.05)
    steps = np.diff(rest, axis=0)
    # Drawn anew for each frame: differences of neighbours have twice the variance.
    np.testing.assert_allclose(steps.std(axis=0), 0.5 * np.sqrt(2), rtol=0.05)


def test_still_particles_move_as_the_stage_does():
    drift = stage(6, np.array([1.5, -2.0]), 0.4, rng=np.random.default_rng(1))
    snapshots = _film(Process("diffusion", constant=0.0, smallest_nm=0.5), drift)
    for snapshot, moved in zip(snapshots, drift, strict=True):
        shift = snapshot.places - snapshots[0].places
        near = np.abs(snapshots[0].places - MIDDLE).max(axis=1) < 15
        np.testing.assert_allclose(shift[near] - moved, 0, atol=1e-9)
        assert snapshot.time_s == snapshot.frame


@pytest.fixture(scope="module")
def busy():
    process = Process(
        "interface", constant=0.15, smallest_nm=1.0, diffusivity_nm2_s=0.05, neck_time_s=2.0,
        nuclei_per_s=0.15,
    )  # fmt: skip
    drift = stage(25, np.array([0.2, 0.3]), 0.2, rng=np.random.default_rng(1))
    return _film(process, drift, seed=5, count=110)


def test_every_change_of_numbers_in_view_has_its_event(busy):
    seen = _seen(busy)
    table = events(busy, seen, height=0.8)
    assert tuple(table.columns) == EVENT_COLUMNS
    assert set(table["kind"]) == {"merge", "vanish", "appear", "enter", "leave"}
    for frame in range(1, len(busy)):
        here = table[table["frame_after"] == frame]
        assert (here["frame_before"] == frame - 1).all()
        own = here[here["in_frame"]]
        ended = own[own["kind"].isin(["merge", "vanish", "leave"])]["particle"]
        begun = own[own["kind"].isin(["enter", "appear"])]["particle"]
        assert seen[frame - 1] - seen[frame] == set(ended) - seen[frame]
        assert sorted(ended) == sorted(seen[frame - 1] - seen[frame])
        assert sorted(begun) == sorted(seen[frame] - seen[frame - 1])


def test_volumes_of_merges_add_up(busy):
    merges = events(busy, _seen(busy), height=0.8).query("kind == 'merge'")
    assert len(merges) > 3
    total = merges["volume_before_nm3"] + merges["into_before_nm3"]
    np.testing.assert_allclose(total, merges["volume_after_nm3"], rtol=1e-12)
    # The larger one survives.
    assert (merges["into_before_nm3"] >= merges["volume_before_nm3"]).all()
    assert (
        (merges["time_s"] > merges["frame_before"]) & (merges["time_s"] <= merges["frame_after"])
    ).all()


def test_merges_lie_between_the_two_in_the_frame_before(busy):
    merges = events(busy, _seen(busy), height=0.8).query("kind == 'merge' and in_frame")
    for row in merges.itertuples():
        before = busy[row.frame_before]
        at = [np.searchsorted(before.ids, number) for number in (row.particle, row.into)]
        if not (before.ids[at] == [row.particle, row.into]).all():
            continue
        reach = sum(before.shapes[index].reach for index in at)
        for index in at:
            assert np.hypot(*(before.places[index] - [row.y_nm, row.x_nm])) < reach + 2.5


def test_who_vanishes_was_small_and_nuclei_have_a_size(busy):
    table = events(busy, _seen(busy), height=0.8)
    gone = table.query("kind == 'vanish'")
    assert (gone["volume_after_nm3"] == 0).all()
    assert (gone["volume_before_nm3"] < volume_nm3(3.0**3, 0.8)).all()
    nuclei = table.query("kind == 'appear'")
    assert (nuclei["volume_before_nm3"] == 0).all()
    assert (nuclei["volume_after_nm3"] > volume_nm3(2.0**3, 0.8)).all()
    assert table.query("kind != 'merge'")["into"].eq(0).all()


def test_a_film_without_events_has_an_empty_table():
    snapshots = _film(Process("diffusion", constant=0.0, smallest_nm=0.5), np.zeros((3, 2)))
    table = events(snapshots, _seen(snapshots), height=1.0)
    assert tuple(table.columns) == EVENT_COLUMNS
    assert table.empty
