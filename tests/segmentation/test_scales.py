"""Finding the scale of an image without one: a model of one fringe spacing, on drawn lattices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from model_files import card
from nanosieve.models.load import Model
from nanosieve.prepare.network_input import InputSpec
from nanosieve.segmentation.network import segment_with_model
from nanosieve.segmentation.network_view import View
from nanosieve.segmentation.scales import Trial, choose, find_scale

OWN_NM, FRINGES_NM = 0.03, 0.235
PERIOD = FRINGES_NM / OWN_NM


class FringeRunner:
    """Particle where fringes of 7.8 px, 20 % more or less, stand out of the rest."""

    precision = "float32"
    words = "numpy"

    def run(self, tiles):
        for tile in tiles:
            rows, columns = (np.fft.fftfreq(n) for n in tile.shape)
            frequency = np.hypot(rows[:, np.newaxis], columns)
            off = np.log(np.maximum(frequency, 1e-6) * PERIOD) / 0.2
            band = np.fft.ifft2(np.fft.fft2(tile) * np.exp(-(off**2) / 2)).real
            strength = np.sqrt(ndimage.gaussian_filter(band**2, PERIOD))
            yield (1 / (1 + np.exp(-10 * (strength - 0.5))))[np.newaxis].astype(np.float32)


@pytest.fixture
def model():
    fields = {
        "name": "fringes", "pixel_size_nm": OWN_NM, "receptive_field_px": 33, "reach_px": 16,
        "polarity": "any", "input": InputSpec(polarity="any"),
    }  # fmt: skip
    return Model(Path("fringes.onnx"), card(**fields), "0" * 64, FringeRunner())


def crystal(pixel_nm: float, *, side: int = 400, fringes: float = 1.0) -> tuple[np.ndarray, ...]:
    """Fringes of 0.235 nm within a disc, in noise; and the disc."""
    y, x = np.mgrid[:side, :side] * pixel_nm
    inside = np.hypot(y - side * pixel_nm / 2, x - side * pixel_nm / 2) < 0.3 * side * pixel_nm
    waves = np.cos(2 * np.pi * (0.6 * x + 0.8 * y) / FRINGES_NM)
    noise = np.random.default_rng(0).normal(0, 0.3, (side, side))
    return 100 + 10 * (fringes * waves * inside + noise), inside


@pytest.mark.parametrize("pixel_nm", [0.018, 0.03, 0.05])
def test_the_scale_is_found_where_the_pixel_size_was_taken_away(model, pixel_nm):
    image, inside = crystal(pixel_nm)
    found = find_scale(View(image, None, None), model, 0.5)
    assert found.pixel_size_nm == pytest.approx(pixel_nm, rel=0.15)
    assert found.fringes_px == pytest.approx(FRINGES_NM / pixel_nm, rel=0.1)
    assert (found.sure, found.how) == (True, "fringes and network")
    result = segment_with_model(image, model, split=False)
    assert 2 * (result.mask & inside).sum() / (result.mask.sum() + inside.sum()) > 0.85


def test_what_was_found_is_told_and_no_size_follows_from_it(model):
    image, _ = crystal(0.05)
    found = segment_with_model(image, model, split=False)
    assert found.settings["assumed_pixel_size_nm"] == pytest.approx(0.05, rel=0.15)
    assert found.settings["scale_found"] == "fringes and network"
    assert found.settings["resampled_to_nm"] == OWN_NM
    assert found.flags == ("resampled",)
    [note] = found.notes
    assert "fringes works at 0.03 nm a pixel, but the pixel size of this image is unknown" in note
    assert "Sizes stay in pixels" in note
    known = segment_with_model(image, model, split=False, pixel_size_nm=0.05)
    assert "scale_found" not in known.settings
    assert known.notes == ()


def test_a_guess_is_said_to_be_one(model):
    """No fringes: what the network then sees is noise."""
    image, _ = crystal(0.03, fringes=0.0)
    image += 8 * ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 10, image.shape), 2.5)
    found = segment_with_model(image, model, split=False)
    assert "scale_uncertain" in found.flags
    assert found.notes[0].endswith("give --pixel-size.")


def test_where_nothing_is_seen_the_image_is_run_as_it_is(model):
    found = segment_with_model(np.full((128, 128), 7.0), model)
    assert (found.n, found.flags) == (0, ("scale_uncertain",))
    assert "it was run as it is, for no particle was seen" in found.notes[0]
    assert "resampled_to_nm" not in found.settings


def test_a_pixel_size_asked_for_is_not_searched(model):
    image, _ = crystal(0.05)
    assert "scale_found" not in segment_with_model(image, model, at_nm=0.03).settings


def test_the_window_that_is_tried_is_the_one_with_something_in_it(model):
    image, _ = crystal(0.03)
    frame = np.random.default_rng(2).normal(100, 3, (700, 1500))
    frame[200:600, 1080:1480] = image
    found = find_scale(View(frame, None, None), model, 0.5)
    assert found.pixel_size_nm == pytest.approx(0.03, rel=0.15)


@pytest.mark.parametrize("pixel_nm", [0.012, 0.025])
def test_a_model_of_one_lattice_finds_the_scale_by_it(model, pixel_nm):
    y, x = np.mgrid[:400, :400] * pixel_nm
    waves = sum(
        np.cos(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / 0.2131)
        for angle in np.deg2rad([8, 68, 128])
    )
    image = 100 + waves + np.random.default_rng(0).normal(0, 0.5, x.shape)
    of_graphene = replace(model, card=model.card.model_copy(update={"lattice_nm": 0.2131}))
    found = segment_with_model(image, of_graphene)
    assert found.settings["assumed_pixel_size_nm"] == pytest.approx(pixel_nm, rel=0.01)
    assert found.settings["scale_found"] == "lattice"
    assert "scale_uncertain" not in found.flags
    assert any("was taken for the 0.213 nm of the one it knows" in note for note in found.notes)
    # Fringes of one direction are no such lattice: the model is tried at several scales.
    stripes, _ = crystal(0.05)
    assert segment_with_model(stripes, of_graphene).settings["scale_found"] != "lattice"


def test_neither_sureness_nor_agreement_decides_alone():
    disc = np.hypot(*np.mgrid[-9:9, -9:9]) < 7
    none = np.zeros_like(disc)
    speck = none.copy()
    speck[:4, :4] = True
    trials = [
        Trial(0.01, 0.0, none), Trial(0.02, 0.99, speck), Trial(0.03, 0.8, disc),
        Trial(0.04, 0.9, disc), Trial(0.05, 0.6, disc), Trial(0.06, 0.55, disc),
    ]  # fmt: skip
    trial, worth = choose(trials, 0.03)
    assert (trial.pixel_size_nm, worth) == (0.04, pytest.approx(0.9))
    assert choose(trials[:1], 0.03) is None
    assert choose([], 0.03) is None


def test_of_equal_trials_the_nearest_to_the_image_as_it_is():
    disc = np.ones((4, 4), bool)
    trials = [Trial(size, 0.9, disc) for size in (0.01, 0.025, 0.08)]
    assert choose(trials, 0.03)[0].pixel_size_nm == 0.025
