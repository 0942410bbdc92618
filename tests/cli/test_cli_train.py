"""``nanosieve train`` and ``nanosieve search`` from the options to the exit code."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nanosieve.cli import train as command
from nanosieve.training.loop import Status

CONFIG = """
batch = 4
[data]
path = "set"
annotations = false
[network]
name = "horwath-single"
[tiles]
size = 32
per_epoch = 4
[stop]
epochs = {epochs}
"""


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    for number in range(2):
        disc = np.hypot(y - 24, x - 16 - 12 * number) < 9
        image = 150 + rng.normal(0, 5, disc.shape) - 60 * disc
        for kind, pixels in (("images", image), ("masks", 255 * disc)):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(
                tmp_path / "set" / kind / f"d{number}.png"
            )
    (tmp_path / "set" / "dataset.csv").write_text("name,group\nd0,a\nd1,b\n")
    (tmp_path / "c.toml").write_text(CONFIG.format(epochs=2))
    return tmp_path


def test_it_trains_then_says_that_it_is_complete(nanosieve, folder):
    arguments = ("train", folder / "c.toml", "-o", folder / "run", "--device", "cpu")
    first = nanosieve(*arguments)
    assert first.code == 0, first.err
    assert "On validation images" in first.out
    assert f"Model: {folder / 'run' / 'model.onnx'}" in first.out
    second = nanosieve(*arguments)
    assert second.code == 0
    assert "is complete already; --overwrite trains anew" in second.out
    assert nanosieve(*arguments, "--overwrite").code == 0


def test_the_model_is_a_method(nanosieve, folder):
    assert nanosieve("train", folder / "c.toml", "-o", folder / "run", "--device", "cpu").code == 0
    done = nanosieve("segment", folder / "set" / "images", "--method", folder / "run/model.onnx",
                     "-o", folder / "out")  # fmt: skip
    assert done.code == 0, done.err
    assert (folder / "out" / "d0" / "labels.tif").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.toml", "-o", "run"), "nowhere.toml: cannot be read"),
        (("bad.toml", "-o", "run"), "optimiser.rl: no such setting, did you mean lr?"),
        (("c.toml",), "Missing option"),
        (("c.toml", "-o", "run", "--resume", "--overwrite"), "exclude each other; give one"),
        (("c.toml", "-o", "run", "--device", "tpu"), "--device tpu: give auto, cpu or gpu"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    nanosieve, folder, monkeypatch, arguments, message
):
    monkeypatch.chdir(folder)
    (folder / "bad.toml").write_text(
        CONFIG.format(epochs=2).replace("32", "3") + "[optimiser]\nrl=1"
    )
    done = nanosieve("train", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (folder / "run").exists()


def test_without_the_extra_it_says_what_to_install(nanosieve, folder, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "torch" else name)
    for name in ("train", "search"):
        done = nanosieve(name, folder / "c.toml", "-o", folder / "run")
        assert done.code == 2
        assert 'training needs torch: pip install "nanosieve[train]"' in done.err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
def test_ctrl_c_ends_with_130_and_resume_does_the_rest(process, nanosieve, folder):
    (folder / "c.toml").write_text(CONFIG.format(epochs=80) + "patience = false\n")
    arguments = ("train", folder / "c.toml", "-o", folder / "run", "--device", "cpu")
    child = process(*arguments, OMP_NUM_THREADS="1")
    history = folder / "run" / "trainings" / "all-seed-0" / "history.csv"
    limit = time.monotonic() + 60
    while not history.exists():
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < limit
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert errors.endswith("the same command with --resume does the rest\n")
    assert errors.count("\n") == 1
    done = nanosieve(*arguments)
    assert done.code == 2
    assert "--resume goes on with it" in done.err
    assert nanosieve(*arguments, "--resume").code == 0


def test_search_prints_one_row_a_combination(nanosieve, folder):
    grid = '[search]\noptimiser.lr = [1e-3, 1e-1]\n"tiles.size" = [32]\n'
    (folder / "c.toml").write_text(CONFIG.format(epochs=1) + grid)
    done = nanosieve("search", folder / "c.toml", "-o", folder / "run", "--device", "cpu")
    assert done.code == 0, done.err
    assert "Best: optimiser.lr = " in done.out
    assert (folder / "run" / "search.csv").read_text().count("\n") == 3
    assert (folder / "run" / "report.html").is_file()
    words = next(line for line in done.out.splitlines() if line.startswith("Its model: ")).split()
    assert nanosieve(*words[3:]).code == 0
    assert (Path(words[6]) / "model.onnx").is_file()


def test_search_names_what_failed_and_ends_with_1(nanosieve, folder):
    grid = '[search]\n"network.name" = ["horwath-single", "none"]\n'
    (folder / "c.toml").write_text(CONFIG.format(epochs=1) + grid)
    done = nanosieve("search", folder / "c.toml", "-o", folder / "run", "--device", "cpu")
    assert done.code == 1
    assert "no network is called 'none'" in done.err


def test_a_bar_shows_loss_and_dice_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with command._bar() as watch:
        watch(Status("fold-1-seed-0", 1, 3, 1, 4, 0.5, 0.8))
        watch(Status("fold-1-seed-0", 2, 3, 1, 4, 0.4, 0.9, {"validation_dice": 0.7}))
        watch(Status("fold-2-seed-0", 2, 3, 1, 4, 0.25, 0.95))
    shown = capsys.readouterr().err
    assert "fold-2-seed-0" in shown
    assert "epoch 2 of 3" in shown
    assert "loss 0.2500  Dice 0.950" in shown
