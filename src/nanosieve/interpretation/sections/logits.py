"""Section: what the network decides by, and whether that is particles or noise."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from nanosieve.core.errors import UsageError
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.noise_check import CLEAR, ENOUGH, NoiseCheck, noise_check
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.pictures import Panel, is_constant, sheet
from nanosieve.interpretation.responses import logits_of, particle_logit
from nanosieve.interpretation.subject import View
from nanosieve.report import colours
from nanosieve.report.charts import Bars, Rule, chart
from nanosieve.report.text import number, percent

DECIDING = "deciding"
_TEXT = (
    "Logits are the maps before the last activation, one a class; the deciding logit, from which "
    "the probability is made, is particle minus the rest. An output can look right while the maps "
    "behind it show nothing but noise of the support: such a network has learned the noise of its "
    "training images and fails on others (Horwath et al. 2020, Fig. 3).",
    "The check takes the image apart into structure and noise, draws the noise anew several times "
    "and divides the variance of each map, particles and support weighted equally, into what tells "
    "particles from support, what changes with the noise, and other structure. 'Without noise' is "
    "the share of the difference between particles and support that is left on the structure "
    "alone; 'noise alone' what the noise alone gives on level ground. The score is the particle "
    "share times 'without noise' (cut to 0 ... 1): 1 the map shows particles, 0 noise or nothing. "
    "A constant map is that of a network with one output, whose other logit is fixed, or dead. "
    f"The words are cut by convention: 'particles' from {CLEAR:g}; from {ENOUGH:g} 'particles, "
    "but' what takes the most from the score ('much noise', 'less without noise', 'much other "
    "structure'); below 'noise' or 'other structure'. Nobody has validated these cuts: 0.74 and "
    "0.76 are the same.",
)
_NOT = (
    "an accuracy, and it certifies nothing. A network can score 1 and outline every particle "
    "wrongly: borders are left out on purpose. It is one image: another contrast or dose may give "
    "another score. Lattice fringes, and grain of the support finer than 8 px, count as noise. A "
    "low score is a reason to test the network on another session before using it; a high one is "
    "no reason not to."
)


def section(
    models: list[TrainedNetwork], views: list[View], truth: str, output: Output
) -> tuple[Section, dict[str, NoiseCheck]]:
    """Draw logits and check them; writes ``logits.csv``. Also the deciding logit's check."""
    rows: list[dict[str, object]] = []
    groups, deciding = [], {}
    for model, view in zip(models, views, strict=True):
        logits = _maps(model, view.prepared)
        picture = output.picture(f"{model.name}/logits.png", _picture(model, view, logits))
        parts: list[Figure | Table | str] = [Figure(picture, _caption(model, logits[:-1]))]
        names = [*model.network.classes, DECIDING]
        try:
            checks = noise_check(
                lambda image, model=model: _maps(model, image),  # type: ignore[misc]
                view.prepared,
                view.labels > 0,
            )
        except UsageError as error:
            parts.append(f"Not checked: {error}.")
        else:
            deciding[model.name] = checks[-1]
            rows += [_row(model.name, name, c) for name, c in zip(names, checks, strict=True)]
            parts.append(_table(names, checks, truth))
            svg = _histogram(logits[-1], view.labels > 0, model)
            parts.append(
                Figure(
                    output.chart(f"{model.name}/logits.svg", svg),
                    "The deciding logit on particles and on support. Overlap is what no threshold "
                    "can take apart.",
                )
            )
        groups.append(Group(model.name, parts))
    if rows:
        output.table("logits.csv", pd.DataFrame(rows))
    return Section("logits", "Logits: particles or noise", _TEXT, groups, _NOT), deciding


def _maps(model: TrainedNetwork, prepared: np.ndarray) -> np.ndarray:
    """Logits of all classes, then the deciding one: ``(classes + 1, y, x)``."""
    logits = logits_of(model.network, prepared)
    return np.concatenate([logits, particle_logit(model.network, logits, model.foreground)[None]])


def _picture(model: TrainedNetwork, view: View, logits: np.ndarray) -> bytes:
    probability = model.probability(view.prepared)
    panels = [
        Panel(view.prepared, "image", calibration=view.calibration),
        *(
            Panel(map_, f"logit: {name}", "signed")
            for name, map_ in zip(model.network.classes, logits, strict=False)
            if not is_constant(map_)
        ),
        Panel(
            logits[-1],
            "deciding logit" + (": constant" if is_constant(logits[-1]) else ""),
            "signed",
        ),
        Panel(probability, "probability", limits=(0.0, 1.0)),
    ]
    return sheet(panels, columns=3 if len(panels) > 4 else 4, cell=330)


def _caption(model: TrainedNetwork, logits: np.ndarray) -> str:
    how = (
        "each class by its own sigmoid"
        if model.network.activation == "sigmoid"
        else "softmax over the classes"
    )
    constant = [
        f"{name} (constant, {map_.flat[0]:.3g})"
        for name, map_ in zip(model.network.classes, logits, strict=True)
        if is_constant(map_)
    ]
    left_out = f" Not drawn: the logit of {', '.join(constant)}." if constant else ""
    return (
        f"{model.name}: image, logit of each class, deciding logit and probability ({how})."
        f"{left_out}"
    )


def _row(model: str, name: str, check: NoiseCheck) -> dict[str, object]:
    return {
        "model": model, "map": name, "score": check.score, "verdict": check.verdict,
        "particle_share": check.particle_share, "noise_share": check.noise_share,
        "other_share": check.other_share, "without_noise": check.without_noise,
        "from_noise_alone": check.from_noise_alone, "difference": check.difference,
        "noise_inside": check.noise_inside, "noise_outside": check.noise_outside,
    }  # fmt: skip


def _table(names: list[str], checks: list[NoiseCheck], truth: str) -> Table:
    rows = [
        [
            name, number(check.score, 2), check.verdict, percent(check.particle_share),
            percent(check.noise_share), percent(check.other_share), number(check.without_noise, 2),
            number(check.from_noise_alone, 2),
        ]
        for name, check in zip(names, checks, strict=True)
    ]  # fmt: skip
    head = ("map", "score", "shows", "particles", "noise", "other", "without noise", "noise alone")
    return Table(head, rows, f"Shares of the variance of each map. Particles: {truth}.")


def _histogram(logit: np.ndarray, mask: np.ndarray, model: TrainedNetwork) -> Markup:
    low, high = (float(v) for v in np.percentile(logit, [0.1, 99.9]))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, 49)
    bars = [
        Bars(edges, 100 * np.histogram(logit[where], edges)[0] / max(where.sum(), 1), colour, label)
        for where, colour, label in (
            (~mask, colours.GREY, "support"), (mask, colours.VERMILION, "particles"),
        )
    ]  # fmt: skip
    p = model.threshold
    cut = model.temperature * float(np.log(p / (1 - p)))
    rules = [Rule(cut, colours.BLUE, f"threshold {p:.3g}", dashed=True)] if low < cut < high else []
    return chart(
        [*bars, *rules], x_label="deciding logit", y_label="share of the class's pixels, %",
        x_limits=(low, high), title="Deciding logit on particles and on support",
    )  # fmt: skip
