"""Several processes: order does not matter, a dead one is told, the others go on."""

import os
import sys
import threading
from multiprocessing import active_children
from pathlib import Path

import pytest

from nanosieve.batch import rebuild, runner, store
from nanosieve.batch.discover import Input
from nanosieve.batch.process import Job, Outcome
from nanosieve.core import workers
from nanosieve.core.errors import UsageError
from nanosieve.core.settings import Settings
from stand_in import stand_in

JOB = Job(Path("out"), Settings())


def inputs(*names: str) -> list[Input]:
    return [Input(Path(f"{name}.tif"), name) for name in names]


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    monkeypatch.setattr(runner, "process", stand_in)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


def test_one_process_keeps_the_order_and_the_threads():
    before = os.environ.get("OMP_NUM_THREADS", "")
    outcomes = list(runner.run(inputs("b", "a"), JOB))
    assert [(one.name, one.message) for one in outcomes] == [("b", before), ("a", before)]


def test_processes_share_the_cores():
    before = dict(os.environ)
    outcomes = list(runner.run(inputs(*"abcde"), JOB, jobs=2))
    assert sorted(one.name for one in outcomes) == list("abcde")
    assert {one.message for one in outcomes} == {"2"}
    assert dict(os.environ) == before


def test_a_dead_process_fails_its_input_alone_and_leaves_a_row_and_no_stage(tmp_path):
    for name in ("a", "dies", "b", "c"):
        (tmp_path / f"{name}.tif").touch()
    items = [Input(tmp_path / f"{name}.tif", name) for name in ("a", "dies", "b", "c")]
    out = tmp_path / "out"
    rebuild.prepare_out(out)
    with store.staged(out, "dies") as left:
        pass
    left.mkdir()
    outcomes = {one.name: one for one in runner.run(items, Job(out, Settings()), jobs=2)}
    assert sorted(outcomes) == ["a", "b", "c", "dies"]
    assert [name for name, one in outcomes.items() if one.failed] == ["dies"]
    assert "was killed, most likely for want of memory" in outcomes["dies"].message
    record = store.load(out / "dies")
    assert record is not None
    assert (record.status, record.message) == ("failed", outcomes["dies"].message)
    assert not left.exists()


def test_leaving_early_ends_the_processes():
    outcomes = runner.run(inputs(*"abcdef"), JOB, jobs=2)
    next(outcomes)
    outcomes.close()
    assert active_children() == []


def test_no_process_is_wrong_usage():
    with pytest.raises(UsageError, match="--jobs must be at least 1, got 0"):
        runner.run(inputs("a"), JOB, jobs=0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_a_process_ends_with_its_parent(monkeypatch):
    """Killed with -9 the parent cannot stop them: they look for themselves."""
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(workers, "parent_process", lambda: None)
    workers._end_with_parent()
    assert ended == []
    monkeypatch.setattr(workers, "parent_process", _Ended)
    workers._end_with_parent()
    assert ended == [1]


class _Ended:
    def join(self) -> None:
        return


def test_with_a_network_one_input_is_read_while_the_network_is_at_another(monkeypatch):
    together = threading.Barrier(2, timeout=10)  # broken unless two are at work at once

    def meeting(item: Input, job: Job) -> Outcome:
        together.wait()
        return stand_in(item, job)

    monkeypatch.setattr(runner, "process", meeting)
    job = Job(Path("out"), Settings(method="a.onnx"))
    assert [one.name for one in runner.run(inputs(*"dbca"), job)] == list("dbca")
