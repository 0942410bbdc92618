"""A whole movie: truth of frames, events, tracks and drift agree; settings that cannot be."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.simulation.coarsening.kind import Settings, simulate
from nanosieve.simulation.presets import check, load

SMALL = {
    "kind": "coarsening",
    "movie": {
        "frames": 8, "frame_time_s": 1.0, "shape": [128, 144], "pixel_size_nm": 0.2,
        "margin_nm": 8.0,
    },
    "population": {
        "diameter_nm": [1.6, 5], "coverage": 0.2, "smallest_nm": 1.0, "height": 0.8,
        "nuclei_per_s": 0.1,
    },
    "ripening": {"law": {"interface": 1}, "interface_nm2_s": 0.2},
    "migration": {"diffusivity_nm2_s": 0.05, "reference_nm": 4.0},
    "coalescence": {"time_s": 2.0},
    "drift": {"speed_nm_s": 0.5, "jitter_nm": 0.2},
    "material": {"Au": 1},
    "support": {"kind": {"flat": 1}, "film_nm": 5, "edge_share": 0, "fold_share": 0},
    "modality": {
        "bf-tem": {"detector": {"model": "counting", "dose_e_per_A2": 400}, "energy_kv": 300},
    },
}  # fmt: skip


def _settings(**changes):
    """`SMALL` with tables changed: `None` drops a key."""
    values = {
        key: dict(value) if isinstance(value, dict) else value for key, value in SMALL.items()
    }
    for table, change in changes.items():
        values[table] = {**values[table], **change}
    return values


def _movie(values, seed=0):
    settings = Settings.model_validate(values)
    return list(simulate(settings, name="film", rng=np.random.default_rng([0, seed])))


@pytest.fixture(scope="module")
def movie():
    return _movie(SMALL)


def test_frames_have_names_and_one_group(movie):
    assert [frame.name for frame in movie] == [f"film_f{k:03d}" for k in range(8)]
    assert {frame.group for frame in movie} == {"film"}
    assert [frame.frame for frame in movie] == list(range(8))
    assert all(frame.image.shape == (128, 144) for frame in movie)
    assert Settings.model_validate(SMALL).per_structure == 8
    assert Settings.counts == "movies"


def test_rows_are_the_instances_of_their_frame(movie):
    for frame in movie:
        numbers = [row.particle for row in frame.particles]
        assert numbers == sorted(set(np.unique(frame.instances)) - {0})
        for row in frame.particles:
            mask = frame.instances == row.particle
            if row.touches_border:
                continue
            assert np.sqrt(4 / np.pi * mask.sum()) * 0.2 == pytest.approx(row.diameter_nm, rel=0.08)
            centre = np.argwhere(mask).mean(axis=0) * 0.2
            np.testing.assert_allclose(centre, [row.y_nm, row.x_nm], atol=0.1)


def test_one_number_is_one_particle_through_the_movie(movie):
    """Between frames nobody jumps: small steps once the drift is taken away."""
    places = {}
    for frame in movie:
        moved = np.array(
            [frame.imaging["specimen_moved_down_nm"], frame.imaging["specimen_moved_right_nm"]]
        )
        for row in frame.particles:
            here = np.array([row.y_nm, row.x_nm]) - moved
            if row.particle in places and row.shape != "merging":
                # Five standard deviations of the smallest particle's walk, or a merge's shift.
                assert np.hypot(*(here - places[row.particle])) < 5
            places[row.particle] = here


def test_volume_of_the_region_stays(movie):
    sums = [frame.imaging["region_sum_d3_nm3"] for frame in movie]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-12)
    assert movie[-1].imaging["region_particles"] < movie[0].imaging["region_particles"]


def test_tables_come_with_the_last_frame_and_agree_with_instances(movie):
    assert not any(frame.tables for frame in movie[:-1])
    events, tracks = movie[-1].tables["events"], movie[-1].tables["tracks"]
    seen = [set(np.unique(frame.instances)) - {0} for frame in movie]
    assert tracks.groupby("frame")["particle"].agg(set).tolist() == seen
    for k in range(1, 8):
        own = events[(events["frame_after"] == k) & events["in_frame"]]
        ended = own[own["kind"].isin(["merge", "vanish", "leave"])]["particle"]
        begun = own[own["kind"].isin(["enter", "appear"])]["particle"]
        assert set(ended) - seen[k - 1] == set(begun) - seen[k] == set()
        assert seen[k] == (seen[k - 1] - set(ended)) | set(begun)
    assert {"merge", "vanish"} <= set(events["kind"])


def test_tracks_state_the_truth_of_frames(movie):
    tracks = movie[-1].tables["tracks"].set_index(["frame", "particle"])
    for frame in movie:
        for row in frame.particles:
            track = tracks.loc[(frame.frame, row.particle)]
            assert (track["y_nm"], track["x_nm"]) == (row.y_nm, row.x_nm)
            if row.shape == "cap":
                assert not track["merging"]
                volume = np.pi / 6 * 0.8 * row.diameter_nm**3
                assert track["volume_nm3"] == pytest.approx(volume, rel=1e-6)


def test_amount_is_the_thickness_of_the_particles(movie):
    frame = movie[0]
    assert frame.amount_unit == "nm"
    assert frame.amount[frame.instances == 0].max() < 1.0
    inner = next(row for row in frame.particles if not row.touches_border)
    volume = frame.amount[frame.instances == inner.particle].sum() * 0.2**2
    assert volume == pytest.approx(np.pi / 6 * 0.8 * inner.diameter_nm**3, rel=0.03)


def test_images_move_as_the_drift_says():
    """Still particles, high dose: phase correlation finds the applied drift."""
    values = _settings(
        population={"nuclei_per_s": 0},
        ripening={"interface_nm2_s": 0},
        migration={"diffusivity_nm2_s": 0},
        drift={"speed_nm_s": 0.45, "jitter_nm": 0.1},
        modality={
            "bf-tem": {
                "detector": {"model": "counting", "dose_e_per_A2": 20_000},
                "illumination": {"gradient": 0, "vignette": 0},
            }
        },
    )
    movie = _movie(values, seed=3)
    first = ndimage.gaussian_filter(movie[0].image.astype(float), 1)
    for frame in movie[1:]:
        other = ndimage.gaussian_filter(frame.image.astype(float), 1)
        applied = np.array(
            [frame.imaging["specimen_moved_down_nm"], frame.imaging["specimen_moved_right_nm"]]
        )
        back = ndimage.shift(other, -applied / 0.2, order=3)
        inner = (slice(24, -24), slice(24, -24))
        unmoved = np.corrcoef(first[inner].ravel(), other[inner].ravel())[0, 1]
        moved = np.corrcoef(first[inner].ravel(), back[inner].ravel())[0, 1]
        assert moved > 0.98
        if np.hypot(*applied) > 1:
            assert unmoved < moved - 0.1


def test_dark_field_shows_bright_particles_over_the_truth():
    detector = {"model": "stem", "dose_e_per_A2": 5000, "stem": {"drift": 0}}
    values = _settings()
    values["modality"] = {"haadf": {"detector": detector}}
    values["movie"] = {**values["movie"], "frames": 2}
    frame = _movie(values)[1]
    inside = frame.instances > 0
    assert frame.image[inside].mean() > 2 * frame.image[~inside].mean()


def test_a_particle_keeps_its_look_until_it_turns():
    """With strong diffraction, grey levels of still particles stay, or change when they turn."""
    look = {"diffraction": {"spread": 0.6, "mottle": 0}}
    bright = {**SMALL["modality"]["bf-tem"], **look}
    bright["detector"] = {"model": "counting", "dose_e_per_A2": 20_000}

    def levels(turns):
        values = _settings(
            population={"nuclei_per_s": 0},
            ripening={"interface_nm2_s": 0},
            migration={"diffusivity_nm2_s": 0},
            drift={"speed_nm_s": 0, "jitter_nm": 0},
            modality={"bf-tem": bright},
            movie={"frames": 2},
        )
        first, second = _movie({**values, "turns_per_s": turns}, seed=1)
        numbers = [row.particle for row in first.particles]
        grey = [ndimage.mean(f.image.astype(float), f.instances, numbers) for f in (first, second)]
        return np.abs(grey[1] / grey[0] - 1)

    assert levels(0).max() < 0.03
    assert levels(1.0).max() > 0.08


def test_the_same_seed_gives_the_same_bits():
    values = _settings(movie={"frames": 3})
    first, second, other = (_movie(values, seed) for seed in (4, 4, 5))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.instances, two.instances)
        # As text, in which NaN equals NaN.
        assert repr(one.particles) == repr(two.particles)
    assert first[-1].tables["events"].equals(second[-1].tables["events"])
    assert not np.array_equal(first[0].image, other[0].image)


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("movie", {"shape": [16, 64]}, "at least 32 px a side"),
        ("movie", {"pixel_size_nm": 0}, "pixel_size_nm: expected a size above 0"),
        ("movie", {"margin_nm": 3}, "less than the largest particle of 5 nm; widen the margin"),
        ("movie", {"pixel_size_nm": 0.9}, "less than two pixels of 0.9 nm"),
        ("population", {"diameter_nm": 40}, "do not fit into a frame of 25.6 nm"),
        ("population", {"diameter_nm": 0.8}, "all particles are below smallest_nm"),
        ("population", {"coverage": 0.6}, "coverage: expected a share above 0 and up to 0.35"),
        ("population", {"height": 1.5}, "height: expected a share"),
        ("population", {"nuclei_per_s": -1}, "nuclei_per_s: expected 0 or more"),
        ("ripening", {"law": {"magic": 1}}, "no law 'magic'; there are diffusion, interface"),
        ("ripening", {"interface_nm2_s": -1}, "constants of ripening are 0 or more"),
        ("migration", {"diffusivity_nm2_s": -1}, "diffusivity_nm2_s: expected 0 or more"),
        ("migration", {"diffusivity_nm2_s": 500}, "steps a frame; lower"),
        ("coalescence", {"time_s": 0}, "time_s: expected a time above 0"),
        ("drift", {"jitter_nm": -1}, "speed_nm_s and jitter_nm: expected 0 or more"),
        ("material", {"Unobtainium": 1}, "no material 'Unobtainium'"),
        ("support", {"kind": {"lacey": 1}}, "particles walk everywhere, so it is a whole film"),
    ],
)
def test_settings_that_cannot_be_are_named_in_one_line(table, change, message):
    with pytest.raises(UsageError) as raised:
        check(_settings(**{table: change}), name="bad")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_turning_backwards_and_phase_contrast_are_refused():
    with pytest.raises(ValidationError, match=r"turns_per_s: expected 0 or more"):
        Settings.model_validate({**SMALL, "turns_per_s": -1})
    optics = {"energy_kv": 300, "defocus_nm": 0}
    phase = {"detector": {"model": "counting", "dose_e_per_A2": 10}, "optics": optics}
    with pytest.raises(ValidationError, match=r"movies are bf-tem, bf-stem, haadf or laadf"):
        Settings.model_validate(_settings(modality={"phase": phase}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detector": {"model": "stem"}}, r"modality.haadf.detector.stem.drift: nothing moves"),
        ({"least_cnr": 5}, r"modality.haadf.least_cnr: the dose of a movie's frames is stated"),
    ],
)
def test_what_a_movie_would_not_follow_is_refused(change, message):
    still = {"detector": {"model": "stem", "stem": {"drift": 0}}}
    Settings.model_validate({**SMALL, "modality": {"haadf": still}})
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate({**SMALL, "modality": {"haadf": {**still, **change}}})


def test_a_crowd_without_room_is_told():
    values = _settings(population={"coverage": 0.35, "gap_nm": 5.0})
    with pytest.raises(UsageError, match=r"lower population.coverage"):
        _movie(values)


def test_the_preset_is_complete():
    preset = load("coarsening")
    assert preset.counts == "movies"
    assert preset.per_structure == 60
    assert set(preset.settings.ripening.law.root) == {"diffusion", "interface", "surface"}
    text = Path(preset.dump()).as_posix()
    assert "diffusivity_nm2_s" in text
