"""Settings files: short ones work, every fault is named, and what is written reads back."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from nanosieve.core.errors import UsageError
from nanosieve.core.toml_text import toml_text
from nanosieve.prepare.network_input import InputSpec
from nanosieve.training.augment_config import AugmentConfig
from nanosieve.training.config import TrainConfig

SHORT = """
[data]
path = "my-particles"

[network]
name = "sadre-unet"
"""


def read(folder: Path, text: str) -> TrainConfig:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return TrainConfig.read(path)


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        TrainConfig.from_dict({"data": {"path": "set"}, **values})
    return str(caught.value)


def test_six_lines_are_enough(tmp_path: Path) -> None:
    config = read(tmp_path, SHORT)
    assert config.network.name == "sadre-unet"
    # The defaults that the papers agree on.
    assert (config.optimiser.name, config.optimiser.lr) == ("adam", 1e-4)
    assert config.tiles.size == 512
    assert not config.data.ungrouped
    assert not config.tiles.drop_empty


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    text = """
    start.weights = "old/model.safetensors"
    [data]
    path = ["a", "/b"]
    groups = "groups.csv"
    stacks = [{images = "x.npy", labels = "y.npy", groups = "image"}]
    """
    config = read(tmp_path, text)
    assert config.data.path == (str(tmp_path / "a"), "/b")
    assert config.data.groups == str(tmp_path / "groups.csv")
    assert config.data.stacks[0].labels == str(tmp_path / "y.npy")
    assert config.data.stacks[0].groups == "image"
    assert config.start.weights == str(tmp_path / "old/model.safetensors")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"clip": False, "stop": {"patience": False}, "augment": {"scale": False, "poisson": 50}},
        {"loss": {"class_weights": [1, 2.5]}, "network": {"settings": {"two_conv": True}}},
        {"search": {"optimiser.lr": [1e-4, 1e-7]}, "name": 'é "quoted" \\ 😀\n\x7f'},
        {"data": {"path": "a", "stacks": [{"images": "x.h5", "pixel_size_nm": 0.1}]}},
        {"input": {"normalisation": "maximum", "maximum": 4095, "pixel_size_nm": 0.2}},
        {"input": {"scales": [1, 0.5, 0.25]}},
    ],
)
def test_what_is_written_reads_back(values: dict[str, Any]) -> None:
    config = TrainConfig.from_dict({"data": {"path": "set"}, **values})
    assert TrainConfig.from_dict(tomllib.loads(config.dump())) == config
    assert TrainConfig.from_dict(config.to_dict()) == config


def test_toml_keys_that_need_quotes() -> None:
    values = {"a.b": 1, "c": {"d e": {"f": [True, 1.5, "x"]}}}
    assert tomllib.loads(toml_text(values)) == values


def test_all_faults_at_once() -> None:
    message = refused(
        {
            "batch": 0,
            "tiles": {"sise": 256},
            "optimiser": {"lr": -1.0, "schedule": "cos"},
            "augment": {"noise": [3, 1], "rotate": True},
            "validation": {"folds": 5, "leave_one_group_out": True},
        }
    )
    for part in (
        "batch: must be at least 1, got 0",
        "tiles.sise: no such setting, did you mean size?",
        "optimiser.lr: must be more than 0, got -1.0",
        "optimiser.schedule: give 'constant'",
        "augment.noise: must be a range low <= high within 0 to 10, or false, got [3, 1]",
        "augment.rotate: no such setting, did you mean rotation?",
        "validation: folds and leave_one_group_out exclude each other; give one",
    ):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": {}}, "data: give path, a data-set folder or a stack"),
        ({"seeds": [1, 1]}, "seeds are distinct whole numbers"),
        ({"seeds": []}, "seeds: give 1 or more values"),
        ({"clip": -1}, "clip: must be more than 0 or: give false, got -1"),
        ({"loss": {"cross_entropy": 0, "dice": 0}}, "every loss has weight 0"),
        ({"validation": {"repeats": 2}}, "repeats goes with folds"),
        ({"validation": {"share": 0.5, "test_share": 0.5}}, "leave nothing to train on"),
        ({"start": {"freeze": "encoder"}}, "give model or weights to start from"),
        ({"input": {"maximum": 3.0}}, "give it with normalisation = 'maximum'"),
        ({"data": {"path": "a", "stacks": [{"image": "x"}]}}, "stacks.1.image: no such setting"),
        (
            {"tiles": {"resize": "resize"}, "input": {"pixel_size_nm": 0.2}},
            "both set the scale of the images; give one",
        ),
        ({"augment": {"scale": 0}}, "must be a positive factor, got 0"),
        ({"augment": {"blur": "much"}}, "must be a pair, one number, true or false, got 'much'"),
    ],
)
def test_faults_say_what_to_do(values: dict[str, Any], message: str) -> None:
    assert message in refused(values)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere.toml: cannot be read: No such file"):
        TrainConfig.read(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match=r"run.toml: is no TOML file: .*line 1"):
        read(tmp_path, "= 3")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"rotation": 30}, (-30, 30)),
        ({"rotation": [0, 90]}, (0, 90)),
        ({"scale": 2}, (0.5, 2)),
        ({"scale": 0.5}, (0.5, 2)),
        ({"noise": 1}, (0, 1)),
        ({"noise": True}, (0, 0.75)),
        ({"poisson": 40}, (40, 40)),
        ({"defocus": False}, None),
    ],
)
def test_ranges_as_they_are_written(written: dict[str, Any], meant: Any) -> None:
    (name,) = written
    assert getattr(AugmentConfig(**written), name) == meant


def test_everything_off() -> None:
    off = AugmentConfig.none().model_dump()
    off.pop("share")
    assert not any(off.values())


def test_variation_by_dotted_names() -> None:
    config = TrainConfig.from_dict({"data": {"path": "set"}})
    varied = config.varied({"optimiser.lr": 0.01, "network.settings.blocks": 3})
    assert (varied.optimiser.lr, varied.network.settings) == (0.01, {"blocks": 3})
    assert config.optimiser.lr == 1e-4
    with pytest.raises(UsageError, match=r"optimiser.rate: no such setting"):
        config.varied({"optimiser.rate": 1})
    with pytest.raises(UsageError, match=r"batch.size: batch is no section"):
        config.varied({"batch.size": 1})


def test_scales_are_no_part_of_what_the_network_is_shown() -> None:
    values = {"data": {"path": "set"}, "input": {"polarity": "any", "scales": [1, 0.5]}}
    config = TrainConfig.from_dict(values)
    assert config.input.scales == (1, 0.5)
    assert config.input.spec == InputSpec(polarity="any")
