"""Models in the corridor: what reaches them, what is recorded, and movies one frame ahead."""

import threading

import numpy as np
import pytest

from discs import RADIUS, discs
from model_files import class_model, particle_model
from nanosieve.core.errors import FailedInput, UsageError
from nanosieve.core.micrograph import Calibration, Micrograph
from nanosieve.core.schema import summary_columns
from nanosieve.core.settings import Settings
from nanosieve.models.load import read_card
from nanosieve.pipeline import analyse, analyse_frames


@pytest.fixture
def plain(tmp_path):
    def make(**changes) -> Settings:
        path = particle_model(tmp_path / "plain.onnx", **changes)
        digest = read_card(path)[2].digest
        return Settings(method=str(path), model_hash=digest, precision="float32")

    return make


def still(image=None, nm=0.5) -> Micrograph:
    return Micrograph.from_array(discs() if image is None else image, pixel_size_nm=nm, name="a")


def test_a_still_is_measured_as_with_any_method(plain):
    found = analyse(still(), plain())
    assert found.particles["diameter_nm"].to_numpy() == pytest.approx(RADIUS, rel=0.02)
    assert list(found.summary.columns) == summary_columns("nm")
    row = found.summary.iloc[0]
    assert (row["method"], row["polarity"], row["n"], row["status"]) == ("plain", "dark", 4, "ok")
    step = found.history[-1]
    assert step.name == "segment"
    assert step.parameters["model_hash"] == plain().model_hash
    assert step.parameters["runs_on"] == "OpenVINO, float32"


def test_outliers_are_gone_before_the_network_sees_the_image(plain):
    image = discs()
    image[64, 64] = 60000
    found = analyse(still(image), plain())
    assert found.summary["n"][0] == 4
    assert "xray_outliers" in found.summary["flags"][0]


def test_resampling_to_the_models_pixel_size_is_recorded(plain):
    found = analyse(still(), plain(pixel_size_nm=0.25))
    assert found.segmentations[0].labels.shape == (128, 128)
    assert found.particles["diameter_nm"].to_numpy() == pytest.approx(RADIUS, rel=0.03)
    [step] = [step for step in found.history if step.name == "resample"]
    assert step.parameters == {"from_nm": 0.5, "to_nm": 0.25}
    assert "resampled" in found.summary["flags"][0]


def test_a_length_in_nm_needs_a_pixel_size(plain):
    settings = plain().model_copy(update={"resample_nm": 0.5})
    with pytest.raises(FailedInput, match="a: --resample is in nm but the pixel size is unknown"):
        analyse(still(nm=None), settings)
    settings = plain().model_copy(update={"min_diameter": "3"})
    with pytest.raises(FailedInput, match="a: --min-diameter 3 is in nm but the pixel size is"):
        analyse(still(nm=None), settings)


def test_a_file_that_changed_meanwhile_is_not_run(plain):
    settings = plain()
    plain(threshold=0.9)
    with pytest.raises(FailedInput, match=r"plain\.onnx has changed since this run began"):
        analyse(still(), settings)


def test_a_method_that_is_no_model_is_refused():
    with pytest.raises(UsageError, match="no model is called 'magic'"):
        analyse(still(), Settings(method="magic"))


def movie(n: int) -> list[np.ndarray]:
    return [discs(((30, 30 + 5 * number), (90, 90)), seed=number) for number in range(n)]


def test_a_movie_gives_what_its_frames_give_alone(plain):
    frames = movie(4)
    found = analyse(Micrograph.from_array(np.stack(frames), pixel_size_nm=0.5), plain())
    for frame, together in zip(frames, found.segmentations, strict=True):
        alone = analyse(still(frame), plain()).segmentations[0]
        assert np.array_equal(alone.labels, together.labels)


def test_the_network_is_one_frame_ahead_and_no_more(plain):
    class Frames:
        shape, dtype = (4, 128, 128), np.dtype(np.uint16)

        def __init__(self):
            self.seen, self.second = [], threading.Event()

        def __getitem__(self, index):
            self.seen.append(index)
            if index == 1:
                self.second.set()
            return movie(4)[index]

    frames = Frames()
    results = analyse_frames(
        Micrograph(frames, "m", Calibration(0.5, "user"), is_movie=True), plain()
    )
    next(results)
    assert frames.second.wait(timeout=60)
    assert frames.seen == [0, 1]
    assert [result.index for result in results] == [1, 2, 3]


def test_an_error_of_a_later_frame_comes_after_the_earlier_ones(plain):
    class Frames:
        shape, dtype = (3, 128, 128), np.dtype(np.uint16)

        def __getitem__(self, index):
            if index == 1:
                raise FailedInput("frame 1 is cut off")
            return discs()

    results = analyse_frames(Micrograph(Frames(), "m", is_movie=True), plain())
    assert next(results).index == 0
    with pytest.raises(FailedInput, match="frame 1 is cut off"):
        next(results)


def test_a_constant_image_is_empty(plain):
    found = analyse(still(np.full((64, 64), 7, np.uint16)), plain())
    assert found.summary["status"].tolist() == ["empty"]
    assert found.summary["method"].tolist() == ["plain.onnx"]


def test_a_movie_that_begins_with_a_constant_frame_keeps_its_shares(tmp_path):
    path = class_model(tmp_path / "classes.onnx")
    stack = np.stack([np.zeros_like(discs()), discs()])
    found = analyse(Micrograph.from_array(stack), Settings(method=str(path), polarity="dark"))
    assert found.summary["share_particle"].notna().tolist() == [False, True]


def test_the_share_of_each_class_stands_in_the_summary(tmp_path):
    y, x = np.mgrid[:128, :128]
    film = np.hypot(y - 64, x - 64) < RADIUS
    image = discs() + (600 * film).astype(np.uint16)
    path = class_model(tmp_path / "classes.onnx")
    mask = np.zeros((128, 128), bool)
    mask[:64] = True
    found = analyse(still(image), Settings(method=str(path), polarity="dark"), exclude=mask)
    row = found.summary.iloc[0]
    shares = [row[f"share_{name}"] for name in ("support", "film", "particle")]
    assert sum(shares) == pytest.approx(1)
    assert shares[1] == pytest.approx(np.pi * RADIUS**2 / 2 / (64 * 128), rel=0.1)
    assert shares[2] == pytest.approx(2 * np.pi * RADIUS**2 / (64 * 128), rel=0.1)
    names = list(found.summary.columns)
    assert names[names.index("polarity") + 1 : names.index("high_tension_kv")] == [
        "share_support", "share_film", "share_particle"
    ]  # fmt: skip
