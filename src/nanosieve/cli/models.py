"""``nanosieve models``: the models that come along, the card of one, and whether it still works."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanosieve.cli import options
from nanosieve.cli.console import plain, print_table
from nanosieve.core.errors import UsageError

if TYPE_CHECKING:
    from nanosieve.models.card import ModelCard


def models(
    model: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="A packaged model, or FILE.onnx.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run the test image that each model carries.")
    ] = False,
    debug: options.Debug = False,  # noqa: ARG001 - read where the program ends
) -> int:
    """List the models that come with nanosieve, or show the card of one.

    Exit code 1 if --check finds a model that no longer gives what it gave.
    """
    from nanosieve.models.load import find_model, packaged

    if model is None:
        known = packaged()
        _list(known)
        return max((_check(path) for path in known.values()), default=0) if check else 0
    path = find_model(model)
    _show(path)
    return _check(path) if check else 0


def _list(known: dict[str, Path]) -> None:
    from rich.table import Table

    from nanosieve.models.load import read_card

    if not known:
        print("No model comes with this version; nanosieve train makes one.")
        return
    table = Table("name", "pixel size", "particles", "receptive field", "licence")
    for name, path in known.items():
        card = read_card(path)[0]
        table.add_row(
            name, _pixel_size(card), _diameters(card), f"{card.receptive_field_px} px", card.licence
        )
    print_table(table)


def _show(path: Path) -> None:
    from rich.table import Table

    from nanosieve.models.load import read_card

    card, test, file = read_card(path)
    table = Table("of the model", "")
    for name, value in _rows(card).items():
        table.add_row(name, plain(value))
    table.add_row("test image", "none" if test is None else " x ".join(map(str, test.image.shape)))
    table.add_row("file", f"{len(file.content) / 2**20:.2f} MB, hash {file.digest}")
    print_table(table)


def _rows(card: "ModelCard") -> dict[str, str]:
    field = f"{card.receptive_field_px} px"
    if card.pixel_size_nm is not None:
        field += f" ({card.receptive_field_px * card.pixel_size_nm:.3g} nm)"
    if card.effective_field_px is not None:
        field += f", effectively {card.effective_field_px:.3g} px"
    alarm = card.domain
    return {
        "name": card.name,
        "network": f"{card.network}, {_settings(card.settings)}",
        "written by": f"nanosieve {card.version}",
        "parameters": "not stated" if card.n_parameters is None else str(card.n_parameters),
        "classes": ", ".join(card.classes),
        "counts as particle": ", ".join(card.foreground),
        "splits by": card.core or "outline",
        "threshold": f"{card.threshold:g} (temperature {card.temperature:.3g})",
        "pixel size": _pixel_size(card),
        "particles": _diameters(card),
        "polarity": card.polarity,
        "normalisation": card.input.normalisation + (", flat field" * card.input.flat_field),
        "receptive field": field,
        "tiles": "exact" if card.tile_exact else "none: sees the image whole",
        "unlike its training": "not told"
        if alarm is None
        else f"told, with {alarm.false_alarm:.1%} false alarms ({alarm.n_images} images)",
        "data": card.data.description or "not stated",
        "groups": ", ".join(card.data.groups) or "not stated",
        "scores": ", ".join(f"{name} {value:.4g}" for name, value in card.scores.items())
        or "not stated",
        "licence": card.licence,
        "notes": card.notes,
    }


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "no settings"


def _pixel_size(card: "ModelCard") -> str:
    seen = card.pixel_size_range_nm
    trained = "" if seen is None else f" (trained on {seen[0]:.3g} to {seen[1]:.3g} nm)"
    return ("any" if card.pixel_size_nm is None else f"{card.pixel_size_nm:g} nm") + trained


def _diameters(card: "ModelCard") -> str:
    sizes = card.diameter_range_px
    return "any" if sizes is None else f"{sizes[0]:.3g} to {sizes[1]:.3g} px"


def _check(path: Path) -> int:
    """Run a model's test image in float32, and in what it would be run in."""
    import numpy as np

    from nanosieve.models.load import load_model, read_card

    test = read_card(path)[1]
    if test is None:
        raise UsageError(f"{path}: carries no test image; export it again with nanosieve train")
    exact = load_model(path, precision="float32")
    error = float(np.abs(exact.predict(test.image) - test.output).max())
    good = error <= test.tolerance
    print(
        f"{path.name}: {'as exported' if good else 'NOT AS EXPORTED'}: probabilities within "
        f"{error:.2g} of the test output ({exact.runner.words}; {test.tolerance:g} allowed)"
    )
    usual = load_model(path)
    if usual.runner.words != exact.runner.words:
        error = float(np.abs(usual.predict(test.image) - test.output).max())
        print(f"{path.name}: {usual.runner.words}: within {error:.2g}")
    return int(not good)
