"""Settings that are drawn anew for each structure or image: ranges of numbers, weighted names."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, RootModel, model_serializer, model_validator

from nanosieve.simulation.section import Section

Law = Literal["fixed", "uniform", "log", "normal", "log_normal", "choice"]


class _Range(Section):
    """A law and its numbers; see `Range`."""

    law: Law
    values: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.values or not np.isfinite(self.values).all():
            raise ValueError("a range is made of finite numbers")
        if self.law not in ("fixed", "choice") and len(self.values) != 2:
            raise ValueError(f"a range of the kind {self.law} is made of two numbers")
        if self.law in ("uniform", "log") and self.values[0] > self.values[1]:
            raise ValueError(f"the lower end comes first: {list(self.values)}")
        if self.law == "log" and self.values[0] <= 0:
            raise ValueError(f"a logarithmic range lies above 0: {list(self.values)}")
        if self.law == "normal" and self.values[1] < 0:
            raise ValueError(f"a standard deviation is not negative: {list(self.values)}")
        if self.law == "log_normal" and not (self.values[0] > 0 and self.values[1] >= 1):
            raise ValueError(f"a median lies above 0, a factor is at least 1: {list(self.values)}")
        return self

    @property
    def low(self) -> float:
        """Least value; of a normal law three standard deviations below the mean."""
        if self.law == "normal":
            return self.values[0] - 3 * self.values[1]
        if self.law == "log_normal":
            return self.values[0] / self.values[1] ** 3
        return min(self.values)

    @property
    def high(self) -> float:
        """Greatest value; of a normal law three standard deviations above the mean."""
        if self.law == "normal":
            return self.values[0] + 3 * self.values[1]
        if self.law == "log_normal":
            return self.values[0] * self.values[1] ** 3
        return max(self.values)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw one value."""
        if self.law in ("fixed", "choice"):
            return float(self.values[rng.integers(len(self.values))])
        first, second = self.values
        if self.law == "uniform":
            return float(rng.uniform(first, second))
        if self.law == "log":
            return float(np.exp(rng.uniform(np.log(first), np.log(second))))
        # Cut, so that `low` and `high` are true limits.
        if self.law == "log_normal":
            return float(np.clip(first * second ** rng.normal(), self.low, self.high))
        return float(np.clip(rng.normal(first, second), self.low, self.high))

    @model_serializer
    def _as_written(self) -> float | list[float] | dict[str, list[float]]:
        """As a settings file states it."""
        if self.law == "fixed":
            return self.values[0]
        return list(self.values) if self.law == "uniform" else {self.law: list(self.values)}


def _read(value: Any) -> Any:
    if isinstance(value, _Range):
        return value
    if isinstance(value, bool):
        raise ValueError("expected a number or a range, got true or false")
    if isinstance(value, int | float):
        return {"law": "fixed", "values": (value,)}
    if isinstance(value, list | tuple):
        return {"law": "uniform", "values": value}
    if isinstance(value, dict) and len(value) == 1:
        ((law, values),) = value.items()
        if law in ("uniform", "log", "normal", "log_normal", "choice"):
            return {"law": law, "values": values}
    raise ValueError(
        "expected a number, [low, high], {log = [low, high]}, {normal = [mean, deviation]}, "
        "{log_normal = [median, factor]} or {choice = [...]}"
    )


Range = Annotated[_Range, BeforeValidator(_read)]
"""A number of a settings file that may be drawn.

A number stands for itself; ``[low, high]`` is drawn evenly; ``{log = [low, high]}`` evenly in its
logarithm; ``{normal = [mean, deviation]}`` from a normal law cut at three deviations;
``{log_normal = [median, factor]}`` likewise in the logarithm, the deviation being a factor;
``{choice = [...]}`` from a list.
"""


class Weights(RootModel[dict[str, float]]):
    """Names with weights, of which one is drawn: ``{sphere = 3, rod = 1}``.

    Examples
    --------
    >>> Weights({"sphere": 1, "rod": 0}).draw(np.random.default_rng(0))
    'sphere'
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        weights = list(self.root.values())
        if not weights or min(weights) < 0 or not 0 < sum(weights) < np.inf:
            raise ValueError("weights are finite, not negative, and one of them is positive")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names that can be drawn."""
        return tuple(name for name, weight in self.root.items() if weight > 0)

    def draw(self, rng: np.random.Generator) -> str:
        """Draw one name."""
        names = sorted(self.names)
        weights = np.array([self.root[name] for name in names])
        return names[rng.choice(len(names), p=weights / weights.sum())]


def named(noun: str, known: Iterable[str]) -> AfterValidator:
    """Make a check of the names in `Weights`, which tells all that are unknown.

    Examples
    --------
    >>> named("shape", ["sphere", "rod"]).func(Weights({"rod": 1, "spere": 1}))
    Traceback (most recent call last):
    ValueError: no shape 'spere', did you mean sphere?
    """
    known = tuple(known)

    def hint(name: str) -> str:
        close = get_close_matches(name, known, n=1, cutoff=0.7)
        return f", did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"

    def check(weights: Weights) -> Weights:
        unknown = [name for name in weights.root if name not in known]
        if unknown:
            raise ValueError("; ".join(f"no {noun} {name!r}{hint(name)}" for name in unknown))
        return weights

    return AfterValidator(check)


def as_range(value: Any) -> _Range:
    """Make a range in code, as a settings file would state it.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> drawn = as_range([2, 4])
    >>> drawn.low, drawn.high, 2 <= drawn.draw(np.random.default_rng(0)) <= 4
    (2.0, 4.0, True)
    """
    return _Range.model_validate(_read(value))
