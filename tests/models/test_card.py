"""The card: what it must say, and what is refused by name."""

import json

import pytest
from pydantic import ValidationError

from model_files import card
from nanosieve.core.errors import UsageError
from nanosieve.models.card import ModelCard, TrainingData, parse_card
from nanosieve.models.domain import Domain
from nanosieve.prepare.network_input import InputSpec


def full() -> ModelCard:
    domain = Domain(
        names=("noise", "contrast"), mean=(-1.0, 0.2), spread=(0.1, 0.3),
        precision=((100.0, 0.0), (0.0, 11.0)), threshold=12.5, false_alarm=0.05, n_images=40,
    )  # fmt: skip
    return card(
        pixel_size_nm=0.2, pixel_size_range_nm=(0.1, 0.3), diameter_range_px=(8, 60),
        effective_field_px=40.5, temperature=1.3, n_parameters=82, domain=domain,
        data=TrainingData(description="drawn", groups=("a", "b"), n_images=7),
        scores={"dice": 0.9}, notes="A note.", settings={"classes": ["support", "particle"]},
    )  # fmt: skip


def test_a_card_comes_back_as_it_was():
    assert parse_card(full().to_json(), "m.onnx") == full()


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_unknown_versions_are_refused_by_name(version):
    values = json.loads(card().to_json()) | {"card_version": version}
    with pytest.raises(UsageError, match=rf"m\.onnx: .* version {version!r}, .* knows version 1"):
        parse_card(json.dumps(values), "m.onnx")


def test_a_file_without_a_card_is_refused():
    with pytest.raises(UsageError, match=r"m\.onnx: has no model card"):
        parse_card(None, "m.onnx")


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_a_card_that_is_no_json_is_refused(text):
    with pytest.raises(UsageError, match="its model card is no JSON"):
        parse_card(text, "m.onnx")


def test_all_faults_of_a_card_are_named_at_once():
    values = json.loads(card().to_json()) | {"threshold": 2, "stride": 0, "code": "x"}
    with pytest.raises(UsageError, match=r"not valid: .*stride.*threshold.*code"):
        parse_card(json.dumps(values), "m.onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"foreground": ("gold",)}, "foreground and core must be classes"),
        ({"core": "inside"}, "foreground and core must be classes"),
        ({"classes": ("particle", "particle")}, "foreground and core must be classes"),
        ({"core": "particle"}, "core cannot be foreground too"),
        ({"foreground": ("support",)}, "of two classes that exclude each other the second"),
        (
            {"classes": ("a", "b", "c"), "foreground": ("a", "b", "c")},
            "of classes that exclude each other one must be background",
        ),
        ({"polarity": "bright"}, "polarity must be that of input"),
        ({"diameter_range_px": (9, 3)}, "a range goes from a positive number"),
        ({"pixel_size_range_nm": (0, 3)}, "a range goes from a positive number"),
        ({"receptive_field_px": 10**6}, "less than or equal to 8192"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        card(**changes)


def test_channels_and_kinds_follow_from_classes():
    two = card()
    assert (two.channels, two.kinds) == (("particle",), ("support", "particle"))
    three = card(classes=("support", "film", "particle"))
    assert three.channels == three.kinds == ("support", "film", "particle")
    marked = card(classes=("particle", "core"), activation="sigmoid", core="core")
    assert (marked.channels, marked.kinds) == (("particle", "core"), ("background", "particle"))


def test_the_effective_field_comes_before_the_theoretical():
    assert full().field_px == 40.5
    assert card(receptive_field_px=44, effective_field_px=None).field_px == 44
    assert InputSpec(polarity="dark") == card().input
