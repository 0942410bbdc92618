"""From a network's probability to particles, on models whose probability is a plain formula."""

import numpy as np
import pytest
from onnx import helper
from scipy import ndimage

from discs import CENTRES, RADIUS, discs
from model_files import FROZEN, card, class_model, core_model, particle_model, write_graph
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.models.card import CARD_KEY
from nanosieve.models.domain import FIGURES, Domain
from nanosieve.models.load import load_model
from nanosieve.prepare.network_input import InputSpec
from nanosieve.segmentation import network_polarity, network_view
from nanosieve.segmentation.network import segment_with_model
from nanosieve.segmentation.network_labels import split_by_cores

AREA = np.pi * RADIUS**2
TOUCHING = ((40, 40), (40, 62), (96, 96))


@pytest.fixture
def plain(tmp_path):
    def make(**changes):
        return load_model(particle_model(tmp_path / "plain.onnx", **changes), precision="float32")

    return make


def truth(centres=CENTRES, radius=RADIUS, shape=(128, 128)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.any([np.hypot(y - cy, x - cx) < radius for cy, cx in centres], axis=0)


def test_particles_are_where_the_probability_is(plain):
    found = segment_with_model(discs(), plain())
    assert np.array_equal(found.mask, truth())
    assert (found.n, found.polarity, found.method) == (4, "dark", "plain")
    assert found.labels.dtype == np.int32
    image = discs().astype(float)
    z = (image - image.mean()) / image.std()
    assert found.confidence == pytest.approx(1 / (1 + np.exp(8 * (z + 1.2))), abs=2e-3)
    assert found.settings["threshold"] == 0.5
    assert found.settings["runs_on"] == "OpenVINO, float32"
    assert (found.flags, found.notes, found.split_labels) == ((), (), frozenset())
    assert found.classes is None


def test_bright_particles_are_turned_for_a_model_of_dark_ones(plain):
    bright = 2000 - discs()
    found = segment_with_model(bright, plain())
    assert (found.n, found.polarity) == (4, "bright")
    assert segment_with_model(bright, plain(), polarity="dark").n != 4


def test_a_model_of_both_polarities_is_shown_the_image_as_it_is(plain):
    model = plain(polarity="any", input=InputSpec(polarity="any"))
    found = segment_with_model(discs(), model)
    assert (found.n, found.polarity) == (4, "dark")
    assert "polarity_score" not in found.settings


def test_the_threshold_is_the_users_else_the_models(plain):
    areas = [
        segment_with_model(blurred(), plain(threshold=own), threshold=asked).mask.sum()
        for own, asked in ((0.5, None), (0.95, None), (0.5, 0.95))
    ]
    assert areas[0] > areas[1] == areas[2]


def blurred() -> np.ndarray:
    return ndimage.gaussian_filter(discs().astype(np.float32), 3)


def test_the_edge_shift_is_that_of_thresholds_a_quarter_apart(plain):
    found = segment_with_model(blurred(), plain())
    diameters = [
        2 * np.sqrt(segment_with_model(blurred(), plain(), threshold=level).mask.sum() / 4 / np.pi)
        for level in (0.375, 0.625)
    ]
    expected = (diameters[0] - diameters[1]) / 2
    assert expected > 0.05
    assert found.settings["edge_shift_px"] == pytest.approx(expected, abs=0.02)


def test_specks_below_the_smallest_diameter_are_left_out(plain):
    image = discs(((30, 30), (90, 90)))
    image[60, 60:62] = 400
    assert segment_with_model(image, plain()).n == 2
    assert segment_with_model(image, plain(), min_diameter_px=1).n == 3
    assert segment_with_model(image, plain(), min_diameter_px=30).n == 0


def test_a_model_knows_what_is_too_small_on_its_own_grid(plain):
    """24 px of 0.5 nm are 12 px of 1 nm; who asks for smaller ones gets them."""
    for least, n in ((11, 4), (13, 0)):
        model = plain(pixel_size_nm=1.0, least_diameter_px=least)
        assert segment_with_model(discs(), model, pixel_size_nm=0.5).n == n
        assert segment_with_model(discs(), model, pixel_size_nm=0.5, min_diameter_px=5).n == 4


def test_what_is_excluded_is_no_particle_and_counts_for_nothing(plain):
    image, mask = discs(), np.zeros((128, 128), bool)
    mask[:64] = True
    image[:64] = 60000
    found = segment_with_model(image, plain(), exclude=mask)
    assert np.array_equal(found.mask, truth() & ~mask)
    assert found.confidence[:64].max() == 0


def test_nothing_is_found_where_everything_is_excluded(plain):
    found = segment_with_model(discs(), plain(), exclude=np.ones((128, 128), bool))
    assert (found.n, found.confidence.max()) == (0, 0)
    assert "polarity_score" not in found.settings


def test_the_polarity_is_not_told_from_what_is_excluded(plain):
    image, mask = discs(), np.zeros((128, 128), bool)
    free = segment_with_model(image, plain()).settings["polarity_score"]
    mask[56:72] = True
    image[56:72] = 60000
    scores = []
    for level in (1000, 60000):
        image[56:72] = level
        scores.append(segment_with_model(image, plain(), exclude=mask).settings["polarity_score"])
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    assert scores[1] * free > 0


def test_touching_particles_are_split_by_their_outline(plain):
    image = discs(TOUCHING)
    found = segment_with_model(image, plain())
    assert found.n == 3
    assert {found.labels[40, 36], found.labels[40, 66]} == set(found.split_labels)
    assert segment_with_model(image, plain(), split=False).n == 2


def test_touching_particles_are_split_by_the_models_cores(tmp_path):
    model = load_model(core_model(tmp_path / "core.onnx"), precision="float32")
    image = discs(TOUCHING)
    found = segment_with_model(image, model)
    assert found.n == 3
    assert len(found.split_labels) == 2
    left = found.labels == found.labels[40, 36]
    # The line between two equal discs is half-way.
    assert np.nonzero(left.any(0))[0].max() == pytest.approx(51, abs=1.5)
    assert segment_with_model(image, model, split=False).n == 2


def test_unequal_particles_part_at_their_neck():
    y, x = np.mgrid[:41, :64]
    large, small = np.hypot(y - 20, x - 20), np.hypot(y - 20, x - 46)
    core = ((large < 9) | (small < 4)).astype(np.float32)
    parts = split_by_cores((large < 18) | (small < 9), core)
    assert parts.max() == 2
    assert np.diff(parts[20]).nonzero()[0][1] == pytest.approx(37, abs=1)


def test_the_frozen_model_still_finds_and_splits():
    model = load_model(FROZEN)
    found = segment_with_model(discs(TOUCHING), model, pixel_size_nm=0.5)
    assert (found.n, len(found.split_labels), found.flags) == (3, 2, ())
    assert np.mean(found.mask != truth(TOUCHING)) < 0.005


def test_a_speck_of_core_splits_nothing():
    inside = np.ones((9, 30), bool)
    core = np.zeros((9, 30), np.float32)
    inside[:3, 14:16] = inside[6:, 14:16] = False
    core[2:7, 2:12], core[4, 20:23] = 0.9, 0.9
    assert split_by_cores(inside, core).max() == 1
    core[2:7, 18:26] = 0.9
    assert split_by_cores(inside, core).max() == 2


@pytest.mark.parametrize("own", [0.2, 0.25, 1.0])
def test_the_image_is_brought_to_the_models_pixel_size_and_the_result_back(plain, own):
    found = segment_with_model(discs(), plain(pixel_size_nm=own), pixel_size_nm=0.5)
    assert found.labels.shape == (128, 128)
    assert found.n == 4
    assert found.mask.sum() / 4 == pytest.approx(AREA, rel=0.05)
    assert np.mean(found.mask != truth()) < 0.02
    assert found.settings["resampled_to_nm"] == own
    assert "resampled" in found.flags


@pytest.mark.parametrize(("own", "of_image"), [(0.5, 0.5), (0.503, 0.5), (None, 0.5), (None, None)])
def test_pixel_sizes_that_agree_or_are_not_known_stay(plain, own, of_image):
    found = segment_with_model(discs(), plain(pixel_size_nm=own), pixel_size_nm=of_image)
    assert "resampled" not in found.flags


@pytest.mark.parametrize("nm", [0.1, 0.31, 1.3])
def test_resampling_there_and_back_moves_nothing(plain, nm):
    rng = np.random.default_rng(0)
    centres = [np.array([40.5 + 70 * i, 40.5 + 60 * j]) + rng.uniform(-9, 9, 2) for i in range(4)
               for j in range(4)]  # fmt: skip
    y, x = np.mgrid[:301, :263]
    inside = sum(np.clip(18.5 - np.hypot(y - row, x - column), 0, 1) for row, column in centres)
    found = segment_with_model(1000 - 600 * inside, plain(pixel_size_nm=nm), pixel_size_nm=0.5)
    middles = np.array(ndimage.center_of_mass(found.mask, found.labels, range(1, found.n + 1)))
    off = [middles[np.hypot(*(middles - centre).T).argmin()] - centre for centre in centres]
    assert found.n == 16
    assert np.mean(off, axis=0) == pytest.approx([0, 0], abs=0.1)


def test_an_image_too_coarse_for_the_model_is_not_blown_up(plain, monkeypatch):
    monkeypatch.setattr(network_view, "_LARGEST_RESAMPLED", 300**2)
    with pytest.raises(FailedInput, match=r"plain wants pixels of 0\.2 nm, the image has 0\.5 nm: "
                       r"320 x 320 px would be too many; use another model"):  # fmt: skip
        segment_with_model(discs(), plain(pixel_size_nm=0.2), pixel_size_nm=0.5)


def test_an_unknown_pixel_size_is_said_where_the_model_knows_its_own(plain):
    """A model of one pixel's reach is as sure at any scale: the image stays as it is."""
    found = segment_with_model(discs(), plain(pixel_size_nm=0.2))
    assert (
        "plain works at 0.2 nm a pixel, but the pixel size of this image is unknown"
        in (found.notes[0])
    )
    assert "scale_uncertain" in found.flags


def test_probabilities_that_are_no_numbers_fail(tmp_path):
    nodes = [helper.make_node("Log", ["image"], ["probability"])]
    path = write_graph(tmp_path / "log.onnx", nodes, {}, metadata={CARD_KEY: card().to_json()})
    model = load_model(path)
    with pytest.raises(FailedInput, match="plain gives probabilities that are no numbers"):
        segment_with_model(discs(), model)


def test_a_pixel_size_asked_for_comes_before_the_models(plain):
    found = segment_with_model(discs(), plain(pixel_size_nm=0.5), pixel_size_nm=0.5, at_nm=1.0)
    assert found.settings["resampled_to_nm"] == 1.0


def test_what_the_model_has_not_seen_is_said(plain):
    model = plain(
        pixel_size_range_nm=(1.0, 2.0), diameter_range_px=(4, 20), effective_field_px=20,
        tile_exact=False,
    )  # fmt: skip
    found = segment_with_model(discs(), model, pixel_size_nm=0.5)
    assert set(found.flags) == {
        "pixel_size_outside_training", "sizes_outside_training", "beyond_receptive_field"
    }  # fmt: skip
    notes = " ".join(found.notes)
    assert "plain saw pixel sizes of 1 to 2 nm in training, this image has 0.5 nm" in notes
    assert "4 of 4 particles lie outside the 4 to 20 px that plain saw in training" in notes
    assert "4 of 4 particles are wider than the 20 px that plain sees at once" in notes
    assert "plain sees statistics of the whole image, which was run as one." in notes


def test_sizes_are_judged_on_the_grid_of_the_model(plain):
    """24 px of 0.5 nm are 12 px of 1 nm."""
    seen = plain(pixel_size_nm=1.0, diameter_range_px=(11, 13))
    assert (
        "sizes_outside_training" not in segment_with_model(discs(), seen, pixel_size_nm=0.5).flags
    )


def _domain(contrast: float) -> Domain:
    n = len(FIGURES)
    return Domain(
        names=FIGURES, mean=(0.0, contrast, *[0.0] * (n - 2)), spread=(1.0,) * n,
        precision=tuple(tuple(1e6 * (i == j == 1) + 0.0 for j in range(n)) for i in range(n)),
        threshold=10, false_alarm=0.05, n_images=40,
    )  # fmt: skip


def test_an_image_unlike_the_training_is_said_with_the_rate_of_false_alarms(plain):
    """Standardised images have contrast 1, whose logarithm is 0."""
    assert segment_with_model(discs(), plain(domain=_domain(0.0))).flags == ()
    found = segment_with_model(discs(), plain(domain=_domain(5.0)))
    assert found.flags == ("out_of_domain",)
    [note] = found.notes
    assert "out-of-domain score 2.5e+07, of images like them 5% exceed 10" in note
    assert "its contrast is 5.0 standard deviations below theirs" in note


def test_a_polarity_that_the_image_hardly_tells_is_said(plain, monkeypatch):
    monkeypatch.setattr(network_polarity, "find_polarity", lambda *_: -0.01)
    found = segment_with_model(discs(), plain())
    assert (found.n, found.polarity, found.flags) == (4, "dark", ("polarity_uncertain",))
    assert found.settings["polarity_score"] == -0.01
    assert found.notes == (
        "Particles were taken to be dark, but only just; set --polarity if wrong.",
    )
    assert segment_with_model(discs(), plain(), polarity="dark").flags == ()


def test_more_than_two_classes_come_as_a_class_image(tmp_path):
    image = discs()
    image[112:122, :] += 600  # a film, brighter than the support
    model = load_model(class_model(tmp_path / "classes.onnx"), precision="float32")
    found = segment_with_model(image, model, polarity="dark", split=False)
    assert found.class_names == ("support", "film", "particle")
    assert found.classes.dtype == np.uint8
    assert np.array_equal(found.classes == 2, found.confidence >= 0.5)
    assert (found.classes[112:122] == 1).mean() > 0.99
    assert (found.classes[:15] == 0).mean() > 0.9


def test_classes_come_back_to_the_images_own_grid(tmp_path):
    model = load_model(class_model(tmp_path / "classes.onnx", pixel_size_nm=1.0))
    found = segment_with_model(discs(), model, pixel_size_nm=0.5)
    assert found.classes.shape == (128, 128)
    assert set(np.unique(found.classes)) <= {0, 1, 2}


def test_several_classes_may_count_as_particle(tmp_path):
    path = class_model(tmp_path / "classes.onnx", foreground=("film", "particle"))
    image = discs()
    image[112:122, :] += 600
    found = segment_with_model(image, load_model(path), polarity="dark", split=False)
    assert found.mask[112:122].mean() > 0.99
    assert np.array_equal(found.classes > 0, found.confidence >= 0.5)


def test_independent_classes_have_a_background(tmp_path):
    path = core_model(
        tmp_path / "two.onnx", classes=("particle", "film"), core=None, foreground=("particle",)
    )
    found = segment_with_model(discs(), load_model(path, precision="float32"))
    assert found.class_names == ("background", "particle", "film")
    assert np.array_equal(found.classes == 1, truth())


def test_an_empty_image_gives_no_particle(plain):
    found = segment_with_model(discs(()), plain(), polarity="dark", min_diameter_px=20)
    assert found.n == 0
    assert found.settings["edge_shift_px"] is None


def test_wrong_settings_are_refused(plain):
    with pytest.raises(UsageError, match="polarity is one of auto, dark, bright, got 'grey'"):
        segment_with_model(discs(), plain(), polarity="grey")
    with pytest.raises(UsageError, match=r"exclude has shape \(3, 3\), the image \(128, 128\)"):
        segment_with_model(discs(), plain(), exclude=np.zeros((3, 3), bool))
