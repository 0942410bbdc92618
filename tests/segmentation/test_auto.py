"""Which method ``auto`` takes: a drawn image of each kind, and what it may not take."""

import numpy as np
import pytest
from scenes import apart
from scipy import ndimage

from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Segmentation
from nanosieve.segmentation.auto import Chosen, choose_method
from nanosieve.segmentation.look import look

MODELS = ("particles", "hrtem", "graphene")
Y, X = np.mgrid[:512, :512].astype(np.float32)


def noisy(image: np.ndarray, noise: float) -> np.ndarray:
    return (image + np.random.default_rng(0).normal(0, noise, image.shape)).astype(np.float32)


def waves(spacing: float, *angles: float) -> np.ndarray:
    turns = [np.deg2rad(angle) for angle in angles]
    return sum(np.cos(2 * np.pi * (X * np.cos(a) + Y * np.sin(a)) / spacing) for a in turns)


def grain() -> np.ndarray:
    """An amorphous support at lattice resolution."""
    return ndimage.gaussian_filter(noisy(np.zeros((512, 512)), 10), 2)


def uneven() -> np.ndarray:
    """Grain, and coarser contrast that has no edges."""
    coarse = ndimage.gaussian_filter(noisy(np.zeros((512, 512)), 1), 25)
    return grain() + 0.45 * coarse * grain().std() / coarse.std()


def crystals() -> np.ndarray:
    """Fringes of 9 px in two crystals that are no darker than their support."""
    inside = (np.hypot(Y - 150, X - 180) < 60) | (np.hypot(Y - 340, X - 330) < 50)
    return noisy(grain() + 3 * waves(9, 25, 95) * inside, 1)


def sheet(spacing: float = 10.0) -> np.ndarray:
    return noisy(waves(spacing, 10, 70, 130), 4)


def spheres(diameter: int = 20) -> np.ndarray:
    return apart(diameter, "dark").image.astype(np.float32)


@pytest.mark.parametrize(
    ("image", "nm", "method", "reason"),
    [
        (spheres(), 0.5, "particles", "no lattice is resolved"),
        (spheres(), None, "particles", "particles are dark on their support"),
        (spheres(130), 0.05, "particles", "particles are dark on their support"),
        (-spheres(), 0.5, "particles", "particles are bright"),
        (crystals(), 0.023, "hrtem", "a lattice is resolved (spacing "),
        (crystals(), None, "hrtem", "a lattice is resolved (spacing "),
        (grain(), 0.02, "hrtem", "pixels of 0.02 nm resolve a lattice though none is seen"),
        (grain(), 1.0, "particles", "nothing stands out clearly"),
        # Thickness that changes over 1 nm is mass, not grain; at finer pixels it may be grain.
        (uneven(), 0.04, "particles", "nothing stands out clearly"),
        (uneven(), 0.01, "hrtem", "though none is seen"),
        (sheet(), 0.0213, "graphene", "0.213 nm) whose hexagons fill the field"),
        (sheet(), None, "graphene", "hexagons fill the field"),
        # Palladium's (111).
        (sheet(), 0.02245, "hrtem", "0.224 nm)"),
    ],
)
def test_each_kind_of_image_has_its_model(image, nm, method, reason):
    chosen = choose_method(image, MODELS, pixel_size_nm=nm)
    assert chosen.method == method
    assert reason in chosen.sentence
    assert chosen.sentence.startswith(f"{method} (a network), because ")
    assert not chosen.flags
    assert choose_method(image, MODELS, pixel_size_nm=nm) == chosen


def test_dark_particles_some_of_which_show_fringes_are_particles():
    inside = np.zeros((512, 512), bool)
    for row in range(70, 512, 120):
        for column in range(70, 512, 120):
            inside |= np.hypot(Y - row, X - column) < 35
    lattice = np.hypot(Y - 190, X - 190) < 35
    image = noisy(100 - 40 * inside + 12 * lattice * waves(4, 25), 24)
    seen = look(image)
    assert seen.lattice.resolved
    assert seen.bodies.diameter_px == pytest.approx(70, rel=0.1)
    assert seen.bodies.coverage == pytest.approx(inside.mean(), rel=0.1)
    chosen = choose_method(image, MODELS)
    assert chosen.method == "particles"
    assert (
        "Bragg peaks are seen (spacing 3.97 px) but not all over the particles" in chosen.sentence
    )


