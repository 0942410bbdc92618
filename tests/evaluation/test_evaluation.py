"""Whole evaluations of folders in which every score is known beforehand."""

import math
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.core.settings import Settings
from nanosieve.evaluation import Evaluation, Protocol, evaluate, write_evaluation
from nanosieve.evaluation.page import page
from nanosieve.evaluation.scores import SCORES, score_columns
from nanosieve.files.dataset import Dataset
from nanosieve.files.labels import write_labels, write_probability

Make = Callable[..., Path]


def squares(*corners: tuple[int, int], side: int = 4, size: int = 40) -> np.ndarray:
    """Labels 1, 2, ... of squares at their upper left corners."""
    labels = np.zeros((size, size), np.uint8)
    for label, (y, x) in enumerate(corners, start=1):
        labels[y : y + side, x : x + side] = label
    return labels


def row(evaluation: Evaluation, image: str, method: str = "p") -> pd.Series:
    scores = evaluation.scores
    return scores[(scores["image"] == image) & (scores["method"] == method)].iloc[0]


def test_perfect_predictions_score_one(make_data: Make, make_predictions: Make) -> None:
    truth = {"a": squares((2, 2), (10, 20)), "b": squares((5, 5), (20, 20), (30, 3))}
    data = make_data(instances=truth, rows=["a,a,,0.5", "b,b,,0.5"])
    found = evaluate(data, predictions={"p": make_predictions(truth)})
    assert found.problems.empty
    perfect = [
        "pixel_accuracy", "balanced_accuracy", "dice", "jaccard", "precision", "recall",
        "dice_outside_band", "instance_precision_50", "instance_recall_50", "instance_f1_50",
        "instance_jaccard_50", "instance_precision_50_95", "instance_recall_50_95",
        "instance_f1_50_95", "instance_jaccard_50_95",
    ]  # fmt: skip
    # Squares of 4 px lie wholly within 1.5 px of their edge.
    perfect.remove("dice_outside_band")
    zero = [
        "boundary_mean_px", "boundary_p95_nm", "matched_boundary_nm", "diameter_bias",
        "diameter_difference_nm", "ks_distance", "false_positive_nm2_per_um2",
        "false_particles_per_um2",
    ]  # fmt: skip
    summary = found.summary.iloc[0]
    assert {name: summary[f"{name}_mean"] for name in perfect} == dict.fromkeys(perfect, 1.0)
    assert {name: summary[f"{name}_mean"] for name in zero} == dict.fromkeys(zero, 0.0)
    # Without a confidence there is no ranking, and so no average precision.
    assert math.isnan(summary["instance_ap_50_mean"])


def test_means_over_images_and_pooled_scores_worked_out_by_hand(
    make_data: Make, make_predictions: Make
) -> None:
    # a: one of one found, exactly (16 px). b: one of three found, 16 of 48 px, and one invented.
    data = make_data(instances={"a": squares((2, 2)), "b": squares((5, 5), (20, 20), (30, 3))})
    folder = make_predictions({"a": squares((2, 2)), "b": squares((5, 5), (34, 34))})
    found = evaluate(data, predictions={"p": folder})
    a, b = row(found, "a"), row(found, "b")
    assert (a["dice"], b["dice"]) == pytest.approx((1, 2 * 16 / (48 + 32)))
    assert (b["tp_px"], b["fp_px"], b["fn_px"], b["tn_px"]) == (16, 16, 32, 1600 - 64)
    assert (b["instance_tp"], b["instance_fp"], b["instance_fn"]) == (1, 1, 2)
    assert b["instance_f1_50"] == pytest.approx(2 / 5)
    summary = found.summary.iloc[0]
    assert summary["dice_mean"] == pytest.approx((1 + 0.4) / 2)
    assert summary["dice_pooled"] == pytest.approx(2 * 32 / (64 + 48))
    assert summary["dice_n"] == 2
    assert summary["instance_f1_50_pooled"] == pytest.approx(2 * 2 / (4 + 3))
    assert (summary["n_true"], summary["n_predicted"]) == (4, 3)
    assert b["false_positive_nm2_per_um2"] == pytest.approx(1e6 * 16 / 1600)


