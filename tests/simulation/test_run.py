"""Running a preset into a folder: whole, resumed, extended, failing, in several processes."""

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
import tifffile
from pycocotools import mask as coco

import disc_kind
from nanosieve.core.errors import OutputError, UsageError
from nanosieve.core.workers import in_processes
from nanosieve.files.dataset import Dataset
from nanosieve.files.read import read
from nanosieve.simulation import extra, presets, run
from nanosieve.simulation.records import clear
from nanosieve.simulation.run import simulate


@pytest.fixture(autouse=True)
def _discs_in_this_process(monkeypatch):
    """Structures are made here, which is quicker, unless a test is about processes."""
    monkeypatch.setattr(presets, "KINDS", dict(presets.KINDS))
    monkeypatch.setattr(disc_kind, "KINDS", presets.KINDS)
    disc_kind.register()

    def one_by_one(work, items, shared, **_):
        for item in items:
            yield work(item, *shared)

    monkeypatch.setattr(run, "in_processes", one_by_one)


def preset(kind="discs", **values):
    return presets.check({"kind": kind, **values}, name="gold")


def content(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_folder_does_not_depend_on_processes_or_order(tmp_path, monkeypatch):
    settings = preset(images=2, full=True, diameter_px=[8, 16])
    alone, pair, parts = (tmp_path / name for name in ("alone", "pair", "parts"))
    simulate(settings, 7, alone, seed=3)
    for n in (3, 6, 7):
        simulate(settings, n, parts, seed=3)
    monkeypatch.setattr(run, "in_processes", in_processes)
    made = simulate(settings, 7, pair, seed=3, jobs=2)
    assert (made.images, made.made, made.failed) == (7, 7, ())
    assert content(alone) == content(pair)
    assert content(alone) == content(parts)
    assert len(content(alone)) == 7 * 7 + 4 + 5  # files of images, structures, tables


def test_another_seed_gives_other_images(tmp_path):
    first, second = (tmp_path / name for name in "ab")
    simulate(preset(), 1, first)
    simulate(preset(), 1, second, seed=1)
    name = "images/gold_00000.tif"
    assert not np.array_equal(tifffile.imread(first / name), tifffile.imread(second / name))


@pytest.mark.parametrize("output", ["uint8", "uint16", "int16"])
def test_what_is_in_the_folder(tmp_path, output):
    simulate(preset(full=True, output=output), 2, tmp_path)
    dataset = Dataset.open(tmp_path)
    assert [(one.name, one.group) for one in dataset] == [
        ("gold_00000", "gold_00000"),
        ("gold_00001", "gold_00001"),
    ]
    sample = dataset.samples[0]
    micrograph = sample.micrograph()
    assert micrograph.dtype == np.dtype(output)
    assert micrograph.calibration.pixel_size_nm == pytest.approx(0.5)
    np.testing.assert_array_equal(sample.mask(), sample.instances() > 0)
    assert sample.ignore().sum() == 4

    truth = pd.read_csv(tmp_path / "truth.csv")
    assert len(truth) == 6
    assert truth["visible"].tolist() == [True, False, True] * 2
    assert truth["fringe_snr"].isna().all()
    imaging = pd.read_csv(tmp_path / "imaging.csv")
    assert imaging["dose_e_per_A2"].between(10, 20).all()
    assert imaging["amount_unit"].tolist() == ["nm", "nm"]

    amount = read(tmp_path / "amount" / "gold_00000.tif")
    assert amount.calibration.pixel_size_nm == pytest.approx(0.5)
    np.testing.assert_array_equal(amount.frames[0] > 0, sample.mask())
    with tifffile.TiffFile(tmp_path / "amount" / "gold_00000.tif") as file:
        assert '"unit": "nm"' in file.imagej_metadata["Info"]
    atoms = pd.read_csv(tmp_path / "tables" / "atoms" / "gold_00000.csv")
    assert atoms.columns.tolist() == ["y_nm", "x_nm"]

    again = presets.load(tmp_path / "preset.toml")
    assert again.settings == preset(full=True, output=output).settings
    about = json.loads((tmp_path / "simulation.json").read_text())
    assert (about["preset"], about["seed"], about["n"], about["images"]) == ("gold", 0, 2, 2)


def test_figures_have_eight_digits(tmp_path):
    simulate(preset(full=True), 1, tmp_path)
    for name in ("truth.csv", "imaging.csv"):
        cells = (tmp_path / name).read_text().replace("\n", ",").split(",")
        figures = [cell for cell in cells if re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell)]
        digits = [len(cell.split("e")[0].replace(".", "").strip("-0")) for cell in figures]
        assert max(digits) == 8


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_outlines_are_kept_whole_where_they_overlap(tmp_path):
    simulate(preset(full=True, discs=8), 1, tmp_path)
    text = (tmp_path / "outlines" / "gold_00000.json").read_text()
    document = json.loads(text)
    instances = Dataset.open(tmp_path).samples[0].instances()
    assert [one["label"] for one in document["annotations"]] == list(range(1, 9))
    hidden = 0
    for one in document["annotations"]:
        outline = coco.decode(one["segmentation"]).astype(bool)
        assert outline.sum() == one["area"]
        assert outline[instances == one["label"]].all()
        hidden += (outline & (instances != one["label"])).sum()
    assert hidden > 0


