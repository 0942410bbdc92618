"""What keeping isolated particles only does to the size distribution."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nanosieve.measurement.distribution import Distribution, describe, ks_distance
from nanosieve.measurement.tables import diameter_column


@dataclass(frozen=True)
class Isolation:
    """Distributions of all, isolated and rejected particles, and how they differ.

    Parameters
    ----------
    every, isolated, rejected
        The three distributions.
    reasons
        Number of particles with each flag that rejects; a particle may have several.
    shift_of_mean
        Mean of the isolated minus mean of all, in the unit of the table.
    ks
        Kolmogorov-Smirnov distance of isolated and rejected diameters.
    """

    every: Distribution
    isolated: Distribution
    rejected: Distribution
    reasons: Mapping[str, int]
    shift_of_mean: float
    ks: float


def compare_isolated(
    particles: pd.DataFrame, groups: np.ndarray | None = None, *, seed: int = 0
) -> Isolation:
    """Show the selection bias of keeping isolated particles (Groom et al. 2018).

    Large particles touch their neighbours and the border more often than small ones, so that
    isolated ones under-represent them.

    Parameters
    ----------
    particles
        Table of `nanosieve.measurement.particles.measure`, of one or more images.
    groups
        ``(n,)`` image of each particle, for the intervals.

    Examples
    --------
    >>> table = pd.DataFrame({"diameter_nm": [4.0, 6.0, 11.0], "isolated": [True, True, False],
    ...                       "flags": ["", "", "border;overlap"]})
    >>> found = compare_isolated(table)
    >>> found.shift_of_mean, found.ks, dict(found.reasons)
    (-2.0, 1.0, {'border': 1, 'overlap': 1})
    """
    diameters = particles[diameter_column(particles)[0]].to_numpy(np.float64)
    isolated = particles["isolated"].to_numpy(bool)

    def part(chosen: np.ndarray) -> Distribution:
        return describe(
            diameters[chosen], None if groups is None else np.asarray(groups)[chosen], seed=seed
        )

    every, kept = part(np.ones_like(isolated)), part(isolated)
    cells = particles["flags"][~isolated]
    reasons = Counter(code for cell in cells for code in cell.split(";") if code)
    return Isolation(
        every=every,
        isolated=kept,
        rejected=part(~isolated),
        reasons=dict(sorted(reasons.items())),
        shift_of_mean=kept.mean - every.mean,
        ks=ks_distance(diameters[isolated], diameters[~isolated]),
    )