def test_an_empty_support_is_judged_by_the_area_found_on_it(
    make_data: Make, make_predictions: Make
) -> None:
    nothing = np.zeros((40, 40))
    data = make_data(
        masks={"bare": nothing, "clean": nothing, "full": squares((4, 4), side=10)},
        rows=["bare,1,,10", "clean,2,,10", "full,3,,10"],
    )
    folder = make_predictions(
        {"bare": squares((0, 0)), "clean": nothing, "full": squares((4, 4), side=10)}
    )
    found = evaluate(data, predictions={"p": folder})
    bare, clean = row(found, "bare"), row(found, "clean")
    for name in ("dice", "jaccard", "precision", "recall", "instance_f1_50"):
        assert math.isnan(bare[name])
        assert math.isnan(clean[name])
    # 16 of 1600 px; one particle on 0.16 um2.
    assert bare["false_positive_nm2_per_um2"] == pytest.approx(1e4)
    assert bare["false_particles_per_um2"] == pytest.approx(1 / 0.16)
    assert clean["false_positive_nm2_per_um2"] == 0
    summary = found.summary.iloc[0]
    assert (summary["n_empty"], summary["n_empty_with_particles"]) == (2, 1)
    assert summary["empty_false_positive_nm2_per_um2"] == pytest.approx(1e6 * 16 / 3200)
    assert (summary["dice_mean"], summary["dice_n"]) == (1, 1)
    # Pooled scores count the invented pixels.
    assert summary["dice_pooled"] == pytest.approx(200 / 216)


def test_a_missing_prediction_is_a_row_that_says_so_and_no_zero(
    make_data: Make, make_predictions: Make
) -> None:
    data = make_data(masks={"a": squares((2, 2)), "b": squares((2, 2))})
    found = evaluate(data, predictions={"p": make_predictions({"a": squares((2, 2))})})
    missing = row(found, "b")
    assert missing["status"] == "missing"
    assert "no b/labels.tif, b.tif or b.png" in missing["message"]
    assert math.isnan(missing["dice"])
    summary = found.summary.iloc[0]
    assert (summary["n_images"], summary["n_scored"], summary["n_missing"]) == (2, 1, 1)
    assert (summary["dice_mean"], summary["dice_n"]) == (1, 1)
    assert len(found.problems) == 1
    assert any("p has no score on 1 images" in warning for warning in found.warnings)


def test_a_prediction_that_cannot_be_used_is_a_row_and_the_others_are_scored(
    make_data: Make, make_predictions: Make
) -> None:
    truth = squares((2, 2))
    data = make_data(masks={"colour": truth, "fine": truth, "movie": truth, "small": truth})
    folder = make_predictions({"fine": truth, "small": truth[:20], "colour": truth})
    make_predictions({"colour": np.zeros((40, 40, 3))})
    write_labels(folder / "movie.tif", np.zeros((2, 40, 40), np.int32), Calibration())
    found = evaluate(data, predictions={"p": folder})
    assert row(found, "fine")["dice"] == 1
    assert row(found, "small")["status"] == "failed"
    assert "predictions lie on the image's own grid" in row(found, "small")["message"]
    assert row(found, "colour")["status"] == "refused"
    assert "expected a (y, x) label image, got shape (2, 40, 40)" in row(found, "movie")["message"]
    assert found.summary.iloc[0]["n_failed"] == 3


def test_what_nobody_could_label_counts_neither_for_nor_against(
    make_data: Make, make_predictions: Make
) -> None:
    ignore = np.zeros((40, 40))
    ignore[:, 20:] = 255
    data = make_data(masks={"a": squares((2, 2), (30, 30))}, ignore={"a": ignore})
    folder = make_predictions({"a": squares((2, 2), (2, 30), (10, 30))})
    found = row(evaluate(data, predictions={"p": folder}), "a")
    assert (found["dice"], found["instance_f1_50"], found["n_pixels"]) == (1, 1, 800)
    assert (found["n_true"], found["n_predicted"]) == (1, 1)


