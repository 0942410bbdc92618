"""Figures as text: as many digits as their intervals can bear."""

import math

from nanosieve.report.view import Estimate

UNKNOWN = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with ``digits`` significant digits, in plain decimals; unknown is a dash.

    Examples
    --------
    >>> number(12.3456), number(9.999), number(0.01234), number(123456.0), number(None)
    ('12.3', '10.0', '0.0123', '123456', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    # The exponent after rounding: 9.999 has as many decimals as 10.0.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return _fixed(value, digits - 1 - exponent)


def compact(value: float | None) -> str:
    """Write a number as it was stated, to six digits.

    Examples
    --------
    >>> compact(0.23), compact(0.01001274), compact(None)
    ('0.23', '0.0100127', '–')
    """
    return UNKNOWN if value is None else f"{value:.6g}"


def estimate(value: Estimate | None, unit: str = "") -> str:
    """Write value, interval and unit; the interval's half-width sets the digits (two of it).

    Examples
    --------
    >>> estimate(Estimate(12.345, 11.9, 12.8), "nm"), estimate(Estimate(8.0), "px"), estimate(None)
    ('12.35 (11.90 to 12.80) nm', '8.00 px', '–')
    """
    if value is None or not math.isfinite(value.value):
        return UNKNOWN
    after = f" {unit}" if unit else ""
    low, high = value.low, value.high
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return number(value.value) + after
    if high <= low:
        return f"{number(value.value)} ({number(low)} to {number(high)}){after}"
    decimals = 1 - math.floor(math.log10((high - low) / 2))
    if value.value:
        # A figure that is small beside its interval is still no "0".
        decimals = max(decimals, -math.floor(math.log10(abs(value.value))))
    texts = [_fixed(x, decimals) for x in (value.value, low, high)]
    return f"{texts[0]} ({texts[1]} to {texts[2]}){after}"


def percent(share: float | None) -> str:
    """Write a share as percent.

    Examples
    --------
    >>> percent(0.0512), percent(None)
    ('5.12 %', '–')
    """
    text = number(None if share is None else 100 * share)
    return text if text == UNKNOWN else f"{text} %"


def count(n: int, one: str, many: str = "") -> str:
    """Write a number of things, in groups of three digits.

    Examples
    --------
    >>> count(1, "image"), count(12345, "image"), count(2, "entry", "entries")
    ('1 image', '12,345 images', '2 entries')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _fixed(value: float, decimals: int) -> str:
    return f"{value:.{min(max(decimals, 0), 9)}f}"
