"""Tuning of ``bragg``: the best of the trials, over groups that had no say."""

import numpy as np
import pytest
from lattices import SHAPE, crystals
from PIL import Image

from nanosieve.core.bragg import BraggSettings
from nanosieve.core.errors import UsageError
from nanosieve.evaluation.bragg_tuning import Case, case, dice_of, draw, tune
from nanosieve.files.dataset import Dataset
from nanosieve.segmentation.bragg_scene import make_scene


def cases(n: int) -> list[Case]:
    everywhere = np.ones(SHAPE, bool)
    drawn = [crystals(seed) for seed in range(n)]
    return [
        Case(make_scene(image, everywhere, 0.032), truth, everywhere, f"group {number // 2}")
        for number, (image, truth) in enumerate(drawn)
    ]


@pytest.fixture(scope="module")
def four() -> list[Case]:
    return cases(4)


@pytest.mark.parametrize("form", ["sadre", "sytwu", "roughness"])
def test_what_is_kept_is_the_best_trial(four, form):
    tuned = tune(four, form=form, trials=5)
    assert len(tuned.trials) == 5
    assert tuned.trials[0][0] == BraggSettings(form=form)
    assert tuned.score == max(score for _, score in tuned.trials)
    assert tuned.score == pytest.approx(np.mean([dice_of(one, tuned.settings) for one in four]))
    assert tuned.held_out <= tuned.score
    assert tuned.settings.form == form


def test_the_same_seed_gives_the_same_trials(four):
    first, again = (tune(four[:3], form="roughness", trials=3, seed=4) for _ in range(2))
    assert first == again


def test_a_group_has_no_say_in_what_it_is_scored_with(four):
    """Where the truth of one group is turned round, what is best for the other is bad for it."""
    turned = [
        Case(one.scene, one.truth if one.group == "group 0" else ~one.truth, one.counted, one.group)
        for one in four
    ]
    tuned = tune(turned, form="roughness", trials=4)
    expected = np.mean(
        [
            max(
                (np.mean([dice_of(one, trial) for one in turned if one.group != group]),
                 np.mean([dice_of(one, trial) for one in turned if one.group == group]))
                for trial, _ in tuned.trials
            )[1]
            for group in ("group 0", "group 1")
        ]
    )  # fmt: skip
    assert tuned.held_out == pytest.approx(expected)


def test_one_group_cannot_be_cross_validated(four):
    with pytest.raises(UsageError, match="needs two or more, there are 1; name them in dataset"):
        tune(four[:2], form="roughness")


@pytest.mark.parametrize("form", ["sadre", "groschner", "sytwu", "roughness"])
def test_every_form_can_be_drawn(form):
    rng = np.random.default_rng(0)
    assert len({draw(form, "amorphous", rng) for _ in range(5)}) == 5


def test_a_sample_without_truth_cannot_be_tuned_on(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.full((32, 32), 9, np.uint8)).save(tmp_path / "images" / "a.png")
    [sample] = Dataset.open(tmp_path).samples
    with pytest.raises(UsageError, match="a: tuning needs masks/ or instances/ beside the image"):
        case(sample)


def test_a_sample_is_made_ready_with_its_particles(tmp_path):
    image, truth = crystals()
    for folder, pixels in (("images", image.astype(np.uint16)), ("masks", truth.astype(np.uint8))):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    [sample] = Dataset.open(tmp_path).samples
    one = case(sample)
    assert one.counted.all()
    np.testing.assert_array_equal(one.truth, truth)
    assert dice_of(one, BraggSettings()) > 0.85


def test_supports_without_anything_have_a_score_and_no_warning():
    everywhere = np.ones(SHAPE, bool)
    scene = make_scene(np.full(SHAPE, 100, np.float32), everywhere, None)
    empty = [Case(scene, ~everywhere, everywhere, group) for group in "ab"]
    assert tune(empty, form="sadre", trials=2).held_out == 0