def test_a_margin_is_ignored(make_data: Make, make_predictions: Make) -> None:
    data = make_data(masks={"a": squares((10, 10))})
    folder = make_predictions({"a": squares((10, 10), (0, 20))})
    assert row(evaluate(data, predictions={"p": folder}), "a")["dice"] == pytest.approx(32 / 48)
    inside = evaluate(data, predictions={"p": folder}, protocol=Protocol(ignore_margin=4))
    assert (row(inside, "a")["dice"], row(inside, "a")["n_pixels"]) == (1, 32 * 32)


def test_of_masks_instances_are_components_of_12_px_on_both_sides(
    make_data: Make, make_predictions: Make
) -> None:
    # The truth's second square, of 9 px, is no instance; the prediction divides the first.
    truth = np.maximum(squares((2, 2)), squares((20, 20), side=3))
    parts = squares((2, 2)) * 1
    parts[4:6, 2:6] = 2
    data = make_data(masks={"a": 255 * (truth > 0)})
    found = row(evaluate(data, predictions={"p": make_predictions({"a": parts})}), "a")
    assert (found["n_true"], found["n_predicted"], found["instance_f1_50"]) == (1, 1, 1)
    # Pixel scores are those of the masks as they are.
    assert found["fn_px"] == 9


def test_of_instances_labels_are_compared_as_given(make_data: Make, make_predictions: Make) -> None:
    touching = squares((2, 2), (2, 6))
    data = make_data(instances={"a": touching})
    apart = evaluate(data, predictions={"p": make_predictions({"a": touching})})
    assert row(apart, "a")["instance_f1_50"] == 1
    # A mask of one value holds no particles apart: it is taken apart by its components.
    mask = make_predictions({"a": 255 * (touching > 0)}, name="masks")
    joined = evaluate(data, predictions={"p": mask})
    assert row(joined, "a")["n_predicted"] == 1
    assert row(joined, "a")["dice"] == 1
    two = make_predictions({"a": 255 * (squares((2, 2), (20, 20)) > 0)}, name="two")
    assert row(evaluate(data, predictions={"p": two}), "a")["n_predicted"] == 2


def test_boxes_are_scored_both_ways(make_data: Make, make_predictions: Make) -> None:
    # Boxes of 8 px around (6, 6), (6, 26) and (26, 26) on 40 px.
    lines = "".join(f"0 {x / 40} {y / 40} 0.2 0.2\n" for y, x in [(6, 6), (6, 26), (26, 26)])
    data = make_data(images={"a": np.full((40, 40), 100)}, boxes={"a": lines})
    # Exact; centred but too small (IoU 1/4); nowhere.
    guess = squares((2, 2), side=8)
    guess[4:8, 24:28] = 2
    guess[36:40, 0:4] = 3
    found = row(evaluate(data, predictions={"p": make_predictions({"a": guess})}), "a")
    assert (found["n_true_boxes"], found["n_predicted_boxes"]) == (3, 3)
    assert found["box_centre_f1"] == pytest.approx(2 / 3)
    assert found["box_iou_f1"] == pytest.approx(1 / 3)
    assert math.isnan(found["dice"])


def test_a_probability_gives_curves_and_average_precision(make_data: Make, tmp_path: Path) -> None:
    truth = squares((4, 4), (20, 20))
    data = make_data(instances={"a": truth})
    labels = squares((4, 4), (20, 20), (30, 4))
    probability = 0.1 + 0.8 * (truth > 0) + 0.5 * (labels == 3)
    folder = tmp_path / "guess"
    (folder / "a").mkdir(parents=True)
    write_labels(folder / "a" / "labels.tif", labels.astype(np.int32), Calibration())
    write_probability(folder / "a" / "probability.tif", probability, Calibration())
    found = evaluate(data, predictions={"p": folder})
    scores = row(found, "a")
    assert scores["instance_f1_50"] == pytest.approx(4 / 5)
    # The invented particle is ranked last, so that it costs no precision at full recall.
    assert scores["instance_ap_50"] == 1
    assert scores["pixel_ap"] == 1
    curve = found.thresholds.set_index("threshold")["dice"]
    assert curve[curve.index > 0.7].iloc[0] == 1
    assert curve[(curve.index > 0.2) & (curve.index < 0.5)].iloc[0] == pytest.approx(64 / 80)


