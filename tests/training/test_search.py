"""A grid of settings: all of it, once, in one table."""

from pathlib import Path

import pandas as pd
import pytest
from drawn_sets import draw_set, short

from nanosieve.core.errors import UsageError
from nanosieve.training import search as module
from nanosieve.training.config import TrainConfig
from nanosieve.training.search import grid, run_name, search


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return draw_set(tmp_path_factory.mktemp("data") / "discs")


def varied(data: Path, **lists: list[object]) -> TrainConfig:
    names = {name.replace("__", "."): values for name, values in lists.items()}
    return short(data, stop__epochs=2, seeds=[0, 1]).varied({"search": names})


def test_every_combination_is_trained_and_the_best_is_named(tmp_path, data):
    rates = [1e-5, 1e-2]
    config = varied(data, optimiser__lr=rates, network__name=["horwath-unet512", "horwath-single"])
    seen = []
    found = search(config, tmp_path, device="cpu", progress=lambda *n: seen.append(n))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    table = pd.read_csv(tmp_path / "search.csv")
    assert table["optimiser.lr"].tolist() == [1e-5, 1e-5, 1e-2, 1e-2]
    assert table["network.name"].tolist() == ["horwath-unet512", "horwath-single"] * 2
    assert table["n_parameters"].tolist() == [16002, 82] * 2
    assert (table["n_trainings"] == 2).all()
    assert found.best == 2
    assert table["validation_dice"].idxmax() == 2
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "log10 of optimiser.lr" in page
    assert page.count("<svg") == 1
    run = tmp_path / table["run"][0]
    assert not (run / "model.onnx").exists()
    assert len(pd.read_csv(run / "history.csv")) == 4


def test_what_is_done_is_not_done_again(tmp_path, data, monkeypatch):
    first = search(varied(data, batch=[2, 4]), tmp_path, device="cpu").table
    again = []
    train = module.train

    def noted(*arguments, **options):
        run = train(*arguments, **options)
        again.append(not run.was_complete)
        return run

    monkeypatch.setattr(module, "train", noted)
    second = search(varied(data, batch=[2, 4, 8]), tmp_path, device="cpu").table
    assert again == [False, False, True]
    pd.testing.assert_frame_equal(first, second.iloc[:2])


def test_a_combination_that_fails_is_told_and_the_others_go_on(tmp_path, data):
    found = search(varied(data, tiles__size=[32, 36]), tmp_path, device="cpu")
    assert found.table["status"].tolist() == ["ok", "failed"]
    assert "takes multiples of 8" in found.table["message"][1]
    assert found.best == 0
    assert "takes multiples of 8" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_that_can_be_trained_is_no_error(tmp_path, data):
    found = search(varied(data, tiles__size=[36]), tmp_path, device="cpu")
    assert found.best is None
    assert "No combination could be trained" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_processes_give_the_same_table(tmp_path, data):
    config = varied(data, batch=[2, 4])
    one = search(config, tmp_path / "one", device="cpu").table
    two = search(config, tmp_path / "two", jobs=2, device="cpu").table
    pd.testing.assert_frame_equal(one, two)


def test_a_folder_is_named_by_the_settings_alone(data):
    names = [run_name(config) for _, config in grid(varied(data, batch=[2, 4]))]
    assert len(set(names)) == 2
    assert names == [run_name(config) for _, config in grid(varied(data, batch=[2, 4, 6]))][:2]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({}, "nothing to search: name settings and their values"),
        ({"batch": []}, "batch has no values"),
        ({"bach": [1]}, "bach: no such setting, did you mean batch"),
        ({"batch": [0]}, "batch: must be at least 1"),
        ({"batch": [*range(1, 200)], "stop__epochs": [*range(1, 200)]}, "more than 10,000"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(tmp_path, data, lists, message):
    with pytest.raises(UsageError, match=message):
        search(varied(data, **lists), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_jobs_must_be_positive(tmp_path, data):
    with pytest.raises(UsageError, match="--jobs must be at least 1"):
        search(varied(data, batch=[2]), tmp_path, jobs=0)


def test_dotted_names_need_no_quotes(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('data.path = "set"\n[search]\noptimiser.lr = [0.1]\n"batch" = [2]\n')
    assert TrainConfig.read(path).search == {"optimiser.lr": [0.1], "batch": [2]}
