"""A network at several magnifications: wide particles from the coarse ones, all else from the fine.

The network of these tests is blind well inside a wide particle, as one is whose field ends there.
"""

import numpy as np
import pytest
from onnx import helper

from discs import discs
from model_files import card, core_model, particle_model, write_graph
from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.models.card import CARD_KEY, ModelCard
from nanosieve.models.load import load_model
from nanosieve.pipeline import analyse
from nanosieve.prepare.network_input import InputSpec, network_input
from nanosieve.prepare.resample import resample
from nanosieve.segmentation import network_average
from nanosieve.segmentation.network import segment_with_model
from nanosieve.segmentation.network_view import View
from nanosieve.segmentation.network_warnings import about_faint, about_foreground

FIELD = 25
SCALES = (1.0, 0.5, 0.25)
LADDER = (2.0, 1.0, 0.5, 0.25, 0.125)
WIDE, SMALL, PAIR = (100, 100, 48.0), (210, 40, 7.0), ((210, 120, 7.0), (210, 133, 7.0))


@pytest.fixture
def short_sighted(tmp_path):
    """Particle where it is dark, unless that fills the square of 25 px around."""

    def make(**changes):
        fields = {"receptive_field_px": FIELD, "reach_px": FIELD // 2, "effective_field_px": FIELD}
        weights = {
            "slope": np.float32([-8]), "middle": np.float32([0.2]), "one": np.float32([1]),
            "square": np.full((1, 1, FIELD, FIELD), 1 / FIELD**2, np.float32),
            "most": np.float32([0.95]), "steep": np.float32([200]),
        }  # fmt: skip
        nodes = [
            helper.make_node("Add", ["image", "middle"], ["shifted"]),
            helper.make_node("Mul", ["shifted", "slope"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["dark"]),
            helper.make_node("Conv", ["dark", "square"], ["share"], pads=[FIELD // 2] * 4),
            helper.make_node("Sub", ["share", "most"], ["over"]),
            helper.make_node("Mul", ["over", "steep"], ["steeper"]),
            helper.make_node("Sigmoid", ["steeper"], ["blind"]),
            helper.make_node("Sub", ["one", "blind"], ["sees"]),
            helper.make_node("Mul", ["dark", "sees"], ["probability"]),
        ]
        metadata = {CARD_KEY: card(**(fields | changes)).to_json()}
        path = write_graph(tmp_path / "short.onnx", nodes, weights, metadata=metadata)
        return load_model(path, precision="float32")

    return make


@pytest.fixture
def dull(tmp_path):
    """Probability by how much of the square of 5 px around is dark."""

    def make(**changes):
        weights = {
            "slope": np.float32([-8]), "middle": np.float32([0.2]),
            "square": np.full((1, 1, 5, 5), 1 / 25, np.float32),
        }  # fmt: skip
        nodes = [
            helper.make_node("Add", ["image", "middle"], ["shifted"]),
            helper.make_node("Mul", ["shifted", "slope"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["dark"]),
            helper.make_node("Conv", ["dark", "square"], ["probability"], pads=[2] * 4),
        ]
        fields = {"receptive_field_px": 5, "reach_px": 2, "effective_field_px": 5}
        metadata = {CARD_KEY: card(**(fields | changes)).to_json()}
        path = write_graph(tmp_path / "dull.onnx", nodes, weights, metadata=metadata)
        return load_model(path, precision="float32")

    return make


def drawn(*particles) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:256, :256]
    inside = np.any([np.hypot(y - row, x - column) < r for row, column, r in particles], axis=0)
    return np.where(inside, 400, 1000).astype(np.uint16), inside


def test_what_the_network_cannot_see_at_once_it_sees_on_a_coarser_image(short_sighted):
    image, inside = drawn(WIDE)
    hollow = segment_with_model(image, short_sighted(), polarity="dark")
    whole = segment_with_model(image, short_sighted(scales=SCALES), polarity="dark")
    assert hollow.mask.sum() < 0.5 * inside.sum()
    assert np.mean(whole.mask != inside) < 0.01
    assert "beyond_receptive_field" in hollow.flags
    assert whole.settings["scales"] == SCALES
    assert "scales" not in hollow.settings


def test_small_particles_stay_as_the_fine_image_has_them(short_sighted):
    image, _ = drawn(WIDE, SMALL, *PAIR)
    one, many = (
        segment_with_model(image, short_sighted(scales=scales), polarity="dark")
        for scales in ((1.0,), SCALES)
    )
    lower = slice(180, None)
    assert one.mask[lower].sum() > 350
    assert np.array_equal(one.confidence[lower], many.confidence[lower])
    assert many.n == 4


def test_coarse_cores_bridge_no_group_of_small_particles(tmp_path):
    """Of 14 px each: on the image of a quarter they are 3 px wide, and the group is one blot."""
    centres = [(row, column) for row in range(40, 200, 15) for column in range(40, 200, 15)]
    image, _ = drawn(*((row, column, 7.6) for row, column in centres))
    spec = InputSpec(normalisation="support", polarity="dark")
    found = []
    for scales in ((1.0,), SCALES):
        path = core_model(tmp_path / "core.onnx", radius=3, scales=scales, input=spec)
        found.append(segment_with_model(image, load_model(path), polarity="dark").n)
    assert found == [len(centres)] * 2


def test_each_scale_is_shown_an_image_normalised_at_its_own_pixel_size():
    rng = np.random.default_rng(0)
    image = rng.normal(1000, 50, (128, 96)) - 400 * (discs()[:, :96] < 700)
    spec = InputSpec(normalisation="support", polarity="dark")
    shown = View(image, None, "dark").given(card(input=spec), 0.5)
    expected = network_input(resample(image, 1.0, 2.0), spec, polarity="dark")
    assert np.array_equal(shown, expected)
    # The noise of the support is 1 at every scale, though averaging took half of it away.
    assert shown[shown > 0].std() == pytest.approx(0.6, abs=0.1)


def test_scales_that_leave_next_to_nothing_of_the_image_are_left_out(short_sighted):
    image, _ = drawn(SMALL)
    found = segment_with_model(image[180:250, :70], short_sighted(scales=SCALES), polarity="dark")
    assert found.settings["scales"] == (1.0, 0.5)


def test_scales_count_from_the_models_own_pixel_size(short_sighted):
    """48 px of 0.5 nm are 30 of the model: more than it sees at once."""
    image, inside = drawn(WIDE)
    model = short_sighted(scales=SCALES, pixel_size_nm=0.8)
    found = segment_with_model(image, model, polarity="dark", pixel_size_nm=0.5)
    assert found.settings["resampled_to_nm"] == 0.8
    assert np.mean(found.mask != inside) < 0.02


def test_strips_give_what_the_whole_gives(short_sighted, monkeypatch):
    image, _ = drawn(WIDE, SMALL)
    model = short_sighted(scales=SCALES)
    whole = segment_with_model(image, model, polarity="dark")
    monkeypatch.setattr(network_average, "_STRIP", 37)
    strips = segment_with_model(image, model, polarity="dark")
    assert np.abs(whole.confidence.astype(float) - strips.confidence).max() < 2e-3


def test_a_network_that_needs_no_coarser_scale_is_not_harmed(tmp_path):
    """A network of one pixel's reach is as sure at any scale, but for the edges."""
    models = [
        load_model(particle_model(tmp_path / f"{n}.onnx", scales=scales), precision="float32")
        for n, scales in enumerate(((1.0,), SCALES))
    ]
    one, many = (segment_with_model(discs(), model) for model in models)
    assert np.mean(one.mask != many.mask) < 0.01
    assert one.n == many.n


@pytest.mark.parametrize(("noise", "base"), [(0, 1.0), (250, 0.5)])
def test_the_base_is_where_the_network_is_surest(tmp_path, noise, base):
    """Averaging takes noise away, of which a network of one pixel's reach is unsure."""
    image, inside = drawn(WIDE)
    image = image + np.random.default_rng(1).normal(0, noise, image.shape)
    model = load_model(particle_model(tmp_path / "plain.onnx", scales=LADDER), precision="float32")
    found = segment_with_model(image, model, polarity="dark")
    assert found.settings["scales"][0] == base
    assert np.mean(found.mask != inside) < 0.01


def test_the_two_smallest_scales_are_no_base(tmp_path):
    image, _ = drawn(WIDE)
    image = image + np.random.default_rng(1).normal(0, 250, image.shape)
    model = load_model(particle_model(tmp_path / "plain.onnx", scales=SCALES), precision="float32")
    assert segment_with_model(image, model, polarity="dark").settings["scales"] == SCALES


@pytest.mark.parametrize(("narrow", "sure", "base"), [
    (20.0, 0.88, 2.0), (5.0, 0.88, 1.0), (20.0, 0.5, 1.0),
])  # fmt: skip
def test_narrow_particles_of_which_the_network_is_unsure_are_enlarged(
    dull, monkeypatch, narrow, sure, base
):
    """A network that averages over 5 px is unsure of particles of 8 px, less so of twice that."""
    monkeypatch.setattr(network_average, "_NARROW", narrow)
    monkeypatch.setattr(network_average, "_SURE", sure)
    image, inside = drawn(*((row, column, 4) for row in (60, 180) for column in (70, 170)))
    found = segment_with_model(image, dull(scales=LADDER), polarity="dark")
    assert found.settings["scales"][0] == base
    assert ("Particles are narrow" in " ".join(found.notes)) is (base == 2)
    assert found.n == 4
    assert np.mean(found.mask != inside) < 0.01


def test_notes_give_sizes_in_pixels_of_the_image(tmp_path):
    image, _ = drawn(WIDE)
    image = image + np.random.default_rng(1).normal(0, 250, image.shape)
    path = particle_model(tmp_path / "plain.onnx", scales=LADDER, diameter_range_px=(60, 1000))
    found = segment_with_model(image, load_model(path, precision="float32"), polarity="dark")
    assert "outside the 120 to 8e+03 px" in " ".join(found.notes)


def test_all_frames_of_a_movie_take_the_base_of_the_first(tmp_path):
    """One with noise, of which the network is surer at half, and one without."""
    image, _ = drawn(WIDE)
    rng = np.random.default_rng(1)
    frames = [image + rng.normal(0, noise, image.shape) for noise in (250, 1)]
    path = particle_model(tmp_path / "plain.onnx", scales=LADDER)
    movie = Micrograph.from_array(np.round(frames).astype(np.int16), pixel_size_nm=1.0)
    found = analyse(movie, Settings(method=str(path), polarity="dark")).segmentations
    assert [one.settings["scales"][0] for one in found] == [0.5, 0.5]
    alone = Micrograph.from_array(np.round(frames[1]).astype(np.int16), pixel_size_nm=1.0)
    [last] = analyse(alone, Settings(method=str(path), polarity="dark")).segmentations
    assert last.settings["scales"][0] == 1.0


def test_detections_left_out_as_faint_are_told_and_a_lower_threshold_keeps_them(tmp_path):
    image, _ = drawn(SMALL, *PAIR)
    dim = 1000 - (1000 - image.astype(float)) * 0.5
    noisy = dim + np.random.default_rng(0).normal(0, 60, dim.shape)
    path = particle_model(tmp_path / "plain.onnx", least_mean=0.99)
    model = load_model(path, precision="float32")
    usual = segment_with_model(noisy, model, polarity="dark")
    lower = segment_with_model(noisy, model, polarity="dark", threshold=0.4)
    assert lower.n > usual.n
    assert usual.settings["faint_left_out"] > 0
    assert "least_mean" not in lower.settings


def test_it_is_told_where_more_was_left_out_than_kept():
    assert about_faint(2, 2, card()) == []
    [note] = about_faint(3, 2, card())
    assert note.startswith("3 of 5 detections were left out, for the network plain is hardly")


def test_a_model_of_something_else_than_particles_says_of_what():
    assert about_foreground(card()) == []
    [note] = about_foreground(card().model_copy(update={"foreground": ("contamination",)}))
    assert note == "What plain outlines and sizes is contamination."
    on_lattice = card().model_copy(update={"foreground": ("contamination",), "lattice_nm": 0.2})
    assert about_foreground(on_lattice)[0].startswith(note + " `nanosieve atoms` finds atoms")


def test_images_too_large_to_be_enlarged_are_not(dull, monkeypatch):
    image, _ = drawn(SMALL)
    monkeypatch.setattr(network_average, "_LARGEST_ENLARGED", 511)
    found = segment_with_model(image, dull(scales=LADDER), polarity="dark")
    assert found.settings["scales"][0] == 1.0


@pytest.mark.parametrize(("noise", "outside"), [(0, False), (250, True)])
def test_sizes_count_on_the_base(tmp_path, noise, outside):
    """96 px across are 48 at half, less than any particle of the training."""
    image, _ = drawn(WIDE)
    image = image + np.random.default_rng(1).normal(0, noise, image.shape)
    path = particle_model(tmp_path / "plain.onnx", scales=LADDER, diameter_range_px=(60, 1000))
    found = segment_with_model(image, load_model(path, precision="float32"), polarity="dark")
    assert ("sizes_outside_training" in found.flags) is outside


@pytest.mark.parametrize("scales", [(), (0.5,), (1, 1), (1, 3), (1, 0.001), (2, 1.5, 1)])
def test_a_card_with_scales_that_cannot_be_is_refused(scales):
    with pytest.raises(ValueError, match=r"scales are 1, smaller ones down to 0\.015625 and one"):
        card(scales=scales)


def test_scales_are_in_the_card_as_it_is_stored():
    text = card(scales=SCALES).to_json()
    assert ModelCard.model_validate_json(text).scales == SCALES
