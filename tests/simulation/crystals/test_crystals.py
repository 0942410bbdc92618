"""Whole images at lattice resolution, tiny ones: fringes, Thon rings, truth, repeatability."""

from importlib.util import find_spec
from itertools import islice

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nanosieve.simulation.crystals.kind import Settings, simulate
from nanosieve.simulation.presets import load
from nanosieve.simulation.wave.optics import scherzer_defocus_nm, wavelength_nm

needs_extra = pytest.mark.skipif(
    find_spec("abtem") is None or find_spec("ase") is None, reason="needs abTEM and ASE"
)


def _settings(**changes):
    """A corrected microscope without losses, one gold particle on graphene."""
    values = {
        "images": 1,
        "pixel_size_nm": 0.025,
        "shape": (128, 128),
        "specimen": {
            "particles": {
                "materials": {"Au": 1},
                "diameter_nm": 2,
                "diameter_spread": 0,
                "shapes": {"sphere": 1},
                "zone_share": 1,
                "zone_tilt_deg": 0,
            },
            "arrangement": {"count": 1, "overhang": -0.9},
            "support": {"kinds": {"none": 1}},
            "margin_nm": 0.5,
        },
        "microscopes": {"corrected": 1},
        "optics": {"corrected": {"energy_kv": 300, "defocus_nm": 4}},
        "detector": {
            "model": "counting",
            "dose_e_per_A2": 100_000,
            "output": {"format": "uint16", "scaling": "image"},
        },
    }
    for path, value in changes.items():
        *tables, name = path.split("__")
        table = values
        for one in tables:
            table = table[one]
        table[name] = value
    return values


def _simulate(seed=0, **changes):
    settings = Settings.model_validate(_settings(**changes))
    return list(simulate(settings, name="made_00000", rng=np.random.default_rng([seed, 0])))


@needs_extra
@pytest.mark.parametrize(
    ("material", "diameter_nm", "spacings_nm"),
    [
        # a / sqrt(h^2 + k^2 + l^2) of the lattice constants of textbooks.
        ("Au", 2.4, (0.2355, 0.2039, 0.1442)),
        ("Pd", 2.4, (0.2246, 0.1945, 0.1376)),
        ("CdSe-zincblende", 2.4, (0.3509, 0.3039, 0.2149, 0.1832)),
        ("PbS", 2.4, (0.3427, 0.2968, 0.2099, 0.1714)),
    ],
)
def test_fringes_lie_at_the_lattice_spacings(material, diameter_nm, spacings_nm):
    [made] = _simulate(
        specimen__particles__materials={material: 1},
        specimen__particles__diameter_nm=diameter_nm,
    )
    image = made.image - made.image.mean()
    power = np.abs(np.fft.fft2(image, (512, 512))) ** 2
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(512, 0.025)] * 2))
    power[(k < 2) | (k > 8)] = 0
    strongest = 1 / k.flat[power.argmax()]
    nearest = min(spacings_nm, key=lambda spacing: abs(spacing - strongest))
    # A particle of 2.4 nm has spots some 0.4 / nm wide.
    assert strongest == pytest.approx(nearest, rel=0.04)


@pytest.mark.slow
@needs_extra
def test_bare_carbon_shows_thon_rings():
    settings = {
        "shape": (160, 160),
        "specimen__arrangement__empty_share": 1,
        "specimen__support": {"kinds": {"carbon": 1}, "carbon_nm": 1.5, "roughness_nm": 0},
        "optics__corrected": {"energy_kv": 300, "defocus_nm": 120, "focal_spread_nm": 1},
    }
    total = 0
    for seed in range(3):
        [made] = _simulate(seed=seed, **settings)
        assert not made.particles
        assert not made.instances.any()
        total = total + np.abs(np.fft.fft2(made.image - made.image.mean())) ** 2
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(160, 0.025)] * 2))
    ring = np.rint(k / 0.1).astype(int)
    radial = np.bincount(ring.ravel(), total.ravel()) / np.bincount(ring.ravel()).clip(1)
    # The focus is counted from the last atom: the film's middle lies 0.75 nm before it, and an
    # underfocus looks at what lies before.
    per_squared = wavelength_nm(300) * (120 - 0.75)
    zeros = np.rint(10 * np.sqrt(np.arange(1, 4) / per_squared)).astype(int)
    maxima = np.rint(10 * np.sqrt((np.arange(1, 4) + 0.5) / per_squared)).astype(int)
    assert (radial[zeros] < 0.6 * radial[maxima]).all()
    # And no ring's minimum lies anywhere else.
    for zero in zeros:
        around = np.arange(zero - 2, zero + 3)
        assert abs(around[radial[around].argmin()] - zero) <= 1


