"""Grey levels: formats, black level, clipping, JPEG, spikes and dead pixels."""

import numpy as np
import pytest

from nanosieve.simulation.detector.blemishes import Blemishes, add_xrays, kill_pixels
from nanosieve.simulation.detector.detect import detect
from nanosieve.simulation.detector.output import FORMATS, Output
from nanosieve.simulation.detector.settings import DetectorSettings

NONE = {
    "xrays_per_mpx": 0, "xray_e": 30, "xray_tail": 1.5, "xray_clusters": 0, "dead_per_mpx": 0,
    "dead_columns": 0,
}  # fmt: skip


def _output(**changes):
    base = {"format": "uint8", "scaling": "counts", "gain": 1, "level": 0.5, "offset": 0,
            "black": 0, "white": 1}  # fmt: skip
    return Output(**(base | changes))


@pytest.mark.parametrize(
    ("name", "dtype", "low", "high"),
    [
        ("uint8", np.uint8, 0, 255),
        ("uint12", np.uint16, 0, 4095),
        ("uint16", np.uint16, 0, 65535),
        ("int16", np.int16, -32768, 32767),
    ],
)
def test_each_format_rounds_and_clips_to_its_range(name, dtype, low, high):
    image = _output(format=name).write(np.array([[-1e6, 1.4, 1.6, 1e6]], np.float32))
    assert image.dtype == dtype
    assert image.tolist() == [[low, 1, 2, high]]
    assert FORMATS[name] == (dtype, low, high)


def test_the_beam_lies_at_its_level_above_the_offset():
    gain, zero = _output(scaling="vacuum", level=0.6, offset=0.1).line(np.ones(1), np.ones(1), 40.0)
    assert zero == pytest.approx(25.5)
    assert zero + 40 * gain == pytest.approx(0.6 * 255)


def test_an_image_is_stretched_between_black_and_white():
    electrons = np.linspace(10, 20, 1001)
    output = _output(scaling="image", black=0.1, white=0.9)
    gain, zero = output.line(electrons, np.zeros(1001), 40.0)
    # But for half a per cent at either end.
    assert zero + 10.05 * gain == pytest.approx(0.1 * 255)
    assert zero + 19.95 * gain == pytest.approx(0.9 * 255)


def test_an_image_without_anything_in_it_is_flat_and_finite():
    gain, zero = _output(scaling="image").line(np.zeros(9), np.zeros(9), 40.0)
    assert np.isfinite([gain, zero]).all()


def test_a_black_level_below_zero_clips():
    settings = DetectorSettings(
        model="stem", dose_e_per_A2=1000,
        output={"format": "uint8", "scaling": "image", "black": -0.2, "white": 1.2},
    )  # fmt: skip
    ramp = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32), (256, 256))
    rng = np.random.default_rng(0)
    image = detect(ramp, settings.draw(rng), pixel_size_nm=0.1, rng=rng)
    assert 0.08 < (image == 0).mean() < 0.25
    assert 0.08 < (image == 255).mean() < 0.25


def test_jpeg_changes_an_image_the_more_the_lower_its_quality():
    image = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(np.float32)
    errors = []
    for quality in (95, 30):
        through = _output(jpeg_quality=quality).write(image.copy())
        assert through.shape == image.shape
        assert through.dtype == np.uint8
        errors.append(float(np.std(through - image)))
    assert 0 < errors[0] < errors[1]


def test_xrays_come_at_their_rate_and_with_heavy_tails():
    electrons = np.zeros((1000, 1000), np.float32)
    blemishes = Blemishes(**NONE | {"xrays_per_mpx": 2000})
    add_xrays(electrons, blemishes, np.random.default_rng(0))
    heights = electrons[electrons > 0]
    assert len(heights) == pytest.approx(2000, abs=150)
    assert heights.min() >= 30
    # Pareto's law: 4 ** -1.5 of them are four times the least, 25 ** -1.5 twenty-five times.
    assert (heights > 120).mean() == pytest.approx(1 / 8, abs=0.025)
    assert (heights > 750).mean() == pytest.approx(1 / 125, abs=0.006)


def test_some_xrays_spread_to_their_neighbours():
    electrons = np.zeros((1000, 1000), np.float32)
    add_xrays(
        electrons,
        Blemishes(**NONE | {"xrays_per_mpx": 200, "xray_clusters": 0.5}),
        np.random.default_rng(1),
    )
    # A spike and, with half of them, four neighbours.
    assert (electrons > 0).sum() == pytest.approx(200 * 3, rel=0.2)


def test_dead_pixels_and_columns_are_dark_or_bright():
    values = np.full((1000, 1000), 50, np.float32)
    kill_pixels(
        values, Blemishes(**NONE | {"dead_per_mpx": 500}), (0, 255), np.random.default_rng(0)
    )
    assert (values == 0).sum() == pytest.approx(250, abs=60)
    assert (values == 255).sum() == pytest.approx(250, abs=60)
    values = np.full((100, 100), 50, np.float32)
    kill_pixels(values, Blemishes(**NONE | {"dead_columns": 3}), (0, 255), np.random.default_rng(0))
    dead = (values != 50).all(axis=0)
    assert 1 <= dead.sum() <= 8
    assert (values[:, ~dead] == 50).all()
