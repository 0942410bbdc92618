"""From what a file says of its pixels to one length in nm, or to a refusal by name.

Nothing is guessed: a unit that is not a length, a size that is not positive and printer
resolutions (dpi) all mean *unknown*. A reciprocal, angular or energy unit means that the data is
not an image of particles.
"""

import math
import re
import unicodedata
from typing import NamedTuple

from nanosieve.core.errors import RefusedInput, UsageError
from nanosieve.core.micrograph import Calibration

SQUARE_TOLERANCE = 1e-3
"""Largest relative difference of the two sides of a pixel that still counts as square."""

_SPELLINGS = {
    1e-3: "pm picometer picometers picometre picometres",
    1e-1: "a å ang angstrom angstroms angström ångstrom ångström ångströms ångstroms",
    1.0: "nm nanometer nanometers nanometre nanometres",
    1e3: "μm um micron microns micrometer micrometers micrometre micrometres",
    1e6: "mm millimeter millimeters millimetre millimetres",
    1e7: "cm centimeter centimeters centimetre centimetres",
    1e9: "m meter meters metre metres",
}
_NM = {name: factor for factor, names in _SPELLINGS.items() for name in names.split()}

_RECIPROCAL = re.compile(r"1?/.+|.+\*\*-1|.+\^?[({]?-1[)}]?|(per|reciprocal).+")
_ANGLE = re.compile(r"[mμu]?rad(ian)?s?|deg(ree)?s?|°")
_ENERGY = re.compile(r"[mkg]?ev|electron-?volts?")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Side(NamedTuple):
    """One side of a pixel in the file's own words: ``value`` in ``unit``."""

    value: float | None
    unit: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return "none"
        return f"{self.value:.7g} {_readable(self.unit) or '(no unit)'}"


UNSTATED = Side(None)
"""A side of which the file says nothing."""


def nm_per_unit(unit: str | None) -> float | None:
    """Length of a unit in nm, or ``None`` where the text is not a unit of length.

    Parameters
    ----------
    unit
        Any spelling found in microscope files: ``nm``, ``n_m``, ``Å``, ``A``, ``µm`` with either
        micro sign, ``micron``, ``meters``, ...

    Examples
    --------
    >>> nm_per_unit("n_m"), nm_per_unit("\\u00b5m"), nm_per_unit("Angstrom"), nm_per_unit("pixel")
    (1.0, 1000.0, 0.1, None)
    """
    return _NM.get(_key(unit))


def not_a_length(unit: str | None) -> str | None:
    """Name the kind of data whose axes carry this unit, where it is not an image.

    Examples
    --------
    >>> not_a_length("1/nm")
    'a diffraction pattern or Fourier transform'
    >>> not_a_length("eV"), not_a_length("nm")
    ('a spectrum', None)
    """
    key = _key(unit)
    if key in _NM or not key:
        return None
    if _ENERGY.fullmatch(key):
        return "a spectrum"
    if _RECIPROCAL.fullmatch(key) or _ANGLE.fullmatch(key):
        return "a diffraction pattern or Fourier transform"
    return None


def calibrate(
    y: Side, x: Side, *, pixel_size_nm: float | None = None, keep_anisotropic: bool = False
) -> Calibration:
    """Make one calibration of what the file says of both sides of a pixel.

    Parameters
    ----------
    y, x
        Sides of a pixel as the file states them.
    pixel_size_nm
        The user's pixel size, which overrides the file's.
    keep_anisotropic
        Return the two sides of a pixel that is not square instead of refusing it.

    Raises
    ------
    UsageError
        If ``pixel_size_nm`` is not a positive number.
    RefusedInput
        If a unit is reciprocal, an angle or an energy (whatever the user says), or if the sides
        differ by more than 0.1 % and neither ``pixel_size_nm`` nor ``keep_anisotropic`` is given.

    Examples
    --------
    >>> calibrate(Side(2.0, "A"), Side(0.2, "nm")).pixel_size_nm
    0.2
    >>> calibrate(Side(1.0, "pixel"), Side(1.0, "pixel")).source
    'unknown'
    """
    for side in (y, x):
        kind = not_a_length(side.unit)
        if kind is not None:
            raise RefusedInput(
                f"{kind}, not an image: its pixel unit is {_readable(side.unit)!r}; "
                "give the real-space image"
            )
    in_file = _words(y, x)
    if pixel_size_nm is not None:
        if not (math.isfinite(pixel_size_nm) and pixel_size_nm > 0):
            raise UsageError(f"--pixel-size must be a positive number of nm, got {pixel_size_nm}")
        return Calibration(float(pixel_size_nm), "user", in_file)
    y_nm, x_nm = _nm(y), _nm(x)
    if y_nm is None or x_nm is None:
        return Calibration(in_file=in_file)
    if abs(y_nm - x_nm) <= SQUARE_TOLERANCE * max(y_nm, x_nm):
        return Calibration(x_nm, "file", in_file)
    if keep_anisotropic:
        return Calibration(None, "file", in_file, (y_nm, x_nm))
    raise RefusedInput(
        f"pixels are not square: y {y}, x {x}; say what to do with --pixel-size or --resample"
    )


def _key(unit: str | None) -> str:
    text = _readable(unit).replace("Âµ", "µ")
    text = unicodedata.normalize("NFKC", text).replace("−", "-").casefold()
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"[\s_\[\]]", "", text).replace("·", "").rstrip(".")


def _readable(unit: str | None) -> str:
    """Undo ImageJ's escapes: it writes the micro sign as a backslash, ``u00B5``."""
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), unit or "")
    return " ".join(text.replace("\0", "").split())


def _nm(side: Side) -> float | None:
    factor = nm_per_unit(side.unit)
    if factor is None or side.value is None:
        return None
    size = side.value * factor
    # Rounding to 12 figures takes out binary dust (0.1 nm in m is 1.0000000000000002e-10).
    return float(f"{size:.12g}") if math.isfinite(size) and size > 0 else None


def _words(y: Side, x: Side) -> str:
    if y.value is None and x.value is None:
        return ""
    return str(x) if y == x else f"y {y}, x {x}"
