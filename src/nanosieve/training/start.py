"""Training a model further: what its card says becomes the settings, where none are given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        ``values`` as they are, where no model is named, or weights besides: then they were filled.

    Raises
    ------
    UsageError
        If there is no such model.
    InputError
        If its file is broken.
    """
    start = values.get("start")
    if not isinstance(start, Mapping) or "weights" in start:
        return dict(values)
    name = start.get("model")
    if not isinstance(name, str):
        return dict(values)
    return _filled(values, _settings(_place(name, folder)))


def _place(name: str, folder: Path | None) -> Path:
    beside = Path(name) if folder is None else folder / name
    return beside if name.endswith(SUFFIX) and beside.is_file() else find_model(name)


def _settings(model: Path) -> dict[str, Any]:
    card = read_card(model)[0]
    scale = {} if card.pixel_size_nm is None else {"pixel_size_nm": card.pixel_size_nm}
    many = card.activation == "softmax" or len(card.kinds) > 2
    classes = {"classes": card.kinds, "foreground": card.foreground} if many else {}
    # What may be dark in one particle and bright in another is not turned round.
    polarity = {"polarity": "dark"} if card.polarity == "any" else {}
    return _TRAINING | {
        "name": f"{card.name}-tuned",
        "licence": card.licence,
        "data": {"core_depth": _CORE_DEPTH, **polarity, **classes},
        "network": {"name": card.network, "settings": card.settings},
        "input": {**_known(card.input.model_dump()), **scale, "scales": card.scales},
        "threshold": {"rule": "fixed", "value": card.threshold, "least_mean": card.least_mean},
        "start": {"weights": str(model.with_suffix(".safetensors").resolve())},
    }


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _filled(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Values, and of each section what they do not set."""
    filled = dict(defaults) | dict(values)
    for name, section in defaults.items():
        given = values.get(name)
        if isinstance(section, Mapping) and isinstance(given, Mapping):
            filled[name] = {**section, **given}
    return filled
