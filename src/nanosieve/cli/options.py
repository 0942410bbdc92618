"""Options that several commands share, and settings made from them."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.core.bragg import BraggSettings
    from nanosieve.core.settings import Device as DeviceName
    from nanosieve.core.settings import Settings

# As `nanosieve.core.settings.EXPORTS`, whose module takes a tenth of a second to load.
_EXPORTS = ("roi", "coco", "geojson")


class Grouping(StrEnum):
    """What ``--group-by`` takes."""

    file = "file"
    folder = "folder"


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


def _value(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text)


Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
Debug = Annotated[bool, _flag("--debug", "Show tracebacks of errors.")]

Method = Annotated[
    str,
    _value(
        "--method",
        "METHOD",
        "auto (what suits the image, and says why), otsu, local, hybrid, reconstruction, bragg, or "
        "a model: its name or FILE.onnx.",
    ),
]
Polarity = Annotated[
    str, _value("--polarity", "auto|dark|bright", "Whether particles are dark or bright.")
]
Edge = Annotated[str, _value("--edge", "base|half|otsu", "Where on the profile the edge is put.")]
PixelSize = Annotated[
    float | None, _value("--pixel-size", "NM", "Side of a pixel, in place of the file's.")
]
PixelSizeUncertainty = Annotated[
    float | None,
    _value(
        "--pixel-size-uncertainty",
        "PERCENT",
        "Standard uncertainty of the pixel size, for the uncertainty of the sizes.",
    ),
]
Resample = Annotated[
    float | None,
    _value(
        "--resample",
        "NM",
        "Segment at this pixel size; labels stay on the input's pixels if these are square.",
    ),
]
Threshold = Annotated[
    float | None,
    _value("--threshold", "P", "Probability at the edge, for networks; by default their own."),
]
MinDiameter = Annotated[
    str | None,
    _value(
        "--min-diameter",
        "D",
        "Smallest particle in nm, or in pixels as 12px; where not given, what noise of the image "
        "could make.",
    ),
]
Average = Annotated[
    int, _value("--average", "FRAMES", "Average so many frames of a movie before segmentation.")
]
Split = Annotated[bool, typer.Option("--split/--no-split", help="Split touching particles.")]
IsolatedOnly = Annotated[
    bool,
    _flag(
        "--isolated-only",
        "Keep whole, convex, unsplit particles only; the report shows what was left out.",
    ),
]
PaperExact = Annotated[
    bool,
    _flag(
        "--paper-exact",
        "With reconstruction: the recipe as published, loss of particles at the border included.",
    ),
]
Form = Annotated[
    str | None,
    _value(
        "--form",
        "sadre|groschner|sytwu|roughness",
        "With bragg: whose filter (default: sadre); roughness is without a Fourier transform.",
    ),
]
Foreground = Annotated[
    str | None,
    _value(
        "--foreground",
        "crystal|amorphous",
        "With bragg: what is wanted, crystals on an amorphous support (the default), or what is "
        "amorphous on a crystal.",
    ),
]
Preset = Annotated[
    str | None,
    _value(
        "--preset",
        "paper|FILE.toml",
        "With bragg: thresholds as printed by Sadre et al., or as tuned on images with truth.",
    ),
]
DSpacings = Annotated[
    str | None,
    _value(
        "--d-spacings",
        "NM,...",
        "With bragg, form sytwu: d-spacings of the material, as 0.2355,0.2039 (gold, the default).",
    ),
]
Exclude = Annotated[
    Path | None,
    _value(
        "--exclude",
        "MASK",
        "Image of the input's shape, non-zero is left out: one file for all, or a folder of "
        "<name>.png|tif.",
    ),
]
Probability = Annotated[bool, _flag("--probability", "Also write probability.tif.")]
Export = Annotated[str, _value("--export", "KINDS", "Of roi, coco and geojson, joined by commas.")]
AsDataset = Annotated[
    bool, _flag("--as-dataset", "Also write OUT/dataset: images, masks and a contact sheet.")
]
GroupBy = Annotated[
    Grouping, typer.Option("--group-by", help="Also show the sizes of each folder of inputs.")
]
Device = Annotated[
    str,
    _value("--device", "auto|cpu|gpu", "Where a network runs; auto takes a GPU that is at hand."),
]
Precision = Annotated[
    str,
    _value(
        "--precision",
        "auto|float32",
        "What a network computes in: half precision where the device has it, or never.",
    ),
]
Wanted = Annotated[
    str,
    _value(
        "--wanted",
        "NAMES",
        "particles, support, or classes of the model, joined by commas (default: lattice where the "
        "model knows it, else particles).",
    ),
]
Shard = Annotated[
    str, _value("--shard", "I/N", "Do the I-th of N shares; 'nanosieve report' joins them.")
]
Jobs = Annotated[
    int, _value("--jobs", "N", "Processes. From about ten images on, as many as cores pay.")
]
Overwrite = Annotated[
    bool, _flag("--overwrite", "Make all results again, over labels changed by hand too.")
]
DryRun = Annotated[bool, _flag("--dry-run", "Say what would be done, and write nothing.")]


def settings_from(**values: Any) -> "Settings":
    """Make settings from the values of options.

    Raises
    ------
    UsageError
        If any is not valid: all faults in one line.
    """
    from pydantic import ValidationError

    from nanosieve.core.settings import Settings

    try:
        return Settings(**values)
    except ValidationError as error:
        faults = "; ".join(_fault(one) for one in error.errors())
        raise UsageError(faults) from error


def bragg_from(
    methods: Sequence[str],
    form: str | None,
    foreground: str | None,
    preset: str | None,
    d_spacings: str | None,
) -> "BraggSettings | None":
    """Make the settings of ``bragg`` from its options; ``None`` where that is not among methods.

    Raises
    ------
    UsageError
        If an option is given and there is nothing that takes it, or it is not valid.
    """
    values = {
        "--form": form, "--foreground": foreground, "--preset": preset, "--d-spacings": d_spacings,
    }  # fmt: skip
    given = [name for name, value in values.items() if value is not None]
    if "bragg" not in methods:
        if given:
            raise UsageError(f"{given[0]} goes with --method bragg; add that, or leave it out")
        return None
    from nanosieve.core.bragg import bragg_settings

    return bragg_settings(
        form=form,
        foreground=foreground,
        preset=preset,
        d_spacings_nm=None if d_spacings is None else _numbers("--d-spacings", d_spacings),
    )


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """Split ``0.2355,0.2039``.

    >>> _numbers("--d-spacings", "0.2355, 0.2039")
    (0.2355, 0.2039)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"{option} {text}: give numbers joined by commas, as 0.2355,0.2039"
        ) from None


