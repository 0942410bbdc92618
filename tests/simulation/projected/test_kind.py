"""Whole images of particles on supports: truth, polarity, determinism, designs, faults."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nanosieve.simulation.presets import load
from nanosieve.simulation.projected.kind import Settings, simulate

PRESETS = (
    "bf-supported", "haadf-supported", "laadf", "bf-stem", "groom-catalyst", "horwath-au",
)  # fmt: skip
CAMERA = {"model": "counting", "dose_e_per_A2": 2000}
PLAIN = {
    "kind": "projected",
    "shape": [128, 160],
    "pixel_size_nm": 0.5,
    "material": {"Au": 1},
    "particles": {
        "diameter_nm": 10, "coverage": 0.1, "shapes": {"sphere": 1}, "arrangement": {"isolated": 1},
        "second": 0, "spread": 0.1,
    },
    "support": {"kind": {"flat": 1}, "edge_share": 0, "fold_share": 0, "dirt_share": 0},
    "modality": {"bf-tem": {"detector": CAMERA, "electrons_per_px": 4000}},
}  # fmt: skip
HAADF = {"haadf": {"detector": {"model": "stem"}, "electrons_per_px": 40_000}}


def _settings(**others):
    return Settings.model_validate(PLAIN | others)


def _images(settings, seed=0):
    rng = np.random.default_rng([0, seed])
    return list(simulate(settings.of_structure(seed), name="one", rng=rng))


def _image(settings, seed=0):
    [one] = _images(settings, seed)
    return one


def _small(name, side=160):
    """A preset as it is, but for its shape."""
    values = load(name).settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    values |= {"shape": [side, side]}
    if "median_px" in values:
        values["median_px"] = {"log": [7, 40]}
    if values.get("frames", 1) > 1:
        values["frames"] = 2
    return Settings.model_validate(values)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_images_that_are_made_again_bit_by_bit(name):
    settings = _small(name)
    for seed in range(3):
        first, again = _images(settings, seed), _images(settings, seed)
        assert len(first) == settings.per_structure
        for one, two in zip(first, again, strict=True):
            assert one.image.dtype in (np.uint8, np.uint16)
            assert np.ptp(one.image) > 0
            np.testing.assert_array_equal(one.image, two.image)
            np.testing.assert_array_equal(one.instances, two.instances)
            assert [row.visible for row in one.particles] == [row.visible for row in two.particles]


@pytest.mark.parametrize("name", PRESETS)
def test_truth_fits_the_image(name):
    settings = _small(name)
    for one in (_images(settings, seed)[-1] for seed in range(3)):
        shape = one.image.shape
        assert one.instances.shape == one.ignore.shape == one.amount.shape == shape
        assert one.instances.max() <= len(one.particles)
        assert [row.particle for row in one.particles] == list(range(1, len(one.particles) + 1))
        assert not one.amount[one.instances > 0].min(initial=1) < 0
        visible = np.array([True, *(row.visible for row in one.particles)])
        assert one.ignore[~visible[one.instances]].all()
        assert len(one.outlines) in (0, len(one.particles))
        for outline, row in zip(one.outlines, one.particles, strict=False):
            assert outline[one.instances == row.particle].all()
        assert all(np.isscalar(value) for value in one.imaging.values())


def test_areas_and_centres_are_those_of_the_pixels():
    one = _image(_settings())
    assert len(one.particles) >= 5
    for row in one.particles:
        if row.touches_border:
            continue
        rows, columns = np.nonzero(one.instances == row.particle)
        assert len(rows) * 0.25 == pytest.approx(row.area_nm2, rel=0.05)
        assert rows.mean() * 0.5 == pytest.approx(row.y_nm, abs=0.15)
        assert columns.mean() * 0.5 == pytest.approx(row.x_nm, abs=0.15)
        assert row.diameter_nm == pytest.approx(2 * np.sqrt(row.area_nm2 / np.pi))
        inside = one.instances == row.particle
        # The middle of a sphere is as thick as the sphere is wide.
        assert one.amount[inside].max() == pytest.approx(row.diameter_nm, rel=0.02)


def test_particles_are_dark_in_bright_field_and_bright_in_dark_field():
    for modality, sign in ((PLAIN["modality"], -1), (HAADF, 1)):
        one = _image(_settings(modality=modality))
        image = one.image.astype(float)
        inside = image[one.instances > 0].mean()
        assert sign * (inside - image[one.instances == 0].mean()) > 5 * image.std() / 10
        assert all(row.visible for row in one.particles)


def test_an_empty_support_has_no_particle_and_empty_truth():
    for modality in (PLAIN["modality"], HAADF):
        one = _image(_settings(empty_share=1, modality=modality))
        assert one.particles == ()
        assert len(one.outlines) == 0
        for truth in (one.instances, one.ignore, one.amount):
            assert not truth.any()
        assert one.image.std() > 0


def test_the_stated_share_of_structures_is_empty():
    settings = _settings(empty_share=0.3, shape=[48, 48], pixel_size_nm=1.0)
    empty = [not _image(settings, seed).particles for seed in range(60)]
    assert np.mean(empty) == pytest.approx(0.3, abs=0.18)


def test_print_on_particles_is_ignored_and_print_on_support_is_support():
    settings = _settings(annotations={"bar_share": 1, "letter_share": 1, "words_share": 1})
    plain = _settings()
    printed_on = 0
    for seed in range(6):
        one, bare = _image(settings, seed), _image(plain, seed)
        np.testing.assert_array_equal(one.instances, bare.instances)
        covered = np.abs(one.image.astype(float) - bare.image) > 0.3 * np.ptp(bare.image)
        on_particle = covered & (one.instances > 0)
        printed_on += on_particle.sum()
        assert one.ignore[on_particle].mean() > 0.95 if on_particle.any() else True
        assert not one.ignore[one.instances == 0].any()
    assert printed_on > 50


def test_what_nobody_can_see_is_ignored():
    faint = {"bf-tem": {"detector": CAMERA, "electrons_per_px": 1}}
    one = _image(_settings(modality=faint, particles=PLAIN["particles"] | {"diameter_nm": 3}))
    assert one.particles
    assert not any(row.visible for row in one.particles)
    np.testing.assert_array_equal(one.ignore, one.instances > 0)


def test_a_particle_that_others_cover_cannot_be_seen():
    particles = PLAIN["particles"] | {
        "diameter_nm": 20, "coverage": 0.45, "arrangement": {"random": 1}, "second": 1,
        "second_ratio": 0.3, "second_share": 0.1,
    }  # fmt: skip
    one = _image(_settings(particles=particles, shape=[192, 192]), seed=1)
    covered = [row for row in one.particles if row.particle not in np.unique(one.instances)]
    assert covered
    assert not any(row.visible for row in covered)


def test_exposure_is_raised_until_particles_can_be_seen():
    few = {"detector": CAMERA, "electrons_per_px": 5}
    doses = []
    for least in (0, 15):
        one = _image(_settings(modality={"bf-tem": few | {"least_cnr": least}}))
        doses.append(one.imaging["dose_e_per_px"])
    assert doses[0] == pytest.approx(5)
    assert doses[1] > 10


def test_enlarged_images_keep_their_truth_and_have_correlated_noise():
    even = {
        "empty_share": 1,
        "support": PLAIN["support"] | {"gradient": 0, "roughness": 0},
        "modality": {
            "bf-tem": PLAIN["modality"]["bf-tem"]
            | {"electrons_per_px": 50, "illumination": {"gradient": 0, "vignette": 0}}
        },
    }
    settings = _settings(oversampling={"share": 1, "factor": 2.5}, **even)
    plain = _settings(oversampling={"share": 0}, **even)

    def neighbours(one):
        noise = one.image.astype(float)
        noise -= noise.mean()
        return (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()

    assert neighbours(_image(settings)) > neighbours(_image(plain)) + 0.5
    full = _image(_settings(oversampling={"share": 1, "factor": 2.5}))
    bare = _image(_settings())
    np.testing.assert_array_equal(full.instances, bare.instances)
    assert full.imaging["detector_pixel_size_nm"] == pytest.approx(0.5 * 128 / 51)
    assert full.pixel_size_nm == 0.5


def test_the_pixel_size_follows_from_the_diameter():
    settings = _settings(
        pixel_size_nm=None, median_px=25, particles=PLAIN["particles"] | {"diameter_nm": [5, 20]}
    )
    for seed in range(4):
        one = _image(settings, seed)
        px = np.median([row.diameter_nm for row in one.particles]) / one.pixel_size_nm
        assert px == pytest.approx(25, rel=0.2)


def test_frames_show_one_scene_that_drifts():
    settings = _settings(frames=4, drift_px=3, particles=PLAIN["particles"] | {"coverage": 0.2})
    frames = _images(settings)
    assert [one.name for one in frames] == ["one_0", "one_1", "one_2", "one_3"]
    assert {one.group for one in frames} == {"one"}
    assert [one.frame for one in frames] == [0, 1, 2, 3]
    assert len({one.imaging["dose_e_per_A2"] for one in frames}) == 1
    first, second = frames[0], frames[1]
    spots = [
        {(round(row.diameter_nm, 6)): (row.y_nm, row.x_nm) for row in one.particles}
        for one in (first, second)
    ]
    shared = spots[0].keys() & spots[1].keys()
    moves = np.array([np.subtract(spots[1][key], spots[0][key]) for key in shared]) / 0.5
    assert len(shared) > 3
    np.testing.assert_allclose(moves, np.broadcast_to(moves[0], moves.shape), atol=1e-6)
    assert 2 <= np.hypot(*moves[0]) <= 4
    assert (first.image != second.image).mean() > 0.5  # each with its own noise


def test_a_scan_that_drifts_shears_image_and_truth_alike():
    moving = HAADF["haadf"] | {"detector": {"model": "stem", "stem": {"drift": 0.08}}}
    one = _image(_settings(modality={"haadf": moving}))
    image = one.image.astype(float)
    bright = image > (image[one.instances > 0].mean() + image[one.instances == 0].mean()) / 2
    truth = one.instances > 0
    assert (bright & truth).sum() / (bright | truth).sum() > 0.75
    for row in one.particles:
        if not row.touches_border:
            rows, columns = np.nonzero(one.instances == row.particle)
            assert rows.mean() * 0.5 == pytest.approx(row.y_nm, abs=0.3)
            assert columns.mean() * 0.5 == pytest.approx(row.x_nm, abs=0.3)


@pytest.mark.parametrize("enlarged", [1.0, 1.7])
@pytest.mark.parametrize("drift", [0.0, 0.05])
def test_labels_lie_on_what_the_image_shows(enlarged, drift):
    """Without noise, the centroid of a particle's brightness is that of its label."""
    stem = {"drift": drift, "jitter_px": 0, "line_noise": 0, "readout_e": 0}
    quiet = {"model": "stem", "stem": stem, "output": {"scaling": "counts", "gain": 0.001}}
    modality = {
        "haadf": {
            "detector": quiet,
            "electrons_per_px": 1e8,
            "illumination": {"gradient": 0, "vignette": 0},
            "diffraction": {"mottle": 0},
        }
    }
    settings = _settings(
        shape=[320, 320],
        modality=modality,
        particles=PLAIN["particles"] | {"diameter_nm": 16, "gap_px": 14},
        support=PLAIN["support"] | {"roughness": 0, "film_nm": 2},
        oversampling={"share": float(enlarged > 1), "factor": enlarged},
    )
    apart = []
    for seed in range(2):
        one = _image(settings, seed)
        bare = np.median(one.image[one.instances == 0])
        light = np.clip(one.image - bare - 0.02 * np.ptp(one.image), 0, None)
        numbers = [row.particle for row in one.particles if not row.touches_border]
        near = ndimage.grey_dilation(one.instances, 7)
        shown = np.array(ndimage.center_of_mass(light, near, numbers))
        apart.append(shown - ndimage.center_of_mass(one.instances > 0, one.instances, numbers))
    apart = np.concatenate(apart)
    assert len(apart) > 10
    assert np.abs(apart.mean(axis=0)).max() < 0.05
    assert np.abs(apart).max() < 0.4


