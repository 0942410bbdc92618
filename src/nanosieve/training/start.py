"""Training a model further: what its card says becomes the settings, where none are given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanosieve.core.errors import UsageError
from nanosieve.core.settings_file import without_none
from nanosieve.models.load import SUFFIX, find_model, read_card

# What a few labelled images ask for: little time, small steps, and no threshold of their own.
_TRAINING: dict[str, Any] = {
    "mixed_precision": True,
    "optimiser": {"name": "adamw", "lr": 3e-4, "schedule": "cosine"},
    "stop": {"epochs": 4, "patience": False},
    "tiles": {"size": 256, "per_epoch": 800},
    "augment": {
        "rotation": True, "scale": [0.7, 1.4], "contrast": [0.5, 2], "brightness": [-0.5, 0.5],
        "noise": [0, 0.5], "blur": [0, 1],
    },
    "validation": {"share": 0.25},
}  # fmt: skip
# The packaged models were trained with cores of this depth.
_CORE_DEPTH = 0.4


def from_model(values: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Fill settings up from the model that ``start.model`` names.

    Parameters
    ----------
    values
        As `tomllib` gives them; what is set there stays.
    folder
        What a relative file name starts from.

    Returns
    -------
    dict
        ``values`` as they are, where no model is named.

    Raises
    ------
    UsageError
        If there is no such model, or its weights are not beside it.
    InputError
        If its file is broken.
    """
    start = values.get("start")
    name = start.get("model") if isinstance(start, Mapping) else None
    if not isinstance(name, str):
        return dict(values)
    return _filled(values, _settings(*_place(name, folder)))


def weights_of(model: str) -> Path:
    """Return the file of a model's weights, beside its own."""
    return find_model(model).with_suffix(".safetensors")


def _place(name: str, folder: Path | None) -> tuple[str, Path]:
    """The name of a packaged model, or the absolute one of a file, and the file."""
    is_file = name.lower().endswith(SUFFIX)
    file = find_model(str((folder or Path()) / name) if is_file else name).resolve()
    if not weights_of(str(file)).is_file():
        raise UsageError(f"{name}: its weights, {file.stem}.safetensors, are not beside it")
    return str(file) if is_file else name, file


def _settings(name: str, model: Path) -> dict[str, Any]:
    card = read_card(model)[0]
    plain = card.activation != "softmax" and card.kinds == ("background", "particle")
    classes = {} if plain else {"classes": card.kinds, "foreground": card.foreground}
    # What may be dark in one particle and bright in another is not turned round.
    polarity = {"polarity": "dark"} if card.polarity == "any" else {}
    grid = {"pixel_size_nm": card.pixel_size_nm, "lattice_nm": card.lattice_nm}
    return _TRAINING | {
        "name": f"{card.name}-tuned",
        "licence": card.licence,
        "data": {"core_depth": _CORE_DEPTH, **polarity, **classes},
        "network": {"name": card.network, "settings": card.settings},
        "input": without_none({**card.input.model_dump(), **grid, "scales": card.scales}),
        "threshold": {
            "rule": "fixed",
            "value": card.threshold,
            "least_diameter_px": card.least_diameter_px,
            "least_mean": card.least_mean,
        },
        "start": {"model": name},
    }


def _filled(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Values, and of each section what they do not set."""
    filled = dict(defaults) | dict(values)
    for name, section in defaults.items():
        given = values.get(name)
        if isinstance(section, Mapping) and isinstance(given, Mapping):
            filled[name] = {**section, **given}
    # A file's name is absolute from here on.
    filled["start"]["model"] = defaults["start"]["model"]
    return filled
