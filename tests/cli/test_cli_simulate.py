"""``nanosieve simulate`` as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import disc_kind
from nanosieve.cli import simulate as command
from nanosieve.files.dataset import Dataset
from nanosieve.report import colours
from nanosieve.simulation import presets

TESTS = Path(__file__).resolve().parents[1]
DISCS = "# Discs on a film, for tests\nkind = 'discs'\n"
START = """
import disc_kind
from nanosieve.cli import main
if __name__ == "__main__":
    disc_kind.register()
    main()
"""


@pytest.fixture(autouse=True)
def _kinds(monkeypatch, tmp_path):
    monkeypatch.setattr(presets, "KINDS", dict(presets.KINDS))
    monkeypatch.setattr(disc_kind, "KINDS", presets.KINDS)
    disc_kind.register()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """A package with one preset."""
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "gold-discs.toml").write_text(DISCS)
    monkeypatch.setattr(presets, "PRESETS", tmp_path / "presets")


@pytest.fixture
def started(tmp_path):
    """Start ``nanosieve`` with the discs in a process of its own, and end it."""
    (tmp_path / "start.py").write_text(START)
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "start.py", *map(str, arguments)],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(TESTS)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("packaged")
def test_presets_are_listed_and_shown(nanosieve):
    listed = nanosieve("simulate", "--list")
    assert listed.code == 0
    assert "gold-discs" in listed.out
    assert "Discs on a film, for tests" in listed.out
    assert "1 image " in listed.out
    shown = nanosieve("simulate", "gold-discs", "--show")
    assert (shown.code, shown.out) == (0, DISCS)


@pytest.mark.usefixtures("packaged")
def test_wrong_usage_is_one_line(nanosieve, tmp_path):
    (tmp_path / "file").touch()
    for arguments, message in (
        ((), "name a preset or a settings file; presets: gold-discs"),
        (("gold-discs",), "nanosieve simulate gold-discs -n 20 -o DIR"),
        (("gold-disc", "-n", "1", "-o", "out"), "no preset 'gold-disc', did you mean gold-discs?"),
        (("gold-discs", "-n", "1", "-o", "out", "--device", "tpu"), "give auto, cpu or gpu"),
        (("gold-discs", "-n", "0", "-o", "out", "--overwrite"), "-n must be at least 1, got 0"),
        (("gold-discs", "-n", "1", "-o", "out", "--device", "gpu"), "on the processor alone"),
        (("gold-discs", "-n", "1", "-o", "file"), "file is a file: give -o a folder"),
        (("gold-discs", "-n", "1", "-o", "file", "--overwrite"), "file is a file: give -o"),
    ):
        ended = nanosieve("simulate", *arguments)
        assert ended.code == 2
        assert ended.err.count("\n") == 1
        assert message in ended.err
    assert not (tmp_path / "out").exists()


def test_made_again_extended_evaluated_and_trained_on(nanosieve, tmp_path):
    Path("gold.toml").write_text(DISCS + "side_px = 96\n")
    made = nanosieve("simulate", "gold.toml", "-n", 3, "-o", "out", "--jobs", 2)
    assert made.code == 0
    assert made.out.startswith("Made images: 3, ")
    assert " a minute; 3 in out\nLook at out" in made.out
    again = nanosieve("simulate", "gold.toml", "-n", 3, "-o", "out")
    assert (again.code, again.out) == (0, "Nothing to do: images in out: 3\n")
    assert nanosieve("simulate", "gold.toml", "-n", 4, "-o", "out").out.startswith(
        "Made images: 1, "
    )

    refused = nanosieve("simulate", "gold.toml", "-n", 4, "-o", "out", "--seed", 1)
    assert refused.code == 2
    assert "was made with other settings (seed 0 → 1)" in refused.err
    anew = nanosieve("simulate", "gold.toml", "-n", 4, "-o", "out", "--seed", 1, "--overwrite")
    assert anew.out.startswith("Made images: 4, ")

    judged = nanosieve("evaluate", "--data", "out", "--method", "otsu", "-o", "judged")
    assert judged.code == 0
    scores = pd.read_csv(tmp_path / "judged" / "scores.csv")
    assert scores["dice"].min() > 0.9
    assert scores["group"].nunique() == 4

    Path("train.toml").write_text(
        "[data]\npath = 'out'\n[network]\nname = 'horwath-single'\n"
        "[tiles]\nsize = 96\n[stop]\nepochs = 1\n"
    )
    trained = nanosieve("train", "train.toml", "-o", "run")
    assert trained.code == 0, trained.err
    assert (tmp_path / "run" / "model.onnx").exists()


def test_a_sheet_that_is_missing_is_made(nanosieve, tmp_path):
    Path("gold.toml").write_text(DISCS)
    order = ("simulate", "gold.toml", "-n", 1, "-o", "out")
    sheet = tmp_path / "out" / "sheet.png"
    assert nanosieve(*order).code == 0
    sheet.unlink()
    again = nanosieve(*order)
    assert again.out == f"Nothing to do: images in out: 1\nLook at {Path('out') / 'sheet.png'}\n"
    assert sheet.exists()
    Path("gold.toml").write_text(DISCS + "fails = ['gold_00000']\n")
    assert nanosieve(*order, "--overwrite").code == 1
    assert not sheet.exists()


def test_images_without_any_particle_are_told(nanosieve):
    Path("bare.toml").write_text(DISCS + "discs = 0\n")
    told = nanosieve("simulate", "bare.toml", "-n", 2, "-o", "out").out
    assert "None of the images (2) holds a particle: the settings leave fields empty" in told
    Path("some.toml").write_text(DISCS)
    assert "holds a particle" not in nanosieve("simulate", "some.toml", "-n", 2, "-o", "some").out


def test_the_sheet_of_classes_names_them(nanosieve, tmp_path):
    Path("sheet.toml").write_text(DISCS + "classes = true\n")
    told = nanosieve("simulate", "sheet.toml", "-n", 1, "-o", "out").out
    assert "holds a particle" not in told
    pixels = np.asarray(Image.open(tmp_path / "out" / "sheet.png")).reshape(-1, 3)
    drawn = {tuple(one) for one in np.unique(pixels, axis=0).tolist()}
    assert {colours.FOUND, colours.NOT_ISOLATED} <= drawn


def test_failures_are_told_in_a_line_each(nanosieve, monkeypatch):
    names = [f"gold_{index:05d}" for index in range(3)]
    Path("gold.toml").write_text(DISCS + f"fails = {names}\n")
    monkeypatch.setattr(command, "_LINES", 2)
    ended = nanosieve("simulate", "gold.toml", "-n", 4, "-o", "out", "--debug")
    assert ended.code == 1
    told = [line for line in ended.err.splitlines() if line.startswith("nanosieve: ")]
    assert told == [
        "nanosieve: failed: gold_00000: unexpected ValueError: its crystal has no faces",
        "nanosieve: failed: gold_00001: unexpected ValueError: its crystal has no faces",
        "nanosieve: failed: structures besides: 1",
    ]
    assert ended.err.count("Traceback") == 3
    assert ended.out.startswith("Made images: 1, ")


def test_the_bar_shows_rate_and_time_left(nanosieve, monkeypatch):
    Path("gold.toml").write_text(DISCS)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert nanosieve("simulate", "gold.toml", "-n", 2, "-o", "out").code == 0
    assert command._pace(8, 4, 120) == "4 a minute, 0:01:00 left"


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_what_is_complete_outlives_an_interruption(started, tmp_path, sent):
    """The third structure waits before its second image, of which the first is written already."""
    settings = tmp_path / "gold.toml"
    settings.write_text(DISCS + "images = 2\nwaits = ['gold_00002']\n")
    out = tmp_path / "out"
    order = ("simulate", "gold.toml", "-n", 8, "-o", "out")
    running = started(*order)
    until = time.monotonic() + 60
    while not (out / "instances" / "gold_00002_0.png").exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(sent)
    _, err = running.communicate(timeout=30)
    if sent == signal.SIGINT:
        assert running.returncode == 130
        assert err.count("\n") == 1
        assert "out is a data set of them; the same command again does the rest" in err
        assert len(Dataset.open(out)) == 4

    # It does not wait any more; the settings of the folder are made to agree.
    for path in (settings, out / "simulation.json"):
        path.write_text(path.read_text().replace("gold_00002", "gold_none"))
    ended = started(*order)
    text, err = ended.communicate(timeout=60)
    assert (ended.returncode, err) == (0, "")
    assert text.startswith("Made images: 4, ")
    assert len(Dataset.open(out)) == 8
    assert not list(out.rglob(".nanosieve-*"))
