"""The bar is as long as it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.report.scale_bar import ScaleBar, round_length, scale_bar

lengths = st.floats(1e-6, 1e9)


@given(lengths)
def test_round_length_is_the_largest_1_2_5_that_fits(longest: float) -> None:
    length = round_length(longest)
    candidates = [float(f"{digit}e{decade}") for decade in range(-8, 11) for digit in (1, 2, 5)]
    assert length == max(c for c in candidates if c <= longest * (1 + 1e-9))


@given(st.floats(1e-3, 1e3), st.integers(160, 2048), st.floats(0.01, 16))
def test_pixels_times_pixel_size_is_the_length_on_the_label(
    pixel_size_nm: float, canvas: int, reduction: float
) -> None:
    calibration = Calibration(pixel_size_nm, "file")
    bar = scale_bar(calibration, canvas_px=canvas, pixels_per_canvas_px=reduction)
    length, unit = bar.label.split()
    assert unit == "nm"
    assert abs(bar.pixels * reduction * pixel_size_nm - float(length)) <= (
        0.5000001 * reduction * pixel_size_nm
    )
    assert canvas / 10 - 1 <= bar.pixels <= canvas / 4 + 1


def test_unknown_pixel_size_gives_pixels_of_the_micrograph() -> None:
    bar = scale_bar(Calibration(), canvas_px=1000, pixels_per_canvas_px=4)
    assert bar == ScaleBar(1000.0, "px", 250)
    assert bar.label == "1000 px"


@pytest.mark.parametrize("longest", [0.0, -1.0, math.nan, math.inf])
def test_no_length_to_fit_into(longest: float) -> None:
    with pytest.raises(UsageError, match="positive length"):
        round_length(longest)
