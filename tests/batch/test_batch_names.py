"""Names of output folders: distinct, and the same whatever the order."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.batch.names import output_names
from nanosieve.batch.page import groups_of
from nanosieve.batch.store import Origin, Record

PARTS = st.sampled_from(["a", "A", "b", "x-tif", "å", "run 1", "dataset", "con", "a.b"])
PATHS = st.builds(
    lambda folders, stem, suffix: Path(*folders, stem + suffix),
    st.lists(PARTS, max_size=3),
    PARTS,
    st.sampled_from([".tif", ".TIF", ".dm3", ""]),
)


@given(st.sets(PATHS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_names_are_distinct_and_do_not_depend_on_the_order(paths, random):
    ordered = sorted(paths)
    names = output_names(ordered)
    random.shuffle(ordered)
    assert output_names(ordered) == names
    # Some file systems ignore letter case; no name may be one that a run or Windows takes.
    assert len({name.casefold() for name in names.values()}) == len(paths)
    assert not {"dataset", "con"} & {name.casefold() for name in names.values()}
    assert all(Path(name).name == name for name in names.values())


def test_a_stem_of_its_own_is_the_name():
    paths = [Path("day 1/Prøve 5 µm.tif"), Path("day 1/b.ome.tif")]
    assert list(output_names(paths).values()) == ["Prøve 5 µm", "b.ome"]


def test_folders_tell_apart_before_suffixes_do():
    paths = [Path("s/day1/x.tif"), Path("s/day2/x.tif"), Path("s/day2/x.dm3")]
    assert list(output_names(paths).values()) == ["day1-x", "day2-x-tif", "day2-x-dm3"]


def test_a_name_that_another_input_bears_gets_a_hash():
    paths = [Path("a/x.tif"), Path("b/x.tif"), Path("a-x.tif")]
    names = list(output_names(paths).values())
    assert names[1] == "b-x"
    assert all(name.startswith("a-x-") for name in (names[0], names[2]))
    assert names[0] != names[2]


def test_letter_case_alone_does_not_tell_apart():
    names = output_names([Path("Au.tif"), Path("au.dm3")])
    assert list(names.values()) == ["Au-tif", "au-dm3"]


def test_what_a_folder_cannot_end_in_is_cut():
    assert list(output_names([Path("end. .tif"), Path("line\nbreak.tif")]).values()) == [
        "end",
        "line_break",
    ]


def test_a_name_that_is_no_utf8_becomes_readable():
    path = Path(b"caf\xe9.tif".decode("utf-8", "surrogateescape"))
    [name] = output_names([path]).values()
    assert name.encode("utf-8").decode() == "caf�"


@pytest.mark.parametrize(
    "taken", ["particles.csv", "summary.csv", "report.html", "run.json", "coco.json", "dataset"]
)
def test_no_folder_is_named_as_what_a_run_writes(taken):
    [name] = output_names([Path(f"in/{taken}.tif")]).values()
    assert name == f"{taken}-tif"


def test_no_folder_is_hidden():
    assert list(output_names([Path("in/.a.tif")]).values()) == ["_a"]


def test_names_are_distinct_across_drives(monkeypatch):
    def drives(_):
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr(os.path, "commonpath", drives)
    paths = [Path("C/day/a.tif"), Path("D/day/a.tif"), Path("D/day/b.tif")]
    assert list(output_names(paths).values()) == ["C-day-a", "D-day-a", "b"]
    records = [Record(path.stem, str(path), Origin("", {}, ""), "failed") for path in paths[1:]]
    groups = groups_of(Path(), records, "folder")
    assert {Path(group).parts[-2:] for group in groups.values()} == {("D", "day")}
