"""A second training keeps the validation images of the first from being learned."""

import pytest

from nanosieve.core.errors import UsageError
from recipes.same_split import divide


def run_of(folder, *lines):
    text = "\n".join(["split,image,group,role", *lines])
    (folder / "splits.csv").write_text(text, encoding="utf-8")
    return folder


def table_of(folder, *lines):
    folder.mkdir()
    text = "\n".join(["name,group,split,keep,mine", *lines]) + "\n"
    (folder / "dataset.csv").write_text(text, encoding="utf-8")
    return folder


def rows(folder):
    return (folder / "dataset.csv").read_text(encoding="utf-8").splitlines()[1:]


def test_roles_of_a_run_go_into_the_tables_of_its_sets(tmp_path):
    """By the names of images: the run may have had the set under another name."""
    run = run_of(tmp_path, "all,first/a,a,train", "all,first/b,b,validation")
    old = table_of(tmp_path / "old", "a,a,,yes,0010", "b,b,,no,")
    new = table_of(tmp_path / "new", "c,c,,yes,0010")
    divide(run, [old, new])
    assert rows(old) == ["a,a,train,yes,0010", "b,b,validation,no,"]
    assert rows(new) == ["c,c,train,yes,0010"]


def test_what_would_let_validation_images_in_is_refused(tmp_path):
    folder = table_of(tmp_path / "set", "a,a,,yes,")
    with pytest.raises(UsageError, match="1 of its images are in none of the sets: b"):
        divide(run_of(tmp_path, "all,a,a,train", "all,b,b,validation"), [folder])
    with pytest.raises(UsageError, match="a is the name of several images"):
        divide(run_of(tmp_path, "all,x/a,a,train", "all,y/a,a,validation"), [folder])
    assert rows(folder) == ["a,a,,yes,"]