@needs_extra
def test_plain_microscope_delocalises_fringes_beyond_the_outline():
    inside = {}
    for name, optics in {
        "corrected": {"energy_kv": 300, "defocus_nm": 2},
        "plain": {"energy_kv": 300, "cs_mm": 1.2, "defocus_from": "scherzer"},
    }.items():
        [made] = _simulate(optics__corrected=optics)
        fringes = ndimage.gaussian_laplace(made.image.astype(float), 3)
        around = ndimage.binary_dilation(made.instances > 0, iterations=24)
        around &= ~ndimage.binary_dilation(made.instances > 0, iterations=4)
        inside[name] = np.std(fringes[around]) / np.std(fringes[made.instances > 0])
    assert inside["plain"] > 2 * inside["corrected"]


@needs_extra
def test_truth_is_where_the_particle_is():
    [made] = _simulate(specimen__arrangement__overhang=-0.99)
    [particle] = made.particles
    assert particle.material == "Au"
    assert made.group == "made_00000"
    assert made.name == "made_00000"
    assert made.amount_unit == "rad"
    assert made.outlines == ()
    rows, columns = np.nonzero(made.instances == 1)
    assert rows.mean() * 0.025 == pytest.approx(particle.y_nm, abs=0.03)
    assert columns.mean() * 0.025 == pytest.approx(particle.x_nm, abs=0.03)
    assert len(rows) * 0.025**2 == pytest.approx(particle.area_nm2, rel=0.02)
    # Of 2 nm, and half an atom more at each side.
    assert 2.0 < particle.diameter_nm < 2.4
    # The phase lies within the outline, and is there where the image is disturbed.
    within = made.amount[made.instances == 1].sum() / made.amount.sum()
    assert within > 0.95
    assert particle.visible
    assert particle.fringe_snr > 10
    assert not made.ignore.any()
    weights = made.amount.clip(0)
    assert np.average(np.arange(128) * 0.025, weights=weights.sum(1)) == pytest.approx(
        particle.y_nm, abs=0.05
    )
    disturbed = ndimage.gaussian_filter((made.image - np.median(made.image)) ** 2.0, 4)
    peak = np.array(np.unravel_index(disturbed.argmax(), disturbed.shape)) * 0.025
    assert np.hypot(*(peak - (particle.y_nm, particle.x_nm))) < 1.2


@needs_extra
@pytest.mark.parametrize("pixel_size_nm", [0.0137, 0.0433])
def test_phase_and_outline_have_one_centre(pixel_size_nm):
    [made] = _simulate(
        pixel_size_nm=pixel_size_nm,
        shape=None,
        field_nm=4.1,
        specimen__particles__shapes={"wulff": 1},
        specimen__arrangement__overhang=-0.99,
    )
    places = [np.arange(count) * pixel_size_nm for count in made.amount.shape]
    outline = made.instances == 1
    # Of a symmetric body: half a pixel beside it would be 0.007 or 0.022 nm.
    for axis, name in enumerate(("y_nm", "x_nm")):
        truth = getattr(made.particles[0], name)
        mean = np.average(places[axis], weights=made.amount.sum(axis=1 - axis))
        assert mean == pytest.approx(truth, abs=0.01)
        drawn = np.average(places[axis], weights=outline.sum(axis=1 - axis))
        assert drawn == pytest.approx(truth, abs=0.006)


@needs_extra
def test_fringes_and_outline_have_one_centre():
    pixel_size_nm = 0.0433
    [made] = _simulate(
        pixel_size_nm=pixel_size_nm,
        shape=(91, 91),
        specimen__particles__diameter_nm=2.6,
        specimen__arrangement__overhang=-0.99,
        optics__corrected={"energy_kv": 300, "defocus_nm": 2.5},
        detector__dose_e_per_A2=1e7,
    )
    power = ndimage.gaussian_filter((made.image - np.median(made.image)) ** 2.0, 3)
    places = [np.arange(count) * pixel_size_nm for count in power.shape]
    for axis, name in enumerate(("y_nm", "x_nm")):
        mean = np.average(places[axis], weights=power.sum(axis=1 - axis))
        assert mean == pytest.approx(getattr(made.particles[0], name), abs=0.016)


@needs_extra
def test_images_of_a_structure_share_truth_and_group_but_not_optics():
    first, second, third = _simulate(
        images=3, optics__corrected={"energy_kv": 300, "defocus_nm": [-50, 50]}
    )
    assert [first.name, second.name, third.name] == [f"made_00000_{i}" for i in range(3)]
    assert {first.group, second.group, third.group} == {"made_00000"}
    np.testing.assert_array_equal(first.instances, second.instances)
    assert len({one.imaging["defocus_nm"] for one in (first, second, third)}) == 3
    assert not np.array_equal(first.image, second.image)


