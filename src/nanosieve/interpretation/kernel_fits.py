"""Two readings of a learned kernel: lines through a blur, or a detector of blobs.

Horwath et al. (npj Comput. Mater. 6:108, 2020; Discussion, Supplementary Fig. 6) read the kernel
of their one-filter network either as a horizontal and a vertical Gabor filter plus a Gaussian, or
as a Laplacian of Gaussian, by eye. Here both are fitted by least squares and their residuals
compared, with the number of parameters taken into account.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy import optimize

from nanosieve.core.errors import UsageError

GABOR, LOG = "gabor pair + gaussian", "laplacian of gaussian"
_CHANCE_DRAWS = 8
_BEST_STARTS = 3


@dataclass(frozen=True)
class KernelFit:
    """The best fit of one model to one kernel.

    Parameters
    ----------
    model
        `GABOR` or `LOG`.
    parameters
        Name -> value; lengths in px from the kernel's centre, angles in degrees.
    fitted
        ``(k, k)``.
    residual_share
        Sum of squares of what is left over that of the kernel about its mean: 0 is perfect, 1 no
        better than a constant.
    bic
        Bayesian information criterion, n ln(RSS / n) + p ln n: the smaller is the better
        description, extra parameters paid for.
    """

    model: str
    parameters: dict[str, float]
    fitted: np.ndarray
    residual_share: float
    bic: float


@dataclass(frozen=True)
class _Model:
    """``basis(values, y, x)`` gives the terms whose weights are solved for, a constant last."""

    name: str
    shape: tuple[str, ...]
    terms: tuple[str, ...]
    basis: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

    @property
    def n_parameters(self) -> int:
        return len(self.shape) + len(self.terms)


def fit_kernel(kernel: np.ndarray, model: str) -> KernelFit:
    """Fit a kernel by a Gabor pair and a Gaussian, or by a Laplacian of Gaussian.

    - `GABOR` (11 parameters): two even Gabor functions at right angles with one envelope,
      wavelength, aspect and direction, each with its own weight, plus a Gaussian and a constant,
      about one free centre.
    - `LOG` (5): (1 - r² / 2σ²) exp(-r² / 2σ²) with a weight, plus a constant, about a free centre.

    Weights are solved linearly for each trial shape; shapes start from a grid and are refined by
    bounded least squares.

    Parameters
    ----------
    kernel
        ``(k, k)``; k at least 5 for `GABOR` (25 values for 11 parameters) and 4 for `LOG`.
    model
        `GABOR` or `LOG`.

    Raises
    ------
    UsageError
        If the model is unknown or the kernel is not square, too small for it, or not finite.

    Examples
    --------
    >>> y, x = np.mgrid[-4:5, -4:5]
    >>> blob = (1 - (y**2 + x**2) / 8) * np.exp(-(y**2 + x**2) / 8)
    >>> fit = fit_kernel(blob, LOG)
    >>> round(fit.parameters["sigma_px"], 3), fit.residual_share < 1e-6
    (2.0, True)
    """
    kernel = np.asarray(kernel, np.float64)
    chosen = _checked(kernel, model)
    side = len(kernel)
    y, x = (axis.ravel() - (side - 1) / 2 for axis in np.indices(kernel.shape))
    spread = float(np.square(kernel - kernel.mean()).sum())
    if spread <= 1e-12 * float(np.square(kernel).sum()):
        return KernelFit(model, {}, kernel.copy(), math.nan, math.nan)
    # To a common scale, so that the tolerances of the search mean the same for every kernel.
    target = kernel.ravel() / math.sqrt(spread)
    shape = _search(chosen, target, y, x, side)
    basis = chosen.basis(shape, y, x)
    weights = np.linalg.lstsq(basis, target, rcond=None)[0] * math.sqrt(spread)
    fitted = basis @ weights
    left = float(np.square(kernel.ravel() - fitted).sum())
    n = kernel.size
    floor = max(left, 1e-12 * spread)
    return KernelFit(
        model,
        _named(chosen, shape, weights),
        fitted.reshape(kernel.shape),
        left / spread,
        n * math.log(floor / n) + chosen.n_parameters * math.log(n),
    )


def can_fit(side: int, model: str) -> bool:
    """Tell whether a kernel of this side has twice as many values as the model has parameters.

    >>> can_fit(3, LOG), can_fit(9, GABOR)
    (False, True)
    """
    return side * side >= 2 * _MODELS[model].n_parameters


@cache
def chance_residual(side: int, model: str) -> float:
    """Mean residual share of the model on kernels of white noise of the same size.

    What a fit must beat to mean anything: 11 parameters describe a good part of any 25 values.
    """
    rng = np.random.default_rng(side)
    kernels = rng.normal(size=(_CHANCE_DRAWS, side, side))
    return float(np.mean([fit_kernel(kernel, model).residual_share for kernel in kernels]))


def _checked(kernel: np.ndarray, model: str) -> _Model:
    if model not in _MODELS:
        raise UsageError(f"unknown model of a kernel {model!r}: give {GABOR!r} or {LOG!r}")
    square = kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1]
    if not square or not np.isfinite(kernel).all():
        raise UsageError(f"a kernel must be square and finite, got shape {kernel.shape}")
    if not can_fit(len(kernel), model):
        raise UsageError(
            f"{kernel.size} values are too few for the {_MODELS[model].n_parameters} parameters "
            f"of {model}; fit a larger kernel"
        )
    return _MODELS[model]


def _search(
    model: _Model, target: np.ndarray, y: np.ndarray, x: np.ndarray, side: int
) -> np.ndarray:
    """Shape of the least residual: from the best of a grid of starts."""

    def residual(shape: np.ndarray) -> np.ndarray:
        basis = model.basis(shape, y, x)
        return target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0]

    low, high = _bounds(model, side)
    # Small kernels have narrower bounds than the grid.
    grid = [np.clip(start, low, high) for start in _starts(model, side)]
    starts = sorted(grid, key=lambda shape: float(np.square(residual(shape)).sum()))
    found = (
        optimize.least_squares(residual, start, bounds=(low, high), x_scale=high - low,
                               max_nfev=60)
        for start in starts[:_BEST_STARTS]
    )  # fmt: skip
    return min(found, key=lambda result: result.cost).x


def _bounds(model: _Model, side: int) -> tuple[np.ndarray, np.ndarray]:
    by_name = {
        "y_px": (-side / 4, side / 4), "x_px": (-side / 4, side / 4),
        "angle_deg": (-90.0, 180.0), "envelope_px": (0.5, side), "wavelength_px": (2.0, 2 * side),
        "aspect": (0.15, 2.0), "blur_px": (0.4, side), "sigma_px": (0.4, side),
    }  # fmt: skip
    low, high = zip(*(by_name[name] for name in model.shape), strict=True)
    return np.array(low), np.array(high, float)


def _starts(model: _Model, side: int) -> list[np.ndarray]:
    if model.name == LOG:
        return [np.array([0.0, 0.0, share * side]) for share in (0.08, 0.13, 0.2, 0.3, 0.45)]
    grid = product((0, 22.5, 45, 67.5), (0.15, 0.3), (0.35, 0.7, 1.2), (0.12, 0.35))
    return [
        np.array([0.0, 0.0, angle, envelope * side, wave * side, 0.5,
                  blur * side])
        for angle, envelope, wave, blur in grid
    ]  # fmt: skip


def _named(model: _Model, shape: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    values = dict(zip(model.shape, map(float, shape), strict=True))
    if "angle_deg" in values:
        values["angle_deg"] %= 180
    return values | dict(zip(model.terms, map(float, weights), strict=True))


def _gabor_pair(shape: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    dy, dx, angle, envelope, wavelength, aspect, blur = shape
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    y, x = y - dy, x - dx
    along, across = x * cosine - y * sine, x * sine + y * cosine
    turns = 2 * math.pi / wavelength

    def gabor(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.exp(-(u**2 + (aspect * v) ** 2) / (2 * envelope**2)) * np.cos(turns * u)

    gaussian = np.exp(-(y**2 + x**2) / (2 * blur**2))
    return np.column_stack([gabor(along, across), gabor(across, along), gaussian, np.ones_like(x)])


def _laplacian(shape: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    dy, dx, sigma = shape
    half = ((y - dy) ** 2 + (x - dx) ** 2) / (2 * sigma**2)
    return np.column_stack([(1 - half) * np.exp(-half), np.ones_like(x)])


_MODELS = {
    GABOR: _Model(
        GABOR,
        ("y_px", "x_px", "angle_deg", "envelope_px", "wavelength_px", "aspect", "blur_px"),
        ("weight_along", "weight_across", "weight_gaussian", "constant"),
        _gabor_pair,
    ),
    LOG: _Model(LOG, ("y_px", "x_px", "sigma_px"), ("weight", "constant"), _laplacian),
}
