"""The loop on tiles drawn by formula: what it learns, when it stops, and what it leaves."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from stand_ins import Discs, TinyNet, settings
from torch.optim.optimizer import register_optimizer_step_pre_hook

from nanosieve.core.errors import UsageError
from nanosieve.networks import NAMES, build
from nanosieve.training.bad_batch import DivergedError
from nanosieve.training.batches import Batches
from nanosieve.training.config_sections import OptimiserConfig
from nanosieve.training.finetune import ENCODER_PARTS, frozen_parts
from nanosieve.training.hardware import accelerator, seed_torch
from nanosieve.training.loop import Task, Trained, train_one
from nanosieve.training.schedule import learning_rate


def train(folder: Path, network: TinyNet | None = None, *, tiles=None, checks=None, watch=None,
          mixed_precision: bool = False, **changes: object) -> Trained:  # fmt: skip
    seed_torch(0)
    task = Task("test", folder, tiles or Discs(), checks or Discs(4), seed=1)
    hardware = accelerator("cpu", mixed_precision=mixed_precision)
    more = {} if watch is None else {"watch": watch}
    return train_one(network or TinyNet(), task, settings(**changes), hardware, **more)


def test_it_learns_and_tells_how(tmp_path):
    seen = []
    trained = train(tmp_path, stop__epochs=12, watch=seen.append)
    history = pd.read_csv(tmp_path / "history.csv")
    assert trained.best["validation_dice"] > 0.9
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] / 2
    assert history["epoch"].tolist() == list(range(1, 13))
    assert history["validation_loss"].min() == pytest.approx(
        trained.best["validation_loss"], rel=1e-6
    )
    assert [(status.epoch, status.step) for status in seen[:4]] == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert seen[0].steps == 3


def test_weights_are_those_of_the_best_epoch(tmp_path):
    # At this rate the loss rises again and again.
    trained = train(tmp_path, stop__epochs=8, optimiser__lr=0.3)
    best = int(trained.best["epoch"])
    assert best < 8
    again = train(tmp_path / "again", stop__epochs=best, optimiser__lr=0.3)
    for name, value in trained.weights.items():
        assert torch.equal(value, again.weights[name])


def test_it_stops_where_patience_ends(tmp_path):
    trained = train(tmp_path, stop__epochs=50, stop__patience=2, stop__min_delta=10.0)
    assert len(trained.history) == 3


def test_seeds_decide_everything(tmp_path):
    one, two = (train(tmp_path / name) for name in "ab")
    assert one.history == two.history
    assert all(torch.equal(value, two.weights[name]) for name, value in one.weights.items())


def test_workers_change_nothing():
    drawn = [
        [batch for epoch in (1, 2) for batch in Batches(Discs(6), 4, 3, workers=n).training(epoch)]
        for n in (0, 1)
    ]
    for one, two in zip(*drawn, strict=True):
        assert torch.equal(one.image, two.image)
        assert one.where == two.where


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_each_batch(processes):
    shares = [list(Batches(Discs(10), 4, 0, n, processes).training(1)) for n in range(processes)]
    assert {len(share) for share in shares} == {3}
    whole = list(Batches(Discs(10), 4, 0).training(1))
    for step, batch in enumerate(whole):
        counted = [
            where
            for share in shares
            for where, weight in zip(share[step].where, share[step].weight, strict=True)
            if weight.any()
        ]
        assert sorted(counted) == sorted(batch.where)


def test_a_loss_that_is_no_number_names_and_keeps_its_batch(tmp_path):
    with pytest.raises(
        DivergedError, match=r"loss became nan in epoch 1, step ., on the tiles disc7 at"
    ):
        train(tmp_path, tiles=Discs(broken=[7]))
    with safe_open(tmp_path / "bad-batch.safetensors", "pt") as kept:
        assert kept.get_tensor("image").isnan().sum() == 1
        assert "disc7 at y 0, x 0" in kept.metadata()["where"]
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_gradient_that_is_no_number_stops_before_the_step(tmp_path):
    network = TinyNet()
    network.encoder.weight.register_hook(lambda gradient: gradient * math.nan)
    before = network.encoder.weight.clone()
    with pytest.raises(DivergedError, match="gradient became nan in epoch 1, step 1"):
        train(tmp_path, network)
    assert torch.equal(network.encoder.weight, before)


def test_what_is_frozen_stays(tmp_path):
    network = TinyNet()
    network.norm.running_mean.fill_(0.5)
    for part in (network.norm, network.encoder):
        part.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    # The stand-in's batch norm is no part of its encoder: its statistics go on.
    trained = train(tmp_path, network, start__weights="x", start__freeze="encoder")
    same = {name for name, value in trained.weights.items() if torch.equal(value, before[name])}
    assert {"encoder.weight", "encoder.bias", "norm.weight", "norm.bias"} <= same
    assert "norm.running_mean" not in same
    assert "rest.2.weight" not in same
    network.requires_grad_(False)
    with pytest.raises(UsageError, match="nothing is left to train"):
        train(tmp_path, network)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:the encoder starts untrained")
def test_every_network_has_an_encoder_or_says_that_it_has_none(name):
    with torch.device("meta"):
        network = build(name)
    parts = {
        child for child, part in network.named_children() if any(True for _ in part.parameters())
    }
    if not ENCODER_PARTS & parts:
        assert name in ("horwath-single", "horwath-wide")
        with pytest.raises(UsageError, match="there is no encoder to freeze"):
            list(frozen_parts(network, "encoder"))
        return
    halves = [
        {id(p) for part in frozen_parts(network, half) for p in part.parameters()}
        for half in ("encoder", "decoder")
    ]
    assert not halves[0] & halves[1]
    assert halves[0] | halves[1] == {id(p) for p in network.parameters()}
    assert all(halves)


def test_clipping_bounds_the_step(tmp_path):
    network = TinyNet()
    before = network.rest[2].weight.clone()
    seed_torch(0)
    task = Task("test", tmp_path, Discs(), None, seed=1, epochs=1)
    # Adam's step does not depend on the scale of the gradient, its epsilon apart.
    train_one(network, task, settings(clip=1e-12), accelerator("cpu"))
    assert (network.rest[2].weight - before).abs().max() < 1e-4


def test_mixed_precision_learns_and_keeps_full_weights(tmp_path):
    trained = train(tmp_path, stop__epochs=8, mixed_precision=True)
    assert trained.best["validation_dice"] > 0.8
    assert trained.weights["encoder.weight"].dtype == torch.float32


def test_without_validation_the_last_epoch_counts(tmp_path):
    task = Task("final", tmp_path, Discs(), None, seed=0, epochs=2)
    trained = train_one(TinyNet(), task, settings(), accelerator("cpu"))
    assert trained.best["epoch"] == len(trained.history) == 2
    assert pd.read_csv(tmp_path / "history.csv")["validation_loss"].isna().all()


def test_tensorboard_gets_the_history(tmp_path):
    pytest.importorskip("tensorboard")
    train(tmp_path, tensorboard=True, stop__epochs=1)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device gpu: torch finds no GPU here"):
        accelerator("gpu")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"schedule": "constant"}, [1, 1, 1]),
        ({"schedule": "step", "step_epochs": 4, "factor": 0.1}, [1, 0.1, 0.01]),
        ({"schedule": "exponential", "factor": 0.5}, [1, 2**-5, 2**-9]),
        ({"schedule": "cosine"}, [1, 0.5, (1 + math.cos(0.95 * math.pi)) / 2]),
        ({"schedule": "cosine", "warmup_epochs": 5}, [0, 1, (1 + math.cos(0.9 * math.pi)) / 2]),
    ],
)
def test_schedules(schedule, expected):
    config = OptimiserConfig(lr=1.0, **schedule)
    found = [learning_rate(config, at, epochs=10) for at in (0, 5, 9.5)]
    assert found == pytest.approx(expected)


def test_warm_up_rises_in_a_straight_line():
    config = OptimiserConfig(lr=1.0, warmup_epochs=2)
    found = [learning_rate(config, at, epochs=10) for at in (0, 0.5, 1, 2, 3)]
    assert found == [0, 0.25, 0.5, 1, 1]


def test_plateaus_lower_the_rate():
    config = OptimiserConfig(lr=1.0, schedule="plateau", step_epochs=2, factor=0.1)
    losses = [5, 4, 4, 4, 3, 3.5, 3.5]
    history = [{"loss": 9.0, "validation_loss": loss} for loss in losses]
    rates = [learning_rate(config, n, epochs=10, history=history[:n]) for n in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01])


GRADIENTS = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from pathlib import Path
from test_loop import gradients

torch.set_num_threads(1)
gradients(Path(sys.argv[2]))
"""


