"""When images are too unlike to be pooled."""

from collections.abc import Sequence

import numpy as np
import pytest

from nanosieve.batch.likeness import differences
from nanosieve.batch.sizes import Sizes
from nanosieve.batch.store import Origin, Record


def told(*, pixels=(1.0, 1.0), modes=("TEM", None), looks=("dark", "dark"), sizes=None):
    sizes = sizes or (spread(10), spread(10))
    records = [
        Record(
            name, name, Origin("", {}, "1"), "ok",
            rows=({"pixel_size_nm": pixel, "mode": mode, "polarity": look},),
        )
        for name, pixel, mode, look in zip("ab", pixels, modes, looks, strict=True)
    ]  # fmt: skip
    return differences(records, [measured(one) for one in sizes])


def spread(middle: float, n: int = 20) -> Sequence[float]:
    return np.linspace(0.7 * middle, 1.3 * middle, n)


def measured(diameters: Sequence[float]) -> Sizes:
    none = np.zeros(len(diameters))
    return Sizes("a", "nm", np.asarray(diameters, float), none, none, none, none > 0, {})


def test_like_images_may_be_pooled():
    assert told() == ()
    assert told(pixels=(1.0, 2.0)) == ()
    assert told(pixels=(None, None)) == ()
    assert told(sizes=(spread(10), spread(19))) == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pixels": (0.1, 0.21)}, "magnification (pixel size 0.100 to 0.210 nm)"),
        ({"modes": ("TEM", "STEM")}, "mode (STEM, TEM)"),
        ({"looks": ("dark", "bright")}, "contrast (dark and bright particles)"),
        (
            {"sizes": (spread(10), spread(25))},
            "particle size (median diameter 10.0 to 25.0 nm)",
        ),
    ],
)
def test_each_difference_is_told(change, sentence):
    assert told(**change) == (sentence,)


def test_broad_or_few_sizes_are_left_to_chance():
    broad = np.geomspace(1, 100, 20)
    assert told(sizes=(broad, 2.5 * broad)) == ()
    assert told(sizes=(spread(10), spread(25, n=9))) == ()