def device_from(text: str) -> "DeviceName":
    """Check ``--device``.

    Raises
    ------
    UsageError
        If there is no such device.

    Examples
    --------
    >>> device_from("cpu")
    'cpu'
    """
    if text in ("auto", "cpu", "gpu"):
        return cast("DeviceName", text)
    raise UsageError(f"--device {text}: give auto, cpu or gpu")


def method_settings(method: str, **values: Any) -> "Settings":
    """Make settings of a method or a model; a model is looked through once, before anything is run.

    Raises
    ------
    UsageError
        If there is no such method or model, the model is not to be trusted, or any setting is not
        valid.
    """
    from nanosieve.core.settings import METHODS

    if method in METHODS and method != "auto":
        return settings_from(method=method, **values)

    from nanosieve.models.load import find_model, is_model, packaged, packaged_digests, read_card

    if method == "auto":
        settings = settings_from(method=method, model_hashes=packaged_digests(), **values)
        if settings.threshold is not None and not settings.model_hashes:
            raise UsageError(
                "--threshold is a network's probability and no model is packaged: name one with "
                "--method FILE.onnx, or leave it out"
            )
        return settings

    if not is_model(method):
        known = ", ".join([*METHODS, *packaged()])
        raise UsageError(
            f"--method {method}: no such method; give one of {known}, or a model's FILE.onnx"
        )
    _, _, file = read_card(find_model(method))
    return settings_from(method=method, model_hash=file.digest, **values)


def exports_from(text: str) -> tuple[str, ...]:
    """Split ``--export``.

    Raises
    ------
    UsageError
        If a kind is unknown.

    Examples
    --------
    >>> exports_from("roi, coco")
    ('roi', 'coco')
    """
    kinds = tuple(kind.strip() for kind in text.split(",") if kind.strip())
    unknown = [kind for kind in kinds if kind not in _EXPORTS]
    if unknown:
        raise UsageError(f"--export {unknown[0]}: give one or more of {', '.join(_EXPORTS)}")
    return kinds


def _fault(fault: Any) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if message.startswith("--") or not fault["loc"]:
        return message
    option = "--" + str(fault["loc"][0]).replace("_", "-").removesuffix("-nm")
    if option == "--threshold":
        message = "give a probability between 0 and 1"
    return f"{option}: {message}, got {fault['input']!r}"
