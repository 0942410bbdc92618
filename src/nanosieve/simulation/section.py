"""What all settings of the simulation have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of a settings file: unknown keys are refused, values do not change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")
