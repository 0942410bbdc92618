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
    "The kernels of the layer that sees the image itself are images. A network adds up the grey "
    "values under a kernel, each times its weight: a bright pixel raises the sum where the weight "
    "is vermilion and lowers it where it is blue. Bright is meant in the network's input, which is "
    "the image turned over where the network was trained on the other polarity. Whether a large "
    "sum counts for a particle or against it is up to the layers that follow, which give each "
    "kernel a sign of its own; only in a network of one filter the sum itself speaks for a "
    "particle. How kernels pass spatial frequencies tells whether they average (the middle "
    "bright), find edges or blobs (a ring) or amplify noise (the corners).",
    "Two formulas are fitted to each kernel by least squares: two crossed lines (a pair of Gabor "
    "functions) on a blur, and a detector of blobs (Laplacian of Gaussian, LoG). What a fit leaves "
    "over is given as a share of the kernel's variation; kernels of white noise of the same size "
    "show what the same formula leaves over by chance. BIC weighs closeness of a fit against its "
    "number of parameters: lower is better; a difference under 10 says nothing.",
)
_NOT = (
    "a reason for the decision, except in a network of one filter: deeper layers may ignore a "
    "kernel or undo it. That a formula describes a kernel does not say that the network needs it."
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
    return Section("kernels", "Kernels", _TEXT, groups, _NOT)


_Fits = dict[str, dict[str, KernelFit]]


def _fits(kernels: Kernels) -> _Fits:
    """Kernel's name -> model -> fit; none of the mean, in which kernels of any sign cancel."""
    named = {str(index + 1): kernel for index, kernel in enumerate(kernels.weights)}
    if len(named) > 1:
        named["mean"] = kernels.mean
    side = kernels.weights.shape[-1]
    usable = [model for model in (GABOR, LOG) if can_fit(side, model)]
    return {
        name: {model: fit_kernel(kernel, model) for model in usable if name != "mean"}
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
    fit = fits[name]  # empty for the mean
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
        "at the edges."
        + ("" if single else " In the mean, kernels that later layers count with opposite signs "
           "cancel: it shows what the kernels share (as Horwath et al. 2020 draw it), not what the "
           "network decides by, and is not fitted."),
    )  # fmt: skip
    svg = output.chart(f"{model}/frequency.svg", _radial(kernels, calibration))
    return [figure, _fit_table(fits, len(kernel)), Figure(svg, _radial_caption(single))]


def _fit_table(fits: _Fits, side: int) -> Table | str:
    every = [of_kernel for name, of_kernel in fits.items() if name != "mean"]
    if not every[0]:
        return (
            f"Not fitted: {side} x {side} values are too few for 11 and for 5 parameters; "
            "kernels from 5 x 5 (LoG: 4 x 4) are."
        )
    if len(every) > 1:
        return _many_fits(every, side)
    rows = [
        [kind, number(fit.residual_share), number(chance_residual(side, kind)), number(fit.bic, 4)]
        for kind, fit in every[0].items()
    ]
    return Table(
        ("formula", "left over", "by chance", "BIC"), rows,
        f"{_verdict(every[0], side)} Parameters of the fits: kernels.csv.",
    )  # fmt: skip


def _many_fits(every: list[dict[str, KernelFit]], side: int) -> Table:
    """Of how many kernels a formula describes the shape."""
    rows = []
    for kind in every[0]:
        left = [fits[kind].residual_share for fits in every]
        known = [share for share in left if not math.isnan(share)]
        lower = sum(
            fits[kind].bic < min(f.bic for k, f in fits.items() if k != kind) - _SMALLEST_BETTER
            for fits in every
            if len(fits) > 1 and _is_close(fits[kind], side)
        )
        close = sum(_is_close(fits[kind], side) for fits in every)
        rows.append(
            [
                kind,
                f"{close} of {len(every)}",
                number(float(np.median(known)) if known else None),
                number(chance_residual(side, kind)),
                f"{lower} of {close}" if len(every[0]) > 1 else "–",
            ]
        )
    head = ("formula", "kernels that it fits clearly better than noise", "left over, median",
            "by chance", "of these, with the BIC lower by 10")  # fmt: skip
    return Table(
        head, rows,
        "Shapes of the kernels, one by one; which of them the network uses is not in it. "
        "Parameters of every fit: kernels.csv.",
    )  # fmt: skip


def _is_close(fit: KernelFit, side: int) -> bool:
    """Whether it leaves clearly less than of white noise; not where there is nothing to fit."""
    return fit.residual_share < _CLEARLY * chance_residual(side, fit.model)


def _verdict(fit: dict[str, KernelFit], side: int) -> str:
    """One sentence: which reading fits, if any."""
    told = {kind: f for kind, f in fit.items() if not math.isnan(f.residual_share)}
    if not told:
        return "The kernel is constant: there is nothing to fit."
    if not any(_is_close(f, side) for f in told.values()):
        return "No formula fits clearly better than it fits white noise."
    ordered = sorted(told.values(), key=lambda f: f.bic)
    best = ordered[0]
    if len(ordered) > 1 and ordered[1].bic - best.bic < _SMALLEST_BETTER:
        return "The two describe it equally well: their BIC differ by less than 10."
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
