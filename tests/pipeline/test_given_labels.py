"""Labels from elsewhere: who touches whom is told from the labels themselves."""

import numpy as np

from nanosieve.core.micrograph import Micrograph
from nanosieve.pipeline import measure_frames


def test_given_labels_that_touch_are_not_isolated():
    labels = np.zeros((60, 90), np.int32)
    labels[20:40, 10:30] = 3
    labels[20:40, 30:50] = 5
    labels[20:40, 60:80] = 9
    noise = np.random.default_rng(0).normal(0, 4, labels.shape)
    image = Micrograph.from_array(np.where(labels > 0, 50, 100) + noise)
    table = next(measure_frames(image, labels)).particles.set_index("label")
    assert table["isolated"].to_dict() == {3: False, 5: False, 9: True}
    assert "overlap" in table.loc[3, "flags"].split(";")
