"""How far a found particle is to be trusted: a probability from a few figures of it.

A logistic model, fitted on particles with a known truth (`nanosieve.models.trust_fit`). Where the
meaning of a figure demands it, more of it never lowers the probability.
"""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

# Figure -> least weight: zero where more of it can only speak for a particle.
EVIDENCE: dict[str, float] = {
    "inside": 0.0,
    "rim": 0.0,
    "core": 0.0,
    "size": -np.inf,
    "roundness": -np.inf,
    "parted": -np.inf,
    "typical": 0.0,
}


class Trust(BaseModel):
    """Probability that a found particle is a true one, outlined at an IoU of at least 0.5.

    Parameters
    ----------
    names
        Figures used, each of `EVIDENCE`; the order of the next five fields.
    means, scales
        Taken off, and divided by.
    low, high
        Figures are brought into this range first: what occurred in the fit.
    weights, intercept
        Of the logistic model.
    n_particles, n_groups
        What it was fitted on.
    hit_share
        Share of these particles that are true.
    calibration_error
        Mean distance between probability and share of true particles, over bins of equal count,
        each particle judged by a fit without its group; ``None`` where there is one group only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    names: tuple[str, ...] = Field(min_length=1)
    means: tuple[float, ...]
    scales: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    n_particles: int = Field(ge=1)
    n_groups: int = Field(ge=1)
    hit_share: float = Field(gt=0, lt=1)
    calibration_error: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fields = (self.means, self.scales, self.low, self.high, self.weights)
        if {len(values) for values in fields} != {len(self.names)}:
            raise ValueError("names, means, scales, ranges and weights do not pair")
        if not set(self.names) <= set(EVIDENCE) or len(set(self.names)) != len(self.names):
            raise ValueError(f"figures are of {', '.join(EVIDENCE)}, each once")
        if min(self.scales) <= 0:
            raise ValueError("scales are positive")
        return self

    def certainty(self, evidence: np.ndarray) -> np.ndarray:
        """Probability of each particle.

        Parameters
        ----------
        evidence
            ``(n, k)`` figures in the order of `EVIDENCE`.

        Returns
        -------
        numpy.ndarray
            ``(n,)`` float64 in [0, 1]; NaN where a figure that is used is NaN.
        """
        columns = [list(EVIDENCE).index(name) for name in self.names]
        given = np.clip(np.asarray(evidence, float)[:, columns], self.low, self.high)
        deviations = (given - np.array(self.means)) / np.array(self.scales)
        odds = deviations @ np.array(self.weights) + self.intercept
        return np.exp(-np.logaddexp(0, -odds))