def test_a_scanned_image_whose_file_does_not_say_so_is_told_by_its_contrast():
    """Fringes all over a support whose thickness makes most of the contrast."""
    support = 60 * ndimage.gaussian_filter(noisy(np.zeros((512, 512)), 40), 30)
    image = noisy(support + 2 * waves(5.5, 30), 2)
    seen = look(image)
    assert seen.coarse > 0.6
    assert seen.lattice.share > 0.9
    chosen = choose_method(image, MODELS)
    assert chosen.method == "particles"
    assert "but most contrast is of mass" in chosen.sentence
    assert look(crystals()).coarse < 0.2


def test_a_dense_layer_of_particles_is_no_sheet_of_graphene():
    centres = [(26 * row, 30 * col + 15 * (row % 2)) for row in range(21) for col in range(19)]
    layer = np.zeros((512, 512), bool)
    for row, column in centres:
        layer |= np.hypot(Y - row, X - column) < 12
    image = noisy(100 - 50 * layer, 3)
    assert look(image).lattice.hexagonal > 0.5
    assert choose_method(image, MODELS).method == "particles"


def test_a_scanned_image_has_no_phase_contrast():
    chosen = choose_method(crystals(), MODELS, pixel_size_nm=0.023, mode="STEM nP SA")
    assert chosen.method == "particles"
    assert "the file says that it is a scanned image" in chosen.sentence
    assert choose_method(crystals(), MODELS, mode="TEM").method == "hrtem"


def test_what_is_left_out_is_not_looked_at():
    exclude = X > 255
    image = np.where(exclude, crystals() + 500, np.tile(spheres(), (2, 2)))
    assert choose_method(image, MODELS, exclude=exclude).method == "particles"


def test_without_models_there_is_no_choice_and_nothing_to_tell():
    chosen = choose_method(spheres(), [])
    assert chosen == Chosen("hybrid")
    found = Segmentation(np.zeros((2, 2), int), np.zeros((2, 2)), "hybrid", "dark")
    assert chosen.told(found) is found


def test_a_model_that_is_not_packaged_is_named():
    only = ["particles"]
    chosen = choose_method(crystals(), only)
    assert chosen.method == "hybrid"
    assert "the network hrtem, which would suit it, is not packaged" in chosen.sentence
    assert chosen.flags == ("lattice_resolved",)
    assert choose_method(spheres(), only).method == "particles"


def test_an_edge_rule_asks_for_thresholds_and_a_threshold_for_a_network():
    chosen = choose_method(spheres(), MODELS, network=False)
    assert chosen.method == "hybrid"
    assert "an edge rule was asked for" in chosen.sentence
    assert choose_method(crystals(), ["graphene"], network=True).method == "graphene"
    assert choose_method(spheres()[:30, :30], MODELS, network=True).method == "particles"
    with pytest.raises(UsageError, match="--threshold is a network's probability and no model is"):
        choose_method(spheres(), [], network=True)


def test_a_tiny_image_is_for_thresholds():
    chosen = choose_method(spheres()[:30], MODELS)
    assert (chosen.method, chosen.flags) == ("hybrid", ("out_of_domain",))
    assert "the image, 30 x 256 px, is too small for a network" in chosen.sentence


def test_dark_crystals_with_fringes_are_never_for_thresholds():
    """Darker than their grainy support and full of fringes, as gold is."""
    inside = (np.hypot(Y - 150, X - 180) < 90) | (np.hypot(Y - 370, X - 360) < 80)
    image = noisy(2 * grain() + inside * (2 * waves(9, 25, 95) - 3), 1)
    seen = look(image)
    assert seen.bodies.separate
    assert seen.shows_atoms
    assert choose_method(image, MODELS, pixel_size_nm=0.02).method == "hrtem"


def test_the_reasons_go_with_the_segmentation():
    found = Segmentation(
        np.zeros((2, 2), int), np.zeros((2, 2)), "hybrid", "dark", settings={"a": 1}, flags=("x",)
    )
    told = Chosen("hybrid", ("of this", "of that"), {"n": 2}, ("out_of_domain",)).told(found)
    assert told.settings == {
        "chosen_because": "hybrid (classical), because of this and of that",
        "chosen_from": {"n": 2},
        "a": 1,
    }
    assert told.flags == ("x", "out_of_domain")


def test_nothing_to_look_at_is_nothing_to_choose_from():
    flat = np.full((100, 100), 3, np.uint8)
    assert look(flat) is None
    assert choose_method(flat, MODELS).method == "hybrid"
    exclude = np.ones((512, 512), bool)
    assert look(spheres(), exclude=exclude) is None