def test_classes_become_masks(tmp_path):
    simulate(preset(classes=True), 1, tmp_path)
    sample = Dataset.open(tmp_path).samples[0]
    assert not sample.instances().any()
    assert np.unique(sample._pixels("masks")).tolist() == [0, 1, 2]
    about = json.loads((tmp_path / "simulation.json").read_text())
    assert about["classes"] == ["lattice", "boundary", "vacuum"]


def test_a_movie_is_counted_as_one(tmp_path):
    made = simulate(preset("drift", images=3, full=True), 2, tmp_path)
    assert made.images == 6
    tables = (tmp_path / "tables" / "atoms").iterdir()
    assert sorted(table.name for table in tables) == ["gold_00000.csv", "gold_00001.csv"]
    movie = read(tmp_path / "movies" / "gold_00001.tif")
    assert movie.shape == (3, 64, 64)
    assert movie.calibration.pixel_size_nm == pytest.approx(0.5)
    sample = Dataset.open(tmp_path).samples[5]
    np.testing.assert_array_equal(movie.frames[2], sample.image())
    assert sample.group == "gold_00001"
    assert pd.read_csv(tmp_path / "imaging.csv")["frame"].tolist() == [0, 1, 2] * 2


def test_only_what_is_missing_is_made(tmp_path):
    simulate(preset(images=2), 6, tmp_path)
    before = content(tmp_path)
    told = []
    made = simulate(preset(images=2), 4, tmp_path, watch=told.append)
    assert (made.images, made.made) == (6, 0)
    assert [(one.done, one.wanted) for one in told] == [(4, 4)]
    assert content(tmp_path) == before
    (tmp_path / "masks" / "gold_00001_0.png").unlink()
    told.clear()
    assert simulate(preset(images=2), 6, tmp_path, watch=told.append).made == 2
    assert [(one.done, one.wanted, one.made) for one in told] == [(4, 6, 0), (6, 6, 2)]
    assert content(tmp_path) == before


def test_what_a_killed_run_left_is_made_again(tmp_path):
    simulate(preset(images=2, full=True), 4, tmp_path)
    before = content(tmp_path)
    (tmp_path / "structures" / "gold_00001.json").write_text("{")
    (tmp_path / "images" / ".nanosieve-00000000-99999999-0.tif").touch()
    (tmp_path / "images" / "gold_00009_1.tif").touch()
    simulate(preset(images=2, full=True), 4, tmp_path)
    (tmp_path / "images" / ".nanosieve-00000000-99999999-0.tif").unlink(missing_ok=True)
    assert content(tmp_path) == before


def test_what_users_put_beside_the_images_stays(tmp_path):
    simulate(preset(images=2, full=True), 2, tmp_path)
    mine = ("masks/gold_00000_0_corrected.png", "outlines/gold_00000_0.roi")
    for name in mine:
        (tmp_path / name).touch()
    simulate(preset(images=2, full=True), 4, tmp_path)
    assert all((tmp_path / name).exists() for name in mine)


