"""``nanosieve models``: the models that come along, the card of one, and whether it still works."""

from pathlib import Path
from typing import Annotated

import typer

from nanosieve.cli import options
from nanosieve.cli.console import plain, print_table
from nanosieve.core.errors import UsageError


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
    from nanosieve.models.words import diameters, pixel_size

    if not known:
        print("No model comes with this version; nanosieve train makes one.")
        return
    table = Table("name", "for", "pixel size", "particles")
    for name, path in known.items():
        card = read_card(path)[0]
        table.add_row(name, plain(card.notes), pixel_size(card), diameters(card))
    print_table(table)


def _show(path: Path) -> None:
    from rich.table import Table

    from nanosieve.models.load import read_card
    from nanosieve.models.words import facts

    card, test, file = read_card(path)
    table = Table("card", "")
    for name, value in facts(card).items():
        table.add_row(name, plain(value))
    table.add_row("test image", "none" if test is None else " x ".join(map(str, test.image.shape)))
    table.add_row("file", f"{len(file.content) / 2**20:.2f} MB, hash {file.digest}")
    print_table(table)


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
