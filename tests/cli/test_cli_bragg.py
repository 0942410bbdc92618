"""``nanosieve segment`` and ``evaluate`` with ``--method bragg``, from options to files."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from lattices import contaminated, crystals
from PIL import Image

NM = 0.032


def save(path, image, *, pixel_size_nm=NM):
    path.parent.mkdir(parents=True, exist_ok=True)
    more = {} if pixel_size_nm is None else {"resolution": (1 / pixel_size_nm,) * 2}
    metadata = {"axes": "YX"} if pixel_size_nm is None else {"axes": "YX", "unit": "nm"}
    tifffile.imwrite(path, image.astype(np.uint16), imagej=True, metadata=metadata, **more)
    return path


def test_crystals_are_segmented_and_measured(nanosieve, tmp_path):
    path = save(tmp_path / "a.tif", crystals()[0])
    ended = nanosieve("segment", path, "-o", tmp_path / "out", "--method", "bragg")
    assert ended.code == 0, ended.err
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert summary[["method", "n"]].to_numpy().tolist() == [["bragg", 2]]
    result = json.loads((tmp_path / "out" / "a" / "result.json").read_text())
    assert result["origin"]["settings"]["bragg"]["form"] == "sadre"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "whose filter" in page
    assert "where the smoothed strength of the lattice, or of the rest, passes its level" in page
    again = nanosieve("segment", path, "-o", tmp_path / "out", "--method", "bragg")
    assert "1 unchanged" in again.out
    other = nanosieve(
        "segment", path, "-o", tmp_path / "out", "--method", "bragg", "--form", "roughness"
    )
    assert "1 unchanged" not in other.out


def test_form_foreground_and_preset_reach_the_method(nanosieve, tmp_path):
    image, truth = contaminated()
    path = save(tmp_path / "sheet.tif", image)
    preset = tmp_path / "tuned.toml"
    preset.write_text('form = "roughness"\nforeground = "amorphous"\nblur_px = 6\n')
    for name, more in {
        "plain": ("--foreground", "amorphous"),
        "preset": ("--preset", preset),
    }.items():
        out = tmp_path / name
        ended = nanosieve("segment", path, "-o", out, "--method", "bragg", *more)
        assert ended.code == 0, ended.err
        found = tifffile.imread(out / "sheet" / "labels.tif") > 0
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.8, name


def test_no_lattice_is_said_and_is_no_failure(nanosieve, tmp_path):
    noise = np.random.default_rng(0).poisson(500, (128, 128))
    ended = nanosieve(
        "segment", save(tmp_path / "a.tif", noise), "-o", tmp_path / "out", "--method", "bragg"
    )
    assert ended.code == 0
    row = pd.read_csv(tmp_path / "out" / "summary.csv").iloc[0]
    assert (row["status"], row["n"]) == ("empty", 0)
    assert "no_lattice" in row["flags"]
    assert "No lattice of atoms was found" in ended.err + ended.out


def test_an_annulus_asks_for_the_pixel_size(nanosieve, tmp_path):
    path = save(tmp_path / "a.tif", crystals()[0], pixel_size_nm=None)
    arguments = ("segment", path, "-o", tmp_path / "out", "--method", "bragg", "--form", "sytwu")
    ended = nanosieve(*arguments)
    assert ended.code == 1
    assert "the pixel size is unknown; give --pixel-size" in ended.err
    gold = ("--pixel-size", NM, "--d-spacings", "0.2355,0.2039")
    sized = nanosieve(*arguments, *gold)
    assert sized.code == 0, sized.err
    assert "1 unchanged" in nanosieve(*arguments, *gold).out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "otsu", "--form", "sadre"), "--form goes with --method bragg; add that, or"),
        (("--preset", "paper"), "--preset goes with --method bragg"),
        (("--method", "bragg", "--form", "fourier"), "method bragg: form: give 'sadre', 'groschn"),
        (("--method", "bragg", "--preset", "best"), "--preset best: give paper, or a FILE.toml"),
        (("--method", "bragg", "--preset", "no.toml"), "no.toml: cannot be read"),
        (("--method", "bragg", "--d-spacings", "a,b"), "--d-spacings a,b: give numbers joined by"),
        (("--method", "bragg", "--d-spacings", "0.2"), "d_spacings_nm is no setting of form"),
        (("--method", "bragg", "--polarity", "dark"), "--method bragg goes by the lattice, not by"),
        (("--method", "bragg", "--edge", "half"), "leave --polarity and --edge out"),
        (("--method", "bragg", "--threshold", "0.5"), "thresholds of method 'bragg' stand in a"),
        (("--method", "bragg", "--paper-exact"), "--paper-exact goes with --method reconstruction"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(nanosieve, tmp_path, options, message):
    ended = nanosieve("segment", tmp_path / "a.tif", *options)
    assert ended.code == 2
    assert message in ended.err


def test_bragg_is_evaluated_beside_other_methods(nanosieve, tmp_path):
    for seed in range(2):
        image, truth = crystals(seed)
        save(tmp_path / "data" / "images" / f"c{seed}.tif", image)
        (tmp_path / "data" / "masks").mkdir(exist_ok=True)
        mask = Image.fromarray(truth.astype(np.uint8))
        mask.save(tmp_path / "data" / "masks" / f"c{seed}.png")
    arguments = ("evaluate", "--data", tmp_path / "data", "-o", tmp_path / "out")
    ended = nanosieve(
        *arguments, "--method", "bragg", "--method", "otsu", "--form", "groschner",
        "--edge", "half", "--polarity", "dark",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("method")
    assert summary.loc["bragg", "dice_mean"] > 0.85
    alone = nanosieve(*arguments, "--method", "bragg", "--polarity", "dark")
    assert alone.code == 2
    assert "--polarity is not for bragg, which goes by the lattice" in alone.err
    edge = nanosieve(*arguments, "--method", "bragg", "--edge", "half")
    assert "--edge is for classical methods, and no --method here is one" in edge.err
    unused = nanosieve(*arguments, "--method", "otsu", "--foreground", "amorphous")
    assert "--foreground goes with --method bragg" in unused.err
