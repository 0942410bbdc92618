"""Images of a flat beam, whose mean, variance and spectrum are known."""

import numpy as np
import pytest

from nanosieve.core.errors import UsageError
from nanosieve.simulation.detector.detect import detect, expected, noise_spectrum, noise_std
from nanosieve.simulation.detector.settings import DetectorSettings

FLAT = np.ones((256, 256), np.float32)
SHARP = {"efficiency": 1, "mtf_half": 1e6, "mtf_power": 2, "mtf_floor": 0, "binning": 1}
COUNTS = {"format": "uint16", "scaling": "counts", "gain": 1}
QUIET = {"readout_e": 0, "pattern": 0, "stripes": 0}
STILL = {
    "efficiency": 1, "probe_nm": 1e-3, "tail_share": 0, "line_noise": 0, "readout_e": 0,
    "jitter_px": 0, "drift": 0,
}  # fmt: skip


def _settings(model, part=None, output=None, **others):
    base = {"counting": SHARP, "scintillator": SHARP | QUIET | {"noise_widening": 1}, "stem": STILL}
    return DetectorSettings(
        model=model,
        **{model: base[model] | (part or {})},
        output=COUNTS | (output or {}),
        **({"dose_e_per_A2": 100} | others),
    )


def _record(settings, intensity=FLAT, *, seed=0, pixel_size_nm=0.1):
    rng = np.random.default_rng(seed)
    detector = settings.draw(rng)
    return detect(intensity, detector, pixel_size_nm=pixel_size_nm, rng=rng).astype(float)


@pytest.mark.parametrize("model", ["counting", "scintillator", "stem"])
def test_variance_equals_mean_before_the_transfer(model):
    image = _record(_settings(model))
    assert image.mean() == pytest.approx(100, rel=0.01)
    assert image.var() / image.mean() == pytest.approx(1, abs=0.03)


def test_electrons_not_detected_make_a_lower_dose():
    image = _record(_settings("counting", {"efficiency": 0.5}))
    assert image.mean() == pytest.approx(50, rel=0.01)
    assert image.var() == pytest.approx(50, rel=0.03)


def _rings(image):
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2 / image.size
    k = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    edges = np.array([0.02, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
    which = np.digitize(k, edges)
    return k, which, np.array([power[which == n].mean() for n in range(1, len(edges))])


def test_noise_of_a_scintillator_has_the_spectrum_of_its_own_transfer():
    part = {"mtf_half": 0.5, "mtf_power": 1.7, "noise_widening": 1.4}
    settings = _settings("scintillator", part, {"gain": 50})
    k, which, measured = _rings(_record(settings) / 50)
    model = 100 / (1 + (2 * k / (0.5 * 1.4)) ** 1.7) ** 2
    reference = np.array([model[which == n].mean() for n in range(1, 8)])
    # Some 150 frequencies in the innermost ring: its mean is known to 8 %.
    assert measured[0] == pytest.approx(reference[0], rel=0.25)
    assert measured[1:] == pytest.approx(reference[1:], rel=0.12)


@pytest.mark.parametrize("binning", [1, 2, 4])
def test_noise_of_counted_electrons_is_white_also_when_binned(binning):
    settings = _settings("counting", {"mtf_half": 0.5, "binning": binning})
    _, _, measured = _rings(_record(settings))
    assert measured[1:] == pytest.approx(100, rel=0.1)


def test_a_scintillator_correlates_neighbours_and_lowers_the_variance():
    image = _record(_settings("scintillator", {"mtf_half": 0.4}, {"gain": 50})) / 50
    beside = np.mean((image[:, 1:] - image.mean()) * (image[:, :-1] - image.mean()))
    assert image.var() < 60
    assert beside / image.var() > 0.2


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ("counting", {"mtf_half": 0.8}),
        ("scintillator", {"mtf_half": 0.5, "noise_widening": 1.5, "readout_e": 3, "pattern": 0.05}),
        ("scintillator", {"mtf_half": 0.5, "binning": 2}),
        ("stem", {"readout_e": 5.0, "probe_nm": 0.2}),
    ],
)
@pytest.mark.parametrize("scaling", ["counts", "vacuum", "image"])
def test_noise_is_as_predicted(model, part, scaling):
    output = {"format": "uint8", "scaling": scaling, "gain": 0.5, "level": 0.5, "black": 0.1,
              "white": 0.9}  # fmt: skip
    # Few grey levels: quantisation is a part of the noise.
    settings = _settings(model, part, output)
    intensity = np.repeat([[0.5], [1.0]], 128, axis=0) * FLAT
    detector = settings.draw(np.random.default_rng(0))
    std = noise_std(intensity, detector, pixel_size_nm=0.1)
    image = _record(settings, intensity)
    inner = np.s_[140:-10], np.s_[10:118]
    step = np.mean(image[inner[0]]) - np.mean(image[inner[1]])
    for rows in inner:
        measured = image[rows].std() / step * 0.5
        assert measured == pytest.approx(std[rows].mean(), rel=0.03)