def test_what_users_wrote_into_the_index_stays(tmp_path):
    simulate(preset(), 2, tmp_path)
    index = tmp_path / "dataset.csv"
    index.write_text(index.read_text().replace("gold_00001,,0.5,yes", "gold_00001,test,0.5,no"))
    simulate(preset(), 3, tmp_path)
    assert Dataset.open(tmp_path).left_out == ("gold_00001",)


def test_a_structure_that_fails_leaves_nothing_and_the_others(tmp_path):
    made = simulate(preset(images=2, full=True, fails=["gold_00001"]), 6, tmp_path)
    assert made.images == 4
    (failed,) = made.failed
    assert (failed.name, failed.message) == (
        "gold_00001",
        "unexpected ValueError: its crystal\nhas no faces",
    )
    assert "disc_kind.py" in failed.trace
    assert not [name for name in content(tmp_path) if "gold_00001" in name]
    assert len(Dataset.open(tmp_path)) == 4


def test_a_structure_of_too_few_images_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(disc_kind.Settings, "per_structure", 2)
    (failed,) = simulate(preset(), 2, tmp_path).failed
    assert failed.message == "unexpected RuntimeError: 1 images came of it, not 2"


def test_a_process_that_dies_takes_no_other_along(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "in_processes", in_processes)
    made = simulate(preset(dies=["gold_00001"]), 3, tmp_path, jobs=2)
    assert [one.name for one in made.failed] == ["gold_00001"]
    assert "was killed, most likely for want of memory" in made.failed[0].message
    assert len(Dataset.open(tmp_path)) == 2


def test_a_full_disk_ends_the_run(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OutputError("cannot write a.tif: No space left on device")

    monkeypatch.setattr(run, "write_simulated", full)
    with pytest.raises(OutputError, match="No space left"):
        simulate(preset(), 3, tmp_path)


def test_other_settings_are_refused(tmp_path):
    simulate(preset(), 1, tmp_path)
    with pytest.raises(UsageError) as caught:
        simulate(preset(discs=4, film={"thickness_nm": 3}), 1, tmp_path, seed=2)
    assert str(caught.value) == (
        f"{tmp_path} was made with other settings (seed 0 → 2; discs 3 → 4; "
        "film.thickness_nm [2.0, 10.0] → 3.0): choose another -o, or --overwrite to make it anew"
    )


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UsageError, match="is not empty and holds no simulated images; choose"):
        simulate(preset(), 1, tmp_path)
    with pytest.raises(UsageError, match="so --overwrite leaves it alone; choose another -o"):
        clear(tmp_path)


def test_clearing_removes_what_is_ours(tmp_path):
    simulate(preset("drift", images=2, full=True), 2, tmp_path)
    (tmp_path / "images" / "gold_00007_0.tif").touch()  # of a killed run
    (tmp_path / "images" / "mine.tif").touch()
    clear(tmp_path)
    assert list(content(tmp_path)) == ["images/mine.tif", "simulation.json"]
    assert simulate(preset(), 1, tmp_path, seed=1).images == 1
    clear(tmp_path / "nowhere")


def test_clearing_leaves_the_rows_of_other_images(tmp_path):
    simulate(preset(), 2, tmp_path)
    index = tmp_path / "dataset.csv"
    index.write_text(index.read_text() + "mine,me,,0.5,yes\n")
    clear(tmp_path)
    assert [line.split(",")[0] for line in index.read_text().splitlines()] == ["name", "mine"]


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (0, {}, "-n must be at least 1, got 0"),
        (1, {"seed": -1}, "--seed must be at least 0, got -1"),
        (1, {"jobs": 0}, "--jobs must be at least 1, got 0"),
    ],
)
def test_numbers_out_of_range(tmp_path, n, options, message):
    with pytest.raises(UsageError, match=message):
        simulate(preset(), n, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_extra_is_asked_for_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    monkeypatch.setitem(presets.KINDS, "discs", presets.Kind("disc_kind", needs_extra=True))
    with pytest.raises(UsageError, match="need abtem and ase: pip install"):
        simulate(preset(), 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()
