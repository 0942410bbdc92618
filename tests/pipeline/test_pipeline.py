"""The corridor: what reaches the method, what is measured, and what is said of it."""

import numpy as np
import pytest
from scipy import ndimage

from discs import CENTRES, RADIUS, discs
from nanosieve import pipeline
from nanosieve.core.errors import FailedInput, RefusedInput, UsageError
from nanosieve.core.micrograph import Acquisition, Calibration, Micrograph
from nanosieve.core.schema import particle_columns, summary_columns
from nanosieve.core.segmentation import Segmentation
from nanosieve.core.settings import Settings
from nanosieve.pipeline import analyse, analyse_frames, measure_frames
from nanosieve.prepare import frame as frame_preparation

DISC = np.pi * RADIUS**2


class Threshold:
    """In place of the methods: below 700 is a particle; remembers what it was given."""

    def __init__(self):
        self.images, self.options = [], []

    def __call__(self, image, **options):
        self.images.append(image)
        self.options.append(options)
        mask = ndimage.median_filter(image, 3) < 700
        if options["exclude"] is not None:
            mask &= ~options["exclude"]
        labels, _ = ndimage.label(mask)
        return Segmentation(
            labels.astype(np.int32), mask.astype(np.float32), "threshold", "dark",
            {"level": 700}, options["exclude"], frozenset({2}), ("one_population",), ("A note.",),
        )  # fmt: skip


@pytest.fixture
def method(monkeypatch):
    stand_in = Threshold()
    monkeypatch.setattr(pipeline, "segment_classically", stand_in)
    return stand_in


def still(image=None, nm=0.5) -> Micrograph:
    return Micrograph.from_array(discs() if image is None else image, pixel_size_nm=nm, name="a")


def movie(frames) -> Micrograph:
    return Micrograph.from_array(np.stack(frames), pixel_size_nm=0.5, name="m")


def flags(analysis, frame=0) -> set[str]:
    return set(analysis.summary["flags"][frame].split(";")) - {""}


@pytest.mark.usefixtures("method")
def test_a_still_gives_tables_with_the_columns_of_the_schema():
    found = analyse(still())
    assert list(found.particles.columns) == particle_columns("nm")
    assert list(found.summary.columns) == summary_columns("nm")
    assert found.particles["area_nm2"].to_numpy() == pytest.approx(DISC / 4, rel=0.05)
    assert found.particles[["y_nm", "x_nm"]].to_numpy() == pytest.approx(
        np.array(CENTRES) / 2, abs=0.1
    )
    row = found.summary.iloc[0]
    assert (row["image"], row["status"], row["n"], row["method"]) == ("a", "ok", 4, "threshold")
    assert row["coverage"] == pytest.approx(4 * DISC / 128**2, rel=0.05)
    assert flags(found) == {"one_population"}
    # The split label is no isolated particle.
    assert row["n_isolated"] == 3


@pytest.mark.usefixtures("method")
def test_an_unknown_pixel_size_gives_pixels():
    found = analyse(still(nm=None))
    assert found.particles["diameter_px"].to_numpy() == pytest.approx(2 * RADIUS, rel=0.02)
    assert found.summary["pixel_size_nm"].isna().all()


def test_settings_reach_the_method(method):
    analyse(still(), Settings(edge="half", polarity="dark", min_diameter="3", split=False))
    assert method.options[0] | {"exclude": None} == {
        "method": "hybrid", "polarity": "dark", "edge": "half", "min_diameter_px": 6.0,
        "split": False, "exclude": None, "pixel_size_nm": 0.5, "paper_exact": False, "bragg": None,
    }  # fmt: skip


@pytest.mark.usefixtures("method")
def test_a_given_pixel_size_is_used_and_flagged():
    found = analyse(still(nm=None), Settings(pixel_size_nm=2))
    assert found.summary["pixel_size_nm"][0] == 2
    assert "pixel_size_given" in flags(found)


