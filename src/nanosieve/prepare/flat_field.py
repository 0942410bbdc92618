"""Flat field: a smooth illumination surface through the support, divided out or subtracted.

The surface is a Bézier surface of degree 2 × 2,
``I0(u, v) = Σ_i Σ_j k_ij C(2,i) u^i (1-u)^(2-i) C(2,j) v^j (1-v)^(2-j)``,
with nine coefficients, fitted by weighted least squares: Sadre et al., Microscopy and Microanalysis
(2021), Eq. 1. Their weights are ``exp(-3 e² / (2 <e²>))`` of the residuals ``e``, twice,
on the image at a quarter of its size.

Those weights alone cannot leave out particles that cover much of the frame. Where the support is
not given it is found first by least trimmed squares: the half of the pixels with the smallest
residuals, by concentration steps (Rousseeuw and Van Driessen, Data Min. Knowl. Discov. 12, 29,
2006), which holds whichever side of the support the particles lie on, up to half of the frame.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np

from nanosieve.core.errors import UsageError

FlatFieldMode = Literal["divide", "subtract"]

_BLOCK = 4  # px; Sadre et al. fit at 0.25 of the size
_LARGEST_FIT = 256  # blocks a side; nine coefficients need no more
_LARGEST_SEARCH = 128  # blocks a side while the support is being found
_SMALLEST_FIT = 32  # px a side; below, nine coefficients would follow the particles
_TILES = 8  # tiles a side whose percentiles the search starts from
_STARTS = (15, 50, 85)  # percentiles
_CONCENTRATIONS = 30
_STRIP = 256  # rows evaluated at a time


@dataclass(frozen=True)
class Background:
    """A Bézier surface of degree 2 × 2 over a whole frame.

    Parameters
    ----------
    coefficients
        ``(3, 3)`` float64, ``k_ij`` in grey values; ``i`` along y, ``j`` along x.

    Examples
    --------
    >>> plane = Background(np.array([[0, 1, 2]] * 3, dtype=float))
    >>> plane.surface((2, 4))
    array([[0.25, 0.75, 1.25, 1.75],
           [0.25, 0.75, 1.25, 1.75]], dtype=float32)
    >>> plane.mean
    1.0
    """

    coefficients: np.ndarray

    @property
    def mean(self) -> float:
        """Mean of the surface: every Bernstein polynomial has the same integral."""
        return float(self.coefficients.mean())

    @property
    def positive(self) -> bool:
        """Whether the surface stays above 5 % of its mean, so that it can be divided by."""
        return self.mean > 0 and float(self.surface((33, 33)).min()) > 0.05 * self.mean

    def surface(self, shape: tuple[int, int], *, rows: slice = slice(None)) -> np.ndarray:
        """Evaluate the surface at the pixel centres of a frame.

        Parameters
        ----------
        shape
            ``(y, x)`` of the whole frame.
        rows
            Rows wanted, so that a large frame can be worked through in strips.

        Returns
        -------
        numpy.ndarray
            ``(rows, x)`` float32.
        """
        along_y = _bernstein(_centres(shape[0])[rows]) @ self.coefficients
        across = _bernstein(_centres(shape[1]))
        return along_y.astype(np.float32) @ across.T.astype(np.float32)


def fit_background(image: np.ndarray, support: np.ndarray | None = None) -> Background:
    """Fit the illumination of the support.

    Parameters
    ----------
    image
        ``(y, x)`` finite pixels, any real dtype. At a quarter of its size or less it is copied
        a few times; nothing of its own size is allocated.
    support
        ``(y, x)`` bool, ``True`` on bare support. Where it is ``None`` or holds too little of the
        frame to fix nine coefficients, the support is found by least trimmed squares: particles
        of either contrast may then cover up to half of the frame.

    Returns
    -------
    Background
        A constant where the frame is narrower than 32 pixels.

    Raises
    ------
    UsageError
        If the shapes do not fit.

    Examples
    --------
    >>> tilt = np.linspace(100, 200, 64)[:, None] * np.ones(64)
    >>> tilt[20:40, 20:40] = 30
    >>> fit_background(tilt).surface(tilt.shape)[[0, -1], 0].round()
    array([100., 200.], dtype=float32)
    """
    if image.ndim != 2 or (support is not None and support.shape != image.shape):
        raise UsageError(
            f"the flat field needs a (y, x) image and a support mask of its shape, got "
            f"{image.shape} and {None if support is None else support.shape}"
        )
    if min(image.shape) < _SMALLEST_FIT:
        level = np.median(image if support is None or not support.any() else image[support])
        return Background(np.full((3, 3), float(level)))
    fit = _Fit.of(image, support)
    weights = fit.share if _spread(fit.share) else fit.found_support()
    return Background(fit.reweighted(weights))


def flatten(
    image: np.ndarray,
    background: Background,
    *,
    mode: FlatFieldMode,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Take the unevenness of the illumination out of an image; its mean level stays.

    Parameters
    ----------
    image
        ``(y, x)`` pixels.
    background
        Surface of the support.
    mode
        ``divide`` in bright field, where illumination multiplies; ``subtract`` in dark field,
        where vacuum is near zero and division would blow up its noise.
    out
        ``(y, x)`` float32 array for the result, which may be ``image`` itself; one is allocated
        where it is ``None``, and nothing else of that size.

    Returns
    -------
    numpy.ndarray
        ``(y, x)`` float32 with the support at the surface's mean.

    Raises
    ------
    UsageError
        If the surface is not positive and ``mode`` is ``divide``: see `Background.positive`.

    Examples
    --------
    >>> tilt = np.linspace(100, 200, 64)[:, None] * np.ones(64)
    >>> flat = flatten(tilt, fit_background(tilt), mode="divide")
    >>> float(np.ptp(flat)) < 0.01, float(flat.mean().round(2))
    (True, 150.0)
    """
    if mode == "divide" and not background.positive:
        raise UsageError(
            "the background reaches zero and cannot be divided by; flatten with mode='subtract'"
        )
    result = np.empty(image.shape, np.float32) if out is None else out
    for start in range(0, image.shape[0], _STRIP):
        rows = slice(start, start + _STRIP)
        surface = background.surface(image.shape, rows=rows)
        if mode == "divide":
            np.divide(np.float32(background.mean), surface, out=surface)
            np.multiply(image[rows], surface, out=result[rows], casting="same_kind")
        else:
            surface -= np.float32(background.mean)
            np.subtract(image[rows], surface, out=result[rows], casting="same_kind")
    return result


