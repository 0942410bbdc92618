"""Fit the probability that a found particle is true, on particles whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from nanosieve.core.errors import UsageError
from nanosieve.measurement.agreement.instances import overlaps
from nanosieve.measurement.agreement.reliability import reliability
from nanosieve.models.trust import EVIDENCE, Trust

# Fewer tell nothing: ten of either kind leave the share of hits open by a third.
_LEAST_PARTICLES, _LEAST_OF_EITHER = 50, 10
_LEAST_SPREAD = 1e-3
_PENALTY = 1.0
_FOLDS = 5
# Beyond what occurred a straight line means nothing.
_ENDS = (0.5, 99.5)


@dataclass(frozen=True)
class Case:
    """The particles found in one image whose truth is known.

    Parameters
    ----------
    evidence
        ``(n, k)`` figures, in the order of `EVIDENCE`; NaN where a model does not give one.
    hits
        ``(n,)`` bool: it is a true particle, outlined at an IoU of at least 0.5.
    group
        Images of one group resemble each other: they are never on both sides of a fit.
    """

    evidence: np.ndarray
    hits: np.ndarray
    group: str


def case_of(
    labels: np.ndarray,
    evidence: np.ndarray,
    truth: np.ndarray,
    *,
    valid: np.ndarray | None = None,
    group: str = "",
) -> Case:
    """Compare the particles found in an image with the true ones.

    Parameters
    ----------
    labels
        ``(y, x)`` integers 1..n, 0 background.
    evidence
        ``(n, k)`` figures of each label.
    truth
        ``(y, x)`` integers, 0 background, else the particle.
    valid
        ``(y, x)`` bool; a particle with more than half of its pixels where it is false is left out.
    group
        Of the image.

    Raises
    ------
    UsageError
        If the shapes differ.

    Examples
    --------
    >>> labels = np.array([[1, 1, 0, 2]])
    >>> case_of(labels, np.zeros((2, 7)), np.array([[5, 5, 0, 0]])).hits
    array([ True, False])
    """
    found = overlaps(truth, labels, valid=valid)
    return Case(evidence[found.predicted_labels - 1], found.hits(), group)


def fit_trust(cases: Sequence[Case]) -> Trust | None:
    """Learn from particles whose truth is known how far particles are to be trusted.

    Parameters
    ----------
    cases
        One an image, on which the weights of the network were not trained.

    Returns
    -------
    Trust or None
        ``None`` with fewer than 50 particles, or fewer than ten that are true or ten that are not:
        nothing can be stated.

    Raises
    ------
    UsageError
        If figures and hits of a case do not pair.

    Notes
    -----
    Least penalised surprise, the squares of the weights of standardised figures counting one half.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> evidence = np.full((4000, len(EVIDENCE)), np.nan)
    >>> evidence[:, 0] = rng.normal(0, 1, 4000)
    >>> hits = rng.random(4000) < special.expit(1 + 2 * evidence[:, 0])
    >>> trust = fit_trust([Case(part, hit, str(group)) for group, (part, hit) in enumerate(
    ...     zip(np.split(evidence, 20), np.split(hits, 20), strict=True))])
    >>> trust.names, round(trust.intercept, 1), round(trust.weights[0] / trust.scales[0], 1)
    (('inside',), 1.0, 2.0)
    """
    for case in cases:
        if np.shape(case.evidence) != (len(case.hits), len(EVIDENCE)):
            raise UsageError(
                f"evidence of {len(case.hits)} particles is ({len(case.hits)}, {len(EVIDENCE)}), "
                f"got {np.shape(case.evidence)}"
            )
    if not cases:
        return None
    evidence = np.concatenate([case.evidence for case in cases]).astype(float)
    hits = np.concatenate([case.hits for case in cases]).astype(bool)
    groups = np.repeat([case.group for case in cases], [len(case.hits) for case in cases])
    n_hits = int(hits.sum())
    if len(hits) < _LEAST_PARTICLES or min(n_hits, len(hits) - n_hits) < _LEAST_OF_EITHER:
        return None
    fitted = _fit(evidence, hits)
    return fitted.model_copy(
        update={
            "n_groups": len(set(groups)),
            "calibration_error": _error_out_of_fold(evidence, hits, groups),
        }
    )


def _fit(evidence: np.ndarray, hits: np.ndarray) -> Trust:
    known = np.isfinite(evidence).all(axis=0)
    low, high = (np.where(known, np.percentile(evidence, end, axis=0), 0.0) for end in _ENDS)
    given = np.clip(np.where(known, evidence, 0.0), low, high)
    used = known & (given.std(axis=0) > _LEAST_SPREAD)
    if not used.any():
        # Particles that do not differ: the share alone, on a figure that weighs nothing.
        used = known & (np.arange(len(known)) == np.flatnonzero(known)[0])
    names = [name for name, use in zip(EVIDENCE, used, strict=True) if use]
    mean = given[:, used].mean(axis=0)
    scale = np.maximum(given[:, used].std(axis=0), _LEAST_SPREAD)
    weights = _weights((given[:, used] - mean) / scale, hits, [EVIDENCE[name] for name in names])
    return Trust(
        names=tuple(names),
        means=tuple(mean.tolist()),
        scales=tuple(scale.tolist()),
        low=tuple(low[used].tolist()),
        high=tuple(high[used].tolist()),
        weights=tuple(weights[:-1].tolist()),
        intercept=float(weights[-1]),
        n_particles=len(hits),
        n_groups=1,
        hit_share=float(hits.mean()),
    )


def _weights(deviations: np.ndarray, hits: np.ndarray, least: Sequence[float]) -> np.ndarray:
    """Weights, and the intercept after them; only the weights are penalised."""
    table = np.column_stack([deviations, np.ones(len(hits))])
    signs = np.where(hits, 1.0, -1.0)
    penalised = np.append(np.ones(deviations.shape[1]), 0.0)

    def surprise(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (table @ weights)
        value = np.logaddexp(0, -margins).sum() + _PENALTY / 2 * penalised @ weights**2
        slope = -(signs * special.expit(-margins)) @ table + _PENALTY * penalised * weights
        return float(value), slope

    start = np.append(np.zeros(deviations.shape[1]), special.logit(hits.mean()))
    bounds = [*((low, np.inf) for low in least), (-np.inf, np.inf)]
    found = optimize.minimize(surprise, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x


def _error_out_of_fold(evidence: np.ndarray, hits: np.ndarray, groups: np.ndarray) -> float | None:
    """Calibration error of particles that the fit has not seen, nor any of their group."""
    names, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        return None
    # The largest groups first, each to the fold that has least.
    fold_of, sizes = np.zeros(len(names), int), np.zeros(min(_FOLDS, len(names)))
    for group in np.argsort(-counts, kind="stable"):
        fold_of[group] = np.argmin(sizes)
        sizes[fold_of[group]] += counts[group]
    certainty = np.empty(len(hits))
    for fold in range(len(sizes)):
        out = fold_of[index] == fold
        learned = hits[~out]
        if learned.all() or not learned.any():
            certainty[out] = learned.mean()
        else:
            certainty[out] = _fit(evidence[~out], learned).certainty(evidence[out])
    return reliability(certainty, hits).error
