"""Results in a card, and the card in words."""

import pytest
from pydantic import ValidationError

from model_files import card
from nanosieve.models.card import parse_card
from nanosieve.models.results import Result, Value
from nanosieve.models.words import facts, tables


def _result(**changes):
    fields = {
        "data": "set", "n": 8, "of": "images", "n_groups": 4,
        "scores": {"dice": {"mean": 0.9, "low": 0.85, "high": 0.94}},
    }  # fmt: skip
    return Result(**(fields | changes))


def test_results_travel_with_the_card():
    written = card(results=(_result(),), fails=("On holes.",))
    assert parse_card(written.to_json(), "a.onnx") == written


def test_an_interval_has_two_ends():
    with pytest.raises(ValidationError, match="an interval has two ends"):
        Value(mean=0.5, low=0.4)


def test_results_are_of_images_or_particles():
    with pytest.raises(ValidationError, match="of"):
        _result(of="movies")


def test_a_card_says_where_it_fails_and_how_well_it_did():
    told = facts(card(results=(_result(), _result(kind="size", value="below 8 px")),
                      fails=("On holes.", "On tubes.")))  # fmt: skip
    assert told["fails"] == "On holes. On tubes."
    assert told["elsewhere"] == "set: Dice 0.90 (0.85 to 0.94)"
    assert facts(card())["elsewhere"] == facts(card())["fails"] == "not stated"


def test_a_table_has_a_column_for_every_score_of_its_rows():
    boxes = _result(data="boxes", scores={"box_centre_f1": {"mean": 0.7}})
    both = {"instance_f1_centre": {"mean": 0.8}, "diameter_bias": {"mean": -0.012}}
    [(kind, head, rows)] = tables([_result(), boxes, _result(data="c", scores=both)])
    assert kind == "all"
    assert head == ["data", "images, groups", "Dice", "F1 by centres", "bias of the diameter"]
    assert rows == [
        ["set", "8, 4", "0.90 (0.85 to 0.94)", "", ""],
        ["boxes", "8, 4", "", "0.70", ""],
        ["c", "8, 4", "", "0.80", "-1.2%"],
    ]
