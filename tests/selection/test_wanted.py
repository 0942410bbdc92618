"""What is wanted: names, shares of a row, pixels of a segmentation."""

import numpy as np
import pytest

from model_files import class_model, particle_model
from nanosieve.core.errors import UsageError
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings
from nanosieve.selection.wanted import (
    check_wanted,
    classes_of,
    settle,
    wanted_from,
    wanted_pixels,
    wanted_share,
)

ROW = {"coverage": 0.2, "flags": "", "share_lattice": 0.5, "share_grain_boundary": 0.125}


def test_names_are_split():
    assert wanted_from(" a, carbon film ,,b") == ("a", "carbon film", "b")


@pytest.mark.parametrize(
    ("wanted", "classes", "expected"),
    [
        ((), (), ("particles",)),
        ((), ("support", "film"), ("particles",)),
        ((), ("vacuum", "lattice"), ("lattice",)),
        (("carbon film", "carbon_film"), ("carbon film",), ("carbon_film",)),
        (("support",), (), ("support",)),
    ],
)
def test_defaults_are_filled_in_and_names_are_those_of_columns(wanted, classes, expected):
    assert settle(wanted, classes) == expected


def test_an_unknown_name_is_told_with_those_that_are_known():
    message = "--wanted film: the method knows no such class; give lattice, particles, support"
    with pytest.raises(UsageError, match=message):
        settle(("film",), ("lattice",))


def test_a_method_is_asked_before_the_first_image(tmp_path):
    classes = Settings(method=str(class_model(tmp_path / "c.onnx")))
    check_wanted(("film",), classes)
    check_wanted(("anything",), Settings())  # each image decides
    with pytest.raises(UsageError, match="no such class; give support, film, particle, particles"):
        check_wanted(("lattice",), classes)
    for method in ("otsu", str(particle_model(tmp_path / "p.onnx"))):
        with pytest.raises(UsageError, match="no such class; give particles, support"):
            check_wanted(("film",), Settings(method=method))


def test_shares_of_a_row():
    assert classes_of(ROW) == ("lattice", "grain_boundary")
    assert wanted_share(ROW, ("particles",)) == 0.2
    assert wanted_share(ROW, ("support",)) == 0.8
    assert wanted_share(ROW, ("lattice", "grain_boundary")) == 0.625
    assert wanted_share(ROW, ("particles", "support", "lattice")) == 1
    # A class of that name is meant rather than what is no particle.
    assert wanted_share(ROW | {"share_support": 0.25}, ("support",)) == 0.25


@pytest.mark.parametrize(
    "row",
    [
        {"coverage": 0.0, "flags": "constant;saturated"},
        {"coverage": 0.0, "flags": "tiny"},
        {"coverage": float("nan"), "flags": ""},
        {"coverage": None, "flags": ""},
    ],
)
def test_nothing_is_wanted_of_a_frame_in_which_nothing_can_be_seen(row):
    assert wanted_share(row, ("support",)) == 0


def test_a_saturated_image_counts_as_it_is():
    assert wanted_share({"coverage": 0.4, "flags": "saturated"}, ("particles",)) == 0.4


def test_pixels_of_particles_support_and_classes():
    labels = np.array([[0, 1, 0, 2]], np.int32)
    classes = np.array([[0, 1, 2, 1]], np.uint8)
    found = Segmentation(
        labels, labels / 2, "m", "dark", classes=classes,
        class_names=("vacuum", "dirt", "grain boundary"),
    )  # fmt: skip
    assert wanted_pixels(found, ("particles",)).tolist() == [[False, True, False, True]]
    assert wanted_pixels(found, ("support",)).tolist() == [[True, False, True, False]]
    assert wanted_pixels(found, ("vacuum", "grain_boundary")).tolist() == [
        [True, False, True, False]
    ]
    left_out = found.replace(excluded=np.array([[True, True, False, False]]))
    assert wanted_pixels(left_out, ("particles", "vacuum")).tolist() == [
        [False, False, False, True]
    ]
