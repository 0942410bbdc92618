"""Section: what the first layer looks for."""

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from nanosieve.core.errors import UsageError
from nanosieve.core.micrograph import Calibration
from nanosieve.interpretation.kernel_fits import (
    GABOR,
    LOG,
    KernelFit,
    can_fit,
    chance_residual,
    fit_kernel,
)
from nanosieve.interpretation.kernels import (
    Kernels,
    first_kernels,
    frequency_response,
    radial_mean,
)
from nanosieve.interpretation.model import TrainedNetwork
from nanosieve.interpretation.page import Figure, Group, Output, Section, Table
from nanosieve.interpretation.pictures import Panel, common_limits, sheet
from nanosieve.report import colours
from nanosieve.report.charts import Line, chart
from nanosieve.report.text import number

MOST_KERNELS = 64
_CLEARLY = 0.8  # of what is left over by chance
_SMALLEST_BETTER = 10.0  # difference of BIC: "very strong" (Kass & Raftery 1995)
_TEXT = (
    "The kernels of the layer that sees the image itself are images: blue weights count against, "
    "vermilion ones for. A network adds up the grey values under them. How they pass spatial "
    "frequencies tells whether they average (the middle bright), find edges or blobs (a ring) or "
    "amplify noise (the corners).",
    "Two readings are fitted by least squares: two crossed lines (a pair of Gabor functions) on a "
    "blur, and a detector of blobs (Laplacian of Gaussian, LoG). What a fit leaves over is given "
    "as a share of the kernel's variation; kernels of white noise of the same size show what the "
    "same model leaves over by chance. The model with the smaller BIC describes the kernel better "
    "with its number of parameters paid for; a difference under 10 decides nothing.",
)


def section(
    models: list[TrainedNetwork], calibrations: list[Calibration], output: Output
) -> Section:
    """Draw and fit the first kernels of each model; writes ``kernels.csv`` and pictures."""
    rows: list[dict[str, object]] = []
    groups = []
    for model, calibration in zip(models, calibrations, strict=True):
        try:
            kernels = first_kernels(model.network)
        except UsageError as error:
            groups.append(Group(model.name, [f"Not shown: {error}."]))
            continue
        fits = _fits(kernels)
        rows += _rows(model.name, kernels, fits)
        groups.append(Group(model.name, _parts(model.name, kernels, fits, calibration, output)))
    if rows:
        output.table("kernels.csv", pd.DataFrame(rows))
    return Section("kernels", "Kernels", _TEXT, groups)


_Fits = dict[str, dict[str, KernelFit]]


def _fits(kernels: Kernels) -> _Fits:
    """Kernel's name -> model -> fit."""
    named = {str(index + 1): kernel for index, kernel in enumerate(kernels.weights)}
    if len(named) > 1:
        named["mean"] = kernels.mean
    side = kernels.weights.shape[-1]
    usable = [model for model in (GABOR, LOG) if can_fit(side, model)]
    return {
        name: {model: fit_kernel(kernel, model) for model in usable}
        for name, kernel in named.items()
    }


def _rows(model: str, kernels: Kernels, fits: _Fits) -> list[dict[str, object]]:
    rows = []
    for name, of_kernel in fits.items():
        weights = kernels.mean if name == "mean" else kernels.weights[int(name) - 1]
        row: dict[str, object] = {
            "model": model, "layer": kernels.layer, "kernel": name, "side_px": len(weights),
            "mean": weights.mean(), "std": weights.std(), "sum": weights.sum(),
        }  # fmt: skip
        for kind, short in ((GABOR, "gabor"), (LOG, "log")):
            if kind not in of_kernel:
                continue
            fit = of_kernel[kind]
            row |= {f"{short}_residual_share": fit.residual_share, f"{short}_bic": fit.bic}
            row |= {f"{short}_{key}": value for key, value in fit.parameters.items()}
        rows.append(row)
    return rows


def _parts(
    model: str, kernels: Kernels, fits: _Fits, calibration: Calibration, output: Output
) -> list[Figure | Table | str]:
    weights = kernels.weights
    side = weights.shape[-1]
    size = f"{side} x {side} px"
    if calibration.pixel_size_nm is not None:
        size += f" ({side * calibration.pixel_size_nm:.3g} nm)"
    parts: list[Figure | Table | str] = []
    if len(weights) > 1:
        limits = (-float(np.abs(weights).max()), float(np.abs(weights).max()))
        shown = [
            Panel(weight, f"kernel {index + 1}", "signed", limits)
            for index, weight in enumerate(weights[:MOST_KERNELS])
        ]
        more = "" if len(weights) <= MOST_KERNELS else f"; the first {MOST_KERNELS} are shown"
        parts.append(
            Figure(
                output.picture(f"{model}/kernels.png", sheet(shown, columns=8, cell=96)),
                f"All {len(weights)} kernels of layer {kernels.layer}, {size}, one scale of "
                f"colours{more}.",
            )
        )
    parts += _one_kernel(model, kernels, fits, size, calibration, output)
    return parts


