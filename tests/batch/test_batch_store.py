"""Records, and results that are in their place or not at all."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from nanosieve.batch import store
from nanosieve.batch.store import LABELS, Origin, Record
from nanosieve.core.errors import OutputError

ORIGIN = Origin("abc", {"method": "auto"}, "1.0")


def stage_with(folder: Path, labels: bytes) -> Path:
    folder.mkdir()
    (folder / LABELS).write_bytes(labels)
    (folder / "particles.csv").write_bytes(b"table of " + labels)
    return folder


def record_of(stage: Path) -> Record:
    return Record(
        "a", "../a.tif", ORIGIN, "ok",
        labels_hash=store.content_hash(stage / LABELS),
        outputs=(LABELS, "particles.csv"),
    )  # fmt: skip


def test_a_record_comes_back_as_it_was(tmp_path):
    record = Record(
        "Prøve", "../Prøve.tif", ORIGIN, "empty", flags=("tiny",), notes=("Å",),
        rows=({"n": 0, "coverage": None},), left_out=(1.5,), facts={"shape": [1, 3, 3]},
    )  # fmt: skip
    store.save(record, tmp_path)
    assert store.load(tmp_path) == record


def test_values_become_plain_json():
    values = {"b": np.float64("nan"), "a": (np.int32(3), Path("x")), "c": np.array([1.0, np.inf])}
    text = store.to_json(values)
    assert json.loads(text) == {"a": [3, "x"], "b": None, "c": [1.0, None]}
    assert text.index('"a"') < text.index('"b"')


def test_a_name_that_is_no_utf8_is_kept(tmp_path):
    source = b"caf\xe9.tif".decode("utf-8", "surrogateescape")
    store.save(Record("cafe", source, ORIGIN, "failed"), tmp_path)
    loaded = store.load(tmp_path)
    assert loaded is not None
    assert loaded.source == source


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1, "origin": {}}'])
def test_a_record_that_cannot_be_understood_is_none(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    assert store.load(tmp_path) is None


def test_a_result_replaces_the_one_before(tmp_path):
    folder = tmp_path / "a"
    first = stage_with(tmp_path / "one", b"1")
    (first / "rois.zip").touch()
    store.publish(record_of(first), first, folder)
    second = stage_with(tmp_path / "two", b"2")
    record = record_of(second)
    store.publish(record, second, folder)
    assert store.is_current(folder, store.load(folder), ORIGIN)
    assert (folder / "particles.csv").read_bytes() == b"table of 2"
    assert not (folder / "rois.zip").exists()
    assert not store.is_users(folder, record)


@pytest.mark.parametrize("step", range(1, 6))
def test_labels_never_lie_beside_a_foreign_record(tmp_path, monkeypatch, step):
    """Whichever step a kill interrupts, what is left is redone, not taken for the user's."""
    folder = tmp_path / "a"
    first = stage_with(tmp_path / "one", b"1")
    store.publish(record_of(first), first, folder)
    second = stage_with(tmp_path / "two", b"2")
    record = record_of(second)
    calls = []

    class Killed(BaseException):
        pass

    def kill_at_step(function):
        def counted(*arguments, **options):
            calls.append(function)
            if len(calls) == step:
                raise Killed
            return function(*arguments, **options)

        return counted

    monkeypatch.setattr(os, "replace", kill_at_step(os.replace))
    monkeypatch.setattr(Path, "unlink", kill_at_step(Path.unlink))
    try:
        store.publish(record, second, folder)
    except Killed:
        monkeypatch.undo()
        left = store.load(folder)
        assert not store.is_users(folder, left)
        assert left is not None
        if store.is_current(folder, left, ORIGIN):
            assert (folder / "particles.csv").read_bytes() in (b"table of 1", b"table of 2")
    else:
        pytest.fail("nothing was interrupted")


def test_changed_labels_are_the_users(tmp_path):
    folder = tmp_path / "a"
    stage = stage_with(tmp_path / "one", b"1")
    record = record_of(stage)
    store.publish(record, stage, folder)
    (folder / LABELS).write_bytes(b"corrected")
    assert store.is_users(folder, record)
    assert store.is_users(folder, None)
    (folder / LABELS).unlink()
    assert not store.is_users(folder, record)


def test_a_failure_takes_the_old_result_away(tmp_path):
    folder = tmp_path / "a"
    stage = stage_with(tmp_path / "one", b"1")
    store.publish(record_of(stage), stage, folder)
    store.publish(Record("a", "../a.tif", ORIGIN, "failed", "truncated"), None, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["result.json"]


def test_the_stage_is_gone_whatever_happens(tmp_path):
    def fail(stage):
        (stage / "half").touch()
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"), store.staged(tmp_path, "a") as stage:
        fail(stage)
    assert list(tmp_path.iterdir()) == []


def test_the_stage_of_a_killed_run_is_emptied(tmp_path):
    with store.staged(tmp_path, "a") as stage:
        left = stage
    left.mkdir()
    (left / "half").touch()
    with store.staged(tmp_path, "a") as stage:
        assert stage == left
        assert list(stage.iterdir()) == []


def test_where_nothing_can_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"), store.staged(tmp_path / "no", "a"):
        pass
    with pytest.raises(OutputError, match="cannot write"):
        store.publish(Record("a", "a", ORIGIN, "failed"), None, tmp_path / "file")


def test_equal_text_is_not_written_again(tmp_path):
    path = tmp_path / "a.json"
    store.write_if_new(path, "{}")
    before = path.stat().st_mtime_ns
    os.utime(path, ns=(before - 10**9, before - 10**9))
    store.write_if_new(path, "{}")
    assert path.stat().st_mtime_ns == before - 10**9
    store.write_if_new(path, "[]")
    assert path.read_text() == "[]"


def test_folders_that_are_a_data_set_have_a_hash(tmp_path):
    for name in ("a.zspy", "b.zspy"):
        (tmp_path / name / "x").mkdir(parents=True)
        (tmp_path / name / "x" / "0").write_bytes(b"1")
    one, two = tmp_path / "a.zspy", tmp_path / "b.zspy"
    assert store.content_hash(one) == store.content_hash(two)
    (two / "x" / "0").write_bytes(b"2")
    assert store.content_hash(one) != store.content_hash(two)


def test_paths_lead_back(tmp_path):
    out = tmp_path / "here" / "out"
    source = tmp_path / "there" / "a.tif"
    text = store.path_from(out, source)
    assert text == "../../there/a.tif"
    assert store.path_to(out, text) == source