def test_a_diameter_in_nm_needs_a_pixel_size():
    with pytest.raises(FailedInput, match=r"a: --min-diameter 3 is in nm but the pixel size"):
        analyse(still(nm=None), Settings(min_diameter="3"))


@pytest.mark.usefixtures("method")
def test_what_is_excluded_holds_no_particle_and_no_area():
    mask = np.zeros((128, 128), np.uint8)
    mask[:64] = 255
    found = analyse(still(), exclude=mask)
    assert found.summary["n"][0] == 2
    assert found.summary["coverage"][0] == pytest.approx(2 * DISC / (64 * 128), rel=0.05)
    assert "excluded_by_user" in flags(found)


def test_a_mask_of_another_shape_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"a: the mask of --exclude is 64 x 128 .* 128 x 128;"):
        analyse(still(), exclude=np.zeros((64, 128)))


@pytest.mark.usefixtures("method")
def test_captions_are_left_out_as_a_mask_is(monkeypatch):
    drawn = np.zeros((128, 128), bool)
    drawn[:64] = True
    monkeypatch.setattr(frame_preparation, "find_annotations", lambda _: drawn)
    found = analyse(still())
    assert found.summary["n"][0] == 2
    assert "annotation_masked" in flags(found)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((64, 64), 7, np.uint16), {"constant"}),
        (np.full((64, 64), 65535, np.uint16), {"constant", "saturated"}),
        (np.zeros((1, 500), np.uint8), {"tiny"}),
        (np.arange(9, dtype=np.int16).reshape(3, 3), {"tiny"}),
    ],
)
def test_frames_without_room_for_a_particle_are_empty(image, expected):
    found = analyse(still(image))
    assert found.summary["status"].tolist() == ["empty"]
    assert flags(found) == expected
    assert list(found.particles.columns) == particle_columns("nm")
    assert len(found.particles) == 0
    assert found.segmentations[0].labels.shape == image.shape


@pytest.mark.usefixtures("method")
def test_a_mostly_saturated_image_is_flagged_and_analysed():
    image = discs()
    image[image > 700] = 65535
    found = analyse(still(image))
    assert "saturated" in flags(found)
    assert found.summary["n"][0] == 4


def test_invalid_pixels_are_filled_for_the_method_alone(method):
    image = discs().astype(np.float32)
    image[30, 30], image[60:64, 60:64], image[0, 0] = np.nan, np.inf, -np.inf
    found = analyse(still(image))
    assert np.isfinite(method.images[0]).all()
    assert "invalid_pixels" in flags(found)
    assert found.summary["n"][0] == 4
    assert found.particles["mean_intensity"].to_numpy() == pytest.approx(400, abs=5)


def test_an_image_of_nan_alone_fails():
    with pytest.raises(FailedInput, match="a: every pixel is NaN or infinite"):
        analyse(still(np.full((64, 64), np.nan, np.float32)))


@pytest.mark.usefixtures("method")
def test_a_dead_frame_does_not_spoil_a_movie():
    frames = [discs(seed=seed).astype(np.float32) for seed in range(3)]
    frames[1][:] = np.nan
    found = analyse(movie(frames))
    assert found.summary["status"].tolist() == ["ok", "empty", "ok"]
    assert flags(found, 1) == {"invalid_pixels", "constant"}


def test_the_raw_frame_is_measured(method):
    """Outliers are replaced for the method; intensities stay those of the file."""
    image = discs()
    image[30, 30] = 60000
    found = analyse(still(image))
    assert method.images[0].max() < 2000
    first = found.particles.iloc[0]
    assert first["mean_intensity"] == pytest.approx(image[np.hypot(*_grid(30, 30)) < RADIUS].mean())


def _grid(row, column):
    y, x = np.mgrid[:128, :128]
    return y - row, x - column