def gradients(folder: Path) -> None:
    """Train for a while, and keep the gradient of every step."""
    hardware = accelerator("cpu")
    seed_torch(0)
    network = TinyNet(norm=False, dropout=0.0)
    kept: list[torch.Tensor] = []

    def keep(optimiser: torch.optim.Optimizer, *_: object) -> None:
        weights = optimiser.param_groups[0]["params"]
        kept.append(torch.cat([weight.grad.flatten() for weight in weights]))

    hook = register_optimizer_step_pre_hook(keep)
    # Seven tiles in batches of three: shares of 2 and 1, and a last batch of one for two.
    loss = {"loss.cross_entropy": 1.0, "loss.dice": 0.5, "loss.boundary": 0.3}
    config = settings(batch=3, clip=False).varied(loss)
    train_one(network, Task("t", folder, Discs(7), Discs(5), seed=2), config, hardware)
    hook.remove()
    if hardware.is_main_process:
        save_file({"gradients": torch.stack(kept)}, folder / "gradients.safetensors")


def in_two_processes(folder: Path, port: int) -> None:
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
              "ACCELERATE_USE_CPU": "true"}  # fmt: skip
    command = [sys.executable, "-c", GRADIENTS, str(Path(__file__).parent), str(folder)]
    children = [
        subprocess.Popen(
            command,
            env=os.environ
            | {k: str(v) for k, v in (shared | {"RANK": n, "LOCAL_RANK": n}).items()},
            stderr=subprocess.PIPE,
        )
        for n in range(2)
    ]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()[-2000:]


def test_two_processes_get_the_gradients_of_one(tmp_path, unused_port):
    gradients(tmp_path / "one")
    in_two_processes(tmp_path / "two", unused_port)
    one, two = (load_file(tmp_path / name / "gradients.safetensors")["gradients"].numpy()
                for name in ("one", "two"))  # fmt: skip
    assert one.shape == two.shape == (9, one.shape[1])
    assert np.abs(one).max() > 0.01
    np.testing.assert_allclose(two, one, atol=2e-6)
    histories = [pd.read_csv(tmp_path / name / "history.csv") for name in ("one", "two")]
    validation = ["validation_loss", "validation_dice"]
    np.testing.assert_allclose(*(table[validation] for table in histories), rtol=1e-4)