def test_beyond_the_frame_a_drifting_scan_sees_the_specimen_not_a_mirror():
    moving = HAADF["haadf"] | {"detector": {"model": "stem", "stem": {"drift": 0.2}}}
    crowded = PLAIN["particles"] | {"coverage": 0.3}
    settings = _settings(particles=crowded, modality={"haadf": moving})
    for seed in range(4):
        one = _image(settings, seed)
        for row in one.particles:
            rows, columns = np.nonzero(one.instances == row.particle)
            far = np.hypot(rows * 0.5 - row.y_nm, columns * 0.5 - row.x_nm)
            assert far.max(initial=0) < 0.75 * row.diameter_nm


def test_overlapping_particles_keep_their_full_outlines():
    crowded = PLAIN["particles"] | {"arrangement": {"random": 1}, "coverage": 0.4}
    one = _image(_settings(particles=crowded))
    assert any(row.overlapped for row in one.particles)
    assert len(one.outlines) == len(one.particles)
    for outline, row in zip(one.outlines, one.particles, strict=True):
        own = one.instances == row.particle
        assert (outline | ~own).all()
        assert outline.sum() > own.sum() or not row.overlapped or (outline == own).all()
    total = sum(outline.astype(int) for outline in one.outlines)
    np.testing.assert_array_equal(total > 0, one.instances > 0)


