"""Section: what each layer makes of the image."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nanosieve.core.micrograph import Calibration
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.pictures import Panel, is_constant, sheet
from nanosieve.interpretation.responses import activations, layer_table
from nanosieve.interpretation.subject import View
from nanosieve.report.text import number, percent

MOST_LAYERS, MOST_CHANNELS, MOST_ROWS = 6, 8, 60
_TEXT = (
    "Activations over one window of the image: of each layer the channels that vary most, blue "
    "negative, vermilion positive, each on its own scale. Early layers keep the image's detail; "
    "deep ones have fewer, larger pixels. A channel that is constant over the whole image carries "
    "nothing: with ReLU such channels may have died in training (Horwath et al. 2020).",
)
_NOT = (
    "comparable in strength from panel to panel. A channel that looks like particles is no proof "
    "that the next layer uses it; one that is constant here may answer to another image."
)


def section(
    models: list[TrainedNetwork], views: list[View], layers: Sequence[str], output: Output
) -> Section:
    """Draw activations of the layers asked for, or of some; writes ``layers.csv``."""
    tables, groups = [], []
    for model, view in zip(models, views, strict=True):
        table = layer_table(model.network, view.prepared)
        tables.append(table.assign(model=model.name))
        # A name may be that of a block, whose answer is no layer's own.
        chosen = list(layers) or _some(table)
        maps = activations(model.network, view.prepared, chosen)
        parts: list[Figure | Table | str] = []
        for name, of_layer in maps.items():
            file = f"{model.name}/activations-{name or 'network'}.png"
            scale = view.prepared.shape[0] / of_layer.shape[1]
            picture = output.picture(file, _picture(of_layer, view.calibration, scale))
            parts.append(Figure(picture, _caption(name, of_layer, scale)))
        groups.append(Group(model.name, [*parts, _shown(table)]))
    output.table("layers.csv", pd.concat(tables).pipe(_model_first))
    return Section("layers", "Activations", _TEXT, groups, _NOT)


def _some(table: pd.DataFrame) -> list[str]:
    """Convolutions spread evenly over the depth, the first and the last among them."""
    names = table.loc[table["kind"].str.startswith("Conv"), "layer"].tolist()
    names = names or table["layer"].tolist()
    picked = np.unique(np.linspace(0, len(names) - 1, MOST_LAYERS).round().astype(int))
    return [names[index] for index in picked]


def _picture(maps: np.ndarray, calibration: Calibration, scale: float) -> bytes:
    spread = maps.std(axis=(1, 2))
    order = np.argsort(-spread, kind="stable")[:MOST_CHANNELS]
    size = calibration.pixel_size_nm
    own = Calibration() if size is None else Calibration(size * scale, calibration.source)
    panels = [
        Panel(
            maps[channel],
            f"channel {channel}" + (": constant" if is_constant(maps[channel]) else ""),
            "signed",
            calibration=own if not place else None,
        )
        for place, channel in enumerate(sorted(order))
    ]
    return sheet(panels, columns=4, cell=230)


def _caption(name: str, maps: np.ndarray, scale: float) -> str:
    shown = min(len(maps), MOST_CHANNELS)
    every = f"the {shown} most varying of {len(maps)} channels" if shown < len(maps) else (
        f"its {len(maps)} channels" if len(maps) > 1 else "its one channel"
    )  # fmt: skip
    pixel = "" if scale == 1 else f"; one pixel of it is {scale:g} px of the image"
    return f"Layer {name}: {every}{pixel}."


def _shown(table: pd.DataFrame) -> Table:
    rows = [
        [
            row["layer"], row["kind"], str(row["channels"]), f"{row['height']} x {row['width']}",
            number(row["mean"]), number(row["std"]), percent(row["zero_share"]),
            str(row["dead_channels"]),
        ]
        for row in table.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    more = "" if len(table) <= MOST_ROWS else f" The first {MOST_ROWS} of {len(table)} layers."
    return Table(
        ("layer", "kind", "channels", "size, px", "mean", "std", "exactly 0", "constant channels"),
        rows, f"Every layer over this window, in the order they run.{more} All: layers.csv.",
    )  # fmt: skip


def _model_first(table: pd.DataFrame) -> pd.DataFrame:
    return table[["model", *table.columns.drop("model")]]