def test_resampled_labels_lie_on_the_inputs_own_grid(method):
    found = analyse(still(), Settings(resample_nm=1.0))
    assert max(method.images[0].shape) == 64
    assert found.segmentations[0].labels.shape == (128, 128)
    assert found.segmentations[0].confidence.shape == (128, 128)
    assert found.particles["diameter_nm"].to_numpy() == pytest.approx(RADIUS, rel=0.1)
    assert found.summary["pixel_size_nm"][0] == 0.5
    assert "resampled" in flags(found)


def test_resampling_needs_a_pixel_size():
    with pytest.raises(FailedInput, match="a: --resample is in nm but the pixel size is unknown"):
        analyse(still(nm=None), Settings(resample_nm=1.0))


@pytest.mark.usefixtures("method")
def test_pixels_that_are_not_square_are_refused_or_resampled():
    image = discs()[:, ::2]
    calibration = Calibration(None, "file", "y 0.5 nm, x 1 nm", (0.5, 1.0))
    micrograph = Micrograph(image[np.newaxis], "a", calibration)
    with pytest.raises(RefusedInput, match=r"a: pixels are not square \(y 0.5 nm, x 1 nm\)"):
        analyse(micrograph)
    found = analyse(micrograph, Settings(resample_nm=0.5))
    assert found.segmentations[0].labels.shape == (128, 128)
    assert found.particles["diameter_nm"].to_numpy() == pytest.approx(RADIUS, rel=0.1)
    assert found.summary["pixel_size_nm"][0] == 0.5


@pytest.mark.usefixtures("method")
def test_only_isolated_particles_stay_where_that_is_asked():
    [frame] = analyse_frames(still(), Settings(isolated_only=True))
    assert frame.particles["label"].tolist() == [1, 2, 3]
    assert np.unique(frame.segmentation.labels).tolist() == [0, 1, 2, 3]
    assert frame.left_out == pytest.approx([RADIUS], rel=0.02)
    assert frame.row["n"] == frame.row["n_isolated"] == 3
    y, x = (frame.particles[name].to_numpy() * 2 for name in ("y_nm", "x_nm"))
    at = frame.segmentation.labels[y.round().astype(int), x.round().astype(int)]
    assert at.tolist() == [1, 2, 3]


def test_frames_are_averaged_in_groups_with_their_mean_time(method):
    frames = [discs(seed=seed) for seed in range(5)]
    times = Acquisition(frame_times_s=(0.0, 1.0, 2.0, 3.0, 4.0))
    found = analyse(movie(frames).replace(acquisition=times), Settings(average_frames=2))
    assert found.summary["frame"].tolist() == [0, 1, 2]
    assert found.summary["time_s"].tolist() == [0.5, 2.5, 4.0]
    expected = np.mean(frames[:2], axis=0)
    inside = np.hypot(*_grid(30, 30)) < RADIUS - 2
    assert method.images[0][inside] == pytest.approx(expected[inside], abs=60)
    assert method.images[0][inside].std() < 20


@pytest.mark.usefixtures("method")
def test_a_movie_is_read_one_frame_at_a_time():
    class Frames:
        shape, dtype, seen = (4, 128, 128), np.dtype(np.uint16), []

        def __getitem__(self, index):
            self.seen.append(index)
            return discs(seed=index)

    frames = Frames()
    results = analyse_frames(Micrograph(frames, "m", Calibration(0.5, "user"), is_movie=True))
    next(results)
    assert frames.seen == [0]
    assert [result.index for result in results] == [1, 2, 3]


@pytest.mark.usefixtures("method")
def test_every_step_is_recorded_with_its_parameters():
    image = discs()
    image[5, 5] = 60000
    steps = {step.name: step.parameters for step in analyse(still(image)).history}
    assert list(steps)[-1] == "segment"
    assert steps["segment"] == {"method": "threshold", "polarity": "dark", "level": 700}
    assert steps["remove_outliers"] == {"pixels": 1}


