"""Classes of particles: crops, figures, forest, model file."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("skops")

from faults_drawn import KINDS, SHAPE, write_folder

from drawn_fringes import at_angles, disc, waves
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.files.table import write_table
from nanosieve.selection.faults.classes import Labelled, read_classes
from nanosieve.selection.faults.crops import Crop, Cutter
from nanosieve.selection.faults.features import describe
from nanosieve.selection.faults.forest import (
    Growth,
    Judged,
    assign_folds,
    cross_validate,
    grow,
    out_of_bag,
)
from nanosieve.selection.faults.model_file import load_model
from nanosieve.selection.faults.run import TrainOptions, predict, train, train_crops
from nanosieve.selection.faults.samples import Samples, gather
from nanosieve.selection.faults.scores import score
from nanosieve.selection.faults.write import DIGITS, write_training

GROWTH = Growth(trees=50)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_folder(
        tmp_path_factory.mktemp("seen") / "out", images=6, seed=0, pixel_size_nm=0.025
    )


@pytest.fixture(scope="module")
def trained(folder):
    return train(folder, folder / "classes.csv", TrainOptions(growth=GROWTH, folds=3))


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory) -> Path:
    return write_training(trained, tmp_path_factory.mktemp("run") / "run").parent


# Crops


def test_a_crop_is_a_square_about_the_particle_in_units_of_the_support():
    rng = np.random.default_rng(0)
    labels = np.zeros((100, 120), int)
    labels[20:60, 30:80] = 2
    image = rng.normal(500, 4, labels.shape) + 40 * (labels == 2)
    cutter = Cutter(image, labels, pixel_size_nm=0.1)
    assert cutter.labels == (2,)
    crop = cutter.crop(2)
    assert crop.pixels.shape == (50, 50)
    assert crop.inside.sum() == 40 * 50
    assert crop.pixels[crop.inside].mean() == pytest.approx(10, rel=0.05)
    assert crop.pixels[~crop.inside].std() == pytest.approx(1, rel=0.1)
    assert crop.pixel_size_nm == 0.1


def test_a_crop_stays_in_the_frame_and_small_ones_are_none():
    labels = np.zeros((40, 90), int)
    labels[0:30, 60:90], labels[10:20, 3:12] = 1, 2
    cutter = Cutter(np.random.default_rng(0).normal(size=labels.shape), labels)
    assert cutter.crop(1).pixels.shape == (30, 30)
    assert cutter.crop(2) is None
    with pytest.raises(UsageError, match="there is no particle 3 in the label image"):
        cutter.crop(3)


def test_bare_squares_hold_no_particle_and_have_the_outline_of_one():
    labels = np.zeros((80, 80), int)
    labels[:, 45:], labels[40:70, 5:35] = 1, 2
    image = np.random.default_rng(0).normal(size=labels.shape) + 50 * (labels > 0)
    cutter = Cutter(image, labels)
    like, rng = cutter.crop(2), np.random.default_rng(0)
    bare = cutter.bare(like, rng=rng)
    assert bare.pixels.shape == (30, 30)
    assert bare.pixels.max() < 10
    assert bare.inside is like.inside
    assert cutter.bare(cutter.crop(1), rng=rng) is None


def test_image_and_labels_must_fit():
    with pytest.raises(UsageError, match="3 x 3 pixels and its labels 4 x 3"):
        Cutter(np.zeros((3, 3)), np.zeros((4, 3), int))


# Figures


def _fringes(side: int, d_px: float, *, pixel_size_nm: float | None = None) -> Crop:
    inside = disc((side, side), (side / 2, side / 2), side / 2)
    noise = np.random.default_rng(side).normal(size=(side, side))
    image = noise + 2 * waves((side, side), at_angles([d_px], [25]))
    return Crop(image.astype(np.float32), inside, pixel_size_nm)


@pytest.mark.parametrize("which", ["all", "paper"])
def test_figures_do_not_depend_on_how_wide_a_crop_is(which):
    found = describe([_fringes(side, 8.0) for side in (72, 160)], which=which)
    for name in ("profile_mean", "profile_std", "profile_centre", "intensity_std"):
        small, large = found.values[:, found.names.index(name)]
        assert small == pytest.approx(large, rel=0.15), name


def test_frequencies_are_physical_where_the_pixel_size_is_known():
    fine, coarse = (
        _fringes(160, 11.775, pixel_size_nm=0.02),
        _fringes(80, 5.8875, pixel_size_nm=0.04),
    )
    found = describe([fine, coarse])
    assert found.unit == "nm"
    column = found.values[:, found.names.index("peak_0_frequency")]
    np.testing.assert_allclose(column, 1 / 0.2355, rtol=0.01)
    rings = [n for n, name in enumerate(found.names) if name.startswith("ring_")]
    assert (found.values[:, rings].argmax(axis=1) == found.values[0, rings].argmax()).all()


def test_pixel_sizes_are_known_of_all_or_of_none():
    known, unknown = _fringes(64, 8, pixel_size_nm=0.02), _fringes(64, 8)
    assert describe([unknown]).unit == "px"
    assert describe([known], unit="px").unit == "px"
    with pytest.raises(UsageError, match="pixel size of 1 of 2 particles is unknown"):
        describe([known, unknown])
    with pytest.raises(UsageError, match="pixel size of 1 of 1 particles is unknown"):
        describe([unknown], unit="nm")


def test_pixels_too_coarse_for_fringes_have_no_profile():
    crop = _fringes(64, 8.0, pixel_size_nm=1.2)
    found = describe([crop], which="paper")
    figures = dict(zip(found.names, found.values[0], strict=True))
    assert np.isnan(figures["profile_mean"])
    assert np.isfinite(figures["intensity_std"])


def test_a_fault_breaks_the_fringes():
    shape, inside = (120, 120), disc((120, 120), (60, 60), 58)
    whole = waves(shape, at_angles([9.0], [20]))
    x = np.arange(120)
    # Shifted by a third of a period beyond the plane, as a stacking fault does.
    shifted = waves(shape, at_angles([9.0], [20]), phase=2 * np.pi / 3)
    broken = np.where(x > 60, shifted, whole)
    noise = 0.3 * np.random.default_rng(0).normal(size=shape)
    crops = [Crop((part + noise).astype(np.float32), inside) for part in (whole, broken)]
    found = describe(crops)
    figures = dict(zip(found.names, found.values.T, strict=True))
    assert figures["dip_0"][0] > figures["dip_0"][1]
    assert figures["jump_0"][1] > 2 * figures["jump_0"][0]
    assert figures["cover_0"][0] > 0.95


def test_an_even_crop_has_figures_and_no_peak():
    found = describe([Crop(np.zeros((30, 30), np.float32), np.ones((30, 30), bool))])
    figures = dict(zip(found.names, found.values[0], strict=True))
    assert figures["peaks"] == 0
    assert np.isnan(figures["peak_0_frequency"])


# Table of classes


def _classes(tmp_path, text: str) -> Path:
    path = tmp_path / "classes.csv"
    path.write_text(text)
    return path


def test_particles_csv_with_a_column_class_is_a_table(tmp_path):
    path = _classes(
        tmp_path,
        "image,frame,label,y_nm,class,group\na,0,1,3.5,No-Fault,x\na,0,2,4,,x\nb,2,1.0,4,agglomerate,\n",
    )
    rows = read_classes(path)
    assert [
        (row.image, row.frame, row.label, row.of_class, row.group, row.row) for row in rows
    ] == [
        ("a", 0, 1, "no fault", "x", 2),
        ("b", 2, 1, "agglomerate", "b", 4),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\na,1\n", "has no column class; it needs image, label, class"),
        ("image,label,class\na,1,falut\n", "row 2: unknown class 'falut'; give one of no fault"),
        ("image,label,class\na,x,fault\n", "row 2: label must be a whole number, got 'x'"),
        ("image,label,class\na,1.5,fault\n", "row 2: label must be a whole number, got '1.5'"),
        ("image,label,class\na,1,\n", "no row has a class; fill the column class"),
        ("image,label,class\na,1,fault\na,1,empty\n", "rows 2 and 3 are both of particle 1 of a"),
        ("", "cannot be read as CSV"),
    ],
)
def test_a_faulty_table_is_one_line(text, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        read_classes(_classes(tmp_path, text))


def test_a_missing_table_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="no such file; give a table of image, label and class"):
        read_classes(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("i0,9,fault,0", "row 2 of the classes: i0 has no particle 9"),
        ("i9,1,fault,0", "holds no result i9"),
        ("i0,1,fault,3", "row 2 of the classes: i0 has no frame 3"),
    ],
)
def test_rows_must_be_of_the_folder(row, message, folder, tmp_path):
    path = _classes(tmp_path, f"image,label,class,frame\n{row}\n")
    with pytest.raises(UsageError, match=message):
        gather(folder, read_classes(path))


def test_bare_squares_are_added_evenly(folder):
    samples = gather(folder, read_classes(folder / "classes.csv")[:12], background=2)
    bare = [row for row in samples.rows if row.label == 0]
    assert len(bare) <= 2
    assert {row.of_class for row in bare} <= {"empty"}
    assert len(samples.crops) == 12 + len(bare)


# Forest


def test_groups_are_never_divided_and_classes_are_spread():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 6)
    classes = np.where(groups < 4, "rare", "frequent")
    fold = assign_folds(classes.tolist(), [f"g{n}" for n in groups], 4, seed=1)
    assert all(len(set(fold[groups == n])) == 1 for n in range(20))
    assert {len(set(groups[(fold == n) & (classes == "rare")])) for n in range(4)} == {1}
    assert {int((fold == n).sum()) for n in range(4)} == {30}
    shuffled = rng.permutation(len(fold))
    again = assign_folds(classes[shuffled].tolist(), [f"g{n}" for n in groups[shuffled]], 4, seed=1)
    assert (again == fold[shuffled]).all()


def test_what_tells_images_apart_helps_out_of_bag_and_not_by_groups():
    # A figure that is the image's own, with the class drawn by image: known images alone are told.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(24), 8)
    classes = np.where(rng.permutation(24)[groups] % 2, "fault", "no fault").tolist()
    values = (groups + rng.uniform(-0.3, 0.3, len(groups)))[:, None]
    names = [f"g{n}" for n in groups]
    forest = grow(values, classes, GROWTH, out_of_bag=True)
    bag = score(out_of_bag(forest), classes, names)
    held = score(cross_validate(values, classes, names, GROWTH), classes, names)
    assert bag.accuracy > 0.95
    assert held.accuracy < 0.75


def test_one_group_cannot_be_validated_and_one_class_not_trained():
    values = np.arange(8.0)[:, None]
    assert cross_validate(values, ["fault", "empty"] * 4, ["a"] * 8, GROWTH) is None
    with pytest.raises(UsageError, match="all particles are of the class fault: label some"):
        grow(values, ["fault"] * 8, GROWTH)
    with pytest.raises(UsageError, match="no particle has a class: fill the column class"):
        grow(values[:0], [], GROWTH)


def test_a_fold_without_a_second_class_is_not_told():
    values = np.arange(8.0)[:, None]
    classes, groups = ["fault"] * 4 + ["empty"] * 4, ["a"] * 4 + ["b"] * 4
    judged = cross_validate(values, classes, groups, GROWTH)
    assert judged.predicted() == [""] * 8
    assert np.isnan(score(judged, classes, groups).accuracy)


def test_weights_move_what_is_told_of_a_rare_class():
    rng = np.random.default_rng(0)
    classes = ["no fault"] * 180 + ["fault"] * 20
    values = np.where(np.array(classes) == "fault", 0.8, 0.0)[:, None] + rng.normal(size=(200, 1))
    recall = {}
    for weights in ("balanced", "equal", "paper"):
        forest = grow(values, classes, Growth(50, weights), out_of_bag=True)
        recall[weights] = score(out_of_bag(forest), classes, classes).table.set_index("class")[
            "recall"
        ]["fault"]
    assert recall["paper"] <= recall["equal"] + 0.1


def test_scores_are_hand_counted():
    judged = Judged(
        "", ("empty", "fault"), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [np.nan, np.nan]])
    )
    found = score(judged, ["empty", "fault", "fault", "fault"], ["a", "a", "b", "b"])
    assert found.confusion.loc["fault"].to_dict() == {"fault": 1, "empty": 1}
    assert found.accuracy == pytest.approx(2 / 3)
    of_fault = found.table.set_index("class").loc["fault"]
    assert (of_fault["recall"], of_fault["precision"], of_fault["n"]) == (0.5, 1.0, 2)


def test_without_scikit_learn_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("nanosieve.selection.faults.forest.find_spec", lambda _: None)
    with pytest.raises(
        UsageError, match=r'need scikit-learn and skops: pip install "nanosieve\[faults\]"'
    ):
        grow(np.zeros((2, 1)), ["fault", "empty"], GROWTH)


# Whole


def test_drawn_particles_of_other_images_are_told(trained, written, tmp_path):
    assert [one.kind for one in trained.scores] == ["grouped cross-validation", "out of bag"]
    assert trained.scores[0].accuracy > 0.85
    model = load_model(written / "faults.skops")
    other = write_folder(tmp_path / "other", images=2, seed=9, pixel_size_nm=0.025)
    told = predict(other, model)
    true = pd.read_csv(other / "classes.csv")
    assert list(told.columns) == [
        "image", "frame", "label", "class", "probability",
        "p_no_fault", "p_fault", "p_no_fringe", "p_empty", "note",
    ]  # fmt: skip
    assert (
        told[["image", "label"]].to_numpy().tolist() == true[["image", "label"]].to_numpy().tolist()
    )
    assert (told["class"] == true["class"]).mean() >= 7 / 8
    probabilities = told[[name for name in told.columns if name.startswith("p_")]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(probabilities.max(axis=1), told["probability"])
    write_table(tmp_path / "faults.csv", told, digits=DIGITS)
    assert pd.read_csv(tmp_path / "faults.csv")["class"].tolist() == told["class"].tolist()


def test_training_is_the_same_each_time_and_follows_its_seed(trained, folder):
    again = train(folder, folder / "classes.csv", TrainOptions(growth=GROWTH, folds=3))
    np.testing.assert_array_equal(again.judged.probabilities, trained.judged.probabilities)
    other = Growth(trees=50, seed=1)
    different = train(folder, folder / "classes.csv", TrainOptions(growth=other, folds=3))
    assert (different.judged.probabilities != trained.judged.probabilities).any()


def test_what_is_written(trained, written):
    confusion = pd.read_csv(written / "confusion.csv")
    assert confusion["true"].tolist() == list(KINDS)
    assert confusion[list(KINDS)].to_numpy().sum() == 24
    told = pd.read_csv(written / "predictions.csv", keep_default_na=False)
    assert (told["told"] == told["true"]).mean() == pytest.approx(trained.scores[0].accuracy)
    page = (written / "report.html").read_text()
    assert "by grouped cross-validation" in page
    assert "no fringe" in page


def test_the_model_holds_no_pickle(written):
    with zipfile.ZipFile(written / "faults.skops") as archive:
        assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy", ""}
        for name in archive.namelist():
            with archive.open(name) as file:
                start = file.read(8)
            assert not start.startswith(b"\x80"), name  # what every binary pickle starts with
            if name.endswith(".npy"):
                with archive.open(name) as file:
                    np.load(file, allow_pickle=False)


def test_a_model_with_foreign_types_is_not_loaded(written, tmp_path):
    evil = tmp_path / "evil.skops"
    with zipfile.ZipFile(written / "faults.skops") as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                schema["content"]["format"] = {
                    "__class__": "system", "__module__": "os", "__loader__": "TypeNode",
                    "__id__": 1, "content": {"__module__": "os", "__class__": "system"},
                }  # fmt: skip
                content = json.dumps(schema)
            target.writestr(name, content)
    with pytest.raises(UsageError, match=r"evil\.skops: (holds os\.system|not a model)"):
        load_model(evil)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x04K\x01."])
def test_a_broken_model_is_one_line(content, tmp_path):
    path = tmp_path / "faults.skops"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"faults.skops: not a model of nanosieve faults"):
        load_model(path)


def test_other_files_of_skops_are_no_models(tmp_path):
    from skops.io import dump

    dump([1, 2], tmp_path / "list.skops")
    with pytest.raises(UsageError, match="not a model of nanosieve faults"):
        load_model(tmp_path / "list.skops")
    dump({"format": 99}, tmp_path / "newer.skops")
    with pytest.raises(UsageError, match="of a newer nanosieve; update this one"):
        load_model(tmp_path / "newer.skops")
    dump({"format": 1, "card": "{}"}, tmp_path / "none.skops")
    with pytest.raises(UsageError, match="not a model of nanosieve faults, or damaged"):
        load_model(tmp_path / "none.skops")
    with pytest.raises(UsageError, match="no such file; give a model that nanosieve faults train"):
        load_model(tmp_path / "gone.skops")


def test_a_model_that_says_something_else_here_is_refused(trained, tmp_path, monkeypatch):
    values = trained.described.values
    write_training(trained, tmp_path)
    monkeypatch.setattr(
        "nanosieve.selection.faults.model_file.FaultModel.probabilities",
        lambda self, rows: np.full((len(rows), len(self.card.classes)), 0.5),
    )
    assert len(values)
    with pytest.raises(UsageError, match="gives other probabilities here; train it again"):
        load_model(tmp_path / "faults.skops")


def test_small_particles_and_other_pixel_sizes_are_noted(trained, tmp_path):
    other = write_folder(tmp_path / "other", images=1, seed=3, pixel_size_nm=0.1)
    told = predict(other, trained.model)
    assert set(told["note"]) == {"pixels of 0.1 nm, trained on 0.025 to 0.025"}
    import tifffile

    labels = np.zeros(SHAPE, np.uint16)
    labels[5:20, 5:20] = 4
    tifffile.imwrite(other / "i0" / "labels.tif", labels)
    told = predict(other, trained.model)
    assert told[["label", "class", "note"]].to_numpy().tolist() == [[4, "", "smaller than 24 px"]]
    assert told["probability"].isna().all()


def test_a_model_in_nm_needs_a_pixel_size(trained, tmp_path):
    other = write_folder(tmp_path / "other", images=1, seed=3, pixel_size_nm=None)
    with pytest.raises(UsageError, match="i0: its pixel size is unknown, and the model was"):
        predict(other, trained.model)


def test_images_without_a_pixel_size_are_named_before_training():
    crops = (_fringes(64, 8, pixel_size_nm=0.02), _fringes(64, 8))
    rows = tuple(Labelled(name, 0, 1, "fault", name, 2) for name in ("one", "two"))
    with pytest.raises(UsageError, match="the pixel size is unknown of two, and known of the"):
        train_crops(Samples(rows, crops, 0))


def test_a_folder_without_results_is_one_line(trained, tmp_path):
    with pytest.raises(UsageError, match="holds no result; give the -o of nanosieve segment"):
        predict(tmp_path, trained.model)


def test_an_image_that_is_gone_or_other_labels_are_one_line(trained, tmp_path):
    import tifffile

    other = write_folder(tmp_path / "other", images=1, seed=3, pixel_size_nm=0.025)
    tifffile.imwrite(other / "i0" / "labels.tif", np.ones((9, 9), np.uint16))
    with pytest.raises(UsageError, match=r"its labels are not those of i0\.tif, 1 x 150 x 560"):
        predict(other, trained.model)
    (other / "i0.tif").unlink()
    with pytest.raises(FailedInput, match=r"the image .*i0\.tif is no longer there; put it back"):
        predict(other, trained.model)
