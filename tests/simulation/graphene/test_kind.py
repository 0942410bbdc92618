"""Whole images: what is measured on them is what was put in."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter, map_coordinates

from nanosieve.simulation.graphene.kind import Settings, simulate
from nanosieve.simulation.graphene.truth import CLASS_NAMES, CONTAMINATION
from nanosieve.simulation.presets import load
from nanosieve.simulation.simulated import Simulated

SHARP = {
    "optics__cs_mm": 0.01,
    "optics__defocus_nm": 0,
    "optics__astigmatism_nm": 0,
    "optics__coma_nm": 0,
    "optics__trefoil_nm": 0,
    "optics__contrast": 1,
    "illumination__slope": 0,
    "illumination__curvature": 0,
    "detector__model": "counting",
    "detector__dose_e_per_A2": 1_000_000,
}
Change = Callable[..., Settings]


def made(settings: Settings, seed: int = 0) -> list[Simulated]:
    return list(simulate(settings, name="graphene_00000", rng=np.random.default_rng([seed, 0])))


def test_the_preset_can_be_read_and_fits_its_issue() -> None:
    settings = load("graphene").settings
    assert isinstance(settings, Settings)
    assert settings.per_structure == settings.images
    assert settings.optics.energy_kv.low == 80
    dose = settings.detector.dose_e_per_A2
    assert (dose.low, dose.high) == (1000, 10_000)


def test_lattice_peaks_lie_at_the_right_spacing_and_angle(settings_with: Change) -> None:
    [one] = made(settings_with(**SHARP))
    image = one.image - one.image.mean()
    n = image.shape[0]
    window = np.hanning(n)[:, None] * np.hanning(n)
    # Padded, so that the peak's place is fine enough.
    power = np.abs(np.fft.fftshift(np.fft.fft2(image * window, (1024, 1024))))
    y, x = np.unravel_index(np.argmax(power), power.shape)
    down, right = (np.array([y, x]) - 512) / 1024 / one.pixel_size_nm
    assert 1 / np.hypot(down, right) == pytest.approx(0.213, rel=0.01)
    # Planes of 0.213 nm lie at right angles to bonds' neighbours: 30 degrees from the bonds.
    seen = np.degrees(np.arctan2(-down, right)) % 60
    bonds = float(one.tables["grains"].angle_deg[0])
    assert (seen - bonds + 30) % 60 == pytest.approx(30, abs=1)


@pytest.mark.parametrize(("cs_mm", "word"), [(0.01, "black"), (-0.01, "white")])
def test_atoms_are_black_in_underfocus_and_white_in_overfocus(
    settings_with: Change, cs_mm: float, word: str
) -> None:
    [one] = made(settings_with(**SHARP | {"optics__cs_mm": cs_mm}))
    assert one.imaging["atom_contrast"] == word
    assert np.sign(one.imaging["defocus_nm"]) == np.sign(cs_mm)
    # In the recorded image too, at the table's positions.
    smooth = gaussian_filter(one.image.astype(float), 1)
    atoms, rings = (
        map_coordinates(smooth, one.tables[name][["y_nm", "x_nm"]].to_numpy().T / 0.03, order=1)
        for name in ("atoms", "rings")
    )
    assert (atoms.mean() < rings.mean()) == (word == "black")


def test_atoms_lie_where_the_table_says(settings_with: Change) -> None:
    [one] = made(settings_with(**SHARP, frames=[frame(0.012, 180)]))
    dark = -gaussian_filter(one.image.astype(float), 1.5)
    places = one.tables["atoms"][["y_nm", "x_nm"]].to_numpy() / 0.012
    offsets = []
    reach = 5
    for y, x in places[((places > 12) & (places < 168)).all(axis=1)]:
        row, column = round(y), round(x)
        box = dark[row - reach : row + reach + 1, column - reach : column + reach + 1]
        weight = (box - box.min()) ** 4
        steps = np.arange(-reach, reach + 1)
        found = (weight.sum(1) @ steps / weight.sum(), weight.sum(0) @ steps / weight.sum())
        offsets.append((row + found[0] - y, column + found[1] - x))
    assert len(offsets) > 80
    # No shift between image and truth, in pixels of 0.012 nm.
    assert np.abs(np.median(offsets, axis=0)).max() < 0.3


def frame(pixel_size_nm: Any, side: int, **more: Any) -> dict[str, Any]:
    return {"weight": 1, "shape_px": [side, side], "pixel_size_nm": pixel_size_nm, **more}


def test_everything_at_once_is_consistent_and_repeats(settings_with: Change) -> None:
    settings = settings_with(
        images=2,
        frames=[frame([0.03, 0.04], 128)],
        sheet__grains=3,
        sheet__holes=1,
        sheet__hole_radius_nm=0.6,
        sheet__monovacancies=2,
        sheet__stone_wales=2,
        contamination__clean=0,
        contamination__coverage=0.3,
        contamination__thickness_nm=2,
    )
    images = made(settings)
    assert [one.name for one in images] == ["graphene_00000_0", "graphene_00000_1"]
    assert {one.group for one in images} == {"graphene_00000"}
    for one, again in zip(images, made(settings), strict=True):
        assert np.array_equal(one.image, again.image)
        assert one.imaging == again.imaging
        assert one.particles == again.particles
        for name, table in one.tables.items():
            assert table.equals(again.tables[name])
    first, second = images
    assert not np.array_equal(first.image, second.image)
    assert first.imaging["defocus_nm"] != second.imaging["defocus_nm"]
    assert first.tables["atoms"].equals(second.tables["atoms"])
    assert not np.array_equal(first.image, made(settings, seed=1)[0].image)
    assert first.class_names == CLASS_NAMES
    assert first.classes is not None
    assert first.amount is not None
    assert first.ignore is not None
    assert first.classes.shape == first.instances.shape == first.image.shape
    # Patches are the class contamination, numbered without gaps, one row each.
    assert np.array_equal(first.instances > 0, first.classes == CONTAMINATION)
    assert np.unique(first.instances).tolist() == list(range(len(first.particles) + 1))
    assert first.amount[first.instances > 0].mean() > 5 * first.amount[first.instances == 0].mean()
    for row in first.particles:
        mine = first.instances == row.particle
        area = mine.sum() * first.pixel_size_nm**2
        assert row.area_nm2 >= 0.9 * area
        if not row.touches_border:
            assert row.area_nm2 == pytest.approx(area, rel=0.1)
        assert first.ignore[mine].all() == (not row.visible)
    assert first.imaging["dose_e_per_px"] == pytest.approx(
        first.imaging["dose_e_per_A2"] * (10 * first.pixel_size_nm) ** 2
    )


def test_reduced_images_have_the_camera_s_finer_pixels(settings_with: Change) -> None:
    [one] = made(settings_with(frames=[frame(0.096, 64, binning=4)]))
    assert one.pixel_size_nm == 0.096
    assert one.imaging["mtf_binning"] == 4


def test_an_uneven_beam_leaves_the_mean(settings_with: Change) -> None:
    changes = SHARP | {"illumination__slope": 0.4, "optics__contrast": 0.1}
    [one] = made(settings_with(**changes))
    image = one.image.astype(float)
    down, right = np.gradient(gaussian_filter(image, 12)[30:-30, 30:-30])
    fall = np.hypot(down.mean(), right.mean()) * 128 / image.mean()
    assert fall == pytest.approx(0.4, rel=0.1)
    seen = np.degrees(np.arctan2(-down.mean(), right.mean()))
    assert (seen - one.imaging["illumination_deg"] + 180) % 360 == pytest.approx(180, abs=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": [frame(0.12, 256)]}, r"up to 0.12 nm, but graphene's lattice \(0.213 nm\)"),
        ({"frames": [frame([0, 0.02], 256)]}, "pixel_size_nm: above 0, not 0"),
        ({"frames": [frame(0.03, 16)]}, r"shape_px: at least 32 each way, not \[16, 16\]"),
        ({"frames": [frame(0.012, 64)]}, "64 px of 0.012 nm show 0.77 nm; at least 2 nm"),
        ({"frames": []}, "at least 1 item"),
        (
            {"sheet__holes": 1, "sheet__hole_radius_nm": 5},
            "up to 10 nm across do not fit in a field of 5.84 nm",
        ),
        ({"sheet__grains": -1}, "must not be negative, and goes down to -1"),
        ({"sheet__edge_share": [0, 1]}, "lies between 0 and 0.8, not 0 to 1"),
        ({"contamination__coverage": 1.5}, "a share lies between 0 and 1, not 1.5 to 1.5"),
        ({"contamination__heavy_elements": {"Xx": 1}}, "no element 'Xx'; there are H"),
        (
            {"optics__aperture_mrad": [40, 80]},
            "80 mrad in optics passes more than multislice",
        ),
        ({"detector__model": "stem"}, "these are TEM images; give counting or scintillator"),
        ({"sheet__grain": 3}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings_are_told_before_any_computing(
    settings_with: Change, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.compile(message)):
        settings_with(**changes)