@needs_extra
def test_the_same_seed_gives_the_same_bits_and_fewer_images_the_same_first_ones():
    changes = {
        "images": 2,
        "optics__corrected": {"energy_kv": 200, "defocus_nm": [-9, 9], "focal_spread_nm": 3},
    }
    first, again = (_simulate(seed=4, **changes) for _ in range(2))
    settings = Settings.model_validate(_settings(**changes))
    [alone] = islice(simulate(settings, name="a", rng=np.random.default_rng([4, 0])), 1)
    for one, other in zip([*first, first[0]], [*again, alone], strict=True):
        assert one.image.tobytes() == other.image.tobytes()
        assert one.amount.tobytes() == other.amount.tobytes()
        assert one.instances.tobytes() == other.instances.tobytes()


@needs_extra
def test_what_nobody_can_see_is_ignored():
    [made] = _simulate(detector__dose_e_per_A2=1)
    [particle] = made.particles
    assert not particle.visible
    np.testing.assert_array_equal(made.ignore, made.instances > 0)


@needs_extra
def test_overlapping_particles_keep_their_full_outlines():
    [made] = _simulate(
        specimen__arrangement={
            "count": 3,
            "overhang": -0.5,
            "contacts": {"overlapping": 1},
            "places": {"top": 1},
        },
        specimen__support={"kinds": {"graphene": 1}},
    )
    assert len(made.outlines) == len(made.particles) >= 2
    assert sum(outline.sum() for outline in made.outlines) > (made.instances > 0).sum()
    assert any(particle.overlapped for particle in made.particles)
    for number, outline in enumerate(made.outlines, start=1):
        assert not (made.instances[~outline] == number).any()


@needs_extra
def test_frozen_phonons_and_fields_in_nm():
    [made] = _simulate(
        shape=None, field_nm=3.0, multislice={"frozen_phonons": 2, "sampling_nm": 0.03}
    )
    assert made.image.shape == (120, 120)
    assert made.imaging["frozen_phonons"] == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"specimen__particles__diameter_nm": 5}, "particles of up to 5 nm are larger than the"),
        ({"pixel_size_nm": 0.12}, "cannot show lattice fringes"),
        ({"pixel_size_nm": 0}, "pixel_size_nm is positive"),
        ({"specimen__particles__materials": {"Xx": 1}}, "no material 'Xx'"),
        ({"field_nm": 4}, "give either shape or field_nm"),
        ({"shape": None}, "give either shape or field_nm"),
        (
            {"shape": None, "field_nm": 0.3},
            r"a field of 0\.3 nm is less than 16 pixels",
        ),
        ({"microscopes": {"plain": 1}}, r"add \[optics.plain\]"),
        (
            {"optics__corrected": {"energy_kv": 300, "aperture_mrad": 45}},
            r"multislice keeps \(32.8 mrad at 300 kV\): make sampling_nm 0.0145 or less",
        ),
        ({"detector__model": {"stem": 1}}, "these waves are not scanned"),
        ({"multislice": {"sampling_nm": 0.06}}, "less than or equal to 0.05"),
    ],
)
def test_impossible_settings_are_refused_before_any_computing(changes, message):
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(_settings(**changes))


def test_the_sampling_that_a_large_aperture_is_told_to_need_is_enough():
    settings = Settings.model_validate(
        _settings(
            optics__corrected={"energy_kv": 300, "aperture_mrad": 45},
            multislice={"sampling_nm": 0.0145},
        )
    )
    assert settings.multislice.sampling_nm == 0.0145


@pytest.mark.parametrize(
    ("name", "diameter_nm", "pixel_nm"),
    [
        ("hrtem-nanoparticles", (1, 12.6), (0.01, 0.06)),
        ("hrtem-au", (4, 7.1), (0.0215, 0.0215)),
        ("hrtem-cdse", (1.5, 3.6), (0.0215, 0.0215)),
        ("hrtem-pd", (3, 8.4), (0.0215, 0.0215)),
        ("hrtem-au-large", (20, 22), (0.0435, 0.045)),
    ],
)
def test_presets_hold_what_they_promise(name, diameter_nm, pixel_nm):
    settings = load(name).settings
    assert settings.per_structure == 4
    assert settings.specimen.particles.diameter_nm.low >= diameter_nm[0]
    assert settings.specimen.particles.largest_nm <= diameter_nm[1]
    assert (settings.pixel_size_nm.low, settings.pixel_size_nm.high) == pixel_nm
    assert settings.multislice.sampling_nm <= 0.02
    assert settings.multislice.slice_nm <= 0.2
    for optics in settings.optics.values():
        assert optics.contrast.low >= 0.3
        assert optics.image_spread_nm.low >= 0.02
        assert optics.image_spread_nm.high <= 0.08
        low, high = optics.defocus_nm.low, optics.defocus_nm.high
        if optics.defocus_from == "scherzer":
            low += scherzer_defocus_nm(optics.cs_mm.low, optics.energy_kv.high)
            high += scherzer_defocus_nm(optics.cs_mm.high, optics.energy_kv.low)
        assert -100 <= low < high <= 100