def test_methods_are_compared_image_by_image_with_the_first(
    make_data: Make, make_predictions: Make
) -> None:
    truth = {name: squares((2, 2), side=10) for name in "abc"}
    data = make_data(masks=truth)
    worse = {name: squares((2, 2 + k), side=10) for k, name in enumerate("abc", start=1)}
    found = evaluate(
        Dataset.open(data, groups="image"),
        predictions={
            "good": make_predictions(truth, name="good"),
            "worse": make_predictions(worse, name="worse"),
        },
    )
    good, second = found.summary.iloc[0], found.summary.iloc[1]
    assert second["dice_difference"] == pytest.approx(-0.2)
    assert second["dice_difference_low"] < -0.2 < second["dice_difference_high"]
    assert math.isnan(good["dice_difference"])
    assert good["interval"] == "95 % t-interval on 3 group means"


def test_strata_tell_which_particles_are_missed(make_data: Make, make_predictions: Make) -> None:
    truth = squares((2, 2), (2, 20))
    truth[20:34, 4:18] = 3
    image = np.full((40, 40), 200)
    image[truth == 1], image[truth == 2], image[truth == 3] = 150, 100, 60
    data = make_data(instances={"a": truth}, images={"a": image})
    guess = np.where(truth == 3, 1, 0)
    guess[36:40, 36:40] = 2
    found = evaluate(data, predictions={"p": make_predictions({"a": guess})}).strata
    sizes = found[found["stratum"] == "diameter_px"].set_index("low")
    assert sizes.loc[0.0, ["n_true", "recall", "n_predicted", "precision"]].tolist() == [2, 0, 1, 0]
    assert sizes.loc[8.0, ["n_true", "recall", "n_predicted", "precision"]].tolist() == [1, 1, 1, 1]
    contrast = found[found["stratum"] == "contrast"]
    assert contrast["n_true"].sum() == 3
    assert contrast.sort_values("low")["recall"].tolist()[-1] == 1


def test_only_one_split_is_scored(make_data: Make, make_predictions: Make) -> None:
    truth = {"a": squares((2, 2)), "b": squares((2, 2))}
    data = make_data(masks=truth, rows=["a,1,train,", "b,2,test,"])
    folder = make_predictions(truth)
    found = evaluate(data, predictions={"p": folder}, protocol=Protocol(split="test"))
    assert found.scores["image"].tolist() == ["b"]
    with pytest.raises(UsageError, match="no image is in split 'tset'"):
        evaluate(data, predictions={"p": folder}, protocol=Protocol(split="tset"))


def test_an_image_without_truth_is_named_and_not_scored(
    make_data: Make, make_predictions: Make
) -> None:
    data = make_data(masks={"a": squares((2, 2))}, images={"z": np.full((40, 40), 9)})
    found = evaluate(data, predictions={"p": make_predictions({"a": squares((2, 2))})})
    assert row(found, "z")["status"] == "unlabelled"
    assert found.problems.empty
    assert found.summary.iloc[0]["n_unlabelled"] == 1


def test_a_truth_that_cannot_be_read_is_a_row_for_each_method(
    make_data: Make, make_predictions: Make
) -> None:
    truth = {"a": squares((2, 2)), "b": squares((2, 2))}
    data = make_data(masks=truth)
    dataset = Dataset.open(data)
    broken = data / "masks" / "b.png"
    broken.write_bytes(broken.read_bytes()[:60])
    found = evaluate(dataset, predictions={"p": make_predictions(truth)})
    assert found.scores["status"].tolist() == ["ok", "failed"]
    assert "b.png" in row(found, "b")["message"]


