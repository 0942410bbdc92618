"""Confidence of particles against a truth made by hand, in tables, page and intervals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nanosieve.core.micrograph import Calibration
from nanosieve.evaluation import Evaluation, evaluate, write_evaluation
from nanosieve.files.labels import write_labels, write_probability

Make = Callable[..., Path]
PLACES = [(2, 2), (2, 20), (20, 2), (20, 20)]


def squares(which: list[int], *, side: int = 6) -> np.ndarray:
    """``(40, 40)`` labels 1, 2, ... of squares at some of the four places."""
    labels = np.zeros((40, 40), np.int32)
    for label, number in enumerate(which, start=1):
        y, x = PLACES[number]
        labels[y : y + side, x : x + side] = label
    return labels


def predict(folder: Path, name: str, labels: np.ndarray, confidence: list[float]) -> None:
    """What ``nanosieve segment`` leaves of one image, as far as it matters here."""
    (folder / name).mkdir(parents=True)
    unknown = Calibration(None, "unknown")
    write_labels(folder / name / "labels.tif", labels, unknown, history=())
    probability = np.where(labels > 0, 0.75, 0).astype(np.float32)
    write_probability(folder / name / "probability.tif", probability, unknown, history=())
    lines = [f"{label},{value}" for label, value in enumerate(confidence, start=1)]
    (folder / name / "particles.csv").write_text("\n".join(["label,confidence", *lines]) + "\n")


@pytest.fixture
def calibrated(make_data: Make, tmp_path: Path) -> Evaluation:
    """Twenty images of four squares, 0.8, 0.8, 0.2, 0.2 sure; of the sure ones 4 in 5 are true."""
    truth, rows = {}, []
    rng = np.random.default_rng(0)
    for number in range(20):
        name = f"i{number}"
        true = [place for place in (0, 1) if (number + place) % 5] + [
            place for place in (2, 3) if (number + place) % 5 == 0
        ]
        truth[name] = squares(list(rng.permutation(true)))
        rows.append(f"{name},g{number // 2},,")
        predict(tmp_path / "p", name, squares([0, 1, 2, 3]), [0.8, 0.8, 0.2, 0.2])
    data = make_data(instances=truth, rows=rows)
    return evaluate(data, predictions={"p": tmp_path / "p"})


def test_particles_as_often_true_as_said_have_no_calibration_error(calibrated: Evaluation):
    row = calibrated.summary.iloc[0]
    assert row["instance_ece_50_pooled"] == pytest.approx(0, abs=1e-6)
    assert row["instance_ece_50_low"] == 0
    assert 0 < row["instance_ece_50_high"] < 0.2
    assert row["instance_ece_50_n"] == 80
    assert row["instance_brier_50_pooled"] == pytest.approx(0.8 * 0.2)
    assert np.isnan(row["box_centre_ece_pooled"])
    found = calibrated.confidence["p"]["instance_ece_50"]
    assert found.bins.said == pytest.approx([0.2, 0.8])
    assert found.bins.found == pytest.approx([0.2, 0.8])
    assert (found.said, found.found) == pytest.approx((0.5, 0.5))


def test_the_page_shows_how_far_confidences_are_to_be_relied_on(calibrated, tmp_path):
    text = write_evaluation(calibrated, tmp_path / "out").read_text()
    assert "Reliability of the particles&#39; confidence, p, partner at IoU 0.5" in text
    assert "50.0 % true as said, 50.0 % as found; N = 80" in text


def test_without_a_certainty_the_mean_of_the_pixels_is_judged(make_data: Make, tmp_path: Path):
    data = make_data(
        instances={"a": squares([0, 1, 2])},
        images={"b": np.full((40, 40), 200)},
        boxes={"b": "0 0.125 0.125 0.15 0.15"},
    )
    for name in "ab":
        predict(tmp_path / "p", name, squares([0, 1, 2, 3]), [])
        # Not of these labels.
        assert (tmp_path / "p" / name / "particles.csv").is_file()
    found = evaluate(data, predictions={"p": tmp_path / "p"})
    row = found.summary.iloc[0]
    # 0.75 said; true by instances 3 of 4, by boxes 1 of 4. A probability is kept in 8 bits.
    assert row["instance_ece_50_pooled"] == pytest.approx(0, abs=2e-3)
    assert row["box_centre_ece_pooled"] == pytest.approx(0.5, abs=2e-3)
    assert row["box_centre_brier_pooled"] == pytest.approx((0.0625 + 3 * 0.5625) / 4, abs=2e-3)
    assert (row["instance_ece_50_n"], row["box_centre_ece_n"]) == (4, 4)
    # One group: no interval.
    assert np.isnan(row["instance_ece_50_low"])


def test_components_of_a_mask_have_the_mean_of_their_particles(make_data: Make, tmp_path: Path):
    # Two halves of one square are taken apart in the prediction; in the mask nobody can tell.
    halves = squares([0, 1])
    halves[2:8, 5:8] = 3
    data = make_data(masks={"a": halves > 0})
    predict(tmp_path / "p", "a", halves, [0.4, 0.5, 0.6])
    found = evaluate(data, predictions={"p": tmp_path / "p"}).confidence["p"]["instance_ece_50"]
    # 0.5 for the halves together, 0.5 for the other; both true.
    assert found.n == 2
    assert found.bins.error == pytest.approx(0.5)


def test_label_images_without_any_confidence_are_not_judged(make_data, make_predictions, tmp_path):
    data = make_data(instances={"a": squares([0, 1])})
    found = evaluate(data, predictions={"p": make_predictions({"a": squares([0])})})
    assert found.confidence["p"] == {}
    assert found.summary.iloc[0]["instance_ece_50_n"] == 0
    assert np.isnan(found.summary.iloc[0]["instance_brier_50_mean"])
    assert "Confidence of particles" not in write_evaluation(found, tmp_path / "o").read_text()