def test_grooms_design_has_256_levels_and_comes_round_again():
    settings = load("groom-catalyst").settings
    assert len(settings.design.levels) == 256
    levels = []
    for index in range(256):
        one = settings.of_structure(index)
        [stuff], [support] = one.material.names, one.support.kind.names
        [modality] = one.modality.given
        levels.append((one.particles.diameter_nm.low, stuff, support, modality))
    assert len(set(levels)) == 256
    assert {level[0] for level in levels} == {2, 3, 5, 12}
    assert settings.of_structure(256) == settings.of_structure(0)


def test_levels_of_a_design_are_what_is_imaged():
    settings = _small("groom-catalyst")
    for index in (0, 5, 130, 255):
        diameter, stuff, support, modality = settings.design.levels[index]
        imaging = _image(settings, index).imaging
        assert imaging["median_diameter_nm"] == diameter
        assert imaging["particle_material"] == stuff
        assert imaging["support"] == support
        assert imaging["modality"] == modality


def test_horwaths_frames_are_as_the_paper_says():
    settings = load("horwath-au").settings
    assert settings.shape == (1792, 1920)
    assert settings.pixel_size_nm.low == settings.pixel_size_nm.high == 0.18
    one = _images(_small("horwath-au", 400))[0]
    assert 0.1 < (one.instances > 0).mean() < 0.2
    assert one.imaging["modality"] == "phase"
    assert "defocus_nm" in one.imaging


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"median_px": 20}, "give one of pixel_size_nm and median_px"),
        ({"pixel_size_nm": None}, "give one of pixel_size_nm and median_px"),
        ({"pixel_size_nm": 0.01}, "particles of up to 1000 px do not fit in 128 px"),
        ({"pixel_size_nm": [0, 1]}, "pixel_size_nm is more than 0"),
        ({"pixel_size_nm": None, "median_px": 1}, "median_px is at least 2"),
        ({"shape": [16, 64]}, "shape has at least 32 px a side"),
        ({"material": {"Xx": 1}}, "no material 'Xx'; there are Au, Pt"),
        ({"modality": {}}, "give at least one of bf-tem"),
        ({"support": {"kind": {"flat": 1}, "film_nm": [-3, 5]}}, "film_nm is not negative: -3"),
        ({"support": {"kind": {"flat": 1}, "dirt_share": 2}}, "dirt_share is at most 1: 2"),
        (
            {"modality": {"bf-tem": {"detector": CAMERA, "stopped": [0.5, 1.2]}}},
            "stopped is at most 1: 1.2",
        ),
        (
            {"modality": {"bf-tem": {"detector": CAMERA, "diffraction": {"spread": -1}}}},
            "spread is not negative: -1",
        ),
        (
            {"modality": {"bf-tem": {"detector": CAMERA, "illumination": {"gradient": -1}}}},
            "gradient is not negative: -1",
        ),
        ({"particles": {"diameter_px": 20}}, "particles: give diameter_nm"),
        (
            {"design": {"diameter_nm": [2], "material": ["Pt"], "support": ["flat"],
                        "modality": ["haadf"]}},
            r"the design has 'haadf': add a table \[modality.haadf\]",
        ),
        (
            {"design": {"diameter_nm": [2], "material": ["Pt"], "support": ["sky"],
                        "modality": ["bf-tem"]}},
            "no support 'sky'",
        ),
        (
            {"design": {"diameter_nm": [], "material": ["Pt"], "support": ["flat"],
                        "modality": ["bf-tem"]}},
            "every list of a design holds at least one value",
        ),
        (
            {"design": {"diameter_nm": [-2], "material": ["Pt"], "support": ["flat"],
                        "modality": ["bf-tem"]}},
            "diameters are positive: -2",
        ),
    ],
)  # fmt: skip
def test_impossible_settings_are_named_before_anything_is_computed(others, message):
    with pytest.raises(ValidationError, match=message):
        _settings(**others)
