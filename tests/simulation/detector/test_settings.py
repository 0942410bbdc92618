"""Settings become detectors; what cannot be is refused in a line."""

import numpy as np
import pytest
from pydantic import ValidationError

from nanosieve.simulation.detector.settings import MODELS, DetectorSettings
from nanosieve.simulation.detector.transfer import Camera, Probe


@pytest.mark.parametrize("model", MODELS)
def test_each_model_is_drawn_within_its_ranges(model):
    settings = DetectorSettings(model=model)
    for seed in range(20):
        detector = settings.draw(np.random.default_rng(seed))
        assert detector.model == model
        assert 20 <= detector.dose_e_per_A2 <= 20_000
        assert 0.5 <= detector.efficiency <= 0.95
        assert isinstance(detector.transfer, Probe if model == "stem" else Camera)
        assert detector.jitter_px <= 0.3
        assert np.hypot(*detector.drift) <= 0.01


def test_only_a_scintillator_has_a_noise_transfer():
    draw = {m: DetectorSettings(model=m).draw(np.random.default_rng(0)).transfer for m in MODELS}
    assert draw["counting"].noise_power((8, 8)) is None
    assert draw["stem"].noise_power((8, 8)) is None
    assert draw["scintillator"].noise_power((8, 8)).shape == (8, 5)


def test_models_are_drawn_by_weight():
    settings = DetectorSettings(model={"counting": 1, "stem": 3})
    rng = np.random.default_rng(0)
    drawn = [settings.draw(rng).model for _ in range(200)]
    assert drawn.count("stem") == pytest.approx(150, abs=20)
    assert set(drawn) == {"counting", "stem"}


def test_parameters_are_flat_and_state_the_dose_twice():
    for model in MODELS:
        detector = DetectorSettings(model=model, dose_e_per_A2=500).draw(np.random.default_rng(0))
        flat = detector.parameters(pixel_size_nm=0.03)
        assert flat["dose_e_per_px"] == pytest.approx(500 * 0.3**2)
        assert all(isinstance(value, str | int | float) for value in flat.values())
        assert ("drift_down" in flat) == (model == "stem")
        assert ("mtf_noise_widening" in flat) == (model == "scintillator")


def test_settings_can_be_written_and_read_again():
    settings = DetectorSettings(model="stem", stem={"probe_nm": {"log": [0.1, 0.4]}})
    assert DetectorSettings(**settings.model_dump()) == settings


def test_jpeg_is_for_eight_bits_only():
    settings = DetectorSettings(
        model="stem", output={"format": {"uint8": 1, "uint16": 1}, "jpeg_share": 1}
    )
    rng = np.random.default_rng(0)
    for output in (settings.draw(rng).output for _ in range(20)):
        assert (output.jpeg_quality is not None) == (output.format == "uint8")


@pytest.mark.parametrize(
    ("values", "where", "message"),
    [
        ({"model": "film"}, "model", "no detector 'film'; there are counting, scintillator"),
        ({"dose_e_per_A2": 0}, "dose_e_per_A2", "expected more than 0, got 0 to 0"),
        ({"stem": {"jitter_px": 2}}, "jitter_px", "expected between 0 and 0.5, got 2 to 2"),
        ({"stem": {"drift": 0.5}}, "drift", "expected between 0 and 0.2"),
        ({"counting": {"efficiency": [0.5, 2]}}, "efficiency", "between 0 and 1, got 0.5 to 2"),
        ({"counting": {"binning": 0}}, "binning", "expected between 1 and 8, got 0 to 0"),
        ({"scintillator": {"readout_e": -1}}, "readout_e", "expected at least 0, got -1 to -1"),
        ({"scintillator": {"noise_widening": 0.5}}, "noise_widening", "between 1 and 4"),
        ({"output": {"format": "uint32"}}, "format", "no format 'uint32', did you mean uint12?"),
        ({"output": {"jpeg_share": 2}}, "jpeg_share", "less than or equal to 1"),
        ({"output": {"offset": 0.2, "level": 0.1}}, "output", "0.2 is no less than the beam's"),
        ({"blemishes": {"xray_tail": 0}}, "xray_tail", "expected between 0.5 and 10"),
        ({"mtf": 3}, "mtf", "Extra inputs are not permitted"),
    ],
)
def test_bad_values_are_refused_in_one_line(values, where, message):
    with pytest.raises(ValidationError) as caught:
        DetectorSettings(**({"model": "stem"} | values))
    (fault,) = caught.value.errors()
    assert fault["loc"][-1] == where
    assert message in fault["msg"]
    assert "\n" not in fault["msg"]
