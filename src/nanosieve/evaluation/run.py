"""Run methods and read predictions over a data set, score each image, put it all together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from nanosieve.core.errors import InputError, NanosieveError, UsageError
from nanosieve.core.schema import Unit
from nanosieve.core.settings import Device, Settings
from nanosieve.core.workers import worker_pool
from nanosieve.evaluation.confidence import ConfidenceCheck, confidence_checks
from nanosieve.evaluation.cost import Cost, cost_table, measured
from nanosieve.evaluation.image import PREDICTED_COLUMNS, TRUE_COLUMNS, ImageScore, score_image
from nanosieve.evaluation.predictions import Folder, Method, Source
from nanosieve.evaluation.protocol import Protocol
from nanosieve.evaluation.scores import COUNTS, score_columns
from nanosieve.evaluation.strata import strata
from nanosieve.evaluation.summary import summarise
from nanosieve.evaluation.tally import Sizes, Tally, pool
from nanosieve.evaluation.truth import truth_of
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.measurement.agreement.thresholds import threshold_curve
from nanosieve.report.error_map import error_picture


@dataclass(frozen=True)
class Evaluation:
    """Scores of every method on a data set.

    Parameters
    ----------
    data
        Folder of the data set.
    protocol
        What was counted, and how.
    methods
        Name -> what it is, in words.
    scores
        One row an image and method: columns `score_columns`.
    summary
        One row a method: see `summarise`.
    strata
        See `strata`.
    thresholds
        ``method, threshold, precision, recall, dice`` of pixels, pooled over all images, for
        methods with a probability.
    sizes
        Method -> unit and diameters of all true and predicted particles.
    pictures
        ``(image, method)`` -> encoded map of what was found, missed and invented.
    costs
        One row a method that was run: see `nanosieve.evaluation.cost`.
    confidence
        Method -> how its particles' confidence agrees with the truth.
    """

    data: Path
    protocol: Protocol
    methods: Mapping[str, str]
    scores: pd.DataFrame
    summary: pd.DataFrame
    strata: pd.DataFrame
    thresholds: pd.DataFrame
    sizes: Mapping[str, tuple[Unit, Sizes]]
    pictures: Mapping[tuple[str, str], bytes]
    costs: pd.DataFrame
    confidence: Mapping[str, Mapping[str, ConfidenceCheck]]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that whoever reads the figures must know."""
        found = []
        n_groups = self.scores["group"].nunique()
        if n_groups == 1 and self.scores["image"].nunique() > 1:
            found.append(
                "All images are one group: the range in brackets is the spread over images, not an "
                "interval. If images are independent, say so with --groups image or dataset.csv."
            )
        unlabelled = self.scores.loc[self.scores["status"] == "unlabelled", "image"].nunique()
        if unlabelled:
            found.append(f"{unlabelled} images have no mask, instances or boxes: not scored.")
        lost = self.problems["method"].value_counts(sort=False)
        found += [
            f"{method} has no score on {count} images, which the others may have: its means are "
            "over the rest."
            for method, count in lost.items()
        ]
        return tuple(found)

    @property
    def problems(self) -> pd.DataFrame:
        """Rows of ``scores`` that are not ``ok`` although there is a truth."""
        return self.scores[~self.scores["status"].isin(["ok", "unlabelled"])]


@dataclass(frozen=True)
class _Scored:
    """One image and method; ``score`` is ``None`` where there is none, and ``message`` says why."""

    sample: str
    method: str
    row: dict[str, object]
    score: ImageScore | None = None
    picture: bytes | None = None
    cost: tuple[Cost, int] | None = None


