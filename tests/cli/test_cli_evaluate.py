"""``nanosieve evaluate`` from the options to the exit code."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from nanosieve.cli.evaluate import evaluate
from nanosieve.core.errors import UsageError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    y, x = np.mgrid[:96, :96]
    for number in range(2):
        disc = np.hypot(y - 48, x - 40 - 10 * number) < 18
        for kind, pixels in (("images", 200 - 120 * disc), ("masks", 255 * disc)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"disc{number}.png")
    return folder


def run(*arguments: object) -> object:
    """Return what the command returns: its exit code."""
    app = typer.Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, [str(a) for a in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_predictions_are_scored_and_files_written(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("--data", data, "--predictions", f"copy={data / 'masks'}", "-o", out)
    assert result.return_value == 0
    assert "1.000" in result.output
    assert "not an interval: one group" in " ".join(result.output.split())
    assert pd.read_csv(out / "summary.csv")["dice_mean"].tolist() == [1]
    assert (out / "report.html").is_file()


def test_missing_predictions_are_listed_and_make_exit_code_1(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = tmp_path / "some"
    some.mkdir()
    (some / "disc0.png").write_bytes((data / "masks" / "disc0.png").read_bytes())
    result = run("--data", data, "--predictions", f"some={some}", "-o", tmp_path / "out")
    assert result.return_value == 1
    assert "disc1, some: missing" in result.output + result.stderr + capsys.readouterr().err


def test_options_reach_the_protocol_and_the_methods(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(
        "--data", data, "--method", "otsu", "--polarity", "dark", "--edge", "half",
        "--no-split", "--groups", "image", "--ignore-margin", 7, "--band", 3.5,
        "--development", "-o", out,
    )  # fmt: skip
    page = (out / "report.html").read_text()
    for words in (
        "method otsu, polarity dark, edge half, split False",
        "7 px along the image borders",
        "leaves out 3.5 px",
        "development data",
        "t-interval on 2 group means",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--predictions", "nameless"], "takes NAME=DIR, got 'nameless'"),
        (["--predictions", "a=x", "--predictions", "a=y"], "'a' is given twice"),
        (["--method", "otsu", "--edge", "sharp"], "--edge: .*'base', 'half' or 'otsu'"),
        (["--method", "otsu", "--min-diameter", "wide"], "--min-diameter: expected nm"),
        ([], "nothing to evaluate"),
    ],
)
def test_wrong_usage_is_one_line(data: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run("--data", data, *arguments)
