"""Files are whole or not there, whatever interrupts their writing."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nanosieve.core.errors import OutputError
from nanosieve.core.micrograph import Calibration
from nanosieve.files import atomic
from nanosieve.files.atomic import atomic_path, output_errors, remove_leftovers
from nanosieve.files.labels import LabelWriter, write_labels

UNKNOWN = Calibration()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("n\n1\n")
        assert not target.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".csv"
    assert target.read_text() == "n\n1\n"
    assert names(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_any_exception_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_file_with_the_same_bytes_can_stay(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    for text, stays in (("1", False), ("1", True), ("2", False)):
        before = target.stat().st_ino if target.exists() else None
        with atomic_path(target, keep_equal=True) as temporary:
            temporary.write_text(text)
        assert target.read_text() == text
        assert (target.stat().st_ino == before) == stays
        assert names(tmp_path) == ["table.csv"]


def test_two_writes_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as first, atomic_path(target) as second:
        assert first != second
        first.write_text("outer")
        second.write_text("inner")
    assert target.read_text() == "outer"


def test_names_with_spaces_and_other_letters(tmp_path: Path) -> None:
    target = tmp_path / "Überblick 粒子, 1.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("1")
    assert names(tmp_path) == [target.name]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device; free some space or choose another -o"),
        (errno.EACCES, "Permission denied; close it elsewhere, allow writing there"),
        (errno.EROFS, "Read-only file system; choose another -o"),
        (errno.EIO, "Input/output error; choose another -o"),
    ],
)
def test_a_write_that_fails_is_one_line(tmp_path: Path, number: int, message: str) -> None:
    target = tmp_path / "a.txt"

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=message) as caught:
        fail()
    assert str(caught.value).startswith(f"cannot write {target}: ")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_a_short_write_of_numpy_is_a_full_disk(tmp_path: Path) -> None:
    def fail() -> None:
        with output_errors(tmp_path / "a.tif"):
            raise OSError("262144 requested and 4096 written")

    with pytest.raises(OutputError, match=r"not all of it could be written; is the disk full\?"):
        fail()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "labels.tif"
    with pytest.raises(OutputError, match=r"make the folder .*nowhere or choose another -o"):
        write_labels(target, np.ones((2, 2), int), UNKNOWN)


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    target = tmp_path / "labels.tif"
    target.mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*labels\.tif: Is a directory"):
        write_labels(target, np.ones((2, 2), int), UNKNOWN)
    assert names(tmp_path) == ["labels.tif"]


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="needs a device on which every write finds no space"
)
def test_a_full_disk_under_a_tiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "labels.tif"
    target.write_bytes(b"old")
    monkeypatch.setattr(atomic, "_PREFIX", ".nanosieve-full-")
    here = f".nanosieve-full-{atomic._host()}-{os.getpid()}-{next(atomic._counter) + 1}.tif"
    (tmp_path / here).symlink_to("/dev/full")
    # Not compressed, so that more than the buffer of the file is written.
    movie = np.arange(3 * 300 * 300).reshape(3, 300, 300) % 65_536
    with pytest.raises(OutputError, match="No space left on device; free some space"):
        write_labels(target, movie, UNKNOWN)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["labels.tif"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            write_labels(tmp_path / "labels.tif", np.ones((2, 2), int), UNKNOWN)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="there the age of a leftover decides")
def test_a_killed_process_leaves_what_can_be_cleaned(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from nanosieve.files.atomic import atomic_path\n"
        "from pathlib import Path\n"
        "with atomic_path(Path(sys.argv[1]) / 'a.csv') as temporary:\n"
        "    temporary.write_text('half')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        # It still writes: nobody may take its file away.
        assert remove_leftovers(tmp_path) == 0
        assert len(names(tmp_path)) == 1
        process.kill()
        process.wait()
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == []


def test_other_machines_files_go_after_a_day(tmp_path: Path) -> None:
    other = tmp_path / ".nanosieve-0badcafe-1-0.tif"
    other.touch()
    mine = tmp_path / "labels.tif"
    mine.touch()
    assert remove_leftovers(tmp_path) == 0
    old = time.time() - 90_000
    os.utime(other, (old, old))
    os.utime(mine, (old, old))
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == ["labels.tif"]


def test_an_interrupted_movie_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with LabelWriter(tmp_path / "labels.tif", UNKNOWN) as writer:
            writer.append(np.ones((3, 4), int))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_an_error_of_reading_is_not_called_one_of_writing(tmp_path: Path) -> None:
    def fail() -> None:
        with LabelWriter(tmp_path / "labels.tif", UNKNOWN):
            raise OSError(errno.EIO, "the input's disk")

    with pytest.raises(OSError, match="the input's disk"):
        fail()