def test_given_labels_are_measured_as_they_are():
    labels = np.zeros((128, 128), np.int32)
    labels[20:40, 20:40], labels[80:90, 80:100] = 7, 300
    [frame] = measure_frames(still(), labels)
    assert frame.particles["label"].tolist() == [7, 300]
    assert frame.particles["area_nm2"].tolist() == [100, 50]
    assert frame.particles["flags"].tolist() == ["edited", "edited"]
    assert frame.particles["confidence"].isna().all()
    assert frame.row["method"] == "given"
    assert frame.row["polarity"] is None


def test_given_labels_keep_their_numbers_where_only_isolated_ones_stay():
    labels = np.zeros((128, 128), np.int32)
    labels[0:20, 20:40], labels[80:100, 80:100] = 7, 300
    [frame] = measure_frames(still(), labels, Settings(isolated_only=True))
    assert frame.particles["label"].tolist() == [300]
    assert np.unique(frame.segmentation.labels).tolist() == [0, 300]


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"a: the label image is 64 x 64 .* 128 x 128;"):
        list(measure_frames(still(), np.zeros((64, 64), np.int32)))
    with pytest.raises(UsageError, match="a: 2 label images for 1 frames"):
        list(measure_frames(still(), np.zeros((2, 128, 128), np.int32)))


def test_a_movie_of_nan_alone_fails():
    dead = movie([np.full((64, 64), np.nan, np.float32)] * 3)
    with pytest.raises(FailedInput, match="m: every pixel is NaN or infinite"):
        analyse(dead)
    with pytest.raises(FailedInput, match="m: every pixel is NaN or infinite"):
        analyse(dead, Settings(average_frames=2))
    with pytest.raises(FailedInput, match="m: every pixel is NaN or infinite"):
        list(measure_frames(dead, np.zeros((3, 64, 64), np.int32)))


@pytest.mark.usefixtures("method")
def test_a_mean_is_of_the_finite_frames_alone():
    frames = [discs(seed=seed).astype(np.float32) for seed in range(3)]
    expected = (frames[0] + frames[2]) / 2
    frames[1][:] = np.nan
    [frame] = analyse_frames(movie(frames), Settings(average_frames=3))
    assert frame.image == pytest.approx(expected, rel=1e-6)
    assert "invalid_pixels" in frame.flags


@pytest.mark.usefixtures("method")
def test_a_given_pixel_size_is_no_longer_unknown():
    unknown = still(nm=None).replace(flags=("pixel_size_unknown",))
    assert "pixel_size_unknown" in flags(analyse(unknown))
    assert "pixel_size_unknown" not in flags(analyse(unknown, Settings(pixel_size_nm=2)))


@pytest.mark.usefixtures("method")
def test_coverage_is_of_all_particles_where_only_isolated_ones_stay():
    [every] = analyse_frames(still())
    [isolated] = analyse_frames(still(), Settings(isolated_only=True))
    assert isolated.row["n"] < every.row["n"]
    assert isolated.row["coverage"] == every.row["coverage"]


def test_specks_beside_large_particles_are_told():
    places = [(60, 60), (60, 180), (180, 60), (180, 180)]
    places += [(20, 120), (120, 20), (120, 120), (220, 120)]
    y, x = np.indices((240, 240))
    inside = np.zeros(y.shape, bool)
    for (row, column), radius in zip(places, [28] * 4 + [4] * 4, strict=True):
        inside |= np.hypot(y - row, x - column) < radius
    noise = np.random.default_rng(0).normal(1000, 20, y.shape)
    image = Micrograph.from_array(noise - 400 * inside)
    found = analyse(image)
    assert len(found.particles) == 8
    assert "specks" in found.summary["flags"][0]
    large = analyse(image, Settings(min_diameter="14px"))
    assert len(large.particles) == 4
    assert "specks" not in large.summary["flags"][0]
