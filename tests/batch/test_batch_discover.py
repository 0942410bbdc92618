"""Which files are taken, skipped and left out."""

import os
from pathlib import Path

import pytest

from discs import write
from nanosieve.batch.discover import discover
from nanosieve.core.errors import UsageError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(found) -> list[str]:
    return [item.name for item in found.inputs]


def test_a_folder_gives_its_files_in_natural_order(tmp_path):
    touch(*(tmp_path / name for name in ("b10.tif", "B9.TIF", "a.dm4", "notes.txt", ".hid.tif")))
    touch(tmp_path / "sub" / "deep.tif")
    found = discover([tmp_path], tmp_path / "out")
    assert names(found) == ["a", "B9", "b10"]
    assert [path.name for path in found.skipped] == ["notes.txt"]


def test_what_is_named_twice_counts_once(tmp_path):
    touch(tmp_path / "a.tif", tmp_path / "b.tif", tmp_path / "c.txt")
    arguments = [tmp_path, tmp_path / "a.tif", str(tmp_path / "*.tif"), tmp_path / "c.txt"]
    found = discover(arguments, tmp_path / "out")
    assert names(found) == ["a", "b"]
    assert len(found.skipped) == 1


def test_globs_are_expanded_unless_the_file_exists(tmp_path):
    touch(tmp_path / "a[1].tif", tmp_path / "a1.tif")
    assert names(discover([str(tmp_path / "a[1].tif")], tmp_path / "out")) == ["a[1]"]
    assert names(discover([str(tmp_path / "a?.tif")], tmp_path / "out")) == ["a1"]


def test_own_output_is_left_out(tmp_path):
    touch(tmp_path / "a.tif", tmp_path / "out/a/labels.tif", tmp_path / "out/a/result.json")
    touch(tmp_path / "out/dataset/images/a.tif")
    assert names(discover([str(tmp_path / "**/*.tif")], tmp_path / "out")) == ["a"]


def test_a_missing_file_is_an_input_beside_others(tmp_path):
    touch(tmp_path / "a.tif")
    found = discover([tmp_path / "a.tif", tmp_path / "gone.tif"], tmp_path / "out")
    assert names(found) == ["a", "gone"]


def test_an_argument_that_matches_nothing_is_told(tmp_path):
    touch(tmp_path / "a.tif")
    (tmp_path / "empty").mkdir()
    pattern = str(tmp_path / "*.dm4")
    found = discover([tmp_path / "a.tif", pattern, tmp_path / "empty"], tmp_path / "out")
    assert found.unmatched == (pattern, str(tmp_path / "empty"))


def test_nothing_at_all_is_wrong_usage(tmp_path):
    touch(tmp_path / "notes.txt")
    with pytest.raises(UsageError, match=r"nothing to analyse in .*passed over: \.txt"):
        discover([tmp_path], tmp_path / "out")
    with pytest.raises(UsageError, match=r"notes\.txt.*; no such file or folder: gone\.tif; give"):
        discover([tmp_path / "notes.txt", "gone.tif"], tmp_path / "out")


def test_what_is_not_there_is_all_that_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"^no such file or folder: nowhere, gone\.tif$"):
        discover(["nowhere", "gone.tif"], tmp_path / "out")


def test_the_series_of_an_emi_are_read_through_it(tmp_path):
    touch(*(tmp_path / name for name in ("a.emi", "a_1.ser", "a_2.ser", "b_1.ser")))
    assert names(discover([tmp_path], tmp_path / "out")) == ["a", "b_1"]


def test_a_link_keeps_the_name_the_user_gave(tmp_path):
    write(tmp_path / "store" / "0007.tif")
    os.symlink(tmp_path / "store" / "0007.tif", tmp_path / "gold.tif")
    assert names(discover([tmp_path / "gold.tif"], tmp_path / "out")) == ["gold"]


def test_shards_share_all_and_names_stay(tmp_path):
    touch(*(tmp_path / folder / f"{n}.tif" for folder in "ab" for n in range(4)))
    found = discover([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    parts = [found.shard(index, 3) for index in (1, 2, 3)]
    assert sorted(item.name for part in parts for item in part.inputs) == sorted(names(found))
    with pytest.raises(UsageError, match="--shard 4/3: shards count from 1/3 to 3/3"):
        found.shard(4, 3)


def test_a_folder_is_walked_whatever_its_name_ends_in(tmp_path):
    touch(tmp_path / "grid1.st" / "a.tif", tmp_path / "all" / "b.tif")
    (tmp_path / "all" / "grid2.st").mkdir()
    (tmp_path / "one.zspy").mkdir()
    inputs = [tmp_path / name for name in ("grid1.st", "all", "one.zspy")]
    assert names(discover(inputs, tmp_path / "out")) == ["a", "b", "one"]
