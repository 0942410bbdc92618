import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.measurement.distribution import describe
from nanosieve.measurement.uncertainty import budget

SAMPLE = np.random.default_rng(0).normal(20, 2, 100)


def test_components_add_in_quadrature():
    distribution = describe(SAMPLE)
    found = budget(distribution, 2.0, 0.3)
    sampling, pixel, edge = (part.standard for part in found.components)
    assert sampling == pytest.approx(2 / 10, rel=0.2)
    assert pixel == pytest.approx(0.02 * distribution.mean)
    assert edge == pytest.approx(0.3 / np.sqrt(3))
    assert found.combined == pytest.approx(np.sqrt(sampling**2 + pixel**2 + edge**2))
    assert found.expanded == pytest.approx(2 * found.combined)
    assert found.mean == distribution.mean
    assert found.missing == ()


def test_what_is_unknown_is_named_and_not_taken_for_zero():
    found = budget(describe(SAMPLE), None, None)
    assert found.missing == ("pixel size", "edge position")
    assert found.combined == pytest.approx(found.components[0].standard)


def test_more_particles_shrink_the_sampling_part_only():
    few, many = budget(describe(SAMPLE), 2, 0.3), budget(describe(np.tile(SAMPLE, 100)), 2, 0.3)
    assert many.components[0].standard < few.components[0].standard / 5
    assert many.components[2] == few.components[2]
    assert many.combined > np.hypot(0.02 * many.mean, 0.3 / np.sqrt(3))


def test_no_particle_has_no_uncertainty():
    found = budget(describe(np.array([])), 2.0, None)
    assert np.isnan([found.mean, found.combined, found.expanded]).all()
    assert len(found.missing) == 3


@pytest.mark.parametrize(
    ("percent", "shift", "message"),
    [
        (-1, 0, "pixel_size_percent must be a number of at least 0, got -1"),
        (1, np.inf, "edge_shift must be a number of at least 0, got inf"),
    ],
)
def test_bad_figures_are_refused(percent, shift, message):
    with pytest.raises(UsageError, match=message):
        budget(describe(SAMPLE), percent, shift)
