"""A training that is killed, or interrupted, becomes what it would have become."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from drawn_sets import draw_set, short
from safetensors.torch import load_file
from stand_ins import Discs, TinyNet, settings

from nanosieve.core.errors import NanosieveError
from nanosieve.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from nanosieve.training.hardware import accelerator, seed_torch
from nanosieve.training.loop import Status, Task, train_one
from nanosieve.training.run import train

# Dropout and batch norm: generators and statistics have to come back, too.
NETWORK = {"network__name": "groschner-unet", "optimiser__schedule": "plateau"}


def same_weights(one: Path, two: Path) -> bool:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, two))
    return all(torch.equal(value, second[name]) for name, value in first.items())


def interrupt_at(task: str, epoch: int, step: int):
    def watch(status: Status) -> None:
        if (status.task, status.epoch, status.step) == (task, epoch, step):
            raise KeyboardInterrupt

    return watch


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX systems")
def test_killed_and_resumed_is_bit_identical(tmp_path):
    config = short(draw_set(tmp_path / "set"), **NETWORK, stop__epochs=12)
    whole = train(config, tmp_path / "whole", device="cpu").folder
    (tmp_path / "c.toml").write_text(config.dump(), encoding="utf-8")
    killed = tmp_path / "killed"
    child = subprocess.Popen(
        [sys.executable, "-m", "nanosieve", "train", str(tmp_path / "c.toml"), "-o", str(killed),
         "--device", "cpu"],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE,
    )  # fmt: skip
    history = killed / "trainings" / "all-seed-0" / "history.csv"
    limit = time.monotonic() + 60
    while not (history.exists() and len(pd.read_csv(history)) >= 3):
        assert child.poll() is None, child.stderr.read().decode()
        assert time.monotonic() < limit
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert not json.loads((killed / "run.json").read_text())["complete"]
    assert 3 <= len(pd.read_csv(history)) < 12
    train(config, killed, resume=True, device="cpu")
    assert same_weights(whole, killed)
    for name in ("history.csv", "scores.csv", "summary.csv"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()


@pytest.mark.parametrize(
    "stop",
    [("fold-2-seed-0", 2, 1), ("final", 1, 1)],
    ids=lambda stop: stop[0],
)
def test_interrupted_anywhere_in_folds(tmp_path, whole_folds, stop):
    config, whole = whole_folds
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, device="cpu", watch=interrupt_at(*stop))
    assert not (tmp_path / "model.onnx").exists()
    train(config, tmp_path, resume=True, device="cpu")
    assert same_weights(whole, tmp_path)
    for name in ("history.csv", "scores.csv", "model.onnx"):
        assert (whole / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.fixture(scope="module")
def whole_folds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    config = short(draw_set(folder / "set", groups=3), validation__folds=3)
    return config, train(config, folder / "run", device="cpu").folder


@pytest.mark.parametrize(("epoch", "mixed"), [(1, False), (2, False), (3, False), (2, True)])
def test_each_epoch_can_be_the_last_one_seen(tmp_path, epoch, mixed):
    def trained(folder: Path, **how: object):
        seed_torch(0)
        task = Task("t", folder, Discs(), Discs(4), seed=5)
        hardware = accelerator("cpu", mixed_precision=mixed)
        config = settings(optimiser__schedule="cosine", optimiser__name="adamw")
        return train_one(TinyNet(), task, config, hardware, **how)

    whole = trained(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "part", watch=interrupt_at("t", epoch, 2))
    resumed = trained(tmp_path / "part", resume=True)
    assert resumed.history == whole.history
    assert all(torch.equal(v, resumed.weights[name]) for name, v in whole.weights.items())


def test_a_finished_training_is_not_trained_again(tmp_path):
    task = Task("t", tmp_path, Discs(), Discs(4), seed=5)
    first = train_one(TinyNet(), task, settings(), accelerator("cpu"))
    again = train_one(
        TinyNet(), task, settings(), accelerator("cpu"), resume=True,
        watch=interrupt_at("t", 1, 1),
    )  # fmt: skip
    assert again.history == first.history
    assert all(torch.equal(value, again.weights[name]) for name, value in first.weights.items())


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "c.safetensors"
    shared = torch.randn(3)
    kept = Checkpoint({"a.b": shared}, {"a.b": shared}, {"0.step": torch.tensor(7.0)}, {"n": [1]})
    save_checkpoint(path, kept)
    back = load_checkpoint(path)
    assert back.state == {"n": [1]}
    assert torch.equal(back.network["a.b"], shared)
    assert torch.equal(back.best["a.b"], shared)
    assert back.optimiser["0.step"] == 7


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "c.safetensors"
    if content is None:
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(NanosieveError, match="is no checkpoint of a training, or is broken"):
        load_checkpoint(path)
