"""Is an image like those a model was trained on? A score with a stated rate of false alarms.

Seven plain figures describe an image as the network sees it: noise, contrast, skewness, and how
its variance is shared among four octaves of spatial frequency. The score is the squared
Mahalanobis distance from the training images, with the covariance shrunk towards its diagonal.
The limit comes from the training images themselves, each scored without its own group.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import ndimage

from nanosieve.core.errors import UsageError

FIGURES = ("noise", "contrast", "skewness", "detail", "fine", "middle", "coarse")
_WORDS = {
    "noise": "noise against contrast", "contrast": "contrast", "skewness": "skewness",
    "detail": "detail of 2 to 4 px", "fine": "detail of 4 to 8 px",
    "middle": "detail of 8 to 16 px", "coarse": "detail of 16 to 32 px",
}  # fmt: skip
_WINDOW = 512
_WINDOWS_A_SIDE = 2
# Shrinkage of the covariance for n images: 1 is the diagonal alone.
_SHRINK = 10.0
# Least standard deviation of a figure: images of one series may agree to the last digit.
_LEAST_SPREAD = 0.05
_LEAST_IMAGES = 3


class Domain(BaseModel):
    """What training images looked like.

    Parameters
    ----------
    names
        Figures, in the order of the other fields.
    mean, spread
        Mean and standard deviation of each over the training images.
    precision
        Inverse of their shrunk covariance.
    threshold
        Score beyond which an image is unlike them.
    false_alarm
        Share of images like those trained on that exceed it, at most.
    n_images
        Number of training images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    names: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    threshold: float = Field(gt=0)
    false_alarm: float = Field(gt=0, lt=1)
    n_images: int = Field(ge=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        n = len(self.names)
        lengths = {len(self.mean), len(self.spread), len(self.precision), *map(len, self.precision)}
        if lengths != {n} or not set(self.names) <= set(FIGURES) or min(self.spread) <= 0:
            raise ValueError("figures, means, spreads and precision do not fit together")
        return self

    def score(self, figures: Mapping[str, float]) -> float:
        """Squared Mahalanobis distance of an image from the training images."""
        from_mean = self._deviations(figures)
        return float(from_mean @ np.array(self.precision) @ from_mean)

    def strangest(self, figures: Mapping[str, float]) -> tuple[str, float]:
        """The figure that is furthest off, in words, and by how many standard deviations."""
        deviations = self._deviations(figures) / np.array(self.spread)
        worst = int(np.argmax(np.abs(deviations)))
        return _WORDS[self.names[worst]], float(deviations[worst])

    def _deviations(self, figures: Mapping[str, float]) -> np.ndarray:
        return np.array([figures[name] for name in self.names]) - np.array(self.mean)


def describe(image: np.ndarray) -> dict[str, float]:
    """Describe an image as a network sees it.

    Parameters
    ----------
    image
        ``(y, x)`` float32 of `nanosieve.prepare.network_input.network_input`. Of a large image
        four windows of 512 px, evenly spread, are looked at.

    Returns
    -------
    dict
        By the names in `FIGURES`. ``noise`` is the decimal logarithm of the noise (Immerkær,
        Computer Vision and Image Understanding 64, 300, 1996, by the median) over the standard
        deviation, ``contrast`` that of the standard deviation, ``detail`` to ``coarse`` those of
        the variance between Gaussian blurs an octave apart over all of it.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 1, (256, 256)).astype(np.float32)
    >>> figures = describe(noise)
    >>> abs(round(figures["noise"], 1)), abs(round(figures["contrast"], 1))
    (0.0, 0.0)
    """
    parts = [_describe(image[window]) for window in _windows(image.shape)]
    return {name: float(np.mean([part[name] for part in parts])) for name in FIGURES}


def fit_domain(
    figures: Sequence[Mapping[str, float]],
    *,
    groups: Sequence[str] | None = None,
    false_alarm: float = 0.05,
) -> Domain | None:
    """Learn what training images look like.

    Parameters
    ----------
    figures
        `describe` of each image.
    groups
        Group of each; the limit is then that for an image of a group not seen.
    false_alarm
        Share of such images that may exceed the limit. Few images cannot tell a small share: then
        the one they can, 1 / (n + 1), is stated.

    Returns
    -------
    Domain or None
        ``None`` for fewer than three images or groups: nothing can be stated.

    Raises
    ------
    UsageError
        If groups and images do not pair.
    """
    names = [str(index) for index in range(len(figures))] if groups is None else list(groups)
    if len(names) != len(figures):
        raise UsageError(f"{len(names)} groups for {len(figures)} images; give one each")
    kinds = sorted(set(names))
    if len(kinds) < _LEAST_IMAGES:
        return None
    table = np.array([[one[name] for name in FIGURES] for one in figures])
    of_group = np.array(names)
    scores = np.empty(len(table))
    for kind in kinds:
        out = of_group == kind
        mean, precision, _ = _fit(table[~out])
        scores[out] = np.einsum("ij,jk,ik->i", table[out] - mean, precision, table[out] - mean)
    share = max(false_alarm, 1 / (len(table) + 1))
    rank = math.ceil((1 - share) * (len(table) + 1) - 1e-9)
    mean, precision, spread = _fit(table)
    return Domain(
        names=FIGURES,
        mean=tuple(mean.tolist()),
        spread=tuple(spread.tolist()),
        precision=tuple(map(tuple, precision.tolist())),
        threshold=max(float(np.sort(scores)[rank - 1]), 1e-6),
        false_alarm=share,
        n_images=len(table),
    )


def _fit(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, inverse of the shrunk covariance, standard deviations."""
    n = len(table)
    spread = np.maximum(table.std(axis=0, ddof=1) if n > 1 else 0.0, _LEAST_SPREAD)
    from_mean = (table - table.mean(axis=0)) / spread
    correlation = from_mean.T @ from_mean / max(n - 1, 1)
    np.fill_diagonal(correlation, 1.0)
    own = n / (n + _SHRINK)
    shrunk = own * correlation + (1 - own) * np.eye(len(spread))
    return table.mean(axis=0), np.linalg.inv(shrunk) / np.outer(spread, spread), spread


def _windows(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    rows, columns = (
        [(0, size)]
        if size <= _WINDOW
        else [
            (int(start), int(start) + _WINDOW)
            for start in np.linspace(0, size - _WINDOW, _WINDOWS_A_SIDE)
        ]
        for size in shape
    )
    return [(slice(*y), slice(*x)) for y in rows for x in columns]


def _describe(part: np.ndarray) -> dict[str, float]:
    part = np.asarray(part, np.float32)
    deviation = part - part.mean(dtype=float)
    variance = float(np.mean(np.square(deviation), dtype=float))
    if variance == 0:
        return dict.fromkeys(FIGURES, -6.0) | {"skewness": 0.0}
    std = math.sqrt(variance)
    # The kernel of Immerkær answers to noise of standard deviation s with 6 s, and to planes not.
    second = ndimage.convolve1d(ndimage.convolve1d(part, [1, -2, 1], 0), [1, -2, 1], 1)
    noise = 1.4826 * float(np.median(np.abs(second))) / 6
    blurs = [part, *(ndimage.gaussian_filter(part, sigma) for sigma in (0.7, 1.4, 2.8, 5.6))]
    bands = [float(np.var(finer - coarser)) for finer, coarser in pairwise(blurs)]
    return {
        "noise": _log(noise / std),
        "contrast": _log(std),
        "skewness": float(np.mean(deviation**3, dtype=float)) / std**3,
        **{name: _log(band / variance) / 2 for name, band in zip(FIGURES[3:], bands, strict=True)},
    }


def _log(value: float) -> float:
    return math.log10(max(value, 1e-6))
