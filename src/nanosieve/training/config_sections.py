"""The sections of ``CONFIG.toml``, one class each, with what every key means."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from nanosieve.models.card import Scales
from nanosieve.prepare.network_input import InputSpec


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _absolute(value: Any, info: ValidationInfo) -> Any:
    """Paths in a file are relative to the folder that it lies in."""
    folder = (info.context or {}).get("folder")
    return str(Path(folder, value)) if folder is not None and isinstance(value, str) else value


def _absolute_all(value: Any, info: ValidationInfo) -> Any:
    many = [value] if isinstance(value, str) else value
    return [_absolute(one, info) for one in many] if isinstance(many, (list, tuple)) else many


def _group_table(value: Any, info: ValidationInfo) -> Any:
    return value if value in ("dataset", "image") else _absolute(value, info)


FilePath = Annotated[str, BeforeValidator(_absolute)]
Groups = Annotated[str, BeforeValidator(_group_table)]


class StackConfig(Section):
    """``[[data.stacks]]``: a stack whose labels are in a file of their own, or have more to tell.

    Parameters
    ----------
    images
        ``.npy`` of ``(n, y, x)`` or ``(n, y, x, 1)``; or ``.npz``, ``.h5`` or ``.hdf5`` that holds
        ``images``.
    labels
        ``.npy`` of the same shape, or ``(n, y, x, k)`` with one channel a class. Not given where
        the file of the images holds them, as ``maps``, ``labels`` or ``masks``.
    groups
        ``dataset``: the stack is one group. ``image``: each image is one. Else a CSV file with
        columns ``name, group``; names are those of the file and a number, ``maps_0007``.
    pixel_size_nm
        Of all its images.
    """

    images: FilePath
    labels: FilePath | None = None
    groups: Groups = "dataset"
    pixel_size_nm: float | None = Field(default=None, gt=0)


class DataConfig(Section):
    """``[data]``: what is learned from.

    Parameters
    ----------
    path
        Data-set folders and stacks (``.h5``, ``.hdf5``, ``.npz``), one or a list; relative to the
        folder of the settings file.
    stacks
        Stacks of which more must be said: see `StackConfig`.
    groups
        ``dataset``: the column ``group`` of ``dataset.csv``. ``image``: each image is a group.
        Else a CSV file with columns ``name, group``. For folders and stacks of ``path``.
    ungrouped
        Divide groups between training and validation. Scores may then leak, and the report says so.
    classes
        Names of the values of the masks, from 0.
    foreground
        Classes that count as particle; by default all but the first.
    polarity
        What particles look like: ``dark``, ``bright``, or ``auto``: told from the truth of each
        image.
    annotations
        Find scale bars and captions; they count neither for nor against, as when a network is run.
    core_depth
        The core of a particle, from which touching ones are told apart, is what lies deeper than
        this share of its own inradius.
    frame_interval_s
        Time between frames, where ``dataset.csv`` or the names give frame numbers, not times.
    """

    path: Annotated[tuple[str, ...], BeforeValidator(_absolute_all)] = ()
    stacks: tuple[StackConfig, ...] = ()
    groups: Groups = "dataset"
    ungrouped: bool = False
    classes: tuple[str, ...] = Field(default=("support", "particle"), min_length=2, max_length=64)
    foreground: tuple[str, ...] = ()
    polarity: Literal["auto", "dark", "bright"] = "auto"
    annotations: bool = True
    core_depth: float = Field(default=0.5, gt=0, lt=1)
    frame_interval_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.path and not self.stacks:
            raise ValueError("give path, a data-set folder or a stack, to learn from")
        return self


class NetworkConfig(Section):
    """``[network]``: which one, built by `nanosieve.networks.build`.

    Parameters
    ----------
    name
        One of `nanosieve.networks.NAMES`.
    settings
        ``[network.settings]``, what the network of that name takes.
    """

    name: str = "nanosieve"
    settings: dict[str, Any] = Field(default_factory=dict)


class InputConfig(InputSpec):
    """``[input]``: `nanosieve.prepare.network_input.InputSpec`, and the pixel size trained at.

    Parameters
    ----------
    normalisation, maximum, flat_field, polarity
        See `InputSpec`.
    pixel_size_nm
        Images are resampled to it; their own must be known. By default all keep their pixels.
    lattice_nm
        Spacing of the first-order Bragg peaks of the one hexagonal lattice that all images show,
        0.2131 for graphene: it goes into the card, and sets the scale of images without pixel size.
    scales
        Magnifications at which the trained model may be run, ``[1, 0.5, 0.25]``: smaller ones tell
        about particles wider than the network sees. All but the two smallest may be the base,
        where it is surest: ``[2, 1, 0.5, 0.25, 0.125]``. They go into the card; training, and
        the scores of its report, are at 1.
    """

    pixel_size_nm: float | None = Field(default=None, gt=0)
    lattice_nm: float | None = Field(default=None, gt=0)
    scales: Scales = (1.0,)

    @property
    def spec(self) -> InputSpec:
        """What the network is shown, whatever the grid."""
        return InputSpec(**self.model_dump(exclude={"pixel_size_nm", "lattice_nm", "scales"}))


class TilesConfig(Section):
    """``[tiles]``: the pieces that images are cut into.

    Parameters
    ----------
    size
        Side in px; a multiple of the network's stride.
    resize
        ``crop``: tiles are cut from the image as it is. ``resize``: the shorter side of the image
        is first brought to ``size``; the network then fits only images brought to that size.
    drop_empty
        Leave out tiles with fewer than ``empty_px`` pixels of particle, in training only: what is
        found on bare support must count in every score.
    empty_px
        See ``drop_empty``.
    balance
        ``groups``: each group is drawn equally often. ``classes``: tiles with and without
        particles are. ``none``: each tile equally often.
    per_epoch
        Tiles in an epoch; by default as many as there are, but at least 200: from a few images an
        epoch would otherwise be a step or two, and the training over before it has learned.
    """

    size: int = Field(default=512, ge=8, le=8192)
    resize: Literal["crop", "resize"] = "crop"
    drop_empty: bool = False
    empty_px: int = Field(default=1, ge=1)
    balance: Literal["none", "groups", "classes"] = "none"
    per_epoch: int | None = Field(default=None, ge=1)


class LossConfig(Section):
    """``[loss]``: a sum of losses, each with its weight.

    Parameters
    ----------
    cross_entropy, dice, focal, boundary
        Weights; 0 leaves a loss out. They are described in `nanosieve.training.losses`.
    class_weights
        ``none``, ``balanced`` (each class has the same share), or one number a class; for
        ``cross_entropy`` and ``focal``.
    focal_gamma
        Exponent of ``focal``.
    boundary_sigma_px, boundary_amount
        Reach and height of the weight near borders.
    """

    cross_entropy: float = Field(default=1.0, ge=0)
    dice: float = Field(default=1.0, ge=0)
    focal: float = Field(default=0.0, ge=0)
    boundary: float = Field(default=0.0, ge=0)
    class_weights: Literal["none", "balanced"] | tuple[float, ...] = "none"
    focal_gamma: float = Field(default=2.0, ge=0)
    boundary_sigma_px: float = Field(default=3.0, gt=0)
    boundary_amount: float = Field(default=5.0, ge=0)

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if not (self.cross_entropy or self.dice or self.focal or self.boundary):
            raise ValueError("every loss has weight 0; give one a weight")
        return self


class OptimiserConfig(Section):
    """``[optimiser]``: how weights are changed.

    Parameters
    ----------
    name
        ``adam`` or ``adamw``.
    lr
        Learning rate.
    weight_decay
        As the optimiser of that name takes it.
    schedule
        ``constant``; ``step``: times ``factor`` every ``step_epochs``; ``exponential``: times
        ``factor`` every epoch; ``cosine``: to zero at the last epoch; ``plateau``: times ``factor``
        after ``step_epochs`` without improvement.
    step_epochs, factor
        See ``schedule``.
    warmup_epochs
        Epochs over which the rate rises from zero.
    """

    name: Literal["adam", "adamw"] = "adam"
    lr: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "step", "exponential", "cosine", "plateau"] = "constant"
    step_epochs: int = Field(default=10, ge=1)
    factor: float = Field(default=0.5, gt=0, le=1)
    warmup_epochs: int = Field(default=0, ge=0)


class StopConfig(Section):
    """``[stop]``: when it ends.

    Parameters
    ----------
    epochs
        At the latest.
    patience
        Epochs without improvement of the validation loss after which it stops; ``false``: never.
    min_delta
        Less is no improvement.
    """

    epochs: int = Field(default=100, ge=1)
    patience: Annotated[int, Field(ge=1)] | Literal[False] = 20
    min_delta: float = Field(default=1e-3, ge=0)


class ValidationConfig(Section):
    """``[validation]``: which groups are kept from training.

    Parameters
    ----------
    share
        Share of the groups that the epoch, the threshold and the temperature are chosen on; of
        those outside the test fold where there are folds.
    test_share
        Share of the groups kept for a test, where there are no folds.
    folds, repeats
        Each fold of the groups is the test once; again with other folds ``repeats`` times.
    leave_one_group_out
        Each group is the test once.
    from_dataset
        As the column ``split`` of ``dataset.csv`` says: train, validation, test.
    time_gap_s
        Frames of one movie are left out of training where they are closer than this to one of
        validation or test.
    seed
        Of the division.
    """

    share: float = Field(default=0.2, gt=0, lt=1)
    test_share: float = Field(default=0.0, ge=0, lt=1)
    folds: Literal[0] | Annotated[int, Field(ge=2)] = 0
    repeats: int = Field(default=1, ge=1)
    leave_one_group_out: bool = False
    from_dataset: bool = False
    time_gap_s: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {
            "folds": bool(self.folds),
            "leave_one_group_out": self.leave_one_group_out,
            "from_dataset": self.from_dataset,
            "test_share": self.test_share > 0,
        }
        chosen = [name for name, given in ways.items() if given]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} exclude each other; give one")
        if self.repeats > 1 and not self.folds:
            raise ValueError("repeats goes with folds")
        if self.share + self.test_share >= 1:
            raise ValueError("share and test_share leave nothing to train on")
        return self


class ThresholdConfig(Section):
    """``[threshold]``: where a probability becomes a particle; chosen on validation groups only.

    Parameters
    ----------
    rule
        ``dice`` or ``accuracy``: the largest. ``otsu``: of the probabilities. ``fixed``: ``value``.
    value
        For ``fixed``.
    least_diameter_px
        What is smaller, in pixels of the network's input, is left out when the model is run.
    least_mean
        Particles whose mean probability is smaller are left out when the model is run; somewhat
        less is enough in faint frames: `nanosieve.segmentation.network_labels.least_of`.
    """

    rule: Literal["dice", "accuracy", "otsu", "fixed"] = "dice"
    value: float = Field(default=0.5, gt=0, lt=1)
    least_diameter_px: float = Field(default=0.0, ge=0)
    least_mean: float = Field(default=0.0, ge=0, lt=1)


class StartConfig(Section):
    """``[start]``: weights to go on from.

    Parameters
    ----------
    model
        A packaged model, or ``FILE.onnx`` with its ``FILE.safetensors`` beside it. Network, input,
        threshold and small steps follow from it, where the settings do not say otherwise.
    weights
        A ``model.safetensors``; by default training starts from scratch.
    freeze
        ``encoder`` or ``decoder`` keeps the weights of that part.
    """

    model: str | None = None
    weights: FilePath | None = None
    freeze: Literal["nothing", "encoder", "decoder"] = "nothing"

    @model_validator(mode="after")
    def _freeze_what_was_learned(self) -> Self:
        if self.model is not None and self.weights is not None:
            raise ValueError("model and weights both say what to start from: give one")
        if self.freeze != "nothing" and self.weights is None and self.model is None:
            raise ValueError("freeze keeps learned weights: give model or weights to start from")
        return self
