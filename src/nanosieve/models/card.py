"""The model card: what a model is, what it wants, and how well it did; part of its file.

It is stored as JSON under ``nanosieve_card`` in the properties of the ONNX file.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from nanosieve.core.errors import UsageError
from nanosieve.models.domain import Domain
from nanosieve.models.results import Result
from nanosieve.models.trust import Trust
from nanosieve.prepare.network_input import InputSpec

CARD_KEY = "nanosieve_card"
CARD_VERSION = 1
# Below three pixels of an image nothing has a shape.
LEAST_DIAMETER = 3.0

_Range = tuple[float, float]
_LEAST_SCALE, _LARGEST_SCALE = 1 / 64, 2
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _with_one(scales: tuple[float, ...]) -> tuple[float, ...]:
    fits = 1 in scales and len(set(scales)) == len(scales) and sum(one > 1 for one in scales) < 2
    if not fits or not all(_LEAST_SCALE <= scale <= _LARGEST_SCALE for scale in scales):
        raise ValueError(
            f"scales are 1, smaller ones down to {_LEAST_SCALE:g} and one up to {_LARGEST_SCALE}, "
            "each once"
        )
    return scales


# Magnifications at which a network is run.
Scales = Annotated[tuple[float, ...], AfterValidator(_with_one)]


class TrainingData(BaseModel):
    """What a model was trained on.

    Parameters
    ----------
    description
        In words.
    groups
        Names of the groups (micrographs, movies, sessions) it has seen.
    n_images
        Number of images.
    """

    model_config = _STRICT

    description: str = ""
    groups: tuple[str, ...] = ()
    n_images: int | None = Field(default=None, ge=0)


class ModelCard(BaseModel):
    """What a model is and wants.

    Parameters
    ----------
    card_version
        Form of the card.
    name
        Name of the model.
    version
        Version of nanosieve that wrote it.
    network, settings
        `nanosieve.networks.build` makes the untrained network from these.
    classes
        Names of the classes in the order of the network's outputs.
    activation
        ``softmax``: the classes exclude each other; with two of them the file gives one channel,
        the second class. ``sigmoid``: each stands for itself.
    foreground
        Classes that count as particle.
    core
        The class that marks the inside of each particle, from which touching ones are split.
    pixel_size_nm
        Pixel size to which images are resampled; ``None`` where it takes any.
    lattice_nm
        Spacing of the first-order Bragg peaks of the one hexagonal lattice that it is for: where it
        is seen in an image without pixel size, it sets the scale.
    pixel_size_range_nm, diameter_range_px
        What occurred in training; diameters in pixels as the network saw them.
    polarity
        What particles look like to the network; as ``input.polarity``.
    input
        How images are brought to it.
    scales
        Magnifications at which it may be run: 1, smaller ones, of which the two smallest only tell
        about wide particles, and a larger one for narrow particles.
    receptive_field_px, effective_field_px
        Width of what an output pixel can depend on, and of what it does depend on.
    reach_px
        Furthest row or column that any output pixel depends on: the least exact halo.
    stride
        Sides of its input must be multiples of it.
    tile_exact
        Whether tiles with halos give what the whole image gives.
    threshold
        Probability from which a pixel is particle.
    least_diameter_px
        What is smaller in its input is left out: on a lattice, what cannot be a crystal. Less than
        three pixels of the image never counts.
    least_mean
        Particles whose mean probability is smaller are left out; somewhat less is enough in faint
        frames (`nanosieve.segmentation.network_labels.least_of`).
    temperature
        By which the logits were divided in the file, for calibrated probabilities.
    n_parameters
        Number of trained weights.
    domain
        What its training images looked like, for the out-of-domain score.
    trust
        How far its particles are to be trusted; ``None`` where too few were at hand to tell.
    data, scores, licence, notes
        For the reader. Scores are by name, of validation images unless the name says otherwise.
    results
        Of images that it was not trained on, by kind of image and of particle.
    fails
        Where it is known to fail, in sentences.
    """

    model_config = _STRICT

    card_version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=200)
    version: str
    network: str
    settings: dict[str, Any]
    classes: tuple[str, ...] = Field(min_length=1, max_length=100)
    activation: Literal["softmax", "sigmoid"]
    foreground: tuple[str, ...] = Field(min_length=1)
    core: str | None = None
    pixel_size_nm: float | None = Field(default=None, gt=0)
    lattice_nm: float | None = Field(default=None, gt=0)
    pixel_size_range_nm: _Range | None = None
    diameter_range_px: _Range | None = None
    polarity: Literal["dark", "bright", "any"] = "any"
    input: InputSpec
    scales: Scales = (1.0,)
    receptive_field_px: int = Field(ge=1, le=8192)
    effective_field_px: float | None = Field(default=None, gt=0)
    reach_px: int | None = Field(default=None, ge=0, le=8192)
    stride: int = Field(ge=1, le=256)
    tile_exact: bool
    threshold: float = Field(gt=0, lt=1)
    least_diameter_px: float = Field(default=0.0, ge=0)
    least_mean: float = Field(default=0.0, ge=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    n_parameters: int | None = Field(default=None, ge=0)
    domain: Domain | None = None
    trust: Trust | None = None
    data: TrainingData = TrainingData()
    scores: dict[str, float] = {}
    licence: str
    notes: str = ""
    results: tuple[Result, ...] = ()
    fails: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        named = {*self.foreground, *([] if self.core is None else [self.core])}
        strange = sorted(named - set(self.classes))
        if strange or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"foreground and core must be classes, each once, got {strange}")
        if self.core in self.foreground:
            raise ValueError("core cannot be foreground too")
        if self.foreground != self.classes[1:] and self.channels == self.classes[1:]:
            raise ValueError("of two classes that exclude each other the second is the foreground")
        if set(self.foreground) == set(self.classes) and self.activation == "softmax":
            raise ValueError("of classes that exclude each other one must be background")
        if self.polarity != self.input.polarity:
            raise ValueError("polarity must be that of input")
        for ends in (self.pixel_size_range_nm, self.diameter_range_px):
            if ends is not None and not 0 < ends[0] <= ends[1]:
                raise ValueError("a range goes from a positive number to one no smaller")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """Classes of the channels that the file gives."""
        one = self.activation == "softmax" and len(self.classes) == 2
        return self.classes[1:] if one else self.classes

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the values of a class image, from 0: background first where it has no class."""
        shown = tuple(name for name in self.classes if name != self.core)
        return shown if self.activation == "softmax" else ("background", *shown)

    @property
    def field_px(self) -> float:
        """Width that a particle may have: the effective receptive field, else the theoretical."""
        return self.effective_field_px or float(self.receptive_field_px)

    def to_json(self) -> str:
        """The card as it stands in the file."""
        return self.model_dump_json()


def parse_card(text: str | None, where: str) -> ModelCard:
    """Read a card.

    Parameters
    ----------
    text
        JSON, or ``None`` where the file has none.
    where
        Name of the file, for errors.

    Raises
    ------
    UsageError
        If there is none, its version is not known, or anything in it is not as it must be.
    """
    if text is None:
        raise UsageError(
            f"{where}: has no model card; nanosieve runs the model.onnx that nanosieve train writes"
        )
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: its model card is no JSON; export the model again") from error
    version = values.get("card_version") if isinstance(values, dict) else None
    if version != CARD_VERSION:
        raise UsageError(
            f"{where}: its model card is of version {repr(version)[:40]}, this nanosieve knows "
            f"version {CARD_VERSION}; install the nanosieve that wrote it or a newer one"
        )
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'card'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        )
        raise UsageError(f"{where}: its model card is not valid: {faults[:500]}") from error
