"""The tables of the page of benchmarks: put between their marks."""

import pytest

from bench.accuracy import TABLES
from bench.evaluated import identity
from bench.page import PAGE, put, score, signed
from model_files import particle_model


def test_a_text_replaces_what_stands_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- t -->\nold\nold\n<!-- end of t -->\nb\n", encoding="utf-8")
    put("t", r"new \1", page)
    put("t", r"newer \1", page)
    assert page.read_text(encoding="utf-8") == ("a\n<!-- t -->\nnewer \\1\n<!-- end of t -->\nb\n")


def test_a_page_without_the_marks_is_not_touched(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- t -->\n", encoding="utf-8")
    with pytest.raises(ValueError, match="needs the marks <!-- t --> and <!-- end of t --> once"):
        put("t", "new", page)
    assert page.read_text(encoding="utf-8") == "<!-- t -->\n"


@pytest.mark.parametrize(
    "name",
    [
        *TABLES,
        "bragg-crystal",
        "bragg-amorphous",
        "fine-tuning",
        "sizes-edges",
        "sizes-methods",
        "splitting",
        "packing",
        "speed",
    ],
)
def test_every_table_has_its_place(name):
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- end of {name} -->\n") == 1


def test_a_score_without_an_interval_stands_alone():
    nan = float("nan")
    assert score({"dice": 0.9, "dice_low": nan, "dice_high": nan}, "dice") == "0.900"
    assert score({"dice": nan}, "dice") == score({}, "dice") == ""
    assert score({"diameter_bias": 0.012, "diameter_bias_low": -0.01, "diameter_bias_high": 0.03},
                 "diameter_bias") == "+1.2 % (−1.0 % to +3.0 %)"  # fmt: skip
    assert signed(nan) == ""


def test_what_a_card_tells_its_reader_does_not_make_another_method(tmp_path):
    plain, told, other = (
        particle_model(tmp_path / folder / "a.onnx", **changes)
        for folder, changes in (("1", {}), ("2", {"notes": "b"}), ("3", {"threshold": 0.4}))
    )
    for path in (plain, told, other):
        path.with_suffix(".safetensors").write_bytes(b"weights")
    assert identity(str(plain)) == identity(str(told)) != identity(str(other))
    told.with_suffix(".safetensors").write_bytes(b"others")
    assert identity(str(plain)) != identity(str(told))
