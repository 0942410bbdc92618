"""What numbers of a settings table can be."""

from nanosieve.simulation.section import Section

SHARES = ("stopped", "of_gold", "veil", "crowding", "rim_limit")


def check_numbers(section: Section) -> None:
    """Check that no number of a table is negative, and that shares are at most 1.

    Shares are what is called ``..._share``, and `SHARES`.

    Raises
    ------
    ValueError
        For the first that is not so.
    """
    for name in type(section).model_fields:
        value = getattr(section, name)
        low, high = (
            (value, value)
            if isinstance(value, float | int)
            else (getattr(value, "low", 0.0), getattr(value, "high", 0.0))
        )
        if low < 0:
            raise ValueError(f"{name} is not negative: {low:g}")
        if high > 1 and (name.endswith("_share") or name in SHARES):
            raise ValueError(f"{name} is at most 1: {high:g}")
