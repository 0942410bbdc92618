"""How well a model did on images that it was not trained on, and on which kinds of them."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Value(BaseModel):
    """A mean with the ends of its interval.

    Parameters
    ----------
    mean
        Over images, or over particles.
    low, high
        95 % interval over groups; ``None`` where there are too few of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _both_ends(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        return self

    def words(self, form: str = ".2f") -> str:
        """As text.

        >>> Value(mean=0.914, low=0.9, high=0.93).words(), Value(mean=-0.01).words("+.1%")
        ('0.91 (0.90 to 0.93)', '-1.0%')
        """
        if self.low is None:
            return f"{self.mean:{form}}"
        return f"{self.mean:{form}} ({self.low:{form}} to {self.high:{form}})"


class Result(BaseModel):
    """Scores of one kind of images, or of one kind of particles.

    Parameters
    ----------
    data
        Which images.
    kind, value
        Which of them: ``material``, ``Pd``; ``all`` and blank for all.
    n, of
        How many ``images`` or ``particles``.
    n_groups
        Groups that they come from: what intervals are over.
    scores
        By the names that ``nanosieve evaluate`` gives them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field(min_length=1, max_length=200)
    kind: str = Field(default="all", min_length=1, max_length=100)
    value: str = Field(default="", max_length=100)
    n: int = Field(ge=1)
    of: str = Field(pattern="^(images|particles)$")
    n_groups: int = Field(ge=1)
    scores: dict[str, Value]
