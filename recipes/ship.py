"""Package a trained model: ``python -m recipes.ship RUN --scores DATA=EVALUATION ...``.

Writes ``NAME.onnx`` and ``NAME.safetensors``, their weights as float16, the card completed by what
the model was trained on, how well it did on which images, and where it fails. EVALUATION is what
``nanosieve evaluate --data DATA --method RUN/model.onnx`` wrote; a folder that ``python -m
bench.accuracy`` keeps knows its data itself. ``NAME.card.toml`` beside this file has the sentences
on where it fails. Run it again when there are new scores.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nanosieve.core.errors import NanosieveError, UsageError
from nanosieve.core.settings import Settings
from nanosieve.core.settings_file import read_toml
from nanosieve.files.dataset import Dataset
from nanosieve.models.card import ModelCard, TrainingData
from nanosieve.models.load import PACKAGED, read_card
from nanosieve.models.results import Result
from nanosieve.models.trust import Trust
from nanosieve.models.trust_fit import fit_trust
from nanosieve.networks.files import load_weights
from nanosieve.simulation.records import RECORD
from nanosieve.training.package import write_files
from nanosieve.training.trust import dataset_cases
from recipes.results import results_of

HERE = Path(__file__).parent
LARGEST_MB = 3.0


@dataclass(frozen=True)
class Words:
    """``NAME.card.toml``.

    Parameters
    ----------
    about
        What the model is for.
    fails
        Where it fails, in sentences.
    """

    about: str
    fails: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> "Words":
        """Read those of a model."""
        values = read_toml(HERE / f"{name}.card.toml")
        return cls(values["about"], tuple(values["fails"]))


def ship(
    run: Path, scores: Sequence[tuple[Path, Path]], out: Path = PACKAGED, *, trust: bool = False
) -> Path:
    """Package the model of a run.

    Parameters
    ----------
    run
        Folder of ``nanosieve train``.
    scores
        Data sets, and folders of their evaluations.
    out
        Where to.
    trust
        Fit the confidence of particles again, as the packaged file finds them, on the images that
        the run was validated on.

    Returns
    -------
    pathlib.Path
        The ONNX file.

    Raises
    ------
    UsageError
        If the run is not complete, an evaluation is not of its model, or a file is too large.
    """
    source = run / "model.onnx"
    card = read_card(source)[0]
    results = tuple(one for data, folder in scores for one in results_of(data, folder, source))
    card = completed(card, _trained_on(run), results, Words.read(card.name))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{card.name}.onnx"
    network = load_weights(source.with_suffix(".safetensors"))
    write_files(path, network, card, half=True)
    if trust:
        refitted = card.model_copy(update={"trust": _trust(run, path)})
        write_files(path, network, refitted, half=True)
    for file in (path, path.with_suffix(".safetensors")):
        if (size := file.stat().st_size / 2**20) > LARGEST_MB:
            raise UsageError(f"{file}: {size:.2f} MB, at most {LARGEST_MB:g} MB are shipped")
    return path


def completed(
    card: ModelCard, data: TrainingData, results: tuple[Result, ...], words: Words
) -> ModelCard:
    """Complete the card of a run; what it already has of other names stays."""
    changes = {
        "data": data,
        "results": results or card.results,
        "fails": words.fails,
        "notes": words.about,
    }
    return ModelCard.model_validate(dict(card) | changes)


def _trust(run: Path, model: Path) -> Trust | None:
    table = pd.read_csv(run / "splits.csv")
    validation = set(table.loc[table["role"] == "validation", "image"])
    # Of several data sets, images are named with theirs.
    samples = [
        sample
        for path in _paths(run)
        for sample in Dataset.open(path)
        if {sample.name, f"{path.name}/{sample.name}"} & validation
    ]
    return fit_trust(list(dataset_cases(samples, Settings(method=str(model)), device="cpu")))


def _paths(run: Path) -> list[Path]:
    return [Path(path) for path in read_toml(run / "settings.toml")["data"]["path"]]


def _trained_on(run: Path) -> TrainingData:
    """Name the data sets with their seeds: thousands of structures tell a reader nothing."""
    parts, total = [], 0
    for path in _paths(run):
        n = sum(1 for file in (path / "images").iterdir() if not file.name.startswith("."))
        total += n
        parts.append(f"{n} images {described(path)}")
    return TrainingData(description="; ".join(parts), n_images=total)


def described(path: Path) -> str:
    """Say what images a data set holds.

    >>> described(Path("somewhere/emps_bf"))
    'of emps_bf'
    """
    record = path / RECORD
    if not record.is_file():
        return f"of {path.name}"
    made = json.loads(record.read_text(encoding="utf-8"))
    return f"simulated by {made['preset']}, seed {made['seed']}"


def _pair(text: str) -> tuple[Path, Path]:
    """Data set and evaluation, which may state its own.

    >>> _pair("set=scores")
    (PosixPath('set'), PosixPath('scores'))
    """
    data, equals, folder = text.partition("=")
    if equals:
        return Path(data), Path(folder)
    record = Path(text) / "record.json"
    if not record.is_file():
        raise argparse.ArgumentTypeError(f"takes DATA=EVALUATION, got {text!r}")
    return Path(json.loads(record.read_text(encoding="utf-8"))["data"]), Path(text)


def main() -> int:
    """Parse, package."""
    parser = argparse.ArgumentParser(prog="python -m recipes.ship", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of nanosieve train")
    parser.add_argument("--scores", type=_pair, nargs="*", default=[], metavar="DATA=EVALUATION")
    parser.add_argument("--trust", action="store_true", help="fit the particles' confidence again")
    parser.add_argument("-o", "--out", type=Path, default=PACKAGED, help="folder")
    options = parser.parse_args()
    try:
        path = ship(options.run, options.scores, options.out, trust=options.trust)
    except NanosieveError as error:
        parser.error(str(error))
    for file in (path, path.with_suffix(".safetensors")):
        print(f"{file}: {file.stat().st_size / 2**20:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
