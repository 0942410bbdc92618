"""What the particle table yields to the statistics."""

from typing import cast

import pandas as pd

from nanosieve.core.errors import UsageError
from nanosieve.core.schema import Unit


def diameter_column(particles: pd.DataFrame) -> tuple[str, Unit]:
    """Name of the table's diameter column, and its unit.

    Raises
    ------
    UsageError
        If the table has none, or (a pooled table) one for each unit.

    Examples
    --------
    >>> diameter_column(pd.DataFrame({"diameter_px": [3.0]}))
    ('diameter_px', 'px')
    """
    found = [unit for unit in ("nm", "px") if f"diameter_{unit}" in particles.columns]
    if len(found) != 1:
        raise UsageError(
            "expected a particle table with diameters in one unit, found "
            f"{' and '.join(found) or 'no diameters'}; select the rows and columns of one unit"
        )
    return f"diameter_{found[0]}", cast(Unit, found[0])