def test_one_group_is_warned_of(make_data: Make, make_predictions: Make) -> None:
    truth = {"a": squares((2, 2)), "b": squares((2, 2))}
    found = evaluate(make_data(masks=truth), predictions={"p": make_predictions(truth)})
    assert found.summary.iloc[0]["interval"].startswith("not an interval: one group")
    assert any("one group" in warning for warning in found.warnings)


@pytest.mark.parametrize(("groups", "told"), [("image", True), (None, False)])
def test_a_range_that_is_no_interval_decides_no_difference(
    make_data: Make, make_predictions: Make, tmp_path: Path, groups: str | None, told: bool
) -> None:
    truth = {name: squares((2, 2), side=10) for name in "ab"}
    ways = {name: make_predictions(truth, name=name) for name in ("p", "q")}
    found = evaluate(Dataset.open(make_data(masks=truth), groups=groups), predictions=ways)
    text = write_evaluation(found, tmp_path / "out").read_text()
    assert ("includes 0, no difference is shown" in text) is told
    assert ("does not tell whether there is a difference" in text) is not told


def test_wrong_usage_is_refused(make_data: Make, tmp_path: Path) -> None:
    data = make_data(masks={"a": squares((2, 2))})
    with pytest.raises(UsageError, match="nothing to evaluate; give --method or --predictions"):
        evaluate(data)
    with pytest.raises(UsageError, match="'otsu' names a method and a folder of predictions"):
        evaluate(data, methods={"otsu": Settings()}, predictions={"otsu": tmp_path})
    with pytest.raises(UsageError, match=r"--predictions p=.*nowhere: there is no such folder"):
        evaluate(data, predictions={"p": tmp_path / "nowhere"})
    with pytest.raises(UsageError, match="--ignore-margin must not be negative, got -1"):
        Protocol(ignore_margin=-1)
    with pytest.raises(UsageError, match=r"--band must not be negative, got -0\.5"):
        Protocol(band=-0.5)


@pytest.mark.parametrize("value", [1.5, -0.5])
def test_a_probability_file_out_of_range_is_refused(
    make_data: Make, tmp_path: Path, value: float
) -> None:
    import tifffile

    data = make_data(masks={"a": squares((2, 2))})
    folder = tmp_path / "guess"
    (folder / "a").mkdir(parents=True)
    write_labels(folder / "a" / "labels.tif", squares((2, 2)).astype(np.int32), Calibration())
    wrong = np.full((40, 40), value, np.float32)
    tifffile.imwrite(folder / "a" / "probability.tif", wrong)
    found = row(evaluate(data, predictions={"p": folder}), "a")
    assert found["status"] == "failed"
    assert "8 bits (255 for 1) or floats from 0 to 1, got float32" in found["message"]


def test_methods_run_as_segment_runs_them(make_data: Make) -> None:
    y, x = np.mgrid[:128, :128]
    truth = np.zeros((128, 128))
    for cy, cx in [(30, 30), (35, 95), (95, 40), (90, 100)]:
        truth[np.hypot(y - cy, x - cx) < 15] = 1
    noise = np.random.default_rng(0).normal(0, 6, truth.shape)
    data = make_data(masks={"a": truth}, images={"a": np.clip(180 - 80 * truth + noise, 0, 255)})
    seen: list[tuple[int, int]] = []
    found = evaluate(
        data,
        methods={"otsu": Settings(method="otsu", polarity="dark")},
        progress=lambda done, of: seen.append((done, of)),
    )
    assert row(found, "a", "otsu")["dice"] > 0.93
    assert row(found, "a", "otsu")["instance_f1_50"] == 1
    assert found.methods["otsu"] == "method otsu, polarity dark"
    assert seen == [(1, 1)]


def test_processes_give_what_one_gives(make_data: Make, make_predictions: Make) -> None:
    truth = {name: squares((2, 2), (20, k)) for k, name in enumerate("abc")}
    data, folder = make_data(instances=truth), make_predictions(truth)
    one = evaluate(data, predictions={"p": folder})
    two = evaluate(data, predictions={"p": folder}, jobs=2)
    pd.testing.assert_frame_equal(one.scores, two.scores)
    assert one.pictures == two.pictures