def test_noise_of_rows_and_columns_is_predicted_too():
    stem = _settings("stem", {"line_noise": 0.1})
    rows = _record(stem).mean(axis=1)
    assert rows.std() == pytest.approx(10, rel=0.15)
    std = noise_std(FLAT, stem.draw(np.random.default_rng(0)), pixel_size_nm=0.1)
    assert std.mean() == pytest.approx(np.sqrt(0.01 + 0.01), rel=0.01)
    columns = _record(_settings("scintillator", {"stripes": 0.1})).mean(axis=0)
    assert columns.std() == pytest.approx(10, rel=0.15)


def test_the_spectrum_of_white_noise_is_one_and_of_others_has_mean_one():
    white = noise_spectrum(_settings("stem").draw(np.random.default_rng(0)), (8, 9))
    assert white.shape == (8, 5)
    assert (white == 1).all()
    camera = _settings("scintillator", {"mtf_half": 0.5}).draw(np.random.default_rng(0))
    spectrum = noise_spectrum(camera, (64, 63))
    both = np.concatenate([spectrum, spectrum[:, 1:]], axis=1)
    assert both.mean() == pytest.approx(1, abs=1e-5)


def test_what_is_expected_is_the_mean_of_many_images():
    rng = np.random.default_rng(3)
    intensity = np.kron(rng.random((8, 8)), np.ones((4, 4))).astype(np.float32)
    settings = _settings("scintillator", {"mtf_half": 0.5}, {"gain": 10})
    images = [_record(settings, intensity, seed=seed) for seed in range(200)]
    detector = settings.draw(rng)
    mean = expected(intensity, detector, pixel_size_nm=0.1)
    assert np.allclose(np.mean(images, axis=0) / 1000, mean, atol=0.04)
    assert not np.allclose(mean, intensity, atol=0.04)


def test_rows_jitter_by_as_much_as_stated():
    x = np.arange(256)
    wave = np.broadcast_to(1 + 0.9 * np.sin(2 * np.pi * x / 32), (256, 256)).astype(np.float32)
    image = _record(_settings("stem", {"jitter_px": 0.4}, dose_e_per_A2=20_000), wave)
    phase = np.angle(np.fft.rfft(image, axis=1)[:, 8])
    shifts = (phase - np.angle(np.fft.rfft(wave[0])[8])) * 32 / (2 * np.pi)
    assert shifts.std() == pytest.approx(0.4, rel=0.15)


@pytest.mark.parametrize("model", ["counting", "scintillator", "stem"])
def test_one_seed_gives_the_same_bits(model):
    settings = DetectorSettings(
        model=model, blemishes={"xrays_per_mpx": 500, "dead_per_mpx": 500, "dead_columns": 1}
    )
    first, again, other = (_record(settings, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_intensity_is_left_alone():
    intensity = FLAT[:16, :16].copy()
    _record(_settings("scintillator", {"pattern": 0.1, "readout_e": 1}), intensity)
    assert (intensity == 1).all()


@pytest.mark.parametrize(
    ("intensity", "pixel", "message"),
    [
        (np.ones(4), 0.1, r"intensity of shape \(4,\): give an image"),
        (np.ones((4, 4)), 0.0, "pixel size of 0.0 nm: give a positive number"),
        (np.full((4, 4), -1.0), 0.1, "below 0 or not finite"),
        (np.full((4, 4), np.nan), 0.1, "below 0 or not finite"),
    ],
)
def test_what_is_no_intensity_is_refused(intensity, pixel, message):
    detector = _settings("counting").draw(np.random.default_rng(0))
    with pytest.raises(UsageError, match=message):
        detect(intensity, detector, pixel_size_nm=pixel, rng=np.random.default_rng(0))
    for function in (expected, noise_std):
        with pytest.raises(UsageError, match=message):
            function(intensity, detector, pixel_size_nm=pixel)


def test_noise_of_a_scintillator_arises_where_electrons_arrive():
    columns = np.zeros((512, 64), np.float32)
    columns[:, 8::16] = 16
    blurred = {"mtf_half": 0.2, "noise_widening": 4}
    image = _record(_settings("scintillator", blurred, dose_e_per_A2=1000), columns)
    variance = image.var(axis=0).reshape(4, 16).mean(axis=0)
    mean = image.mean(axis=0).reshape(4, 16).mean(axis=0)
    # The mean is blurred far more than the noise.
    assert variance[8] / variance[12] > 2 * mean[8] / mean[12]


def test_rounding_to_few_grey_levels_is_part_of_the_noise():
    settings = _settings(
        "counting",
        output={"format": "uint8", "scaling": "vacuum", "level": 0.02},
        dose_e_per_A2=20_000,
    )
    ramp = np.tile(np.linspace(0.2, 1, 256, dtype=np.float32), (256, 1))
    detector = settings.draw(np.random.default_rng(0))
    error = _record(settings, ramp, pixel_size_nm=1) / (0.02 * 255) - ramp
    predicted = noise_std(ramp, detector, pixel_size_nm=1)
    assert error.std() == pytest.approx(predicted.mean(), rel=0.1)
    assert predicted.mean() == pytest.approx(1 / np.sqrt(12) / (0.02 * 255), rel=0.05)
