"""How well on real micrographs; development data, so a guard of what was reached, no forecast."""

import numpy as np
import pytest
from scenes import dice

from nanosieve.core.micrograph import Micrograph
from nanosieve.core.settings import Settings
from nanosieve.files.dataset import Dataset, instances_from_mask
from nanosieve.measurement.agreement.instances import overlaps
from nanosieve.pipeline import analyse


def scores(images, settings: Settings) -> tuple[float, float]:
    """Mean Dice and mean instance F1 at IoU 0.5, by the corridor as a user runs it."""
    values = []
    for image, mask, given in images:
        found = analyse(Micrograph.from_array(image), settings).segmentations[0]
        # Where touching particles are one in the truth, they are one on both sides.
        truth = instances_from_mask(mask) if given is None else given
        labels = instances_from_mask(found.mask) if given is None else found.labels
        values.append((dice(mask, found.mask), overlaps(truth, labels).counts().f1))
    return tuple(np.mean(values, axis=0))


def of(folder, step: int = 1):
    for sample in list(Dataset.open(folder))[::step]:
        yield sample.image(), sample.mask(), sample.instances()


@pytest.mark.slow
def test_sinter800_at_the_edge_its_masks_were_made_with(shared_data):
    mean_dice, f1 = scores(of(shared_data / "sinter800"), Settings(method="hybrid", edge="otsu"))
    assert mean_dice >= 0.975
    assert f1 >= 0.92


@pytest.mark.slow
def test_emps_with_nothing_set(shared_data):
    mean_dice, f1 = scores(of(shared_data / "emps_bf"), Settings())
    assert mean_dice >= 0.86
    assert f1 >= 0.77
