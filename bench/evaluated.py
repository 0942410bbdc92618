"""Evaluations of one method on one data set, kept from run to run."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.judged import Judged
from nanosieve._version import __version__
from nanosieve.core.settings import METHODS, Settings
from nanosieve.evaluation import Evaluation, evaluate, write_evaluation
from nanosieve.models.load import find_model, packaged, read_card

OUT = Path(__file__).parent / "out" / "accuracy"
# What a card tells its reader alone: another text does not change what a model finds.
_FOR_READERS = {"results", "fails", "scores", "notes", "data", "licence", "version"}


@dataclass(frozen=True)
class Runs:
    """How evaluations are made.

    Parameters
    ----------
    out
        Where they are kept.
    limit
        Images of each data set; all of them if ``None``.
    jobs
        Processes.
    fresh
        Make again what is there.
    """

    out: Path = OUT
    limit: int | None = None
    jobs: int = 1
    fresh: bool = False

    def of(self, judged: Judged, name: str, method: str) -> "Found":
        """Evaluate a method, or read what was found before."""
        words = f"{judged.name}{' everything' if judged.everything else ''}"
        folder = self.out / words.replace("/", "-").replace(" ", "-") / name
        dataset = judged.dataset(self.limit)
        record = {
            "method": identity(method), "images": len(dataset), "version": __version__,
            "data": str(judged.path), "everything": judged.everything,
        }  # fmt: skip
        kept = folder / "record.json"
        if not self.fresh and kept.is_file():
            found = json.loads(kept.read_text(encoding="utf-8"))
            if found | record == found:
                return Found.read(folder)
        print(f"{words}: {name} on {len(dataset)} images", file=sys.stderr, flush=True)
        evaluation = evaluate(
            dataset, methods={name: Settings(method=method)}, device="cpu", jobs=self.jobs
        )
        write_evaluation(evaluation, folder)
        record |= {"median_bias": _median_bias(evaluation, name)}
        kept.write_text(json.dumps(record, indent=1), encoding="utf-8")
        return Found.read(folder)


@dataclass(frozen=True)
class Found:
    """An evaluation of one method.

    Parameters
    ----------
    folder
        Where it is.
    scores, strata
        Tables as ``nanosieve evaluate`` writes them.
    summary
        Its row of ``summary.csv``, and ``median_bias``: the median over all pairs of found and true
        particles of their relative difference of diameter.
    """

    folder: Path
    scores: pd.DataFrame
    strata: pd.DataFrame
    summary: Mapping[str, float]

    @classmethod
    def read(cls, folder: Path) -> "Found":
        """Read one."""
        scores, strata, summary = (
            pd.read_csv(folder / f"{name}.csv") for name in ("scores", "strata", "summary")
        )
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        row = {str(key): value for key, value in summary.iloc[0].items()}
        bias = record["median_bias"]
        return cls(folder, scores, strata, row | {"median_bias": np.nan if bias is None else bias})


def identity(method: str) -> str:
    """What a method's result depends on: for models, weights and all of the card that steers.

    >>> identity("otsu")
    'otsu'
    """
    if method == "auto":
        return " ".join(["auto", *map(identity, packaged())])
    if method in METHODS:
        return method
    path = find_model(method)
    card = read_card(path)[0].model_dump_json(exclude=_FOR_READERS)
    weights = path.with_suffix(".safetensors")
    content = (weights if weights.is_file() else path).read_bytes()
    return f"{path.name} {hashlib.blake2b(card.encode() + content, digest_size=8).hexdigest()}"


def _median_bias(evaluation: Evaluation, name: str) -> float | None:
    if name not in evaluation.sizes:
        return None
    pairs = evaluation.sizes[name][1].pairs
    return float(np.median(pairs[:, 1] / pairs[:, 0] - 1)) if len(pairs) else None
