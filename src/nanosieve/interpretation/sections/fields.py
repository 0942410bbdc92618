"""Section: how far a network looks."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from nanosieve.core.micrograph import Calibration
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.pictures import Panel, Square, robust_limits, sheet
from nanosieve.interpretation.subject import View
from nanosieve.networks.effective_field import (
    HELD,
    Field,
    effective_field,
    side_profile,
    spread_points,
)
from nanosieve.report import colours
from nanosieve.report.charts import Line, chart
from nanosieve.report.text import number

POINTS = 16
_FIELDS_SHOWN, _SMALLEST_SHOWN = 6, 128  # sides of the field, and px
LINES = (colours.BLUE, colours.VERMILION, colours.GREEN, colours.PURPLE, colours.ORANGE)
_TEXT = (
    "The theoretical receptive field is the square of pixels that can change an output pixel at "
    "all. The effective field is the smallest centred square that holds "
    f"{100 * HELD:.0f} % of the absolute gradient of the particle logit with respect to the "
    "image, averaged over pixels in particles and on support: what the trained network does use. "
    "Particles and contrast features larger than the effective field cannot be judged as a whole; "
    "with lattice fringes small fields fail first.",
)
_NOT = (
    "a measure of quality, nor a constant of the network: it depends on the weights and somewhat "
    "on the image. Particles wider than the effective field make holes likely, not certain."
)


def section(
    models: list[TrainedNetwork], views: list[View], output: Output
) -> tuple[Section, dict[str, Field]]:
    """Measure and draw the fields of view; writes ``fields.csv``. Also the fields by model."""
    fields, pictures = {}, []
    for model, view in zip(models, views, strict=True):
        margin = max(model.network.reach, model.network.receptive_field // 2)
        points = spread_points(view.labels, POINTS, margin)
        field = effective_field(model.network, view.prepared, points, model.foreground)
        fields[model.name] = field
        picture = output.picture(f"{model.name}/field.png", _picture(field, view))
        pictures.append(Figure(picture, f"{model.name}: {_words(field, view.calibration)}"))
    rows = [
        _row(name, field, view.calibration)
        for (name, field), view in zip(fields.items(), views, strict=True)
    ]
    output.table("fields.csv", pd.DataFrame(rows))
    held = Figure(
        output.chart("fields.svg", _held(fields)),
        "Share of the gradient within a centred square of that side. The steeper, the more local "
        "the decision.",
    )
    table = Table(
        ("model", "theoretical, px", "nm", "effective, px", "nm", "effective / theoretical"),
        [_cells(row) for row in rows],
    )
    groups = [Group("", [table, held, *pictures])]
    return Section("field", "Field of view", _TEXT, groups, _NOT), fields


def _row(name: str, field: Field, calibration: Calibration) -> dict[str, object]:
    size = calibration.pixel_size_nm
    return {
        "model": name,
        "theoretical_px": field.theoretical_px,
        "theoretical_nm": None if size is None else field.theoretical_px * size,
        "effective_px": field.effective_px,
        "effective_nm": None if size is None else field.effective_px * size,
        "ratio": field.effective_px / field.theoretical_px,
        "points": field.n_points,
    }


def _cells(row: dict[str, object]) -> list[str]:
    lengths = (row["theoretical_nm"], row["effective_nm"])
    theoretical, effective = (number(x if isinstance(x, float) else None) for x in lengths)
    return [
        str(row["model"]), str(row["theoretical_px"]), theoretical, str(row["effective_px"]),
        effective, f"{row['ratio']:.2f}",
    ]  # fmt: skip


def _words(field: Field, calibration: Calibration) -> str:
    size = calibration.pixel_size_nm
    nm = "" if size is None else f" ({field.effective_px * size:.3g} nm)"
    same = "; the two squares coincide" if field.effective_px == field.theoretical_px else ""
    return (
        f"field of view on the image. White: theoretical, {field.theoretical_px} px. Orange, "
        f"dashed: effective, {field.effective_px} px{nm}{same}. Right: the gradient itself, mean "
        f"of {field.n_points} output pixels, drawn as its square root so that the rim can be seen."
    )


def _picture(field: Field, view: View) -> bytes:
    (y, x), around = _surroundings(view.labels, field.theoretical_px)
    centre = y - around[0].start, x - around[1].start
    squares = [
        Square(centre, field.theoretical_px, (255, 255, 255), "theoretical"),
        Square(
            centre, max(field.effective_px, 1), (230, 159, 0), "effective", below=True, dashed=True
        ),
    ]
    image = Panel(
        view.prepared[around],
        "image, as the network sees it",
        limits=robust_limits(view.prepared),
        calibration=view.calibration,
        marks=squares,
    )
    radius = len(field.weight) // 2
    root = np.sqrt(field.weight / max(float(field.weight.max()), 1e-30))
    weight = Panel(
        root, "square root of the gradient", limits=(0.0, 1.0), axis=(-radius, radius, "px"),
        bar_label="of the largest",
        marks=[
            Square((radius, radius), field.theoretical_px, (255, 255, 255)),
            Square((radius, radius), field.effective_px, (230, 159, 0), dashed=True),
        ],
    )  # fmt: skip
    return sheet([image, weight], columns=2, cell=420)


def _surroundings(labels: np.ndarray, side: int) -> tuple[tuple[float, float], tuple[slice, slice]]:
    """Centre of the particle nearest the middle, and a window in which a field can be seen."""
    y, x = (size / 2 for size in labels.shape)
    places = np.argwhere(labels > 0)
    if len(places):
        nearest = places[np.argmin(np.hypot(*(places - (y, x)).T))]
        y, x = np.argwhere(labels == labels[tuple(nearest)]).mean(axis=0).tolist()
    wanted = max(_FIELDS_SHOWN * side, _SMALLEST_SHOWN)
    cuts = []
    for place, size in zip((y, x), labels.shape, strict=True):
        length = min(wanted, size)
        start = min(max(int(place) - length // 2, 0), size - length)
        cuts.append(slice(start, start + length))
    return (y, x), (cuts[0], cuts[1])


def _held(fields: dict[str, Field]) -> Markup:
    lines = []
    for index, (name, field) in enumerate(fields.items()):
        held = side_profile(field.weight)
        sides = 2 * np.arange(len(held)) + 1.0
        lines.append(Line(sides, 100 * held, LINES[index % len(LINES)], name, index >= len(LINES)))
    return chart(
        lines, x_label="side of the square, px", y_label="share of the gradient, %",
        y_limits=(0.0, 100.0), title="Share of the gradient within centred squares",
    )  # fmt: skip