def _centres(n: int) -> np.ndarray:
    """Pixel centres as shares of the frame."""
    return (np.arange(n) + 0.5) / n


def _bernstein(u: np.ndarray) -> np.ndarray:
    """``(n, 3)`` Bernstein polynomials of degree 2."""
    return np.stack([(1 - u) ** 2, 2 * u * (1 - u), u**2], axis=1)


def _spread(share: np.ndarray) -> bool:
    """Whether support pixels lie in at least 6 of 9 parts of the frame, 1 % of each or more."""
    parts = [
        part.mean() for band in np.array_split(share, 3) for part in np.array_split(band, 3, axis=1)
    ]
    return sum(part >= 0.01 for part in parts) >= 6


@dataclass(frozen=True)
class _Fit:
    """The reduced image with its design, ready for weighted least squares."""

    values: np.ndarray  # (y, x) means over blocks
    share: np.ndarray  # (y, x) share of each block that is known to be support
    along_y: np.ndarray  # (y, 3) Bernstein polynomials at the blocks' centres
    along_x: np.ndarray  # (x, 3)

    @classmethod
    def of(cls, image: np.ndarray, support: np.ndarray | None) -> Self:
        """Average blocks; of a large image every n-th block, which keeps small particles apart."""
        side = min(_BLOCK, min(image.shape) // _TILES // 2)
        steps = [-(-(n // side) // _LARGEST_FIT) for n in image.shape]
        blocks = _blocks(image, side, steps)
        if support is None:
            values = blocks.mean((1, 3), dtype=float)
            share = np.zeros_like(values)
        else:
            allowed = _blocks(support, side, steps)
            share = allowed.mean((1, 3))
            total = np.sum(blocks, axis=(1, 3), where=allowed, dtype=float)
            values = np.divide(
                total, share * side**2, out=blocks.mean((1, 3), dtype=float), where=share > 0
            )
        design = [
            _bernstein((np.arange(n) * step + 0.5) * side / full)
            for n, step, full in zip(values.shape, steps, image.shape, strict=True)
        ]
        return cls(values, share, design[0], design[1])

    def thinned(self, largest: int) -> Self:
        """Every n-th value, so that a side has at most ``largest``."""
        sy, sx = (-(-n // largest) for n in self.values.shape)
        return type(self)(
            self.values[::sy, ::sx], self.share[::sy, ::sx], self.along_y[::sy], self.along_x[::sx]
        )

    @cached_property
    def products(self) -> tuple[np.ndarray, np.ndarray]:
        """``(y, 9)`` and ``(x, 9)`` products of two polynomials each."""
        yy = self.along_y[:, :, None] * self.along_y[:, None]
        xx = self.along_x[:, :, None] * self.along_x[:, None]
        return yy.reshape(-1, 9), xx.reshape(-1, 9)

    def solve(self, weights: np.ndarray) -> np.ndarray:
        """``(3, 3)`` coefficients; the normal equations factor into products along y and x."""
        yy, xx = self.products
        normal = (yy.T @ weights @ xx).reshape(3, 3, 3, 3).transpose(0, 2, 1, 3)
        right = self.along_y.T @ (weights * self.values) @ self.along_x
        # lstsq: a support that leaves a coefficient open gives the smallest one, not a wild one.
        return np.linalg.lstsq(normal.reshape(9, 9), right.ravel(), rcond=1e-9)[0].reshape(3, 3)

    def residual(self, coefficients: np.ndarray) -> np.ndarray:
        """Values less the surface."""
        return self.values - self.along_y @ coefficients @ self.along_x.T

    def reweighted(self, weights: np.ndarray) -> np.ndarray:
        """Sadre's two iterations, ``<e²>`` over the support."""
        coefficients = self.solve(weights)
        for _ in range(2):
            error = self.residual(coefficients) ** 2
            mean = float(np.average(error, weights=weights))
            if mean <= np.finfo(float).eps * float(np.mean(self.values**2)):
                break
            coefficients = self.solve(weights * np.exp(-1.5 * error / mean))
        return coefficients

    def found_support(self) -> np.ndarray:
        """Weights of 1 on half of the frame, all of it support, by least trimmed squares.

        Three starts go through the 15th, 50th and 85th percentile of each of 8 × 8 tiles, so that
        one of them lies on the support whichever side of it the particles are.
        """
        search = self.thinned(_LARGEST_SEARCH)
        ends = [search.concentrated(start) for start in search.percentile_surfaces()]
        limit, _, coefficients = min(ends, key=lambda end: end[1])
        # No wider than the half that was fitted: its width says nothing of the support's noise
        # while particles may be a tenth of the other half or all of it.
        return (np.abs(self.residual(coefficients)) <= limit).astype(float)

    def percentile_surfaces(self) -> list[np.ndarray]:
        """Coefficients of surfaces through the percentiles `_STARTS` of each tile."""
        rows, columns = (np.array_split(np.arange(n), _TILES) for n in self.values.shape)
        values = np.array([[_percentiles(self.values[y][:, x]) for x in columns] for y in rows])
        along_y = np.array([self.along_y[y].mean(0) for y in rows])
        along_x = np.array([self.along_x[x].mean(0) for x in columns])
        everywhere = np.ones(values.shape[:2])
        return [
            type(self)(one, everywhere, along_y, along_x).solve(everywhere)
            for one in np.moveaxis(values, 2, 0)
        ]

    def concentrated(self, coefficients: np.ndarray) -> tuple[float, float, np.ndarray]:
        """Refit to the better half until it stays: largest residual in it, cost, coefficients."""
        half = self.values.size // 2
        last = np.inf
        for _ in range(_CONCENTRATIONS):
            error = np.abs(self.residual(coefficients))
            limit = float(np.partition(error.ravel(), half)[half])
            inside = error <= limit
            cost = float(np.sum(error[inside] ** 2))
            if cost >= last * (1 - 1e-4):
                break
            last = cost
            coefficients = self.solve(inside.astype(float))
        return limit, cost, coefficients


def _percentiles(values: np.ndarray) -> np.ndarray:
    """`numpy.percentile` at `_STARTS`, which takes several times as long for as few values."""
    ordered = np.sort(values, axis=None)
    last = ordered.size - 1
    return np.interp(np.multiply(_STARTS, last / 100), np.arange(last + 1), ordered)


def _blocks(image: np.ndarray, side: int, steps: list[int]) -> np.ndarray:
    """``(y, side, x, side)`` view of every n-th block."""
    ny, nx = (n // side for n in image.shape)
    whole = image[: ny * side, : nx * side].reshape(ny, side, nx, side)
    return whole[:: steps[0], :, :: steps[1]]
