"""``nanosieve faults``: train and predict from the command line."""

import pandas as pd
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from faults_drawn import write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(
        tmp_path_factory.mktemp("faults") / "out", images=3, seed=0, pixel_size_nm=None
    )


def test_train_and_predict(nanosieve, folder, tmp_path):
    run = tmp_path / "forest"
    classes = folder / "classes.csv"
    ended = nanosieve(
        "faults", "train", folder, "--classes", classes, "-o", run, "--trees", 50, "--folds", 3,
        "--features", "paper", "--weights", "equal", "--background", 1,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "grouped cross-validation: accuracy" in ended.out
    assert "out of bag: accuracy" in ended.out
    for name in ("faults.skops", "confusion.csv", "predictions.csv", "report.html"):
        assert (run / name).is_file()
    ended = nanosieve("faults", "predict", folder, "--model", run / "faults.skops")
    assert ended.code == 0, ended.err
    told = pd.read_csv(folder / "faults.csv")
    assert len(told) == 12
    assert (told["class"] == pd.read_csv(classes)["class"]).mean() > 0.9


def test_one_group_is_told(nanosieve, folder, tmp_path):
    table = pd.read_csv(folder / "classes.csv")
    table[table["image"] == "i0"].to_csv(tmp_path / "one.csv", index=False)
    ended = nanosieve(
        "faults", "train", folder, "--classes", tmp_path / "one.csv", "-o", tmp_path / "run",
        "--trees", 50,
    )  # fmt: skip
    assert ended.code == 0
    assert "all particles are of one group" in ended.err
    assert "nothing is known of other images" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--features", "some", "--features some: give all or paper"),
        ("--weights", "heavy", "--weights heavy: give balanced, equal or paper"),
        ("--trees", "3", "trees"),
    ],
)
def test_wrong_usage_is_one_line(nanosieve, tmp_path, option, value, message):
    ended = nanosieve("faults", "train", tmp_path, "--classes", "none.csv", option, value)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_a_missing_model_is_one_line(nanosieve, tmp_path):
    ended = nanosieve("faults", "predict", tmp_path, "--model", tmp_path / "none.skops")
    assert ended.code == 2
    assert "none.skops: no such file" in ended.err
