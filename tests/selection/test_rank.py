"""The order of images, their table, and the list of those worth keeping."""

import os
from pathlib import Path

import pandas as pd
import pytest

from nanosieve.batch.discover import Input
from nanosieve.batch.process import Job, Outcome
from nanosieve.batch.store import Origin, Record, publish
from nanosieve.core.settings import Settings
from nanosieve.selection.rank import COLUMNS, rank, write_keep, write_table
from nanosieve.selection.rank_sheet import write_sheet

ORIGIN = Origin("", {}, "0")


def result(out: Path, name: str, *coverages: float, method: str = "otsu", **more) -> tuple:
    """Put a result into OUT; its input and its outcome."""
    rows = tuple({"coverage": share, "flags": "", "method": method, **more} for share in coverages)
    status = "ok" if rows else "failed"
    record = Record(name, name, ORIGIN, status, rows=rows, flags=("specks",) if rows else ())
    out.mkdir(exist_ok=True)
    publish(record, None, out / name)
    message = "" if rows else "truncated"
    return Input(Path(f"in/{name}.tif"), name), Outcome(name, name, status, message)


@pytest.fixture
def ranking(tmp_path):
    results = [
        result(tmp_path, "broken"), result(tmp_path, "b10", 0.5), result(tmp_path, "b9", 0.5),
        result(tmp_path, "none", 0.0), result(tmp_path, "movie", 0.9, 0.1, 0.8),
    ]  # fmt: skip
    inputs, outcomes = zip(*results, strict=True)
    return rank(inputs, outcomes[::-1], tmp_path, ())


def test_the_largest_share_comes_first_and_failures_last(ranking):
    assert [one.item.name for one in ranking] == ["movie", "b9", "b10", "none", "broken"]
    assert [one.share for one in ranking] == [pytest.approx(0.6), 0.5, 0.5, 0.0, None]


def test_a_movie_shows_its_typical_frame(ranking):
    assert [one.typical for one in ranking[:2]] == [2, 0]


def test_the_table(ranking, tmp_path):
    write_table(tmp_path / "rank.csv", ranking, 0.5)
    table = pd.read_csv(tmp_path / "rank.csv")
    assert tuple(table.columns) == COLUMNS
    first, last = table.iloc[0], table.iloc[-1]
    assert first[["rank", "image", "wanted", "frames", "keep", "method", "flags"]].tolist() == [
        1, "movie", "particles", 3, "yes", "otsu", "specks"
    ]  # fmt: skip
    assert first[["share", "share_lowest", "share_highest"]].tolist() == [0.6, 0.1, 0.9]
    assert last[["image", "status", "message", "keep"]].tolist() == [
        "broken", "failed", "truncated", "no"
    ]  # fmt: skip
    assert last[["rank", "share", "frames"]].isna().all()
    assert table["keep"].tolist() == ["yes", "yes", "yes", "no", "no"]
    write_table(tmp_path / "rank.csv", ranking, None)
    assert pd.read_csv(tmp_path / "rank.csv")["keep"].isna().all()


def test_the_list_of_what_to_keep(ranking, tmp_path):
    keep = tmp_path / "keep.txt"
    assert write_keep(keep, ranking, 0.5) == 3
    assert keep.read_text().split() == [
        os.path.join("in", name) for name in ("movie.tif", "b9.tif", "b10.tif")
    ]
    assert write_keep(keep, ranking, 1) == 0
    assert keep.read_bytes() == b""
    assert write_keep(keep, ranking, 0) == 4  # a failure is never kept
    assert write_keep(keep, ranking, None) == 0
    assert not keep.exists()


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_no_unicode_are_listed_as_they_are(tmp_path):
    item, outcome = result(tmp_path, "a", 0.5)
    strange = Input(Path(os.fsdecode(b"in/\xff.tif")), item.name)
    ranking = rank([strange], [outcome], tmp_path, ())
    write_keep(tmp_path / "keep.txt", ranking, 0.1)
    assert (tmp_path / "keep.txt").read_bytes() == b"in/\xff.tif\n"
    write_table(tmp_path / "rank.csv", ranking, 0.1)
    assert "in/\\udcff.tif" in (tmp_path / "rank.csv").read_text()


def test_the_method_that_was_chosen_must_know_the_class(tmp_path):
    film = {"share_film": 0.25, "share_support": 0.7}
    results = [result(tmp_path, "a", 0.1), result(tmp_path, "b", 0.1, method="net", **film)]
    inputs, outcomes = zip(*results, strict=True)
    known, unknown = rank(inputs, outcomes, tmp_path, ("film",))
    assert (known.item.name, known.wanted, known.share) == ("b", ("film",), 0.25)
    assert (unknown.status, unknown.share) == ("refused", None)
    assert unknown.message == (
        "segmented by otsu: --wanted film: the method knows no such class; give particles, support"
    )


def test_a_frame_of_nothing_in_a_movie_with_classes_counts_as_nothing(tmp_path):
    item, outcome = result(tmp_path, "m", 0.1, method="net", share_lattice=0.5)
    record = Record(
        "m", "m", ORIGIN, "ok",
        rows=({"coverage": 0.0, "flags": "constant", "method": "net"},
              {"coverage": 0.1, "flags": "", "method": "net", "share_lattice": 0.5}),
    )  # fmt: skip
    publish(record, None, tmp_path / "m")
    (one,) = rank([item], [outcome], tmp_path, ())
    assert (one.wanted, one.shares) == (("lattice",), (0.0, 0.5))


def test_an_image_that_is_gone_by_then_costs_only_its_picture(ranking, tmp_path):
    job = Job(tmp_path, Settings(method="otsu"))
    (page,) = write_sheet(tmp_path / "rank.png", ranking, job, least=0.5)
    assert page.stat().st_size > 1000
