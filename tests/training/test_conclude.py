"""What a run says of a network that has learned nothing."""

import numpy as np
import pytest

from nanosieve.training.calibration import N_BINS, TEMPERATURES, calibration_doubt
from nanosieve.training.conclude import _doubts


def margins(particles: float, support: float) -> np.ndarray:
    histogram = np.zeros((2, N_BINS))
    histogram[:, N_BINS // 2] = support, particles
    return histogram


# Half of the pixels are particle: calling all of them so has precision 0.5, recall 1, Dice 2/3.
@pytest.mark.parametrize(("dice", "learned"), [(0.66, False), (0.70, False), (0.75, True)])
def test_dice_no_better_than_calling_every_pixel_a_particle_is_told(dice, learned):
    said = _doubts(margins(10, 10), 1.0, dice)
    assert bool(said) is not learned
    assert all("learned next to nothing" in sentence for sentence in said)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_temperature_at_its_limit_is_told(temperature):
    (said,) = _doubts(margins(1, 99), temperature, 0.9)
    assert "at its limit" in said
    assert _doubts(margins(1, 99), 2.0, 0.9) == []


@pytest.mark.parametrize(
    ("before", "after", "trusted"),
    [
        (0.10, 0.04, True),
        (0.10, 0.06, False),
        (0.02, 0.03, False),
        # A rise of what is next to nothing.
        (0.001, 0.002, True),
    ],
)
def test_probabilities_that_do_not_mean_what_they_say_are_told(before, after, trusted):
    said = calibration_doubt(before, after)
    assert bool(said) is not trusted
    assert trusted or "not to be trusted as such" in said
