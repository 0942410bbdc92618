"""Everything that a training run is told, in one file that people write: ``CONFIG.toml``.

Six lines will do; all else has a default::

    [data]
    path = "my-particles"

    [network]
    name = "nanosieve"
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.core.settings_file import changed, faults, read_toml, without_none
from nanosieve.core.toml_text import toml_text
from nanosieve.training.augment_config import AugmentConfig
from nanosieve.training.config_sections import (
    DataConfig,
    InputConfig,
    LossConfig,
    NetworkConfig,
    OptimiserConfig,
    Section,
    StartConfig,
    StopConfig,
    ThresholdConfig,
    TilesConfig,
    ValidationConfig,
)
from nanosieve.training.start import from_model


class TrainConfig(Section):
    """All settings of a run; each section is described by its own class.

    Parameters
    ----------
    name
        Of the model, in its card.
    licence
        Of the model, in its card.
    seeds
        One training each; a difference smaller than their spread is no result.
    batch
        Tiles a step.
    clip
        Largest norm of the gradient; ``false``: none.
    mixed_precision
        bfloat16 where the device has it.
    workers
        Processes that make tiles beside the one that trains; results do not depend on it.
    tensorboard
        Also write the history as TensorBoard reads it.
    search
        Settings to vary, for ``nanosieve search``: ``"optimiser.lr" = [1e-4, 1e-3]``.

    Examples
    --------
    >>> config = TrainConfig.from_dict({"data": {"path": "set"}, "batch": 4})
    >>> config.batch, config.optimiser.lr, config.data.path
    (4, 0.0001, ('set',))
    >>> TrainConfig.from_dict({"data": {"path": "set"}, "tiles": {"sise": 9}, "batch": 0})
    Traceback (most recent call last):
    nanosieve.core.errors.UsageError: settings: batch: must be at least 1, got 0; \
tiles.sise: no such setting, did you mean size?
    """

    name: str = Field(default="model", min_length=1, max_length=100)
    licence: str = Field(default="not stated", min_length=1)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    batch: int = Field(default=8, ge=1)
    clip: Annotated[float, Field(gt=0)] | Literal[False] = 1.0
    mixed_precision: bool = False
    workers: int = Field(default=0, ge=0)
    tensorboard: bool = False
    data: DataConfig
    network: NetworkConfig = NetworkConfig()
    input: InputConfig = InputConfig()
    tiles: TilesConfig = TilesConfig()
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    stop: StopConfig = StopConfig()
    validation: ValidationConfig = ValidationConfig()
    threshold: ThresholdConfig = ThresholdConfig()
    start: StartConfig = StartConfig()
    search: dict[str, list[Any]] = Field(default_factory=dict)

    @field_validator("search", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        """``optimiser.lr = [...]`` without quotes is a table in a table to TOML."""
        return dict(_flat(value)) if isinstance(value, Mapping) else value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError("seeds are distinct whole numbers from 0")
        return seeds

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.tiles.resize == "resize" and self.input.pixel_size_nm is not None:
            raise ValueError(
                "tiles.resize = 'resize' and input.pixel_size_nm both set the scale of the images; "
                "give one"
            )
        return self

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read ``CONFIG.toml``; paths in it are relative to its folder.

        Raises
        ------
        UsageError
            If it cannot be read or is no TOML; or for all faults in it at once.
        """
        path = Path(path)
        return cls.from_dict(read_toml(path), source=str(path), folder=path.resolve().parent)

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], *, source: str = "settings", folder: Path | None = None
    ) -> Self:
        """Check settings that are already Python objects.

        Parameters
        ----------
        values
            As `tomllib` gives them.
        source
            Named in errors.
        folder
            What relative paths start from.

        Raises
        ------
        UsageError
            For all faults at once.
        """
        try:
            values = from_model(values, folder)
        except NanosieveError as error:
            raise UsageError(f"{source}: start.model: {error}") from error
        try:
            return cls.model_validate(values, context={"folder": folder})
        except ValidationError as error:
            raise UsageError(f"{source}: {'; '.join(faults(error, cls))}") from error

    def varied(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some settings changed, by their dotted names.

        Raises
        ------
        UsageError
            If a name or value is not valid.

        Examples
        --------
        >>> config = TrainConfig.from_dict({"data": {"path": "set"}})
        >>> config.varied({"network.settings.width": 8, "batch": 2}).network.settings
        {'width': 8}
        """
        return self.from_dict(changed(self.to_dict(), changes, source="settings"))

    def to_dict(self) -> dict[str, Any]:
        """Give all settings, defaults included, as plain values; what is ``None`` is left out."""
        return without_none(self.model_dump(mode="json"))

    def dump(self) -> str:
        """Give all settings as the text of a TOML file; reading it gives an equal object."""
        return toml_text(self.to_dict())


def _flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value