def test_a_process_that_dies_is_one_line(
    make_data: Make, make_predictions: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying:
        def map(self, *_: object) -> None:
            raise BrokenProcessPool

    truth = {"a": squares((2, 2)), "b": squares((2, 2))}
    monkeypatch.setattr("nanosieve.evaluation.run.worker_pool", lambda _: nullcontext(Dying()))
    with pytest.raises(NanosieveError, match="was killed, most likely for want of memory"):
        evaluate(make_data(masks=truth), predictions={"p": make_predictions(truth)}, jobs=2)


def test_the_page_gives_no_range_of_another_kind_than_it_names(
    make_data: Make, make_predictions: Make
) -> None:
    # Eleven groups are scored, but Dice is defined in three of them only.
    truth = {f"i{k:02}": squares((2, 2)) if k < 3 else squares() for k in range(11)}
    folder = make_predictions({name: squares((2, 2 + int(name[1:]) % 3)) for name in truth})
    found = evaluate(
        Dataset.open(make_data(masks=truth), groups="image"), predictions={"p": folder}
    )
    summary = found.summary.iloc[0]
    assert summary["interval"] == "95 % cluster bootstrap over 11 groups"
    assert (summary["n_groups"], summary["dice_groups"]) == (11, 3)
    rows = {row.name: row.cells[0].mean for row in page(found, {}).tables["Pixels"]}
    assert rows["dice"].low is None
    assert rows["pixel_accuracy"].low is not None


@pytest.mark.slow
def test_masks_of_sinter800_are_otsus(shared_data: Path, tmp_path: Path) -> None:
    """Gaussian of 5 px and Otsu give these masks back at a Dice of 0.995 to 0.999 on every tile."""
    data = Dataset.open(shared_data / "sinter800")
    for sample in data:
        smooth = ndimage.gaussian_filter(sample.image().astype(np.float32), 5)
        labels, _ = ndimage.label(smooth < threshold_otsu(smooth))
        write_labels(tmp_path / f"{sample.name}.tif", labels, Calibration())
    found = evaluate(data, predictions={"otsu": tmp_path})
    assert found.scores["dice"].between(0.995, 0.9992).all()
    assert found.summary["instance_f1_50_mean"].item() > 0.98


def test_files_written(make_data: Make, make_predictions: Make, tmp_path: Path) -> None:
    truth = {"a": squares((2, 2), side=10), "b": squares((20, 20), side=12)}
    data = make_data(instances=truth, rows=["a,1,,0.5", "b,2,,0.5"])
    found = evaluate(
        data,
        predictions={"by <hand>": make_predictions(truth)},
        protocol=Protocol(development=True),
    )
    out = tmp_path / "out"
    assert write_evaluation(found, out) == out / "report.html"
    tables = {"costs", "scores", "strata", "summary", "thresholds"}
    assert {path.name for path in out.iterdir()} == {f"{name}.csv" for name in tables} | {
        "report.html"
    }
    scores = pd.read_csv(out / "scores.csv")
    assert scores.columns.tolist() == score_columns()
    assert len(scores) == 2
    summary = pd.read_csv(out / "summary.csv")
    assert summary["data"].tolist() == ["development data"]
    assert {f"{score.name}_mean" for score in SCORES} <= set(summary.columns)
    page = (out / "report.html").read_text()
    assert "development data" in page
    assert "by &lt;hand&gt;" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")
    again = tmp_path / "again"
    write_evaluation(evaluate(data, predictions={"by <hand>": tmp_path / "predictions"},
                              protocol=Protocol(development=True)), again)  # fmt: skip
    for path in out.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_a_page_of_failures_only_can_be_written(make_data: Make, tmp_path: Path) -> None:
    data = make_data(masks={"a": squares((2, 2))})
    (tmp_path / "nothing").mkdir()
    found = evaluate(data, predictions={"p": tmp_path / "nothing"})
    page = write_evaluation(found, tmp_path / "out").read_text()
    assert "missing" in page
    assert "There is no map to show" in page
