"""Uncertainty of the mean size: sampling, pixel size and edge position in one budget."""

from dataclasses import dataclass

import numpy as np

from nanosieve.core.errors import UsageError
from nanosieve.measurement.distribution import Distribution

COVERAGE_FACTOR = 2


@dataclass(frozen=True)
class Component:
    """One row of the budget; ``standard`` is NaN where nothing is known of it."""

    name: str
    evaluated_from: str
    standard: float


@dataclass(frozen=True)
class SizeUncertainty:
    """Budget of the mean diameter, in the unit of the distribution.

    Parameters
    ----------
    mean
        The mean diameter.
    components
        Standard uncertainties that join.
    combined
        Root of the sum of squares of the known ones.
    missing
        Names of the components of which nothing is known: the uncertainty is then a lower bound.
    """

    mean: float
    components: tuple[Component, ...]
    combined: float
    missing: tuple[str, ...]

    @property
    def expanded(self) -> float:
        """Twice the combined standard uncertainty: about 95 % coverage."""
        return COVERAGE_FACTOR * self.combined


def budget(
    distribution: Distribution,
    pixel_size_percent: float | None,
    edge_shift: float | None,
) -> SizeUncertainty:
    """Join the uncertainties of the mean diameter (GUM, JCGM 100:2008, sections 4 and 5).

    Parameters
    ----------
    distribution
        Its mean and the standard error of the mean by resampling (type A).
    pixel_size_percent
        Standard uncertainty of the pixel size in percent; ``None`` if not stated. It scales every
        diameter alike (type B).
    edge_shift
        Half the change of a diameter, in the unit of the distribution, between the edge rules or
        levels that can be defended; ``None`` if not measured. Taken as the half-width of a
        rectangular distribution, hence divided by sqrt 3 (type B, GUM 4.3.7). It shifts every
        diameter alike: more particles do not make it smaller.

    Raises
    ------
    UsageError
        If the percentage or the shift is negative or not finite.

    Examples
    --------
    >>> from nanosieve.measurement.distribution import describe
    >>> found = budget(describe(np.full(50, 10.0)), 3.0, 0.4 * 3**0.5)
    >>> round(found.combined, 3), round(found.expanded, 3), found.missing
    (0.5, 1.0, ())
    >>> budget(describe(np.full(50, 10.0)), None, 0.0).missing
    ('pixel size',)
    """
    for name, number in (("pixel_size_percent", pixel_size_percent), ("edge_shift", edge_shift)):
        if number is not None and not (np.isfinite(number) and number >= 0):
            raise UsageError(f"{name} must be a number of at least 0, got {number}")
    scale = np.nan if pixel_size_percent is None else pixel_size_percent / 100
    components = (
        Component("sampling", distribution.interval_basis, distribution.mean_se),
        Component("pixel size", "--pixel-size-uncertainty", distribution.mean * scale),
        Component(
            "edge position",
            "change of the diameter between defensible outlines, divided by the square root of 3",
            np.nan if edge_shift is None else edge_shift / np.sqrt(3),
        ),
    )
    known = np.array([part.standard for part in components])
    missing = tuple(part.name for part in components if np.isnan(part.standard))
    combined = np.nan if np.isnan(known).all() else float(np.sqrt(np.nansum(known**2)))
    return SizeUncertainty(distribution.mean, components, combined, missing)