def evaluate(
    data: "Dataset | str | Path",
    *,
    methods: Mapping[str, Settings] | None = None,
    predictions: Mapping[str, str | Path] | None = None,
    protocol: Protocol | None = None,
    device: Device = "auto",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score methods and label images made elsewhere, side by side.

    Parameters
    ----------
    data
        A data set, or its folder (open it yourself to give groups).
    methods
        Name -> settings; each is run as ``nanosieve segment`` runs it.
    predictions
        Name -> folder of ``<name>/labels.tif`` or ``<name>.tif|png``.
    protocol
        What counts; all defaults where not given.
    device
        Where networks run.
    jobs
        Processes.
    progress
        Called with the number of images done and of all images.

    Raises
    ------
    UsageError
        If there is no method, no image, a name is given twice, or a folder is missing.
    NanosieveError
        If a process dies.

    Notes
    -----
    A method that fails on an image, or a folder that lacks one, gives a row that says so; it is in
    no mean and is counted in the summary.

    Examples
    --------
    >>> evaluate(".", methods={})
    Traceback (most recent call last):
    nanosieve.core.errors.UsageError: nothing to evaluate; give --method or --predictions NAME=DIR
    """
    protocol = protocol or Protocol()
    sources = _sources(methods or {}, predictions or {}, device)
    dataset = data if isinstance(data, Dataset) else Dataset.open(data)
    samples = _samples(dataset, protocol)
    done: list[_Scored] = []
    for number, results in enumerate(_map(samples, sources, protocol, jobs), start=1):
        done.extend(results)
        if progress is not None:
            progress(number, len(samples))
    return _assemble(dataset, sources, protocol, done)


def _sources(
    methods: Mapping[str, Settings], predictions: Mapping[str, str | Path], device: Device
) -> tuple[Source, ...]:
    both = set(methods) & set(predictions)
    if both:
        raise UsageError(
            f"{min(both)!r} names a method and a folder of predictions; give the folder another"
        )
    sources: list[Source] = [Method(name, settings, device) for name, settings in methods.items()]
    sources += [Folder(name, Path(folder)) for name, folder in predictions.items()]
    if not sources:
        raise UsageError("nothing to evaluate; give --method or --predictions NAME=DIR")
    return tuple(sources)


def _samples(dataset: Dataset, protocol: Protocol) -> list[Sample]:
    chosen = [sample for sample in dataset.samples if protocol.split in (None, sample.split)]
    if not chosen:
        raise UsageError(f"{dataset.path}: no image is in split {protocol.split!r}")
    return chosen


def _map(
    samples: Sequence[Sample], sources: Sequence[Source], protocol: Protocol, jobs: int
) -> Iterator[list[_Scored]]:
    score = partial(_score_sample, sources=sources, protocol=protocol)
    if jobs == 1:
        yield from map(score, samples)
        return
    try:
        with worker_pool(min(jobs, len(samples))) as workers:
            yield from workers.map(score, samples)
    except BrokenProcessPool as error:
        raise NanosieveError(
            "a process was killed, most likely for want of memory; evaluate with --jobs 1"
        ) from error


def _score_sample(
    sample: Sample, *, sources: Sequence[Source], protocol: Protocol
) -> list[_Scored]:
    head: dict[str, object] = {"image": sample.name, "group": sample.group, "split": sample.split,
            "pixel_size_nm": sample.pixel_size_nm}  # fmt: skip
    try:
        truth = truth_of(sample, protocol)
    except InputError as error:
        row = head | {"status": error.status, "message": str(error)}
        return [_Scored(sample.name, source.name, row) for source in sources]
    if truth.unlabelled:
        row = head | {"status": "unlabelled", "message": "no mask, instances or boxes"}
        return [_Scored(sample.name, source.name, row) for source in sources]
    results = []
    for source in sources:
        try:
            prediction, cost = measured(partial(source.predict, sample))
            score = score_image(truth, prediction)
        except InputError as error:
            row = head | {"status": error.status, "message": str(error)}
            results.append(_Scored(sample.name, source.name, row))
            continue
        picture = error_picture(
            truth.image,
            prediction.mask,
            truth=truth.mask,
            boxes=truth.boxes,
            valid=truth.valid,
            pixel_size_nm=sample.pixel_size_nm,
        )
        row = head | {"status": "ok", "message": ""} | score.scores
        spent = (cost, truth.image.size) if isinstance(source, Method) else None
        results.append(_Scored(sample.name, source.name, row, score, picture, spent))
    return results


def _assemble(
    dataset: Dataset, sources: Sequence[Source], protocol: Protocol, done: Sequence[_Scored]
) -> Evaluation:
    rows = [{"method": result.method, **result.row} for result in done]
    scores = pd.DataFrame(rows, columns=score_columns())
    scores = scores.astype(dict.fromkeys(COUNTS, "Int64"))
    by_method: dict[str, list[ImageScore]] = {source.name: [] for source in sources}
    groups: dict[str, list[str]] = {source.name: [] for source in sources}
    for result in done:
        if result.score is not None:
            by_method[result.method].append(result.score)
            groups[result.method].append(str(result.row["group"]))
    tallies = {name: [score.tally for score in found] for name, found in by_method.items()}
    confidence = {
        name: confidence_checks(parts, groups[name], seed=protocol.seed)
        for name, parts in tallies.items()
    }
    return Evaluation(
        data=dataset.path,
        protocol=protocol,
        methods={source.name: source.words for source in sources},
        scores=scores,
        summary=summarise(scores, tallies, protocol, confidence),
        strata=strata(
            {
                name: _stack(
                    [
                        score.true_particles.assign(group=group)
                        for score, group in zip(found, groups[name], strict=True)
                    ],
                    [*TRUE_COLUMNS, "group"],
                )
                for name, found in by_method.items()
            },
            {
                name: _stack([score.predicted_particles for score in found], PREDICTED_COLUMNS)
                for name, found in by_method.items()
            },
        ),
        thresholds=_curves(tallies),
        sizes=_sizes(tallies),
        pictures={
            (result.sample, result.method): result.picture
            for result in done
            if result.picture is not None
        },
        costs=_costs(sources, done),
        confidence=confidence,
    )


def _costs(sources: Sequence[Source], done: Sequence[_Scored]) -> pd.DataFrame:
    runs = [source for source in sources if isinstance(source, Method)]
    spent = {
        source.name: [
            result.cost
            for result in done
            if result.method == source.name and result.cost is not None
        ]
        for source in runs
    }
    return cost_table(spent, {source.name: source.n_parameters for source in runs})


def _sizes(tallies: Mapping[str, Sequence[Tally]]) -> dict[str, tuple[Unit, Sizes]]:
    sizes: dict[str, tuple[Unit, Sizes]] = {}
    for method, parts in tallies.items():
        instances = pool(parts).instances
        if instances is not None:
            in_nm = instances.sizes_nm
            sizes[method] = ("px", instances.sizes_px) if in_nm is None else ("nm", in_nm)
    return sizes


def _stack(tables: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _curves(tallies: Mapping[str, Sequence[Tally]]) -> pd.DataFrame:
    curves = []
    for method, parts in tallies.items():
        pixels = pool(parts).pixels
        if pixels is not None and pixels.histogram is not None:
            curve = threshold_curve(pixels.histogram)
            curve.insert(0, "method", method)
            curves.append(curve)
    columns = ["method", "threshold", "precision", "recall", "dice"]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)