def _one_kernel(
    model: str,
    kernels: Kernels,
    fits: _Fits,
    size: str,
    calibration: Calibration,
    output: Output,
) -> list[Figure | Table | str]:
    single = len(kernels.weights) == 1
    kernel, name = kernels.mean, "1" if single else "mean"
    word = "the kernel" if single else f"the mean of {len(kernels.weights)} kernels"
    fit = fits[name]
    panels = [Panel(kernel, word.removeprefix("the "), "signed", calibration=calibration)]
    for kind, short in ((GABOR, "Gabor pair + Gaussian"), (LOG, "LoG")):
        if kind in fit:
            panels += [
                Panel(fit[kind].fitted, f"fit: {short}", "signed"),
                Panel(kernel - fit[kind].fitted, f"left over ({short.split()[0]})", "signed"),
            ]
    panels = common_limits(panels)
    response = frequency_response(kernel)
    axis = (-0.5, 0.5, "cycles/px")
    panels.append(
        Panel(response, "frequency response", "grey", (0.0, float(response.max()) or 1.0),
              axis=axis, bar_label="amplitude")
    )  # fmt: skip
    figure = Figure(
        output.picture(f"{model}/kernel-{name}.png", sheet(panels, columns=6, cell=180)),
        f"{word.capitalize()}, {size}, "
        + ("with its fits and what they leave over, in one scale of colours, " if fit else "")
        + "and its frequency response: frequency 0 in the middle, the finest that the pixels hold "
        "at the edges.",
    )
    svg = output.chart(f"{model}/frequency.svg", _radial(kernels, calibration))
    return [figure, *_fit_table(fits, name, len(kernel)), Figure(svg, _radial_caption(single))]


def _fit_table(fits: _Fits, name: str, side: int) -> list[Table | str]:
    fit = fits[name]
    if not fit:
        return [
            f"Not fitted: {side} x {side} values are too few for 11 and for 5 parameters; "
            "kernels from 5 x 5 (LoG: 4 x 4) are."
        ]
    rows = []
    for kind, of_kind in fit.items():
        every = [f[kind].residual_share for key, f in fits.items() if key != "mean"]
        known = [share for share in every if not math.isnan(share)]
        rows.append(
            [
                kind,
                number(of_kind.residual_share),
                number(float(np.median(known)) if known else None) if name == "mean" else "–",
                number(chance_residual(side, kind)),
                number(of_kind.bic, 4),
            ]
        )
    return [
        Table(
            ("model", "left over", "median of all kernels", "by chance", "BIC"), rows,
            f"{_verdict(fit, side)} Parameters of every fit: kernels.csv.",
        )
    ]  # fmt: skip


def _verdict(fit: dict[str, KernelFit], side: int) -> str:
    """One sentence: which reading fits, if any."""
    told = {kind: f for kind, f in fit.items() if not math.isnan(f.residual_share)}
    if not told:
        return "The kernel is constant: there is nothing to fit."
    close = [
        f for kind, f in told.items() if f.residual_share < _CLEARLY * chance_residual(side, kind)
    ]
    if not close:
        return "No model fits clearly better than it fits white noise."
    ordered = sorted(told.values(), key=lambda f: f.bic)
    best = ordered[0]
    if len(ordered) > 1 and ordered[1].bic - best.bic < _SMALLEST_BETTER:
        return "The two models describe it equally well."
    explained = 100 * (1 - best.residual_share)
    word = "Better described" if len(ordered) > 1 else "Described"
    return f"{word} as {best.model}, which explains {explained:.0f} % of its variation."


def _radial(kernels: Kernels, calibration: Calibration) -> Markup:
    size = calibration.pixel_size_nm or 1.0
    unit = "nm" if calibration.pixel_size_nm is not None else "px"
    responses = [frequency_response(kernel) for kernel in kernels.weights]
    frequency, mean = radial_mean(frequency_response(kernels.mean))
    lines = []
    if len(responses) > 1:
        _, every = radial_mean(np.mean(responses, axis=0))
        lines.append(Line(frequency / size, every, colours.GREY, "mean amplitude of all", True))
    label = "mean kernel" if len(responses) > 1 else "the kernel"
    lines.append(Line(frequency / size, mean, colours.BLUE, label))
    return chart(
        lines, x_label=f"spatial frequency, 1/{unit}", y_label="amplitude",
        title="Frequency response, mean over directions",
    )  # fmt: skip


def _radial_caption(single: bool) -> str:
    both = "" if single else " Where the mean kernel lies below, kernels differ and cancel."
    return f"Amplitude against frequency, mean over directions.{both}"
