"""Explain networks: everything that can be said of how they decide, on one page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanosieve.core.errors import UsageError
from nanosieve.files.atomic import output_errors
from nanosieve.files.dataset import Dataset, Sample
from nanosieve.interpretation.edges import Border, border_from_text, find_borders
from nanosieve.interpretation.model import TrainedNetwork, load_networks
from nanosieve.interpretation.noise_check import NoiseCheck
from nanosieve.interpretation.page import Output, write_explanation
from nanosieve.interpretation.sections import edges, fields, kernels, layers, logits, thresholds
from nanosieve.interpretation.subject import (
    Subject,
    subject_from_data,
    subject_from_file,
    subject_from_sample,
    view_of,
)
from nanosieve.networks.effective_field import Field

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Explanation:
    """What was found, in numbers.

    Parameters
    ----------
    report
        The page.
    models
        Names of the models, in order.
    fields
        Field of view by model.
    checks
        Whether the deciding logit shows particles or noise; a model is missing where the image
        has too few pixels of either.
    edge_widths
        10-90 % widths on the borders of the image by source (``image`` and the models), in
        ``unit``; empty without borders.
    best_f1
        Best mean F1 over the data set by model; empty without data.
    unit
        ``nm`` or ``px``.
    """

    report: Path
    models: tuple[str, ...]
    fields: dict[str, Field]
    checks: dict[str, NoiseCheck]
    edge_widths: dict[str, edges.Widths]
    best_f1: dict[str, float]
    unit: str


@dataclass(frozen=True)
class Wanted:
    """What the user may choose.

    Parameters
    ----------
    image
        Micrograph to explain on; by default the first image of ``data`` with a mask, else a drawn
        sample.
    data
        Data-set folder for the scores against the threshold.
    pixel_size_nm
        Of the image, in place of what its file says.
    layers
        Layers whose activations are drawn; some by default.
    lines
        ``Y0,X0,Y1,X1`` across borders, px; borders are found by default.
    n_borders
        How many are found at most.
    """

    image: Path | None = None
    data: Path | None = None
    pixel_size_nm: float | None = None
    layers: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    n_borders: int = 6


def explain(
    paths: Sequence[str | Path],
    out: str | Path,
    wanted: Wanted | None = None,
    *,
    progress: Progress | None = None,
) -> Explanation:
    """Write pictures, tables and a page that show how networks decide.

    Parameters
    ----------
    paths
        ``model.onnx`` with ``model.safetensors`` beside it, or the latter alone.
    out
        Folder: ``report.html``, tables (CSV), charts (SVG), and pictures (PNG) by model.
    wanted
        Image, data set and what to draw.
    progress
        Called with images done and images of the data set.

    Raises
    ------
    UsageError
        If a model, layer, line or data set is not as it must be.
    InputError
        If the image cannot be read.
    """
    wanted = wanted or Wanted()
    if not paths:
        raise UsageError("explain needs at least one model: model.safetensors or model.onnx")
    if wanted.image is None and wanted.pixel_size_nm is not None:
        raise UsageError("--pixel-size goes with --image")
    models = load_networks(paths)
    data = None if wanted.data is None else thresholds.labelled(Dataset.open(wanted.data))
    subject = _subject(models, wanted, data)
    lines = [border_from_text(text, number) for number, text in enumerate(wanted.lines, start=1)]
    output = Output(Path(out))
    with output_errors(output.folder):
        output.folder.mkdir(parents=True, exist_ok=True)
    return _explained(models, subject, data, lines, (wanted, output, progress))


def _subject(
    models: Sequence[TrainedNetwork], wanted: Wanted, data: Sequence[Sample] | None
) -> Subject:
    if wanted.image is not None:
        return subject_from_file(wanted.image, pixel_size_nm=wanted.pixel_size_nm)
    if data is not None:
        return subject_from_data(data[0])
    polarities = {model.polarity for model in models}
    return subject_from_sample("bright" if polarities == {"bright"} else "dark")


def _explained(
    models: list[TrainedNetwork],
    subject: Subject,
    data: Sequence[Sample] | None,
    lines: list[Border],
    settings: tuple[Wanted, Output, Progress | None],
) -> Explanation:
    wanted, output, progress = settings
    views = [view_of(subject, model) for model in models]
    whole = [view_of(subject, model, side=None) for model in models]
    borders = lines or find_borders(subject.labels, wanted.n_borders)
    field_part, seen = fields.section(models, views, output)
    logit_part, checks = logits.section(models, views, subject.source, output)
    edge_part, widths = edges.section(models, whole, subject, borders, output)
    parts = [
        kernels.section(models, [view.calibration for view in views], output),
        field_part,
        layers.section(models, views, wanted.layers, output),
        logit_part,
        edge_part,
    ]
    best: dict[str, float] = {}
    if data is not None:
        part, found = thresholds.section(models, data, output, progress)
        parts.append(part)
        best = {name: result.best_f1 for name, result in found.items()}
    result = Explanation(
        output.folder / "report.html", tuple(model.name for model in models), seen, checks,
        widths, best, subject.calibration.unit,
    )  # fmt: skip
    write_explanation(
        output, title=f"{', '.join(result.models)}: explained",
        lead=_lead(models, subject, result), warning=subject.caution,
        facts=_facts(models, subject, data), sections=parts,
    )  # fmt: skip
    return result


def _lead(models: Sequence[TrainedNetwork], subject: Subject, result: Explanation) -> list[str]:
    """One sentence a model: what it looks at, what it shows, how sharp it is."""
    sentences = []
    for model in models:
        field = result.fields[model.name]
        words = [
            f"{model.name} ({model.network.name}, {model.network.n_parameters:,} parameters) looks "
            f"at {field.effective_px} of the {field.theoretical_px} px that it could"
        ]
        check = result.checks.get(model.name)
        if check is not None and check.verdict == "constant":
            words.append("its deciding logit is constant: it shows nothing")
        elif check is not None:
            words.append(f"its deciding logit shows {check.verdict} (score {check.score:.2f} of 1)")
        if model.name in result.edge_widths:
            words.append(_edge_words(model.name, subject, result))
        if model.name in result.best_f1:
            words.append(f"its best F1 on the data set is {result.best_f1[model.name]:.3f}")
        sentences.append("; ".join(words) + ".")
    return sentences


def _edge_words(name: str, subject: Subject, result: Explanation) -> str:
    """What widths were found, on how many borders of which image: no property of the model."""
    of_model, own = result.edge_widths[name], result.edge_widths[edges.IMAGE]
    where = f"of the {own.n_borders} borders measured in {subject.name}"
    if of_model.n_fitted == 0:
        return f"none {where} has a width in its probability"
    are = "is" if of_model.n_fitted == 1 else "are"
    words = f"{of_model.n_fitted} {where} {are} {_range(of_model, result.unit)} in its probability"
    if own.n_fitted == 0:
        return words
    are = "is" if own.n_fitted == 1 else "are"
    return f"{words}; in the image itself {own.n_fitted} {are} {_range(own, result.unit)}"


def _range(widths: edges.Widths, unit: str) -> str:
    if widths.n_fitted == 1:
        return f"{widths.median:.3g} {unit} wide"
    return f"{widths.low:.3g} to {widths.high:.3g} {unit} wide (median {widths.median:.3g})"


def _facts(
    models: Sequence[TrainedNetwork], subject: Subject, data: Sequence[Sample] | None
) -> dict[str, str]:
    height, width = subject.image.shape
    size = subject.calibration.pixel_size_nm
    facts = {
        "image": f"{subject.name}, {height} x {width} px, "
        + ("pixel size unknown" if size is None else f"{size:.6g} nm a pixel"),
        "particles": f"{subject.labels.max(initial=0)}, {subject.polarity}, {subject.source}",
    }
    for model in models:
        resampled = "" if model.pixel_size_nm is None else f", at {model.pixel_size_nm:.6g} nm"
        card = "as its card says" if model.has_card else "no card beside it: defaults"
        facts[model.name] = (
            f"{model.network.name}, classes {', '.join(model.network.classes)}; input "
            f"{model.spec.normalisation}, {model.spec.polarity} particles{resampled} ({card}); "
            f"threshold {model.threshold:.3g}"
        )
    if data is not None:
        facts["data set"] = f"{len(data)} images with a mask"
    return facts
