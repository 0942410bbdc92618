"""Units in every spelling, unknown ones, and the square pixel."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanosieve.core.errors import RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.files.calibration import UNSTATED, Side, calibrate, nm_per_unit, not_a_length

SPELLINGS = {
    1.0: ["nm", "NM", " nm ", "n_m", "[n_m]", "nanometer", "Nanometers", "nanometre", "nanometres"],
    0.1: [
        "Å", "A\u030a", "\u212b", "A", "a", "angstrom", "Angstrom", "ANGSTROMS", "Ångström",
        "ångstrom", "angström",
    ],
    1e-3: ["pm", "[p_m]", "picometer"],
    1e3: [
        "\u00b5m", "\u03bcm", "um", "u_m", "UM", "micron", "Microns", "micrometer", "micrometre",
        "micrometers", "\\u00B5m", "\\u03bcm", "Âµm",
    ],
    1e6: ["mm", "millimeter"],
    1e9: ["m", "meters", "metre", "Meter"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "nm"), [(text, nm) for nm, texts in SPELLINGS.items() for text in texts]
)
def test_spellings(spelling: str, nm: float) -> None:
    assert nm_per_unit(spelling) == nm
    assert not_a_length(spelling) is None
    calibration = calibrate(Side(2.0, spelling), Side(2.0, spelling))
    assert calibration.pixel_size_nm == pytest.approx(2 * nm)
    assert calibration.source == "file"


@pytest.mark.parametrize(
    "unit",
    ["1/nm", "1 / nm", "nm^-1", "nm-1", "nm⁻¹", "1/Å", "Å^-1", "1/m", "1/px", "rad", "mrad",
     "µrad", "deg", "nm**-1", "[n_m^-1]", "reciprocal nm", "nm^(-1)"],
)  # fmt: skip
def test_reciprocal_units_and_angles_are_refused_by_name(unit: str) -> None:
    with pytest.raises(RefusedInput, match="a diffraction pattern or Fourier transform"):
        calibrate(Side(0.1, unit), Side(0.1, unit), pixel_size_nm=1.0)


@pytest.mark.parametrize("unit", ["eV", "keV", "meV", "EV", "electronvolt"])
def test_energies_are_refused_by_name(unit: str) -> None:
    with pytest.raises(RefusedInput, match=f"a spectrum, not an image: its pixel unit is '{unit}'"):
        calibrate(UNSTATED, Side(0.1, unit), keep_anisotropic=True)


@pytest.mark.parametrize("unit", ["", None, "pixel", "px", "pixels", "inch", "s", "counts", "??"])
def test_other_units_are_unknown(unit: str | None) -> None:
    assert nm_per_unit(unit) is None
    calibration = calibrate(Side(1.0, unit or ""), Side(1.0, unit or ""))
    assert (calibration.pixel_size_nm, calibration.source) == (None, "unknown")


@pytest.mark.parametrize("value", [0.0, -0.2, math.nan, math.inf, None])
def test_sizes_that_are_not_positive_are_unknown(value: float | None) -> None:
    assert calibrate(Side(value, "nm"), Side(value, "nm")).source == "unknown"
    assert calibrate(Side(value, "nm"), Side(1.0, "nm")).source == "unknown"


def test_two_units_of_one_length_are_square() -> None:
    assert calibrate(Side(2.0, "A"), Side(0.2, "nm")).pixel_size_nm == 0.2


@pytest.mark.parametrize(("excess", "square"), [(0.0009, True), (0.0011, False)])
def test_one_part_in_a_thousand_is_square(excess: float, square: bool) -> None:
    y, x = Side(1.0 + excess, "nm"), Side(1.0, "nm")
    if square:
        assert calibrate(y, x).pixel_size_nm == 1.0
    else:
        with pytest.raises(RefusedInput, match=r"not square: y 1\.0011 nm, x 1 nm; .*--resample"):
            calibrate(y, x)


def test_what_the_user_gives_goes_first_and_keeps_the_files_words() -> None:
    calibration = calibrate(Side(3, "nm"), Side(2, "pm"), pixel_size_nm=0.5)
    assert calibration == Calibration(0.5, "user", "y 3 nm, x 2 pm")


@pytest.mark.parametrize("size", [0, -1.0, math.nan, math.inf])
def test_the_users_size_must_be_positive(size: float) -> None:
    with pytest.raises(UsageError, match="--pixel-size must be a positive number of nm"):
        calibrate(UNSTATED, UNSTATED, pixel_size_nm=size)


def test_sides_can_be_kept() -> None:
    calibration = calibrate(Side(3, "nm"), Side(2, "pm"), keep_anisotropic=True)
    assert calibration == Calibration(None, "file", "y 3 nm, x 2 pm", (3.0, 0.002))
    assert calibration.unit == "px"


def test_a_calibration_cannot_contradict_itself() -> None:
    with pytest.raises(UsageError, match="not both"):
        Calibration(1.0, "file", "", (1.0, 2.0))
    with pytest.raises(UsageError, match="must be a positive number"):
        Calibration(None, "file", "", (1.0, 0.0))
    with pytest.raises(UsageError, match="exactly where its source is known"):
        Calibration(None, "unknown", "", (1.0, 2.0))


@given(st.floats(1e-6, 1e6), st.sampled_from(["nm", "Å", "µm", "pm", "m"]))
def test_any_size_comes_back(size: float, unit: str) -> None:
    factor = nm_per_unit(unit)
    assert factor is not None
    assert calibrate(Side(size, unit), Side(size, unit)).pixel_size_nm == pytest.approx(
        size * factor, rel=1e-11
    )


@given(st.text(max_size=12))
def test_no_text_is_too_odd_for_a_unit(text: str) -> None:
    assert nm_per_unit(text) is None or nm_per_unit(text) > 0
    not_a_length(text)
