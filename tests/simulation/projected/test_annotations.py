"""Print lies where it says, and only where it is asked for."""

import numpy as np
import pytest

from nanosieve.simulation.projected.annotations import AnnotationSettings, annotate

GREY = np.full((300, 400), 100.0, np.float32)


def _made(seed=0, image=GREY, **settings):
    return annotate(
        image,
        AnnotationSettings(**settings),
        limits=(0, 255),
        pixel_size_nm=0.5,
        rng=np.random.default_rng(seed),
    )


def test_nothing_is_printed_unless_asked_for():
    made = _made()
    np.testing.assert_array_equal(made.values, GREY)
    assert not made.covered.any()


@pytest.mark.parametrize("what", ["bar_share", "letter_share", "words_share"])
def test_what_is_not_covered_stays_as_it_was(what):
    for seed in range(8):
        made = _made(seed, **{what: 1})
        assert 0 < made.covered.mean() < 0.4
        far = ~made.covered
        # Faint rims of letters stay below a third.
        assert np.abs(made.values[far] - 100).max() <= 0.31 * 155
        assert made.values.min() >= 0
        assert made.values.max() <= 255


def test_a_bar_is_as_long_as_a_round_length_is_in_pixels():
    longest = []
    for seed in range(12):
        made = _made(seed, bar_share=1, box_share=0, banner_share=0)
        runs = [len(run) for row in made.covered for run in _runs(row)]
        longest.append(max(runs))
    lengths_nm = np.array(longest) * 0.5
    rounds = np.array([20, 50])
    assert (np.abs(lengths_nm[:, None] - rounds).min(axis=1) <= 0.5).all()


def _runs(row):
    return [run for run in np.split(row, np.flatnonzero(np.diff(row)) + 1) if run[0]]


def test_a_banner_covers_the_whole_lower_edge():
    made = _made(bar_share=1, banner_share=1)
    assert made.covered[-1].all()
    assert not made.covered[0].any()


def test_ink_stands_out_from_dark_and_bright_images():
    for grey, ink in ((20.0, 255), (230.0, 0)):
        image = np.full((300, 400), grey, np.float32)
        printed = [_made(seed, image, letter_share=1, box_share=0) for seed in range(20)]
        hits = [np.abs(made.values[made.covered] - ink).min() < 1 for made in printed]
        assert np.mean(hits) > 0.6
