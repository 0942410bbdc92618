import numpy as np
import pytest
from drawn import disc

from nanosieve.measurement.isolation import compare_isolated
from nanosieve.measurement.particles import measure


def test_isolated_ones_are_smaller_where_large_ones_touch():
    labels = np.zeros((80, 120), np.int32)
    for label, (radius, centre) in enumerate(
        [(4, (15, 15)), (5, (15, 40)), (11, (40, 30)), (12, (40, 54)), (9, (78, 90))], 1
    ):
        labels[disc(radius, centre, labels.shape) & (labels == 0)] = label
    table = measure(labels, labels, pixel_size_nm=2.0, split_labels=frozenset({3, 4}))
    found = compare_isolated(table, np.array(["a", "a", "b", "b", "b"]))
    assert (found.every.n, found.isolated.n, found.rejected.n) == (5, 2, 3)
    assert found.reasons == {"border": 1, "overlap": 2}
    assert found.shift_of_mean == pytest.approx(
        table["diameter_nm"][:2].mean() - table["diameter_nm"].mean()
    )
    assert found.shift_of_mean < 0
    assert found.ks == 1
    assert found.rejected.n_groups == 1


def test_without_particles():
    found = compare_isolated(measure(np.zeros((9, 9), int), np.zeros((9, 9))))
    assert (found.every.n, found.isolated.n, found.rejected.n) == (0, 0, 0)
    assert np.isnan([found.ks, found.shift_of_mean]).all()
    assert found.reasons == {}
